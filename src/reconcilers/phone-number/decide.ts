/**
 * Decide: what to do next so that the outside becomes what is desired. Pure.
 *
 * One step at a time: carrying it out changes what is observed, and the next step is decided on that. From any start the
 * steps end in `converged`, and none of them creates a second object of a role (a property test walks this).
 *
 * Order (DESIGN 3.2): trunk, origination URLs, LiveKit inbound trunk, dispatch rule, outbound branch, duplicates check,
 * number read again, number attached last, read back. A number never rings before everything that answers it is there.
 * Webhooks on the number itself come after that, and are all there is when calls go to one.
 * Suspending comes before all of that: it must not wait for a provider that refuses something else.
 */
import { isDeepStrictEqual } from 'node:util';
import type {
  DispatchRuleValues,
  InboundTrunkState,
  InboundTrunkValues,
  OriginationUrlValues,
  OutboundTrunkState,
  TrunkSettings,
  TrunkState,
} from '../shared/telephony.ts';
import type { Desired, DesiredAddress, DesiredOutbound, DesiredSipTrunk } from './desired.ts';
import { markOf } from './mark.ts';
import type { PreviousRouting, RoutingRecord } from './model.ts';
import { type NumberChange, routingChange } from './number-routing.ts';
import type { Duplicate, Observed } from './observed.ts';

export type Step =
  /** Puts our mark on something whose PhoneNumber is no more. */
  | { readonly kind: 'adopt'; readonly adoption: Duplicate }
  | { readonly kind: 'createTrunk'; readonly settings: TrunkSettings }
  | { readonly kind: 'updateTrunk'; readonly trunkSid: string; readonly settings: TrunkSettings }
  | { readonly kind: 'createOriginationUrl'; readonly trunkSid: string; readonly values: OriginationUrlValues }
  | {
      readonly kind: 'updateOriginationUrl';
      readonly trunkSid: string;
      readonly sid: string;
      readonly values: OriginationUrlValues;
    }
  | { readonly kind: 'deleteOriginationUrl'; readonly trunkSid: string; readonly sid: string }
  | { readonly kind: 'createInboundTrunk'; readonly values: InboundTrunkValues }
  | { readonly kind: 'updateInboundTrunk'; readonly id: string; readonly values: InboundTrunkValues }
  | { readonly kind: 'createDispatchRule'; readonly values: DispatchRuleValues }
  | { readonly kind: 'updateDispatchRule'; readonly id: string; readonly values: DispatchRuleValues }
  | { readonly kind: 'createCredentialList'; readonly friendlyName: string }
  | { readonly kind: 'attachCredentialList'; readonly trunkSid: string; readonly listSid: string }
  | { readonly kind: 'createIpAccessControlList'; readonly friendlyName: string }
  | { readonly kind: 'createIpAddress'; readonly listSid: string; readonly address: DesiredAddress }
  | { readonly kind: 'deleteIpAddress'; readonly listSid: string; readonly sid: string }
  | { readonly kind: 'attachIpAccessControlList'; readonly trunkSid: string; readonly listSid: string }
  /** A new credential at Twilio, and LiveKit set to it in one call: the only two places its password ever is. */
  | {
      readonly kind: 'renewCredential';
      readonly listSid: string;
      readonly address: string;
      readonly encrypted: boolean;
      readonly outboundId: string | undefined;
      readonly usernamePrefix: string | undefined;
    }
  | { readonly kind: 'updateOutboundTrunk'; readonly id: string; readonly address: string; readonly encrypted: boolean }
  | { readonly kind: 'deleteCredential'; readonly listSid: string; readonly sid: string }
  /** Takes the whole outbound branch, or the list of allowed addresses, down again. */
  | { readonly kind: 'removeOutbound' }
  | { readonly kind: 'removeIpAccessControlList' }
  | { readonly kind: 'deleteDuplicate'; readonly duplicate: Duplicate }
  | { readonly kind: 'checkDuplicates' }
  | { readonly kind: 'rereadNumber' }
  | { readonly kind: 'attachNumber' | 'detachNumber'; readonly trunkSid: string; readonly phoneNumberSid: string }
  | { readonly kind: 'updateNumber'; readonly phoneNumberSid: string; readonly change: NumberChange }
  | { readonly kind: 'converged' };

/** What is known of the number's routing besides what is observed. */
export interface Standing {
  /** False while the status says that the number was attached before: then a change elsewhere is not fought. */
  readonly mayAttach: boolean;
  /** Webhooks that somebody has cleared since may be put back. */
  readonly restores: boolean;
  readonly record: RoutingRecord;
  readonly previous?: PreviousRouting | undefined;
}

export function nextStep(desired: Desired, observed: Observed, standing: Standing): Step {
  const last = routingStep(desired, observed, standing) ?? { kind: 'converged' };
  if (desired.voice === 'webhook') return last;
  const { mayAttach } = standing;
  return (
    suspendStep(desired, observed) ??
    adoptionStep(observed) ??
    trunkStep(desired, observed) ??
    liveKitStep(desired, observed) ??
    outboundStep(desired, observed) ??
    duplicateStep(observed) ??
    numberStep(desired, observed, mayAttach) ??
    last
  );
}

