/**
 * Execute: carries one step out through the ports and returns what is observed afterwards.
 *
 * Every create is remembered: until `lateCommitMs` have passed, a read that lacks the object proves nothing (DESIGN 3.1,
 * absence).
 */
import type { OpenAccount } from '../shared/accounts.ts';
import type { TrunkSettings, TrunkState } from '../shared/telephony.ts';
import { ProviderError, type Verdict } from '../shared/verdict.ts';
import { equalWildcards } from '../shared/wildcard-rules.ts';
import type { Desired, DesiredAddress } from './desired.ts';
import type { Step } from './decide.ts';
import { putMarkOn } from './adoption.ts';
import { changeNumber, mayBeApplied, mayComeLate } from './change-number.ts';
import type { CreateKey } from './memory.ts';
import { markOf, ownershipOf, trunkDomainOf } from './mark.ts';
import { putsWebhook } from './number-routing.ts';
import type { Duplicate, Observed } from './observed.ts';
import { pickOurs } from './observe.ts';
import type { Pass } from './pass.ts';
import { newUsername } from './rotation.ts';

/** Twilio: domain reserved for 30 days after its trunk was deleted, or somebody else's; own duplicate domain. */
const domainTakenCodes = ['21248', '21245'];
const domainAttempts = 5;

/** Everything but the steps that the removal engine carries out. */
export type MakingStep = Exclude<Step, { readonly kind: 'converged' | 'removeOutbound' | 'removeIpAccessControlList' }>;

