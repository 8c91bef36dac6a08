/**
 * What this process remembers of one PhoneNumber between passes, by UID. Losing all of it is safe: every rule holds
 * after a restart with an empty memory, only slower.
 */
import type { KnownIds, LeftoverKind } from './model.ts';
import type { FailureRecord } from './removal.ts';

export interface ObjectMemory {
  /** What passes learned that is not in the status yet. */
  ids: KnownIds;
  routing: 'Attached' | 'Detached' | undefined;
  /**
   * Monotonic milliseconds after which no create of ours can still be applied by a provider: only a list started later
   * proves that an object with our mark does not exist.
   */
  createsSettledAt: number;
  /** Failed removals of this deletion attempt. */
  readonly failures: Map<LeftoverKind, FailureRecord>;
  /** The last value of a force-delete annotation that was warned about. */
  warnedForceValue: string | undefined;
  /** The last status sent, and the resourceVersion it led to: an older CRD may prune fields, and must not cause a write per pass. */
  lastSentStatus: { readonly status: string; readonly resourceVersion: string } | undefined;
  /** The finalizer was taken off by us: nothing is left, or its record is written. */
  released: boolean;
  /** The cache is known to be behind. */
  readLive: boolean;
}

export class Memories {
  readonly #byUid = new Map<string, ObjectMemory>();
  readonly #foundSettledAt: number;

  /** `startedAt` is monotonic: a create of a process before this one may still be applied until `lateCommitMs` later. */
  constructor(startedAt: number, lateCommitMs: number) {
    this.#foundSettledAt = startedAt + lateCommitMs;
  }

  of(uid: string): ObjectMemory {
    const known = this.#byUid.get(uid);
    if (known !== undefined) return known;
    const fresh: ObjectMemory = {
      ids: {},
      routing: undefined,
      createsSettledAt: this.#foundSettledAt,
      failures: new Map(),
      warnedForceValue: undefined,
      lastSentStatus: undefined,
      released: false,
      readLive: false,
    };
    this.#byUid.set(uid, fresh);
    return fresh;
  }

  forget(uid: string): void {
    this.#byUid.delete(uid);
  }
}
