/**
 * Verdict: what any failed call to a provider becomes.
 *
 * Every provider has one total classifier from `unknown` to a verdict (`src/providers/<provider>/classify.ts`), and
 * throws the verdict wrapped in a `ProviderError`. The core decides by the verdict alone and never sees an SDK's error.
 */

/** The two outside systems that hold what a PhoneNumber stands for. */
export type Provider = 'Twilio' | 'LiveKit';

export type Verdict =
  /** The provider says that the thing does not exist. A claim, not a proof: the account must be proven too. */
  | { readonly kind: 'notFound'; readonly message: string }
  /** Something else still depends on the thing, or changed it at the same time. Never a definite refusal. */
  | { readonly kind: 'conflict'; readonly code: string; readonly message: string }
  /** The call was not processed and may be repeated; not a failure. `afterMs` is the provider's own wish or 0. */
  | { readonly kind: 'rateLimited'; readonly afterMs: number; readonly message: string }
  /** The credentials or the account are the trouble, not this one thing. */
  | { readonly kind: 'identity'; readonly reason: IdentityReason; readonly message: string }
  /** Refused by a documented code of the provider: definite if it repeats. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  /** Timeout, reset, 5xx, a reply that does not parse, anything unrecognised: a write may have been applied. Read before the next step. */
  | { readonly kind: 'unknownOutcome'; readonly message: string };

export type IdentityReason =
  | 'CredentialsRefused'
  | 'CredentialsUnavailable'
  | 'AccountMismatch'
  | 'AccountNotFound'
  /** The provider as a whole does not answer. */
  | 'AccountUnavailable';

/** Thrown by every provider port for every failed call. The message is safe to show: it never holds a secret. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  readonly provider: Provider;
  readonly verdict: Verdict;

  constructor(provider: Provider, action: string, verdict: Verdict) {
    super(`Cannot ${action} at ${provider}: ${verdict.message}`);
    this.provider = provider;
    this.verdict = verdict;
  }
}

/** A changing detail in a message would be a status write per retry, so messages are cut and freed of request ids. */
export function stableMessage(text: string): string {
  const stable = text
    .replaceAll(/\bRQ[0-9a-fA-F]{32}\b/g, 'RQ…')
    .replaceAll(/\beyJ[\w-]*\.[\w-]+\.[\w-]*/g, '[token]')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return stable.length > 256 ? `${stable.slice(0, 255)}…` : stable;
}
