/**
 * Deletion, row by row of the table in DESIGN 3.3: what goes, and in which order.
 */
import { describe, expect, test } from 'vitest';
import { finalizer } from '../../src/reconcilers/phone-number/names.ts';
import type { Verdict } from '../../src/reconcilers/shared/verdict.ts';
import { condition, existing, expectGone, expectQuiet, expectReady } from '../fakes/expectations.ts';
import { outsideOf, reachOf } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { readyWorld, statusOf, untilCorrupted, watchedWorld } from '../fakes/stories.ts';
import { accountSid, inboundOnly, key, livekitUrl, phoneNumber, withOutbound, type World } from '../fakes/world.ts';

const minute = 60_000;
const noAnswer: Verdict = { kind: 'unknownOutcome', message: 'no answer in time' };

describe('a deletion that nothing disturbs', () => {
  test.for([
    {
      name: 'inbound',
      spec: inboundOnly,
      writes: ['detachNumber', 'deleteDispatchRule', 'deleteLiveKitTrunk', 'deleteTrunk'],
    },
    {
      name: 'outbound',
      spec: withOutbound,
      writes: [
        'detachNumber',
        'deleteLiveKitTrunk',
        'deleteDispatchRule',
        'deleteCredential',
        'deleteLiveKitTrunk',
        'detachIpAccessControlList',
        'detachCredentialList',
        'deleteCredentialList',
        'deleteIpAccessControlList',
        'deleteTrunk',
      ],
    },
  ])('$name: takes two writes, and everything in its order', async ({ spec, writes }) => {
    const world = await readyWorld(spec);
    world.store.delete(key);
    await runUntilSettled(world);
    expect(world.effects.objectWrites, 'the policy, then the finalizer').toEqual(['patchStatus', 'patchMetadata']);
    expect(world.effects.externalWrites.toSorted()).toEqual(writes.toSorted());
    const inbound = world.effects.externalWrites.filter((name) => /Number|Rule|deleteTrunk/.test(name));
    expect(inbound, 'a number stops ringing before what answers it goes').toEqual([
      'detachNumber',
      'deleteDispatchRule',
      'deleteTrunk',
    ]);
    expect(world.eventActions).toEqual(['Delete']);
    await expectGone(world);
    expect(world.account.numberOf(phoneNumber), 'the number stays with its owner').toBeDefined();
  });

  test('shows what goes on when it takes longer, and asks the API server again', async () => {
    const world = await readyWorld(withOutbound);
    world.effects.latencyMs = 4_000;
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
  });

  test('an object without our finalizer is nobody’s business', async () => {
    const world = watchedWorld();
    world.store.create({ ...key, spec: inboundOnly, finalizers: ['example.com/other'] });
    world.store.delete(key);
    await runUntilSettled(world);
    expect(world.effects.externalCalls).toEqual([]);
    expect(world.effects.objectWrites).toEqual([]);
    expect(existing(world).metadata.finalizers).toEqual(['example.com/other']);
  });

  test('the finalizers of others stay', async () => {
    const world = await readyWorld();
    world.store.setFinalizers(key, ['example.com/other', finalizer]);
    world.store.delete(key);
    await runUntilSettled(world);
    expect(existing(world).metadata.finalizers).toEqual(['example.com/other']);
    expect(outsideOf(world)).toEqual([]);
    world.restart();
    await expectQuiet(world);
  });
});

