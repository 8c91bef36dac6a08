/**
 * Removals that fail: how long they are tried, when they are given up, and what becomes of the rest (DESIGN 3.3).
 */
import { describe, expect, test } from 'vitest';
import { finalizer } from '../../src/reconcilers/phone-number/names.ts';
import type { Verdict } from '../../src/reconcilers/shared/verdict.ts';
import type { FakeAccount } from '../fakes/fake-accounts.ts';
import { condition, existing, expectGone, expectQuiet } from '../fakes/expectations.ts';
import { outsideOf, reachOf } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { readyWorld, statusOf, untilCorrupted, watchedWorld } from '../fakes/stories.ts';
import { accountSid, inboundOnly, key, withOutbound } from '../fakes/world.ts';

const minute = 60_000;
const noAnswer: Verdict = { kind: 'unknownOutcome', message: 'no answer in time' };
const refusal: Verdict = { kind: 'refused', code: '21634', message: 'emergency address (21634)' };

describe('a removal that gets no answer', () => {
  test('is tried for fifteen minutes, while everything else goes', async () => {
    const world = await readyWorld(withOutbound);
    world.effects.fail('deleteTrunk', noAnswer);
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 14 * minute });
    expect(statusOf(world).phase).toBe('Deleting');
    expect(condition(world, 'Ready')).toBe('False RemovalFailed');
    const began = new Date(world.clock.now() - 14 * minute).toISOString().slice(0, 19);
    const corruptAt = new Date(Date.parse(`${began}Z`) + 15 * minute).toISOString().slice(0, 19);
    const message = statusOf(world).conditions.find(({ type }) => type === 'Ready')?.message;
    expect(message, 'says since when, and what happens when').toContain(`Failing since ${began}Z`);
    expect(message).toContain(`becomes Corrupted at ${corruptAt}Z`);
    expect(outsideOf(world).length, 'only the trunk and its URL are left').toBe(2);
    expect(world.effects.objectWrites.length, 'not a write per retry').toBe(2);
    expect(world.eventActions).toEqual(['Delete']);
    const corruptedAfter = await untilCorrupted(world, 5 * minute);
    expect(corruptedAfter).toBeLessThanOrEqual(2.5 * minute);
    expect(statusOf(world).leftovers).toEqual([
      expect.objectContaining({ order: 1, kind: 'Trunk', state: 'Present', reason: 'CleanupFailed', risk: 'Billing' }),
    ]);
    expect(existing(world).metadata.finalizers).toContain(finalizer);
    expect(world.eventActions).toEqual(['Delete', 'Corrupted']);
    expect(world.audits).toEqual(['corrupted']);
    await expectQuiet(world);
  });

  test('is counted anew by an operator that starts again: a long break alone ends nothing', async () => {
    const world = await readyWorld();
    const stuck = world.effects.fail('deleteTrunk', noAnswer);
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: minute });
    world.clock.advanceSynchronously(10 * 60 * minute);
    world.restart();
    await runUntilSettled(world, { horizonMs: minute });
    expect(statusOf(world).phase).toBe('Deleting');
    world.effects.lift(stuck);
    await runUntilSettled(world);
    await expectGone(world);
  });

  test('and starts to count with the first failure, not with the deletion', async () => {
    const world = await readyWorld();
    const limited = world.effects.fail('proveAccount', { kind: 'rateLimited', afterMs: 30_000, message: 'slow down' });
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 120 * minute });
    expect(condition(world, 'Ready'), 'waiting in a line is no failure').toBe('False RateLimited');
    expect(statusOf(world).deletion?.firstFailureTime).toBeUndefined();
    world.effects.lift(limited);
    world.effects.fail('deleteTrunk', noAnswer);
    const corruptedAfter = await untilCorrupted(world, 30 * minute);
    expect(corruptedAfter).toBeGreaterThanOrEqual(15 * minute);
  });
});

describe('a slow provider', () => {
  test.for([
    { name: 'fails', verdict: noAnswer },
    { name: 'asks to wait', verdict: { kind: 'rateLimited', afterMs: 30_000, message: 'slow down' } },
  ] as const)('that $name is not asked all the time, and not written about all the time', async ({ verdict }) => {
    const world = await readyWorld();
    world.effects.latencyMs = 1_000;
    world.effects.fail('deleteTrunk', verdict);
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 10 * minute });
    const tries = world.effects.externalWrites.filter((name) => name === 'deleteTrunk').length;
    expect(tries, 'about ten in ten minutes').toBeGreaterThan(5);
    expect(tries).toBeLessThan(30);
    expect(world.effects.objectWrites.length, 'that it began, and that it fails').toBeLessThanOrEqual(3);
  });
});

