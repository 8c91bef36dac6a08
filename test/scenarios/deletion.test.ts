/**
 * Deletion, row by row of the table in DESIGN 3.3: what goes, in which order, and when it is given up.
 */
import { describe, expect, test } from 'vitest';
import { finalizer } from '../../src/reconcilers/phone-number/names.ts';
import { parsePhoneNumber } from '../../src/reconcilers/phone-number/schema.ts';
import type { Verdict } from '../../src/reconcilers/shared/verdict.ts';
import type { FakeAccount } from '../fakes/fake-accounts.ts';
import { condition, existing, expectGone, expectQuiet, expectReady } from '../fakes/expectations.ts';
import { outsideOf, reachOf, watch } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { accountSid, inboundOnly, key, livekitUrl, phoneNumber, withOutbound, World } from '../fakes/world.ts';

const minute = 60_000;
const noAnswer: Verdict = { kind: 'unknownOutcome', message: 'no answer in time' };
const refusal: Verdict = { kind: 'refused', code: '21634', message: 'emergency address (21634)' };

async function readyWorld(spec: unknown = inboundOnly): Promise<World> {
  const world = new World();
  watch(world);
  world.store.create({ ...key, spec });
  await runUntilSettled(world);
  world.clock.advanceSynchronously(3_600_000);
  world.effects.log.length = 0;
  world.fenceChecks = 0;
  world.events.length = 0;
  return world;
}

function statusOf(world: World) {
  return parsePhoneNumber(existing(world)).status;
}

/** How long it takes until the object is Corrupted, looked at every ten seconds. */
async function untilCorrupted(world: World, mostMs: number): Promise<number | undefined> {
  const from = world.clock.monotonic();
  while (world.clock.monotonic() - from <= mostMs) {
    await runUntilSettled(world, { horizonMs: 10_000 });
    if (world.store.get(key) === undefined) return undefined;
    if (statusOf(world).phase === 'Corrupted') return world.clock.monotonic() - from;
  }
  return undefined;
}

describe('a deletion that nothing disturbs', () => {
  test.for([
    {
      name: 'inbound',
      spec: inboundOnly,
      writes: ['detachNumber', 'deleteDispatchRule', 'deleteLiveKitTrunk', 'deleteTrunk'],
    },
    {
      name: 'outbound',
      spec: withOutbound,
      writes: [
        'detachNumber',
        'deleteLiveKitTrunk',
        'deleteDispatchRule',
        'deleteCredential',
        'deleteLiveKitTrunk',
        'detachIpAccessControlList',
        'detachCredentialList',
        'deleteCredentialList',
        'detachIpAccessControlList',
        'deleteIpAccessControlList',
        'deleteTrunk',
      ],
    },
  ])('$name: takes two writes, and everything in its order', async ({ spec, writes }) => {
    const world = await readyWorld(spec);
    world.store.delete(key);
    await runUntilSettled(world);
    expect(world.effects.objectWrites, 'the policy, then the finalizer').toEqual(['patchStatus', 'patchMetadata']);
    expect(world.effects.externalWrites.toSorted()).toEqual(writes.toSorted());
    const inbound = world.effects.externalWrites.filter((name) => /Number|Rule|deleteTrunk/.test(name));
    expect(inbound, 'a number stops ringing before what answers it goes').toEqual([
      'detachNumber',
      'deleteDispatchRule',
      'deleteTrunk',
    ]);
    expect(world.eventActions).toEqual(['Delete']);
    await expectGone(world);
    expect(world.account.numberOf(phoneNumber), 'the number stays with its owner').toBeDefined();
  });

  test('shows what goes on when it takes longer, and asks the API server again', async () => {
    const world = await readyWorld(withOutbound);
    world.effects.latencyMs = 4_000;
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
  });

  test('an object without our finalizer is nobody’s business', async () => {
    const world = new World();
    watch(world);
    world.store.create({ ...key, spec: inboundOnly, finalizers: ['example.com/other'] });
    world.store.delete(key);
    await runUntilSettled(world);
    expect(world.effects.externalCalls).toEqual([]);
    expect(world.effects.objectWrites).toEqual([]);
    expect(existing(world).metadata.finalizers).toEqual(['example.com/other']);
  });

  test('the finalizers of others stay', async () => {
    const world = await readyWorld();
    world.store.setFinalizers(key, ['example.com/other', finalizer]);
    world.store.delete(key);
    await runUntilSettled(world);
    expect(existing(world).metadata.finalizers).toEqual(['example.com/other']);
    expect(outsideOf(world)).toEqual([]);
    world.restart();
    await expectQuiet(world);
  });
});

