/**
 * Numbers on a trunk that is somebody else's: they are put on it and taken off it, and the trunk stays as it is.
 */
import { describe, expect, test } from 'vitest';
import type { ObjectKey } from '../../src/reconcilers/shared/ports.ts';
import { condition, existing, expectGone, expectQuiet } from '../fakes/expectations.ts';
import { interrupt, interruptions, pointsOf } from '../fakes/interruptions.ts';
import { outsideOf, reachOf } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { statusOf, watchedWorld } from '../fakes/stories.ts';
import { accountSid, key, phoneNumber, type World } from '../fakes/world.ts';

const trunkSid = `TK${'e'.repeat(32)}`;
const second = '+447446466848';
const secondKey: ObjectKey = { namespace: 'other', name: 'sales' };
const specOf = (number: string, existingTrunkSid = trunkSid) => ({
  phoneNumber: number,
  voice: { sipTrunk: { existingTrunkSid } },
});

/** A world with a trunk that its owner made for LiveKit, with a list on it. */
function worldWithTrunk(): World {
  const world = watchedWorld();
  world.twilio.buyNumber(accountSid, second);
  const url = { friendlyName: 'LiveKit', sipUrl: 'sip:sip.example.com;transport=tcp', priority: 1, weight: 10 };
  world.account.trunks.set(trunkSid, {
    sid: trunkSid,
    accountSid,
    friendlyName: 'the team’s trunk',
    domainName: 'team.pstn.twilio.com',
    transferMode: 'enable-all',
    secure: false,
    disasterRecoveryUrl: '',
    urls: new Map([[`OU${'e'.repeat(32)}`, { sid: `OU${'e'.repeat(32)}`, ...url, enabled: true }]]),
    credentialLists: new Set([`CL${'e'.repeat(32)}`]),
    accessLists: new Set(),
  });
  return world;
}

/** Everything about the trunk but which numbers are on it. */
function trunkOf(world: World): unknown {
  return structuredClone(world.account.trunks.get(trunkSid));
}

const untouched = trunkOf(worldWithTrunk());
const create = (world: World) => void world.store.create({ ...key, spec: specOf(phoneNumber) });
const remove = (world: World) => world.store.delete(key);

async function readyOnTrunk(): Promise<World> {
  const world = worldWithTrunk();
  create(world);
  await runUntilSettled(world);
  world.clock.advanceSynchronously(3_600_000);
  return world;
}

async function expectAnswered(world: World): Promise<void> {
  expect(statusOf(world).phase, JSON.stringify(statusOf(world).conditions)).toBe('Ready');
  expect(reachOf(world)).toBe('answered');
  expect(outsideOf(world).map((name) => name.split('/').at(-1))).toEqual(['inbound', 'rule']);
  expect(trunkOf(world)).toEqual(untouched);
  await expectQuiet(world);
}

const fresh = worldWithTrunk();
const creating = await pointsOf(fresh, () => create(fresh));
const story = await readyOnTrunk();
const removing = await pointsOf(story, () => remove(story));
const everywhere = (points: typeof creating) =>
  points.flatMap((point) => interruptions.map((interruption) => ({ ...point, interruption, what: interruption.name })));

test('the stories have the writes that they are about, and none to the trunk', () => {
  expect(creating.map(({ operation }) => operation.split(' ')[0])).toEqual([
    'patchMetadata',
    'createInboundTrunk',
    'createDispatchRule',
    'attachNumber',
    'patchStatus',
  ]);
  expect(removing.map(({ operation }) => operation.split(' ')[0])).toEqual([
    'patchStatus',
    'detachNumber',
    'deleteDispatchRule',
    'deleteLiveKitTrunk',
    'patchMetadata',
  ]);
});

describe('a number on an existing trunk', () => {
  test.for(everywhere(creating))('is answered in the end when $what $operation', async ({ index, interruption }) => {
    const world = worldWithTrunk();
    interrupt(world, index, interruption);
    create(world);
    await runUntilSettled(world);
    await expectAnswered(world);
  });

  test.for(everywhere(removing))('is off it in the end when $what $operation', async ({ index, interruption }) => {
    const world = await readyOnTrunk();
    interrupt(world, index, interruption);
    remove(world);
    await runUntilSettled(world);
    await expectGone(world);
    expect(trunkOf(world)).toEqual(untouched);
  });

  test('shows the trunk, and keeps it apart from what is to be removed', async () => {
    const world = await readyOnTrunk();
    expect(existing(world).status).toMatchObject({
      twilio: { trunkSid },
      pinned: { existingTrunkSid: trunkSid },
    });
    expect(statusOf(world).ids.trunkSid).toBeUndefined();
  });

  test('is suspended and resumed on the same trunk', async () => {
    const world = await readyOnTrunk();
    world.store.editSpec(key, { suspended: true });
    await runUntilSettled(world);
    expect(statusOf(world).phase).toBe('Suspended');
    expect(reachOf(world)).toBe('unrouted');
    world.store.editSpec(key, { suspended: false });
    await runUntilSettled(world);
    await expectAnswered(world);
  });

  test('goes cleanly when the owner has deleted the trunk', async () => {
    const world = await readyOnTrunk();
    world.account.trunks.delete(trunkSid);
    world.account.changeNumber(phoneNumber, { trunkSid: '' });
    remove(world);
    await runUntilSettled(world);
    await expectGone(world);
  });

  test('moved to a third trunk by somebody is not detached from it', async () => {
    const world = await readyOnTrunk();
    const third = `TK${'d'.repeat(32)}`;
    world.account.changeNumber(phoneNumber, { trunkSid: third });
    remove(world);
    await runUntilSettled(world);
    expect(world.store.all).toEqual([]);
    expect(world.account.numberOf(phoneNumber)?.trunkSid).toBe(third);
    expect(outsideOf(world)).toEqual([]);
  });
});

