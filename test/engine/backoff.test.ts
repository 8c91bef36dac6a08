/**
 * Backoff: how long an object waits after its n-th failure in a row.
 */
import { describe, expect, test } from 'vitest';
import { Backoff, backoffDelay } from '../../src/controller/backoff.ts';

const limits = { firstMs: 1_000, mostMs: 60_000 };

describe('backoffDelay()', () => {
  test.for([
    { name: 'the first failure waits the first delay', why: 'DESIGN 3.3', failures: 1, fraction: 1, want: 1_000 },
    { name: 'each further failure doubles it', why: 'DESIGN 3.3', failures: 4, fraction: 1, want: 8_000 },
    { name: 'the limit holds', why: 'a person who repaired it waits', failures: 7, fraction: 1, want: 60_000 },
    { name: 'the limit holds for ever', why: 'numbers overflow', failures: 5_000, fraction: 1, want: 60_000 },
    { name: 'chance takes up to half away', why: 'a herd must part', failures: 4, fraction: 0, want: 4_000 },
    { name: 'chance lies between', why: 'a herd must part', failures: 4, fraction: 0.5, want: 6_000 },
  ])('$name', ({ failures, fraction, want, why }) => {
    expect(backoffDelay(limits, failures, fraction), why).toBe(want);
  });
});

test('Backoff counts by key, is cut by the caller, and starts again after forget', () => {
  const backoff = new Backoff(limits, () => 0.999_999_999);
  const delays = [backoff.failed('a'), backoff.failed('a'), backoff.failed('b'), backoff.failed('a', 300)];
  expect(delays.map(Math.round)).toEqual([1_000, 2_000, 1_000, 300]);
  expect(backoff.failures('a')).toBe(3);
  backoff.forget('a');
  expect(Math.round(backoff.failed('a'))).toBe(1_000);
});
