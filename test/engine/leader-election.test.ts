/**
 * Leader election, one step at a time: what is done with a Lease, and that two replicas are never both sure of it.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Command,
  type Election,
  type ElectionContext,
  type ElectionInput,
  initialElection,
  type LeaseRecord,
  step,
  type StoredLease,
} from '../../src/controller/leader-election.ts';

const settings = { leaseMs: 30_000, renewDeadlineMs: 15_000, retryMs: 3_000 };
const wall = Date.UTC(2026, 0, 1);
const at = (monotonic: number): ElectionContext => ({
  identity: 'me',
  settings,
  monotonic,
  now: wall + monotonic,
  fraction: 0.5,
});

const lease = (change: Partial<StoredLease> = {}): StoredLease => ({
  holder: 'other',
  durationSeconds: 30,
  acquiredAt: wall - 500_000,
  renewedAt: wall - 400_000,
  transitions: 4,
  resourceVersion: '7',
  ...change,
});
const mine = lease({ holder: 'me' });
const following = (seen?: { lease: StoredLease; since: number }): Election => ({ kind: 'following', seen });
const leading = (renewedFrom: number): Election => ({ kind: 'leading', lease: mine, renewedFrom });
const releasing: Election = { kind: 'releasing', lease: mine, until: 15_000 };
const free = lease({ holder: '', durationSeconds: 1 });
/** What is written at `monotonic`; `change` over the lease of another replica. */
const written = (monotonic: number, change: Partial<StoredLease>) =>
  lease({ holder: 'me', acquiredAt: wall + monotonic, renewedAt: wall + monotonic, transitions: 5, ...change });

const wait = (forMs: number): Command => ({ kind: 'wait', forMs });
const read: Command = { kind: 'read' };
const end: Command = { kind: 'end' };

interface Case {
  readonly name: string;
  readonly why: string;
  readonly election: Election;
  readonly input: ElectionInput;
  readonly monotonic: number;
  readonly want: { readonly election: Election; readonly command: Command };
}

