/**
 * The work queue: its promises one by one, and all of them under random use against a simple model.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { priorities, type Priority, type Taken, WorkQueue } from '../../src/controller/work-queue.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

interface Bench {
  readonly clock: FakeClock;
  readonly queue: WorkQueue;
  /** What was handed out, with the time. */
  readonly handed: { readonly key: string; readonly at: number }[];
  /** Lets one more worker ask. */
  take(): void;
}

function bench(): Bench {
  const clock = new FakeClock();
  const queue = new WorkQueue(clock, clock);
  const handed: { key: string; at: number }[] = [];
  const onTaken = (taken: Taken | undefined): void => {
    if (taken !== undefined) handed.push({ key: taken.key, at: clock.monotonic() });
  };
  return { clock, queue, handed, take: () => void queue.take().then(onTaken) };
}

describe('WorkQueue', () => {
  test('keeps the earlier due time of a key that waits', async () => {
    const { clock, handed, queue, take } = bench();
    queue.add('a', { afterMs: 60_000 });
    queue.add('a', { afterMs: 1_000 });
    queue.add('a', { afterMs: 90_000 });
    take();
    await clock.advance(999);
    expect(handed).toEqual([]);
    await clock.advance(1);
    expect(handed, 'an event must not wait for the end of a backoff').toEqual([{ key: 'a', at: 1_000 }]);
  });

  test('hands a key that was added while it ran out once more after it is done', async () => {
    const { clock, handed, queue, take } = bench();
    queue.add('a');
    take();
    take();
    await settle();
    queue.add('a');
    queue.add('a', { afterMs: 5_000 });
    await clock.advance(10_000);
    expect(handed, 'one worker per key').toHaveLength(1);
    queue.done('a');
    await settle();
    expect(handed).toHaveLength(2);
    queue.done('a');
    take();
    await clock.advance(60_000);
    expect(handed, 'many additions are one more run').toHaveLength(2);
  });

  test('hands high priority out first, and in each priority who was due first', async () => {
    const { handed, queue, take } = bench();
    queue.add('low 1', { priority: 'low' });
    queue.add('normal 1');
    queue.add('low 2', { priority: 'low' });
    queue.add('raised', { priority: 'low' });
    queue.add('high 1', { priority: 'high' });
    queue.add('normal 2');
    queue.add('raised', { priority: 'high' });
    queue.add('raised', { priority: 'low' });
    for (let count = 0; count < 7; count += 1) take();
    await settle();
    expect(handed.map(({ key }) => key)).toEqual(['high 1', 'raised', 'normal 1', 'normal 2', 'low 1', 'low 2']);
  });

  test('lets workers go when it is closed, and leaves no timer behind', async () => {
    const { clock, queue } = bench();
    queue.add('later', { afterMs: 60_000 });
    const waiting = queue.take();
    queue.close();
    queue.add('after the end');
    expect(await waiting).toBeUndefined();
    expect(await queue.take(), 'stopping means that nothing new begins').toBeUndefined();
    expect(clock.pendingTimers).toBe(0);
  });

  test('keeps its promises however it is used', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd');
    const command = fc.oneof(
      fc.record({
        do: fc.constant('add' as const),
        key,
        afterMs: fc.constantFrom(0, 0, 1, 5, 20),
        priority: fc.constantFrom(...priorities),
      }),
      fc.record({ do: fc.constant('take' as const) }),
      fc.record({ do: fc.constant('done' as const), which: fc.nat() }),
      fc.record({ do: fc.constant('advance' as const), by: fc.constantFrom(1, 3, 10, 30) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
        const { clock, handed, queue, take } = bench();
        const model = new Model();
        for (const one of commands) {
          if (one.do === 'add') {
            queue.add(one.key, { afterMs: one.afterMs, priority: one.priority });
            model.add(one.key, clock.monotonic() + one.afterMs, one.priority);
          } else if (one.do === 'take') {
            take();
            model.takers += 1;
          } else if (one.do === 'advance') await clock.advance(one.by);
          else {
            const running = [...model.running.keys()];
            const ending = running[one.which % running.length];
            if (ending === undefined) continue;
            queue.done(ending);
            model.done(ending);
          }
          await settle();
          for (const { at, key: given } of handed.splice(0)) model.handedOut(given, at);
          model.expectNothingDue(clock.monotonic());
        }
      }),
      { numRuns: 300 },
    );
  });
});

interface Entry {
  readonly dueAt: number;
  readonly rank: number;
}

/** What the queue has to do, without heaps, sets or timers. */
class Model {
  readonly waiting = new Map<string, Entry>();
  readonly running = new Map<string, Entry | undefined>();
  takers = 0;

  add(key: string, dueAt: number, priority: Priority): void {
    const place = this.running.has(key) ? this.running : this.waiting;
    const before = place.get(key);
    const rank = priorities.indexOf(priority);
    place.set(key, {
      dueAt: Math.min(dueAt, before?.dueAt ?? dueAt),
      rank: Math.min(rank, before?.rank ?? rank),
    });
  }

  done(key: string): void {
    const again = this.running.get(key);
    this.running.delete(key);
    if (again !== undefined) this.waiting.set(key, again);
  }

  handedOut(key: string, at: number): void {
    expect(this.running.has(key), 'a key runs once at a time').toBe(false);
    const entry = this.waiting.get(key);
    if (entry === undefined) throw new Error(`${key} was handed out although nobody added it`);
    expect(entry.dueAt, 'a key is not handed out before it is due').toBeLessThanOrEqual(at);
    const better = [...this.waiting].filter(([, other]) => other.dueAt <= at && other.rank < entry.rank);
    expect(better, 'a due key of higher priority goes first').toEqual([]);
    this.waiting.delete(key);
    this.running.set(key, undefined);
    this.takers -= 1;
  }

  expectNothingDue(now: number): void {
    if (this.takers === 0) return;
    const due = [...this.waiting].filter(([, { dueAt }]) => dueAt <= now);
    expect(due, 'no key is due while a worker is free').toEqual([]);
  }
}
