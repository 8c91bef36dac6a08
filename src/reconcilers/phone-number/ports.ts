/**
 * What the PhoneNumber kind needs from outside, in its own words.
 */
import type { Accounts, Pin } from '../shared/accounts.ts';
import type { Clock, EventSink, Fence, KubernetesObject, ObjectKey, Random } from '../shared/ports.ts';
import type { Memories } from './memory.ts';

/** PhoneNumbers at the API server. Every write is a compare-and-swap on the object's resourceVersion. */
export interface PhoneNumberStore {
  /** The cached object. */
  cached(key: ObjectKey): KubernetesObject | undefined;
  /** A live GET. */
  read(key: ObjectKey): Promise<KubernetesObject | undefined>;
  /** Live: all PhoneNumbers of all namespaces that name this number. */
  listByNumber(phoneNumber: string): Promise<readonly KubernetesObject[]>;
  /** JSON merge patch on metadata; throws `ConflictError` when the object changed or is gone. */
  patchMetadata(object: KubernetesObject, metadata: Readonly<Record<string, unknown>>): Promise<KubernetesObject>;
  /** JSON merge patch on the status; throws `ConflictError` when the object changed or is gone. */
  patchStatus(object: KubernetesObject, status: Readonly<Record<string, unknown>>): Promise<KubernetesObject>;
  /** Creates the record, or leaves the one that is there already: its name is the UID of the PhoneNumber. */
  createOrphanRecord(record: OrphanRecord): Promise<void>;
  /** Deletes the record of a PhoneNumber that lives on after all; nothing happens when there is none. */
  deleteOrphanRecord(uid: string): Promise<void>;
}

/** What is known about the outside of a PhoneNumber that was let go without clean-up. */
export interface OrphanRecord {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly phoneNumber: string;
  readonly pinned?: Pin | undefined;
  readonly cause: 'ForceDelete' | 'Orphan' | 'Vanished';
  readonly confirmedBy?: string | undefined;
  /** RFC 3339. */
  readonly confirmedAt: string;
  readonly items: readonly unknown[];
}

/** OrphanRecords at the API server. */
export interface RecordStore {
  /** Live, all of them. */
  listOrphanRecords(): Promise<readonly KubernetesObject[]>;
  /** JSON merge patch; throws `ConflictError` when the record changed or is gone. */
  patchOrphanRecordStatus(record: KubernetesObject, status: Readonly<Record<string, unknown>>): Promise<void>;
}

/** Durations in milliseconds. Tests and the demo shorten them. */
export interface Settings {
  /** Refusals that may end by themselves, such as NumberNotFound, are looked at again after this. */
  readonly recheckMs: number;
  /** How long a create whose answer was lost may still be applied by a provider. */
  readonly lateCommitMs: number;
  /** A pass that runs longer writes what it knows before its next external call. */
  readonly progressAfterMs: number;
  /** An answer of the API server older than this no longer allows an external write (DESIGN W1). */
  readonly proofMaxAgeMs: number;
  /** Twilio's limit of trunks per account. */
  readonly trunkLimit: number;
  readonly giveUp: GiveUpSettings;
}

/** When a removal is given up (DESIGN 3.3). */
export interface GiveUpSettings {
  /** Budget: the first failure is at least this old, and … */
  readonly afterMs: number;
  /** … this process saw at least so many failures … */
  readonly attempts: number;
  /** … over at least this long. */
  readonly overMs: number;
  /** Refusal: the same definite refusal so many times … */
  readonly refusals: number;
  /** … over at least this long. */
  readonly refusalsOverMs: number;
  /** Account: credentials refused or missing for this long. */
  readonly accountRefusedAfterMs: number;
  /** Account: provider not answering for this long. */
  readonly accountUnavailableAfterMs: number;
}

/** Everything a reconcile gets besides the key. */
export interface Dependencies {
  readonly store: PhoneNumberStore;
  readonly accounts: Accounts;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly random: Random;
  readonly fence: Fence;
  readonly memories: Memories;
  readonly settings: Settings;
  readonly audit: Audit;
}

/** Log lines that must exist whatever the log level: who let go of what. */
export interface Audit {
  record(action: string, fields: Readonly<Record<string, unknown>>): void;
}
