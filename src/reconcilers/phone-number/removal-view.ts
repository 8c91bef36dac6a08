/**
 * Removal view: what is still outside for one PhoneNumber that is taken apart. Reads only.
 *
 * Known ids are read directly; a role without a known id is looked up by its mark in a complete list. A kind is `gone`
 * only when that is proven: Twilio's word counts after the account was proven with the same credentials, and a read
 * that lacks something counts only if it was started after no create of ours could still make it appear.
 *
 * A trunk of somebody else is not in the view at all: there is nothing of it to remove. Of a number whose calls go to a
 * webhook there is nothing but its routing.
 */
import type { LiveKitPort, NumberState, TwilioPort } from '../shared/telephony.ts';
import { ProviderError, type Verdict } from '../shared/verdict.ts';
import { labelOf, ownershipOf, type Role } from './mark.ts';
import type { Identity, KnownIds, LeftoverKind, PreviousRouting, RoutingRecord } from './model.ts';
import { hasRecord, removalChange, withoutApplications } from './number-routing.ts';

/** One thing to remove. */
export interface Target {
  readonly id: string;
  /** Of a number: the application that its calls went to before, and that is given back. */
  readonly voiceApplicationSid?: string;
  /** Of a number that nothing of ours is on any more: the application that it is still to be given back to. */
  readonly onlyGivesBack?: string | undefined;
  /** The trunk a number is attached to, or the list a credential is in. */
  readonly parentId?: string;
}

export type KindView =
  | { readonly kind: 'gone' }
  | { readonly kind: 'present'; readonly targets: readonly Target[] }
  /** Recorded by us, but without our mark: an id alone never authorises a removal. */
  | { readonly kind: 'unmarked'; readonly targets: readonly Target[] }
  /** Not found, but a create of ours may still be applied. */
  | { readonly kind: 'early' }
  /** Could not be looked at. */
  | { readonly kind: 'unreadable'; readonly knownId: string | undefined; readonly verdict: Verdict };

export type RemovalView = ReadonlyMap<LeftoverKind, KindView>;

export interface ViewInput {
  readonly identity: Identity;
  readonly ids: KnownIds;
  readonly twilio: TwilioPort;
  readonly livekit: LiveKitPort;
  /** What of the number's webhooks is ours, and what is to be given back. */
  readonly routes: { readonly record: RoutingRecord; readonly previous: PreviousRouting | undefined };
  /** Kinds that an earlier create may still make appear, so that a read that lacks one proves nothing. */
  readonly unsettled: ReadonlySet<LeftoverKind>;
}

/** Never throws for a failed read: what could not be read is `unreadable`. */
export async function viewForRemoval(input: ViewInput): Promise<RemovalView> {
  if (input.identity.voice === 'webhook') return new Map([await viewOfRouting(input)]);
  const [twilio, livekit] = await Promise.all([viewOfTwilio(input), viewOfLiveKit(input)]);
  return new Map([...twilio, ...livekit]);
}

type Views = readonly (readonly [LeftoverKind, KindView])[];

