/**
 * Stories: how a test gets to where it begins, and how it waits for what it is about.
 */
import type { PhoneNumberStatus } from '../../src/reconcilers/phone-number/model.ts';
import { parsePhoneNumber } from '../../src/reconcilers/phone-number/schema.ts';
import { existing } from './expectations.ts';
import { watch } from './oracles.ts';
import { runUntilSettled } from './run-until-settled.ts';
import { inboundOnly, key, World } from './world.ts';

/** A new world in which every write is watched. */
export function watchedWorld(): World {
  const world = new World();
  watch(world);
  return world;
}

/** A world with a Ready number, in which the operator has been running for an hour; the logs begin here. */
export async function readyWorld(spec: unknown = inboundOnly): Promise<World> {
  const world = watchedWorld();
  world.store.create({ ...key, spec });
  await runUntilSettled(world);
  world.clock.advanceSynchronously(3_600_000);
  world.effects.log.length = 0;
  world.fenceChecks = 0;
  world.events.length = 0;
  return world;
}

export function statusOf(world: World): PhoneNumberStatus {
  return parsePhoneNumber(existing(world)).status;
}

/** Milliseconds until the object is Corrupted, looked at every ten seconds; undefined when it does not become so. */
export async function untilCorrupted(world: World, mostMs: number): Promise<number | undefined> {
  const from = world.clock.monotonic();
  while (world.clock.monotonic() - from <= mostMs) {
    await runUntilSettled(world, { horizonMs: 10_000 });
    if (world.store.get(key) === undefined) return undefined;
    if (statusOf(world).phase === 'Corrupted') return world.clock.monotonic() - from;
  }
  return undefined;
}
