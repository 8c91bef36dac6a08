/**
 * What a limiter remembers and what follows from it, pure. Times are monotonic milliseconds.
 *
 * Guarantees, whatever the requests do
 * - Never more than `maxConcurrentRequests` are under way.
 * - In any span of time begin at most a burst more than `requestsPerSecond` allow for it.
 * - After the provider has asked to wait, nothing begins until the time it named is over, or a time of our own that doubles
 *   while it goes on asking.
 * - So many requests at a time as made it ask are not under way again soon: half as many at first, and one more after every
 *   ten seconds in which it takes them. A request that is told off costs the whole pass that it belongs to, so it is worth
 *   staying a little too low.
 *
 * Requests that were under way together are told off together: of them only the first counts as a new wish to wait.
 */
import type { Limits } from '../../reconcilers/telephony-account/model.ts';

export interface LimiterState {
  readonly inFlight: number;
  /** How many requests at a time the provider seems to take; infinite as long as it does not complain. */
  readonly allowance: number;
  /** When that was changed last. */
  readonly allowedAt: number;
  /** When the next request would begin if all came at exactly the rate (the theoretical arrival time of GCRA). */
  readonly nextSlotAt: number;
  /** When it was decided to wait, last. */
  readonly pausedAt: number;
  readonly pausedUntil: number;
  /** Pauses without a request in between that the provider took. */
  readonly pausesInARow: number;
}

export const initialState: LimiterState = {
  inFlight: 0,
  allowance: Number.POSITIVE_INFINITY,
  allowedAt: Number.NEGATIVE_INFINITY,
  nextSlotAt: Number.NEGATIVE_INFINITY,
  pausedAt: Number.NEGATIVE_INFINITY,
  pausedUntil: Number.NEGATIVE_INFINITY,
  pausesInARow: 0,
};

/** When one more request may begin. */
export type Start =
  | { readonly kind: 'now' }
  | { readonly kind: 'at'; readonly moment: number }
  /** Not before one that is under way has ended. */
  | { readonly kind: 'afterAnother' };

/** Pauses of our own, where the provider does not say how long. Milliseconds. */
const firstPauseMs = 1_000;
const longestOwnPauseMs = 60_000;

/** A provider that names a longer time is asked again after this: it may have been a mistake. Milliseconds. */
export const longestPauseMs = 600_000;

/** After so long one more request at a time is tried. Milliseconds. */
const allowMoreAfterMs = 10_000;

/** How many requests may begin at once after a quiet time: what a quarter of a second allows. */
export function burstOf({ maxConcurrentRequests, requestsPerSecond }: Limits): number {
  return Math.max(1, Math.min(maxConcurrentRequests, Math.ceil(requestsPerSecond / 4)));
}

export function nextStart(state: LimiterState, limits: Limits, now: number): Start {
  if (state.inFlight >= concurrencyOf(state, limits)) return { kind: 'afterAnother' };
  const moment = Math.max(state.pausedUntil, slotOf(state, limits, now) - (burstOf(limits) - 1) * intervalOf(limits));
  return moment <= now ? { kind: 'now' } : { kind: 'at', moment };
}

/** A request begins. */
export function started(state: LimiterState, limits: Limits, now: number): LimiterState {
  const nextSlotAt = Math.max(now, slotOf(state, limits, now)) + intervalOf(limits);
  return { ...state, inFlight: state.inFlight + 1, nextSlotAt };
}

/** How a request ended. */
export interface Ending {
  readonly startedAt: number;
  /** For how long the provider asked to be left alone; 0 if it did not say; undefined if it did not ask. */
  readonly waitAskedMs: number | undefined;
}

export function ended(before: LimiterState, limits: Limits, ending: Ending, now: number): LimiterState {
  const state = { ...before, inFlight: before.inFlight - 1 };
  const isNew = ending.startedAt > state.pausedAt;
  if (ending.waitAskedMs === undefined) {
    return isNew ? { ...grown(state, limits, now), pausesInARow: 0 } : state;
  }
  const pausesInARow = isNew ? state.pausesInARow + 1 : state.pausesInARow;
  const ownMs = isNew ? Math.min(longestOwnPauseMs, firstPauseMs * 2 ** (pausesInARow - 1)) : 0;
  const pauseMs = ending.waitAskedMs > 0 ? Math.min(longestPauseMs, ending.waitAskedMs) : ownMs;
  return {
    ...state,
    pausesInARow,
    pausedAt: isNew ? now : state.pausedAt,
    pausedUntil: Math.max(state.pausedUntil, now + pauseMs),
    allowance: isNew ? Math.max(1, Math.floor(concurrencyOf(state, limits) / 2)) : state.allowance,
    allowedAt: isNew ? now + pauseMs : state.allowedAt,
  };
}

function concurrencyOf({ allowance }: LimiterState, { maxConcurrentRequests }: Limits): number {
  return Math.min(maxConcurrentRequests, allowance);
}

function grown(state: LimiterState, { maxConcurrentRequests }: Limits, now: number): LimiterState {
  if (now - state.allowedAt < allowMoreAfterMs) return state;
  const more = state.allowance + 1;
  return { ...state, allowance: more >= maxConcurrentRequests ? Number.POSITIVE_INFINITY : more, allowedAt: now };
}

/** Bounded, because it may have been reckoned with a slower rate. */
function slotOf({ nextSlotAt }: LimiterState, limits: Limits, now: number): number {
  return Math.min(nextSlotAt, now + burstOf(limits) * intervalOf(limits));
}

function intervalOf({ requestsPerSecond }: Limits): number {
  return 1_000 / requestsPerSecond;
}
