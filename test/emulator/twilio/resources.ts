/**
 * Resources: what the emulator remembers about each Twilio object.
 *
 * These are the emulator's own records (camelCase, times in milliseconds); the JSON shapes of the two API families are
 * built from them in `trunking-json.ts` and `core-json.ts`. Records are mutable: they are the emulated database.
 */

/** What every listed thing has: an id, a place in the creation order, and its times. */
export interface Stored {
  readonly sid: string;
  /** Position in the creation order of the whole emulator; page tokens are built from it. */
  readonly sequence: number;
  readonly createdAt: number;
  updatedAt: number;
}

/** Where a trunk sends inbound calls. */
export interface OriginationUrl extends Stored {
  friendlyName: string;
  sipUrl: string;
  weight: number;
  priority: number;
  enabled: boolean;
}

/** An Elastic SIP trunk. Attachments are keyed by the SID of what is attached. */
export interface Trunk extends Stored {
  friendlyName: string;
  domainName: string | null;
  disasterRecoveryUrl: string;
  disasterRecoveryMethod: string;
  transferMode: string;
  transferCallerId: string;
  secure: boolean;
  cnamLookupEnabled: boolean;
  recording: { mode: string; trim: string };
  readonly originationUrls: Map<string, OriginationUrl>;
  readonly credentialLists: Map<string, Stored>;
  readonly ipAccessControlLists: Map<string, Stored>;
  readonly phoneNumbers: Map<string, Stored>;
}

/** One username of a credential list. The password is checked and then forgotten: nothing can return or log it. */
export interface Credential extends Stored {
  readonly username: string;
}

/** A list of SIP credentials. */
export interface CredentialList extends Stored {
  friendlyName: string;
  /** True when a SIP domain (outside this emulator) uses the list: deleting is then refused with 21241. */
  readonly onSipDomain: boolean;
  readonly credentials: Map<string, Credential>;
}

/** One address range of an IP access control list. */
export interface IpAddress extends Stored {
  friendlyName: string;
  ipAddress: string;
  cidrPrefixLength: number;
}

/** A list of addresses SIP traffic is accepted from. */
export interface IpAccessControlList extends Stored {
  friendlyName: string;
  /** True when a SIP domain (outside this emulator) uses the list: deleting is then refused with 21236. */
  readonly onSipDomain: boolean;
  readonly ipAddresses: Map<string, IpAddress>;
}

/** The settings of a number that are plain text fields of the update form; the empty string is "unset". */
export interface NumberSettings {
  friendlyName: string;
  voiceUrl: string;
  voiceMethod: string;
  voiceFallbackUrl: string;
  voiceFallbackMethod: string;
  voiceApplicationSid: string;
  smsUrl: string;
  smsMethod: string;
  smsFallbackUrl: string;
  smsFallbackMethod: string;
  smsApplicationSid: string;
  statusCallback: string;
  statusCallbackMethod: string;
  voiceReceiveMode: string;
  emergencyStatus: string;
  emergencyAddressSid: string;
  identitySid: string;
  addressSid: string;
  bundleSid: string;
  apiVersion: string;
}

/** A phone number somebody bought. */
export interface IncomingPhoneNumber extends Stored, NumberSettings {
  readonly phoneNumber: string;
  trunkSid: string;
  voiceCallerIdLookup: boolean;
  readonly capabilities: { voice: boolean; sms: boolean; mms: boolean; fax: boolean };
  readonly origin: string;
  readonly type: string;
  readonly beta: boolean;
  /** Inbound processing region; undefined when nobody ever set one. */
  voiceRegion: string | undefined;
  /** SID of the number in the routes API. */
  readonly routeSid: string;
}

/** A call, seeded by tests: the emulator carries none. */
export interface Call extends Stored {
  readonly from: string;
  readonly to: string;
  readonly direction: string;
  status: string;
  readonly trunkSid: string | null;
  readonly phoneNumberSid: string | null;
  endedAt: number | null;
}
