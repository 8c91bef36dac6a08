/**
 * Removal, pure: what may be removed now, when a removal is given up, and when nothing is left to try.
 *
 * The order is the mirror of creation: a number stops ringing first, and what answers it goes before what carries it.
 * It is data, so that a test can walk it and a person can read it. See docs/adr/0002 for why an order that only keeps
 * calls safe is dropped once no call can arrive.
 */
import type { ProviderTrouble } from '../shared/accounts.ts';
import type { Provider, Verdict } from '../shared/verdict.ts';
import type { LeftoverKind } from './model.ts';
import type { GiveUpSettings } from './ports.ts';

/**
 * `failed`: tried in this pass, to be tried again in a later one. `removed`: the provider said so, and the read that
 * proves it is under way. Neither `removing` nor `removed` outlives a pass.
 */
export type StepState = 'left' | 'removing' | 'removed' | 'failed' | 'givenUp' | 'gone';
export type StepStates = ReadonlyMap<LeftoverKind, StepState>;

interface Dependency {
  readonly kind: LeftoverKind;
  /** What it has to be: gone for certain, or at least removed or given up. */
  readonly needs: 'gone' | 'settled';
}
type Order = ReadonlyMap<LeftoverKind, readonly Dependency[]>;

/** Independent of the calls that come in; the secret dies early. */
const outboundBranch = [
  ['OutboundTrunk', []],
  ['Credential', [{ kind: 'OutboundTrunk', needs: 'settled' }]],
  ['CredentialList', [{ kind: 'Credential', needs: 'settled' }]],
  ['IpAccessControlList', [{ kind: 'Credential', needs: 'settled' }]],
] as const satisfies readonly (readonly [LeftoverKind, readonly Dependency[]])[];

const mirror: Order = new Map<LeftoverKind, readonly Dependency[]>([
  ['NumberAttachment', []],
  ['NumberRouting', []],
  ['DispatchRule', [{ kind: 'NumberAttachment', needs: 'gone' }]],
  [
    'InboundTrunk',
    [
      { kind: 'NumberAttachment', needs: 'gone' },
      { kind: 'DispatchRule', needs: 'settled' },
    ],
  ],
  [
    'Trunk',
    [
      { kind: 'NumberAttachment', needs: 'gone' },
      { kind: 'InboundTrunk', needs: 'settled' },
    ],
  ],
  ...outboundBranch,
]);

/**
 * A number that cannot be detached keeps a working agent until its trunk is gone: dead air, or somebody else's wildcard
 * rule, would be worse.
 */
const stillRinging: Order = new Map<LeftoverKind, readonly Dependency[]>([
  ['NumberAttachment', []],
  ['NumberRouting', []],
  ['Trunk', []],
  ['DispatchRule', [{ kind: 'Trunk', needs: 'gone' }]],
  [
    'InboundTrunk',
    [
      { kind: 'Trunk', needs: 'gone' },
      { kind: 'DispatchRule', needs: 'settled' },
    ],
  ],
  ...outboundBranch,
]);

/** A number that stays on somebody else's trunk keeps its agent for good: no other removal ends the ringing. */
function orderFor(states: StepStates): Order {
  return states.get('NumberAttachment') === 'givenUp' && states.has('Trunk') ? stillRinging : mirror;
}

/** The steps that may run now; they are independent of each other. A kind without a state is gone. */
export function runnable(states: StepStates): readonly LeftoverKind[] {
  const met = ({ kind, needs }: Dependency) => {
    const state = states.get(kind) ?? 'gone';
    return state === 'gone' || (needs === 'settled' && (state === 'removed' || state === 'givenUp'));
  };
  return [...orderFor(states)].flatMap(([kind, needed]) =>
    states.get(kind) === 'left' && needed.every(met) ? [kind] : [],
  );
}

/** Every step is confirmed, given up, or blocked by one given up: the moment an object becomes Corrupted. */
export function isStuck(states: StepStates): boolean {
  const all = [...states.values()];
  return all.some((state) => state === 'givenUp') && !all.includes('failed') && runnable(states).length === 0;
}

