/**
 * How one provider of one account object does, pure.
 *
 * Only probes decide: a call that fails may be the trouble of one object, so it is no more than a reason to probe.
 */
import type { ProviderTrouble } from '../shared/accounts.ts';
import type { Provider, Verdict } from '../shared/verdict.ts';

/** A moment on both clocks, in milliseconds. */
export interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

export interface HealthRecord {
  /** When a probe ended last, monotonic; minus infinity if none has. */
  readonly probedAt: number;
  /** A call has failed since, in a way that a probe has to look at. */
  readonly suspected: boolean;
  readonly failing: Failing | undefined;
}

interface Failing {
  readonly since: Moment;
  /** Since when the credentials or the account object are the trouble; undefined: the provider does not answer. */
  readonly refusedSince: Moment | undefined;
  readonly verdict: IdentityVerdict;
}

export type IdentityVerdict = Extract<Verdict, { kind: 'identity' }>;

export const unknownHealth: HealthRecord = {
  probedAt: Number.NEGATIVE_INFINITY,
  suspected: false,
  failing: undefined,
};

/**
 * After a probe that found `verdict`, or nothing wrong. A wish to wait says nothing about either: the credentials were not
 * even looked at.
 */
export function afterProbe(before: HealthRecord, verdict: Verdict | undefined, now: Moment): HealthRecord {
  const probed = { ...before, probedAt: now.monotonic, suspected: false };
  if (verdict === undefined) return { ...probed, failing: undefined };
  if (verdict.kind === 'rateLimited') return probed;
  const found = identityVerdictOf(verdict);
  const since = before.failing?.since ?? now;
  const refusedSince = found.reason === 'AccountUnavailable' ? undefined : (before.failing?.refusedSince ?? now);
  // The words of the first such probe: details that change from probe to probe would be a write per object and probe.
  const isSame = before.failing?.verdict.reason === found.reason;
  return { ...probed, failing: { since, refusedSince, verdict: isSame ? before.failing.verdict : found } };
}

/** After a call that failed with `verdict`. Soon after a probe nothing is suspected: the object itself is the trouble. */
export function afterFailedCall(before: HealthRecord, verdict: Verdict, now: Moment, quietMs: number): HealthRecord {
  const isAboutAll = verdict.kind === 'identity' || verdict.kind === 'unknownOutcome';
  if (!isAboutAll || before.failing !== undefined || now.monotonic - before.probedAt < quietMs) return before;
  return { ...before, suspected: true };
}

/** What is said of it. */
export function troubleIn({ failing }: HealthRecord, provider: Provider): ProviderTrouble | undefined {
  if (failing === undefined) return undefined;
  return { provider, verdict: failing.verdict, since: failing.refusedSince ?? failing.since };
}

/** A provider that fails its probe in any other way than by refusing us does not answer, as a whole. */
function identityVerdictOf(verdict: Verdict): IdentityVerdict {
  if (verdict.kind === 'identity') return verdict;
  return { kind: 'identity', reason: 'AccountUnavailable', message: verdict.message };
}
