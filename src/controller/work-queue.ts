/**
 * Work queue: which object to reconcile next, and not before when.
 *
 * Guarantees
 * - A key is handed to at most one worker at a time.
 * - Adding a key that is waiting keeps the earlier due time and the higher priority.
 * - Adding a key that is running makes it run once more after `done`, however often it was added.
 * - Among due keys the higher priority goes first; within a priority groups take turns, and no group runs more than its
 *   share (`due-keys.ts`).
 *
 * Assumptions
 * - Every `take` that answers a key is followed by exactly one `done`, also when the reconcile throws.
 * - Due times come from the injected clock; nothing here reads the wall clock.
 *
 * It knows nothing about Kubernetes, failures or backoff: see `backoff.ts` and `worker.ts`.
 */
import type { Clock } from '../reconcilers/shared/ports.ts';
import { DelayedKeys } from './delayed-keys.ts';
import { DueKeys, type Priority, priorities } from './due-keys.ts';
import type { QueueObserver } from './engine-observer.ts';
import type { Cancel, Timers } from './timers.ts';

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

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly observer: QueueObserver;
  /** Whose key it is. Asked when the key becomes due. */
  readonly groupOf: (key: string) => string;
  /** How many keys of one group may run at the same time. */
  readonly mostPerGroup: number;
}

interface Waiting {
  readonly dueAt: number;
  readonly priority: Priority;
}

interface Running {
  readonly group: string;
  readonly since: number;
  /** What was added meanwhile. */
  readonly again: Waiting | undefined;
}

export class WorkQueue {
  readonly #options: WorkQueueOptions;
  /** Keys that are neither due nor running. */
  readonly #delayed = new DelayedKeys();
  readonly #waiting = new Map<string, Waiting>();
  readonly #due: DueKeys;
  readonly #running = new Map<string, Running>();
  readonly #takers: ((taken: Taken | undefined) => void)[] = [];
  #timer: { readonly dueAt: number; readonly cancel: Cancel } | undefined;
  #closed = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#due = new DueKeys(options.mostPerGroup);
  }

  /** How many keys of each priority are due, and wait for nothing but a worker. */
  get depth(): Readonly<Record<Priority, number>> {
    this.#promote();
    return this.#due.depth;
  }

  /** Of each key that runs, for how many milliseconds it has been running. */
  get runningFor(): readonly number[] {
    const now = this.#options.clock.monotonic();
    return [...this.#running.values()].map(({ since }) => now - since);
  }

  /** Does nothing once the queue is closed. */
  add(key: string, { afterMs = 0, priority = 'normal' }: AddOptions = {}): void {
    if (this.#closed) return;
    const { clock, observer } = this.#options;
    if (afterMs > 0) observer.delayed();
    const added = { dueAt: clock.monotonic() + Math.max(0, afterMs), priority };
    const running = this.#running.get(key);
    if (running !== undefined) {
      this.#running.set(key, { ...running, again: merged(running.again, added) });
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
    const { clock, observer } = this.#options;
    const running = this.#running.get(key);
    if (running === undefined) return;
    this.#running.delete(key);
    this.#due.done(running.group);
    observer.worked(clock.monotonic() - running.since);
    if (this.#closed) return;
    if (running.again !== undefined) this.#wait(key, running.again);
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
    const due = this.#due.get(key);
    if (due !== undefined) {
      // Only a higher priority changes anything.
      if (higher(added.priority, due.priority) !== due.priority) {
        this.#due.add({ ...due, priority: added.priority });
      }
      return;
    }
    const waiting = merged(this.#waiting.get(key), added);
    this.#waiting.set(key, waiting);
    this.#delayed.set(key, waiting.dueAt);
  }

  /** Hands due keys to takers, and sets the timer for the next one if takers are left over. */
  #serve(): void {
    this.#promote();
    while (this.#takers.length > 0) {
      const next = this.#due.take();
      if (next === undefined) break;
      const { dueAt, group, key, priority } = next;
      const since = this.#options.clock.monotonic();
      this.#running.set(key, { group, since, again: undefined });
      this.#options.observer.taken(since - dueAt);
      this.#takers.shift()?.({ key, priority });
    }
    this.#setTimer(this.#takers.length > 0 ? this.#delayed.earliest() : undefined);
  }

  #promote(): void {
    const { clock, groupOf, observer } = this.#options;
    for (const key of this.#delayed.removeDue(clock.monotonic())) {
      const waiting = this.#waiting.get(key);
      if (waiting === undefined) continue;
      this.#waiting.delete(key);
      this.#due.add({ key, group: groupOf(key), ...waiting });
      observer.added();
    }
  }

  #setTimer(dueAt: number | undefined): void {
    if (this.#timer?.dueAt === dueAt) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (dueAt === undefined) return;
    const { clock, timers } = this.#options;
    const cancel = timers.schedule(dueAt - clock.monotonic(), () => {
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
