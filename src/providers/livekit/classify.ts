/**
 * Classify: what any failed call to LiveKit means, as a verdict.
 *
 * The Twirp code decides. A bare 404 is not "not found": a wrong URL and a method that the server does not know answer
 * 404 too. Conflicts between trunks or rules come as `invalid_argument`; whoever wants to know lists, since the text names
 * the other object in some cases only.
 *
 * Guarantees: never throws; no message holds a secret, a token or a text that is not LiveKit's own JSON error. (Older
 * servers answer a wrong secret with the whole token in plain text.)
 */
import { z } from 'zod';
import { stableMessage, type Verdict } from '../../reconcilers/shared/verdict.ts';
import { NotSentError } from '../limiter/limiter.ts';

/** A reply that is no success, as `twirp.ts` throws it. Of an error of the network only the code is looked at. */
const failedReply = z.object({
  status: z.number(),
  code: z.string().nullish(),
  message: z.string().nullish(),
  retryAfterMs: z.number().nonnegative().nullish(),
});

/** Each part for itself: some errors have a number for a code. */
const namedError = z.object({
  name: z.string().optional().catch(undefined),
  code: z.string().optional().catch(undefined),
  cause: z.unknown().optional(),
});

/** `secrets` are cut out of whatever LiveKit says, in case it repeats what it was sent. */
export function classify(error: unknown, secrets: readonly string[] = []): Verdict {
  if (error instanceof NotSentError) return { kind: 'rateLimited', afterMs: error.afterMs, message: error.message };
  const reply = failedReply.safeParse(error);
  if (!reply.success) return { kind: 'unknownOutcome', message: messageOfBrokenCall(error) };
  const { status, code, message, retryAfterMs } = reply.data;
  return verdictOfReply(status, code ?? '', safeText(message ?? '', secrets), retryAfterMs ?? 0);
}

function verdictOfReply(status: number, code: string, text: string, afterMs: number): Verdict {
  const message = code === '' ? `answered with HTTP ${status}` : stableMessage(`${text} (${code})`);
  switch (code) {
    case 'not_found':
      return { kind: 'notFound', message };
    case 'invalid_argument':
    case 'malformed':
    case 'out_of_range':
      return { kind: 'refused', code, message };
    case 'already_exists':
    case 'aborted':
      return { kind: 'conflict', code, message };
    case 'resource_exhausted':
      return { kind: 'rateLimited', afterMs, message };
    case 'unauthenticated':
    case 'permission_denied':
      return credentialsRefused(message);
    default:
      break;
  }
  if (status === 401 || status === 403) {
    return credentialsRefused(`the API key, its secret or the time of this machine is refused (HTTP ${status})`);
  }
  if (status === 429) return { kind: 'rateLimited', afterMs, message };
  if (status === 409) return { kind: 'conflict', code: code === '' ? '409' : code, message };
  return { kind: 'unknownOutcome', message };
}

function credentialsRefused(message: string): Verdict {
  return { kind: 'identity', reason: 'CredentialsRefused', message };
}

/** No reply, or none that can be read. */
function messageOfBrokenCall(error: unknown): string {
  if (error instanceof z.ZodError || error instanceof SyntaxError) return 'answered something unreadable';
  const { name, code, cause } = namedError.safeParse(error).data ?? {};
  if (name === 'TimeoutError' || name === 'AbortError') return 'no answer in time';
  const networkCode = namedError.safeParse(cause).data?.code ?? code;
  if (networkCode !== undefined && /^[A-Z][A-Z0-9_]{2,40}$/.test(networkCode)) {
    return `no answer (${networkCode})`;
  }
  return name !== undefined && /^\w{1,40}$/.test(name) ? `failed unexpectedly (${name})` : 'failed unexpectedly';
}

/** The server's own connections have another port each time; such a message would change with every attempt. */
function safeText(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret !== '')
    .reduce((safe, secret) => safe.replaceAll(secret, '[secret]'), text)
    .replaceAll(/\beyJ[\w.-]+/g, '[token]')
    .replaceAll(/:\d+->/g, '->');
}
