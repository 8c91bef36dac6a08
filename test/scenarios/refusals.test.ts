/**
 * Refusals: nothing is made, or what was made comes down again, and the finalizer with it (DESIGN 3.2, W2).
 */
import { describe, expect, test } from 'vitest';
import type { NumberState } from '../../src/reconcilers/shared/telephony.ts';
import { condition, existing, expectGone, expectQuiet, expectReady } from '../fakes/expectations.ts';
import { outsideOf, reachOf } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { statusOf, watchedWorld } from '../fakes/stories.ts';
import { inboundOnly, key, livekitUrl, phoneNumber, withOutbound, World } from '../fakes/world.ts';

const foreignTrunk = `TK${'f'.repeat(32)}`;
const inboundOfOthers = {
  numbers: [phoneNumber],
  allowedAddresses: [],
  krispEnabled: false,
  headersToAttributes: {},
  maxCallDurationSeconds: 0,
  ringingTimeoutSeconds: 0,
  acceptsEncryption: false,
};

function createdIn(spoil: (world: World) => void): World {
  const world = watchedWorld();
  spoil(world);
  world.store.create({ ...key, spec: inboundOnly });
  return world;
}

function change(values: Partial<NumberState>): (world: World) => void {
  return ({ account }) => account.changeNumber(phoneNumber, values);
}

describe('a number that cannot be had', () => {
  const cases: readonly {
    name: string;
    spoil: (world: World) => void;
    reason: string;
    message: RegExp;
    stalled: string;
    repair: (world: World) => void;
  }[] = [
    {
      name: 'is not in the account',
      spoil: ({ account }) => account.numbers.clear(),
      reason: 'NumberNotFound',
      message: /is not in Twilio account AC/,
      stalled: 'False',
      repair: ({ twilio }) => twilio.buyNumber(`AC${'a'.repeat(32)}`, phoneNumber),
    },
    {
      name: 'is on a trunk of somebody else',
      spoil: change({ trunkSid: foreignTrunk }),
      reason: 'NumberInUse',
      message: /trunk TKf+; unroute it/,
      stalled: 'False',
      repair: change({ trunkSid: '' }),
    },
    {
      name: 'goes to an application',
      spoil: change({ voiceApplicationSid: 'AP1' }),
      reason: 'NumberInUse',
      message: /application AP1/,
      stalled: 'False',
      repair: change({ voiceApplicationSid: '' }),
    },
    {
      name: 'has a voice URL with a secret in it',
      spoil: change({ voiceUrl: 'https://user:canary@app.example.com/voice?token=canary' }),
      reason: 'NumberInUse',
      message: /^(?!.*canary).*app\.example\.com/,
      stalled: 'False',
      repair: change({ voiceUrl: '' }),
    },
    {
      name: 'is hosted',
      spoil: change({ hosted: true }),
      reason: 'NumberUnusable',
      message: /SMS only/,
      stalled: 'True',
      repair: change({ hosted: false }),
    },
    {
      name: 'takes no voice calls',
      spoil: change({ voiceCapable: false }),
      reason: 'NumberUnusable',
      message: /cannot take voice calls/,
      stalled: 'True',
      repair: change({ voiceCapable: true }),
    },
    {
      name: 'is processed in another region',
      spoil: ({ account }) => {
        account.voiceRegion = 'ie1';
      },
      reason: 'RegionMismatch',
      message: /in Twilio's region ie1.*set the number's inbound region to us1/,
      stalled: 'False',
      repair: ({ account }) => {
        account.voiceRegion = 'us1';
      },
    },
    {
      name: 'is in an inbound trunk of somebody else',
      spoil: ({ project }) => project.inbound.set('ST_x', { id: 'ST_x', name: 'desk', ...inboundOfOthers }),
      reason: 'LiveKitNumberConflict',
      message: /ST_x \(desk\)/,
      stalled: 'False',
      repair: ({ project }) => project.inbound.delete('ST_x'),
    },
  ];
  test.for(cases)('$name: says so, makes nothing, and goes on once it can', async (one) => {
    const world = createdIn(one.spoil);
    await runUntilSettled(world, { horizonMs: 900_000 });
    expect(condition(world, 'Ready')).toBe(`False ${one.reason}`);
    expect(condition(world, 'Stalled')).toBe(`${one.stalled} ${one.reason}`);
    expect(existing(world).status).toMatchObject({
      phase: 'Failed',
      conditions: expect.arrayContaining([
        expect.objectContaining({ type: 'Ready', message: expect.stringMatching(one.message) }),
      ]),
    });
    expect(existing(world).metadata.finalizers).toEqual([]);
    expect(world.effects.externalWrites).toEqual([]);
    await expectQuiet(world);
    world.restart();
    await expectQuiet(world);
    one.repair(world);
    await runUntilSettled(world);
    await expectReady(world);
  });

  test('is found by itself after five minutes when it is a matter of waiting', async () => {
    const world = createdIn(({ account }) => account.numbers.clear());
    world.clock.schedule(400_000, () => world.twilio.buyNumber(`AC${'a'.repeat(32)}`, phoneNumber));
    await runUntilSettled(world);
    await expectReady(world);
  });
});

