/**
 * Access review: asks the API server whose token it is (TokenReview) and what that user may do (SubjectAccessReview).
 *
 * Guarantees
 * - Answers are remembered as long as kubebuilder's projects do, so that a scrape costs no request: who has lost a right is
 *   let in for up to five minutes more.
 * - The same question is asked once at a time, and no token is kept: only its hash.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../reconcilers/shared/ports.ts';
import { classifyReply, classifyThrown, KubernetesError } from './classify.ts';
import type { KubernetesTransport } from './transport.ts';

export type Access =
  | 'allowed'
  /** Known, but without the right. */
  | 'forbidden'
  /** The token is nobody's. */
  | 'unauthenticated';

/** A request for something that is no resource of Kubernetes. */
export interface NonResourceRequest {
  /** In lower case, such as "get". */
  readonly verb: string;
  readonly path: string;
}

export interface AccessReviewOptions {
  readonly transport: Pick<KubernetesTransport, 'request'>;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** Milliseconds; those of controller-runtime's pkg/metrics/filters. */
const tokenKeptMs = 60_000;
const allowedKeptMs = 300_000;
const refusedKeptMs = 30_000;

const userSchema = z.object({
  username: z.string().min(1),
  uid: z.string().optional(),
  groups: z.array(z.string()).optional(),
  extra: z.record(z.string(), z.array(z.string())).optional(),
});
type User = z.output<typeof userSchema>;

const tokenStatus = z.union([
  z.object({ authenticated: z.literal(true), user: userSchema }),
  z.object({ authenticated: z.literal(false).optional() }).transform(() => ({ authenticated: false as const })),
]);
const accessStatus = z.object({ allowed: z.boolean() });

export class AccessReview {
  readonly #transport: Pick<KubernetesTransport, 'request'>;
  readonly #users: Remembered<User | undefined>;
  readonly #rights: Remembered<boolean>;

  constructor({ clock, transport }: AccessReviewOptions) {
    this.#transport = transport;
    this.#users = new Remembered(clock, () => tokenKeptMs);
    this.#rights = new Remembered(clock, (allowed) => (allowed ? allowedKeptMs : refusedKeptMs));
  }

  /** What the bearer of the token may do. @throws KubernetesError when the API server does not say */
  async check(token: string, request: NonResourceRequest): Promise<Access> {
    const hash = createHash('sha256').update(token).digest('hex');
    const user = await this.#users.get(hash, async () => await this.#userOf(token));
    if (user === undefined) return 'unauthenticated';
    const question = JSON.stringify([user, request.verb, request.path]);
    const allowed = await this.#rights.get(question, async () => await this.#mayDo(user, request));
    return allowed ? 'allowed' : 'forbidden';
  }

  async #userOf(token: string): Promise<User | undefined> {
    const status = await this.#ask('authentication.k8s.io', 'TokenReview', { token }, tokenStatus);
    return status.authenticated ? status.user : undefined;
  }

  async #mayDo({ username, ...user }: User, nonResourceAttributes: NonResourceRequest): Promise<boolean> {
    const spec = { ...user, user: username, nonResourceAttributes };
    return (await this.#ask('authorization.k8s.io', 'SubjectAccessReview', spec, accessStatus)).allowed;
  }

  async #ask<Status>(group: string, kind: string, spec: unknown, schema: z.ZodType<Status>): Promise<Status> {
    const action = `create ${kind}`;
    const path = `/apis/${group}/v1/${kind.toLowerCase()}s`;
    const body = { apiVersion: `${group}/v1`, kind, spec };
    const reply = await this.#transport.request({ method: 'POST', path, body }).catch((error: unknown) => {
      throw classifyThrown(action, error);
    });
    const answer = classifyReply(action, 'create', reply);
    if (answer.kind === 'failed') throw answer.error;
    const parsed = z.object({ status: schema }).safeParse(answer.kind === 'done' ? answer.body : undefined);
    if (parsed.success) return parsed.data.status;
    const message = 'the answer is not what Kubernetes would say';
    throw new KubernetesError(action, { status: undefined, reason: '', message, retryAfterMs: 0 });
  }
}

/** More tokens than anybody has readers; what is asked by others pushes the oldest out. */
const mostRemembered = 1_000;

interface Entry<Value> {
  readonly value: Promise<Value>;
  /** Undefined while it is being asked. */
  until: number | undefined;
}

/** Answers by question, each for as long as it is worth. Failures are not kept. */
class Remembered<Value> {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #keptMs: (value: Value) => number;
  readonly #entries = new Map<string, Entry<Value>>();

  constructor(clock: Pick<Clock, 'monotonic'>, keptMs: (value: Value) => number) {
    this.#clock = clock;
    this.#keptMs = keptMs;
  }

  async get(question: string, ask: () => Promise<Value>): Promise<Value> {
    const known = this.#entries.get(question);
    if (known !== undefined && this.#clock.monotonic() < (known.until ?? Number.POSITIVE_INFINITY)) {
      return await known.value;
    }
    const entry: Entry<Value> = { value: ask(), until: undefined };
    this.#entries.delete(question);
    this.#entries.set(question, entry);
    for (const [oldest] of this.#entries) {
      if (this.#entries.size <= mostRemembered) break;
      this.#entries.delete(oldest);
    }
    try {
      const value = await entry.value;
      entry.until = this.#clock.monotonic() + this.#keptMs(value);
      return value;
    } catch (error) {
      if (this.#entries.get(question) === entry) this.#entries.delete(question);
      throw error;
    }
  }
}
