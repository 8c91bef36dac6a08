/**
 * Observed: what exists outside for one PhoneNumber, as far as reads could tell. Plain data.
 */
import type {
  CredentialState,
  DispatchRuleState,
  InboundTrunkState,
  IpAddressState,
  NamedList,
  NumberState,
  OriginationUrlState,
  OutboundTrunkState,
  TrunkState,
} from '../shared/telephony.ts';
import type { KnownIds } from './model.ts';

export interface Observed {
  readonly number: NumberState | undefined;
  /** The Twilio region that processes calls to the number; undefined when nobody asked or it cannot be told. */
  readonly voiceRegion: string | undefined;
  /** The number was read again after everything else was there. */
  readonly numberReread: boolean;
  /** Trunks of the whole account, whoever made them. */
  readonly trunkCount: number;
  readonly trunk: TrunkState | undefined;
  /** The trunk is somebody else's: only the number's being on it is ours. */
  readonly trunkIsBorrowed: boolean;
  readonly originationUrls: readonly OriginationUrlState[];
  readonly attachedCredentialLists: readonly NamedList[];
  readonly attachedIpAccessControlLists: readonly NamedList[];
  readonly credentialList: NamedList | undefined;
  readonly credentials: readonly CredentialState[];
  readonly ipAccessControlList: NamedList | undefined;
  readonly ipAddresses: readonly IpAddressState[];
  readonly inbound: InboundTrunkState | undefined;
  readonly rule: DispatchRuleState | undefined;
  readonly outbound: OutboundTrunkState | undefined;
  /** Objects that get our mark before anything else happens to them; the one that is kept comes last (adoption.ts). */
  readonly adoptions: readonly Duplicate[];
  /** Objects with our mark besides the one that is kept (DESIGN W4). */
  readonly duplicates: readonly Duplicate[];
  /** Inbound trunks of others that hold our number: with two, every call fails. */
  readonly foreignInbound: readonly InboundTrunkState[];
  /** Names of rules of others that take every call and are equal: then every call of the project fails. */
  readonly equalWildcards: readonly string[];
  /** Duplicates were looked for after everything was there. */
  readonly duplicatesChecked: boolean;
  /** Why what a person named is not adopted. */
  readonly adoptionProblems: readonly string[];
  /** Ids we recorded whose objects carry no mark of ours, or the mark of another PhoneNumber. */
  readonly lostOwnership: readonly { readonly kind: Duplicate['kind']; readonly id: string; readonly taken: boolean }[];
}

/** What is observed where nobody has looked. */
export const nothingObserved: Observed = {
  number: undefined,
  voiceRegion: undefined,
  numberReread: false,
  trunkCount: 0,
  trunk: undefined,
  trunkIsBorrowed: false,
  originationUrls: [],
  attachedCredentialLists: [],
  attachedIpAccessControlLists: [],
  credentialList: undefined,
  credentials: [],
  ipAccessControlList: undefined,
  ipAddresses: [],
  inbound: undefined,
  rule: undefined,
  outbound: undefined,
  adoptions: [],
  duplicates: [],
  foreignInbound: [],
  equalWildcards: [],
  duplicatesChecked: false,
  adoptionProblems: [],
  lostOwnership: [],
};

/** The number is on our trunk. */
export function isAttached({ number, trunk }: Observed): boolean {
  return trunk !== undefined && number?.trunkSid === trunk.sid;
}

export interface Duplicate {
  readonly kind: 'Trunk' | 'InboundTrunk' | 'DispatchRule' | 'OutboundTrunk' | 'CredentialList' | 'IpAccessControlList';
  readonly id: string;
}

/** Where the id of a kind's object is recorded. */
export const idFieldOf = {
  Trunk: 'trunkSid',
  CredentialList: 'credentialListSid',
  IpAccessControlList: 'ipAccessControlListSid',
  InboundTrunk: 'inboundTrunkId',
  DispatchRule: 'dispatchRuleId',
  OutboundTrunk: 'outboundTrunkId',
} as const satisfies Record<Duplicate['kind'], keyof KnownIds>;

/**
 * What a pass may record of what it saw. What lost its mark is still there, and must not be forgotten; what does not have
 * our mark yet is not ours yet.
 */
export function idsOf(observed: Observed): KnownIds {
  const { adoptions, credentials, lostOwnership, outbound } = observed;
  return {
    phoneNumberSid: observed.number?.sid,
    trunkSid: observed.trunkIsBorrowed ? undefined : observed.trunk?.sid,
    credentialListSid: observed.credentialList?.sid,
    credentialSid: credentials.find(({ username }) => username === outbound?.authUsername)?.sid,
    ipAccessControlListSid: observed.ipAccessControlList?.sid,
    inboundTrunkId: observed.inbound?.id,
    outboundTrunkId: outbound?.id,
    dispatchRuleId: observed.rule?.id,
    ...Object.fromEntries(adoptions.map(({ kind }) => [idFieldOf[kind], undefined])),
    ...Object.fromEntries(lostOwnership.map(({ kind, id }) => [idFieldOf[kind], id])),
  };
}