describe('what was removed by hand before', () => {
  test.for([
    { name: 'the trunk', act: ({ account }: World) => account.trunks.clear() },
    { name: 'the inbound trunk', act: ({ project }: World) => project.inbound.clear() },
    { name: 'the rule', act: ({ project }: World) => project.rules.clear() },
    { name: 'the credentials', act: ({ account }: World) => account.credentialLists.clear() },
    { name: 'the addresses', act: ({ account }: World) => account.accessLists.clear() },
    { name: 'the outbound trunk', act: ({ project }: World) => project.outbound.clear() },
    { name: 'the number itself', act: ({ account }: World) => account.numbers.clear() },
  ])('$name is gone, and so is the rest then', async ({ act }) => {
    const world = await readyWorld(withOutbound);
    act(world);
    world.effects.afterWrite.length = 0;
    world.effects.beforeWrite.length = 0;
    world.store.delete(key);
    await runUntilSettled(world);
    expect(world.store.all).toEqual([]);
    expect(outsideOf(world)).toEqual([]);
    expect([...world.store.records]).toEqual([]);
  });

  test('a number that is on another trunk by now stays there', async () => {
    const world = await readyWorld();
    const theirs = `TK${'f'.repeat(32)}`;
    world.account.changeNumber(phoneNumber, { trunkSid: theirs });
    world.store.delete(key);
    await runUntilSettled(world);
    expect(world.store.all).toEqual([]);
    expect(outsideOf(world)).toEqual([]);
    expect(world.account.numberOf(phoneNumber)?.trunkSid).toBe(theirs);
  });
});

describe('the deletion policy', () => {
  test('Orphan touches nothing and leaves a record', async () => {
    const world = await readyWorld({ ...withOutbound, deletionPolicy: 'Orphan' });
    const before = outsideOf(world);
    const { uid } = existing(world).metadata;
    world.store.delete(key);
    await runUntilSettled(world);
    expect(world.store.all).toEqual([]);
    expect(world.effects.externalCalls, 'no call at all').toEqual([]);
    expect(outsideOf(world)).toEqual(before);
    expect(reachOf(world)).toBe('answered');
    expect([...world.store.records.keys()]).toEqual([uid]);
    expect(world.store.records.get(uid)).toMatchObject({
      cause: 'Orphan',
      phoneNumber,
      pinned: { accountSid, livekitUrl },
    });
    expect(world.store.records.get(uid)?.items).toHaveLength(8);
    expect(world.store.records.get(uid), 'nobody confirmed anything').not.toHaveProperty('confirmedBy', 'anybody');
    expect(world.audits).toEqual(['orphan']);
  });

  test('that nobody knows is not guessed: Corrupted at once, without a call', async () => {
    const world = await readyWorld({ ...inboundOnly, deletionPolicy: 'Recycle' });
    world.store.delete(key);
    await runUntilSettled(world);
    expect(condition(world, 'Corrupted')).toBe('True UnknownDeletionPolicy');
    expect(world.effects.externalCalls).toEqual([]);
    expect(statusOf(world).leftovers.map(({ kind, state, reason }) => `${kind} ${state} ${reason}`)).toEqual([
      'NumberAttachment Unknown UnknownDeletionPolicy',
      'DispatchRule Unknown UnknownDeletionPolicy',
      'InboundTrunk Unknown UnknownDeletionPolicy',
      'Trunk Unknown UnknownDeletionPolicy',
    ]);
    expect(reachOf(world)).toBe('answered');
    await expectQuiet(world);
  });

  test.for([
    { name: 'Orphan after deletion began', edit: { deletionPolicy: 'Orphan' } },
    { name: 'an unknown policy after deletion began', edit: { deletionPolicy: 'Recycle' } },
    { name: 'a number that cannot be one', edit: { phoneNumber: 7, voice: null } },
    { name: 'another account', edit: { accountRef: { name: 'another' } } },
  ])('is the one at the moment of deletion: $name changes nothing', async ({ edit }) => {
    const world = await readyWorld();
    world.effects.beforeWrite.push(({ operation }) => {
      if (operation === 'detachNumber') world.store.editSpec(key, edit);
    });
    world.effects.fail('deleteTrunk', noAnswer, 'never', 3);
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
  });

  test('is not needed when the spec cannot be read any more', async () => {
    const world = await readyWorld();
    world.store.editSpec(key, { phoneNumber: 7, voice: null });
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
  });
});

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
    const world = new World();
    watch(world);
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

