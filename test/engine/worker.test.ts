/**
 * The engine of one kind on a fake clock: what becomes of outcomes and errors, and how it starts and stops.
 */
import { describe, expect, test } from 'vitest';
import {
  type Change,
  Engine,
  type EngineOptions,
  groupsAtOnce,
  type Kind,
  priorityOf,
} from '../../src/controller/engine.ts';
import { silentObserver } from '../../src/controller/engine-observer.ts';
import { immediateRepeats, type NextStep, nextStep, resultOf } from '../../src/controller/worker.ts';
import { again, type Outcome, settled } from '../../src/reconcilers/shared/outcome.ts';
import { ConflictError, type KubernetesObject, keyText } from '../../src/reconcilers/shared/ports.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { kubernetesObject } from '../support/kubernetes-objects.ts';
import { recordedLog } from '../support/log-lines.ts';

const outcome = (value: Outcome) => ({ kind: 'outcome', outcome: value }) as const;
const thrown = (error: unknown) => ({ kind: 'thrown', error }) as const;
const unlimited: NextStep = { kind: 'backOff', atMostMs: Number.POSITIVE_INFINITY };

describe('nextStep()', () => {
  test.for([
    {
      name: 'settled is forgotten',
      why: 'the next change wakes it',
      ending: outcome(settled),
      want: { kind: 'forget' },
    },
    {
      name: 'waiting names its own time',
      why: 'waiting is not failing',
      ending: outcome({ kind: 'wait', afterMs: 5_000 }),
      want: { kind: 'delay', afterMs: 5_000 },
    },
    { name: 'a retry backs off', why: 'something failed', ending: outcome({ kind: 'retry' }), want: unlimited },
    {
      name: 'a retry may be cut',
      why: 'the kind knows that a deadline is near',
      ending: outcome({ kind: 'retry', atMostMs: 700 }),
      want: { kind: 'backOff', atMostMs: 700 },
    },
    { name: 'again comes back at once', why: 'the object changed', ending: outcome(again), want: { kind: 'repeat' } },
    {
      name: 'a conflict comes back at once',
      why: 'it is no failure',
      ending: thrown(new ConflictError('changed')),
      want: { kind: 'repeat' },
    },
    {
      name: 'too many conflicts in a row back off',
      why: 'two writers that disagree must not spin',
      ending: thrown(new ConflictError('changed')),
      repeats: immediateRepeats,
      want: unlimited,
    },
    {
      name: 'any other error backs off',
      why: 'it may go better later',
      ending: thrown(new TypeError('x')),
      want: unlimited,
    },
    {
      name: 'even a thrown nothing backs off',
      why: 'anything can be thrown',
      ending: thrown(undefined),
      want: unlimited,
    },
  ])('$name', ({ ending, repeats = 0, want, why }) => {
    expect(nextStep(ending, repeats), why).toEqual(want);
  });
});

describe('resultOf()', () => {
  test.for([
    { name: 'settled', why: 'nothing is left to do', ending: outcome(settled), want: 'success' },
    {
      name: 'waiting',
      why: 'waiting is not failing',
      ending: outcome({ kind: 'wait', afterMs: 1 }),
      want: 'requeue_after',
    },
    { name: 'again', why: 'it changed under us', ending: outcome(again), want: 'requeue' },
    { name: 'retry', why: 'something failed', ending: outcome({ kind: 'retry' }), want: 'error' },
    { name: 'a conflict', why: 'is no failure', ending: thrown(new ConflictError('x')), want: 'requeue' },
    { name: 'anything else that is thrown', why: 'failed', ending: thrown('x'), want: 'error' },
  ])('$name is "$want"', ({ ending, want, why }) => {
    expect(resultOf(ending), why).toBe(want);
  });
});

describe('priorityOf()', () => {
  const plain = kubernetesObject('one', 1);
  const annotated = kubernetesObject('one', 2, { annotations: { 'force-delete': 'confirmed' } });
  const deleting = kubernetesObject('one', 2, { deletionTimestamp: '2026-01-01T00:00:00Z' });
  test.for([
    {
      name: 'a new object is normal',
      why: 'the base',
      before: undefined,
      after: plain,
      initial: false,
      want: 'normal',
    },
    {
      name: 'the first list is low',
      why: 'nobody waits for it',
      before: undefined,
      after: plain,
      initial: true,
      want: 'low',
    },
    { name: 'a deletion is high', why: 'kubectl waits', before: plain, after: deleting, initial: false, want: 'high' },
    {
      name: 'a deletion found at the start is high',
      why: 'kubectl waits',
      before: undefined,
      after: deleting,
      initial: true,
      want: 'high',
    },
    {
      name: 'an annotation is high',
      why: 'a person waits',
      before: plain,
      after: annotated,
      initial: false,
      want: 'high',
    },
    {
      name: 'a removed annotation is high',
      why: 'a person withdrew it',
      before: annotated,
      after: plain,
      initial: false,
      want: 'high',
    },
    {
      name: 'an unchanged annotation is normal',
      why: 'it was seen',
      before: annotated,
      after: annotated,
      initial: false,
      want: 'normal',
    },
    {
      name: 'a vanished object is high',
      why: 'it may leave things behind',
      before: plain,
      after: undefined,
      initial: false,
      want: 'high',
    },
  ])('$name', ({ after, before, initial, want, why }) => {
    expect(priorityOf({ before, after, initial }), why).toBe(want);
  });
});

