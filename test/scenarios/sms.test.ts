/**
 * Text messages: independent of calls. Without `spec.sms` nothing about them is read or written; with it only what it names.
 */
import { describe, expect, test } from 'vitest';
import type { NumberState } from '../../src/reconcilers/shared/telephony.ts';
import { condition, expectGone, expectQuiet } from '../fakes/expectations.ts';
import { interrupt, interruptions, pointsOf } from '../fakes/interruptions.ts';
import { outsideOf, reachOf } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { statusOf, untilCorrupted, watchedWorld } from '../fakes/stories.ts';
import { Surveyor } from '../fakes/surveyor.ts';
import { inboundOnly, key, phoneNumber, type World } from '../fakes/world.ts';

const url = 'https://texts.example.com/sms';
const application = `AP${'5'.repeat(32)}`;
const withSms = { ...inboundOnly, sms: { url } };
const ours = { smsApplicationSid: '', smsUrl: url, smsMethod: 'POST' };

const numberOf = ({ account }: World): NumberState | undefined => account.numberOf(phoneNumber);

async function worldFrom(spec: object, change: Partial<NumberState> = {}): Promise<World> {
  const world = watchedWorld();
  world.account.changeNumber(phoneNumber, change);
  world.store.create({ ...key, spec });
  await runUntilSettled(world);
  world.clock.advanceSynchronously(3_600_000);
  world.effects.log.length = 0;
  world.fenceChecks = 0;
  return world;
}

async function expectBoth(world: World): Promise<void> {
  expect(statusOf(world).phase, JSON.stringify(statusOf(world).conditions)).toBe('Ready');
  expect(numberOf(world)).toMatchObject(ours);
  expect(reachOf(world)).toBe('answered');
  await expectQuiet(world);
}

async function deleted(world: World): Promise<void> {
  world.store.delete(key);
  await runUntilSettled(world);
  await expectGone(world);
}

describe('spec.sms beside a trunk', () => {
  test('is put on the number and cleared again', async () => {
    const world = await worldFrom(withSms);
    await expectBoth(world);
    expect(statusOf(world).conditions[0]?.message).toContain('Text messages go to the webhook on texts.example.com.');
    await deleted(world);
    expect(numberOf(world)).toMatchObject({ smsUrl: '', smsApplicationSid: '' });
  });

  test('comes and goes while calls go on', async () => {
    const world = await worldFrom(inboundOnly);
    world.store.editSpec(key, { sms: { url } });
    await runUntilSettled(world);
    await expectBoth(world);
    world.store.editSpec(key, { sms: null });
    await runUntilSettled(world);
    expect(numberOf(world)).toMatchObject({ smsUrl: '' });
    expect(reachOf(world)).toBe('answered');
    expect(statusOf(world).routedTo).toBeUndefined();
    expect(world.effects.externalWrites).toEqual(['updateNumber', 'updateNumber']);
    await expectQuiet(world);
  });

  test('stays while calls are suspended', async () => {
    const world = await worldFrom(withSms);
    world.store.editSpec(key, { suspended: true });
    await runUntilSettled(world);
    expect(statusOf(world).phase).toBe('Suspended');
    expect(numberOf(world)).toMatchObject({ ...ours, trunkSid: '' });
    await expectQuiet(world);
  });

  test('absent means that nothing about messages is ever touched', async () => {
    const theirs = {
      smsUrl: 'https://theirs.example.com',
      smsApplicationSid: application,
      smsFallbackUrl: 'https://b.example',
    };
    const world = await worldFrom({ ...inboundOnly, takeover: true }, theirs);
    expect(numberOf(world)).toMatchObject(theirs);
    await deleted(world);
    expect(numberOf(world)).toMatchObject(theirs);
  });

  test('that the number cannot have is refused before anything is made', async () => {
    const world = await worldFrom(withSms, { smsCapable: false });
    expect(condition(world, 'Ready')).toBe('False NumberUnusable');
    expect(outsideOf(world)).toEqual([]);
  });

  test('that the number cannot have does not stop the calls of a number that works', async () => {
    const world = await worldFrom(inboundOnly, { smsCapable: false });
    world.store.editSpec(key, { sms: { url } });
    await runUntilSettled(world);
    expect([condition(world, 'Ready'), condition(world, 'Synced')]).toEqual(['True Ready', 'False NumberUnusable']);
    expect(reachOf(world)).toBe('answered');
  });
});

const routes = [
  { name: 'an application', to: { smsApplicationSid: application } },
  { name: 'another URL', to: { smsUrl: 'https://theirs.example.com/sms?token=canary' } },
] as const;

