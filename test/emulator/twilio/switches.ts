/**
 * Switches: what Twilio documents nowhere, or documents twice and differently.
 *
 * Each switch names one open question of the reference (tags [U] and "conflict"); its first value is the default.
 * Nothing in the operator may depend on which value is true: `SWITCH_VARIANTS` lets a test prove that by running the
 * same case under every value.
 */

const SWITCHES = {
  /** Code for a bad SIP username or password: the dictionary has 21243, the documentation also lists it under 21240. */
  invalidCredentialCode: [21243, 21240],
  /** Attaching a number that is on another trunk: it moves, or 400/21245 as some third parties report. */
  attachNumberOfAnotherTrunk: ['moves', 'refused'],
  /** Attaching a number to the trunk it is on already: accepted as a repeat, or 400/21245. */
  attachNumberTwice: ['accepted', 'refused'],
  /** A v2010 path that names another account: 404/20404 or 401/20003. */
  foreignAccountPath: [404, 401],
  /** Inbound region of a number that never had one set: `us1`, or 404. */
  routesWithoutRegion: ['us1', 'notFound'],
  /** Code for a value out of range or form: bad SipUrl, weight, transfer mode. */
  invalidParameterCode: [20422, 20001, 21245],
  /** Code for a trunk's FriendlyName of more than 64 characters. */
  trunkFriendlyNameCode: [20002, 20422, 21245],
  /** A form field Twilio does not know: ignored, or 400/20001. */
  unknownFormFields: ['ignored', 'refused'],
  /** Deleting a credential list or IP access control list that still has members; no refusal code exists, so 409/20409. */
  deleteListWithMembers: ['cascades', 'refused'],
  /** Deleting a list attached to a trunk only; the texts of 21241 and 21236 name SIP domains. */
  deleteListOnTrunk: ['refused', 'detaches'],
  /** Deleting a trunk with credential lists or IP access control lists attached; refusing would be 409/20409. */
  deleteTrunkWithLists: ['detaches', 'refused'],
  /** Deleting a trunk with origination URLs; refusing would be 409/20409. */
  deleteTrunkWithOriginationUrls: ['cascades', 'refused'],
  /** Deleting a trunk with numbers: documented for the console (detaches), not for the API. */
  deleteTrunkWithNumbers: ['detaches', 'refused'],
  /** Releasing a number that is on a trunk. */
  releaseNumberOnTrunk: ['allowed', 'refused'],
  /** `TrunkSid=` on a number: detaches (seen in the wild), or is refused as an invalid SID. */
  emptyTrunkSid: ['detaches', 'refused'],
  /** VoiceUrl set on a number that is on a trunk: the API text keeps the trunk, the console guide drops it. */
  voiceUrlOnTrunkedNumber: ['keepsTrunk', 'clearsTrunk'],
  /** `trunk_sid` of a live call: filled at its end (specification) or from the start. */
  liveCallTrunkSid: ['empty', 'set'],
  /** Whether the account that deleted a trunk may use its domain again within 30 days. */
  ownDeletedDomain: ['reserved', 'reusable'],
  /** Addresses per IP access control list: the documentation says 100, the text of 21237 says 25. */
  addressesPerAccessControlList: [100, 25],
  /** How an unset value of a number is shown: mixed as in Twilio's examples, always null, or always empty. */
  unsetValues: ['asExamples', 'null', 'empty'],
  /** HTTP status of the 212xx refusals: 400 is assumed, none was ever captured. */
  sipRefusalStatus: [400, 409],
  /** Whether 429 above the concurrency ceiling carries Retry-After. */
  retryAfterOnCeiling: ['absent', 'present'],
  /** Order of every list. */
  listOrder: ['newestFirst', 'oldestFirst'],
} as const;

/** Every switch with the value in force. */
export type TwilioSwitches = { readonly [Name in keyof typeof SWITCHES]: (typeof SWITCHES)[Name][number] };

/** One way to run a test: the defaults, or the defaults with one switch set to another value. */
export interface SwitchVariant {
  /** Reads as a test name, such as `deleteListOnTrunk = detaches`. */
  readonly name: string;
  readonly switches: Partial<TwilioSwitches>;
}

const names = Object.keys(SWITCHES) as (keyof TwilioSwitches)[];

/** The first value of every switch: what the sources make most likely. */
export const DEFAULT_SWITCHES = Object.fromEntries(names.map((name) => [name, SWITCHES[name][0]])) as TwilioSwitches;

/** The defaults, then every other value of every switch, one at a time. */
export const SWITCH_VARIANTS: readonly SwitchVariant[] = [
  { name: 'defaults', switches: {} },
  ...names.flatMap((name) =>
    SWITCHES[name].slice(1).map((value) => ({ name: `${name} = ${value}`, switches: { [name]: value } })),
  ),
];
