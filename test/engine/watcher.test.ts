/**
 * Watcher and cache together, against a collection in memory, on a fake clock.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Change, ObjectCache } from '../../src/providers/kubernetes/object-cache.ts';
import { Watcher } from '../../src/providers/kubernetes/watcher.ts';
import type { KubernetesObject } from '../../src/reconcilers/shared/ports.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type CollectionFault, FakeCollection } from '../support/fake-collection.ts';
import { kubernetesObject } from '../support/kubernetes-objects.ts';
import { recordedLog } from '../support/log-lines.ts';

function stage(names: readonly string[] = [], streamsLists = true) {
  const clock = new FakeClock();
  const collection = new FakeCollection({ streamsLists });
  for (const name of names) collection.put(name, 1);
  const { lines, log } = recordedLog();
  const changes: Change[] = [];
  const cache = new ObjectCache({ bySpec: ({ spec }) => [JSON.stringify(spec)] }, log);
  cache.subscribe((change) => changes.push(change));
  const watcher = new Watcher({
    transport: collection,
    path: '/apis/example.test/v1/things',
    target: cache,
    clock,
    timers: clock,
    fraction: () => 0,
    log,
  });
  const stopping = new AbortController();
  const running = watcher.run(stopping.signal);
  return {
    cache,
    changes,
    clock,
    collection,
    lines,
    log,
    watcher,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

type Stage = ReturnType<typeof stage>;

/** Names and what became of them, in the order in which listeners heard of it. */
function told(changes: readonly Change[]): readonly string[] {
  return changes.map(({ after, before }) => {
    const { name, uid } = (after ?? before)?.metadata ?? { name: '', uid: '' };
    return `${before === undefined ? 'new' : after === undefined ? 'gone' : 'changed'} ${name} ${uid}`;
  });
}

function expectEqualToServer({ cache, collection }: Stage): void {
  const byName = (objects: Iterable<KubernetesObject>) =>
    new Map([...objects].map(({ metadata, spec }) => [metadata.name, { uid: metadata.uid, spec }]));
  expect(byName(cache.list())).toEqual(byName(collection.objects.values()));
}

