/**
 * Snapshots: what the lists of one provider show of a whole account, and who compares them with what is known. A list may
 * lag behind, so a snapshot proves that something is there, never that it is gone.
 */
import type {
  DispatchRuleState,
  InboundTrunkState,
  NamedList,
  NumberState,
  OutboundTrunkState,
  TrunkState,
} from './telephony.ts';

/** Complete lists of one Twilio account. */
export interface TwilioSnapshot {
  /** Monotonic milliseconds when the first list was asked for. */
  readonly startedAt: number;
  readonly numbers: readonly NumberState[];
  readonly trunks: readonly TrunkState[];
  readonly credentialLists: readonly NamedList[];
  readonly ipAccessControlLists: readonly NamedList[];
}

/** Complete lists of one LiveKit project. */
export interface LiveKitSnapshot {
  /** Monotonic milliseconds when the first list was asked for. */
  readonly startedAt: number;
  readonly inboundTrunks: readonly InboundTrunkState[];
  readonly dispatchRules: readonly DispatchRuleState[];
  readonly outboundTrunks: readonly OutboundTrunkState[];
}

/** What a snapshot says about the living PhoneNumbers of an account. */
export interface Comparison {
  /** Ids that they know there. */
  readonly known: number;
  /** Those of them that the lists lack. */
  readonly missing: readonly string[];
  /** Has every PhoneNumber that the snapshot contradicts, or that is due, look for itself. */
  lookAgain(): void;
}

/** All PhoneNumbers, as far as snapshots concern them. */
export interface Fleet {
  compareTwilio(accountSid: string, snapshot: TwilioSnapshot): Promise<Comparison>;
  /** `livekitUrl` is an http(s) origin. */
  compareLiveKit(livekitUrl: string, snapshot: LiveKitSnapshot): Promise<Comparison>;
  /** Looks whether what OrphanRecords list in a Twilio account and beside it is gone. Throws what the API server throws. */
  sweepRecords(accountSid: string): Promise<void>;
  /** Wakes every PhoneNumber that is pinned to a Twilio account or a LiveKit project. */
  wakeAll(identity: string): void;
}