test('an object of the same name after a force delete takes over what was left, on the same trunk', async () => {
  const world = await readyOnTrunk();
  const stuck = world.effects.fail('detachNumber', { kind: 'refused', code: '21634', message: 'emergency (21634)' });
  remove(world);
  await runUntilSettled(world);
  world.store.annotate(key, 'force-delete', 'confirmed');
  await runUntilSettled(world);
  expect(world.store.all, 'let go').toEqual([]);
  world.effects.lift(stuck);
  const writes = world.effects.externalWrites.length;
  create(world);
  await runUntilSettled(world);
  expect(statusOf(world).phase, JSON.stringify(statusOf(world).conditions)).toBe('Ready');
  expect(world.effects.externalWrites.slice(writes).filter((name) => name.startsWith('create'))).toEqual([]);
  expect(reachOf(world)).toBe('answered');
  expect(trunkOf(world)).toEqual(untouched);
});

describe('two numbers on one trunk', () => {
  test('are put on it at the same time, and both deletions leave the trunk as it was', async () => {
    const world = worldWithTrunk();
    create(world);
    world.store.create({ ...secondKey, spec: specOf(second) });
    await runUntilSettled(world);
    expect([reachOf(world), reachOf(world, second)]).toEqual(['answered', 'answered']);
    expect(trunkOf(world)).toEqual(untouched);

    remove(world);
    await runUntilSettled(world);
    expect([reachOf(world), reachOf(world, second)], 'the other one goes on').toEqual(['unrouted', 'answered']);
    world.store.delete(secondKey);
    await runUntilSettled(world);
    await expectGone(world);
    expect(trunkOf(world)).toEqual(untouched);
  });
});

describe('a detach that is refused', () => {
  test('ends as Corrupted with the command, the agent still answers, and the trunk stays', async () => {
    const world = await readyOnTrunk();
    const stuck = world.effects.fail('detachNumber', { kind: 'refused', code: '21634', message: 'emergency (21634)' });
    remove(world);
    await runUntilSettled(world);
    const { phase, leftovers } = statusOf(world);
    const numberSid = world.account.numberOf(phoneNumber)?.sid;
    expect(phase).toBe('Corrupted');
    expect(leftovers.map(({ kind, risk }) => `${kind} ${risk}`)).toEqual([
      'NumberAttachment RoutesCalls',
      'DispatchRule RoutesCalls',
      'InboundTrunk RoutesCalls',
    ]);
    expect(leftovers[0]?.removeCommand).toBe(
      `TWILIO_ACCOUNT_SID=${accountSid} twilio api:trunking:v1:trunks:phone-numbers:remove --trunk-sid ${trunkSid} --sid ${numberSid}`,
    );
    expect(reachOf(world), 'no other removal ends the ringing').toBe('answered');
    expect(trunkOf(world)).toEqual(untouched);

    world.effects.lift(stuck);
    world.store.annotate(key, 'telephony.trunkline.dev/retry-delete', '1');
    await runUntilSettled(world);
    await expectGone(world);
    expect(trunkOf(world)).toEqual(untouched);
  });
});

describe('a trunk that cannot be used', () => {
  test('unknown: is refused before anything is made, and asked for again', async () => {
    const world = worldWithTrunk();
    world.store.create({ ...key, spec: specOf(phoneNumber, `TK${'0'.repeat(32)}`) });
    await runUntilSettled(world, { horizonMs: 1_000 });
    expect(condition(world, 'Ready')).toBe('False InvalidSpec');
    expect(statusOf(world).conditions.find(({ type }) => type === 'Ready')?.message).toContain(
      `existingTrunkSid TK${'0'.repeat(32)} is no trunk of Twilio account ${accountSid}`,
    );
    expect(world.effects.externalWrites).toEqual([]);
    expect(existing(world).metadata.finalizers ?? []).toEqual([]);
  });

  test('changed although it is immutable: the number stays where it is', async () => {
    const world = await readyOnTrunk();
    world.store.editSpec(key, { voice: { sipTrunk: { existingTrunkSid: `TK${'0'.repeat(32)}` } } });
    await runUntilSettled(world, { horizonMs: 1_000 });
    expect(condition(world, 'Synced')).toBe('False InvalidSpec');
    expect(reachOf(world)).toBe('answered');
    remove(world);
    await runUntilSettled(world);
    await expectGone(world);
    expect(trunkOf(world)).toEqual(untouched);
  });

  test('the account’s limit of trunks does not matter', async () => {
    const world = worldWithTrunk();
    world.twilio.trunkLimit = 1;
    create(world);
    await runUntilSettled(world);
    await expectAnswered(world);
  });
});