describe('an account with no trunk left', () => {
  function fullAccount({ twilio, account }: World, count: number): void {
    for (let index = 0; index < count; index += 1) {
      const sid = twilio.newSid('TK');
      account.trunks.set(sid, {
        sid,
        accountSid: `AC${'a'.repeat(32)}`,
        friendlyName: 'theirs',
        domainName: `x${index}.pstn.twilio.com`,
        transferMode: 'disable-all',
        secure: false,
        disasterRecoveryUrl: '',
        urls: new Map(),
        credentialLists: new Set(),
        accessLists: new Set(),
      });
    }
  }

  test('is seen before anything is made', async () => {
    const world = createdIn((one) => fullAccount(one, 100));
    await runUntilSettled(world, { horizonMs: 60_000 });
    expect(condition(world, 'Ready')).toBe('False TrunkLimit');
    expect(world.effects.externalWrites).toEqual([]);
    await expectQuiet(world);
  });

  test('that only Twilio knows of: one try, and the finalizer is off again', async () => {
    const world = createdIn((one) => {
      fullAccount(one, 3);
      one.twilio.trunkLimit = 3;
    });
    await runUntilSettled(world, { horizonMs: 240_000 });
    expect(condition(world, 'Ready')).toBe('False TrunkLimit');
    expect(existing(world).metadata.finalizers, 'nothing exists, so a deletion must need nobody').toEqual([]);
    expect(world.effects.externalWrites, 'its own writes must not wake it to try again').toEqual(['createTrunk']);
    await expectQuiet(world);
    world.twilio.trunkLimit = 4;
    await runUntilSettled(world);
    await expectReady(world);
  });

  test('a definite refusal is tried again at once when the spec was edited', async () => {
    const world = createdIn((one) => {
      one.twilio.trunkLimit = 0;
    });
    await runUntilSettled(world, { horizonMs: 60_000 });
    world.twilio.trunkLimit = 1;
    world.store.editSpec(key, { voice: { sipTrunk: { transferMode: 'sip-only' } } });
    await runUntilSettled(world, { horizonMs: 1_000 });
    await expectReady(world);
  });

  test('and then the object deleted: nobody is asked', async () => {
    const world = createdIn((one) => {
      one.twilio.trunkLimit = 0;
    });
    await runUntilSettled(world, { horizonMs: 60_000 });
    world.defaultAccount.twilioProblem = 'CredentialsRefused';
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
  });
});