/** Throws what a port throws. */
export async function execute(
  step: MakingStep,
  desired: Desired,
  observed: Observed,
  account: OpenAccount,
  pass: Pass,
): Promise<Observed> {
  const { twilio, livekit } = account;
  const reads = step.kind === 'checkDuplicates' || step.kind === 'rereadNumber';
  await (reads ? pass.beforeCall() : pass.beforeWrite());
  switch (step.kind) {
    case 'adopt':
      return marked(observed, step.adoption, await putMarkOn(step.adoption, desired.identity, account));
    case 'createTrunk': {
      const trunk = await createTrunk(desired, step.settings, account, pass);
      return { ...observed, trunk, originationUrls: [], attachedCredentialLists: [], attachedIpAccessControlLists: [] };
    }
    case 'updateTrunk':
      return { ...observed, trunk: await twilio.updateTrunk(step.trunkSid, step.settings) };
    case 'createOriginationUrl': {
      const made = await creating(pass, `url ${step.values.friendlyName}`, () =>
        twilio.createOriginationUrl(step.trunkSid, step.values),
      );
      return { ...observed, originationUrls: [...observed.originationUrls, made] };
    }
    case 'updateOriginationUrl': {
      const changed = await twilio.updateOriginationUrl(step.trunkSid, step.sid, step.values);
      return { ...observed, originationUrls: without(observed.originationUrls, step.sid).concat(changed) };
    }
    case 'deleteOriginationUrl':
      await goneOr(twilio.deleteOriginationUrl(step.trunkSid, step.sid));
      return { ...observed, originationUrls: without(observed.originationUrls, step.sid) };
    case 'createInboundTrunk':
      return {
        ...observed,
        inbound: await creating(pass, 'InboundTrunk', () => livekit.createInboundTrunk(step.values)),
      };
    case 'updateInboundTrunk':
      return { ...observed, inbound: await livekit.updateInboundTrunk(step.id, step.values) };
    case 'createDispatchRule':
      return { ...observed, rule: await creating(pass, 'DispatchRule', () => livekit.createDispatchRule(step.values)) };
    case 'updateDispatchRule':
      return { ...observed, rule: await livekit.updateDispatchRule(step.id, step.values) };
    case 'createCredentialList': {
      const credentialList = await creating(pass, 'CredentialList', () =>
        twilio.createCredentialList(step.friendlyName),
      );
      return { ...observed, credentialList, credentials: [], attachedCredentialLists: [] };
    }
    case 'attachCredentialList': {
      await twilio.attachCredentialList(step.trunkSid, step.listSid);
      const attachedCredentialLists = await twilio.listTrunkCredentialLists(step.trunkSid);
      mustShow(
        attachedCredentialLists.some(({ sid }) => sid === step.listSid),
        `${step.listSid} on trunk ${step.trunkSid}`,
      );
      return { ...observed, attachedCredentialLists };
    }
    case 'createIpAccessControlList': {
      const ipAccessControlList = await creating(pass, 'IpAccessControlList', () =>
        twilio.createIpAccessControlList(step.friendlyName),
      );
      return { ...observed, ipAccessControlList, ipAddresses: [], attachedIpAccessControlLists: [] };
    }
    case 'createIpAddress': {
      const { ipAddress, cidrPrefixLength } = step.address;
      const friendlyName = nameOf(step.address);
      const made = await creating(pass, `address ${friendlyName}`, () =>
        twilio.createIpAddress(step.listSid, { ipAddress, cidrPrefixLength, friendlyName }),
      );
      return { ...observed, ipAddresses: [...observed.ipAddresses, made] };
    }
    case 'deleteIpAddress':
      await goneOr(twilio.deleteIpAddress(step.listSid, step.sid));
      return { ...observed, ipAddresses: without(observed.ipAddresses, step.sid) };
    case 'attachIpAccessControlList': {
      await twilio.attachIpAccessControlList(step.trunkSid, step.listSid);
      const attachedIpAccessControlLists = await twilio.listTrunkIpAccessControlLists(step.trunkSid);
      mustShow(
        attachedIpAccessControlLists.some(({ sid }) => sid === step.listSid),
        `${step.listSid} on trunk ${step.trunkSid}`,
      );
      return { ...observed, attachedIpAccessControlLists };
    }
    case 'renewCredential':
      return renewCredential(step, desired, observed, account, pass);
    case 'updateOutboundTrunk': {
      const { id, address, encrypted } = step;
      return { ...observed, outbound: await livekit.updateOutboundTrunk(id, { address, encrypted }) };
    }
    case 'deleteCredential':
      await goneOr(twilio.deleteCredential(step.listSid, step.sid));
      return { ...observed, credentials: without(observed.credentials, step.sid) };
    case 'deleteDuplicate':
      await deleteDuplicate(step.duplicate, desired, account);
      return { ...observed, duplicates: observed.duplicates.filter(({ id }) => id !== step.duplicate.id) };
    case 'checkDuplicates': {
      const [holders, wildcards] = await Promise.all([
        livekit.findInboundTrunks(desired.identity.phoneNumber),
        livekit.findWildcardRules(),
      ]);
      const { duplicates } = pickOurs('InboundTrunk', desired.identity, holders, [observed.inbound?.id]);
      const foreignInbound = holders.filter(({ name }) => ownershipOf(name, desired.identity, 'inbound') !== 'ours');
      return {
        ...observed,
        duplicates,
        foreignInbound,
        equalWildcards: equalWildcards(wildcards),
        duplicatesChecked: true,
      };
    }
    case 'rereadNumber':
      return { ...observed, number: await twilio.findNumber(desired.identity.phoneNumber), numberReread: true };
    case 'updateNumber': {
      const { change } = await changeNumber(step.phoneNumberSid, step.change, account, pass);
      const number = await twilio.findNumber(desired.identity.phoneNumber);
      const isShown = Object.entries(change).every(([field, value]) => number && Reflect.get(number, field) === value);
      mustShow(isShown, `the new routing of ${step.phoneNumberSid}`);
      return { ...observed, number };
    }
    case 'attachNumber': {
      await mayComeLate(pass, 'NumberAttachment', () => twilio.attachNumber(step.trunkSid, step.phoneNumberSid));
      const number = await twilio.findNumber(desired.identity.phoneNumber);
      mustShow(number?.trunkSid === step.trunkSid, `${step.phoneNumberSid} on trunk ${step.trunkSid}`);
      return { ...observed, number };
    }
    case 'detachNumber': {
      await goneOr(twilio.detachNumber(step.trunkSid, step.phoneNumberSid));
      const number = await twilio.findNumber(desired.identity.phoneNumber);
      mustShow(number?.trunkSid !== step.trunkSid, `${step.phoneNumberSid} off trunk ${step.trunkSid}`);
      // A number that is attached later is looked at again before.
      return { ...observed, number, numberReread: false };
    }
  }
}