/** Before anything else is done with it: an interrupted pass must find it as ours or as nobody's, and nothing between. */
function adoptionStep({ adoptions, duplicates }: Observed): Step | undefined {
  const [adoption] = adoptions;
  if (adoption === undefined) return undefined;
  // A superfluous one goes as soon as it may, so that the kept one never shares its mark.
  const duplicate = duplicates.find(({ id }) => !adoptions.some((waiting) => waiting.id === id));
  return duplicate === undefined ? { kind: 'adopt', adoption } : { kind: 'deleteDuplicate', duplicate };
}

function suspendStep({ suspended }: DesiredSipTrunk, { adoptions, number, trunk }: Observed): Step | undefined {
  if (!suspended || number === undefined || trunk === undefined || number.trunkSid !== trunk.sid) return undefined;
  if (adoptions.some(({ id }) => id === trunk.sid)) return undefined;
  return { kind: 'detachNumber', trunkSid: trunk.sid, phoneNumberSid: number.sid };
}

/**
 * Encryption goes on from the side that takes calls to the side that makes them, and off the other way round: at no moment
 * does one side insist on what the other does not do yet.
 */
function trunkStep(desired: DesiredSipTrunk, observed: Observed): Step | undefined {
  const { trunk, trunkIsBorrowed, inbound, outbound, originationUrls } = observed;
  if (trunkIsBorrowed) return undefined;
  if (trunk === undefined) return { kind: 'createTrunk', settings: desired.trunk };
  const settings = (): Step | undefined =>
    sameValues<TrunkState>(trunk, desired.trunk)
      ? undefined
      : { kind: 'updateTrunk', trunkSid: trunk.sid, settings: desired.trunk };
  const urls = () => originationStep(desired, trunk.sid, originationUrls);
  if (desired.trunk.secure && !trunk.secure) {
    return (inbound && inboundStep(desired, inbound)) ?? urls() ?? settings();
  }
  if (!desired.trunk.secure && trunk.secure) {
    return (desired.outbound && outbound && encryptionStep(desired.outbound, outbound)) ?? settings() ?? urls();
  }
  return settings() ?? urls();
}

function originationStep(
  desired: DesiredSipTrunk,
  trunkSid: string,
  originationUrls: Observed['originationUrls'],
): Step | undefined {
  for (const values of desired.originationUrls) {
    const [found, extra] = originationUrls.filter(({ friendlyName }) => isSameUrl(friendlyName, values.friendlyName));
    if (found === undefined) return { kind: 'createOriginationUrl', trunkSid, values };
    if (extra !== undefined) return { kind: 'deleteOriginationUrl', trunkSid, sid: extra.sid };
    if (!sameValues(found, values)) return { kind: 'updateOriginationUrl', trunkSid, sid: found.sid, values };
  }
  const superfluous = originationUrls.find(
    ({ friendlyName }) =>
      originationMark.test(friendlyName) &&
      !desired.originationUrls.some((wanted) => isSameUrl(friendlyName, wanted.friendlyName)),
  );
  return superfluous && { kind: 'deleteOriginationUrl', trunkSid, sid: superfluous.sid };
}

/** Ours through their trunk, so that the UID in the name is that of whoever made the trunk: an adopted one has another. */
const originationMark = /^tl\/([^/]+\/[^/]+)\/[^/]+\/(origination-\d+)$/;

function isSameUrl(present: string, wanted: string): boolean {
  const [, owner, role] = originationMark.exec(present) ?? [];
  const [, wantedOwner, wantedRole] = originationMark.exec(wanted) ?? [];
  return owner !== undefined && owner === wantedOwner && role === wantedRole;
}

function liveKitStep(desired: DesiredSipTrunk, { inbound, rule }: Observed): Step | undefined {
  if (inbound === undefined) return { kind: 'createInboundTrunk', values: desired.inbound };
  const update = inboundStep(desired, inbound);
  if (update !== undefined) return update;
  const values = { ...desired.rule, trunkIds: [inbound.id] };
  if (rule === undefined) return { kind: 'createDispatchRule', values };
  return sameValues(rule, values) ? undefined : { kind: 'updateDispatchRule', id: rule.id, values };
}

function inboundStep(desired: DesiredSipTrunk, inbound: InboundTrunkState): Step | undefined {
  return sameValues(inbound, desired.inbound)
    ? undefined
    : { kind: 'updateInboundTrunk', id: inbound.id, values: desired.inbound };
}

function outboundStep(desired: DesiredSipTrunk, observed: Observed): Step | undefined {
  const { credentialList, ipAccessControlList, trunk, outbound } = observed;
  if (trunk === undefined) return undefined;
  if (desired.outbound === undefined) {
    const left = credentialList ?? ipAccessControlList ?? outbound;
    return left && { kind: 'removeOutbound' };
  }
  if (credentialList === undefined) {
    return { kind: 'createCredentialList', friendlyName: markOf(desired.identity, 'credentials') };
  }
  if (!observed.attachedCredentialLists.some(({ sid }) => sid === credentialList.sid)) {
    return { kind: 'attachCredentialList', trunkSid: trunk.sid, listSid: credentialList.sid };
  }
  return (
    addressStep(desired, desired.outbound.addresses, observed, trunk.sid) ??
    credentialStep(observed, credentialList.sid, trunk.domainName, desired.outbound)
  );
}

