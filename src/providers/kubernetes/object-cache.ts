/**
 * Cache of all objects of one kind, as plain JSON, fed by a watcher.
 *
 * Guarantees
 * - Listeners hear of every change once, with the object before and after; an object that was deleted and made again
 *   under the same name while nobody looked is two changes.
 * - A listener that throws harms neither the cache nor other listeners.
 *
 * Assumption: nobody changes an object that came from here.
 */
import { isDeepStrictEqual } from 'node:util';
import { type KubernetesObject, keyText, type ObjectKey } from '../../reconcilers/shared/ports.ts';
import { keyOf } from './objects.ts';
import type { WarningLog } from './ports.ts';

/** One change of one object: new, changed or gone. */
export interface Change {
  readonly before: KubernetesObject | undefined;
  readonly after: KubernetesObject | undefined;
  /** Part of the first list after the start. */
  readonly initial: boolean;
}

export type ChangeListener = (change: Change) => void;

/** The values under which an object is found. */
export type Index = (object: KubernetesObject) => readonly string[];

export class ObjectCache<IndexName extends string = never> {
  readonly #log: WarningLog;
  readonly #objects = new Map<string, KubernetesObject>();
  readonly #indexes: ReadonlyMap<string, { readonly valuesOf: Index; readonly keys: Map<string, Set<string>> }>;
  readonly #listeners = new Set<ChangeListener>();
  readonly #synced = Promise.withResolvers<void>();
  #isSynced = false;

  constructor(indexes: Readonly<Record<IndexName, Index>>, log: WarningLog) {
    this.#log = log;
    this.#indexes = new Map(
      Object.entries<Index>(indexes).map(([name, valuesOf]) => [name, { valuesOf, keys: new Map() }]),
    );
  }

  get(key: ObjectKey): KubernetesObject | undefined {
    return this.#objects.get(keyText(key));
  }

  list(): readonly KubernetesObject[] {
    return [...this.#objects.values()];
  }

  /** The objects that the index gives this value, in no particular order. */
  byIndex(name: IndexName, value: string): readonly KubernetesObject[] {
    const keys = this.#indexes.get(name)?.keys.get(value) ?? [];
    return [...keys].flatMap((key) => this.#objects.get(key) ?? []);
  }

  /** How many objects the index gives each value. */
  countsOf(name: IndexName): Readonly<Record<string, number>> {
    const counts = [...(this.#indexes.get(name)?.keys ?? [])].map(([value, keys]) => [value, keys.size] as const);
    return Object.fromEntries(counts);
  }

  /** Calls the listener for every change from now on. @returns a function that ends it */
  subscribe(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** The first list has arrived. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** Ends when the first list has arrived and listeners know of it. @throws the signal's reason when it aborts before */
  async whenSynced(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([this.#synced.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** These objects are all there are. */
  replace(objects: readonly KubernetesObject[]): void {
    const listed = new Set(objects.map((object) => keyText(keyOf(object))));
    for (const [key, object] of this.#objects) {
      if (!listed.has(key)) this.#change(key, object, undefined);
    }
    for (const object of objects) this.apply(object);
    this.#isSynced = true;
    this.#synced.resolve();
  }

  /** This object is new or has changed. */
  apply(object: KubernetesObject): void {
    const key = keyText(keyOf(object));
    const before = this.#objects.get(key);
    if (before?.metadata.uid === object.metadata.uid) {
      // Not by version: after a restored backup the same one may stand for something else.
      if (!isDeepStrictEqual(before, object)) this.#change(key, before, object);
      return;
    }
    if (before !== undefined) this.#change(key, before, undefined);
    this.#change(key, undefined, object);
  }

  /** This object is gone. `last` is its last state. */
  remove(last: KubernetesObject): void {
    const key = keyText(keyOf(last));
    const before = this.#objects.get(key);
    if (before?.metadata.uid === last.metadata.uid) this.#change(key, last, undefined);
  }

  #change(key: string, before: KubernetesObject | undefined, after: KubernetesObject | undefined): void {
    const cached = this.#objects.get(key);
    if (cached !== undefined) this.#unindex(key, cached);
    if (after === undefined) this.#objects.delete(key);
    else {
      this.#objects.set(key, after);
      this.#index(key, after);
    }
    const change = { before, after, initial: !this.#isSynced };
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        this.#log.warn({ key, err: error }, 'listener of a cache failed');
      }
    }
  }

  #index(key: string, object: KubernetesObject): void {
    for (const { keys, valuesOf } of this.#indexes.values()) {
      for (const value of valuesOf(object)) {
        const found = keys.get(value);
        if (found === undefined) keys.set(value, new Set([key]));
        else found.add(key);
      }
    }
  }

  #unindex(key: string, object: KubernetesObject): void {
    for (const { keys, valuesOf } of this.#indexes.values()) {
      for (const value of valuesOf(object)) {
        const found = keys.get(value);
        found?.delete(key);
        if (found?.size === 0) keys.delete(value);
      }
    }
  }
}