describe('what was removed by hand before', () => {
  test.for([
    { name: 'the trunk', act: ({ account }: World) => account.trunks.clear() },
    { name: 'the inbound trunk', act: ({ project }: World) => project.inbound.clear() },
    { name: 'the rule', act: ({ project }: World) => project.rules.clear() },
    { name: 'the credentials', act: ({ account }: World) => account.credentialLists.clear() },
    { name: 'the addresses', act: ({ account }: World) => account.accessLists.clear() },
    { name: 'the outbound trunk', act: ({ project }: World) => project.outbound.clear() },
    { name: 'the number itself', act: ({ account }: World) => account.numbers.clear() },
  ])('$name is gone, and so is the rest then', async ({ act }) => {
    const world = await readyWorld(withOutbound);
    act(world);
    world.effects.afterWrite.length = 0;
    world.effects.beforeWrite.length = 0;
    world.store.delete(key);
    await runUntilSettled(world);
    expect(world.store.all).toEqual([]);
    expect(outsideOf(world)).toEqual([]);
    expect([...world.store.records]).toEqual([]);
  });

  test('a number that is on another trunk by now stays there', async () => {
    const world = await readyWorld();
    const theirs = `TK${'f'.repeat(32)}`;
    world.account.changeNumber(phoneNumber, { trunkSid: theirs });
    world.store.delete(key);
    await runUntilSettled(world);
    expect(world.store.all).toEqual([]);
    expect(outsideOf(world)).toEqual([]);
    expect(world.account.numberOf(phoneNumber)?.trunkSid).toBe(theirs);
  });
});

describe('the deletion policy', () => {
  test('Orphan touches nothing and leaves a record', async () => {
    const world = await readyWorld({ ...withOutbound, deletionPolicy: 'Orphan' });
    const before = outsideOf(world);
    const { uid } = existing(world).metadata;
    world.store.delete(key);
    await runUntilSettled(world);
    expect(world.store.all).toEqual([]);
    expect(world.effects.externalCalls, 'no call at all').toEqual([]);
    expect(outsideOf(world)).toEqual(before);
    expect(reachOf(world)).toBe('answered');
    expect([...world.store.records.keys()]).toEqual([uid]);
    expect(world.store.records.get(uid)).toMatchObject({
      cause: 'Orphan',
      phoneNumber,
      pinned: { accountSid, livekitUrl },
    });
    expect(world.store.records.get(uid)?.items).toHaveLength(8);
    expect(world.store.records.get(uid), 'nobody confirmed anything').not.toHaveProperty('confirmedBy', 'anybody');
    expect(world.audits).toEqual(['orphan']);
  });

  test('that nobody knows is not guessed: Corrupted at once, without a call', async () => {
    const world = await readyWorld({ ...inboundOnly, deletionPolicy: 'Recycle' });
    world.store.delete(key);
    await runUntilSettled(world);
    expect(condition(world, 'Corrupted')).toBe('True UnknownDeletionPolicy');
    expect(world.effects.externalCalls).toEqual([]);
    expect(statusOf(world).leftovers.map(({ kind, state, reason }) => `${kind} ${state} ${reason}`)).toEqual([
      'NumberAttachment Unknown UnknownDeletionPolicy',
      'DispatchRule Unknown UnknownDeletionPolicy',
      'InboundTrunk Unknown UnknownDeletionPolicy',
      'Trunk Unknown UnknownDeletionPolicy',
    ]);
    expect(reachOf(world)).toBe('answered');
    await expectQuiet(world);
  });

  test.for([
    { name: 'Orphan after deletion began', edit: { deletionPolicy: 'Orphan' } },
    { name: 'an unknown policy after deletion began', edit: { deletionPolicy: 'Recycle' } },
    { name: 'a number that cannot be one', edit: { phoneNumber: 7, voice: null } },
    { name: 'another account', edit: { accountRef: { name: 'another' } } },
  ])('is the one at the moment of deletion: $name changes nothing', async ({ edit }) => {
    const world = await readyWorld();
    world.effects.beforeWrite.push(({ operation }) => {
      if (operation === 'detachNumber') world.store.editSpec(key, edit);
    });
    world.effects.fail('deleteTrunk', noAnswer, 'never', 3);
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
  });

  test.for(['Ready', 'Pending', 'Failed'])(
    'a deletion in the status of an object that was %s means nothing',
    async (phase) => {
      const world = await readyWorld();
      world.store.writeStatus(key, { phase, deletion: { policy: 'Orphan', firstFailureTime: '2020-01-01T00:00:00Z' } });
      world.store.delete(key);
      await runUntilSettled(world);
      await expectGone(world);
    },
  );

  test('is not needed when the spec cannot be read any more', async () => {
    const world = await readyWorld();
    world.store.editSpec(key, { phoneNumber: 7, voice: null });
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
  });
});