describe('a removal that is refused', () => {
  test('for the same reason three times over ten seconds is given up', async () => {
    const world = await readyWorld();
    world.effects.fail('deleteTrunk', refusal);
    world.store.delete(key);
    const corruptedAfter = await untilCorrupted(world, 20 * minute);
    expect(corruptedAfter).toBeGreaterThanOrEqual(10_000);
    expect(corruptedAfter).toBeLessThanOrEqual(minute);
    expect(statusOf(world).leftovers).toEqual([
      expect.objectContaining({ kind: 'Trunk', message: expect.stringContaining('21634') }),
    ]);
    await expectQuiet(world);
  });

  test.for([
    { name: 'a conflict', verdict: { kind: 'conflict', code: '20409', message: 'busy' } },
    { name: 'refused credentials', verdict: { kind: 'identity', reason: 'CredentialsRefused', message: '401' } },
    { name: 'a limit', verdict: { kind: 'rateLimited', afterMs: 0, message: '429' } },
    { name: 'no answer', verdict: noAnswer },
  ] as const)('$name is never definite', async ({ verdict }) => {
    const world = await readyWorld();
    const stuck = world.effects.fail('deleteTrunk', verdict);
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 10 * minute });
    expect(statusOf(world).phase).toBe('Deleting');
    world.effects.lift(stuck);
    await runUntilSettled(world);
    await expectGone(world);
  });

  test('for changing reasons is tried on', async () => {
    const world = await readyWorld();
    let count = 0;
    world.effects.add({
      matches: ({ operation }) => operation === 'deleteTrunk' && (count += 1) > 0,
      get verdict(): Verdict {
        return { kind: 'refused', code: count % 2 === 0 ? '21403' : '21634', message: `no ${count % 2}` };
      },
      applied: 'never',
    });
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 10 * minute });
    expect(statusOf(world).phase).toBe('Deleting');
  });

  test('does not keep the independent rest', async () => {
    const world = await readyWorld(withOutbound);
    world.effects.fail('deleteDispatchRule', refusal);
    world.store.delete(key);
    await untilCorrupted(world, 20 * minute);
    expect(outsideOf(world), 'what waits for nothing but the end of trying goes, too').toEqual([
      expect.stringContaining('/rule'),
    ]);
    expect(reachOf(world)).toBe('unrouted');
  });
});

describe('a number that cannot be detached', () => {
  test('loses its trunk first: then it is quiet, and the rest goes', async () => {
    const world = await readyWorld();
    world.effects.fail('detachNumber', refusal);
    world.store.delete(key);
    await runUntilSettled(world);
    const order = world.effects.externalWrites.filter((name) => name !== 'detachNumber');
    expect(order, 'a working agent until the number is quiet').toEqual([
      'deleteTrunk',
      'deleteDispatchRule',
      'deleteLiveKitTrunk',
    ]);
    await expectGone(world);
  });

  test('nor its trunk removed: keeps its agent, and says that calls may arrive', async () => {
    const world = await readyWorld(withOutbound);
    world.effects.fail('detachNumber', refusal);
    world.effects.fail('deleteTrunk', refusal);
    world.store.delete(key);
    await untilCorrupted(world, 30 * minute);
    expect(reachOf(world), 'dead air or a stranger would be worse').toBe('answered');
    expect(statusOf(world).leftovers.map(({ kind, risk }) => `${kind} ${risk}`)).toEqual([
      'NumberAttachment RoutesCalls',
      'DispatchRule RoutesCalls',
      'InboundTrunk RoutesCalls',
      'Trunk RoutesCalls',
    ]);
    expect(statusOf(world).conditions.find(({ type }) => type === 'Corrupted')?.message).toMatch(
      /^CALLS MAY STILL ARRIVE/,
    );
    await expectQuiet(world);
  });
});