describe.each(routes)('messages that go to $name', ({ to }) => {
  test('are refused before anything is made', async () => {
    const world = await worldFrom(withSms, to);
    expect(condition(world, 'Ready')).toBe('False NumberInUse');
    expect(outsideOf(world)).toEqual([]);
    expect(JSON.stringify([statusOf(world), world.events])).not.toContain('canary');
  });

  test('are taken over, and an application gets them back when the object is deleted', async () => {
    const world = await worldFrom({ ...withSms, takeover: true }, to);
    await expectBoth(world);
    await deleted(world);
    const { smsApplicationSid } = { smsApplicationSid: '', ...to };
    expect(numberOf(world)).toMatchObject({ smsUrl: '', smsApplicationSid });
  });

  test('are taken over, and an application gets them back once when the spec names messages no more', async () => {
    const world = await worldFrom({ ...withSms, takeover: true }, to);
    world.store.editSpec(key, { sms: null });
    await runUntilSettled(world);
    const { smsApplicationSid } = { smsApplicationSid: '', ...to };
    expect(numberOf(world)).toMatchObject({ smsUrl: '', smsApplicationSid });
    world.account.changeNumber(phoneNumber, { smsApplicationSid: '' });
    world.store.annotate(key, 'telephony.trunkline.dev/reconcile', '1');
    await runUntilSettled(world);
    expect(numberOf(world)?.smsApplicationSid, 'nothing about messages is touched any more').toBe('');
    expect(statusOf(world).phase).toBe('Ready');
  });

  test('after the first Ready are told and not fought, while calls go on', async () => {
    const world = await worldFrom({ ...withSms, takeover: true });
    world.account.changeNumber(phoneNumber, to);
    const surveyor = new Surveyor(world);
    await surveyor.survey();
    expect([condition(world, 'Ready'), condition(world, 'Synced')]).toEqual([
      'True Ready',
      'False RoutingChangedElsewhere',
    ]);
    expect(world.effects.externalWrites).toEqual([]);
    world.store.delete(key);
    await runUntilSettled(world);
    expect(world.store.all).toEqual([]);
    expect(numberOf(world)).toMatchObject(to);
  });
});

test('an application that is no more holds nothing up', async () => {
  const world = await worldFrom({ ...withSms, takeover: true }, { smsApplicationSid: application });
  let refusals = 0;
  world.effects.add({
    matches: ({ operation }) => operation === 'updateNumber' && (refusals += 1) === 1,
    verdict: { kind: 'refused', code: '21624', message: 'no such application' },
    applied: 'never',
  });
  await deleted(world);
  expect(numberOf(world)).toMatchObject({ smsUrl: '', smsApplicationSid: '' });
  expect(world.eventActions).toContain('RestoreRouting');
});

test('messages that Twilio does not let go of are left over as clutter, and everything else is removed', async () => {
  const world = await worldFrom(withSms);
  world.effects.fail('updateNumber', { kind: 'refused', code: '21634', message: 'no' });
  world.store.delete(key);
  expect(await untilCorrupted(world, 600_000)).toBeDefined();
  expect(statusOf(world).leftovers.map(({ kind, risk }) => `${kind} ${risk}`)).toEqual(['NumberRouting Clutter']);
  expect(statusOf(world).conditions.find(({ type }) => type === 'Corrupted')?.message).not.toContain('CALLS');
  expect(outsideOf(world)).toEqual([]);
});

const begin = async () => await worldFrom({ ...inboundOnly, takeover: true });
const stories = [
  {
    story: 'adding messages',
    begin,
    act: (world: World) => world.store.editSpec(key, { sms: { url } }),
    messages: true,
  },
  {
    story: 'removing messages',
    begin: async () => await worldFrom(withSms),
    act: (world: World) => world.store.editSpec(key, { sms: null }),
    messages: false,
  },
  {
    story: 'the deletion',
    begin: async () => await worldFrom(withSms),
    act: (world: World) => world.store.delete(key),
    messages: undefined,
  },
];
const cases = (
  await Promise.all(
    stories.map(async (story) => {
      const world = await story.begin();
      const points = await pointsOf(world, () => story.act(world));
      return points.flatMap((point) =>
        interruptions.map((interruption) => ({ ...story, ...point, interruption, what: interruption.name })),
      );
    }),
  )
).flat();

describe('whatever interrupts it', () => {
  test.for(cases)('$what $operation of $story: it ends as it should', async (one) => {
    const world = await one.begin();
    interrupt(world, one.index, one.interruption);
    one.act(world);
    await runUntilSettled(world);
    if (one.messages === true) await expectBoth(world);
    if (one.messages !== undefined) {
      expect(numberOf(world)?.smsUrl).toBe(one.messages ? url : '');
      await deleted(world);
    }
    await expectGone(world);
    expect(numberOf(world)?.smsUrl).toBe('');
  });
});
