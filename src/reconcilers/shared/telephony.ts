/**
 * What Twilio and LiveKit are to the core: a few calls in our words, and plain data.
 *
 * Every call throws a `ProviderError` when it fails. A `read…` answers `undefined` for "not found"; what that proves is
 * the caller's business. No call is repeated by a port: the engine is the one retry layer.
 */

/**
 * Where the calls and text messages of a number go, by Twilio's own names; what is unset is empty. A trunk comes before a
 * TwiML application, and that before a URL.
 */
export interface NumberRouting {
  readonly voiceApplicationSid: string;
  readonly voiceUrl: string;
  readonly voiceMethod: string;
  readonly voiceFallbackUrl: string;
  readonly voiceFallbackMethod: string;
  readonly statusCallback: string;
  readonly statusCallbackMethod: string;
  readonly smsApplicationSid: string;
  readonly smsUrl: string;
  readonly smsMethod: string;
  readonly smsFallbackUrl: string;
  readonly smsFallbackMethod: string;
}

/** A number of a Twilio account (IncomingPhoneNumber). */
export interface NumberState extends NumberRouting {
  readonly sid: string;
  readonly phoneNumber: string;
  /** Empty when the number is on no trunk. */
  readonly trunkSid: string;
  readonly voiceCapable: boolean;
  readonly smsCapable: boolean;
  /** Hosted numbers carry SMS only: voice never reaches Twilio. */
  readonly hosted: boolean;
}

export type TransferMode = 'disable-all' | 'enable-all' | 'sip-only';

export interface TrunkState {
  readonly sid: string;
  readonly accountSid: string;
  readonly friendlyName: string;
  readonly domainName: string;
  readonly transferMode: string;
  /** Twilio encrypts signalling and media, and takes nothing else. */
  readonly secure: boolean;
  /** Empty when there is none. */
  readonly disasterRecoveryUrl: string;
}

/** The settings of a trunk that the operator owns. */
export interface TrunkSettings {
  readonly transferMode: TransferMode;
  readonly secure: boolean;
  /** TwiML for calls that cannot be delivered; empty for none; undefined leaves it as it is. */
  readonly disasterRecoveryUrl?: string | undefined;
}

export interface OriginationUrlState {
  readonly sid: string;
  readonly friendlyName: string;
  readonly sipUrl: string;
  readonly priority: number;
  readonly weight: number;
  readonly enabled: boolean;
}

export interface NamedList {
  readonly sid: string;
  readonly friendlyName: string;
}

export interface CredentialState {
  readonly sid: string;
  readonly username: string;
}

export interface IpAddressState {
  readonly sid: string;
  readonly friendlyName: string;
  readonly ipAddress: string;
  readonly cidrPrefixLength: number;
}

/** A call that is under way, as far as it tells whose it is. Its numbers are a caller's: never shown, never logged. */
export interface CallState {
  /** Empty until the call ends, as a rule. */
  readonly trunkSid: string;
  /** `inbound`, `outbound-api`, `outbound-dial`, `trunking-originating` or `trunking-terminating`. */
  readonly direction: string;
  readonly phoneNumberSid: string;
  /** A number, or a SIP URI. */
  readonly to: string;
  readonly from: string;
}

