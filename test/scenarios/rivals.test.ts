/**
 * Two PhoneNumber objects, one number: one gets it, and waiting for it in another namespace never pays (DESIGN 3.2).
 */
import { describe, expect, test } from 'vitest';
import { reconcilePhoneNumber } from '../../src/reconcilers/phone-number/reconcile.ts';
import { parsePhoneNumber } from '../../src/reconcilers/phone-number/schema.ts';
import type { ObjectKey } from '../../src/reconcilers/shared/ports.ts';
import { condition, existing, expectQuiet, expectReady } from '../fakes/expectations.ts';
import { outsideOf } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { watchedWorld } from '../fakes/stories.ts';
import { settle } from '../support/fake-clock.ts';
import { inboundOnly, key, type World } from '../fakes/world.ts';

const near: ObjectKey = { namespace: 'default', name: 'second' };
const far: ObjectKey = { namespace: 'other', name: 'squatter' };
const reconcile = 'telephony.trunkline.dev/reconcile';

function phaseOf(world: World, one: ObjectKey): string {
  return parsePhoneNumber(existing(world, one)).status.phase;
}

function messageOf(world: World, one: ObjectKey): string {
  const { conditions } = parsePhoneNumber(existing(world, one)).status;
  return conditions.find(({ type }) => type === 'Ready')?.message ?? '';
}

async function withWaiting(second: ObjectKey): Promise<World> {
  const world = watchedWorld();
  world.store.create({ ...key, spec: inboundOnly });
  await runUntilSettled(world);
  world.clock.advanceSynchronously(120_000);
  world.store.create({ ...second, spec: inboundOnly });
  await runUntilSettled(world, { horizonMs: 900_000 });
  return world;
}

describe('a second object for a number that is taken', () => {
  test.for([
    { name: 'in the same namespace', second: near },
    { name: 'in another namespace', second: far },
  ])('$name touches nothing', async ({ second }) => {
    const world = await withWaiting(second);
    expect(condition(world, 'Ready', second)).toBe('False NumberInUse');
    expect(existing(world, second).metadata.finalizers).toEqual([]);
    expect(outsideOf(world, existing(world, second).metadata.uid)).toEqual([]);
    await expectReady(world);
  });

  test('in the same namespace is told whose it is, and gets it when it is free', async () => {
    const world = await withWaiting(near);
    expect(messageOf(world, near)).toContain('PhoneNumber reception in this namespace');
    world.store.delete(key);
    await runUntilSettled(world);
    await expectReady(world, undefined, near);
  });

  test('in another namespace learns nothing about the one that has it', async () => {
    const world = await withWaiting(far);
    const { trunkSid } = parsePhoneNumber(existing(world)).status.ids;
    expect(messageOf(world, far)).not.toContain('reception');
    expect(messageOf(world, far), 'the trunk is the tenant of the other namespace’s').not.toContain(trunkSid);
  });

  test.for([
    { name: 'by waiting', act: () => undefined },
    { name: 'by an operator that starts again', act: (world: World) => world.restart() },
    {
      name: 'by a token that was set while it waited',
      act: (world: World) => world.store.annotate(far, reconcile, 'early'),
    },
  ])('in another namespace never gets it $name', async ({ act }) => {
    const world = await withWaiting(far);
    act(world);
    await runUntilSettled(world, { horizonMs: 900_000 });
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 3_600_000 });
    expect(world.store.get(key)).toBeUndefined();
    expect(phaseOf(world, far), 'else somebody could wait for a number to be applied again').toBe('Failed');
    expect(outsideOf(world)).toEqual([]);
    await expectQuiet(world);
  });

  test.for([
    {
      name: 'edited',
      act: (world: World) => world.store.editSpec(far, { voice: { sipTrunk: { transferMode: 'sip-only' } } }),
    },
    { name: 'given a token', act: (world: World) => world.store.annotate(far, reconcile, '2') },
  ])('in another namespace gets it when it is free and then $name', async ({ act }) => {
    const world = await withWaiting(far);
    world.store.delete(key);
    await runUntilSettled(world);
    act(world);
    await runUntilSettled(world);
    await expectReady(world, undefined, far);
  });

  test('in another namespace does not keep the owner from applying again', async () => {
    const world = await withWaiting(far);
    world.store.delete(key);
    await runUntilSettled(world);
    world.clock.advanceSynchronously(60_000);
    world.store.create({ ...key, spec: inboundOnly });
    await runUntilSettled(world, { horizonMs: 900_000 });
    expect(phaseOf(world, far)).toBe('Failed');
    await expectReady(world);
  });
});