/** An engine on a fake clock, with a kind that does what a script says. */
function stage(script: Partial<Kind> = {}, workers = 2, rest: Partial<EngineOptions> = {}) {
  const clock = new FakeClock();
  const recorded = recordedLog();
  const listeners = new Set<(change: Change) => void>();
  const synced = Promise.withResolvers<void>();
  const stopping = new AbortController();
  const runs: { readonly key: string; readonly at: number }[] = [];
  const engine = new Engine({
    kind: {
      name: 'Thing',
      onDeleted: script.onDeleted ?? (async () => undefined),
      reconcile: async (key) => {
        runs.push({ key: keyText(key), at: clock.monotonic() });
        return (await script.reconcile?.(key)) ?? settled;
      },
    },
    source: {
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    caches: [
      {
        whenSynced: async (signal) => {
          const aborted = new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(new Error('aborted')));
          });
          await Promise.race([synced.promise, aborted]);
        },
      },
    ],
    workers,
    backoff: { firstMs: 1_000, mostMs: 60_000 },
    clock,
    timers: clock,
    fraction: () => 0,
    log: recorded.log,
    ...rest,
  });
  const change = (before: KubernetesObject | undefined, after: KubernetesObject | undefined): void => {
    for (const listener of listeners) listener({ before, after, initial: false });
  };
  return { clock, engine, runs, change, stopping, synced, ...recorded };
}

const one = kubernetesObject('one', 1);

