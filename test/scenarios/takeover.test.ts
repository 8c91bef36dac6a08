/**
 * A number that is routed elsewhere: taken over only when the spec says so, once, and given back to its application.
 */
import { describe, expect, test } from 'vitest';
import { condition, existing, expectGone, expectReady } from '../fakes/expectations.ts';
import { interrupt, interruptions, pointsOf } from '../fakes/interruptions.ts';
import { outsideOf } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { statusOf, watchedWorld } from '../fakes/stories.ts';
import { inboundOnly, key, phoneNumber, type World } from '../fakes/world.ts';

const application = `AP${'a'.repeat(32)}`;
const foreignTrunk = `TK${'f'.repeat(32)}`;
const takeover = { ...inboundOnly, takeover: true };

function routedWorld(to: { readonly voiceApplicationSid?: string; readonly trunkSid?: string }): World {
  const world = watchedWorld();
  world.account.changeNumber(phoneNumber, to);
  return world;
}

const applicationOf = ({ account }: World) => account.numberOf(phoneNumber)?.voiceApplicationSid;

const routes = [
  { name: 'an application', to: { voiceApplicationSid: application } },
  { name: 'another trunk', to: { trunkSid: foreignTrunk } },
] as const;

describe.each(routes)('a number on $name', ({ to }) => {
  test('is refused, and the message says how to replace the route', async () => {
    const world = routedWorld(to);
    world.store.create({ ...key, spec: inboundOnly });
    await runUntilSettled(world, { horizonMs: 60_000 });
    expect(condition(world, 'Ready')).toBe('False NumberInUse');
    expect(statusOf(world).conditions.find(({ type }) => type === 'Ready')?.message).toContain('spec.takeover');
    expect(outsideOf(world)).toEqual([]);
  });

  test('is taken over, and what that destroyed is on record', async () => {
    const world = routedWorld(to);
    world.store.create({ ...key, spec: takeover });
    await runUntilSettled(world);
    await expectReady(world);
    expect(statusOf(world).previousRouting).toEqual(to);
  });

  test('is taken over when that is allowed later', async () => {
    const world = routedWorld(to);
    world.store.create({ ...key, spec: inboundOnly });
    await runUntilSettled(world, { horizonMs: 60_000 });
    world.store.editSpec(key, { takeover: true });
    await runUntilSettled(world);
    await expectReady(world);
    expect(statusOf(world).previousRouting).toEqual(to);
  });
});

test('a route that comes after the first Ready is reported, not fought', async () => {
  const world = routedWorld({ voiceApplicationSid: application });
  world.store.create({ ...key, spec: takeover });
  await runUntilSettled(world);
  world.account.changeNumber(phoneNumber, { trunkSid: foreignTrunk });
  world.store.annotate(key, 'telephony.trunkline.dev/reconcile', '1');
  await runUntilSettled(world);
  expect(condition(world, 'Ready')).toBe('False RoutingChangedElsewhere');
  expect(world.account.numberOf(phoneNumber)?.trunkSid).toBe(foreignTrunk);
});

const create = (world: World): void => void world.store.create({ ...key, spec: takeover });
const story = routedWorld({ voiceApplicationSid: application });
const creating = await pointsOf(story, () => create(story));
const deleting = await pointsOf(story, () => story.store.delete(key));

test('the stories have the writes that they are about', () => {
  expect(creating.map(({ operation }) => operation.split(' ')[0])).toContain('attachNumber');
  expect(deleting.map(({ operation }) => operation.split(' ')[0])).toContain('updateNumber');
});

describe('deleting a number that had an application', () => {
  test('gives it back, and another create finds it as before', async () => {
    const world = routedWorld({ voiceApplicationSid: application });
    create(world);
    await runUntilSettled(world);
    expect(applicationOf(world), 'Twilio drops it with the attach').toBe('');
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
    expect(applicationOf(world)).toBe(application);
    create(world);
    await runUntilSettled(world);
    await expectReady(world);
  });

  test('leaves the number to whoever has routed it meanwhile', async () => {
    const world = routedWorld({ voiceApplicationSid: application });
    create(world);
    await runUntilSettled(world);
    const other = `AP${'b'.repeat(32)}`;
    world.account.changeNumber(phoneNumber, { trunkSid: '', voiceApplicationSid: other });
    world.store.delete(key);
    await runUntilSettled(world);
    expect(world.store.get(key)).toBeUndefined();
    expect(applicationOf(world)).toBe(other);
  });

  test.for([
    { name: 'Twilio does not know it any more', verdict: { kind: 'refused', code: '21502', message: 'no such app' } },
    { name: 'Twilio fails for longer than a removal is tried', verdict: { kind: 'unknownOutcome', message: 'no' } },
  ] as const)('ends all the same when $name', async ({ verdict }) => {
    const world = routedWorld({ voiceApplicationSid: application });
    create(world);
    await runUntilSettled(world);
    world.events.length = 0;
    world.effects.add({
      matches: ({ operation }) => operation === 'updateNumber',
      verdict,
      applied: 'never',
      crashes: false,
      times: Number.POSITIVE_INFINITY,
    });
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
    expect(world.eventActions).toContain('RestoreRouting');
  });

  const everywhere = (all: typeof creating) =>
    all.flatMap((point) => interruptions.map((interruption) => ({ ...point, interruption, what: interruption.name })));

  test.for(everywhere(creating))('ends as before when $what $operation of the create', async (point) => {
    const world = routedWorld({ voiceApplicationSid: application });
    create(world);
    interrupt(world, point.index, point.interruption);
    await runUntilSettled(world);
    await expectReady(world);
    expect(existing(world).status).toMatchObject({ previousRouting: { voiceApplicationSid: application } });
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
    expect(applicationOf(world)).toBe(application);
  });

  test.for(everywhere(deleting))('ends as before when $what $operation of the deletion', async (point) => {
    const world = routedWorld({ voiceApplicationSid: application });
    create(world);
    await runUntilSettled(world);
    world.clock.advanceSynchronously(3_600_000);
    interrupt(world, point.index, point.interruption);
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
    expect(applicationOf(world)).toBe(application);
  });
});
