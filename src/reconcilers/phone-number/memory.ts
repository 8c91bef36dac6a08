/**
 * What this process remembers of one PhoneNumber between passes, by UID. Losing all of it is safe: every rule holds
 * after a restart with an empty memory, only slower.
 */
import type { LiveKitPort, TwilioPort } from '../shared/telephony.ts';
import type { Provider } from '../shared/verdict.ts';
import type { KnownIds, LeftoverKind, RoutingRecord } from './model.ts';
import type { FailureRecord } from './removal.ts';

/** What a create makes: a kind, or the name of one of several things of a kind. */
export type CreateKey = LeftoverKind | `url ${string}` | `address ${string}`;

/** Until when (monotonic milliseconds) an answer holds, and for what it was given. */
interface Rest {
  readonly until: number;
  readonly generation: number;
  readonly tokens: string;
  readonly twilio: TwilioPort;
  readonly livekit: LiveKitPort;
}

/** What is remembered of one object. */
export interface ObjectMemory {
  /** What passes learned that is not in the status yet. */
  ids: KnownIds;
  routing: 'Attached' | 'Detached' | undefined;
  /**
   * What this process created, or tried to, and monotonic milliseconds until which a read that lacks it proves nothing:
   * a create whose answer was lost may still be applied, and a fresh object may not show yet.
   */
  readonly unsettledCreates: Map<CreateKey, number>;
  /** The same for creates of an earlier process: whatever has no recorded id may still appear until then. */
  foundSettledAt: number;
  /** The account was stopped when the object was looked at last. */
  isHalted: boolean;
  /** Monotonic milliseconds; trouble of the account before then does not count. */
  accountCountedFrom: number;
  /** Failed removals of this deletion attempt. */
  readonly failures: Map<LeftoverKind, FailureRecord>;
  /** No call is waited for any more: there was none, or the time for it was over. The number is off its trunk since. */
  drained: boolean;
  /** Of an object that is deleted: nothing of ours is on the number any more. */
  isUnrouted: boolean;
  /** What the number was routed to before does not exist any more. */
  cannotGiveBack: boolean;
  /** A snapshot contradicts the status, or it is time: everything is read again, although nothing has changed here. */
  mustLook: boolean;
  /** Monotonic milliseconds when everything was read last; undefined: not by this process. */
  lookedAt: number | undefined;
  /** What the last snapshots contradicted, by provider; an object looks when that changes. */
  readonly contradictions: Map<Provider, string>;
  /** A provider's answer that holds for a while (`standing.ts`). */
  rest: Rest | undefined;
  /** The last value of a force-delete annotation that a warning event told about. */
  warnedForceValue: string | undefined;
  /** The last status sent, and the resourceVersion it led to: an older CRD may prune fields, and must not cause a write per pass. */
  lastSentStatus: { readonly status: string; readonly resourceVersion: string } | undefined;
  /** The finalizer was taken off by us: nothing is left, or its record is written. */
  released: boolean;
  /** The cache is known to be behind. */
  readLive: boolean;
}

/** All memories, and the turns of those that claim the same number. */
export class Memories {
  readonly #byUid = new Map<string, ObjectMemory>();
  readonly #claims = new Map<string, Promise<void>>();
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
      unsettledCreates: new Map(),
      foundSettledAt: this.#foundSettledAt,
      isHalted: false,
      accountCountedFrom: Number.NEGATIVE_INFINITY,
      failures: new Map(),
      drained: false,
      isUnrouted: false,
      cannotGiveBack: false,
      mustLook: false,
      lookedAt: undefined,
      contradictions: new Map(),
      rest: undefined,
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

  /**
   * Runs `work` alone among all that claim the same number: between "nobody else has it" and "it is ours" no other
   * object of this process may come in. There is one process that writes (DESIGN W3).
   */
  async claiming<T>(number: string, work: () => Promise<T>): Promise<T> {
    const before = this.#claims.get(number) ?? Promise.resolve();
    const turn = before.then(work);
    const done = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#claims.set(number, done);
    try {
      return await turn;
    } finally {
      if (this.#claims.get(number) === done) this.#claims.delete(number);
    }
  }
}

const idFieldOf: Readonly<Partial<Record<CreateKey, keyof KnownIds>>> = {
  Trunk: 'trunkSid',
  CredentialList: 'credentialListSid',
  Credential: 'credentialSid',
  IpAccessControlList: 'ipAccessControlListSid',
  InboundTrunk: 'inboundTrunkId',
  OutboundTrunk: 'outboundTrunkId',
  DispatchRule: 'dispatchRuleId',
};

/** What is known of an object, by its status and by this process. */
export interface Known {
  readonly memory: ObjectMemory;
  readonly ids: KnownIds;
  readonly routes: { readonly record: RoutingRecord };
}

/**
 * Monotonic milliseconds from which on a read that lacks the thing proves that it does not exist, or that the number is
 * not attached.
 */
export function settledAt(known: Known, key: CreateKey): number {
  const found = isRecorded(known, key) ? Number.NEGATIVE_INFINITY : known.memory.foundSettledAt;
  return Math.max(found, known.memory.unsettledCreates.get(key) ?? Number.NEGATIVE_INFINITY);
}

/**
 * It is written down that it was there. One of several things of a kind has no place of its own for that, and an attach
 * may come again after it was answered once.
 */
function isRecorded({ ids, routes }: Known, key: CreateKey): boolean {
  // Whatever was sent before was read back.
  if (key === 'NumberRouting') return routes.record.routingTo === undefined;
  // Replaced, and never waited for.
  if (key === 'Credential') return true;
  const field = idFieldOf[key];
  return field !== undefined && ids[field] !== undefined;
}
