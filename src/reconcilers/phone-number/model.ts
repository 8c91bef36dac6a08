/**
 * PhoneNumber as plain readonly data: what is wanted, what is known, what is left.
 */
import type { Condition } from '../shared/conditions.ts';
import type { AgentDispatch, TransferMode } from '../shared/telephony.ts';
import type { Pin } from '../shared/accounts.ts';
import type { Reason } from '../shared/reasons.ts';

/** `voice.sipTrunk` with every default filled in; durations in whole seconds. */
export interface SipTrunkSpec {
  /** A trunk that is there already and stays as it is; undefined: the number gets a trunk of its own. */
  readonly existingTrunkSid: string | undefined;
  /** Ordered by preference; empty means the account's LiveKit SIP host over TCP. */
  readonly originationUris: readonly string[];
  readonly transferMode: TransferMode;
  /** Signalling and media are encrypted. */
  readonly secure: boolean;
  /** Empty: none. Undefined: whatever is there stays. */
  readonly disasterRecoveryUrl?: string | undefined;
  readonly inbound: {
    readonly allowedAddresses: readonly string[];
    readonly krispEnabled: boolean;
    readonly headersToAttributes: Readonly<Record<string, string>>;
    readonly maxCallDurationSeconds: number;
    readonly ringingTimeoutSeconds: number;
  };
  readonly outbound: { readonly enabled: boolean; readonly allowedCidrs: readonly string[] };
  readonly dispatch: {
    readonly roomPrefix: string;
    readonly agents: readonly AgentDispatch[];
    readonly hidePhoneNumber: boolean;
    readonly attributes: Readonly<Record<string, string>>;
  };
}

export interface PhoneNumberSpec {
  /** E.164 with the plus sign. */
  readonly phoneNumber: string;
  readonly accountName: string;
  /** The number is kept off its trunk; everything behind it stays. */
  readonly suspended: boolean;
  /** Until the number is Ready for the first time: may replace routing that is already on the number. */
  readonly takeover: boolean;
  /** Undefined: calls go to the voice webhook. */
  readonly sipTrunk: SipTrunkSpec | undefined;
  /** `voice.webhook` and `sms`. */
  readonly webhooks: Webhooks;
}

/** What Twilio asks over HTTP about a number, each by one of its own: `statusCallback` is told how a call went. */
export const webhookSlots = ['voice', 'voiceFallback', 'statusCallback', 'sms', 'smsFallback'] as const;
export type WebhookSlot = (typeof webhookSlots)[number];

export interface Webhook {
  readonly url: string;
  /** GET or POST. */
  readonly method: string;
}
export type Webhooks = { readonly [Slot in WebhookSlot]?: Webhook | undefined };

/**
 * What of the webhooks on a number is ours. A value that is neither of the two was put there by somebody else, and is
 * neither replaced nor cleared.
 */
export interface RoutingRecord {
  /** Read back from the number. */
  readonly routedTo?: Webhooks | undefined;
  /** Written down before it is sent, and until it was read back. */
  readonly routingTo?: Webhooks | undefined;
}

/** What wiring up destroys at Twilio, as it was before. */
export interface PreviousRouting {
  readonly trunkSid?: string | undefined;
  /** Given back when the number is let go of for good. */
  readonly voiceApplicationSid?: string | undefined;
  /** The same for text messages. */
  readonly smsApplicationSid?: string | undefined;
  /** URLs without user information and query, which may hold secrets; so they cannot be given back. */
  readonly webhooks?: { readonly [Slot in WebhookSlot]?: string | undefined } | undefined;
}

/** Ids of the outside objects; a missing one means "unknown" while our finalizer is on the object. */
export interface KnownIds {
  readonly phoneNumberSid?: string | undefined;
  readonly trunkSid?: string | undefined;
  readonly credentialListSid?: string | undefined;
  readonly credentialSid?: string | undefined;
  readonly ipAccessControlListSid?: string | undefined;
  readonly inboundTrunkId?: string | undefined;
  readonly outboundTrunkId?: string | undefined;
  readonly dispatchRuleId?: string | undefined;
}

/** What a person wants adopted, by role; a role that is not named is looked for by its mark, or made. */
export type NamedAdoption = Pick<KnownIds, 'trunkSid' | 'inboundTrunkId' | 'outboundTrunkId' | 'dispatchRuleId'>;

export const phases = ['Pending', 'Provisioning', 'Ready', 'Suspended', 'Failed', 'Deleting', 'Corrupted'] as const;
export type Phase = (typeof phases)[number];

export const leftoverKinds = [
  'NumberAttachment',
  'NumberRouting',
  'DispatchRule',
  'InboundTrunk',
  'Trunk',
  'OutboundTrunk',
  'Credential',
  'CredentialList',
  'IpAccessControlList',
] as const;
export type LeftoverKind = (typeof leftoverKinds)[number];

/** One thing that deletion could not remove, with all a person needs to remove it by hand. */
export interface Leftover {
  readonly order: number;
  readonly provider: 'Twilio' | 'LiveKit';
  /** Twilio account SID, or the LiveKit project's URL. */
  readonly account: string;
  readonly kind: LeftoverKind;
  readonly id?: string | undefined;
  /** Its mark, to search for when there is no id. */
  readonly name: string;
  readonly state: 'Present' | 'Unknown';
  readonly reason: Reason;
  readonly message: string;
  readonly risk: 'RoutesCalls' | 'TollFraud' | 'Billing' | 'Clutter';
  readonly removeCommand: string;
  readonly verifyCommand: string;
  readonly consolePath: string;
}

export interface DeletionStatus {
  /** `spec.deletionPolicy` when the deletion began; never changes afterwards. */
  readonly policy: string;
  /** RFC 3339; the first failed removal of this deletion attempt. */
  readonly firstFailureTime?: string | undefined;
  /** RFC 3339; calls in progress have been waited for since then. */
  readonly drainingSince?: string | undefined;
  readonly lastHandledRetry?: string | undefined;
}

export interface PhoneNumberStatus extends RoutingRecord {
  /** The generation that all of this was found for; also for tools that know nothing but this. */
  readonly observedGeneration?: number | undefined;
  /** One of `phases`; anything else came from a newer operator. */
  readonly phase: string;
  readonly conditions: readonly Condition[];
  readonly pinned?: Pin | undefined;
  readonly routing?: 'Attached' | 'Detached' | undefined;
  readonly previousRouting?: PreviousRouting | undefined;
  readonly firstReadyTime?: string | undefined;
  readonly lastHandledReconcile?: string | undefined;
  readonly lastHandledRotation?: string | undefined;
  readonly ids: KnownIds;
  readonly trunkDomainName?: string | undefined;
  readonly originationUrlSids: readonly string[];
  readonly leftovers: readonly Leftover[];
  readonly deletion?: DeletionStatus | undefined;
}

/** One PhoneNumber as read. The spec stays apart: it may not parse, and a deletion never looks at it. */
export interface PhoneNumber {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly creationTimestamp: string;
  readonly deleting: boolean;
  readonly finalizers: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: unknown;
  readonly status: PhoneNumberStatus;
  /** Ids in the status that cannot be ids: they are dropped, and what they stood for is looked up by its mark. */
  readonly malformedIds: readonly string[];
}

/** `PhoneNumber` by the name and UID that identify it to providers. */
export interface Identity extends Pin {
  readonly uid: string;
}
