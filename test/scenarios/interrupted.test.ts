/**
 * Create, delete, and delete in the middle of create, interrupted at every single write in every way: the end is the same.
 */
import { describe, expect, test } from 'vitest';
import { expectGone, expectReady } from '../fakes/expectations.ts';
import { actAt, interrupt, interruptions, pointsOf } from '../fakes/interruptions.ts';
import { outsideOf } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { readyWorld, watchedWorld } from '../fakes/stories.ts';
import { inboundOnly, key, withOutbound } from '../fakes/world.ts';

const kinds = [
  { kind: 'an inbound number', spec: inboundOnly, outbound: undefined },
  {
    kind: 'a number with outbound calls',
    spec: withOutbound,
    outbound: { addresses: ['192.0.2.0/24', '198.51.100.7/32'] },
  },
] as const;

for (const kind of kinds) {
  const created = watchedWorld();
  // One story for all points: a number is created, and then deleted.
  const creation = await pointsOf(created, () => created.store.create({ ...key, spec: kind.spec }));
  const deletion = await pointsOf(created, () => created.store.delete(key));
  const everywhere = <T>(points: readonly T[]) =>
    points.flatMap((point) =>
      interruptions.map((interruption) => ({ ...point, interruption, what: interruption.name })),
    );

  describe(`creating ${kind.kind}`, () => {
    test.for(everywhere(creation))('ends Ready with one set when $what $operation', async ({ index, interruption }) => {
      const world = watchedWorld();
      world.store.create({ ...key, spec: kind.spec });
      interrupt(world, index, interruption);
      await runUntilSettled(world);
      await expectReady(world, kind.outbound);
    });
  });

  describe(`deleting ${kind.kind}`, () => {
    test.for(everywhere(deletion))('ends with nothing left when $what $operation', async ({ index, interruption }) => {
      const world = await readyWorld(kind.spec);
      interrupt(world, index, interruption);
      world.store.delete(key);
      await runUntilSettled(world);
      await expectGone(world);
    });
  });

  describe(`deleting ${kind.kind} while it is created`, () => {
    const moments = creation.flatMap((point) => [
      { ...point, moment: 'before' as const },
      { ...point, moment: 'after' as const },
    ]);
    test.for(moments)('leaves nothing $moment $operation', async ({ index, moment }) => {
      const world = watchedWorld();
      world.store.create({ ...key, spec: kind.spec });
      actAt(world, index, moment, () => world.store.delete(key));
      await runUntilSettled(world);
      await expectGone(world);
    });

    test.for(everywhere(creation))(
      'leaves nothing when then also $what $operation',
      async ({ index, interruption }) => {
        const world = watchedWorld();
        world.store.create({ ...key, spec: kind.spec });
        actAt(world, index, 'before', () => world.store.delete(key));
        interrupt(world, index, interruption);
        await runUntilSettled(world);
        await expectGone(world);
      },
    );
  });

  test(`the stories of ${kind.kind} are the ones that were meant`, () => {
    expect(
      creation.map(({ operation }) => operation),
      'a story without these writes would try nothing',
    ).toEqual(expect.arrayContaining([expect.stringContaining('attachNumber')]));
    expect(deletion.map(({ operation }) => operation)).toEqual(
      expect.arrayContaining([expect.stringContaining('deleteTrunk')]),
    );
    expect(outsideOf(created)).toEqual([]);
  });
}

describe('an attach that comes late', () => {
  const lost = interruptions.filter(({ applied }) => typeof applied === 'number');
  test.for(lost)('$name it: nothing that answers a call goes before', async (interruption) => {
    const world = watchedWorld();
    world.store.create({ ...key, spec: inboundOnly });
    world.effects.add({
      ...interruption,
      matches: ({ operation }) => operation === 'attachNumber',
      verdict: { kind: 'unknownOutcome', message: 'no answer in time' },
      times: 1,
    });
    // The next try is answered, and the number is Ready and deleted long before the first one comes.
    await runUntilSettled(world, { horizonMs: 2_000 });
    world.effects.fail('deleteTrunk', { kind: 'unknownOutcome', message: 'no answer in time' }, 'never', 6);
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
  });

  test.for(lost)('$name it: also when the number was not attached again', async (interruption) => {
    const world = watchedWorld();
    world.store.create({ ...key, spec: inboundOnly });
    world.effects.add({
      ...interruption,
      matches: ({ operation }) => operation === 'attachNumber',
      verdict: { kind: 'unknownOutcome', message: 'no answer in time' },
      times: 1,
    });
    world.effects.beforeWrite.push(({ operation }) => {
      if (operation === 'attachNumber') world.store.delete(key);
    });
    world.effects.fail('deleteTrunk', { kind: 'unknownOutcome', message: 'no answer in time' }, 'never', 6);
    await runUntilSettled(world);
    await expectGone(world);
  });
});
