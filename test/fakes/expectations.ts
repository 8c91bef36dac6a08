/**
 * Expectations: how a story has to end.
 */
import { expect } from 'vitest';
import { finalizer } from '../../src/reconcilers/phone-number/names.ts';
import { parsePhoneNumber } from '../../src/reconcilers/phone-number/schema.ts';
import type { KubernetesObject, ObjectKey } from '../../src/reconcilers/shared/ports.ts';
import { completeSet, outboundProblem, outsideOf, reachOf } from './oracles.ts';
import { runUntilSettled } from './run-until-settled.ts';
import { key as defaultKey, type World } from './world.ts';

/** The object calls reach LiveKit for: exactly one set, all of it recorded, and nothing more to write. */
export async function expectReady(
  world: World,
  outbound?: { readonly addresses: readonly string[] },
  key: ObjectKey = defaultKey,
): Promise<void> {
  const raw = existing(world, key);
  const { status, finalizers } = parsePhoneNumber(raw);
  expect(status.phase, JSON.stringify(status.conditions)).toBe('Ready');
  expect(finalizers).toContain(finalizer);
  expect(reachOf(world)).toBe('answered');
  expect(
    outsideOf(world, raw.metadata.uid).filter((name) => !/credentials > /.test(name)),
    'exactly one set',
  ).toEqual(completeSet(raw, outbound));
  if (outbound === undefined) expect(world.project.outbound.size).toBe(0);
  else expect(outboundProblem(world)).toBeUndefined();
  expect(recordedIds(raw), 'every id is recorded').toEqual(outsideIds(world));
  expect([...world.store.records.keys()], 'nothing was let go').toEqual([]);
  await expectQuiet(world);
}

/** Nothing of it is left, inside or outside, and nobody had to let go of anything. */
export async function expectGone(world: World): Promise<void> {
  expect(world.store.all.map(({ status }) => status)).toEqual([]);
  expect(outsideOf(world)).toEqual([]);
  expect(reachOf(world)).toBe('unrouted');
  expect([...world.store.records.values()]).toEqual([]);
  await expectQuiet(world);
}

/** I5: looked at once more for no reason, nothing is written. */
export async function expectQuiet(world: World): Promise<void> {
  const writes = () => world.effects.log.filter(({ isWrite }) => isWrite).length;
  const before = writes();
  await runUntilSettled(world, { horizonMs: 1_000, maxRounds: 20 });
  expect(writes() - before, 'quiet at rest').toBe(0);
}

export function existing(world: World, key: ObjectKey = defaultKey): KubernetesObject {
  const object = world.store.get(key);
  if (object === undefined) throw new Error('The object is gone');
  return object;
}

/** The reason of a condition, with its status in front. */
export function condition(world: World, type: string, key: ObjectKey = defaultKey): string {
  const found = parsePhoneNumber(existing(world, key)).status.conditions.find((one) => one.type === type);
  return `${found?.status} ${found?.reason}`;
}

function recordedIds(object: KubernetesObject): readonly string[] {
  const { ids, originationUrlSids } = parsePhoneNumber(object).status;
  return [...Object.values(ids), ...originationUrlSids].flatMap((id: string | undefined) => id ?? []).toSorted();
}

/** Ids of everything that is outside for the one number there is, and of the number. */
function outsideIds({ account, project }: World): readonly string[] {
  const { numbers, credentialLists, accessLists } = account;
  const trunks = [...account.trunks.values()].filter(({ friendlyName }) => friendlyName.startsWith('tl/'));
  return [
    ...numbers.keys(),
    ...trunks.flatMap(({ sid, urls }) => [sid, ...urls.keys()]),
    ...credentialLists.keys(),
    ...[...credentialLists.values()].flatMap(({ credentials }) => [...credentials.keys()]),
    ...accessLists.keys(),
    ...[...project.inbound.values(), ...project.rules.values(), ...project.outbound.values()]
      .filter(({ name }) => name.startsWith('tl/'))
      .map(({ id }) => id),
  ].toSorted();
}
