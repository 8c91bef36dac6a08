/**
 * Oracles: what must be true of a world, whatever the operator did to get there (operators.md 4.1, I1–I6).
 */
import { markOf } from '../../src/reconcilers/phone-number/mark.ts';
import type { Identity } from '../../src/reconcilers/phone-number/model.ts';
import {
  finalizer,
  forceDeleteAnnotation,
  forceDeleteValue,
  intentAnnotation,
} from '../../src/reconcilers/phone-number/names.ts';
import { parsePhoneNumber } from '../../src/reconcilers/phone-number/schema.ts';
import type { KubernetesObject } from '../../src/reconcilers/shared/ports.ts';
import type { Effect } from './effects.ts';
import { type Reach, reachOver } from '../support/reach.ts';
import { accountSid, livekitUrl, phoneNumber, settings, type World } from './world.ts';

/** What happens to somebody who calls the number now. */
export function reachOf({ account, project }: World, number = phoneNumber): Reach {
  const trunkSid = account.numberOf(number)?.trunkSid ?? '';
  const trunk = account.trunks.get(trunkSid);
  const urls = trunk && [...trunk.urls.values()];
  const isOurs = trunk?.friendlyName.startsWith('tl/') === true;
  return reachOver(
    number,
    { trunkSid, urls, isOurs, sipHost: 'sip.example.com' },
    { inbound: [...project.inbound.values()], rules: [...project.rules.values()] },
  );
}

/** The name of everything outside that the operator made, children with their parent's name before theirs. */
export function outsideOf({ twilio, livekit }: World, uid = ''): readonly string[] {
  const ofTwilio = [...twilio.accounts.values()].flatMap(({ trunks, credentialLists, accessLists }) => [
    ...[...trunks.values()].flatMap((trunk) => [
      trunk.friendlyName,
      ...[...trunk.urls.values()].map(({ friendlyName }) => `${trunk.friendlyName} > ${friendlyName}`),
    ]),
    ...[...credentialLists.values()].flatMap((list) => [
      list.friendlyName,
      ...[...list.credentials.values()].map(({ username }) => `${list.friendlyName} > ${username}`),
    ]),
    ...[...accessLists.values()].flatMap((list) => [
      list.friendlyName,
      ...[...list.addresses.values()].map(({ friendlyName }) => `${list.friendlyName} > ${friendlyName}`),
    ]),
  ]);
  const ofLiveKit = [...livekit.projects.values()].flatMap(({ inbound, rules, outbound }) =>
    [...inbound.values(), ...rules.values(), ...outbound.values()].map(({ name }) => name),
  );
  return [...ofTwilio, ...ofLiveKit]
    .filter((name) => name.startsWith('tl/') && name.includes(uid.slice(0, 8)))
    .toSorted();
}

/** The marks that a complete set has. */
export function completeSet(object: KubernetesObject, outbound?: { readonly addresses: readonly string[] }) {
  const identity: Identity = {
    account: 'default',
    accountSid,
    livekitUrl,
    ownerId: '0a1b2c3d',
    phoneNumber,
    uid: object.metadata.uid,
  };
  const [trunk, inbound, rule] = [markOf(identity, 'trunk'), markOf(identity, 'inbound'), markOf(identity, 'rule')];
  const [credentials, acl] = [markOf(identity, 'credentials'), markOf(identity, 'acl')];
  const branch =
    outbound === undefined
      ? []
      : [
          markOf(identity, 'outbound'),
          credentials,
          ...(outbound.addresses.length > 0 ? [acl] : []),
          ...outbound.addresses.map((address) => `${acl} > ${address}`),
        ];
  return [trunk, `${trunk} > ${markOf(identity, 'origination-0')}`, inbound, rule, ...branch].toSorted();
}

/** What is wrong with outbound calls of a number; nothing when Twilio would take a call from LiveKit. */
export function outboundProblem({ account, project }: World): string | undefined {
  const [outbound, second] = project.outbound.values();
  if (outbound === undefined || second !== undefined) return `there are ${project.outbound.size} outbound trunks`;
  const trunk = [...account.trunks.values()].find(({ domainName }) => domainName === outbound.address);
  if (trunk === undefined) return `no trunk has the domain ${outbound.address}`;
  const credentials = [...trunk.credentialLists].flatMap((sid) => [
    ...(account.credentialLists.get(sid)?.credentials.values() ?? []),
  ]);
  const isKnown = credentials.some(
    ({ username, password }) => username === outbound.authUsername && password === outbound.authPassword,
  );
  if (!isKnown) return 'Twilio does not know the credential of LiveKit';
  return credentials.length === 1 ? undefined : `there are ${credentials.length} credentials`;
}

