/**
 * Corrupted, and the two ways out of it: retry, and letting go by a confirmation that was made while it was Corrupted.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { closingText } from '../../src/reconcilers/phone-number/let-go.ts';
import { finalizer } from '../../src/reconcilers/phone-number/names.ts';
import type { Fault } from '../fakes/effects.ts';
import { actAt } from '../fakes/interruptions.ts';
import { existing, expectGone, expectQuiet, expectReady } from '../fakes/expectations.ts';
import { outsideOf } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { readyWorld, statusOf } from '../fakes/stories.ts';
import { accountSid, inboundOnly, key, livekitUrl, phoneNumber, withOutbound, type World } from '../fakes/world.ts';

const minute = 60_000;
const force = 'force-delete';
const retry = 'telephony.trunkline.dev/retry-delete';
const confirmedBy = 'telephony.trunkline.dev/force-delete-by';
const noAnswer = { kind: 'unknownOutcome', message: 'no answer in time' } as const;

let world: World;
let stuck: Fault;

/** A Ready number whose trunk Twilio refuses to remove from now on. */
async function stuckWorld(spec: unknown = inboundOnly): Promise<void> {
  world = await readyWorld(spec);
  stuck = world.effects.fail('deleteTrunk', { kind: 'refused', code: '21634', message: 'emergency address (21634)' });
}

async function becomeCorrupted(): Promise<void> {
  world.store.delete(key);
  await runUntilSettled(world);
  expect(statusOf(world).phase).toBe('Corrupted');
}

beforeEach(async () => {
  await stuckWorld();
});

describe('a Corrupted object', () => {
  test('is left alone: no call, no write, no removal when the cause is gone', async () => {
    await becomeCorrupted();
    world.effects.lift(stuck);
    const calls = world.effects.log.length;
    world.clock.advanceSynchronously(24 * 3_600_000);
    world.restart();
    await runUntilSettled(world);
    expect(world.effects.log.length).toBe(calls);
    expect(existing(world).metadata.finalizers).toContain(finalizer);
  });

  test('names what is left, and both ways out', async () => {
    await becomeCorrupted();
    const message = statusOf(world).conditions.find(({ type }) => type === 'Corrupted')?.message;
    expect(message).toContain(`Trunk ${statusOf(world).ids.trunkSid}`);
    expect(message).toContain(`kubectl annotate -n default phonenumber reception ${retry}=`);
    expect(message).toContain('kubectl annotate -n default phonenumber reception force-delete=confirmed');
    expect(statusOf(world).leftovers.map(({ removeCommand }) => removeCommand)).toEqual([
      `TWILIO_ACCOUNT_SID=${accountSid} twilio api:trunking:v1:trunks:remove --sid ${statusOf(world).ids.trunkSid}`,
    ]);
  });

  test('changes nothing when it is deleted again or its spec is edited', async () => {
    await becomeCorrupted();
    const calls = world.effects.log.length;
    world.store.delete(key);
    world.store.editSpec(key, { deletionPolicy: 'Orphan' });
    await runUntilSettled(world);
    expect(world.effects.log.length).toBe(calls);
    expect(statusOf(world).phase).toBe('Corrupted');
  });
});

