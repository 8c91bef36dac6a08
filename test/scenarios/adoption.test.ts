/**
 * What is outside finds its object again: a restored cluster, a rename, a move to another namespace, a re-create after
 * somebody let go of the old one (DESIGN 3.1, review-telephony B3). Nothing is made twice, nothing stops ringing.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { reconcileAnnotation } from '../../src/reconcilers/phone-number/names.ts';
import { parsePhoneNumber } from '../../src/reconcilers/phone-number/schema.ts';
import type { ObjectKey } from '../../src/reconcilers/shared/ports.ts';
import { condition, existing, expectReady } from '../fakes/expectations.ts';
import { outsideOf, reachOf } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { readyWorld, watchedWorld } from '../fakes/stories.ts';
import { inboundOnly, key, livekitUrl, phoneNumber, withOutbound, type World } from '../fakes/world.ts';

const addresses = { addresses: ['192.0.2.0/24', '198.51.100.7/32'] };
const renamed: ObjectKey = { namespace: 'default', name: 'front-desk' };
const moved: ObjectKey = { namespace: 'other', name: 'reception' };
const both = [
  { name: 'inbound only', spec: inboundOnly, outbound: undefined },
  { name: 'with outbound calls', spec: withOutbound, outbound: addresses },
] as const;

/** The cluster is lost; a new one gets the manifests only, and another process. */
function restore(world: World, spec: unknown, to: ObjectKey = key): void {
  world.store.loseEverything();
  world.restart();
  world.store.create({ ...to, spec });
}

function idsIn(world: World, one: ObjectKey = key) {
  return parsePhoneNumber(existing(world, one)).status.ids;
}

/** Creates and detaches are what must not happen; new names are what must. */
function harmful(world: World): readonly string[] {
  return world.effects.externalWrites.filter((name) => !name.startsWith('rename') && name !== 'updateOriginationUrl');
}

describe('a new object for a number whose set is there', () => {
  const ways = [
    { name: 'in a restored cluster', to: key },
    { name: 'under another name', to: renamed },
    { name: 'in another namespace', to: moved },
  ];
  test.for(ways.flatMap((way) => both.map((kind) => ({ ...way, ...kind, name: `${way.name}, ${kind.name}` }))))(
    '$name takes the set as it is',
    async ({ to, spec, outbound }) => {
      const world = await readyWorld(spec);
      const before = idsIn(world);
      restore(world, spec, to);
      await runUntilSettled(world);
      expect(harmful(world), 'nothing is created, detached or removed').toEqual([]);
      expect(idsIn(world, to)).toEqual(before);
      await expectReady(world, outbound, to);
    },
  );

  test('with the status of a backup writes nothing, and takes the set once it was deleted and created anew', async () => {
    const world = await readyWorld();
    const { metadata, status } = existing(world);
    const { annotations = {}, finalizers = [] } = metadata;
    world.store.loseEverything();
    world.restart();
    world.store.create({ ...key, spec: inboundOnly, annotations, finalizers, status: { ...(status as object) } });
    world.store.annotate(key, reconcileAnnotation, 'look');
    await runUntilSettled(world);
    expect(condition(world, 'Ready'), 'its ids have the mark of the old one').toBe('False OwnershipTaken');
    world.store.delete(key);
    await runUntilSettled(world);
    expect(world.store.get(key)).toBeUndefined();
    expect(world.effects.externalWrites, 'calls went on').toEqual([]);
    world.store.create({ ...key, spec: inboundOnly });
    await runUntilSettled(world);
    expect(harmful(world)).toEqual([]);
    await expectReady(world);
  });

  test('keeps the domain of the trunk, which is that of the old UID', async () => {
    const world = await readyWorld(withOutbound);
    const [trunk] = world.account.trunks.values();
    restore(world, withOutbound);
    await runUntilSettled(world);
    expect(parsePhoneNumber(existing(world)).status.trunkDomainName).toBe(trunk?.domainName);
  });

  test('makes a new credential when nobody knows the password of the one LiveKit uses', async () => {
    const world = await readyWorld(withOutbound);
    for (const { credentials } of world.account.credentialLists.values()) credentials.clear();
    restore(world, withOutbound);
    await runUntilSettled(world);
    expect(harmful(world)).toEqual(['createCredential', 'updateOutboundTrunk']);
    await expectReady(world, addresses);
  });

  test('takes what is there of a set, and makes the rest', async () => {
    const world = await readyWorld(inboundOnly);
    world.project.rules.forEach((rule, id) => rule.name.startsWith('tl/') && world.project.rules.delete(id));
    world.account.numbers.forEach((number, sid) => world.account.numbers.set(sid, { ...number, trunkSid: '' }));
    restore(world, inboundOnly);
    await runUntilSettled(world);
    expect(harmful(world)).toEqual(['createDispatchRule', 'attachNumber']);
    await expectReady(world);
  });

  test('leaves the set of a PhoneNumber that there is alone', async () => {
    const world = await readyWorld(inboundOnly);
    const names = outsideOf(world);
    world.store.create({ ...renamed, spec: inboundOnly });
    await runUntilSettled(world, { horizonMs: 900_000 });
    expect(condition(world, 'Ready', renamed)).toBe('False NumberInUse');
    expect(outsideOf(world)).toEqual(names);
  });

  test('leaves what another owner made for the number alone', async () => {
    const world = await readyWorld(inboundOnly);
    const names = outsideOf(world);
    world.store.loseEverything();
    world.defaultAccount.ownerId = 'somebody';
    world.restart();
    world.store.create({ ...key, spec: inboundOnly });
    await runUntilSettled(world, { horizonMs: 900_000 });
    expect(condition(world, 'Ready')).toBe('False NumberInUse');
    expect(outsideOf(world)).toEqual(names);
  });

  test('of two sets keeps the one in use and removes the other', async () => {
    const world = await readyWorld(inboundOnly);
    const before = idsIn(world);
    const old = (role: string) => `tl/0a1b2c3d/${phoneNumber.slice(1)}/dead0000/${role}`;
    const values = { roomPrefix: 'x', agents: [], hidePhoneNumber: false, attributes: {} };
    // With a lower id than what is in use.
    world.project.rules.set('SDR_0', { id: 'SDR_0', name: old('rule'), trunkIds: ['ST_0'], ...values });
    const sid = `TK${'0'.repeat(32)}`;
    const [trunk] = world.account.trunks.values();
    if (trunk === undefined) throw new Error('There is a trunk');
    world.account.trunks.set(sid, { ...trunk, sid, friendlyName: old('trunk'), domainName: 'old', urls: new Map() });
    restore(world, inboundOnly);
    await runUntilSettled(world);
    expect(idsIn(world).trunkSid).toBe(before.trunkSid);
    expect(idsIn(world).dispatchRuleId).toBe(before.dispatchRuleId);
    await expectReady(world);
  });
});

