/**
 * Classifier of the API server's answers: whatever comes back, one of five things.
 *
 * Conflicts are all answers that mean "the object is not what was decided on": the caller decides again on a live read.
 * Anything unrecognised is a failure, for the engine's backoff.
 */
import { z } from 'zod';
import { stableMessage } from '../../reconcilers/shared/verdict.ts';
import type { KubernetesReply } from './transport.ts';

/** What a request was for: a 404 or 409 means something else for each. */
export type Intent = 'read' | 'change' | 'create' | 'delete';

export type Answer =
  | { readonly kind: 'done'; readonly body: unknown }
  /** Read, delete: there is no such object. */
  | { readonly kind: 'absent' }
  /** Create: there is one of this name already. */
  | { readonly kind: 'exists' }
  /** Change: the object has changed or is gone. */
  | { readonly kind: 'conflict'; readonly message: string }
  | { readonly kind: 'failed'; readonly error: KubernetesError };

/** What the API server, or the way to it, said. The message is safe to show. */
export interface KubernetesProblem {
  /** HTTP status; undefined when no answer came, so that a write may have been applied. */
  readonly status: number | undefined;
  /** The API server's own word, such as "Expired" or "Forbidden"; empty if there is none. */
  readonly reason: string;
  readonly message: string;
  /** How long the server wants to be left alone, in milliseconds; 0 if it does not say. */
  readonly retryAfterMs: number;
}

/** Thrown for every request that failed, other than a `ConflictError`. */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError';
  readonly problem: KubernetesProblem;

  constructor(action: string, problem: KubernetesProblem, cause?: unknown) {
    const { status, reason, message } = problem;
    const said = [status, reason].filter((part) => part !== undefined && part !== '').join(' ');
    super(`Cannot ${action}: ${said === '' ? message : `${said}: ${message}`}`, cause === undefined ? {} : { cause });
    this.problem = problem;
  }
}

/** `action` follows "Cannot", such as "patch PhoneNumber default/one". */
export function classifyReply(action: string, intent: Intent, reply: KubernetesReply): Answer {
  const { status, body, headers } = reply;
  if (status >= 200 && status < 300) return { kind: 'done', body };
  const { reason, message, details } = statusSchema.parse(body);
  const said = stableMessage(message === '' ? `status ${status}` : message);
  if (status === 404 && intent !== 'create' && isAboutObject(reason, message)) {
    return intent === 'change' ? { kind: 'conflict', message: said } : { kind: 'absent' };
  }
  if (status === 409 && intent === 'create' && reason === 'AlreadyExists') return { kind: 'exists' };
  if (status === 409 && intent === 'change') return { kind: 'conflict', message: said };
  if (status === 422 && intent === 'change' && isOutdated(message)) return { kind: 'conflict', message: said };
  const seconds = details.retryAfterSeconds ?? Number(headers['retry-after'] ?? 0);
  const retryAfterMs = Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : 0;
  return { kind: 'failed', error: new KubernetesError(action, { status, reason, message: said, retryAfterMs }) };
}

/** Of anything thrown on the way: no answer came. */
export function classifyThrown(action: string, error: unknown): KubernetesError {
  if (error instanceof KubernetesError) return error;
  const message = stableMessage(error instanceof Error ? textOf(error) : 'no answer');
  return new KubernetesError(action, { status: undefined, reason: '', message, retryAfterMs: 0 }, error);
}

/** The error of a watch event of type ERROR, whose object is a Status. */
export function classifyWatchError(action: string, object: unknown): KubernetesError {
  const { code, reason, message, details } = statusSchema.parse(object);
  const retryAfterMs = Math.max(0, (details.retryAfterSeconds ?? 0) * 1000);
  return new KubernetesError(action, { status: code, reason, message: stableMessage(message), retryAfterMs });
}

/** The Status object of failed requests; anything else reads as an empty one. */
const statusSchema = z
  .object({
    code: z.number().optional().catch(undefined),
    reason: z.string().catch(''),
    message: z.string().catch(''),
    details: z.object({ retryAfterSeconds: z.number().optional().catch(undefined) }).catch({}),
  })
  .catch({ code: undefined, reason: '', message: '', details: {} });

/** A 404 also comes for a resource that the server does not serve (its CRD is not installed), or from a proxy. */
function isAboutObject(reason: string, message: string): boolean {
  return reason === 'NotFound' && !message.includes('could not find the requested resource');
}

/** 422s that say that the object was another when it was decided on; both sentences are those of the API server. */
function isOutdated(message: string): boolean {
  return (
    message.includes('no new finalizers can be added if the object is being deleted') ||
    message.includes('UID in precondition') ||
    /metadata\.uid: Invalid value: .*field is immutable/.test(message)
  );
}

/** Node's error of a name with several addresses has no message of its own. */
function textOf(error: Error): string {
  if (error.message !== '') return error.message;
  return error instanceof AggregateError ? error.errors.map(String).join(', ') : error.name;
}
