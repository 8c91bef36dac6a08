// The limiter as a state machine: pauses, the slow way back after one, and limits that change.
import { describe, expect, test } from 'vitest';
import {
  burstOf,
  ended,
  initialState,
  type LimiterState,
  longestPauseMs,
  nextStart,
  started,
} from '../../../src/providers/limiter/limiter-state.ts';
import type { Limits } from '../../../src/reconcilers/telephony-account/model.ts';

const limits: Limits = { maxConcurrentRequests: 8, requestsPerSecond: 20 };

/** Begins as many as may begin at this moment. */
function fill(state: LimiterState, now: number, by: Limits = limits): LimiterState {
  let filled = state;
  while (nextStart(filled, by, now).kind === 'now') filled = started(filled, by, now);
  return filled;
}

function begun(state: LimiterState, now: number, by: Limits = limits): number {
  return fill(state, now, by).inFlight - state.inFlight;
}

const took = { waitAskedMs: undefined };
const told = (waitAskedMs: number) => ({ waitAskedMs });

/** One request after another, each begun when it may. @returns the state and the moments at which they began */
function oneByOne(state: LimiterState, endings: readonly { readonly waitAskedMs: number | undefined }[], from: number) {
  let [now, current] = [from, state];
  const moments: number[] = [];
  for (const ending of endings) {
    const start = nextStart(current, limits, now);
    if (start.kind === 'afterAnother') throw new Error('nothing is under way, so something may begin');
    now = start.kind === 'at' ? start.moment : now;
    moments.push(now);
    current = ended(started(current, limits, now), limits, { startedAt: now, ...ending }, now + 1);
    now += 1;
  }
  return { moments, state: current, now };
}

describe('how many may begin at once', () => {
  test.for([
    { max: 8, rate: 20, burst: 5, why: 'a quarter of a second' },
    { max: 2, rate: 20, burst: 2, why: 'no more than may be under way' },
    { max: 8, rate: 1, burst: 1, why: 'never none' },
    { max: 100, rate: 1000, burst: 100, why: 'the same rule for large ones' },
  ])('$burst of $max at $rate per second', ({ max, rate, burst, why }) => {
    const by = { maxConcurrentRequests: max, requestsPerSecond: rate };
    expect(burstOf(by), why).toBe(burst);
    expect(begun(initialState, 0, by), why).toBe(burst);
  });

  test('then one for each part of a second, until as many are under way as may be', () => {
    const full = fill(initialState, 0);
    expect(nextStart(full, limits, 0)).toEqual({ kind: 'at', moment: 50 });
    expect(begun(full, 50)).toBe(1);
    expect(begun(full, 10_000), 'the concurrency counts').toBe(3);
    expect(nextStart(fill(full, 10_000), limits, 10_000)).toEqual({ kind: 'afterAnother' });
  });

  test('a higher rate counts at once', () => {
    const slow = { maxConcurrentRequests: 8, requestsPerSecond: 1 };
    const waiting = fill(initialState, 0, slow);
    expect(nextStart(waiting, slow, 0)).toEqual({ kind: 'at', moment: 1_000 });
    expect(nextStart(waiting, { ...slow, requestsPerSecond: 1000 }, 0)).toEqual({ kind: 'at', moment: 1 });
  });
});

describe('a wish to wait', () => {
  const pauses = [
    { name: 'takes the time it names', wishes: [3_000], moments: [0, 3_001] },
    { name: 'takes a second if it names none', wishes: [0], moments: [0, 1_001] },
    { name: 'doubles while it goes on', wishes: [0, 0, 0, 0], moments: [0, 1_001, 3_002, 7_003, 15_004] },
    { name: 'is cut when it is absurd', wishes: [86_400_000], moments: [0, longestPauseMs + 1] },
    { name: 'never shortens one that goes on', wishes: [3_000, 1], moments: [0, 3_001, 3_003] },
  ];
  test.for(pauses)('$name', ({ wishes, moments }) => {
    expect(oneByOne(initialState, [...wishes.map(told), took], 0).moments).toEqual(moments);
  });

  test('never grows beyond a minute of our own', () => {
    const endings = Array.from({ length: 20 }, () => told(0));
    const { moments } = oneByOne(initialState, endings, 0);
    expect((moments.at(-1) ?? 0) - (moments.at(-2) ?? 0)).toBe(60_001);
  });

  test('begins anew after a request that was taken', () => {
    const { moments } = oneByOne(initialState, [told(0), told(0), took, told(0), took], 0);
    expect((moments[4] ?? 0) - (moments[3] ?? 0)).toBe(1_001);
  });

  test('of several requests that were under way together counts once', () => {
    let state = fill(initialState, 0);
    for (let index = 0; index < 5; index += 1) state = ended(state, limits, { startedAt: 0, ...told(0) }, 10);
    expect(nextStart(state, limits, 10)).toEqual({ kind: 'at', moment: 1_010 });
    expect(begun(state, 1_010), 'half of what may be under way').toBe(4);
  });

  test('is not forgotten because an older request was taken', () => {
    let state = fill(initialState, 0);
    state = ended(state, limits, { startedAt: 0, ...told(0) }, 10);
    state = ended(state, limits, { startedAt: 0, ...took }, 11);
    expect(nextStart(state, limits, 11)).toMatchObject({ kind: 'at', moment: 1_010 });
  });

  test('halves how many are under way, and brings one back after each ten seconds, up to all', () => {
    const { state, now } = oneByOne(initialState, [told(0), told(0), told(0)], 0);
    const soon = now + 8_000;
    expect(begun(state, soon), 'one at a time').toBe(1);
    const fast = { ...limits, requestsPerSecond: 1000 };
    let [grown, moment] = [state, soon];
    const room = [1, 2, 3, 4, 5, 6, 7, 8, 9].map(() => {
      moment += 10_000;
      for (let index = 0; index < 5; index += 1) {
        grown = ended(started(grown, fast, moment), fast, { startedAt: moment, ...took }, moment);
      }
      return begun(grown, moment + 1_000, fast);
    });
    expect(room).toEqual([2, 3, 4, 5, 6, 7, 8, 8, 8]);
  });
});