/** Twilio, bound to one account. Lists are complete: all pages are read. */
export interface TwilioPort {
  /** Throws unless the credentials really act on the account that this port is bound to. */
  proveAccount(): Promise<void>;
  /** The number by its E.164 form; the answer is also a proof of the account. */
  findNumber(phoneNumber: string): Promise<NumberState | undefined>;
  readNumber(sid: string): Promise<NumberState | undefined>;
  /** The Twilio region that processes calls to the number, such as us1; undefined when that cannot be told. */
  findVoiceRegion(phoneNumber: string): Promise<string | undefined>;
  /** All calls of the account that ring or are in progress. */
  listCallsUnderWay(): Promise<readonly CallState[]>;
  listTrunks(): Promise<readonly TrunkState[]>;
  readTrunk(sid: string): Promise<TrunkState | undefined>;
  createTrunk(trunk: TrunkSettings & { friendlyName: string; domainName: string }): Promise<TrunkState>;
  updateTrunk(sid: string, settings: TrunkSettings): Promise<TrunkState>;
  renameTrunk(sid: string, friendlyName: string): Promise<void>;
  deleteTrunk(sid: string): Promise<void>;
  listOriginationUrls(trunkSid: string): Promise<readonly OriginationUrlState[]>;
  createOriginationUrl(trunkSid: string, url: OriginationUrlValues): Promise<OriginationUrlState>;
  updateOriginationUrl(trunkSid: string, sid: string, url: OriginationUrlValues): Promise<OriginationUrlState>;
  deleteOriginationUrl(trunkSid: string, sid: string): Promise<void>;
  /** E.164 numbers that are on a trunk. */
  listTrunkNumbers(trunkSid: string): Promise<readonly string[]>;
  attachNumber(trunkSid: string, phoneNumberSid: string): Promise<void>;
  /** Compare and detach: does nothing to a number that is on another trunk. */
  detachNumber(trunkSid: string, phoneNumberSid: string): Promise<void>;
  /**
   * Changes what is named and nothing else. Twilio takes a number off its trunk when it gets a voice application, and may
   * do so when it gets a voice URL.
   */
  updateNumber(phoneNumberSid: string, change: Partial<NumberRouting>): Promise<void>;
  listCredentialLists(): Promise<readonly NamedList[]>;
  readCredentialList(sid: string): Promise<NamedList | undefined>;
  createCredentialList(friendlyName: string): Promise<NamedList>;
  renameCredentialList(sid: string, friendlyName: string): Promise<void>;
  deleteCredentialList(sid: string): Promise<void>;
  listCredentials(listSid: string): Promise<readonly CredentialState[]>;
  createCredential(listSid: string, credential: { username: string; password: string }): Promise<CredentialState>;
  deleteCredential(listSid: string, sid: string): Promise<void>;
  listTrunkCredentialLists(trunkSid: string): Promise<readonly NamedList[]>;
  attachCredentialList(trunkSid: string, listSid: string): Promise<void>;
  detachCredentialList(trunkSid: string, listSid: string): Promise<void>;
  listIpAccessControlLists(): Promise<readonly NamedList[]>;
  readIpAccessControlList(sid: string): Promise<NamedList | undefined>;
  createIpAccessControlList(friendlyName: string): Promise<NamedList>;
  renameIpAccessControlList(sid: string, friendlyName: string): Promise<void>;
  deleteIpAccessControlList(sid: string): Promise<void>;
  listIpAddresses(listSid: string): Promise<readonly IpAddressState[]>;
  createIpAddress(listSid: string, address: Omit<IpAddressState, 'sid'>): Promise<IpAddressState>;
  deleteIpAddress(listSid: string, sid: string): Promise<void>;
  listTrunkIpAccessControlLists(trunkSid: string): Promise<readonly NamedList[]>;
  attachIpAccessControlList(trunkSid: string, listSid: string): Promise<void>;
  detachIpAccessControlList(trunkSid: string, listSid: string): Promise<void>;
}

/** What only the account itself is asked. */
export interface TwilioAccountPort extends TwilioPort {
  /** All numbers of the account; the answer is also a proof of the account. */
  listNumbers(): Promise<readonly NumberState[]>;
  /** Throws `identity` when the credentials may not delete trunks. Changes nothing: it asks for a trunk that cannot be. */
  probeDeleteRight(): Promise<void>;
}

export type OriginationUrlValues = Omit<OriginationUrlState, 'sid'>;

/** The fields of a LiveKit inbound trunk that the operator owns. Durations in whole seconds. */
export interface InboundTrunkValues {
  readonly name: string;
  readonly numbers: readonly string[];
  readonly allowedAddresses: readonly string[];
  readonly krispEnabled: boolean;
  readonly headersToAttributes: Readonly<Record<string, string>>;
  readonly maxCallDurationSeconds: number;
  readonly ringingTimeoutSeconds: number;
  /** Whether encrypted media is taken; unencrypted media still is unless somebody else has forbidden it. */
  readonly acceptsEncryption: boolean;
}
export interface InboundTrunkState extends InboundTrunkValues {
  readonly id: string;
}