/** Failed attempts to remove one kind, as this process counted them. Monotonic milliseconds. */
export interface FailureRecord {
  readonly attempts: number;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly verdict: Verdict;
  /** How often the present verdict came in a row, if it is a definite refusal. */
  readonly sameRefusals: number;
  readonly refusedSince: number;
  /** Since when the account has been in the way without a break, and since when that was found to be its own doing. */
  readonly account?: { readonly since: number; readonly refusedSince: number | undefined } | undefined;
}

/** Counts one more failure. Rate limits are no failures and must not be counted. */
export function withFailure(record: FailureRecord | undefined, verdict: Verdict, monotonicNow: number): FailureRecord {
  const repeats = record !== undefined && refusalCode(record.verdict) === refusalCode(verdict);
  return {
    attempts: (record?.attempts ?? 0) + 1,
    firstAt: record?.firstAt ?? monotonicNow,
    lastAt: monotonicNow,
    verdict,
    sameRefusals: repeats ? record.sameRefusals + 1 : 1,
    refusedSince: repeats ? record.refusedSince : monotonicNow,
    account: accountTrouble(record, verdict, monotonicNow),
  };
}

/** As account health counts it: a refusal lasts through an outage, and an outage through a refusal. */
function accountTrouble(
  record: FailureRecord | undefined,
  verdict: Verdict,
  monotonicNow: number,
): FailureRecord['account'] {
  if (verdict.kind !== 'identity') return undefined;
  const { since = monotonicNow, refusedSince } = record?.account ?? {};
  const isRefused = verdict.reason !== 'AccountUnavailable';
  return { since, refusedSince: refusedSince ?? (isRefused ? monotonicNow : undefined) };
}

/** Since when the present trouble of the account lasts, in monotonic milliseconds; undefined if it is not the account's. */
export function accountTroubleSince({ account, verdict }: FailureRecord): number | undefined {
  if (verdict.kind !== 'identity') return undefined;
  return verdict.reason === 'AccountUnavailable' ? account?.since : account?.refusedSince;
}

/** Only documented refusals of this one thing are definite: never credentials, conflicts, limits or lost answers. */
function refusalCode(verdict: Verdict): string | undefined {
  return verdict.kind === 'refused' ? verdict.code : undefined;
}

/**
 * Whether trying goes on (DESIGN 3.3, a–c). `firstFailureAt` and `now` are wall clock: the first survives a restart in
 * the status. A restart begins to count anew, so that a long break alone never ends a deletion. Trouble of the account has
 * a clock of its own: half an hour without an answer and then a key that is refused for a minute is not half an hour of it.
 */
export function isGivenUp(
  record: FailureRecord | undefined,
  firstFailureAt: number | undefined,
  now: number,
  settings: GiveUpSettings,
): boolean {
  if (record === undefined || firstFailureAt === undefined) return false;
  if (
    refusalCode(record.verdict) !== undefined &&
    record.sameRefusals >= settings.refusals &&
    record.lastAt - record.refusedSince >= settings.refusalsOverMs
  ) {
    return true;
  }
  const seenEnough = record.attempts >= settings.attempts && record.lastAt - record.firstAt >= settings.overMs;
  const since = accountTroubleSince(record);
  const lastedMs = since === undefined ? now - firstFailureAt : record.lastAt - since;
  return seenEnough && lastedMs >= budgetOf(record.verdict, settings);
}

/**
 * The providers that have failed their probes for so long that nothing of them is waited for any more (DESIGN 3.3, c).
 * `countedFrom`: what was before does not count, because nobody could do anything then. Monotonic milliseconds.
 */
export function providersGivenUp(
  troubles: readonly ProviderTrouble[],
  monotonicNow: number,
  countedFrom: number,
  settings: GiveUpSettings,
): ReadonlySet<Provider> {
  const over = troubles.filter(
    ({ since, verdict }) => monotonicNow - Math.max(since.monotonic, countedFrom) >= budgetOf(verdict, settings),
  );
  return new Set(over.map(({ provider }) => provider));
}

/** How long a failing removal is tried, in milliseconds from the first failure. */
export function budgetOf(verdict: Verdict, settings: GiveUpSettings): number {
  if (verdict.kind !== 'identity') return settings.afterMs;
  return verdict.reason === 'AccountUnavailable' ? settings.accountUnavailableAfterMs : settings.accountRefusedAfterMs;
}
