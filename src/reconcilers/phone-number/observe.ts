/**
 * Observe: reads only, from both providers in parallel.
 *
 * A known id is read directly; a role without a known id is looked up by its mark in a complete list. Objects with the
 * mark of another PhoneNumber that there is are nobody's here: they are neither used nor touched. Those of one that is no
 * more are adopted (`adoption.ts`).
 */
import type { LiveKitPort, TwilioPort } from '../shared/telephony.ts';
import { type Claims, type LiveUids, noClaims, readClaims } from './adoption.ts';
import { labelOf, type Marked, ownershipOf, roleOf } from './mark.ts';
import type { Identity, KnownIds, NamedAdoption } from './model.ts';
import { problemsOf } from './named-adoption.ts';
import { type Duplicate, nothingObserved, type Observed } from './observed.ts';

/** Of a number whose calls go to a webhook there is nothing but the number. `isNew`: nothing was made of it yet. */
export async function observeNumber(
  { phoneNumber }: Identity,
  twilio: TwilioPort,
  beforeCall: () => Promise<void>,
  isNew: boolean,
): Promise<Observed> {
  await beforeCall();
  const [number, voiceRegion] = await Promise.all([
    twilio.findNumber(phoneNumber),
    // Each region has its own configuration of a number.
    isNew ? twilio.findVoiceRegion(phoneNumber) : undefined,
  ]);
  return { ...nothingObserved, number, voiceRegion };
}

export interface ObserveOptions {
  /** All roles are looked up by their mark, too, so that a second thing of a role shows. */
  readonly isComplete?: boolean;
  /** What a person wants adopted. */
  readonly named?: NamedAdoption;
  readonly wantsOutbound?: boolean;
}

/**
 * An existing trunk is read by its SID and by nothing else. `beforeCall` is awaited before each round of external calls.
 */
export async function observe(
  identity: Identity,
  ids: KnownIds,
  twilio: TwilioPort,
  livekit: LiveKitPort,
  beforeCall: () => Promise<void>,
  liveUids: LiveUids,
  { isComplete = false, named = {}, wantsOutbound = false }: ObserveOptions = {},
): Promise<Observed> {
  const { existingTrunkSid } = identity;
  await beforeCall();
  const [number, trunks, credentialLists, accessLists, inbounds, rules, outbounds, holders, voiceRegion] =
    await Promise.all([
      twilio.findNumber(identity.phoneNumber),
      existingTrunkSid === undefined
        ? listWith(twilio.listTrunks(), ids.trunkSid, (sid) => twilio.readTrunk(sid))
        : listOf(twilio.readTrunk(existingTrunkSid)),
      listWith(twilio.listCredentialLists(), ids.credentialListSid, (sid) => twilio.readCredentialList(sid)),
      listWith(twilio.listIpAccessControlLists(), ids.ipAccessControlListSid, (sid) =>
        twilio.readIpAccessControlList(sid),
      ),
      ids.inboundTrunkId === undefined || isComplete
        ? listWith(livekit.listInboundTrunks(), ids.inboundTrunkId, (id) => livekit.readInboundTrunk(id))
        : listOf(livekit.readInboundTrunk(ids.inboundTrunkId)),
      ids.dispatchRuleId === undefined || isComplete
        ? listWith(livekit.listDispatchRules(), ids.dispatchRuleId, (id) => livekit.readDispatchRule(id))
        : listOf(livekit.readDispatchRule(ids.dispatchRuleId)),
      ids.outboundTrunkId === undefined || isComplete
        ? listWith(livekit.listOutboundTrunks(), ids.outboundTrunkId, (id) => livekit.readOutboundTrunk(id))
        : listOf(livekit.readOutboundTrunk(ids.outboundTrunkId)),
      livekit.findInboundTrunks(identity.phoneNumber),
      // Before anything is made: afterwards calls have come, or it is too late to refuse.
      ids.inboundTrunkId === undefined ? twilio.findVoiceRegion(identity.phoneNumber) : undefined,
    ]);
  const allInbounds = [...inbounds, ...holders.filter(({ id }) => !inbounds.some((one) => one.id === id))];

  // Somebody else's trunk stays as it is, whatever it is called.
  const ownTrunks = existingTrunkSid === undefined ? trunks : [];
  const marked = { trunks: ownTrunks, credentialLists, accessLists, inbounds: allInbounds, rules, outbounds };
  const ofTheDead = await readClaims(identity, ids, marked, liveUids);
  const isNamedTrunk = trunks.some(({ sid }) => sid === named.trunkSid) && named.trunkSid !== undefined;
  const numbersOnTrunk = isNamedTrunk ? await twilio.listTrunkNumbers(named.trunkSid) : [];
  const context = { claims: ofTheDead, identity, ids, wantsOutbound };
  const adoptionProblems = problemsOf(named, context, { ...marked, numbersOnTrunk });
  const claims =
    adoptionProblems.length > 0
      ? ofTheDead
      : new Set([...ofTheDead, ...Object.values(named).flatMap((id: string | undefined) => id ?? [])]);
  const pick = <T extends Marked>(
    kind: Duplicate['kind'],
    objects: readonly T[],
    preferred: Parameters<typeof pickOurs<T>>[3],
  ) => pickOurs(kind, identity, objects, preferred, claims);
  const attachedTo = trunks.find(({ sid }) => sid === number?.trunkSid);
  const outbound = pick('OutboundTrunk', outbounds, [
    ids.outboundTrunkId,
    named.outboundTrunkId,
    outbounds.find(({ address }) => address === attachedTo?.domainName)?.id,
  ]);
  const called = trunks.find(({ domainName }) => domainName === outbound.kept?.address);
  const trunk =
    existingTrunkSid === undefined
      ? pick('Trunk', trunks, [ids.trunkSid, named.trunkSid, number?.trunkSid, called?.sid])
      : { kept: trunks[0], adoptions: [], duplicates: [], lost: [] };
  const credentialList = pick('CredentialList', credentialLists, [ids.credentialListSid]);
  const accessList = pick('IpAccessControlList', accessLists, [ids.ipAccessControlListSid]);
  const rule = pick('DispatchRule', rules, [
    ids.dispatchRuleId,
    named.dispatchRuleId,
    ...rules
      .filter(({ trunkIds }) => trunkIds.some((id) => holders.some((holder) => holder.id === id)))
      .map(({ id }) => id),
  ]);
  const inUse = rule.kept?.trunkIds.find((id) => allInbounds.some((one) => one.id === id));
  const inbound = pick('InboundTrunk', allInbounds, [ids.inboundTrunkId, named.inboundTrunkId, inUse]);

  // What is on somebody else's trunk is nobody's business here.
  const trunkSid = existingTrunkSid === undefined ? trunk.kept?.sid : undefined;
  const listSid = credentialList.kept?.sid;
  const accessListSid = accessList.kept?.sid;
  await beforeCall();
  const [originationUrls, attachedCredentialLists, attachedIpAccessControlLists, credentials, ipAddresses] =
    await Promise.all([
      trunkSid === undefined ? [] : twilio.listOriginationUrls(trunkSid),
      trunkSid === undefined || listSid === undefined ? [] : twilio.listTrunkCredentialLists(trunkSid),
      trunkSid === undefined || accessListSid === undefined ? [] : twilio.listTrunkIpAccessControlLists(trunkSid),
      listSid === undefined ? [] : twilio.listCredentials(listSid),
      accessListSid === undefined ? [] : twilio.listIpAddresses(accessListSid),
    ]);
  const picked = [trunk, credentialList, accessList, inbound, rule, outbound];
  const adoptions = picked.flatMap((one) => one.adoptions);
  return {
    number,
    voiceRegion,
    numberReread: false,
    trunkCount: trunks.length,
    trunk: trunk.kept,
    trunkIsBorrowed: existingTrunkSid !== undefined,
    originationUrls,
    attachedCredentialLists,
    attachedIpAccessControlLists,
    credentialList: credentialList.kept,
    credentials,
    ipAccessControlList: accessList.kept,
    ipAddresses,
    inbound: inbound.kept,
    rule: rule.kept,
    outbound: outbound.kept,
    adoptions,
    duplicates: picked.flatMap(({ duplicates }) => duplicates),
    foreignInbound: holders.filter(
      ({ id, name }) =>
        ownershipOf(name, identity, 'inbound') !== 'ours' && !adoptions.some((adoption) => adoption.id === id),
    ),
    equalWildcards: [],
    duplicatesChecked: false,
    adoptionProblems,
    lostOwnership: picked.flatMap(({ lost }) => lost),
  };
}

