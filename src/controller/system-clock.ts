/**
 * The machine's clocks and timers.
 */
import { performance } from 'node:perf_hooks';
import type { Clock } from '../reconcilers/shared/ports.ts';
import type { Cancel, Timers } from './timers.ts';

/** Node turns a longer delay into one of a millisecond. */
const longestDelayMs = 2 ** 31 - 1;

export const systemClock: Clock & Timers = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(delayMs: number, run: () => void): Cancel {
    const timer = setTimeout(run, Math.min(delayMs, longestDelayMs));
    return () => clearTimeout(timer);
  },
};