describe('marks that changed', () => {
  const rename = (world: World, friendlyName: string) => {
    for (const trunk of world.account.trunks.values()) world.account.trunks.set(trunk.sid, { ...trunk, friendlyName });
  };
  test('a trunk that lost its mark is never removed and never forgotten', async () => {
    const world = await readyWorld();
    rename(world, 'Front desk');
    world.store.delete(key);
    await untilCorrupted(world, 20 * minute);
    expect(world.account.trunks.size).toBe(1);
    expect(statusOf(world).leftovers).toContainEqual(
      expect.objectContaining({ kind: 'Trunk', state: 'Present', reason: 'OwnershipUnknown' }),
    );
    expect(existing(world).metadata.finalizers).toContain(finalizer);
  });

  test('nor after it was noticed while the number lived', async () => {
    const world = await readyWorld();
    rename(world, 'Front desk');
    world.store.editSpec(key, { voice: { sipTrunk: { transferMode: 'sip-only' } } });
    await runUntilSettled(world, { horizonMs: minute });
    world.store.delete(key);
    await untilCorrupted(world, 20 * minute);
    expect(statusOf(world).leftovers).toContainEqual(
      expect.objectContaining({ kind: 'Trunk', state: 'Present', reason: 'OwnershipUnknown' }),
    );
  });

  test('a set of another PhoneNumber by now is neither removed nor left over', async () => {
    const world = await readyWorld();
    world.effects.afterWrite.length = 0;
    rename(world, 'tl/0a1b2c3d/447446466847/ffffffff/trunk');
    const taken = <T extends { id: string; name: string }>(all: Map<string, T>) => {
      for (const one of all.values()) all.set(one.id, { ...one, name: one.name.replace('00000001', 'ffffffff') });
    };
    taken(world.project.inbound);
    taken(world.project.rules);
    world.store.delete(key);
    await runUntilSettled(world);
    expect(world.store.all).toEqual([]);
    expect(world.effects.externalWrites).toEqual([]);
    expect(reachOf(world)).toBe('answered');
  });

  test('ids that cannot be ids are looked up by their mark', async () => {
    const world = await readyWorld(withOutbound);
    world.store.writeStatus(key, {
      twilio: { trunkSid: '../../Accounts', credentialListSid: 'CL1', ipAccessControlListSid: 7 },
      livekit: { inboundTrunkId: '', dispatchRuleId: 'SDR_', outboundTrunkId: null },
    });
    world.restart();
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
  });

  test('ids of others in the status remove nothing', async () => {
    const world = await readyWorld();
    const theirs = world.livekit.newId('SDR_');
    const rule = { trunkIds: ['ST_x'], roomPrefix: '', agents: [], hidePhoneNumber: false, attributes: {} };
    world.project.rules.set(theirs, { id: theirs, name: 'theirs', ...rule });
    world.store.writeStatus(key, { livekit: { dispatchRuleId: theirs } });
    world.restart();
    world.store.delete(key);
    await untilCorrupted(world, 20 * minute);
    expect(world.project.rules.get(theirs)).toBeDefined();
    expect(statusOf(world).leftovers).toContainEqual(
      expect.objectContaining({ kind: 'DispatchRule', id: theirs, reason: 'OwnershipUnknown' }),
    );
  });
});

test('a deleted object can be created again with the same name and number', async () => {
  const world = await readyWorld(withOutbound);
  world.store.delete(key);
  await runUntilSettled(world);
  world.store.create({ ...key, spec: inboundOnly });
  await runUntilSettled(world);
  await expectReady(world);
});
