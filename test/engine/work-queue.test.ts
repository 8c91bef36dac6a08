/**
 * The work queue: its promises one by one, and all of them under random use against a simple model.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { priorities, type Priority } from '../../src/controller/due-keys.ts';
import { type QueueObserver, silentObserver } from '../../src/controller/engine-observer.ts';
import { type Taken, WorkQueue } from '../../src/controller/work-queue.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

interface Bench {
  readonly clock: FakeClock;
  readonly queue: WorkQueue;
  /** What was handed out, with the time. */
  readonly handed: { readonly key: string; readonly at: number }[];
  /** Lets one more worker ask. */
  take(): void;
}

interface BenchOptions {
  /** The part of the key before a colon if not given. */
  readonly groupOf?: (key: string) => string;
  readonly mostPerGroup?: number;
  readonly observer?: QueueObserver;
}

function bench(options: BenchOptions = {}): Bench {
  const { groupOf = ownerOf, mostPerGroup = 100, observer = silentObserver } = options;
  const clock = new FakeClock();
  const queue = new WorkQueue({ clock, timers: clock, observer, groupOf, mostPerGroup });
  const handed: { key: string; at: number }[] = [];
  const onTaken = (taken: Taken | undefined): void => {
    if (taken !== undefined) handed.push({ key: taken.key, at: clock.monotonic() });
  };
  return { clock, queue, handed, take: () => void queue.take().then(onTaken) };
}

function ownerOf(key: string): string {
  return key.split(':')[0] ?? '';
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
    const { handed, queue, take } = bench({ groupOf: () => 'all' });
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

  test('lets groups take turns, however many keys one of them has', async () => {
    const { handed, queue, take } = bench();
    for (let count = 0; count < 1_000; count += 1) queue.add(`large:${count}`);
    queue.add('small:0');
    queue.add('tiny:0');
    queue.add('small:1');
    for (let count = 0; count < 6; count += 1) take();
    await settle();
    expect(handed.map(({ key }) => key)).toEqual(['large:0', 'small:0', 'tiny:0', 'large:1', 'small:1', 'large:2']);
  });

  test('does not let a group beyond its share, whatever its priority, and lets it go on when one is done', async () => {
    const { handed, queue, take } = bench({ mostPerGroup: 2 });
    for (let count = 0; count < 4; count += 1) queue.add(`hanging:${count}`, { priority: 'high' });
    for (let count = 0; count < 4; count += 1) take();
    queue.add('other:0', { priority: 'low' });
    await settle();
    expect(handed.splice(0).map(({ key }) => key)).toEqual(['hanging:0', 'hanging:1', 'other:0']);
    queue.done('hanging:1');
    await settle();
    expect(handed.map(({ key }) => key)).toEqual(['hanging:2']);
  });

  test('tells what its metrics need', async () => {
    const told: string[] = [];
    const observer: QueueObserver = {
      added: () => told.push('added'),
      delayed: () => told.push('delayed'),
      taken: (waitedMs) => told.push(`taken after ${waitedMs}`),
      worked: (forMs) => told.push(`worked for ${forMs}`),
    };
    const { clock, queue, take } = bench({ observer });
    queue.add('a', { afterMs: 1_000 });
    queue.add('b');
    queue.add('b', { priority: 'low' });
    queue.add('b', { priority: 'high' });
    expect([queue.depth, queue.runningFor]).toEqual([{ high: 1, normal: 0, low: 0 }, []]);
    await clock.advance(3_000);
    expect(queue.depth, 'what is due counts, although no worker asked').toEqual({ high: 1, normal: 1, low: 0 });
    take();
    take();
    await clock.advance(500);
    expect(queue.runningFor).toEqual([500, 500]);
    queue.done('b');
    expect(queue.runningFor).toEqual([500]);
    expect(told).toEqual(['delayed', 'added', 'added', 'taken after 3000', 'taken after 2000', 'worked for 500']);
  });

  test('keeps its promises however it is used', async () => {
    const key = fc.constantFrom('a:1', 'a:2', 'a:3', 'a:4', 'b:1', 'b:2', 'c:1', 'c:2');
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
      fc.asyncProperty(fc.array(command, { maxLength: 60, size: 'max' }), async (commands) => {
        const { clock, handed, queue, take } = bench({ mostPerGroup: 2 });
        const model = new Model(2);
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

/** What the queue has to do, without heaps, lines or timers. */
class Model {
  readonly waiting = new Map<string, Entry>();
  readonly running = new Map<string, Entry | undefined>();
  takers = 0;
  /** By rank and group: who was served since the group has been able to go on without being served itself. */
  readonly #passedBy = new Map<string, string[]>();
  readonly #mostPerGroup: number;

  constructor(mostPerGroup: number) {
    this.#mostPerGroup = mostPerGroup;
  }

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
    const group = ownerOf(key);
    expect(this.#mayStart(group), 'a group does not run more than its share').toBe(true);
    const able = this.#able(at);
    expect(
      able.filter(([, { rank }]) => rank < entry.rank),
      'a due key of higher priority goes first',
    ).toEqual([]);
    this.#countTurn(
      group,
      able.filter(([, { rank }]) => rank === entry.rank).map(([other]) => ownerOf(other)),
      entry.rank,
    );
    this.waiting.delete(key);
    this.running.set(key, undefined);
    this.takers -= 1;
  }

  /** After each command. */
  expectNothingDue(now: number): void {
    const able = this.#able(now);
    const places = new Set(able.map(([key, { rank }]) => `${rank} ${ownerOf(key)}`));
    for (const place of this.#passedBy.keys()) if (!places.has(place)) this.#passedBy.delete(place);
    if (this.takers > 0) expect(able, 'no key that may run waits while a worker is free').toEqual([]);
  }

  #countTurn(served: string, able: readonly string[], rank: number): void {
    for (const group of ['a', 'b', 'c']) {
      const place = `${rank} ${group}`;
      if (group === served) this.#passedBy.delete(place);
      if (group === served || !able.includes(group)) continue;
      const passedBy = [...(this.#passedBy.get(place) ?? []), served];
      expect(new Set(passedBy).size, 'nobody has a second turn before a group that could go on').toBe(passedBy.length);
      this.#passedBy.set(place, passedBy);
    }
  }

  #able(now: number): readonly (readonly [string, Entry])[] {
    return [...this.waiting].filter(([key, { dueAt }]) => dueAt <= now && this.#mayStart(ownerOf(key)));
  }

  #mayStart(group: string): boolean {
    return [...this.running.keys()].filter((key) => ownerOf(key) === group).length < this.#mostPerGroup;
  }
}
