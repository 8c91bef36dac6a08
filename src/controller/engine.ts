/**
 * Engine of one kind: changes become keys, keys become reconciles.
 *
 * Guarantees
 * - No reconcile starts before all sources are synced, so that an object missing from a cache does not exist.
 * - When the signal aborts no reconcile starts any more, and `run` ends when those under way have ended.
 * - `onDeleted` of an object and reconciles of the same key never overlap; it is called again until it succeeds.
 *
 * Assumption: sources run on their own (main.ts starts and stops the watchers).
 */
import type { Outcome } from '../reconcilers/shared/outcome.ts';
import { type Clock, type KubernetesObject, keyText, type ObjectKey } from '../reconcilers/shared/ports.ts';
import { Backoff, type BackoffLimits } from './backoff.ts';
import type { Priority } from './due-keys.ts';
import { type EngineObserver, silentObserver } from './engine-observer.ts';
import type { Log } from './logging.ts';
import type { Timers } from './timers.ts';
import { type AddOptions, WorkQueue } from './work-queue.ts';
import { Worker } from './worker.ts';

/** What a kind is to the engine. */
export interface Kind {
  /** Such as "PhoneNumber". */
  readonly name: string;
  /** Reads all it needs, and never learns which change woke it. May throw; a `ConflictError` is no failure. */
  reconcile(key: ObjectKey): Promise<Outcome>;
  /** The object has vanished from the API server; `last` is what was seen of it last. May throw, and is repeated then. */
  onDeleted(last: KubernetesObject): Promise<void>;
}

/** One change of one object: new, changed or gone. */
export interface Change {
  readonly before: KubernetesObject | undefined;
  readonly after: KubernetesObject | undefined;
  /** Part of the first list after the start. */
  readonly initial: boolean;
}

/** The objects of the kind itself. */
export interface ChangeSource {
  /** Calls the listener for every change from now on. @returns a function that ends it */
  subscribe(listener: (change: Change) => void): () => void;
}

/** Anything that has to be complete before work starts. */
export interface Synced {
  /** Ends when synced; throws when the signal aborts before. */
  whenSynced(signal: AbortSignal): Promise<void>;
}

export interface EngineOptions {
  readonly kind: Kind;
  readonly source: ChangeSource;
  readonly caches: readonly Synced[];
  /** How many keys of one group may be reconciled at the same time. */
  readonly workers: number;
  /**
   * Whose key it is, such as the account of the object. Undefined for a key of which that is not known; these together are
   * a group too. All keys are one group if this is not given.
   */
  readonly groupOf?: (key: ObjectKey) => string | undefined;
  readonly backoff: BackoffLimits;
  readonly clock: Clock;
  readonly timers: Timers;
  /** From 0 to below 1, for jitter. */
  readonly fraction: () => number;
  readonly log: Log;
  /** Errors that a reconcile may throw without a defect, such as of the API server. None if not given. */
  readonly isExpected?: (error: unknown) => boolean;
  readonly observer?: EngineObserver;
}

/**
 * So many groups can work at full strength at the same time. A group whose every reconcile hangs holds one part in so many
 * and takes no more than that from the others (DESIGN 7: at most 5 %); and only when all of the rest is in use.
 */
export const groupsAtOnce = 20;

export class Engine {
  readonly #options: EngineOptions;
  readonly #queue: WorkQueue;
  readonly #worker: Worker;
  readonly #mostAtOnce: number;
  readonly #vanished = new Map<string, readonly KubernetesObject[]>();
  #ready = false;

  constructor(options: EngineOptions) {
    const { backoff, clock, fraction, groupOf, kind, log, timers, workers } = options;
    const { isExpected = () => false, observer = silentObserver } = options;
    this.#options = options;
    this.#mostAtOnce = groupOf === undefined ? workers : workers * groupsAtOnce;
    this.#queue = new WorkQueue({
      clock,
      timers,
      observer,
      groupOf: (key) => groupOf?.(keyOf(key)) ?? '',
      mostPerGroup: workers,
    });
    this.#worker = new Worker({
      kind: kind.name,
      queue: this.#queue,
      backoff: new Backoff(backoff, fraction),
      clock,
      log,
      observer,
      isExpected,
      reconcile: async (key) => await this.#reconcile(key),
    });
    observer.begin(() => ({
      mostAtOnce: this.#mostAtOnce,
      depth: this.#queue.depth,
      runningFor: this.#queue.runningFor,
    }));
  }

  /** The sources are synced and the workers work. */
  get isReady(): boolean {
    return this.#ready;
  }

  /** Reconciles that threw something that is neither expected nor a conflict, since the start. */
  get panics(): number {
    return this.#worker.panics;
  }

  /** Asks for a reconcile: for changes elsewhere that concern the object, such as of its account. */
  add(key: ObjectKey, options?: AddOptions): void {
    this.#queue.add(keyText(key), options);
  }

  /** Works until the signal aborts, and ends when the last reconcile under way has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { caches, kind, log, source, workers } = this.#options;
    const unsubscribe = source.subscribe((change) => this.#onChange(change));
    const close = (): void => this.#queue.close();
    signal.addEventListener('abort', close, { once: true });
    try {
      signal.throwIfAborted();
      await Promise.all(caches.map(async (cache) => await cache.whenSynced(signal)));
      this.#ready = true;
      log.info({ kind: kind.name, workers }, 'engine started');
      await Promise.all(Array.from({ length: this.#mostAtOnce }, async () => await this.#worker.run()));
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#ready = false;
      unsubscribe();
      close();
      log.info({ kind: kind.name }, 'engine stopped');
    }
  }

  #onChange(change: Change): void {
    const { after, before } = change;
    const object = after ?? before;
    if (object === undefined) return;
    const key = { namespace: object.metadata.namespace ?? '', name: object.metadata.name };
    if (after === undefined) {
      const text = keyText(key);
      this.#vanished.set(text, [...(this.#vanished.get(text) ?? []), object]);
    }
    this.add(key, { priority: priorityOf(change) });
  }

  async #reconcile(text: string): Promise<Outcome> {
    const { kind } = this.#options;
    for (let last = this.#vanished.get(text)?.[0]; last !== undefined; last = this.#vanished.get(text)?.[0]) {
      await kind.onDeleted(last);
      const rest = (this.#vanished.get(text) ?? []).slice(1);
      if (rest.length > 0) this.#vanished.set(text, rest);
      else this.#vanished.delete(text);
    }
    return await kind.reconcile(keyOf(text));
  }
}

/** The other way round of `keyText`: neither namespaces nor names hold a slash. */
function keyOf(text: string): ObjectKey {
  const slash = text.indexOf('/');
  return slash === -1
    ? { namespace: '', name: text }
    : { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}

/** A person waits for a deletion and for what an annotation asks for; nobody waits for what was there at the start. */
export function priorityOf({ before, after, initial }: Change): Priority {
  if (after === undefined || after.metadata.deletionTimestamp !== undefined) return 'high';
  if (initial) return 'low';
  return annotationsDiffer(before, after) ? 'high' : 'normal';
}

function annotationsDiffer(before: KubernetesObject | undefined, after: KubernetesObject): boolean {
  if (before === undefined) return false;
  const [old, now] = [before.metadata.annotations ?? {}, after.metadata.annotations ?? {}];
  return Object.keys({ ...old, ...now }).some((name) => old[name] !== now[name]);
}
