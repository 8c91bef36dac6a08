/**
 * The leader elector on a fake clock: who leads when, what a lost lease does, and how the lease is given back.
 */
import { describe, expect, test } from 'vitest';
import { FenceClosedError, LeaderFence } from '../../src/controller/fence.ts';
import type { LeaseRecord, StoredLease } from '../../src/controller/leader-election.ts';
import { LeaderElector, type LeasePort } from '../../src/controller/leader-elector.ts';
import { ConflictError } from '../../src/reconcilers/shared/ports.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { recordedLog } from '../support/log-lines.ts';

const settings = { leaseMs: 30_000, renewDeadlineMs: 15_000, retryMs: 3_000 };

/** What becomes of a call. `lost`: carried out, but not answered. */
type Trouble = 'none' | 'refuse' | 'lost' | 'hang';

/** The Lease at the API server. */
class FakeLease {
  readonly #clock: FakeClock;
  stored: StoredLease | undefined;
  /** Holder of each write, with the second it was made in. */
  readonly writes: string[] = [];
  #versions = 0;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** How one replica reaches it. */
  connect(trouble: () => Trouble): LeasePort {
    const call = async <T>(work: () => T): Promise<T> => {
      const what = trouble();
      if (what === 'hang') return await new Promise(() => undefined);
      if (what === 'refuse') throw new Error('no answer');
      const result = work();
      if (what === 'lost') throw new Error('the answer was lost');
      return result;
    };
    return {
      read: () => call(() => this.stored),
      create: (record) =>
        call(() => {
          if (this.stored !== undefined) throw new ConflictError('exists');
          return this.#store(record);
        }),
      update: (lease) =>
        call(() => {
          if (this.stored?.resourceVersion !== lease.resourceVersion) throw new ConflictError('changed');
          return this.#store(lease);
        }),
    };
  }

  /** Somebody writes it by hand. */
  edit(change: Partial<LeaseRecord>): void {
    if (this.stored === undefined) throw new Error('There is no Lease');
    this.#store({ ...this.stored, ...change });
  }