describe('a refusal in the middle of a creation', () => {
  const routes = [
    {
      name: 'the number is put on another trunk',
      act: change({ trunkSid: foreignTrunk }),
      reason: 'NumberInUse',
      reach: 'elsewhere',
    },
    {
      name: 'the number is given away',
      act: ({ account }: World) => account.numbers.clear(),
      reason: 'NumberNotFound',
      reach: 'unrouted',
    },
  ];
  test.for(
    [inboundOnly, withOutbound].flatMap((spec) =>
      ['createTrunk', 'createInboundTrunk', 'createDispatchRule'].flatMap((operation) =>
        routes.map((route) => ({ ...route, spec, operation })),
      ),
    ),
  )('$name after $operation: what was made comes down again', async ({ act, operation, reason, reach, spec }) => {
    const world = watchedWorld();
    world.store.create({ ...key, spec });
    world.effects.afterWrite.push((effect) => {
      if (effect.operation === operation) act(world);
    });
    await runUntilSettled(world, { horizonMs: 60_000 });
    expect(condition(world, 'Ready')).toBe(`False ${reason}`);
    expect(outsideOf(world)).toEqual([]);
    expect(reachOf(world)).toBe(reach);
    expect(new Set(world.events.map((event) => event.reason)), 'it was never ours').toEqual(new Set([reason]));
    expect(existing(world).metadata.finalizers).toEqual([]);
    await expectQuiet(world);
  });

  test('goes on taking down when that fails at first, and then builds it all again', async () => {
    const world = createdIn(() => undefined);
    world.effects.afterWrite.push(({ operation }) => {
      if (operation === 'createDispatchRule') world.account.changeNumber(phoneNumber, { trunkSid: foreignTrunk });
    });
    world.effects.fail('deleteTrunk', { kind: 'conflict', code: '20409', message: 'busy' }, 'never', 4);
    await runUntilSettled(world, { horizonMs: 200_000 });
    expect(outsideOf(world)).toEqual([]);
    expect(condition(world, 'Ready')).toBe('False NumberInUse');
    world.effects.afterWrite.pop();
    world.account.changeNumber(phoneNumber, { trunkSid: '' });
    await runUntilSettled(world);
    await expectReady(world);
  });

  test.for([
    { name: 'the answer is lost', crashes: false },
    { name: 'the operator dies', crashes: true },
  ])('$name while the first thing is made: the finalizer stays until it cannot come any more', async ({ crashes }) => {
    const world = createdIn(() => undefined);
    world.effects.add({
      matches: ({ operation }) => operation === 'createTrunk',
      verdict: { kind: 'unknownOutcome', message: 'no answer' },
      applied: 30_000,
      crashes,
      times: 1,
    });
    world.effects.beforeWrite.push(({ operation }) => {
      if (operation === 'createTrunk') world.account.changeNumber(phoneNumber, { trunkSid: foreignTrunk });
    });
    await runUntilSettled(world, { horizonMs: 29_000 });
    expect(existing(world).metadata.finalizers, 'who takes it off now leaves a trunk behind').toHaveLength(1);
    await runUntilSettled(world, { horizonMs: 200_000 });
    expect(outsideOf(world)).toEqual([]);
    expect(existing(world).metadata.finalizers).toEqual([]);
  });

  test('the status cannot be written meanwhile: the finalizer does not come and go', async () => {
    const world = createdIn(() => undefined);
    world.effects.fail('createInboundTrunk', { kind: 'unknownOutcome', message: 'no answer' }, 'never', 1);
    await runUntilSettled(world, { horizonMs: 0 });
    world.account.changeNumber(phoneNumber, { trunkSid: foreignTrunk });
    const broken = world.effects.fail('patchStatus', { kind: 'unknownOutcome', message: 'forbidden' });
    world.effects.log.length = 0;
    await runUntilSettled(world, { horizonMs: 1_200_000 });
    expect(world.effects.objectWrites.filter((name) => name === 'patchMetadata')).toEqual([]);
    world.effects.lift(broken);
    await runUntilSettled(world, { horizonMs: 200_000 });
    expect(existing(world).metadata.finalizers).toEqual([]);
    expect(condition(world, 'Ready')).toBe('False NumberInUse');
  });

  test('somebody makes an inbound trunk for the number meanwhile: with two, every call would fail', async () => {
    const world = createdIn(() => undefined);
    world.effects.beforeWrite.push(({ operation }) => {
      if (operation !== 'createDispatchRule') return;
      world.project.inbound.set('ST_x', { id: 'ST_x', name: 'desk', ...inboundOfOthers });
    });
    await runUntilSettled(world, { horizonMs: 60_000 });
    expect(condition(world, 'Ready')).toBe('False LiveKitNumberConflict');
    expect(outsideOf(world)).toEqual([]);
    expect(existing(world).metadata.finalizers).toEqual([]);
  });
});

describe('an account that is not the pinned one any more', () => {
  test.for([
    { name: 'another Twilio account', differing: { accountSid: `AC${'b'.repeat(32)}` } },
    { name: 'another LiveKit project', differing: { livekitUrl: 'https://elsewhere.example.com' } },
    { name: 'another owner', differing: { ownerId: 'another' } },
  ])('$name is never followed', async ({ differing }) => {
    const world = createdIn(() => undefined);
    await runUntilSettled(world);
    const before = outsideOf(world);
    const writes = world.effects.externalWrites.length;
    Object.assign(world.defaultAccount, differing);
    world.store.editSpec(key, { voice: { sipTrunk: { transferMode: 'sip-only' } } });
    await runUntilSettled(world, { horizonMs: 600_000 });
    expect(condition(world, 'Synced')).toBe('False AccountMismatch');
    expect(outsideOf(world)).toEqual(before);
    expect(world.effects.externalWrites.length).toBe(writes);
    Object.assign(world.defaultAccount, { accountSid: `AC${'a'.repeat(32)}`, livekitUrl, ownerId: '0a1b2c3d' });
    await runUntilSettled(world);
    await expectReady(world);
  });
});

describe('a spec that does not parse', () => {
  test('is refused with its problems, makes nothing, and can be deleted', async () => {
    const world = watchedWorld();
    world.store.create({ ...key, spec: { phoneNumber: '0207', voice: { sipTrunk: {} } } });
    await runUntilSettled(world);
    expect(condition(world, 'Stalled')).toBe('True InvalidSpec');
    expect(JSON.stringify(existing(world).status)).toContain('spec.phoneNumber is not an E.164 number');
    await expectQuiet(world);
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
  });
});

test('rules of others that break every call of the project are named, and hinder nothing', async () => {
  const world = new World();
  const [wildcard] = world.project.rules.values();
  if (wildcard === undefined) throw new Error('A world has a rule of somebody else');
  world.project.rules.set('SDR_second', { ...wildcard, id: 'SDR_second', name: 'a second one' });
  world.store.create({ ...key, spec: inboundOnly });
  await runUntilSettled(world, { horizonMs: 1_000 });
  const ready = statusOf(world).conditions.find(({ type }) => type === 'Ready');
  expect(ready?.status).toBe('True');
  expect(ready?.message).toContain(`delete all but one: ${wildcard.id} (somebody else), SDR_second (a second one)`);
});