/**
 * Of all objects with our mark, the one to keep (DESIGN W4): the first of `preferred` (recorded, then in use), else the
 * one with the lowest id. The others are duplicates: an earlier create whose answer was lost. `lost` is the recorded
 * object when it carries our mark no longer. What is claimed counts as ours, and has yet to get our mark; the kept one
 * comes last, so that the choice is the same again when it is made again in between.
 */
export function pickOurs<T extends Marked>(
  kind: Duplicate['kind'],
  identity: Identity,
  objects: readonly T[],
  preferred: readonly [recorded: string | undefined, ...others: (string | undefined)[]],
  claims: Claims = noClaims,
) {
  const ownership = (object: T) => ownershipOf(labelOf(object).name, identity, roleOf[kind]);
  const ours = objects
    .filter((object) => ownership(object) === 'ours' || claims.has(labelOf(object).id))
    .toSorted((one, other) => (labelOf(one).id < labelOf(other).id ? -1 : 1));
  const withId = (id: string | undefined) => ours.find((object) => labelOf(object).id === id);
  const kept = preferred.map(withId).find((object) => object !== undefined) ?? ours[0];
  const recorded = objects.find((object) => labelOf(object).id === preferred[0]);
  const unmarked = ours.filter((object) => ownership(object) !== 'ours');
  return {
    kept,
    adoptions: [...unmarked.filter((object) => object !== kept), ...unmarked.filter((object) => object === kept)].map(
      (object): Duplicate => ({ kind, id: labelOf(object).id }),
    ),
    duplicates: ours.filter((object) => object !== kept).map((object): Duplicate => ({ kind, id: labelOf(object).id })),
    lost:
      recorded === undefined || ownership(recorded) === 'ours'
        ? []
        : [{ kind, id: labelOf(recorded).id, taken: ownership(recorded) === 'taken' }],
  };
}

/** A list may lag behind a create: a recorded id that it lacks is read directly. */
async function listWith<T extends Marked>(
  list: Promise<readonly T[]>,
  known: string | undefined,
  read: (id: string) => Promise<T | undefined>,
): Promise<readonly T[]> {
  const listed = await list;
  if (known === undefined || listed.some((one) => labelOf(one).id === known)) return listed;
  const found = await read(known);
  return found === undefined ? listed : [...listed, found];
}

async function listOf<T>(read: Promise<T | undefined>): Promise<readonly T[]> {
  const found = await read;
  return found === undefined ? [] : [found];
}