describe('force-delete: confirmed', () => {
  test('lets go of a Corrupted object without any external call, after a record of it', async () => {
    await becomeCorrupted();
    const { uid } = existing(world).metadata;
    const { leftovers } = statusOf(world);
    const calls = world.effects.externalCalls.length;
    world.effects.log.length = 0;
    world.store.annotate(key, confirmedBy, 'ada@example.com');
    world.store.annotate(key, force, 'confirmed');
    await runUntilSettled(world);
    expect(calls).toBeGreaterThan(0);
    expect(
      world.effects.log.map(({ operation }) => operation),
      'the record comes first',
    ).toEqual(['createOrphanRecord', 'patchMetadata']);
    expect(world.store.all).toEqual([]);
    expect(world.store.records.get(uid)).toEqual({
      uid,
      namespace: 'default',
      name: 'reception',
      phoneNumber,
      pinned: { account: 'default', accountSid, livekitUrl, ownerId: '0a1b2c3d', phoneNumber },
      cause: 'ForceDelete',
      confirmedBy: 'ada@example.com',
      confirmedAt: expect.stringMatching(/Z$/),
      items: leftovers,
    });
    expect(world.events.at(-1)).toMatchObject({ type: 'Warning', action: 'ForceDelete' });
    expect(world.events.at(-1)?.note).toContain(closingText);
    expect(world.audits).toEqual(['corrupted', 'force delete']);
    expect(outsideOf(world).length, 'the leftovers stay').toBe(2);
  });

  test('wins over a retry token', async () => {
    await becomeCorrupted();
    world.effects.log.length = 0;
    world.store.annotate(key, retry, '1');
    world.store.annotate(key, force, 'confirmed');
    await runUntilSettled(world);
    expect(world.store.all).toEqual([]);
    expect(world.effects.externalCalls).toEqual([]);
  });

  test.for(['yes', 'Confirmed', 'confirmed ', '', 'true'])(
    'with the value "%s" only warns, and only once',
    async (value) => {
      await becomeCorrupted();
      const calls = world.effects.log.length;
      world.store.annotate(key, force, value);
      await runUntilSettled(world);
      await runUntilSettled(world);
      expect(world.effects.log.length).toBe(calls);
      expect(statusOf(world).phase).toBe('Corrupted');
      expect(world.eventActions.filter((action) => action === 'ForceDelete')).toHaveLength(1);
      world.store.annotate(key, force, 'confirmed');
      await runUntilSettled(world);
      expect(world.store.all).toEqual([]);
    },
  );

  test('on a living object means nothing', async () => {
    world.store.annotate(key, force, 'confirmed');
    await runUntilSettled(world);
    await expectReady(world);
  });

  test('on an object that is not Corrupted yet is taken off when it becomes so, whoever it is from', async () => {
    world.store.annotate(key, confirmedBy, 'ada@example.com');
    world.store.annotate(key, force, 'confirmed');
    await becomeCorrupted();
    expect(existing(world).metadata.annotations).not.toHaveProperty(force);
    expect(existing(world).metadata.annotations).not.toHaveProperty([confirmedBy]);
    expect(world.eventActions).toContain('IgnoreForceDelete');
    world.restart();
    await expectQuiet(world);
    expect(existing(world).metadata.finalizers).toContain(finalizer);
    world.store.annotate(key, force, 'confirmed');
    await runUntilSettled(world);
    expect(world.store.all).toEqual([]);
  });

  test.for([
    { name: 'also one that is no confirmation', value: 'later' },
    { name: 'and one of an unknown policy', value: 'confirmed' },
  ])('is taken off: $name', async ({ name, value }) => {
    if (name.includes('policy')) await stuckWorld({ ...inboundOnly, deletionPolicy: 'Recycle' });
    world.store.annotate(key, force, value);
    await becomeCorrupted();
    expect(existing(world).metadata.annotations).not.toHaveProperty(force);
  });

  test('set again between taking it off and becoming Corrupted is not acted on', async () => {
    world.store.annotate(key, force, 'confirmed');
    world.store.delete(key);
    let stripped = 0;
    world.effects.afterWrite.push(({ operation }) => {
      if (operation !== 'patchMetadata' || stripped > 0) return;
      stripped += 1;
      world.store.annotate(key, force, 'confirmed');
    });
    await runUntilSettled(world);
    expect(stripped).toBe(1);
    expect(statusOf(world).phase).toBe('Corrupted');
    expect(existing(world).metadata.annotations).not.toHaveProperty(force);
    expect([...world.store.records]).toEqual([]);
  });

  test('set right before the status becomes Corrupted is not acted on', async () => {
    world.store.delete(key);
    let done = false;
    world.effects.beforeWrite.push(({ operation }) => {
      const isNext = operation === 'patchStatus' && statusOf(world).deletion?.firstFailureTime !== undefined;
      if (!isNext || done) return;
      done = true;
      world.store.annotate(key, force, 'confirmed');
    });
    await runUntilSettled(world);
    expect(done).toBe(true);
    expect(statusOf(world).phase).toBe('Corrupted');
    expect(existing(world).metadata.annotations).not.toHaveProperty(force);
  });

  test('withdrawn before the finalizer goes keeps the object, and the record goes again', async () => {
    await becomeCorrupted();
    world.store.annotate(key, force, 'confirmed');
    actAt(world, 0, 'after', () => world.store.annotate(key, force, undefined));
    await runUntilSettled(world);
    expect(statusOf(world).phase).toBe('Corrupted');
    expect(existing(world).metadata.finalizers).toContain(finalizer);
    expect([...world.store.records]).toEqual([]);
    await expectQuiet(world);
  });

  test('withdrawn while the operator was down between the two: a clean end leaves no record', async () => {
    await becomeCorrupted();
    world.store.annotate(key, force, 'confirmed');
    world.effects.add({
      matches: ({ operation }) => operation === 'createOrphanRecord',
      verdict: noAnswer,
      applied: 'atOnce',
      crashes: true,
      times: 1,
    });
    actAt(world, 0, 'after', () => world.store.annotate(key, force, undefined));
    await runUntilSettled(world);
    expect(statusOf(world).phase).toBe('Corrupted');
    world.effects.lift(stuck);
    world.store.annotate(key, retry, '1');
    await runUntilSettled(world);
    await expectGone(world);
  });

  test.for([
    { name: 'the record cannot be written', operation: 'createOrphanRecord', applied: 'never' },
    { name: 'nobody knows whether the record is written', operation: 'createOrphanRecord', applied: 'atOnce' },
    { name: 'the finalizer cannot be taken off', operation: 'patchMetadata', applied: 'never' },
    { name: 'nobody knows whether the finalizer is off', operation: 'patchMetadata', applied: 'atOnce' },
  ] as const)('$name: in the end it is let go of with one record', async ({ operation, applied }) => {
    await becomeCorrupted();
    const { uid } = existing(world).metadata;
    world.effects.fail(operation, noAnswer, applied, 2);
    world.store.annotate(key, force, 'confirmed');
    await runUntilSettled(world);
    expect(world.store.all).toEqual([]);
    expect([...world.store.records.values()].map((record) => `${record.uid} ${record.cause}`)).toEqual([
      `${uid} ForceDelete`,
    ]);
  });
});

