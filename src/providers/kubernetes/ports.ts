/**
 * What the Kubernetes provider needs from the process: timers, jitter and a log.
 */

export interface Timers {
  /** Calls `run` once, at the earliest after `delayMs` milliseconds. @returns a function that prevents it */
  schedule(delayMs: number, run: () => void): () => void;
}

/** From 0 to below 1; for jitter only. */
export type Fraction = () => number;

export interface WarningLog {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}
