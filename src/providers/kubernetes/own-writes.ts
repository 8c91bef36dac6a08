/**
 * Our own writes between the API server's answer and the moment the watch tells of them.
 *
 * Guarantees
 * - `newest` never goes back behind an answer to one of our writes, for as long as it takes the watch to catch up, but at
 *   most `keepMs`: then the cache is believed again, whatever it says.
 * - Subscribers do not hear of changes that are our own writes: whoever wrote knows. If the watch is faster than the
 *   answer, the change waits for it. A write whose answer was lost is heard of like anybody else's.
 * - Deletions are always heard of, and a deleted object does not come back.
 *
 * Assumption: every write is a compare-and-swap, so an own version contains everything that others wrote before it.
 */
import { type Clock, type KubernetesObject, keyText, type ObjectKey } from '../../reconcilers/shared/ports.ts';
import type { Change, ChangeListener } from './object-cache.ts';
import { isOlder, keyOf } from './objects.ts';
import type { WarningLog } from './ports.ts';

/** As much of a cache as this needs. */
interface Cache {
  get(key: ObjectKey): KubernetesObject | undefined;
  subscribe(listener: ChangeListener): () => void;
}

/** What is known of one object; it goes when nothing is expected any more. */
interface Tracked {
  readonly uid: string;
  writesUnderWay: number;
  /** The answer to the last write. */
  newest: KubernetesObject | undefined;
  answeredAt: number;
  /** Versions that we made and the watch has not shown. */
  readonly versions: Set<string>;
  /** Changes that came while a write was under way. */
  readonly held: Change[];
}

const defaultKeepMs = 10_000;

export class OwnWrites {
  readonly #cache: Cache;
  readonly #clock: Clock;
  readonly #log: WarningLog;
  readonly #keepMs: number;
  readonly #tracked = new Map<string, Tracked>();
  readonly #listeners = new Set<ChangeListener>();

  /** Lives as long as the cache. */
  constructor(cache: Cache, clock: Clock, log: WarningLog, keepMs: number = defaultKeepMs) {
    this.#cache = cache;
    this.#clock = clock;
    this.#log = log;
    this.#keepMs = keepMs;
    cache.subscribe((change) => this.#onChange(change));
  }

  /** The cached object, or the answer to our own write if that is newer. */
  newest(key: ObjectKey): KubernetesObject | undefined {
    const cached = this.#cache.get(key);
    const tracked = this.#tracked.get(keyText(key));
    if (cached === undefined || tracked?.newest === undefined || tracked.uid !== cached.metadata.uid) return cached;
    if (this.#clock.monotonic() - tracked.answeredAt > this.#keepMs) return cached;
    return isOlder(cached.metadata.resourceVersion, tracked.newest.metadata.resourceVersion) ? tracked.newest : cached;
  }

  /** Calls the listener for every change that is not our own. @returns a function that ends it */
  subscribe(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Carries out a write of the object and remembers the answer. Throws what the write throws. */
  async track(object: KubernetesObject, write: () => Promise<KubernetesObject>): Promise<KubernetesObject> {
    const key = keyOf(object);
    const tracked = this.#trackedOf(keyText(key), object.metadata.uid);
    tracked.writesUnderWay += 1;
    try {
      const answer = await write();
      if (answer.metadata.resourceVersion !== object.metadata.resourceVersion) {
        tracked.versions.add(answer.metadata.resourceVersion);
      }
      tracked.newest = answer;
      tracked.answeredAt = this.#clock.monotonic();
      return answer;
    } finally {
      tracked.writesUnderWay -= 1;
      if (tracked.writesUnderWay === 0) {
        for (const change of tracked.held.splice(0)) this.#pass(change, tracked);
        this.#forgetIfSeen(key, tracked);
      }
    }
  }

  #trackedOf(key: string, uid: string): Tracked {
    const known = this.#tracked.get(key);
    if (known?.uid === uid) return known;
    const fresh = { uid, writesUnderWay: 0, newest: undefined, answeredAt: 0, versions: new Set<string>(), held: [] };
    this.#tracked.set(key, fresh);
    return fresh;
  }

  #onChange(change: Change): void {
    const object = change.after ?? change.before;
    if (object === undefined) return;
    const key = keyOf(object);
    const tracked = this.#tracked.get(keyText(key));
    if (tracked === undefined || tracked.uid !== object.metadata.uid) this.#tell(change);
    else if (change.after === undefined) {
      tracked.held.length = 0;
      this.#tracked.delete(keyText(key));
      this.#tell(change);
    } else if (tracked.writesUnderWay > 0) tracked.held.push(change);
    else {
      this.#pass(change, tracked);
      this.#forgetIfSeen(key, tracked);
    }
  }

  #pass(change: Change, tracked: Tracked): void {
    const version = change.after?.metadata.resourceVersion;
    const own = version !== undefined && tracked.versions.has(version);
    if (!own) this.#tell(change);
  }

  /** Nothing is expected any more once the cache is as new as our last answer, or has forgotten the object. */
  #forgetIfSeen(key: ObjectKey, tracked: Tracked): void {
    if (this.#tracked.get(keyText(key)) !== tracked) return;
    const cached = this.#cache.get(key);
    const behind =
      tracked.newest !== undefined &&
      cached?.metadata.uid === tracked.uid &&
      isOlder(cached.metadata.resourceVersion, tracked.newest.metadata.resourceVersion);
    if (!behind) this.#tracked.delete(keyText(key));
  }

  #tell(change: Change): void {
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        // It must not look as if the write had failed.
        this.#log.warn({ err: error }, 'listener of a cache failed');
      }
    }
  }
}
