/**
 * Objects that vanish although the operator did not let them go: what they stood for is recorded.
 */
import { describe, expect, test } from 'vitest';
import { finalizer } from '../../src/reconcilers/phone-number/names.ts';
import type { OrphanRecord } from '../../src/reconcilers/phone-number/ports.ts';
import { actAt } from '../fakes/interruptions.ts';
import { existing } from '../fakes/expectations.ts';
import { outsideOf } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { readyWorld, statusOf, untilCorrupted, watchedWorld } from '../fakes/stories.ts';
import { accountSid, inboundOnly, key, livekitUrl, phoneNumber, type World } from '../fakes/world.ts';

function vanish(world: World): void {
  world.store.setFinalizers(key, []);
  if (world.store.get(key) !== undefined) world.store.delete(key);
}

/** The one record there is, with the things in it. */
function recordOf(world: World): { readonly record: OrphanRecord | undefined; readonly things: readonly string[] } {
  const [record] = world.store.records.values();
  expect(world.store.records.size).toBeLessThanOrEqual(1);
  const items = (record?.items ?? []) as readonly { kind: string; id?: string }[];
  return { record, things: items.map(({ kind, id }) => `${kind} ${id}`) };
}

const ofSet = ['NumberAttachment', 'DispatchRule', 'InboundTrunk', 'Trunk'];

describe('an object whose finalizer somebody took off', () => {
  test('while it lived, and that was deleted at once', async () => {
    const world = await readyWorld();
    const before = outsideOf(world);
    vanish(world);
    await runUntilSettled(world);
    const { record, things } = recordOf(world);
    const pinned = { account: 'default', accountSid, livekitUrl, ownerId: '0a1b2c3d', phoneNumber };
    expect(record).toMatchObject({ cause: 'Vanished', phoneNumber, pinned, namespace: 'default', name: 'reception' });
    expect(things.map((thing) => thing.split(' ')[0])).toEqual(ofSet);
    expect(outsideOf(world), 'nobody removes what nobody is responsible for any more').toEqual(before);
    expect(world.audits).toEqual(['vanished']);
  });

  test('while it was deleted', async () => {
    const world = await readyWorld();
    world.effects.fail('deleteTrunk', { kind: 'unknownOutcome', message: 'no answer' });
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 30_000 });
    const { phoneNumberSid, trunkSid } = statusOf(world).ids;
    vanish(world);
    await runUntilSettled(world);
    expect(recordOf(world).things, 'what is proven gone is not told; the number is always looked after').toEqual([
      `NumberAttachment ${phoneNumberSid}`,
      `Trunk ${trunkSid}`,
    ]);
  });

  test('while it was Corrupted', async () => {
    const world = await readyWorld();
    world.effects.fail('deleteTrunk', { kind: 'refused', code: '21634', message: 'no' });
    world.store.delete(key);
    await untilCorrupted(world, 600_000);
    const { leftovers } = statusOf(world);
    vanish(world);
    await runUntilSettled(world);
    expect(recordOf(world).record).toMatchObject({ cause: 'Vanished', items: leftovers });
  });

  test('while it was created, and nothing of it was in the status yet', async () => {
    const world = watchedWorld();
    world.store.create({ ...key, spec: inboundOnly });
    // The third write makes the origination URL; the trunk is there.
    actAt(world, 2, 'after', () => vanish(world));
    // Nobody could know that the finalizer is gone before the next answer of the API server.
    world.effects.beforeWrite.shift();
    world.effects.afterWrite.shift();
    await runUntilSettled(world, { horizonMs: 60_000 });
    expect(recordOf(world).record).toMatchObject({ cause: 'Vanished', phoneNumber, pinned: { accountSid } });
    expect(recordOf(world).things.map((thing) => thing.split(' ')[0])).toEqual(expect.arrayContaining(['Trunk']));
  });

  test('but one that stands for nothing leaves no record', async () => {
    const world = watchedWorld();
    world.account.numbers.clear();
    world.store.create({ ...key, spec: inboundOnly, finalizers: [finalizer] });
    await runUntilSettled(world, { horizonMs: 0 });
    vanish(world);
    await runUntilSettled(world);
    expect(recordOf(world).record).toBeUndefined();
  });
});

test('a record that cannot be written is written later', async () => {
  const world = await readyWorld();
  vanish(world);
  world.effects.fail('createOrphanRecord', { kind: 'unknownOutcome', message: 'no answer' }, 'never', 3);
  await runUntilSettled(world);
  expect(recordOf(world).things.map((thing) => thing.split(' ')[0])).toEqual(ofSet);
});

test('an object that was let go of in order is not missed when others hold it a while longer', async () => {
  const world = await readyWorld();
  world.store.setFinalizers(key, [finalizer, 'example.com/other']);
  world.store.delete(key);
  await runUntilSettled(world);
  expect(existing(world).metadata.finalizers).toEqual(['example.com/other']);
  vanish(world);
  await runUntilSettled(world);
  expect(world.store.all).toEqual([]);
  expect(recordOf(world).record).toBeUndefined();
});
