/**
 * What the TelephonyAccount kind needs from outside, in its own words.
 */
import type { Clock, EventSink, KubernetesObject, ObjectKey } from '../shared/ports.ts';
import type { LiveKitPort, TwilioAccountPort } from '../shared/telephony.ts';
import type { LiveKitCredentials, SecretData, TwilioCredentials } from './credentials.ts';
import type { Labels, Limits } from './model.ts';

/** What the API server knows about accounts. The lookups without a promise answer from caches that are in sync. */
export interface AccountLookups {
  /** The TelephonyAccount of this name. */
  account(name: string): KubernetesObject | undefined;
  /** `data` of the Secret of this name in the operator's namespace. */
  secretData(name: string): SecretData | undefined;
  /** Labels of a namespace, cached or live; undefined when it does not exist. Asked only where a selector decides. */
  namespaceLabels(name: string): Promise<Labels | undefined>;
  /** UID of the namespace kube-system. */
  kubeSystemUid(): string;
}

/** Opens the two providers. No call is made here, and nothing is thrown. */
export interface Connect {
  twilio(connection: TwilioConnection): TwilioAccountPort;
  livekit(connection: LiveKitConnection): LiveKitPort;
}

export interface TwilioConnection {
  readonly accountSid: string;
  readonly credentials: TwilioCredentials;
}

export interface LiveKitConnection {
  /** An http(s) origin. */
  readonly url: string;
  readonly credentials: LiveKitCredentials;
}

/** What an account object stands for, as far as it can be read. */
export interface LimitedIdentities {
  readonly accountSid: string | undefined;
  /** An http(s) origin. */
  readonly livekitUrl: string | undefined;
}

/** How hard the providers are worked. Of several objects that name one account or project the strictest limits count. */
export interface RequestLimits {
  /** The account object of this name stands for these and wants these limits; may be said as often as it is found. */
  limit(account: string, identities: LimitedIdentities, limits: Limits): void;
  /** The account object is gone. */
  forget(account: string): void;
}

/** TelephonyAccounts at the API server, and who uses them. Every write is a compare-and-swap. */
export interface AccountStore {
  /** The cached object. */
  cached(name: string): KubernetesObject | undefined;
  /** A live GET. */
  read(name: string): Promise<KubernetesObject | undefined>;
  /** JSON merge patch on metadata; throws `ConflictError` when the object changed or is gone. */
  patchMetadata(object: KubernetesObject, metadata: Readonly<Record<string, unknown>>): Promise<KubernetesObject>;
  /** JSON merge patch on the status; throws `ConflictError` when the object changed or is gone. */
  patchStatus(object: KubernetesObject, status: Readonly<Record<string, unknown>>): Promise<KubernetesObject>;
  /** PhoneNumbers that name the account or are pinned to it, from the cache. */
  usersOf(name: string): readonly ObjectKey[];
  /** The same live, of all namespaces. */
  listUsers(name: string): Promise<readonly ObjectKey[]>;
  /** The first eight characters of the UID of every PhoneNumber there is, from the cache. */
  knownUids(): ReadonlySet<string>;
}

/** Durations in milliseconds. Tests and the demo shorten them. */
export interface AccountSettings {
  /** A provider that failed its probe is probed again after this. */
  readonly probeMs: number;
  /** A provider that is fine is probed again, and all its lists are read, after this, more or less by a tenth. */
  readonly checkMs: number;
  /** Twilio's limit of trunks per account. */
  readonly trunkLimit: number;
}

/** Everything a reconcile of an account gets besides the key. */
export interface AccountDependencies {
  readonly store: AccountStore;
  readonly events: EventSink;
  readonly clock: Clock;
  /** Random, from 0 to 1: checks of many accounts shall not fall together. */
  readonly fraction: () => number;
  readonly settings: AccountSettings;
  /** Where the Secrets are. */
  readonly operatorNamespace: string;
}

/** Where findings go that stop nothing. Messages are constant; fields hold no secret. */
export interface NoticeSink {
  notice(message: string, fields: Readonly<Record<string, unknown>>): void;
}
