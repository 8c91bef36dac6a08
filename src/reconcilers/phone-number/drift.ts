/**
 * Drift, pure: where the lists of a provider contradict what the status of a PhoneNumber says. A contradiction decides
 * nothing: it has the object look for itself, with direct reads.
 */
import type { LiveKitSnapshot, TwilioSnapshot } from '../shared/snapshot.ts';
import { labelOf, type Marked, markOfKind, ownershipOf, roleOf } from './mark.ts';
import type { Identity, PhoneNumberStatus } from './model.ts';
import { missingOn, obstaclesTo } from './number-routing.ts';
import { type Duplicate, idFieldOf } from './observed.ts';

/** What lists say about one object. */
export interface Drift {
  /** Ids that it knows there. */
  readonly known: readonly string[];
  /** Those of them that the lists lack. */
  readonly missing: readonly string[];
  /** Every contradiction, in words; empty if there is none. */
  readonly findings: readonly string[];
}

/** What is there of one kind: names by id, and ids by the marks among the names. */
interface Listed {
  readonly kind: Duplicate['kind'];
  readonly names: ReadonlyMap<string, string>;
  readonly marked: ReadonlyMap<string, readonly string[]>;
}

/** A snapshot of Twilio, as thousands of objects ask it. */
export interface TwilioIndex {
  readonly numbers: ReadonlyMap<string, TwilioSnapshot['numbers'][number]>;
  readonly listed: readonly Listed[];
}

/** A snapshot of LiveKit, as thousands of objects ask it. */
export interface LiveKitIndex {
  readonly listed: readonly Listed[];
  readonly rules: ReadonlyMap<string, LiveKitSnapshot['dispatchRules'][number]>;
  readonly outbounds: ReadonlyMap<string, LiveKitSnapshot['outboundTrunks'][number]>;
  /** Ids of the inbound trunks that hold a number. */
  readonly holders: ReadonlyMap<string, readonly string[]>;
}

export function indexTwilio({ credentialLists, ipAccessControlLists, numbers, trunks }: TwilioSnapshot): TwilioIndex {
  return {
    numbers: new Map(numbers.map((number) => [number.phoneNumber, number])),
    listed: [
      listedOf('Trunk', trunks),
      listedOf('CredentialList', credentialLists),
      listedOf('IpAccessControlList', ipAccessControlLists),
    ],
  };
}

export function indexLiveKit({ dispatchRules, inboundTrunks, outboundTrunks }: LiveKitSnapshot): LiveKitIndex {
  return {
    listed: [
      listedOf('InboundTrunk', inboundTrunks),
      listedOf('DispatchRule', dispatchRules),
      listedOf('OutboundTrunk', outboundTrunks),
    ],
    rules: new Map(dispatchRules.map((rule) => [rule.id, rule])),
    outbounds: new Map(outboundTrunks.map((trunk) => [trunk.id, trunk])),
    holders: gathered(inboundTrunks.flatMap(({ id, numbers }) => numbers.map((number) => [number, id] as const))),
  };
}

function listedOf(kind: Duplicate['kind'], objects: readonly Marked[]): Listed {
  const labels = objects.map(labelOf);
  return {
    kind,
    names: new Map(labels.map(({ id, name }) => [id, name])),
    marked: gathered(labels.filter(({ name }) => name.startsWith('tl/')).map(({ id, name }) => [name, id] as const)),
  };
}

function gathered(pairs: readonly (readonly [string, string])[]): ReadonlyMap<string, readonly string[]> {
  const all = new Map<string, string[]>();
  for (const [key, value] of pairs) {
    const known = all.get(key);
    if (known === undefined) all.set(key, [value]);
    else known.push(value);
  }
  return all;
}

/** `status` is that of a living object with our finalizer. */
export function driftAtTwilio(identity: Identity, status: PhoneNumberStatus, index: TwilioIndex): Drift {
  const { existingTrunkSid, phoneNumber } = identity;
  const { ids, phase, routing } = status;
  const number = index.numbers.get(phoneNumber);
  const trunkSid = existingTrunkSid ?? ids.trunkSid;
  const isOnTrunk = number !== undefined && number.trunkSid === trunkSid;
  const where =
    number === undefined ? 'is not there' : `is on ${number.trunkSid === '' ? 'no trunk' : number.trunkSid}`;
  const isAway = routing === 'Attached' && trunkSid !== undefined && !isOnTrunk;
  const isBack = routing === 'Detached' && phase === 'Suspended' && isOnTrunk;
  const { routedTo = {} } = status;
  const changed =
    number === undefined
      ? []
      : [
          ...missingOn(number, routedTo).map((slot) => `the ${slot} webhook of ${phoneNumber} is another one`),
          ...obstaclesTo(routedTo, number, status).map(({ route }) => `${phoneNumber} is routed to ${route}`),
        ];
  const numberSid = ids.phoneNumberSid;
  const { findings, known, missing } = existence(identity, status, index.listed);
  return {
    known: numberSid === undefined ? known : [...known, numberSid],
    missing: numberSid === undefined || number?.sid === numberSid ? missing : [...missing, numberSid],
    findings: [...findings, ...(isAway || isBack ? [`${phoneNumber} ${where}`] : []), ...changed],
  };
}

/** `status` is that of a living object with our finalizer. */
export function driftAtLiveKit(identity: Identity, status: PhoneNumberStatus, index: LiveKitIndex): Drift {
  const { phoneNumber } = identity;
  const { inboundTrunkId, dispatchRuleId, outboundTrunkId } = status.ids;
  const holders = index.holders.get(phoneNumber) ?? [];
  const rule = index.rules.get(dispatchRuleId ?? '');
  const outbound = index.outbounds.get(outboundTrunkId ?? '');
  const { findings, known, missing } = existence(identity, status, index.listed);
  const others = holders.filter((id) => id !== inboundTrunkId);
  return {
    known,
    missing,
    findings: [
      ...findings,
      ...(others.length > 0 ? [`InboundTrunk ${others.join(', ')} holds ${phoneNumber}, too`] : []),
      ...(inboundTrunkId !== undefined && !missing.includes(inboundTrunkId) && !holders.includes(inboundTrunkId)
        ? [`InboundTrunk ${inboundTrunkId} does not hold ${phoneNumber}`]
        : []),
      ...(rule !== undefined && inboundTrunkId !== undefined && !rule.trunkIds.includes(inboundTrunkId)
        ? [`DispatchRule ${rule.id} does not take the calls of ${inboundTrunkId}`]
        : []),
      ...(outbound !== undefined && outbound.address !== status.trunkDomainName
        ? [`OutboundTrunk ${outbound.id} calls ${outbound.address}`]
        : []),
    ],
  };
}

function existence(identity: Identity, { ids }: PhoneNumberStatus, listed: readonly Listed[]): Drift {
  const known: string[] = [];
  const missing: string[] = [];
  const findings: string[] = [];
  for (const { kind, marked, names } of listed) {
    const id = ids[idFieldOf[kind]];
    const name = names.get(id ?? '');
    if (id !== undefined) known.push(id);
    if (id !== undefined && name === undefined) {
      missing.push(id);
      findings.push(`${kind} ${id} is not there`);
    }
    if (name !== undefined && ownershipOf(name, identity, roleOf[kind]) !== 'ours') {
      findings.push(`${kind} ${id} is called ${name}`);
    }
    const others = (marked.get(markOfKind(identity, kind)) ?? []).filter((one) => one !== id);
    if (others.length > 0) findings.push(`${kind} ${others.join(', ')} has the same mark`);
  }
  return { known, missing, findings };
}