describe('a watched cache', () => {
  test.for([
    { name: 'a list that streams', why: 'list and watch are one request', streams: true, requests: ['stream'] },
    {
      name: 'a list of several pages',
      why: 'the server does not stream lists',
      streams: false,
      requests: ['stream', 'list', 'list', 'watch'],
    },
  ])('is synced after $name, and then follows', async ({ requests, streams, why }) => {
    const world = stage(['a', 'b', 'c'], streams);
    await world.clock.advance(0);
    expect([world.cache.isSynced, world.collection.requests], why).toEqual([true, requests]);
    expect(world.changes.every(({ initial }) => initial)).toBe(true);
    world.collection.put('d', 1);
    world.collection.put('a', 2);
    world.collection.remove('b');
    await world.clock.advance(0);
    expect(told(world.changes).slice(3)).toEqual(['new d uid-4', 'changed a uid-1', 'gone b uid-2']);
    expect(world.changes.at(-1)?.initial).toBe(false);
    expectEqualToServer(world);
    expect(world.cache.byIndex('bySpec', '1').map(({ metadata }) => metadata.name)).toEqual(['c', 'd']);
    expect(world.cache.byIndex('bySpec', '2').map(({ metadata }) => metadata.name)).toEqual(['a']);
    expect(world.cache.countsOf('bySpec')).toEqual({ 1: 2, 2: 1 });
    await world.stop();
    expect([world.clock.pendingTimers, world.collection.openStreams]).toEqual([0, 0]);
  });

  test('misses nothing of what happened while the connection was cut', async () => {
    const world = stage(['a']);
    await world.clock.advance(0);
    world.collection.fail('cut streams');
    world.collection.remove('a');
    world.collection.put('b', 1);
    await world.clock.advance(10_000);
    expect(told(world.changes)).toEqual(['new a uid-1', 'gone a uid-1', 'new b uid-2']);
    expect(world.collection.requests, 'history was there, so no list was needed').toEqual(['stream', 'watch']);
    await world.stop();
  });

  test('sees from a new list what was deleted, made again and changed while history was lost', async () => {
    const world = stage(['deleted', 'made again', 'changed', 'same']);
    await world.clock.advance(0);
    world.collection.fail('cut streams');
    world.collection.remove('deleted');
    world.collection.remove('made again');
    world.collection.put('made again', 1);
    world.collection.put('changed', 2);
    world.collection.forgetHistory();
    await world.clock.advance(10_000);
    expect(told(world.changes).slice(4)).toEqual([
      'gone deleted uid-1',
      'changed changed uid-3',
      'gone made again uid-2',
      'new made again uid-5',
    ]);
    await world.stop();
  });

  test('gives up a connection that is open but dead', async () => {
    const world = stage();
    await world.clock.advance(0);
    world.collection.fail('silence');
    world.collection.put('a', 1);
    await world.clock.advance(69_000);
    expect(world.cache.list()).toEqual([]);
    world.collection.heal();
    await world.clock.advance(3_000);
    expectEqualToServer(world);
    await world.stop();
  });

  test('comes back after versions went back, although the server says nothing', async () => {
    const world = stage(['a', 'b', 'c', 'd']);
    await world.clock.advance(0);
    world.collection.goBack();
    world.collection.remove('a');
    await world.clock.advance(80_000);
    expectEqualToServer(world);
    await world.stop();
  });

  test('outlives a listener that throws, and so do the other listeners', async () => {
    const world = stage();
    world.cache.subscribe(() => {
      throw new Error('a defect');
    });
    const after: Change[] = [];
    world.cache.subscribe((change) => after.push(change));
    world.collection.put('a', 1);
    await world.clock.advance(0);
    world.collection.put('b', 1);
    await world.clock.advance(0);
    expect(told(after)).toEqual(['new a uid-1', 'new b uid-2']);
    expect(world.lines().filter(({ msg }) => msg === 'listener of a cache failed')).toHaveLength(2);
    await world.stop();
  });

  test('is not flooding a server that fails for an hour, and says so', async () => {
    const world = stage();
    await world.clock.advance(0);
    world.collection.fail('cut streams');
    for (let minute = 0; minute < 60; minute += 1) {
      for (let second = 0; second < 60; second += 1) {
        world.collection.fail('refuse request');
        await world.clock.advance(1_000);
      }
    }
    expect(world.collection.requests.length).toBeLessThan(130);
    const warnings = world.lines().filter(({ msg }) => msg === 'watch in trouble');
    expect(warnings.at(-1)).toMatchObject({ level: 'warn', problem: expect.stringContaining('500 InternalError') });
    world.collection.heal();
    world.collection.put('a', 1);
    await world.clock.advance(60_000);
    expectEqualToServer(world);
    await world.stop();
  }, 30_000);

  test('is not told of half a list', async () => {
    const world = stage(['a', 'b']);
    await world.clock.advance(0);
    world.collection.fail('half a list');
    world.collection.fail('cut streams');
    world.collection.put('c', 1);
    world.collection.forgetHistory();
    await world.clock.advance(10_000);
    expect(world.collection.requests).toEqual(['stream', 'watch', 'stream', 'list', 'list', 'watch']);
    expect(told(world.changes)).toEqual(['new a uid-1', 'new b uid-2', 'new c uid-3']);
    await world.stop();
  });

  test('holds equal parts of its objects once', async () => {
    const world = stage();
    const spec = { voice: { sipTrunk: {} } };
    world.collection.put('a', spec);
    world.collection.put('b', spec);
    await world.clock.advance(0);
    world.collection.put('c', { ...spec, phoneNumber: '+15550100000' });
    await world.clock.advance(0);
    const [a, b, c] = world.cache.list();
    expect(b?.spec).toBe(a?.spec);
    expect(c?.spec).toEqual({ ...spec, phoneNumber: '+15550100000' });
    expect(Reflect.get(c?.spec ?? {}, 'voice')).toBe(Reflect.get(a?.spec ?? {}, 'voice'));
    await world.stop();
  });

  test('knows when the server was heard last', async () => {
    const world = stage();
    await world.clock.advance(5_000);
    world.collection.put('a', 1);
    await world.clock.advance(2_000);
    expect(world.watcher.heardAt).toBe(5_000);
    await world.stop();
  });

  test('ends equal to the server, whatever happened on the way', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const action = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), name, spec: fc.nat(3) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), name }) },
      fc.record({ do: fc.constant('forget' as const) }),
      fc.record({ do: fc.constant('back' as const) }),
      { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(0, 900, 5_000) }) },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant('fail' as const),
          fault: fc.constantFrom<CollectionFault>(
            'refuse request',
            'reset request',
            'cut streams',
            'end streams',
            'garbage',
            'half a list',
            'silence',
          ),
        }),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 30 }), fc.boolean(), async (actions, streamsLists) => {
        const world = stage([], streamsLists);
        for (const one of actions) {
          if (one.do === 'put') world.collection.put(one.name, one.spec);
          else if (one.do === 'remove') world.collection.remove(one.name);
          else if (one.do === 'forget') world.collection.forgetHistory();
          else if (one.do === 'back') world.collection.goBack();
          else if (one.do === 'fail') world.collection.fail(one.fault);
          else await world.clock.advance(one.ms);
        }
        world.collection.heal();
        // Silence is noticed after 70 s, and the longest pause is 30 s.
        await world.clock.advance(240_000);
        expectEqualToServer(world);
        await world.stop();
        expect([world.clock.pendingTimers, world.collection.openStreams]).toEqual([0, 0]);
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test('sees a change also when an object comes back with the same version', () => {
    const cache = new ObjectCache({ bySpec: ({ spec }) => [String(spec)] }, recordedLog().log);
    cache.replace([kubernetesObject('a', 7, {}, 'lost history')]);
    cache.replace([kubernetesObject('a', 7, {}, 'new history')]);
    expect(cache.list(), 'after a restored backup versions are given out again').toMatchObject([
      { spec: 'new history' },
    ]);
    expect([cache.byIndex('bySpec', 'lost history'), cache.byIndex('bySpec', 'new history').length]).toEqual([[], 1]);
  });
});
