/**
 * A new SIP credential by annotation token: outbound calls never stop, nothing else is touched, and one is left.
 */
import { describe, expect, test } from 'vitest';
import { rotateCredentialAnnotation } from '../../src/reconcilers/phone-number/names.ts';
import { condition, existing, expectQuiet, expectReady } from '../fakes/expectations.ts';
import { interrupt, interruptions, pointsOf } from '../fakes/interruptions.ts';
import { outboundProblem } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { readyWorld, statusOf, watchedWorld } from '../fakes/stories.ts';
import { inboundOnly, key, withOutbound, type World } from '../fakes/world.ts';

const addresses = { addresses: ['192.0.2.0/24', '198.51.100.7/32'] };

function rotate(world: World, token: string): void {
  world.store.annotate(key, rotateCredentialAnnotation, token);
}

/** The user name and password that LiveKit calls with, and all user names that Twilio knows. */
function credentials({ account, project }: World) {
  const [outbound] = project.outbound.values();
  return {
    inForce: { username: outbound?.authUsername, password: outbound?.authPassword },
    known: [...account.credentialLists.values()].flatMap((list) => [...list.credentials.values()]),
  };
}

/** After every write Twilio takes calls with what LiveKit has, whatever else is in the list. */
function watchOutbound(world: World): void {
  world.effects.afterWrite.push(({ operation }) => {
    const problem = outboundProblem(world);
    if (problem !== undefined && !/^there are \d+ credentials$/.test(problem)) {
      world.violations.push(`after ${operation} ${problem}`);
    }
  });
}

/** A Ready number with outbound calls, whose outbound calls must never fail from here on. */
async function callingWorld(): Promise<World> {
  const world = await readyWorld(withOutbound);
  watchOutbound(world);
  return world;
}

