/**
 * A number that is kept off its trunk, and taken back: interrupted at every write in every way.
 */
import { describe, expect, test } from 'vitest';
import type { World } from '../fakes/world.ts';
import { condition, existing, expectGone, expectQuiet, expectReady } from '../fakes/expectations.ts';
import { interrupt, interruptions, pointsOf } from '../fakes/interruptions.ts';
import { completeSet, outsideOf, reachOf } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { readyWorld, statusOf, watchedWorld } from '../fakes/stories.ts';
import { inboundOnly, key, phoneNumber } from '../fakes/world.ts';

const suspend = (world: World): void => world.store.editSpec(key, { suspended: true });
const resume = (world: World): void => world.store.editSpec(key, { suspended: false });
const foreignTrunk = `TK${'f'.repeat(32)}`;

async function expectSuspended(world: World): Promise<void> {
  const { phase, routing } = statusOf(world);
  expect(phase, JSON.stringify(statusOf(world).conditions)).toBe('Suspended');
  expect(routing).toBe('Detached');
  expect(condition(world, 'Ready')).toBe('False Suspended');
  expect(condition(world, 'Synced')).toBe('True Suspended');
  expect(reachOf(world)).toBe('unrouted');
  expect(outsideOf(world), 'everything behind it stays').toEqual(completeSet(existing(world)));
  await expectQuiet(world);
}

const story = await readyWorld();
const suspending = await pointsOf(story, () => suspend(story));
const resuming = await pointsOf(story, () => resume(story));
const everywhere = (points: typeof suspending) =>
  points.flatMap((point) => interruptions.map((interruption) => ({ ...point, interruption, what: interruption.name })));

test('the story has the writes that it is about', () => {
  expect(suspending.map(({ operation }) => operation)).toEqual(['detachNumber (1)', 'patchStatus (2)']);
  expect(resuming.map(({ operation }) => operation)).toEqual(['attachNumber (1)', 'patchStatus (2)']);
});

describe('suspending', () => {
  test.for(everywhere(suspending))('ends detached when $what $operation', async ({ index, interruption }) => {
    const world = await readyWorld();
    interrupt(world, index, interruption);
    suspend(world);
    await runUntilSettled(world);
    await expectSuspended(world);
  });

  test('says where calls go now', async () => {
    const world = await readyWorld();
    suspend(world);
    await runUntilSettled(world);
    const ready = statusOf(world).conditions.find(({ type }) => type === 'Ready');
    expect(ready?.message).toContain(`Calls to ${phoneNumber} do not reach LiveKit`);
    expect(ready?.message).toContain('Twilio routes it to a voice URL on demo.twilio.com');
    expect(world.eventActions).toEqual(['Suspend']);
  });

  test('does not wait for an update that fails, and shows that calls have ended', async () => {
    const world = await readyWorld();
    world.effects.add({
      matches: ({ operation }) => operation === 'updateInboundTrunk',
      verdict: { kind: 'refused', code: 'invalid_argument', message: 'no' },
      applied: 'never',
      crashes: false,
      times: Number.POSITIVE_INFINITY,
    });
    world.store.editSpec(key, { suspended: true, voice: { sipTrunk: { inbound: { krispEnabled: true } } } });
    await runUntilSettled(world, { horizonMs: 60_000 });
    expect(reachOf(world)).toBe('unrouted');
    expect(condition(world, 'Ready')).toBe('False ProviderError');
  });

  test('from the start makes everything and attaches nothing', async () => {
    const world = watchedWorld();
    world.store.create({ ...key, spec: { ...inboundOnly, suspended: true } });
    await runUntilSettled(world);
    await expectSuspended(world);
    resume(world);
    await runUntilSettled(world);
    await expectReady(world);
  });

  test('leaves alone whoever has the number meanwhile', async () => {
    const world = await readyWorld();
    suspend(world);
    await runUntilSettled(world);
    world.account.changeNumber(phoneNumber, { trunkSid: foreignTrunk });
    world.store.annotate(key, 'telephony.trunkline.dev/reconcile', '1');
    await runUntilSettled(world);
    expect(statusOf(world).phase).toBe('Suspended');
    expect(world.account.numberOf(phoneNumber)?.trunkSid).toBe(foreignTrunk);
    await expectQuiet(world);
  });
});

describe('resuming', () => {
  test.for(everywhere(resuming))('ends Ready when $what $operation', async ({ index, interruption }) => {
    const world = await readyWorld();
    suspend(world);
    await runUntilSettled(world);
    interrupt(world, index, interruption);
    resume(world);
    await runUntilSettled(world);
    await expectReady(world);
  });

  test('refuses a number that somebody else has taken meanwhile', async () => {
    const world = await readyWorld();
    suspend(world);
    await runUntilSettled(world);
    world.account.changeNumber(phoneNumber, { trunkSid: foreignTrunk });
    resume(world);
    await runUntilSettled(world, { horizonMs: 60_000 });
    expect(condition(world, 'Ready')).toBe('False NumberInUse');
    expect(world.account.numberOf(phoneNumber)?.trunkSid).toBe(foreignTrunk);
    expect(outsideOf(world), 'a set that may not be used is taken down').toEqual([]);
  });
});

test('a suspended number is deleted like any other', async () => {
  const world = await readyWorld();
  suspend(world);
  await runUntilSettled(world);
  world.store.delete(key);
  await runUntilSettled(world);
  await expectGone(world);
});