export interface AgentDispatch {
  readonly agentName: string;
  readonly metadata: string;
}

/** The fields of a LiveKit dispatch rule (individual rooms) that the operator owns. */
export interface DispatchRuleValues {
  readonly name: string;
  readonly trunkIds: readonly string[];
  readonly roomPrefix: string;
  readonly agents: readonly AgentDispatch[];
  readonly hidePhoneNumber: boolean;
  readonly attributes: Readonly<Record<string, string>>;
}
export interface DispatchRuleState extends DispatchRuleValues {
  readonly id: string;
}

/** A dispatch rule for calls of any trunk, mostly somebody else's. */
export interface WildcardRule {
  readonly id: string;
  readonly name: string;
  /** Which calls it takes; LiveKit fails every call when two rules have the same. */
  readonly condition: string;
}

export interface OutboundTrunkValues {
  readonly name: string;
  readonly numbers: readonly string[];
  /** Host name of the Twilio trunk's termination domain. */
  readonly address: string;
  readonly authUsername: string;
  /** Signalling over TLS, and no call without encrypted media. */
  readonly encrypted: boolean;
}
export interface OutboundTrunkState extends Omit<OutboundTrunkValues, 'encrypted'> {
  readonly id: string;
  /** `partly`: one of signalling and media only. */
  readonly encrypted: boolean | 'partly';
}

/** A change of an outbound trunk; without the credential it stays as it is. */
export interface OutboundTrunkChange {
  readonly address: string;
  readonly encrypted: boolean;
  readonly credential?: { readonly authUsername: string; readonly authPassword: string };
}

/** LiveKit's SIP service, bound to one project. Lists are complete: all pages are read. */
export interface LiveKitPort {
  listInboundTrunks(): Promise<readonly InboundTrunkState[]>;
  readInboundTrunk(id: string): Promise<InboundTrunkState | undefined>;
  /** Inbound trunks that hold the number, whoever made them; trunks without any number are left out. */
  findInboundTrunks(phoneNumber: string): Promise<readonly InboundTrunkState[]>;
  createInboundTrunk(trunk: InboundTrunkValues): Promise<InboundTrunkState>;
  /** Keeps what the values do not name. */
  updateInboundTrunk(id: string, trunk: InboundTrunkValues): Promise<InboundTrunkState>;
  listDispatchRules(): Promise<readonly DispatchRuleState[]>;
  /** Rules that name no trunk and so take calls of any, whoever made them. */
  findWildcardRules(): Promise<readonly WildcardRule[]>;
  readDispatchRule(id: string): Promise<DispatchRuleState | undefined>;
  createDispatchRule(rule: DispatchRuleValues): Promise<DispatchRuleState>;
  /** Keeps what the values do not name. */
  updateDispatchRule(id: string, rule: DispatchRuleValues): Promise<DispatchRuleState>;
  deleteDispatchRule(id: string): Promise<void>;
  listOutboundTrunks(): Promise<readonly OutboundTrunkState[]>;
  readOutboundTrunk(id: string): Promise<OutboundTrunkState | undefined>;
  createOutboundTrunk(trunk: OutboundTrunkValues & { readonly authPassword: string }): Promise<OutboundTrunkState>;
  /** Field updates only: a replace without the password would wipe it. */
  updateOutboundTrunk(id: string, change: OutboundTrunkChange): Promise<OutboundTrunkState>;
  /** Changes the name and nothing else. */
  renameInboundTrunk(id: string, name: string): Promise<void>;
  renameDispatchRule(id: string, name: string): Promise<void>;
  renameOutboundTrunk(id: string, name: string): Promise<void>;
  /** Deletes a trunk of either direction. The answer proves nothing: LiveKit says 200 to any id. */
  deleteTrunk(id: string): Promise<void>;
}
