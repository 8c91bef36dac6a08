/**
 * Other versions: what an operator makes of objects that an older or a newer one has written (docs/operating/install.md).
 */
import { describe, expect, test } from 'vitest';
import { expectGone, expectQuiet, expectReady } from '../fakes/expectations.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { readyWorld, statusOf } from '../fakes/stories.ts';
import { key, withOutbound, type World } from '../fakes/world.ts';

const addresses = { addresses: ['192.0.2.0/24', '198.51.100.7/32'] };

/** What has been added to the status since it was written first. */
const added = ['observedGeneration', 'routedTo', 'routingTo', 'lastHandledRotation', 'previousRouting'];

async function writtenByAnOlderOne(): Promise<World> {
  const world = await readyWorld(withOutbound);
  world.store.writeStatus(key, Object.fromEntries(added.map((field) => [field, null])));
  world.restart();
  await runUntilSettled(world);
  return world;
}

async function writtenByANewerOne(): Promise<World> {
  const world = await readyWorld(withOutbound);
  const strange = { type: 'Sparkling', status: 'True', reason: 'New', message: '', lastTransitionTime: 'then' };
  world.store.writeStatus(key, {
    phase: 'Melted',
    sparkle: { colour: 'green' },
    conditions: [strange],
    leftovers: [{ kind: 'Sparkle', order: 1 }],
    twilio: { sparkleSid: 'XX1' },
  });
  world.restart();
  await runUntilSettled(world);
  return world;
}

describe('an object of an older operator', () => {
  test('is left alone while it works', async () => {
    const world = await writtenByAnOlderOne();
    expect(world.effects.externalWrites).toEqual([]);
    expect(statusOf(world).phase).toBe('Ready');
    await expectQuiet(world);
  });

  test('is brought up to date by its next change, with everything where it was', async () => {
    const world = await writtenByAnOlderOne();
    world.store.editSpec(key, { voice: { sipTrunk: { inbound: { krispEnabled: true } } } });
    await runUntilSettled(world);
    expect(world.effects.externalWrites).toEqual(['updateInboundTrunk']);
    await expectReady(world, addresses);
    expect(statusOf(world).observedGeneration).toBe(2);
  });

  test('is taken apart', async () => {
    const world = await writtenByAnOlderOne();
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
  });
});

describe('an object of a newer operator', () => {
  test('is looked at, and nothing is made again', async () => {
    const world = await writtenByANewerOne();
    expect(world.effects.externalWrites).toEqual([]);
    await expectReady(world, addresses);
    expect(world.store.get(key)?.status, 'what only the newer one knows stays').toMatchObject({
      sparkle: { colour: 'green' },
      twilio: { sparkleSid: 'XX1' },
    });
  });

  test('is taken apart', async () => {
    const world = await writtenByANewerOne();
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
  });
});