describe('an adoption that is interrupted', () => {
  test('anywhere, in any way, ends with the same one set', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...both),
        fc.integer({ min: 0, max: 12 }),
        fc.constantFrom('before', 'after', 'unanswered'),
        async ({ spec, outbound }, at, how) => {
          const world = await readyWorld(spec);
          const before = idsIn(world);
          restore(world, spec);
          let seen = 0;
          world.effects.add({
            matches: ({ isWrite }) => isWrite && seen++ === at,
            verdict: { kind: 'unknownOutcome', message: 'no answer' },
            applied: how === 'before' ? 'never' : 'atOnce',
            crashes: how !== 'unanswered',
          });
          await runUntilSettled(world);
          expect(harmful(world)).toEqual([]);
          expect(idsIn(world)).toEqual(before);
          expect(reachOf(world)).toBe('answered');
          await expectReady(world, outbound);
        },
      ),
      { numRuns: 80 },
    );
  });
});

test('rules and trunks of strangers stay as they are', async () => {
  const world = watchedWorld();
  const strangers = structuredClone([...world.livekit.project(livekitUrl).rules.values()]);
  world.store.create({ ...key, spec: inboundOnly });
  await runUntilSettled(world);
  restore(world, inboundOnly);
  await runUntilSettled(world);
  expect([...world.project.rules.values()]).toEqual(expect.arrayContaining(strangers));
});

test('a trunk that is somebody else’s by existingTrunkSid is not marked, whatever it is called', async () => {
  const world = await readyWorld(inboundOnly);
  const [trunk] = structuredClone([...world.account.trunks.values()]);
  if (trunk === undefined) throw new Error('There is a trunk');
  const spec = { ...inboundOnly, voice: { sipTrunk: { existingTrunkSid: trunk.sid } } };
  restore(world, spec);
  await runUntilSettled(world, { horizonMs: 900_000 });
  expect(world.account.trunks.get(trunk.sid)).toEqual(trunk);
  expect(world.effects.externalWrites).not.toContain('renameTrunk');
});