const cases: readonly Case[] = [
  {
    name: 'a follower looks first',
    why: 'it may be that nobody leads',
    election: initialElection,
    input: { kind: 'due' },
    monotonic: 0,
    want: { election: initialElection, command: read },
  },
  {
    name: 'a follower that finds no Lease creates it',
    why: 'it is the first replica ever',
    election: initialElection,
    input: { kind: 'found', lease: undefined },
    monotonic: 100,
    want: {
      election: initialElection,
      command: {
        kind: 'create',
        record: { holder: 'me', durationSeconds: 30, acquiredAt: wall + 100, renewedAt: wall + 100, transitions: 0 },
      },
    },
  },
  {
    name: 'a follower leaves a lease alone that it sees for the first time, however old its times are',
    why: 'clocks of other machines prove nothing',
    election: initialElection,
    input: { kind: 'found', lease: lease() },
    monotonic: 100,
    want: { election: following({ lease: lease(), since: 100 }), command: wait(4_800) },
  },
  {
    name: 'a lease that has not changed is as old as when it was first seen',
    why: 'its holder is silent',
    election: following({ lease: lease(), since: 100 }),
    input: { kind: 'found', lease: lease({ resourceVersion: '8' }) },
    monotonic: 28_100,
    want: {
      election: following({ lease: lease({ resourceVersion: '8' }), since: 100 }),
      command: wait(2_000),
    },
  },
  {
    name: 'a renewed lease is new again',
    why: 'its holder lives',
    election: following({ lease: lease(), since: 100 }),
    input: { kind: 'found', lease: lease({ renewedAt: wall, resourceVersion: '8' }) },
    monotonic: 30_100,
    want: {
      election: following({ lease: lease({ renewedAt: wall, resourceVersion: '8' }), since: 30_100 }),
      command: wait(4_800),
    },
  },
  {
    name: 'a lease that has run out is taken, on exactly the version that was read',
    why: 'its holder has given up long ago',
    election: following({ lease: lease(), since: 100 }),
    input: { kind: 'found', lease: lease() },
    monotonic: 30_100,
    want: {
      election: following({ lease: lease(), since: 100 }),
      command: { kind: 'update', lease: written(30_100, {}) },
    },
  },
  {
    name: 'a lease runs out after the duration that it names',
    why: 'its holder goes by that, and may have another configuration',
    election: following({ lease: lease({ durationSeconds: 60 }), since: 100 }),
    input: { kind: 'found', lease: lease({ durationSeconds: 60 }) },
    monotonic: 59_100,
    want: { election: following({ lease: lease({ durationSeconds: 60 }), since: 100 }), command: wait(1_000) },
  },
  {
    name: 'a lease that names no duration is left alone for ours',
    why: 'somebody made it by hand',
    election: following({ lease: lease({ durationSeconds: undefined }), since: 100 }),
    input: { kind: 'found', lease: lease({ durationSeconds: undefined }) },
    monotonic: 29_100,
    want: { election: following({ lease: lease({ durationSeconds: undefined }), since: 100 }), command: wait(1_000) },
  },
  {
    name: 'a lease that was given back is taken at once',
    why: 'its holder has ended',
    election: following({ lease: lease(), since: 100 }),
    input: { kind: 'found', lease: free },
    monotonic: 200,
    want: { election: following({ lease: free, since: 200 }), command: { kind: 'update', lease: written(200, {}) } },
  },
  {
    name: 'a lease under our own name is renewed',
    why: 'the answer to an earlier attempt was lost; it is no change of holder',
    election: initialElection,
    input: { kind: 'found', lease: mine },
    monotonic: 200,
    want: {
      election: following({ lease: mine, since: 200 }),
      command: { kind: 'update', lease: { ...mine, renewedAt: wall + 200 } },
    },
  },
  {
    name: 'a Lease that was deleted is left alone for as long as if it were there',
    why: 'who held it does not know yet',
    election: following({ lease: lease(), since: 100 }),
    input: { kind: 'found', lease: undefined },
    monotonic: 28_100,
    want: { election: following({ lease: lease(), since: 100 }), command: wait(2_000) },
  },
  {
    name: 'a Lease that was deleted is created again after that, and the count of holders goes on',
    why: 'its holder would have created it',
    election: following({ lease: lease(), since: 100 }),
    input: { kind: 'found', lease: undefined },
    monotonic: 30_100,
    want: {
      election: following({ lease: lease(), since: 100 }),
      command: {
        kind: 'create',
        record: {
          holder: 'me',
          durationSeconds: 30,
          acquiredAt: wall + 30_100,
          renewedAt: wall + 30_100,
          transitions: 5,
        },
      },
    },
  },
  {
    name: 'a follower that is overtaken waits',
    why: 'somebody leads',
    election: initialElection,
    input: { kind: 'refused' },
    monotonic: 0,
    want: { election: initialElection, command: wait(4_800) },
  },
  {
    name: 'a follower whose write was not answered waits',
    why: 'the next look shows what became of it',
    election: initialElection,
    input: { kind: 'failed', of: 'write' },
    monotonic: 0,
    want: { election: initialElection, command: wait(4_800) },
  },
  {
    name: 'a follower whose write was answered leads from when it was sent',
    why: 'from then on others count',
    election: initialElection,
    input: { kind: 'written', lease: mine, startedAt: 500 },
    monotonic: 900,
    want: { election: leading(500), command: wait(3_000) },
  },
  {
    name: 'a follower that stood still while it acquired looks again',
    why: 'the lease may be about to run out',
    election: initialElection,
    input: { kind: 'written', lease: mine, startedAt: 500 },
    monotonic: 15_500,
    want: { election: initialElection, command: read },
  },
  {
    name: 'a follower that is stopped ends',
    why: 'there is nothing to give back',
    election: initialElection,
    input: { kind: 'stop' },
    monotonic: 0,
    want: { election: { kind: 'ended' }, command: end },
  },
  {
    name: 'a leader renews what it wrote last without a look',
    why: 'nobody else writes it while it is valid',
    election: leading(0),
    input: { kind: 'due' },
    monotonic: 3_000,
    want: { election: leading(0), command: { kind: 'update', lease: { ...mine, renewedAt: wall + 3_000 } } },
  },
  {
    name: 'a renewal counts from when it was sent',
    why: 'others may have seen it at once',
    election: leading(0),
    input: { kind: 'written', lease: lease({ holder: 'me', resourceVersion: '8' }), startedAt: 3_000 },
    monotonic: 5_000,
    want: {
      election: { kind: 'leading', lease: lease({ holder: 'me', resourceVersion: '8' }), renewedFrom: 3_000 },
      command: wait(3_000),
    },
  },
  {
    name: 'a leader whose renewal is refused looks',
    why: 'somebody has changed the Lease, perhaps only its labels',
    election: leading(0),
    input: { kind: 'refused' },
    monotonic: 3_000,
    want: { election: leading(0), command: read },
  },
  {
    name: 'a leader whose renewal is not answered looks at once',
    why: 'there is time for another attempt',
    election: leading(0),
    input: { kind: 'failed', of: 'write' },
    monotonic: 10_000,
    want: { election: leading(0), command: read },
  },
  {
    name: 'a leader that cannot even look tries again later',
    why: 'the API server may come back',
    election: leading(0),
    input: { kind: 'failed', of: 'read' },
    monotonic: 10_000,
    want: { election: leading(0), command: wait(3_000) },
  },
  {
    name: 'a leader that finds its own lease in another version writes on that one',
    why: 'its write was carried out, or somebody labelled the Lease',
    election: leading(0),
    input: { kind: 'found', lease: lease({ holder: 'me', resourceVersion: '9' }) },
    monotonic: 10_000,
    want: {
      election: leading(0),
      command: {
        kind: 'update',
        lease: lease({ holder: 'me', resourceVersion: '9', renewedAt: wall + 10_000 }),
      },
    },
  },
  {
    name: 'a leader that finds no Lease creates it again',
    why: 'somebody deleted it',
    election: leading(0),
    input: { kind: 'found', lease: undefined },
    monotonic: 10_000,
    want: {
      election: leading(0),
      command: {
        kind: 'create',
        record: {
          holder: 'me',
          durationSeconds: 30,
          acquiredAt: mine.acquiredAt,
          renewedAt: wall + 10_000,
          transitions: 4,
        },
      },
    },
  },
  {
    name: 'a leader that finds another holder has lost',
    why: 'there is one leader',
    election: leading(0),
    input: { kind: 'found', lease: lease({ holder: 'other' }) },
    monotonic: 10_000,
    want: { election: { kind: 'lost', why: 'the lease is held by other' }, command: end },
  },
  {
    name: 'a leader that comes to itself after its deadline has lost, whatever it hears',
    why: 'it was suspended, and another may have taken over since',
    election: leading(0),
    input: { kind: 'due' },
    monotonic: 15_000,
    want: {
      election: { kind: 'lost', why: 'the lease was not renewed within 15000 ms' },
      command: end,
    },
  },
  {
    name: 'an answer that is read long after it was sent for renews nothing',
    why: 'the process was suspended in between',
    election: leading(0),
    input: { kind: 'written', lease: mine, startedAt: 3_000 },
    monotonic: 18_000,
    want: {
      election: { kind: 'lost', why: 'the lease was not renewed within 15000 ms' },
      command: end,
    },
  },
  {
    name: 'a leader that is stopped frees the lease',
    why: 'nobody has to wait for it to run out',
    election: leading(0),
    input: { kind: 'stop' },
    monotonic: 2_000,
    want: {
      election: { kind: 'releasing', lease: mine, until: 17_000 },
      command: {
        kind: 'update',
        lease: { ...mine, holder: '', durationSeconds: 1, acquiredAt: wall + 2_000, renewedAt: wall + 2_000 },
      },
    },
  },
  {
    name: 'a lease that was given back is the end',
    why: 'that was all',
    election: releasing,
    input: { kind: 'written', lease: free, startedAt: 0 },
    monotonic: 1_000,
    want: { election: { kind: 'ended' }, command: end },
  },
  {
    name: 'a refused release looks',
    why: 'somebody has changed the Lease, perhaps only its labels',
    election: releasing,
    input: { kind: 'refused' },
    monotonic: 1_000,
    want: { election: releasing, command: read },
  },
  {
    name: 'a release is repeated while the lease is ours',
    why: 'everybody would have to wait',
    election: releasing,
    input: { kind: 'found', lease: lease({ holder: 'me', resourceVersion: '9' }) },
    monotonic: 1_000,
    want: {
      election: { kind: 'releasing', lease: lease({ holder: 'me', resourceVersion: '9' }), until: 15_000 },
      command: {
        kind: 'update',
        lease: lease({
          holder: '',
          durationSeconds: 1,
          acquiredAt: wall + 1_000,
          renewedAt: wall + 1_000,
          resourceVersion: '9',
        }),
      },
    },
  },
  {
    name: 'a lease of another is not released',
    why: 'it is not ours',
    election: releasing,
    input: { kind: 'found', lease: lease() },
    monotonic: 1_000,
    want: { election: { kind: 'ended' }, command: end },
  },
  {
    name: 'a release that is not answered is looked at later',
    why: 'the API server may come back',
    election: releasing,
    input: { kind: 'failed', of: 'write' },
    monotonic: 1_000,
    want: { election: releasing, command: wait(3_000) },
  },
  {
    name: 'a release is given up in the end',
    why: 'the lease runs out by itself',
    election: releasing,
    input: { kind: 'due' },
    monotonic: 15_000,
    want: { election: { kind: 'ended' }, command: end },
  },
  {
    name: 'what is lost stays lost',
    why: 'the process ends',
    election: { kind: 'lost', why: 'x' },
    input: { kind: 'written', lease: mine, startedAt: 0 },
    monotonic: 0,
    want: { election: { kind: 'lost', why: 'x' }, command: end },
  },
];

