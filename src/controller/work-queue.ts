/**
 * Work queue: which object to reconcile next, and not before when.
 *
 * Guarantees
 * - A key is handed to at most one worker at a time.
 * - Adding a key that is waiting keeps the earlier due time and the higher priority.
 * - Adding a key that is running makes it run once more after `done`, however often it was added.
 * - Among due keys the higher priority goes first, and within a priority the one that became due first.
 *
 * Assumptions
 * - Every `take` that answers a key is followed by exactly one `done`, also when the reconcile throws.
 * - Due times come from the injected clock; nothing here reads the wall clock.
 *
 * It knows nothing about Kubernetes, failures or backoff: see `backoff.ts` and `worker.ts`.
 */
import type { Clock } from '../reconcilers/shared/ports.ts';
import { DelayedKeys } from './delayed-keys.ts';
import type { Cancel, Timers } from './timers.ts';

/** High: a person waits. Low: nobody does, as after a restart. */
export const priorities = ['high', 'normal', 'low'] as const;
export type Priority = (typeof priorities)[number];

export interface AddOptions {
  /** Milliseconds from now; 0 if not given. */
  readonly afterMs?: number;
  /** Normal if not given. */
  readonly priority?: Priority;
}

/** A key to work on, and the priority it was added with, for adding it again. */
export interface Taken {
  readonly key: string;
  readonly priority: Priority;
}

interface Waiting {
  readonly dueAt: number;
  readonly priority: Priority;
}

export class WorkQueue {
  readonly #clock: Clock;
  readonly #timers: Timers;
  /** Keys that are neither due nor running. */
  readonly #delayed = new DelayedKeys();
  readonly #delayedPriority = new Map<string, Priority>();
  /** Due keys in the order in which they became due. */
  readonly #ready: Readonly<Record<Priority, Set<string>>> = { high: new Set(), normal: new Set(), low: new Set() };
  /** Running keys, with what was added meanwhile. */
  readonly #running = new Map<string, Waiting | undefined>();
  readonly #takers: ((taken: Taken | undefined) => void)[] = [];
  #timer: { readonly dueAt: number; readonly cancel: Cancel } | undefined;
  #closed = false;

  constructor(clock: Clock, timers: Timers) {
    this.#clock = clock;
    this.#timers = timers;
  }

  /** Does nothing once the queue is closed. */
  add(key: string, { afterMs = 0, priority = 'normal' }: AddOptions = {}): void {
    if (this.#closed) return;
    const added = { dueAt: this.#clock.monotonic() + Math.max(0, afterMs), priority };
    if (this.#running.has(key)) {
      this.#running.set(key, merged(this.#running.get(key), added));
      return;
    }
    this.#wait(key, added);
    this.#serve();
  }

  /** The next due key; waits until there is one. Undefined when the queue is closed. */
  async take(): Promise<Taken | undefined> {
    if (this.#closed) return undefined;
    const taken = new Promise<Taken | undefined>((resolve) => this.#takers.push(resolve));
    this.#serve();
    return await taken;
  }

  /** Ends the run of a key, which may now be taken again. */
  done(key: string): void {
    const again = this.#running.get(key);
    this.#running.delete(key);
    if (again === undefined || this.#closed) return;
    this.#wait(key, again);
    this.#serve();
  }

  /** Lets all takers go, now and later; what waits is forgotten. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const resolve of this.#takers.splice(0)) resolve(undefined);
  }

  #wait(key: string, added: Waiting): void {
    const ready = priorities.find((priority) => this.#ready[priority].has(key));
    if (ready !== undefined) {
      // It is due already: only a higher priority changes anything.
      if (higher(added.priority, ready) === ready) return;
      this.#ready[ready].delete(key);
      this.#ready[added.priority].add(key);
      return;
    }
    const dueAt = this.#delayed.dueAt(key);
    const priority = this.#delayedPriority.get(key);
    const waiting = dueAt === undefined || priority === undefined ? added : merged({ dueAt, priority }, added);
    this.#delayed.set(key, waiting.dueAt);
    this.#delayedPriority.set(key, waiting.priority);
  }

  /** Hands due keys to takers, and sets the timer for the next one if takers are left over. */
  #serve(): void {
    this.#promote();
    while (this.#takers.length > 0) {
      const next = this.#next();
      if (next === undefined) break;
      this.#running.set(next.key, undefined);
      this.#takers.shift()?.(next);
    }
    this.#setTimer(this.#takers.length > 0 ? this.#delayed.earliest() : undefined);
  }

  #promote(): void {
    for (const key of this.#delayed.removeDue(this.#clock.monotonic())) {
      this.#ready[this.#delayedPriority.get(key) ?? 'normal'].add(key);
      this.#delayedPriority.delete(key);
    }
  }

  #next(): Taken | undefined {
    for (const priority of priorities) {
      for (const key of this.#ready[priority]) {
        this.#ready[priority].delete(key);
        return { key, priority };
      }
    }
    return undefined;
  }

  #setTimer(dueAt: number | undefined): void {
    if (this.#timer?.dueAt === dueAt) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (dueAt === undefined) return;
    const cancel = this.#timers.schedule(dueAt - this.#clock.monotonic(), () => {
      this.#timer = undefined;
      this.#serve();
    });
    this.#timer = { dueAt, cancel };
  }
}

function merged(before: Waiting | undefined, added: Waiting): Waiting {
  if (before === undefined) return added;
  return { dueAt: Math.min(before.dueAt, added.dueAt), priority: higher(before.priority, added.priority) };
}

function higher(one: Priority, other: Priority): Priority {
  return priorities.indexOf(one) <= priorities.indexOf(other) ? one : other;
}