/** Both lists attached means that Twilio asks for both: the address and the credential. */
function addressStep(
  desired: DesiredSipTrunk,
  wanted: readonly DesiredAddress[],
  observed: Observed,
  trunkSid: string,
): Step | undefined {
  const list = observed.ipAccessControlList;
  if (wanted.length === 0) return list && { kind: 'removeIpAccessControlList' };
  if (list === undefined) return { kind: 'createIpAccessControlList', friendlyName: markOf(desired.identity, 'acl') };
  const missing = wanted.find((address) => !observed.ipAddresses.some((present) => sameAddress(present, address)));
  if (missing !== undefined) return { kind: 'createIpAddress', listSid: list.sid, address: missing };
  const superfluous = observed.ipAddresses.find((present) => !wanted.some((address) => sameAddress(present, address)));
  if (superfluous !== undefined) return { kind: 'deleteIpAddress', listSid: list.sid, sid: superfluous.sid };
  const attached = observed.attachedIpAccessControlLists.some(({ sid }) => sid === list.sid);
  return attached ? undefined : { kind: 'attachIpAccessControlList', trunkSid, listSid: list.sid };
}

/**
 * LiveKit's user name says which credential is in force, so every crash point can be read off. A credential whose
 * password may be unknown is never used: a new one takes its place, and then the others go.
 */
function credentialStep(
  observed: Observed,
  listSid: string,
  address: string,
  { encrypted, usernamePrefix }: DesiredOutbound,
): Step | undefined {
  const { outbound, credentials } = observed;
  const inForce = credentials.find(({ username }) => username === outbound?.authUsername);
  if (outbound?.address !== address || inForce?.username.startsWith(usernamePrefix ?? '') !== true) {
    return { kind: 'renewCredential', listSid, address, encrypted, outboundId: outbound?.id, usernamePrefix };
  }
  const update = encryptionStep({ encrypted }, outbound);
  if (update !== undefined) return update;
  const superfluous = credentials.find(({ sid }) => sid !== inForce.sid);
  return superfluous && { kind: 'deleteCredential', listSid, sid: superfluous.sid };
}

function encryptionStep({ encrypted }: { encrypted: boolean }, outbound: OutboundTrunkState): Step | undefined {
  const { id, address } = outbound;
  return outbound.encrypted === encrypted ? undefined : { kind: 'updateOutboundTrunk', id, address, encrypted };
}

function duplicateStep({ duplicates, duplicatesChecked }: Observed): Step | undefined {
  const [duplicate] = duplicates;
  if (duplicate !== undefined) return { kind: 'deleteDuplicate', duplicate };
  return duplicatesChecked ? undefined : { kind: 'checkDuplicates' };
}

function numberStep(
  { suspended, takesOver }: DesiredSipTrunk,
  { number, trunk, numberReread, foreignInbound }: Observed,
  mayAttach: boolean,
): Step | undefined {
  if (suspended || number === undefined || trunk === undefined || number.trunkSid === trunk.sid) return undefined;
  if (!numberReread) return { kind: 'rereadNumber' };
  if (!mayAttach || foreignInbound.length > 0) return undefined;
  if (number.trunkSid !== '') {
    // Twilio does not say whether it moves a number from one trunk to another.
    return takesOver ? { kind: 'detachNumber', trunkSid: number.trunkSid, phoneNumberSid: number.sid } : undefined;
  }
  return { kind: 'attachNumber', trunkSid: trunk.sid, phoneNumberSid: number.sid };
}

/** Webhooks of calls are written only on a number that is on no trunk: Twilio asks the trunk first. */
function routingStep(
  { takesOver, webhooks }: Desired,
  { number, numberReread }: Observed,
  { previous, record, restores }: Standing,
): Step | undefined {
  if (number === undefined) return undefined;
  const change = routingChange(number, webhooks, { record, previous }, { takesOver, restores });
  const isOnTrunk = webhooks.voice !== undefined && number.trunkSid !== '';
  if (change === undefined && !isOnTrunk) return undefined;
  if (!numberReread) return { kind: 'rereadNumber' };
  if (isOnTrunk) {
    return takesOver ? { kind: 'detachNumber', trunkSid: number.trunkSid, phoneNumberSid: number.sid } : undefined;
  }
  return change && { kind: 'updateNumber', phoneNumberSid: number.sid, change };
}

/** Compares only the fields that we own: what people set besides stays theirs. */
function sameValues<T extends object>(
  present: T,
  wanted: { readonly [Field in keyof T]?: T[Field] | undefined },
): boolean {
  return Object.entries(wanted).every(([field, value]) => isDeepStrictEqual(Reflect.get(present, field), value));
}

function sameAddress(present: DesiredAddress, wanted: DesiredAddress): boolean {
  return present.ipAddress === wanted.ipAddress && present.cidrPrefixLength === wanted.cidrPrefixLength;
}