describe('step()', () => {
  test.for(cases)('$name', ({ election, input, monotonic, want, why }) => {
    expect(step(election, input, at(monotonic)), why).toEqual(want);
  });

  test('replicas spread: a follower waits between one and 2.2 retry periods', () => {
    const waits = [0, 0.999_999].map(
      (fraction) => step(initialElection, { kind: 'found', lease: lease() }, { ...at(0), fraction }).command,
    );
    expect(waits).toEqual([wait(3_000), { kind: 'wait', forMs: expect.closeTo(6_600, 0) }]);
  });
});

/** As tight as can be: a replica that is sure a little too long, or takes over a little too soon, is found out. */
const tight = { leaseMs: 10_000, renewDeadlineMs: 9_900, retryMs: 3_000 };

/**
 * Replicas on one Lease. Each action lets some time pass and one replica do its next thing; a replica that is not chosen
 * stands still, as if it were suspended. Requests are sent, carried out and answered apart, and each may be lost.
 */
class Replicas {
  now = 0;
  readonly replicas: Replica[] = [];
  #stored: StoredLease | undefined;
  #versions = 0;
  #born = 0;
  /** How often a replica began to lead. */
  leaders = 0;

  constructor(count: number) {
    for (let index = 0; index < count; index += 1) this.replicas.push(this.#replica());
  }

  #replica(): Replica {
    this.#born += 1;
    // Every machine has clocks of its own.
    return new Replica(`replica ${this.#born}`, this.#born * 1_234_567, this.#born * -86_400_000);
  }

  /** Who would write now. */
  get sure(): readonly Replica[] {
    return this.replicas.filter((replica) => replica.isSure(this.now));
  }

  act(index: number, what: 'go on' | 'lose' | 'stop'): void {
    const replica = this.replicas[index];
    if (replica === undefined) return;
    if (replica.isOver) {
      this.replicas[index] = this.#replica();
      return;
    }
    if (what === 'stop') replica.isStopping = true;
    const { flight } = replica;
    if (flight === undefined) replica.begin(this.now);
    else if (flight.answer !== undefined) {
      const wasLeading = replica.election.kind === 'leading';
      replica.take(what === 'lose' ? failure(flight.command) : flight.answer, this.now);
      if (!wasLeading && replica.isSure(this.now)) this.leaders += 1;
    } else if (what === 'lose') replica.take(failure(flight.command), this.now);
    else flight.answer = this.#carryOut(flight.command, flight.startedAt);
  }

  #carryOut(command: Command, startedAt: number): ElectionInput {
    switch (command.kind) {
      case 'read':
        return { kind: 'found', lease: this.#stored };
      case 'create':
        return this.#stored === undefined ? this.#store(command.record, startedAt) : { kind: 'refused' };
      case 'update':
        return this.#stored?.resourceVersion === command.lease.resourceVersion
          ? this.#store(command.lease, startedAt)
          : { kind: 'refused' };
      default:
        throw new Error(`${command.kind} is no request`);
    }
  }

  #store(record: LeaseRecord, startedAt: number): ElectionInput {
    this.#versions += 1;
    this.#stored = { ...record, resourceVersion: String(this.#versions) };
    return { kind: 'written', lease: this.#stored, startedAt };
  }
}

function failure(command: Command): ElectionInput {
  return { kind: 'failed', of: command.kind === 'read' ? 'read' : 'write' };
}

class Replica {
  readonly #identity: string;
  readonly #offset: number;
  readonly #wall: number;
  election: Election = initialElection;
  #command: Command = wait(0);
  #dueAt = 0;
  isStopping = false;
  flight: { command: Command; startedAt: number; answer: ElectionInput | undefined } | undefined;

