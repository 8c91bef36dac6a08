/**
 * Timers as a port: whatever waits gets them from outside, so that tests move time by hand.
 */

/** Prevents a scheduled call; does nothing when it has happened already. */
export type Cancel = () => void;

export interface Timers {
  /** Calls `run` once, at the earliest after `delayMs` milliseconds. */
  schedule(delayMs: number, run: () => void): Cancel;
}
