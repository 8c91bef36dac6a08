/**
 * Backoff: how long to wait after the n-th failure in a row of one object.
 */

export interface BackoffLimits {
  /** Milliseconds after the first failure; doubles with each further one. */
  readonly firstMs: number;
  /** Never longer than this many milliseconds. */
  readonly mostMs: number;
}

/**
 * Milliseconds to wait after `failures` failures in a row (1 for the first). Between half and all of the doubled delay:
 * many objects that failed at the same moment must not come back at the same moment. `fraction` is from 0 to below 1.
 */
export function backoffDelay({ firstMs, mostMs }: BackoffLimits, failures: number, fraction: number): number {
  const full = Math.min(mostMs, firstMs * 2 ** Math.max(0, failures - 1));
  return full * (0.5 + fraction / 2);
}

/** Failures in a row, by key. */
export class Backoff {
  readonly #limits: BackoffLimits;
  readonly #fraction: () => number;
  readonly #failures = new Map<string, number>();

  /** `fraction` is asked once per failure for a number from 0 to below 1. */
  constructor(limits: BackoffLimits, fraction: () => number) {
    this.#limits = limits;
    this.#fraction = fraction;
  }

  /** Counts a failure. @returns milliseconds to wait, at most `atMostMs` */
  failed(key: string, atMostMs: number = Number.POSITIVE_INFINITY): number {
    const failures = this.failures(key) + 1;
    this.#failures.set(key, failures);
    return Math.min(atMostMs, backoffDelay(this.#limits, failures, this.#fraction()));
  }

  /** Failures in a row so far. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next failure is a first one again. */
  forget(key: string): void {
    this.#failures.delete(key);
  }
}
