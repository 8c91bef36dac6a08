/**
 * Time that moves by hand: both clocks of `shared/ports.ts`, and the timers of the engine and the providers.
 *
 * Guarantees
 * - Nothing happens by itself: timers run only inside `advance`, in the order of their due times.
 * - Between two timers everything that promises were waiting for has run.
 */
import type { Clock } from '../../src/reconcilers/shared/ports.ts';

interface Timer {
  readonly dueAt: number;
  readonly run: () => void;
}

export class FakeClock implements Clock {
  readonly #startedAt: number;
  readonly #timers = new Set<Timer>();
  #elapsed = 0;

  /** `startedAt` is what `now` says first, in milliseconds since the Unix epoch. */
  constructor(startedAt: number = Date.UTC(2026, 0, 1)) {
    this.#startedAt = startedAt;
  }

  now(): number {
    return this.#startedAt + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  /** Calls `run` once after `delayMs`; the returned function prevents it. */
  schedule(delayMs: number, run: () => void): () => void {
    const timer: Timer = { dueAt: this.#elapsed + Math.max(0, delayMs), run };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** How many timers wait: a test of a stopped thing expects none. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Moves time on, timer by timer, and lets everything run that became possible. */
  async advance(milliseconds: number): Promise<void> {
    const until = this.#elapsed + milliseconds;
    await settle();
    for (let timer = this.#next(); timer !== undefined && timer.dueAt <= until; timer = this.#next()) {
      this.#timers.delete(timer);
      this.#elapsed = timer.dueAt;
      timer.run();
      await settle();
    }
    this.#elapsed = until;
  }

  /** Moves time on without letting promises run: for code that is synchronous throughout (`test/fakes`). */
  advanceSynchronously(milliseconds: number): void {
    const until = this.#elapsed + milliseconds;
    for (let timer = this.#next(); timer !== undefined && timer.dueAt <= until; timer = this.#next()) {
      this.#timers.delete(timer);
      this.#elapsed = timer.dueAt;
      timer.run();
    }
    this.#elapsed = until;
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (next === undefined || timer.dueAt < next.dueAt) next = timer;
    }
    return next;
  }
}

/** Lets all promises run that need nothing but each other. */
export async function settle(): Promise<void> {
  // Immediates come after all microtasks; the second round is for what the first one queued behind itself.
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}