describe('a rotation token', () => {
  test('replaces the credential and nothing else', async () => {
    const world = await callingWorld();
    const before = credentials(world);
    const { ids } = statusOf(world);
    rotate(world, '1');
    await runUntilSettled(world);
    const after = credentials(world);
    expect(world.effects.externalWrites).toEqual(['createCredential', 'updateOutboundTrunk', 'deleteCredential']);
    expect(after.inForce.username).not.toBe(before.inForce.username);
    expect(after.inForce.password).not.toBe(before.inForce.password);
    expect(after.inForce.username?.length).toBeLessThanOrEqual(32);
    expect(after.known.map(({ username }) => username)).toEqual([after.inForce.username]);
    const { credentialSid: _new, ...others } = statusOf(world).ids;
    expect(ids).toMatchObject(others);
    expect(statusOf(world).lastHandledRotation).toBe('1');
    expect(world.events).toMatchObject([{ type: 'Normal', action: 'RotateCredential' }]);
    await expectReady(world, addresses);
  });

  test('that is set again does nothing; the next one does', async () => {
    const world = await callingWorld();
    const usernames: unknown[] = [];
    for (const token of ['1', '1', '2', '1']) {
      rotate(world, token);
      await runUntilSettled(world);
      usernames.push(credentials(world).inForce.username);
    }
    expect(usernames[1]).toBe(usernames[0]);
    expect(new Set(usernames).size).toBe(3);
    expect(world.eventActions).toEqual(['RotateCredential', 'RotateCredential', 'RotateCredential']);
  });

  test('that was handled is not handled again when the status is lost', async () => {
    const world = await callingWorld();
    rotate(world, '1');
    await runUntilSettled(world);
    const { inForce } = credentials(world);
    const { annotations } = existing(world).metadata;
    world.store.loseEverything();
    world.restart();
    world.store.create({ ...key, spec: withOutbound });
    rotate(world, annotations?.[rotateCredentialAnnotation] ?? '');
    await runUntilSettled(world);
    expect(credentials(world).inForce).toEqual(inForce);
    await expectReady(world, addresses);
  });

  test('in a manifest is done with the first credential', async () => {
    const world = watchedWorld();
    world.store.create({ ...key, spec: withOutbound });
    rotate(world, '1');
    await runUntilSettled(world);
    expect(world.effects.externalWrites.filter((name) => name === 'createCredential')).toHaveLength(1);
    expect(statusOf(world).lastHandledRotation).toBe('1');
    await expectReady(world, addresses);
  });

  test('without outbound calls is handled with a warning', async () => {
    const world = await readyWorld(inboundOnly);
    rotate(world, '1');
    await runUntilSettled(world);
    expect(world.effects.externalWrites).toEqual([]);
    expect(statusOf(world).lastHandledRotation).toBe('1');
    expect(world.events).toMatchObject([{ type: 'Warning', action: 'RotateCredential' }]);
    await expectReady(world);
  });

  test('works while the number is suspended', async () => {
    const world = await callingWorld();
    world.store.editSpec(key, { suspended: true });
    await runUntilSettled(world);
    const before = credentials(world);
    rotate(world, '1');
    await runUntilSettled(world);
    expect(credentials(world).inForce.username).not.toBe(before.inForce.username);
    expect(credentials(world).known).toHaveLength(1);
    expect(statusOf(world)).toMatchObject({ phase: 'Suspended', lastHandledRotation: '1' });
    expect(world.effects.externalWrites).not.toContain('attachNumber');
    await expectQuiet(world);
  });

  test('works while somebody else keeps the number off its trunk', async () => {
    const world = await callingWorld();
    world.account.changeNumber(withOutbound.phoneNumber, { trunkSid: '' });
    rotate(world, '1');
    await runUntilSettled(world);
    expect(condition(world, 'Ready')).toBe('False RoutingChangedElsewhere');
    expect(statusOf(world).lastHandledRotation).toBe('1');
    expect(credentials(world).known).toHaveLength(1);
    expect(world.effects.externalWrites).not.toContain('attachNumber');
    await expectQuiet(world);
  });

  test('does nothing while the account is paused, and is handled afterwards', async () => {
    const world = await callingWorld();
    world.defaultAccount.paused = true;
    rotate(world, '1');
    await runUntilSettled(world, { horizonMs: 1_000 });
    expect(world.effects.externalWrites).toEqual([]);
    expect(statusOf(world).lastHandledRotation).toBeUndefined();
    world.defaultAccount.paused = false;
    await runUntilSettled(world);
    expect(statusOf(world).lastHandledRotation).toBe('1');
    await expectReady(world, addresses);
  });

  test('does nothing for a number that is being deleted', async () => {
    const world = await readyWorld(withOutbound);
    world.store.delete(key);
    rotate(world, '1');
    await runUntilSettled(world);
    expect(world.effects.externalWrites).not.toContain('createCredential');
    expect(world.store.get(key)).toBeUndefined();
  });

  test('is asked for at once, although a provider’s refusal was to rest', async () => {
    const world = await callingWorld();
    world.effects.fail('updateInboundTrunk', { kind: 'refused', code: 'invalid_argument', message: 'no' }, 'never', 1);
    world.store.editSpec(key, { voice: { sipTrunk: { inbound: { krispEnabled: true } } } });
    await runUntilSettled(world, { horizonMs: 0 });
    expect(condition(world, 'Synced')).toBe('False ProviderError');
    rotate(world, '1');
    await runUntilSettled(world, { horizonMs: 0 });
    expect(statusOf(world).lastHandledRotation).toBe('1');
  });
});

describe('a rotation that is interrupted', async () => {
  const told = await callingWorld();
  const points = await pointsOf(told, () => rotate(told, '1'));

  test('has the writes that were meant', () => {
    expect(points.map(({ operation }) => operation.split(' ')[0])).toEqual([
      'createCredential',
      'updateOutboundTrunk',
      'deleteCredential',
      'patchStatus',
    ]);
  });

  const cases = points.flatMap((point) =>
    interruptions.map((interruption) => ({ ...point, interruption, what: interruption.name })),
  );
  test.for(cases)('ends with one credential when $what $operation', async ({ index, interruption }) => {
    const world = await callingWorld();
    const before = credentials(world);
    rotate(world, '1');
    interrupt(world, index, interruption);
    await runUntilSettled(world);
    const after = credentials(world);
    expect(after.inForce.username).not.toBe(before.inForce.username);
    expect(after.known).toHaveLength(1);
    expect(statusOf(world).lastHandledRotation).toBe('1');
    expect(world.effects.externalWrites, 'calls to the number go on').not.toContain('detachNumber');
    await expectReady(world, addresses);
  });
});