describe('stale caches', () => {
  test('a confirmation that only the cache still shows lets go of nothing', async () => {
    await becomeCorrupted();
    world.store.annotate(key, force, 'confirmed');
    world.store.deliver();
    world.store.annotate(key, force, undefined);
    world.store.isWatchSilent = true;
    await runUntilSettled(world);
    expect(existing(world).metadata.finalizers).toContain(finalizer);
    expect([...world.store.records]).toEqual([]);
  });

  test.for([
    { name: 'the same process', takesOver: false },
    { name: 'another process', takesOver: true },
  ])('a cache that still shows the confirmation to $name does not cost the record', async ({ takesOver }) => {
    await becomeCorrupted();
    const { uid } = existing(world).metadata;
    world.store.annotate(key, force, 'confirmed');
    world.store.deliver();
    world.store.isWatchSilent = true;
    await runUntilSettled(world);
    expect(world.store.all).toEqual([]);
    const calls = world.effects.log.length;
    if (takesOver) world.takeOver();
    await runUntilSettled(world);
    if (!takesOver) expect(world.effects.log.length, 'it knows that it let go').toBe(calls);
    expect([...world.store.records.keys()], 'it is all that is left of it').toEqual([uid]);
  });

  test('a cache that shows the past does no harm to a deletion', async () => {
    world.effects.lift(stuck);
    world.store.isWatchSilent = true;
    world.store.delete(key);
    await runUntilSettled(world);
    expect(existing(world).metadata.finalizers).toContain(finalizer);
    world.store.isWatchSilent = false;
    await runUntilSettled(world);
    await expectGone(world);
  });

  test('a cache that still shows an object that is gone makes nothing anew', async () => {
    const old = await readyWorld();
    old.store.editSpec(key, { voice: { sipTrunk: { transferMode: 'sip-only' } } });
    old.store.deliver();
    old.store.isWatchSilent = true;
    old.store.setFinalizers(key, []);
    old.store.delete(key);
    const before = old.effects.externalWrites.length;
    await runUntilSettled(old, { horizonMs: 600_000 });
    expect(old.effects.externalWrites.length).toBe(before);
  });

  test('a new object of the same name is not mistaken for the old one', async () => {
    world.effects.lift(stuck);
    world.store.isWatchSilent = true;
    world.store.setFinalizers(key, []);
    world.store.delete(key);
    world.store.create({ ...key, spec: { ...inboundOnly, phoneNumber: '+442071838750' } });
    world.store.editSpec(key, { voice: { sipTrunk: { transferMode: 'sip-only' } } });
    await runUntilSettled(world, { horizonMs: 600_000 });
    expect(existing(world).metadata.finalizers, 'what was decided for the old one was not written').toEqual([]);
  });
});