describe('an account in trouble', () => {
  const cases: readonly {
    name: string;
    change: Partial<FakeAccount>;
    afterMs: number;
    reason: string;
    unknown: RegExp;
  }[] = [
    {
      name: 'Twilio refuses the credentials',
      change: { twilioProblem: 'CredentialsRefused' },
      afterMs: 15 * minute,
      reason: 'CredentialsRefused',
      unknown: /NumberAttachment|Trunk|Credential|CredentialList|IpAccessControlList/,
    },
    {
      name: 'the Secret is gone',
      change: { twilioProblem: 'CredentialsUnavailable', livekitProblem: 'CredentialsUnavailable' },
      afterMs: 15 * minute,
      reason: 'CredentialsUnavailable',
      unknown: /./,
    },
    {
      name: 'LiveKit does not answer',
      change: { livekitProblem: 'AccountUnavailable' },
      afterMs: 60 * minute,
      reason: 'AccountUnavailable',
      unknown: /InboundTrunk|DispatchRule|OutboundTrunk/,
    },
    {
      name: 'the account object names another Twilio account',
      change: { accountSid: `AC${'b'.repeat(32)}` },
      afterMs: 15 * minute,
      reason: 'AccountMismatch',
      unknown: /NumberAttachment|Trunk|Credential|CredentialList|IpAccessControlList/,
    },
    {
      name: 'the account object names another LiveKit project',
      change: { livekitUrl: 'https://elsewhere.example.com' },
      afterMs: 15 * minute,
      reason: 'AccountMismatch',
      unknown: /InboundTrunk|DispatchRule|OutboundTrunk/,
    },
  ];
  test.for(cases)('$name: nothing is believed to be gone, and in the end it is Corrupted', async (one) => {
    const world = await readyWorld(withOutbound);
    const right = { ...world.defaultAccount };
    Object.assign(world.defaultAccount, one.change);
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: one.afterMs - minute });
    expect(condition(world, 'Ready')).toBe(`False ${one.reason}`);
    await untilCorrupted(world, 5 * minute);
    expect(condition(world, 'Corrupted')).toBe('True CleanupFailed');
    const { leftovers } = statusOf(world);
    expect(leftovers.filter(({ kind }) => one.unknown.test(kind)).length).toBeGreaterThan(2);
    for (const { state, reason, id } of leftovers) {
      if (reason === one.reason)
        expect([state, id], 'an id that is known is told').toEqual(['Unknown', expect.any(String)]);
    }
    Object.assign(world.defaultAccount, right);
    await expectQuiet(world);
    world.store.annotate(key, 'telephony.trunkline.dev/retry-delete', '1');
    await runUntilSettled(world);
    await expectGone(world);
  });

  test.for(cases)('$name for a while only: then the deletion goes on', async ({ change, afterMs }) => {
    const world = await readyWorld(withOutbound);
    const right = { ...world.defaultAccount };
    Object.assign(world.defaultAccount, change);
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: afterMs - 2 * minute });
    Object.assign(world.defaultAccount, right);
    await runUntilSettled(world);
    await expectGone(world);
  });

  const long: readonly { name: string; problem: Partial<FakeAccount>; hours: number; unknown: RegExp }[] = [
    {
      name: 'Twilio',
      problem: { twilioProblem: 'CredentialsRefused' },
      hours: 1,
      unknown: /^(NumberAttachment|Trunk|Credential|CredentialList|IpAccessControlList)$/,
    },
    {
      name: 'LiveKit',
      problem: { livekitProblem: 'AccountUnavailable' },
      hours: 2,
      unknown: /^(InboundTrunk|DispatchRule|OutboundTrunk)$/,
    },
  ];
  test.for(long)('$name has failed its probes for long: whoever is deleted then is Corrupted at once', async (one) => {
    const world = await readyWorld();
    Object.assign(world.defaultAccount, one.problem, {
      failingSince: world.clock.monotonic() - one.hours * 60 * minute,
    });
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 1_000 });
    expect(statusOf(world).phase).toBe('Corrupted');
    const unknown = statusOf(world).leftovers.filter(({ state }) => state === 'Unknown');
    expect(unknown.length).toBeGreaterThan(1);
    for (const { kind } of unknown) expect(kind).toMatch(one.unknown);
    Object.assign(world.defaultAccount, { twilioProblem: undefined, livekitProblem: undefined });
    world.store.annotate(key, 'telephony.trunkline.dev/retry-delete', '1');
    await runUntilSettled(world);
    await expectGone(world);
  });

  test('a retry while the probes still fail has a budget of its own', async () => {
    const world = await readyWorld();
    const failingSince = world.clock.monotonic() - 60 * minute;
    Object.assign(world.defaultAccount, { twilioProblem: 'CredentialsRefused', failingSince });
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 1_000 });
    expect(statusOf(world).phase).toBe('Corrupted');
    world.store.annotate(key, 'telephony.trunkline.dev/retry-delete', '1');
    await runUntilSettled(world, { horizonMs: 10 * minute });
    expect(statusOf(world).phase, 'the probe may be slower than who has mended it').toBe('Deleting');
    expect(await untilCorrupted(world, 10 * minute)).toBeDefined();
    world.defaultAccount.twilioProblem = undefined;
    world.store.annotate(key, 'telephony.trunkline.dev/retry-delete', '2');
    await runUntilSettled(world);
    await expectGone(world);
  });

  test('Twilio has failed its probes for less than that: it is waited for', async () => {
    const world = await readyWorld();
    const failingSince = world.clock.monotonic() - 10 * minute;
    Object.assign(world.defaultAccount, { twilioProblem: 'CredentialsRefused', failingSince });
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 3 * minute });
    expect(statusOf(world).phase).toBe('Deleting');
    expect(await untilCorrupted(world, 4 * minute), 'fifteen minutes of the account, not of the object').toBeDefined();
  });

  test('Twilio has failed its probes while it was paused: that time does not count', async () => {
    const world = await readyWorld();
    const failingSince = world.clock.monotonic();
    Object.assign(world.defaultAccount, { twilioProblem: 'CredentialsRefused', failingSince, paused: true });
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 60 * minute });
    world.defaultAccount.paused = false;
    await runUntilSettled(world, { horizonMs: 10 * minute });
    expect(statusOf(world).phase).toBe('Deleting');
    expect(await untilCorrupted(world, 10 * minute)).toBeDefined();
  });

  test('a provider that answers nothing at all gets an hour', async () => {
    const world = await readyWorld();
    world.effects.add({ matches: ({ system }) => system === 'Twilio', verdict: noAnswer, applied: 'never' });
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 55 * minute });
    expect(condition(world, 'Ready')).toBe('False AccountUnavailable');
    expect(await untilCorrupted(world, 10 * minute)).toBeDefined();
  });

  test('the account object is gone: what it was is pinned, and nothing else is asked', async () => {
    const world = await readyWorld();
    world.accounts.accounts.clear();
    world.store.delete(key);
    expect(await untilCorrupted(world, 20 * minute)).toBeGreaterThanOrEqual(15 * minute);
    expect(statusOf(world).leftovers[0]).toMatchObject({ account: accountSid, reason: 'AccountNotFound' });
  });

  test('a finalizer without a pin: no account is trusted', async () => {
    const world = watchedWorld();
    world.store.create({ ...key, spec: inboundOnly, finalizers: [finalizer] });
    world.store.delete(key);
    expect(await untilCorrupted(world, 20 * minute)).toBeGreaterThanOrEqual(15 * minute);
    expect(world.effects.externalWrites).toEqual([]);
  });
});

describe('a paused account', () => {
  test('stops a deletion, says so, and writes nothing outside', async () => {
    const world = await readyWorld();
    world.defaultAccount.paused = true;
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 3 * 60 * minute });
    expect(condition(world, 'Ready')).toBe('False Paused');
    expect(world.effects.externalCalls).toEqual([]);
    expect(world.effects.objectWrites.length).toBe(2);
    world.defaultAccount.paused = false;
    await runUntilSettled(world);
    await expectGone(world);
  });

  test('stops the clocks, too: afterwards there is time again', async () => {
    const world = await readyWorld();
    const stuck = world.effects.fail('deleteTrunk', noAnswer);
    world.store.delete(key);
    await runUntilSettled(world, { horizonMs: 10 * minute });
    world.defaultAccount.paused = true;
    await runUntilSettled(world, { horizonMs: 60 * minute });
    world.defaultAccount.paused = false;
    expect(await untilCorrupted(world, 10 * minute), 'nobody could do anything while it was paused').toBeUndefined();
    world.effects.lift(stuck);
    await runUntilSettled(world);
    await expectGone(world);
  });
});