  #store(record: LeaseRecord): StoredLease {
    this.#versions += 1;
    this.stored = { ...record, resourceVersion: String(this.#versions) };
    this.writes.push(`${record.holder === '' ? 'nobody' : record.holder} ${this.#clock.monotonic() / 1_000}`);
    return this.stored;
  }
}

interface Replica {
  readonly fence: LeaderFence;
  readonly losses: string[];
  readonly elector: LeaderElector;
  trouble: Trouble;
  /** Moves this replica's wall clock, in milliseconds. */
  wallJump: number;
  stop(): Promise<void>;
  readonly ended: Promise<void>;
  readonly log: ReturnType<typeof recordedLog>;
}

function replica(clock: FakeClock, lease: FakeLease, identity: string): Replica {
  const fence = new LeaderFence(clock);
  const losses: string[] = [];
  const log = recordedLog();
  const stopping = new AbortController();
  const state: Pick<Replica, 'trouble' | 'wallJump'> = { trouble: 'none', wallJump: 0 };
  const elector = new LeaderElector({
    lease: lease.connect(() => state.trouble),
    identity,
    settings,
    clock: { now: () => clock.now() + state.wallJump, monotonic: () => clock.monotonic() },
    timers: clock,
    fraction: () => 0,
    log: log.log,
    onHeld: (until) => fence.holdUntil(until),
    onLost: (why) => losses.push(`${clock.monotonic() / 1_000}: ${why}`),
  });
  const ended = elector.run(stopping.signal);
  return Object.assign(state, {
    fence,
    losses,
    elector,
    log,
    ended,
    stop: async () => {
      stopping.abort();
      await ended;
    },
  });
}

function isSure({ fence }: Replica): boolean {
  try {
    fence.assertSurelyLeader();
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(FenceClosedError);
    return false;
  }
}

function stage() {
  const clock = new FakeClock();
  const lease = new FakeLease(clock);
  return { clock, lease, join: (identity: string) => replica(clock, lease, identity) };
}

describe('a replica alone', () => {
  test('leads at once, and renews every retry period', async () => {
    const { clock, join, lease } = stage();
    const one = join('one');
    expect(isSure(one), 'nothing is known yet').toBe(false);
    await clock.advance(0);
    expect([isSure(one), one.elector.isLeading]).toEqual([true, true]);
    await one.elector.whenLeading(new AbortController().signal);
    await clock.advance(9_500);
    expect(lease.writes).toEqual(['one 0', 'one 3', 'one 6', 'one 9']);
    expect(lease.stored).toMatchObject({ holder: 'one', durationSeconds: 30, transitions: 0 });
    await one.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test('does not care for its wall clock', async () => {
    const { clock, join } = stage();
    const [one, two] = [join('one'), join('two')];
    for (const hours of [5, -300, 9_000]) {
      one.wallJump = hours * 3_600_000;
      two.wallJump = -hours * 3_600_000;
      await clock.advance(60_000);
      expect([isSure(one), isSure(two)]).toEqual([true, false]);
    }
    expect([one.losses, two.losses]).toEqual([[], []]);
    await Promise.all([one.stop(), two.stop()]);
  });

  test('survives an API server that is away for less than the deadline', async () => {
    const { clock, join } = stage();
    const one = join('one');
    await clock.advance(4_000);
    one.trouble = 'refuse';
    // It renewed at 3, and tries again every 3 s.
    await clock.advance(10_000);
    one.trouble = 'none';
    await clock.advance(3_000);
    expect([isSure(one), one.losses]).toEqual([true, []]);
    expect(one.log.text(), 'an operator must be able to see it coming').toContain('lease in trouble');
    await one.stop();
  });

  test('takes an answer that was lost for what it was', async () => {
    const { clock, join, lease } = stage();
    const one = join('one');
    one.trouble = 'lost';
    await clock.advance(0);
    one.trouble = 'none';
    await clock.advance(3_000);
    expect([isSure(one), lease.stored?.transitions]).toEqual([true, 0]);
    one.trouble = 'lost';
    await clock.advance(6_000);
    one.trouble = 'none';
    await clock.advance(6_000);
    expect([isSure(one), lease.stored?.transitions, one.losses]).toEqual([true, 0, []]);
    await one.stop();
  });
});

describe('a lease that is lost', () => {
  test.for(['refuse', 'hang', 'lost'] as const)('is noticed on the dot when calls %s', async (trouble) => {
    const { clock, join } = stage();
    const one = join('one');
    await clock.advance(4_000);
    one.trouble = trouble;
    await clock.advance(13_999);
    expect([isSure(one), one.losses], 'renewed at 3').toEqual([true, []]);
    await clock.advance(1);
    expect([isSure(one), one.losses]).toEqual([false, ['18: the lease was not renewed within 15000 ms']]);
    one.trouble = 'none';
    await clock.advance(60_000);
    expect([isSure(one), one.losses.length], 'once, and for good').toEqual([false, 1]);
  });

  test('closes the fence before any timer has run: the process was suspended', async () => {
    const { clock, join } = stage();
    const one = join('one');
    await clock.advance(0);
    const { fence } = one;
    let elapsed = 0;
    const suspended = new LeaderFence({ monotonic: () => elapsed });
    suspended.holdUntil(fence.heldUntil);
    elapsed = 14_999;
    expect(() => suspended.assertSurelyLeader()).not.toThrow();
    elapsed = 15_000;
    expect(() => suspended.assertSurelyLeader()).toThrow(FenceClosedError);
    await one.stop();
  });

  test('is noticed at the next renewal when another one holds it', async () => {
    const { clock, join, lease } = stage();
    const one = join('one');
    await clock.advance(1_000);
    lease.edit({ holder: 'somebody' });
    const writes = lease.writes.length;
    await clock.advance(2_000);
    expect(one.losses).toEqual(['3: the lease is held by somebody']);
    await one.ended;
    expect(lease.writes.length, 'nothing is written on top of it').toBe(writes);
    expect(clock.pendingTimers).toBe(0);
  });

  test('is not lost by a label that somebody puts on the Lease', async () => {
    const { clock, join, lease } = stage();
    const one = join('one');
    await clock.advance(1_000);
    lease.edit({});
    await clock.advance(60_000);
    expect([isSure(one), one.losses, lease.stored?.transitions]).toEqual([true, [], 0]);
    await one.stop();
  });
});

describe('two replicas', () => {
  test('the second one leads when the first has been silent for the duration of the lease, not sooner', async () => {
    const { clock, join, lease } = stage();
    const one = join('one');
    await clock.advance(1_000);
    const two = join('two');
    await clock.advance(10_000);
    // Renewed at 9, seen at 10.
    one.trouble = 'refuse';
    await clock.advance(28_999);
    expect([isSure(one), isSure(two)]).toEqual([false, false]);
    await clock.advance(3_001);
    expect([isSure(one), isSure(two), one.losses.length]).toEqual([false, true, 1]);
    expect(lease.stored).toMatchObject({ holder: 'two', transitions: 1 });
    expect(two.log.text()).toContain('another replica leads');
    await two.stop();
  });

  test('the second one leads at its next look when the first gives the lease back', async () => {
    const { clock, join, lease } = stage();
    const [one, two] = [join('one'), join('two')];
    await clock.advance(10_000);
    await one.stop();
    expect(lease.stored).toMatchObject({ holder: '', durationSeconds: 1, transitions: 0 });
    await clock.advance(3_000);
    expect([isSure(two), lease.stored?.transitions, one.losses]).toEqual([true, 1, []]);
    await two.stop();
  });

  test('a process that starts again waits for its own old lease', async () => {
    const { clock, join } = stage();
    const one = join('host_1');
    await clock.advance(4_000);
    one.trouble = 'hang';
    const again = join('host_2');
    await clock.advance(28_000);
    expect(isSure(again), 'what the first one sent last may still take effect').toBe(false);
    await clock.advance(6_000);
    expect(isSure(again)).toBe(true);
    await again.stop();
  });
});

describe('stopping', () => {
  test('while another one leads writes nothing and ends at once', async () => {
    const { clock, join, lease } = stage();
    const [one, two] = [join('one'), join('two')];
    await clock.advance(1_000);
    const aborted = AbortSignal.abort(new Error('told to stop'));
    await expect(two.elector.whenLeading(aborted)).rejects.toThrow('told to stop');
    await two.stop();
    expect(lease.writes.every((write) => write.startsWith('one'))).toBe(true);
    await one.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test('in the middle of a renewal waits for its answer and releases on top of it', async () => {
    const clock = new FakeClock();
    const lease = new FakeLease(clock);
    const port = lease.connect(() => 'none');
    let renewals = 0;
    let answer: () => void = () => undefined;
    const elector = new LeaderElector({
      lease: {
        ...port,
        update: async (record) => {
          renewals += 1;
          if (renewals === 1) {
            await new Promise<void>((resolve) => {
              answer = resolve;
            });
          }
          return await port.update(record);
        },
      },
      identity: 'one',
      settings,
      clock,
      timers: clock,
      fraction: () => 0,
      log: recordedLog().log,
      onHeld: () => undefined,
      onLost: (why) => expect.unreachable(why),
    });
    const stopping = new AbortController();
    const ended = elector.run(stopping.signal);
    await clock.advance(3_000);
    stopping.abort();
    await settle();
    expect(lease.writes, 'the renewal is under way').toEqual(['one 0']);
    answer();
    await ended;
    expect(lease.writes).toEqual(['one 0', 'one 3', 'nobody 3']);
    expect(clock.pendingTimers).toBe(0);
  });

  test('releases in spite of a label that came in between', async () => {
    const { clock, join, lease } = stage();
    const one = join('one');
    await clock.advance(1_000);
    lease.edit({});
    await one.stop();
    expect(lease.stored?.holder).toBe('');
  });

  test('gives up releasing when the API server does not come back', async () => {
    const { clock, join, lease } = stage();
    const one = join('one');
    await clock.advance(1_000);
    one.trouble = 'refuse';
    const stopped = one.stop();
    await clock.advance(20_000);
    await stopped;
    expect([lease.stored?.holder, one.losses]).toEqual(['one', []]);
    expect(clock.pendingTimers).toBe(0);
  });
});