/** What is observed once an object carries our mark. */
function marked(observed: Observed, { kind, id }: Duplicate, name: string): Observed {
  const { trunk, inbound, rule, outbound } = observed;
  const adoptions = observed.adoptions.filter((adoption) => adoption.id !== id);
  const after = { ...observed, adoptions };
  switch (kind) {
    case 'Trunk':
      return trunk?.sid === id ? { ...after, trunk: { ...trunk, friendlyName: name } } : after;
    case 'InboundTrunk':
      return inbound?.id === id ? { ...after, inbound: { ...inbound, name } } : after;
    case 'DispatchRule':
      return rule?.id === id ? { ...after, rule: { ...rule, name } } : after;
    case 'OutboundTrunk':
      return outbound?.id === id ? { ...after, outbound: { ...outbound, name } } : after;
    // Their names are not looked at again in this pass.
    case 'CredentialList':
    case 'IpAccessControlList':
      return after;
  }
}

/** Done, yet a read does not show it: a later pass looks again, instead of this one doing it over and over. */
function mustShow(isShown: boolean, what: string): void {
  if (isShown) return;
  const message = `Twilio does not show ${what} yet`;
  throw new ProviderError('Twilio', 'prove what was changed', { kind: 'unknownOutcome', message });
}

/**
 * A create whose answer may be lost, or whose object may not show at once: until `lateCommitMs` later a read that lacks
 * it proves nothing. A refusal is an answer: nothing was made.
 */
async function creating<T>(pass: Pass, key: CreateKey, create: () => Promise<T>): Promise<T> {
  const { clock, settings } = pass.dependencies;
  const { unsettledCreates } = pass.memory;
  unsettledCreates.set(key, clock.monotonic() + settings.lateCommitMs);
  try {
    const made = await create();
    unsettledCreates.set(key, clock.monotonic() + settings.lateCommitMs);
    return made;
  } catch (error) {
    if (mayBeApplied(error)) unsettledCreates.set(key, clock.monotonic() + settings.lateCommitMs);
    else unsettledCreates.delete(key);
    throw error;
  }
}

/** What a step makes, or may have made when it was tried before; nothing for a step that creates nothing. */
export function createKeysOf(step: Step): readonly CreateKey[] {
  switch (step.kind) {
    case 'createTrunk':
      return ['Trunk'];
    case 'createInboundTrunk':
      return ['InboundTrunk'];
    case 'createDispatchRule':
      return ['DispatchRule'];
    case 'createCredentialList':
      return ['CredentialList'];
    case 'createIpAccessControlList':
      return ['IpAccessControlList'];
    case 'renewCredential':
      return step.outboundId === undefined ? ['Credential', 'OutboundTrunk'] : ['Credential'];
    case 'createOriginationUrl':
      return [`url ${step.values.friendlyName}`];
    case 'createIpAddress':
      return [`address ${nameOf(step.address)}`];
    // Not the one that makes it: another one of before, which would undo it.
    case 'updateNumber':
      return putsWebhook(step.change) ? ['NumberRouting'] : [];
    default:
      return [];
  }
}

function nameOf({ ipAddress, cidrPrefixLength }: DesiredAddress): string {
  return `${ipAddress}/${cidrPrefixLength}`;
}

/**
 * The domain is a trunk's only unique key. Taken: it is ours after all, or reserved, or somebody else's; then the next
 * domain is used. No earlier POST of ours can still make it: a trunk is created only after that moment (`bring-up.ts`).
 */
async function createTrunk(
  { identity }: Desired,
  settings: TrunkSettings,
  { twilio }: OpenAccount,
  pass: Pass,
): Promise<TrunkState> {
  const friendlyName = markOf(identity, 'trunk');
  for (let attempt = 0; ; attempt += 1) {
    const domainName = trunkDomainOf(identity, attempt);
    try {
      return await creating(pass, 'Trunk', () => twilio.createTrunk({ friendlyName, domainName, ...settings }));
    } catch (error) {
      if (!isRefusal(error, domainTakenCodes) || attempt + 1 >= domainAttempts) throw error;
      await pass.beforeWrite();
      const found = (await twilio.listTrunks()).find((trunk) => trunk.domainName === domainName);
      if (found !== undefined && ownershipOf(found.friendlyName, identity, 'trunk') === 'ours') return found;
    }
  }
}