async function viewOfTwilio(input: ViewInput): Promise<Views> {
  const { identity, ids, twilio } = input;
  const credentialsOf = credentialReads(twilio);
  // All at once, also what only counts if something else is read: a person waits for the longest chain.
  const [proof, number, trunk, credentialList, accessList] = await Promise.all([
    attempt(twilio.proveAccount()),
    attempt(readNumber(twilio, identity, ids.phoneNumberSid)),
    identity.existingTrunkSid === undefined
      ? find(
          input,
          'Trunk',
          'trunk',
          ids.trunkSid,
          () => twilio.listTrunks(),
          (sid) => twilio.readTrunk(sid),
        )
      : undefined,
    find(
      input,
      'CredentialList',
      'credentials',
      ids.credentialListSid,
      () => twilio.listCredentialLists(),
      (sid) => twilio.readCredentialList(sid),
    ),
    find(
      input,
      'IpAccessControlList',
      'acl',
      ids.ipAccessControlListSid,
      () => twilio.listIpAccessControlLists(),
      (sid) => twilio.readIpAccessControlList(sid),
    ),
    ids.credentialListSid === undefined ? undefined : credentialsOf(ids.credentialListSid),
  ]);
  // Without the account's proof nothing that Twilio says to be missing is believed.
  if (proof.kind === 'failed') {
    const verdict = ofWholeAccount(proof.verdict);
    const unreadable = (knownId?: string): KindView => ({ kind: 'unreadable', knownId, verdict });
    return [
      ['NumberAttachment', unreadable(ids.phoneNumberSid)],
      ...(hasRecord(input.routes.record) ? [['NumberRouting', unreadable(ids.phoneNumberSid)] as const] : []),
      ...(trunk === undefined ? [] : [['Trunk', unreadable(ids.trunkSid)] as const]),
      ['Credential', unreadable(ids.credentialSid)],
      ['CredentialList', unreadable(ids.credentialListSid)],
      ['IpAccessControlList', unreadable(ids.ipAccessControlListSid)],
    ];
  }
  return [
    ['NumberAttachment', trunk === undefined ? borrowedView(number, input) : attachmentView(number, trunk, input)],
    ...(hasRecord(input.routes.record) ? [['NumberRouting', routingView(number, input)] as const] : []),
    ...(trunk === undefined ? [] : [['Trunk', trunk] as const]),
    ['Credential', await credentialView(credentialsOf, credentialList, ids)],
    ['CredentialList', credentialList],
    ['IpAccessControlList', accessList],
  ];
}

/** All there is of a number whose calls go to a webhook. */
async function viewOfRouting(input: ViewInput): Promise<Views[number]> {
  const { identity, ids, twilio } = input;
  const [proof, number] = await Promise.all([
    attempt(twilio.proveAccount()),
    attempt(readNumber(twilio, identity, ids.phoneNumberSid)),
  ]);
  if (proof.kind === 'done') return ['NumberRouting', routingView(number, input)];
  const verdict = ofWholeAccount(proof.verdict);
  return ['NumberRouting', { kind: 'unreadable', knownId: ids.phoneNumberSid, verdict }];
}

/** A number that is gone from the account is routed nowhere. */
function routingView(number: Attempt<NumberState | undefined>, input: ViewInput): KindView {
  const { identity, ids, routes, unsettled } = input;
  if (number.kind === 'failed') return { kind: 'unreadable', knownId: ids.phoneNumberSid, verdict: number.verdict };
  if (number.value === undefined) return { kind: 'gone' };
  const change = removalChange(number.value, routes, identity.voice === 'webhook');
  if (change !== undefined) {
    const isOurs = withoutApplications(change) !== undefined;
    const onlyGivesBack = isOurs ? undefined : (change.voiceApplicationSid ?? change.smsApplicationSid);
    return { kind: 'present', targets: [{ id: number.value.sid, onlyGivesBack }] };
  }
  return { kind: unsettled.has('NumberRouting') ? 'early' : 'gone' };
}