describe('two objects at the same moment', () => {
  test.for([
    { name: 'of one namespace', second: near },
    { name: 'of two namespaces', second: far },
  ])('$name: exactly one gets the number, and it is the older one', async ({ second }) => {
    const world = watchedWorld();
    world.store.create({ ...key, spec: inboundOnly });
    world.store.create({ ...second, spec: inboundOnly });
    await runUntilSettled(world, { horizonMs: 900_000 });
    expect([phaseOf(world, key), phaseOf(world, second)]).toEqual(['Ready', 'Failed']);
    await expectReady(world);
  });

  test('a younger one that came first keeps it: the holder of the finalizer wins', async () => {
    const world = watchedWorld();
    world.store.create({ ...key, spec: inboundOnly });
    world.store.create({ ...near, spec: inboundOnly });
    // Only the younger one is seen at first.
    world.defaultAccount.allowedNamespaces = [];
    await runUntilSettled(world, { horizonMs: 1_000 });
    world.defaultAccount.allowedNamespaces = ['default'];
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 3_600_000 });
    await expectReady(world, undefined, near);
  });

  test('one comes between the look of the other and its claim', async () => {
    const world = watchedWorld();
    // Times have whole seconds, so the one that comes second seems to be the older one.
    world.store.create({ ...near, uid: 'ffffffff-0000', spec: inboundOnly });
    world.store.deliver();
    let second: Promise<unknown> | undefined;
    world.effects.onTheWay = (operation) => {
      if (operation !== 'patchMetadata' || second !== undefined) return undefined;
      world.store.create({ ...key, uid: '00000000-0000', spec: inboundOnly });
      world.store.deliver();
      second = reconcilePhoneNumber(world.dependencies, key);
      return settle();
    };
    await reconcilePhoneNumber(world.dependencies, near);
    await second;
    await runUntilSettled(world, { horizonMs: 900_000 });
    expect([phaseOf(world, key), phaseOf(world, near)]).toEqual(['Failed', 'Ready']);
    expect(world.effects.externalWrites.filter((name) => name === 'createTrunk')).toHaveLength(1);
  });

  test('two accounts objects that name one Twilio account are one account', async () => {
    const world = watchedWorld();
    world.addAccount('again');
    world.store.create({ ...key, spec: inboundOnly });
    world.store.create({ ...near, spec: { ...inboundOnly, accountRef: { name: 'again' } } });
    await runUntilSettled(world, { horizonMs: 900_000 });
    expect([phaseOf(world, key), phaseOf(world, near)]).toEqual(['Ready', 'Failed']);
  });

  test('the same number in two Twilio accounts are two numbers', async () => {
    const world = watchedWorld();
    const other = `AC${'b'.repeat(32)}`;
    world.addAccount('other', { accountSid: other, livekitUrl: 'https://other.example.com' });
    world.twilio.buyNumber(other, inboundOnly.phoneNumber);
    world.store.create({ ...key, spec: inboundOnly });
    world.store.create({ ...near, spec: { ...inboundOnly, accountRef: { name: 'other' } } });
    await runUntilSettled(world);
    expect([phaseOf(world, key), phaseOf(world, near)]).toEqual(['Ready', 'Ready']);
  });
});

describe('an object that was copied with finalizer and pin', () => {
  test('lets go of the number it never had', async () => {
    const world = watchedWorld();
    const original = world.store.create({ ...key, spec: inboundOnly });
    await runUntilSettled(world);
    const { annotations = {}, finalizers = [] } = existing(world).metadata;
    world.store.create({ ...far, spec: inboundOnly, annotations, finalizers });
    await runUntilSettled(world, { horizonMs: 900_000 });
    expect(condition(world, 'Ready', far)).toBe('False NumberInUse');
    expect(existing(world, far).metadata.finalizers).toEqual([]);
    world.store.delete(far);
    await runUntilSettled(world);
    expect(outsideOf(world, original.metadata.uid).length).toBeGreaterThan(0);
    await expectReady(world);
  });

  test('and is deleted at once: the set of the original stays', async () => {
    const world = watchedWorld();
    world.store.create({ ...key, spec: inboundOnly });
    await runUntilSettled(world);
    const { annotations = {}, finalizers = [] } = existing(world).metadata;
    world.store.create({ ...far, spec: inboundOnly, annotations, finalizers });
    world.store.delete(far);
    await runUntilSettled(world);
    expect(world.store.get(far)).toBeUndefined();
    await expectReady(world);
  });
});