  constructor(identity: string, offset: number, wallOffset: number) {
    this.#identity = identity;
    this.#offset = offset;
    this.#wall = wallOffset;
  }

  get isOver(): boolean {
    return this.#command.kind === 'end';
  }

  /** What the fence says. */
  isSure(now: number): boolean {
    const { election } = this;
    if (this.isStopping || election.kind !== 'leading') return false;
    return now + this.#offset < election.renewedFrom + tight.renewDeadlineMs;
  }

  /** Sends what is to be sent, if its time has come. */
  begin(now: number): void {
    if (this.isStopping && this.election.kind !== 'releasing') this.take({ kind: 'stop' }, now);
    else if (this.#command.kind !== 'wait') {
      this.flight = { command: this.#command, startedAt: now + this.#offset, answer: undefined };
    } else if (now >= this.#dueAt) this.take({ kind: 'due' }, now);
  }

  take(input: ElectionInput, now: number): void {
    this.flight = undefined;
    const monotonic = now + this.#offset;
    const { election, command } = step(this.election, input, {
      identity: this.#identity,
      settings: tight,
      monotonic,
      now: monotonic + this.#wall,
      fraction: 0,
    });
    this.election = election;
    this.#command = command;
    if (command.kind === 'wait') this.#dueAt = now + command.forMs;
  }
}

/** What one replica does while the others stand still. */
const turn = fc.record({
  replica: fc.nat(2),
  actions: fc.array(
    fc.record({
      afterMs: fc.nat(1_500),
      what: fc.oneof(
        { weight: 30, arbitrary: fc.constant('go on' as const) },
        { weight: 2, arbitrary: fc.constant('lose' as const) },
        { weight: 1, arbitrary: fc.constant('stop' as const) },
      ),
    }),
    { minLength: 1, maxLength: 40, size: 'max' },
  ),
});

describe('any number of replicas, however they are suspended, cut off, stopped and started again', () => {
  test('are never sure of the lease at the same time', () => {
    let changes = 0;
    fc.assert(
      fc.property(fc.array(turn, { minLength: 2, maxLength: 20, size: 'max' }), (turns) => {
        const world = new Replicas(3);
        for (const { actions, replica } of turns) {
          for (const { afterMs, what } of actions) {
            world.now += afterMs;
            world.act(replica, what);
            expect(world.sure.length).toBeLessThanOrEqual(1);
          }
        }
        changes += Math.max(0, world.leaders - 1);
      }),
      { numRuns: 300 },
    );
    expect(changes, 'the lease went from one to the next').toBeGreaterThan(500);
  });
});