/**
 * Passwords are random, never stored and never changed: a new credential takes the place of one whose password may be
 * unknown, and LiveKit is set to it in one call. Whatever is superfluous then is deleted by later steps.
 */
async function renewCredential(
  { listSid, address, encrypted, outboundId, usernamePrefix }: Extract<Step, { kind: 'renewCredential' }>,
  desired: Desired,
  observed: Observed,
  { twilio, livekit }: OpenAccount,
  pass: Pass,
): Promise<Observed> {
  const { random } = pass.dependencies;
  const authUsername = newUsername(usernamePrefix, random);
  // Twilio asks for twelve characters with a digit, a lower-case and an upper-case letter; base64 alone may lack one.
  const authPassword = `${Buffer.from(random.bytes(24)).toString('base64url')}aA1`;
  const credential = await creating(pass, 'Credential', () =>
    twilio.createCredential(listSid, { username: authUsername, password: authPassword }),
  );
  const credentials = [...observed.credentials, credential];
  await pass.beforeWrite();
  const outbound =
    outboundId === undefined
      ? await creating(pass, 'OutboundTrunk', () =>
          livekit.createOutboundTrunk({
            name: markOf(desired.identity, 'outbound'),
            numbers: [desired.identity.phoneNumber],
            address,
            encrypted,
            authUsername,
            authPassword,
          }),
        )
      : await livekit.updateOutboundTrunk(outboundId, {
          address,
          encrypted,
          credential: { authUsername, authPassword },
        });
  return { ...observed, credentials, outbound };
}

/** Deletes one of two objects with the same mark, after a live read that says it is still ours. */
async function deleteDuplicate({ kind, id }: Duplicate, { identity }: Desired, { twilio, livekit }: OpenAccount) {
  const ours = async (
    read: Promise<{ name: string } | { friendlyName: string } | undefined>,
    role: Parameters<typeof ownershipOf>[2],
  ) => {
    const found = await read;
    return (
      found !== undefined && ownershipOf('name' in found ? found.name : found.friendlyName, identity, role) === 'ours'
    );
  };
  switch (kind) {
    case 'Trunk':
      if (await ours(twilio.readTrunk(id), 'trunk')) await goneOr(twilio.deleteTrunk(id));
      return;
    case 'CredentialList':
      if (await ours(twilio.readCredentialList(id), 'credentials')) await goneOr(twilio.deleteCredentialList(id));
      return;
    case 'IpAccessControlList':
      if (await ours(twilio.readIpAccessControlList(id), 'acl')) await goneOr(twilio.deleteIpAccessControlList(id));
      return;
    case 'InboundTrunk':
      if (await ours(livekit.readInboundTrunk(id), 'inbound')) await goneOr(livekit.deleteTrunk(id));
      return;
    case 'OutboundTrunk':
      if (await ours(livekit.readOutboundTrunk(id), 'outbound')) await goneOr(livekit.deleteTrunk(id));
      return;
    case 'DispatchRule':
      if (await ours(livekit.readDispatchRule(id), 'rule')) await goneOr(livekit.deleteDispatchRule(id));
      return;
  }
}

/** A delete that finds nothing has nothing to do. */
export async function goneOr(removal: Promise<void>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (!(error instanceof ProviderError) || error.verdict.kind !== 'notFound') throw error;
  }
}

function isRefusal(error: unknown, codes: readonly string[]): boolean {
  if (!(error instanceof ProviderError)) return false;
  const verdict: Verdict = error.verdict;
  return (verdict.kind === 'refused' || verdict.kind === 'conflict') && codes.includes(verdict.code);
}

function without<T extends { readonly sid: string }>(all: readonly T[], sid: string): readonly T[] {
  return all.filter((one) => one.sid !== sid);
}