describe('marks that changed', () => {
  const rename = (world: World, friendlyName: string) => {
    for (const trunk of world.account.trunks.values()) world.account.trunks.set(trunk.sid, { ...trunk, friendlyName });
  };
  test('a trunk that lost its mark is never removed and never forgotten', async () => {
    const world = await readyWorld();
    rename(world, 'Front desk');
    world.store.delete(key);
    await untilCorrupted(world, 20 * minute);
    expect(world.account.trunks.size).toBe(1);
    expect(statusOf(world).leftovers).toContainEqual(
      expect.objectContaining({ kind: 'Trunk', state: 'Present', reason: 'OwnershipUnknown' }),
    );
    expect(existing(world).metadata.finalizers).toContain(finalizer);
  });

  test('nor after it was noticed while the number lived', async () => {
    const world = await readyWorld();
    rename(world, 'Front desk');
    world.store.editSpec(key, { voice: { sipTrunk: { transferMode: 'sip-only' } } });
    await runUntilSettled(world, { horizonMs: minute });
    world.store.delete(key);
    await untilCorrupted(world, 20 * minute);
    expect(statusOf(world).leftovers).toContainEqual(
      expect.objectContaining({ kind: 'Trunk', state: 'Present', reason: 'OwnershipUnknown' }),
    );
  });

  test('a set of another PhoneNumber by now is neither removed nor left over', async () => {
    const world = await readyWorld();
    world.effects.afterWrite.length = 0;
    rename(world, 'tl/0a1b2c3d/447446466847/ffffffff/trunk');
    const taken = <T extends { id: string; name: string }>(all: Map<string, T>) => {
      for (const one of all.values()) all.set(one.id, { ...one, name: one.name.replace('00000001', 'ffffffff') });
    };
    taken(world.project.inbound);
    taken(world.project.rules);
    world.store.delete(key);
    await runUntilSettled(world);
    expect(world.store.all).toEqual([]);
    expect(world.effects.externalWrites).toEqual([]);
    expect(reachOf(world)).toBe('answered');
  });

  test('ids that cannot be ids are looked up by their mark', async () => {
    const world = await readyWorld(withOutbound);
    world.store.writeStatus(key, {
      twilio: { trunkSid: '../../Accounts', credentialListSid: 'CL1', ipAccessControlListSid: 7 },
      livekit: { inboundTrunkId: '', dispatchRuleId: 'SDR_', outboundTrunkId: null },
    });
    world.restart();
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
  });

  test('ids of others in the status remove nothing', async () => {
    const world = await readyWorld();
    const theirs = world.livekit.newId('SDR_');
    const rule = { trunkIds: ['ST_x'], roomPrefix: '', agents: [], hidePhoneNumber: false, attributes: {} };
    world.project.rules.set(theirs, { id: theirs, name: 'theirs', ...rule });
    world.store.writeStatus(key, { livekit: { dispatchRuleId: theirs } });
    world.restart();
    world.store.delete(key);
    await untilCorrupted(world, 20 * minute);
    expect(world.project.rules.get(theirs)).toBeDefined();
    expect(statusOf(world).leftovers).toContainEqual(
      expect.objectContaining({ kind: 'DispatchRule', id: theirs, reason: 'OwnershipUnknown' }),
    );
  });
});

test('a deleted object can be created again with the same name and number', async () => {
  const world = await readyWorld(withOutbound);
  world.store.delete(key);
  await runUntilSettled(world);
  world.store.create({ ...key, spec: inboundOnly });
  await runUntilSettled(world);
  await expectReady(world);
});