describe('retry-delete', () => {
  test('removes what is left once the cause is gone, and needs no force', async () => {
    await becomeCorrupted();
    world.effects.lift(stuck);
    world.store.annotate(key, retry, '1');
    await runUntilSettled(world);
    await expectGone(world);
  });

  test('ends it when somebody cleaned up by hand', async () => {
    await becomeCorrupted();
    world.account.trunks.clear();
    world.store.annotate(key, retry, '1');
    await runUntilSettled(world);
    await expectGone(world);
  });

  test('leaves Corrupted before it calls anybody', async () => {
    await becomeCorrupted();
    let phase: string | undefined;
    world.effects.beforeWrite.push(({ system }) => {
      if (system !== 'Kubernetes') phase ??= statusOf(world).phase;
    });
    world.effects.lift(stuck);
    world.store.annotate(key, retry, '1');
    await runUntilSettled(world);
    expect(phase).toBe('Deleting');
  });

  test('starts with a fresh budget', async () => {
    await becomeCorrupted();
    world.clock.advanceSynchronously(60 * minute);
    world.effects.lift(stuck);
    stuck = world.effects.fail('deleteTrunk', noAnswer);
    world.store.annotate(key, retry, '1');
    const from = world.clock.now();
    await runUntilSettled(world, { horizonMs: 14 * minute });
    expect(statusOf(world).phase, 'the first failure of before does not count').toBe('Deleting');
    expect(Date.parse(statusOf(world).deletion?.firstFailureTime ?? '')).toBeGreaterThanOrEqual(from - 1_000);
    await runUntilSettled(world);
    expect(statusOf(world).phase).toBe('Corrupted');
  });

  test('starts to count refusals anew, too', async () => {
    await becomeCorrupted();
    world.clock.advanceSynchronously(60 * minute);
    world.store.annotate(key, retry, '1');
    await runUntilSettled(world, { horizonMs: 8_000 });
    expect(statusOf(world).phase, 'three times over ten seconds, again').toBe('Deleting');
    await runUntilSettled(world);
    expect(statusOf(world).phase).toBe('Corrupted');
  });

  test('works again with another token, and not again with the same', async () => {
    await becomeCorrupted();
    world.store.annotate(key, retry, '1');
    await runUntilSettled(world);
    expect(statusOf(world)).toMatchObject({ phase: 'Corrupted', deletion: { lastHandledRetry: '1' } });
    const calls = world.effects.log.length;
    world.effects.lift(stuck);
    await runUntilSettled(world);
    expect(world.effects.log.length).toBe(calls);
    world.store.annotate(key, retry, '2');
    await runUntilSettled(world);
    await expectGone(world);
  });

  test('that was there before it became Corrupted counts as handled', async () => {
    world.store.annotate(key, retry, 'early');
    await becomeCorrupted();
    world.effects.lift(stuck);
    await runUntilSettled(world);
    expect(statusOf(world)).toMatchObject({ phase: 'Corrupted', deletion: { lastHandledRetry: 'early' } });
    await expectQuiet(world);
  });

  test('with force-delete of another value beside it is an ordinary retry', async () => {
    await becomeCorrupted();
    world.effects.lift(stuck);
    world.store.annotate(key, force, 'no');
    world.store.annotate(key, retry, '1');
    await runUntilSettled(world);
    await expectGone(world);
  });

  test('does not help against an unknown policy, and does no harm', async () => {
    await stuckWorld({ ...withOutbound, deletionPolicy: 'Recycle' });
    const before = outsideOf(world);
    await becomeCorrupted();
    world.effects.log.length = 0;
    world.store.annotate(key, retry, '1');
    await runUntilSettled(world);
    expect(statusOf(world).phase).toBe('Corrupted');
    expect(world.effects.externalCalls).toEqual([]);
    expect(outsideOf(world)).toEqual(before);
    await expectQuiet(world);
  });
});