async function viewOfLiveKit(input: ViewInput): Promise<Views> {
  const { identity, ids, livekit } = input;
  const [inbound, rule, outbound] = await Promise.all([
    // The number's holders show a duplicate besides a recorded trunk, too.
    find(
      input,
      'InboundTrunk',
      'inbound',
      ids.inboundTrunkId,
      () =>
        ids.inboundTrunkId === undefined
          ? livekit.listInboundTrunks()
          : livekit.findInboundTrunks(identity.phoneNumber),
      (id) => livekit.readInboundTrunk(id),
    ),
    find(
      input,
      'DispatchRule',
      'rule',
      ids.dispatchRuleId,
      () => (ids.dispatchRuleId === undefined ? livekit.listDispatchRules() : Promise.resolve([])),
      (id) => livekit.readDispatchRule(id),
    ),
    find(
      input,
      'OutboundTrunk',
      'outbound',
      ids.outboundTrunkId,
      () => (ids.outboundTrunkId === undefined ? livekit.listOutboundTrunks() : Promise.resolve([])),
      (id) => livekit.readOutboundTrunk(id),
    ),
  ]);
  // LiveKit has no call that proves a project: when no read at all gets through, it is the project that is unavailable.
  const silent = [inbound, rule, outbound].every(({ kind }) => kind === 'unreadable');
  const judged = (view: KindView): KindView =>
    silent && view.kind === 'unreadable' ? { ...view, verdict: ofWholeAccount(view.verdict) } : view;
  return [
    ['InboundTrunk', judged(inbound)],
    ['DispatchRule', judged(rule)],
    ['OutboundTrunk', judged(outbound)],
  ];
}

/** A provider that answers nothing is a matter of the account, with a budget of its own, not of this one object. */
function ofWholeAccount(verdict: Verdict): Verdict {
  return verdict.kind === 'unknownOutcome'
    ? { kind: 'identity', reason: 'AccountUnavailable', message: verdict.message }
    : verdict;
}

type Marked = Parameters<typeof labelOf>[0];

async function find(
  { identity, unsettled }: ViewInput,
  kind: LeftoverKind,
  role: Role,
  known: string | undefined,
  list: () => Promise<readonly Marked[]>,
  read: (id: string) => Promise<Marked | undefined>,
): Promise<KindView> {
  const answer = await attempt(
    Promise.all([list(), known === undefined ? undefined : read(known)]).then(([listed, recorded]) =>
      [...listed, ...(recorded === undefined ? [] : [recorded])].map(labelOf),
    ),
  );
  if (answer.kind === 'failed') return { kind: 'unreadable', knownId: known, verdict: answer.verdict };
  const ours = answer.value.filter(({ name }) => ownershipOf(name, identity, role) === 'ours');
  if (ours.length > 0)
    return { kind: 'present', targets: [...new Set(ours.map(({ id }) => id))].map((id) => ({ id })) };
  const recorded = answer.value.find(({ id }) => id === known);
  // Taken by another PhoneNumber of ours: neither removed nor left over.
  if (recorded !== undefined && ownershipOf(recorded.name, identity, role) === 'unknown') {
    return { kind: 'unmarked', targets: [{ id: recorded.id }] };
  }
  return unsettled.has(kind) ? { kind: 'early' } : { kind: 'gone' };
}

async function readNumber(
  twilio: TwilioPort,
  identity: Identity,
  sid: string | undefined,
): Promise<NumberState | undefined> {
  return sid === undefined ? twilio.findNumber(identity.phoneNumber) : twilio.readNumber(sid);
}

/**
 * A number is ours to detach while it is on our trunk; one that is gone from the account is detached. As long as an
 * attach of ours may still be applied, and there is a trunk for it, a number that is not on it proves nothing.
 */
function attachmentView(number: Attempt<NumberState | undefined>, trunk: KindView, input: ViewInput): KindView {
  const { ids, unsettled } = input;
  if (number.kind === 'failed') return { kind: 'unreadable', knownId: ids.phoneNumberSid, verdict: number.verdict };
  const mayStillCome = unsettled.has('NumberAttachment') && trunk.kind !== 'gone' && number.value !== undefined;
  const away: KindView = mayStillCome ? { kind: 'early' } : { kind: 'gone' };
  if (number.value === undefined) return away;
  const { sid, trunkSid } = number.value;
  if (trunkSid === '') return away.kind === 'early' ? away : detachedView(number.value, input);
  const target = { id: sid, parentId: trunkSid, ...applicationBefore(input) };
  if (trunk.kind === 'unreadable') {
    return trunkSid === ids.trunkSid || ids.trunkSid === undefined
      ? { kind: 'unreadable', knownId: sid, verdict: trunk.verdict }
      : away;
  }
  if (trunk.kind !== 'present' && trunk.kind !== 'unmarked') return away;
  return trunk.targets.some(({ id }) => id === trunkSid) ? { kind: trunk.kind, targets: [target] } : away;
}