describe('Engine', () => {
  test('starts no reconcile before all caches are synced', async () => {
    const { change, clock, engine, runs, stopping, synced } = stage();
    const running = engine.run(stopping.signal);
    change(undefined, one);
    await clock.advance(60_000);
    expect([runs, engine.isReady], 'what is missing from a half-filled cache would count as absent').toEqual([
      [],
      false,
    ]);
    synced.resolve();
    await settle();
    expect([runs.length, engine.isReady]).toEqual([1, true]);
    stopping.abort();
    await running;
    expect([engine.isReady, clock.pendingTimers]).toEqual([false, 0]);
  });

  test('stops also while it waits for the caches', async () => {
    const { engine, stopping } = stage();
    const running = engine.run(stopping.signal);
    stopping.abort();
    await expect(running).resolves.toBeUndefined();
  });

  test('finishes the reconcile under way when it is stopped, and begins no other', async () => {
    const finish = Promise.withResolvers<Outcome>();
    const { change, engine, runs, stopping, synced } = stage({ reconcile: async () => await finish.promise }, 1);
    synced.resolve();
    let ended = false;
    const running = engine.run(stopping.signal).then(() => {
      ended = true;
    });
    await settle();
    change(undefined, one);
    change(undefined, kubernetesObject('two', 2));
    await settle();
    stopping.abort();
    await settle();
    expect([runs.length, ended], 'a call to a provider may be under way').toEqual([1, false]);
    finish.resolve(settled);
    await running;
    expect(runs).toHaveLength(1);
  });

  test('backs off by key while reconciles fail, and at once is back to normal after a success', async () => {
    const endings: (() => Outcome)[] = [
      () => {
        throw new TypeError('a defect');
      },
      () => ({ kind: 'retry' }),
      () => ({ kind: 'retry', atMostMs: 300 }),
      () => ({ kind: 'wait', afterMs: 10_000 }),
      () => ({ kind: 'retry' }),
    ];
    const { change, clock, engine, lines, runs, stopping, synced } = stage({
      reconcile: async () => endings.shift()?.() ?? settled,
    });
    synced.resolve();
    const running = engine.run(stopping.signal);
    await settle();
    change(undefined, one);
    await clock.advance(60_000);
    // With a fraction of 0 each delay is half of the doubled one.
    expect(runs.map(({ at }) => at)).toEqual([0, 500, 1_500, 1_800, 11_800, 12_300]);
    expect(engine.panics).toBe(1);
    const failure = lines().find(({ level }) => level === 'error');
    expect(failure, 'a defect must be findable').toMatchObject({
      kind: 'Thing',
      key: 'default/one',
      reconcileId: expect.any(String),
      err: { name: 'TypeError', message: 'a defect', stack: expect.stringContaining('worker.test.ts') },
    });
    stopping.abort();
    await running;
  });

  test('does not spin when every reconcile ends in a conflict', async () => {
    const { change, clock, engine, runs, stopping, synced } = stage({
      reconcile: async () => {
        throw new ConflictError('changed');
      },
    });
    synced.resolve();
    const running = engine.run(stopping.signal);
    await settle();
    change(undefined, one);
    await clock.advance(0);
    expect(runs.length).toBe(immediateRepeats + 1);
    await clock.advance(10_000);
    expect(runs.length, 'a handful at once after each backoff').toBeLessThan(6 * (immediateRepeats + 1));
    stopping.abort();
    await running;
  });

  test('one object that always throws does not keep others from their turn', async () => {
    const { change, clock, engine, runs, stopping, synced } = stage(
      {
        reconcile: async ({ name }) => {
          if (name === 'one') throw new Error('always');
          return settled;
        },
      },
      1,
    );
    synced.resolve();
    const running = engine.run(stopping.signal);
    await settle();
    change(undefined, one);
    change(undefined, kubernetesObject('two', 2));
    await clock.advance(0);
    expect(runs.map(({ key }) => key)).toContain('default/two');
    stopping.abort();
    await running;
  });

  test('an account whose every call hangs takes at most a twentieth from the others', async () => {
    const finishedIn = async (hanging: number): Promise<number> => {
      let finished = 0;
      const passing = async (forMs: number): Promise<void> =>
        await new Promise((resolve) => void clock.schedule(forMs, resolve));
      const { clock, engine, stopping, synced } = stage(
        {
          reconcile: async ({ namespace }) => {
            await passing(namespace === 'hanging' ? 10_000 : 100);
            if (namespace === 'hanging') return { kind: 'retry' };
            finished += 1;
            return { kind: 'wait', afterMs: 0 };
          },
        },
        2,
        { groupOf: ({ namespace }) => namespace },
      );
      synced.resolve();
      const running = engine.run(stopping.signal);
      for (let count = 0; count < hanging; count += 1) {
        engine.add({ namespace: 'hanging', name: `${count}` }, { priority: 'high' });
      }
      // Enough of them to want every worker there is.
      for (let count = 0; count < 3 * groupsAtOnce; count += 1) {
        engine.add({ namespace: `account-${count % 25}`, name: `${count}` }, { priority: 'low' });
      }
      await clock.advance(3_000);
      stopping.abort();
      await clock.advance(10_000);
      await running;
      return finished;
    };
    const alone = await finishedIn(0);
    expect(alone, 'the workers are all busy').toBeGreaterThan(1_000);
    expect((await finishedIn(500)) / alone, 'DESIGN 7').toBeGreaterThanOrEqual(0.95);
  });

  test('counts what nobody expects, and not what happens without a defect', async () => {
    class Unavailable extends Error {}
    const results: string[] = [];
    const errors = [new Unavailable(), new TypeError('a defect'), new ConflictError('changed')];
    const { change, clock, engine, stopping, synced } = stage(
      {
        reconcile: async () => {
          const error = errors.shift();
          if (error !== undefined) throw error;
          return settled;
        },
      },
      1,
      {
        isExpected: (error) => error instanceof Unavailable,
        observer: {
          ...silentObserver,
          reconciled: (result) => results.push(result),
          panicked: () => results.push('panic'),
        },
      },
    );
    synced.resolve();
    const running = engine.run(stopping.signal);
    change(undefined, one);
    await clock.advance(60_000);
    expect(results).toEqual(['error', 'error', 'panic', 'requeue', 'success']);
    expect(engine.panics).toBe(1);
    stopping.abort();
    await running;
  });

  test('tells the kind of a vanished object until that succeeds, and never beside a reconcile of the key', async () => {
    let fails = 2;
    let busy = false;
    const told: string[] = [];
    const { change, clock, engine, stopping, synced } = stage({
      reconcile: async () => {
        busy = true;
        await settle();
        busy = false;
        return settled;
      },
      onDeleted: async ({ metadata }) => {
        expect(busy, 'the reconcile under way may just have let it go').toBe(false);
        fails -= 1;
        if (fails >= 0) throw new Error('the API server does not answer');
        told.push(metadata.uid);
      },
    });
    synced.resolve();
    const running = engine.run(stopping.signal);
    await settle();
    change(undefined, one);
    change(one, undefined);
    await clock.advance(10_000);
    expect(told).toEqual([one.metadata.uid]);
    stopping.abort();
    await running;
  });
});
