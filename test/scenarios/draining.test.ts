/**
 * A deletion while calls are in progress: the number stops ringing at once, and what carries the calls waits for them.
 */
import { describe, expect, test } from 'vitest';
import type { CallState } from '../../src/reconcilers/shared/telephony.ts';
import { condition, expectGone, expectReady } from '../fakes/expectations.ts';
import { actAt, pointsOf } from '../fakes/interruptions.ts';
import { outsideOf, reachOf } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { readyWorld, statusOf, watchedWorld } from '../fakes/stories.ts';
import { inboundOnly, key, phoneNumber, withOutbound, type World } from '../fakes/world.ts';

const call: CallState = {
  trunkSid: '',
  direction: 'trunking-originating',
  phoneNumberSid: '',
  to: phoneNumber,
  from: '+15550100',
};
const minute = 60_000;
const messageOf = (world: World) => statusOf(world).conditions.find(({ type }) => type === 'Ready')?.message;

describe('a deletion with a call in progress', () => {
  test('detaches the number, keeps what carries the call, and ends when the call has ended', async () => {
    const world = await readyWorld();
    const before = outsideOf(world);
    world.account.callsUnderWay.push(call);
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: minute });
    expect(reachOf(world), 'no new call comes').toBe('unrouted');
    expect(outsideOf(world), 'the call goes on').toEqual(before);
    expect(condition(world, 'Ready')).toBe('False Draining');
    expect(messageOf(world)).toMatch(/waits for 1 call\(s\) in progress to end, until .*Z at most/);
    world.account.callsUnderWay.length = 0;
    await runUntilSettled(world, { horizonMs: minute });
    await expectGone(world);
  });

  test('writes no status while nothing changes', async () => {
    const world = await readyWorld();
    world.account.callsUnderWay.push(call);
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: minute });
    const writes = world.effects.objectWrites.length;
    await runUntilSettled(world, { horizonMs: minute });
    expect(world.effects.objectWrites.length).toBe(writes);
  });

  test('goes on when the time is over', async () => {
    const world = await readyWorld();
    world.account.callsUnderWay.push(call);
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 4 * minute });
    expect(condition(world, 'Ready')).toBe('False Draining');
    await runUntilSettled(world, { horizonMs: 2 * minute });
    await expectGone(world);
  });

  test('counts the time from the first look, also after a restart', async () => {
    const world = await readyWorld();
    world.account.callsUnderWay.push(call);
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 3 * minute });
    world.restart();
    await runUntilSettled(world, { horizonMs: 2.5 * minute });
    await expectGone(world);
  });

  test('is no failure, however long it lasts', async () => {
    const world = await readyWorld({ ...inboundOnly, drainTimeout: '24h' });
    world.account.callsUnderWay.push(call);
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 23 * 60 * minute, maxRounds: 20_000 });
    expect(statusOf(world).phase).toBe('Deleting');
    expect(statusOf(world).deletion?.firstFailureTime).toBeUndefined();
  });

  test('waits for nothing with a timeout of 0s', async () => {
    const world = await readyWorld({ ...inboundOnly, drainTimeout: '0s' });
    world.account.callsUnderWay.push(call);
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 1_000 });
    await expectGone(world);
  });

  test('waits when the calls cannot be counted, and no longer than for a call', async () => {
    const world = await readyWorld();
    world.effects.add({
      matches: ({ operation }) => operation === 'listCallsUnderWay',
      verdict: { kind: 'unknownOutcome', message: 'no answer' },
      applied: 'never',
      crashes: false,
      times: Number.POSITIVE_INFINITY,
    });
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: minute });
    expect(condition(world, 'Ready')).toBe('False Draining');
    expect(messageOf(world)).toContain('cannot be counted');
    await runUntilSettled(world, { horizonMs: 5 * minute });
    await expectGone(world);
  });

  test('takes the secrets of outbound calls away at once', async () => {
    const world = await readyWorld(withOutbound);
    world.account.callsUnderWay.push(call);
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: minute });
    expect(outsideOf(world).filter((name) => /outbound|credentials|acl/.test(name))).toEqual([]);
    expect(condition(world, 'Ready')).toBe('False Draining');
  });

  test('does not wait for calls of others', async () => {
    const world = await readyWorld();
    world.account.callsUnderWay.push({ ...call, to: '+15550199' });
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 1_000 });
    await expectGone(world);
  });
});

test('a number whose set was taken down before it was ever attached is drained like any other', async () => {
  const other = watchedWorld();
  const points = await pointsOf(other, () => other.store.create({ ...key, spec: inboundOnly }));
  const last = points.findIndex(({ operation }) => operation.startsWith('createDispatchRule'));
  const world = watchedWorld();
  world.store.create({ ...key, spec: inboundOnly });
  actAt(world, last, 'after', () => world.account.changeNumber(phoneNumber, { trunkSid: `TK${'f'.repeat(32)}` }));
  await runUntilSettled(world, { horizonMs: 60_000 });
  expect(condition(world, 'Ready')).toBe('False NumberInUse');
  world.account.changeNumber(phoneNumber, { trunkSid: '' });
  await runUntilSettled(world);
  await expectReady(world);
  // Somebody stops the ringing by hand; the call that came before goes on.
  world.account.changeNumber(phoneNumber, { trunkSid: '' });
  world.account.callsUnderWay.push(call);
  world.store.delete(key);
  await runUntilSettled(world, { horizonMs: 60_000 });
  expect(condition(world, 'Ready')).toBe('False Draining');
});

test('a number that somebody put back on its trunk is drained again', async () => {
  const world = await readyWorld();
  const trunkSid = statusOf(world).ids.trunkSid ?? '';
  world.effects.add({
    matches: ({ operation }) => operation === 'deleteTrunk',
    verdict: { kind: 'refused', code: '21634', message: 'used for emergency calling' },
    applied: 'never',
    crashes: false,
    times: Number.POSITIVE_INFINITY,
  });
  world.store.delete(key);
  await runUntilSettled(world);
  expect(statusOf(world).phase).toBe('Corrupted');
  world.account.changeNumber(phoneNumber, { trunkSid });
  world.account.callsUnderWay.push(call);
  world.store.annotate(key, 'telephony.trunkline.dev/retry-delete', '1');
  await runUntilSettled(world, { horizonMs: minute });
  expect(condition(world, 'Ready')).toBe('False Draining');
});
