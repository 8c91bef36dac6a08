/**
 * Classify: what any failed call to Twilio means, as a verdict.
 *
 * Twilio's own `code` decides, because the HTTP statuses of most codes are documented nowhere; the status alone counts
 * only where no code came with it. Codes and meanings: twilio.com/docs/api/errors. What is not listed here is an unknown
 * outcome, so that nobody takes it for a definite refusal.
 *
 * Guarantees: never throws; no message holds a secret, a form, a page of a gateway or a dump of the HTTP client.
 */
import { z } from 'zod';
import { stableMessage, type Verdict } from '../../reconcilers/shared/verdict.ts';
import { NotSentError } from '../limiter/limiter.ts';

/** The credentials or the account: refused, forbidden, test credentials, account suspended or closed. */
const identityCodes = new Set([10_001, 20_003, 20_005, 20_006, 20_008, 20_403, 21_472]);

/** Changed at the same time, or something still depends on it: lists still mapped, sub-domains of a trunk. */
const conflictCodes = new Set([20_162, 20_409, 21_236, 21_241, 21_247]);

/** Definite: the same request is refused again. */
const refusedCodes = new Set([
  // Parameters, methods, SIDs and names.
  20_001, 20_002, 20_004, 20_007, 20_422, 20_423,
  // SIP domains, IP access control lists, credential lists, trunks and their limits.
  21_230, 21_231, 21_232, 21_233, 21_235, 21_237, 21_239, 21_240, 21_242, 21_243, 21_244, 21_245, 21_248, 21_249,
  21_255,
  // Numbers: URLs, methods, missing abilities, applications, addresses, bundles, emergency calling.
  21_402, 21_403, 21_405, 21_406, 21_407, 21_409, 21_420, 21_421, 21_422, 21_452, 21_615, 21_631, 21_634, 21_649,
  21_650, 21_651,
]);

const notFoundCode = 20_404;
const tooManyRequestsCode = 20_429;

/** A reply of Twilio; the SDK's own exceptions have this form too. An error of the network has a text as `code`. */
const failedReply = z.object({
  status: z.number(),
  code: z.number().nullish(),
  message: z.string().nullish(),
  retryAfterMs: z.number().nonnegative().nullish(),
});

/** Each part for itself: some errors have a number for a code. */
const namedError = z.object({
  name: z.string().optional().catch(undefined),
  code: z.string().optional().catch(undefined),
});

/** Thrown for a reply that has the right form, but cannot be what Twilio means. */
export class UnreadableReply extends Error {
  override readonly name = 'UnreadableReply';
}

/** `secrets` are cut out of whatever Twilio says, in case it repeats what it was sent. */
export function classify(error: unknown, secrets: readonly string[] = []): Verdict {
  if (error instanceof NotSentError) return { kind: 'rateLimited', afterMs: error.afterMs, message: error.message };
  const reply = failedReply.safeParse(error);
  if (!reply.success) return { kind: 'unknownOutcome', message: messageOfBrokenCall(error) };
  const { status, code, message, retryAfterMs } = reply.data;
  return verdictOfReply(status, code ?? undefined, withoutSecrets(message ?? '', secrets), retryAfterMs ?? 0);
}

function verdictOfReply(status: number, code: number | undefined, text: string, afterMs: number): Verdict {
  const message = stableMessage(code === undefined ? `answered with HTTP ${status}` : `${text} (${code})`);
  if (code === notFoundCode) return { kind: 'notFound', message };
  if (code === tooManyRequestsCode) return { kind: 'rateLimited', afterMs, message };
  if (code !== undefined && identityCodes.has(code)) {
    return { kind: 'identity', reason: 'CredentialsRefused', message };
  }
  if (code !== undefined && conflictCodes.has(code)) return { kind: 'conflict', code: String(code), message };
  if (code !== undefined && refusedCodes.has(code)) return { kind: 'refused', code: String(code), message };
  if (status === 401 || status === 403) return { kind: 'identity', reason: 'CredentialsRefused', message };
  if (status === 429) return { kind: 'rateLimited', afterMs, message };
  if (status === 409) return { kind: 'conflict', code: String(code ?? status), message };
  return { kind: 'unknownOutcome', message };
}

/** No reply, or none that can be read. Only the name of the failure is shown: the rest may hold the whole request. */
function messageOfBrokenCall(error: unknown): string {
  if (error instanceof z.ZodError || error instanceof SyntaxError || error instanceof UnreadableReply)
    return 'answered something unreadable';
  const { name, code } = namedError.safeParse(error).data ?? {};
  if (code === 'ERR_CANCELED' || code === 'ECONNABORTED' || code === 'ETIMEDOUT') return 'no answer in time';
  if (code !== undefined && /^[A-Z][A-Z0-9_]{2,40}$/.test(code)) return `no answer (${code})`;
  return name !== undefined && /^\w{1,40}$/.test(name) ? `failed unexpectedly (${name})` : 'failed unexpectedly';
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .flatMap((secret) => [secret, encodeURIComponent(secret)])
    .filter((secret) => secret !== '')
    .reduce((safe, secret) => safe.replaceAll(secret, '[secret]'), text);
}