/** Watches every write of the operator, and notes what must never be. */
export function watch(world: World): void {
  let held = new Map<string, KubernetesObject>();
  world.effects.beforeWrite.push((effect) => {
    held = new Map(world.store.all.filter(isHeld).map((object) => [object.metadata.uid, object]));
    if (effect.system !== 'Kubernetes') judgePermission(world, effect, held.size > 0);
  });
  world.effects.afterWrite.push((effect) => {
    if (effect.system === 'Kubernetes') {
      for (const [uid, before] of held) judgeRelease(world, uid, before);
      judgeSecrets(world);
    } else judgeOutside(world, effect);
    held = new Map(world.store.all.filter(isHeld).map((object) => [object.metadata.uid, object]));
  });
}

function isHeld({ metadata }: KubernetesObject): boolean {
  return metadata.finalizers?.includes(finalizer) === true;
}

/** I4, W1, W3: a write needs the persisted intent, a fresh answer of the API server, and the lease. */
function judgePermission(world: World, effect: Effect, isIntended: boolean): void {
  const { effects, violations } = world;
  if (!isIntended) violations.push(`I4: ${effect.operation} without a finalizer`);
  world.fenceChecks -= 1;
  if (world.fenceChecks < 0) violations.push(`W3: ${effect.operation} without a look at the lease`);
  const answer = effects.log.findLast(({ system, process }) => system === 'Kubernetes' && process === effect.process);
  const age = effect.at - (answer?.at ?? Number.NEGATIVE_INFINITY);
  // The fake takes the time of calls that run side by side one after the other.
  if (age > settings.proofMaxAgeMs + 2 * effects.latencyMs) {
    violations.push(`W1: ${effect.operation} ${age} ms after the last answer of the API server`);
  }
}

/** I1, I3 and the order of 3.2 and 3.3: after every single write. */
function judgeOutside(world: World, { operation }: Effect): void {
  const { account, violations } = world;
  for (const { phoneNumber: number } of account.numbers.values()) {
    const reach = reachOf(world, number);
    if (reach.startsWith('dead')) violations.push(`Order: after ${operation} a call to ${number} is ${reach}`);
  }
  const names = outsideOf(world).filter((name) => !/credentials > /.test(name));
  const doubled = names.filter((name, index) => names.indexOf(name) !== index);
  if (doubled.length > 0) violations.push(`I1: after ${operation} there are two of ${doubled.join(', ')}`);
}

/** I2, I6: the finalizer goes only with nothing left, or with a record that somebody asked for. */
function judgeRelease(world: World, uid: string, before: KubernetesObject): void {
  const now = world.store.all.find(({ metadata }) => metadata.uid === uid);
  if (now !== undefined && isHeld(now)) return;
  const left = outsideOf(world, uid);
  const record = world.store.records.get(uid);
  const { status, annotations, deleting } = parsePhoneNumber(before);
  const isForced = deleting && status.phase === 'Corrupted' && annotations[forceDeleteAnnotation] === forceDeleteValue;
  const isOrphaned = deleting && status.deletion?.policy === 'Orphan';
  if (record !== undefined && !isForced && !isOrphaned) {
    world.violations.push(`I6: ${uid} was let go with a record (${record.cause}) that nobody asked for`);
  }
  if (record === undefined && left.length > 0) {
    world.violations.push(`I2: ${uid} was let go with ${left.join(', ')} and without a record`);
  }
  if (now !== undefined && now.metadata.annotations?.[intentAnnotation] !== undefined && !deleting) {
    world.violations.push(`W2: ${uid} kept the intent without the finalizer`);
  }
}

/** No password ever leaves the two providers. */
function judgeSecrets(world: World): void {
  const shown = JSON.stringify([world.store.all, [...world.store.records.values()], world.events]);
  for (const { authPassword } of world.project.outbound.values()) {
    if (shown.includes(authPassword)) world.violations.push('A password is shown');
  }
}
