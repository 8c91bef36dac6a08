/**
 * The fence before every external write (DESIGN W3).
 *
 * Guarantees
 * - Open only while the lease is surely ours, judged by the monotonic clock at the moment of the question: it needs no
 *   timer to have fired, so a process that was suspended finds it closed.
 * - Once closed for good it stays closed.
 */
import type { Clock, Fence } from '../reconcilers/shared/ports.ts';

/** Thrown in place of an external write: another replica may be writing, or this process is about to end. */
export class FenceClosedError extends Error {
  override readonly name = 'FenceClosedError';
}

/** For one that writes alone: always open. */
export const openFence: Fence = { assertSurelyLeader: () => undefined };

/** Closed until told otherwise. */
export class LeaderFence implements Fence {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #until = Number.NEGATIVE_INFINITY;
  #closedBecause: string | undefined;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Until when the lease is surely ours, in monotonic milliseconds; minus infinity if it never was. */
  get heldUntil(): number {
    return this.#until;
  }

  /** The lease is surely ours until this moment, in monotonic milliseconds. */
  holdUntil(moment: number): void {
    this.#until = moment;
  }

  /** For good. */
  close(why: string): void {
    this.#closedBecause ??= why;
  }

  /** @throws FenceClosedError */
  assertSurelyLeader(): void {
    if (this.#closedBecause !== undefined) throw new FenceClosedError(`Cannot write: ${this.#closedBecause}`);
    if (this.#clock.monotonic() >= this.#until) {
      throw new FenceClosedError('Cannot write: the lease was not renewed in time, another replica may have it');
    }
  }
}