/** On somebody else's trunk only the attachment is ours. */
function borrowedView(number: Attempt<NumberState | undefined>, input: ViewInput): KindView {
  const { existingTrunkSid } = input.identity;
  const { ids, unsettled } = input;
  if (number.kind === 'failed') return { kind: 'unreadable', knownId: ids.phoneNumberSid, verdict: number.verdict };
  const { value } = number;
  if (value !== undefined && existingTrunkSid !== undefined && value.trunkSid === existingTrunkSid) {
    return { kind: 'present', targets: [{ id: value.sid, parentId: existingTrunkSid, ...applicationBefore(input) }] };
  }
  if (value === undefined) return { kind: 'gone' };
  return unsettled.has('NumberAttachment') ? { kind: 'early' } : detachedView(value, input);
}

/** Off the trunk, but not yet as it was before; whoever has routed it meanwhile keeps it. */
function detachedView({ sid, trunkSid, voiceApplicationSid }: NumberState, input: ViewInput): KindView {
  const isRestored =
    input.routes.previous?.voiceApplicationSid === undefined || trunkSid !== '' || voiceApplicationSid !== '';
  return isRestored ? { kind: 'gone' } : { kind: 'present', targets: [{ id: sid, ...applicationBefore(input) }] };
}

function applicationBefore({ routes }: ViewInput): Pick<Target, 'voiceApplicationSid'> {
  const voiceApplicationSid = routes.previous?.voiceApplicationSid;
  return voiceApplicationSid === undefined ? {} : { voiceApplicationSid };
}

type Credentials = Awaited<ReturnType<TwilioPort['listCredentials']>>;
type CredentialReads = (listSid: string) => Promise<Attempt<Credentials>>;

/** Reads the credentials of a list once. */
function credentialReads(twilio: TwilioPort): CredentialReads {
  const reads = new Map<string, Promise<Attempt<Credentials>>>();
  return async (listSid) => {
    const read = reads.get(listSid) ?? attempt(twilio.listCredentials(listSid));
    reads.set(listSid, read);
    return await read;
  };
}

async function credentialView(credentialsOf: CredentialReads, list: KindView, ids: KnownIds): Promise<KindView> {
  switch (list.kind) {
    case 'gone':
    case 'early':
      return list;
    case 'unreadable':
      return { ...list, knownId: ids.credentialSid };
    case 'unmarked':
      return ids.credentialSid === undefined
        ? { kind: 'gone' }
        : { kind: 'unmarked', targets: [{ id: ids.credentialSid }] };
    case 'present': {
      const answers = await Promise.all(
        list.targets.map(async ({ id }) => {
          return { id, credentials: await credentialsOf(id) };
        }),
      );
      const targets: Target[] = [];
      for (const { id, credentials } of answers) {
        if (credentials.kind === 'failed') {
          return { kind: 'unreadable', knownId: ids.credentialSid, verdict: credentials.verdict };
        }
        targets.push(...credentials.value.map(({ sid }) => ({ id: sid, parentId: id })));
      }
      return targets.length > 0 ? { kind: 'present', targets } : { kind: 'gone' };
    }
  }
}

export type Attempt<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly verdict: Verdict };

/** A provider's failure as a value; anything else is a defect of ours and is thrown on. */
export async function attempt<T>(call: Promise<T>): Promise<Attempt<T>> {
  try {
    return { kind: 'done', value: await call };
  } catch (error) {
    if (error instanceof ProviderError) return { kind: 'failed', verdict: error.verdict };
    throw error;
  }
}
