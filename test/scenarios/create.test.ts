import { describe, expect, test } from 'vitest';
import { completeSet, outboundProblem, outsideOf, reachOf, watch } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { inboundOnly, key, withOutbound, World } from '../fakes/world.ts';
describe('x', () => {
  test.for([{ spec: inboundOnly }, { spec: withOutbound }])('a', async ({ spec }) => {
    const world = new World();
    watch(world);
    const object = world.store.create({ ...key, spec });
    await runUntilSettled(world);
    console.log(world.effects.log.map((e) => e.operation).join(' '));
    console.log(JSON.stringify(world.store.get(key), null, 1), outsideOf(world), completeSet(object), reachOf(world), outboundProblem(world));
    world.store.delete(key);
    await runUntilSettled(world);
    console.log(world.effects.log.map((e) => e.operation).join(' '));
    console.log(outsideOf(world), world.store.all, world.store.records, world.clock.monotonic());
    expect(1).toBe(1);
  });
});
