/**
 * Leader election as a step function, pure: what to do with the Lease next. `leader-elector.ts` drives it.
 *
 * The rules are those of client-go's leaderelection.go, except that a leader counts its deadline from the start of the
 * last renewal that was answered (DESIGN W3), which is earlier:
 * - Whether a lease has run out is judged by how long ago *this* replica saw it change, on its own monotonic clock. The
 *   times in a Lease are those of other machines, for people to read.
 * - A leader renews what it wrote last without looking; if that fails it reads the Lease and writes again.
 * - Every write is a compare-and-swap.
 */

/** Milliseconds. `renewDeadlineMs` is longer than `retryMs` times `retryJitter` and shorter than `leaseMs`. */
export interface ElectionSettings {
  /** How long a lease that does not change is left alone. */
  readonly leaseMs: number;
  /** A leader whose last renewal began so long ago has lost. */
  readonly renewDeadlineMs: number;
  /** Between two attempts. */
  readonly retryMs: number;
}

/** A follower waits for up to so many `retryMs` on top, so that replicas do not keep coming at the same moment. */
export const retryJitter = 1.2;

/** What a Lease says. */
export interface LeaseRecord {
  /** Empty: free. */
  readonly holder: string;
  /** Whole seconds; undefined if the Lease names none. */
  readonly durationSeconds: number | undefined;
  /** Milliseconds since the Unix epoch, by the holder's clock. */
  readonly acquiredAt: number;
  readonly renewedAt: number;
  /** How often the lease went to another holder. */
  readonly transitions: number;
}

/** A record with the version of the object that it was read from. */
export interface StoredLease extends LeaseRecord {
  readonly resourceVersion: string;
}

/** A lease as this replica saw it. `since`: when it saw its present content for the first time, monotonic. */
interface Sighting {
  readonly lease: StoredLease;
  readonly since: number;
}

export type Election =
  | { readonly kind: 'following'; readonly seen: Sighting | undefined }
  /** `renewedFrom`: monotonic, when the last renewal that was answered began. */
  | { readonly kind: 'leading'; readonly lease: StoredLease; readonly renewedFrom: number }
  /** The lease is being given back, until then at the latest (monotonic). */
  | { readonly kind: 'releasing'; readonly lease: StoredLease; readonly until: number }
  | { readonly kind: 'lost'; readonly why: string }
  | { readonly kind: 'ended' };

/** What is to be done next; its answer is the next input. */
export type Command =
  | { readonly kind: 'wait'; readonly forMs: number }
  | { readonly kind: 'read' }
  | { readonly kind: 'create'; readonly record: LeaseRecord }
  | { readonly kind: 'update'; readonly lease: StoredLease }
  | { readonly kind: 'end' };

export type ElectionInput =
  /** The beginning, and the end of a wait. */
  | { readonly kind: 'due' }
  | { readonly kind: 'found'; readonly lease: StoredLease | undefined }
  /** A write was answered; `startedAt` is when it was sent, monotonic. */
  | { readonly kind: 'written'; readonly lease: StoredLease; readonly startedAt: number }
  /** The Lease is not the one that was to be changed. */
  | { readonly kind: 'refused' }
  /** No answer, or none that helps. A write may have been carried out. */
  | { readonly kind: 'failed'; readonly of: 'read' | 'write' }
  /** Asked to give the lease back. */
  | { readonly kind: 'stop' };

/** What a step depends on besides the state. */
export interface ElectionContext {
  readonly identity: string;
  readonly settings: ElectionSettings;
  readonly monotonic: number;
  /** Milliseconds since the Unix epoch; nothing is decided by it. */
  readonly now: number;
  /** From 0 to below 1, for jitter. */
  readonly fraction: number;
}

export interface ElectionStep {
  readonly election: Election;
  readonly command: Command;
}

export const initialElection: Election = { kind: 'following', seen: undefined };

export function step(election: Election, input: ElectionInput, context: ElectionContext): ElectionStep {
  switch (election.kind) {
    case 'following':
      return follow(election, input, context);
    case 'leading':
      return lead(election, input, context);
    case 'releasing':
      return release(election, input, context);
    case 'lost':
    case 'ended':
      return { election, command: { kind: 'end' } };
  }
}

type Following = Extract<Election, { kind: 'following' }>;
type Leading = Extract<Election, { kind: 'leading' }>;
type Releasing = Extract<Election, { kind: 'releasing' }>;

function follow(election: Following, input: ElectionInput, context: ElectionContext): ElectionStep {
  const { fraction, monotonic, settings } = context;
  const retryMs = settings.retryMs * (1 + retryJitter * fraction);
  switch (input.kind) {
    case 'due':
      return { election, command: { kind: 'read' } };
    case 'found': {
      const { lease } = input;
      // Also when somebody deleted the Lease: who held it does not know that yet.
      const seen = lease === undefined ? election.seen : sighting(election.seen, lease, monotonic);
      const following: Following = { kind: 'following', seen };
      const freeInMs = seen === undefined ? 0 : untilFree(seen, context);
      if (freeInMs > 0) return { election: following, command: { kind: 'wait', forMs: Math.min(retryMs, freeInMs) } };
      const command: Command =
        lease === undefined
          ? { kind: 'create', record: taken(seen?.lease, context) }
          : { kind: 'update', lease: withVersion(lease, context) };
      return { election: following, command };
    }
    case 'written': {
      const leading: Leading = { kind: 'leading', lease: input.lease, renewedFrom: input.startedAt };
      // This process stood still while it acquired: others may be about to take over. It has done nothing yet.
      if (isOver(leading, context)) return { election, command: { kind: 'read' } };
      return { election: leading, command: { kind: 'wait', forMs: settings.retryMs } };
    }
    case 'refused':
    case 'failed':
      return { election, command: { kind: 'wait', forMs: retryMs } };
    case 'stop':
      return ended;
  }
}

function lead(election: Leading, input: ElectionInput, context: ElectionContext): ElectionStep {
  const { settings } = context;
  const leading =
    input.kind === 'written' ? { ...election, lease: input.lease, renewedFrom: input.startedAt } : election;
  if (isOver(leading, context)) {
    return lost(`the lease was not renewed within ${settings.renewDeadlineMs} ms`);
  }
  switch (input.kind) {
    case 'due':
      return { election: leading, command: { kind: 'update', lease: withVersion(leading.lease, context) } };
    case 'written':
      return { election: leading, command: { kind: 'wait', forMs: settings.retryMs } };
    case 'refused':
      return { election: leading, command: { kind: 'read' } };
    case 'failed':
      return {
        election: leading,
        command: input.of === 'write' ? { kind: 'read' } : { kind: 'wait', forMs: settings.retryMs },
      };
    case 'found': {
      const { lease } = input;
      if (lease === undefined) {
        return { election: leading, command: { kind: 'create', record: taken(leading.lease, context) } };
      }
      if (lease.holder !== '' && lease.holder !== context.identity) return lost(`the lease is held by ${lease.holder}`);
      return { election: leading, command: { kind: 'update', lease: withVersion(lease, context) } };
    }
    case 'stop':
      return giveBack(leading.lease, context.monotonic + settings.renewDeadlineMs, context);
  }
}

function release(election: Releasing, input: ElectionInput, context: ElectionContext): ElectionStep {
  if (context.monotonic >= election.until) return ended;
  switch (input.kind) {
    case 'written':
    case 'stop':
      return ended;
    case 'refused':
    case 'due':
      return { election, command: { kind: 'read' } };
    case 'failed':
      return { election, command: { kind: 'wait', forMs: context.settings.retryMs } };
    case 'found': {
      const { lease } = input;
      return lease?.holder === context.identity ? giveBack(lease, election.until, context) : ended;
    }
  }
}

const ended: ElectionStep = { election: { kind: 'ended' }, command: { kind: 'end' } };

function lost(why: string): ElectionStep {
  return { election: { kind: 'lost', why }, command: { kind: 'end' } };
}

function isOver({ renewedFrom }: Leading, { monotonic, settings }: ElectionContext): boolean {
  return monotonic >= renewedFrom + settings.renewDeadlineMs;
}

/** The same content as before is as old as it was, whatever else of the object has changed. */
function sighting(before: Sighting | undefined, lease: StoredLease, monotonic: number): Sighting {
  return { lease, since: before !== undefined && sameContent(before.lease, lease) ? before.since : monotonic };
}

function sameContent(one: LeaseRecord, other: LeaseRecord): boolean {
  return (
    one.holder === other.holder &&
    one.durationSeconds === other.durationSeconds &&
    one.acquiredAt === other.acquiredAt &&
    one.renewedAt === other.renewedAt &&
    one.transitions === other.transitions
  );
}

/** Milliseconds until the lease may be taken; not above zero: now. */
function untilFree({ lease, since }: Sighting, { identity, monotonic, settings }: ElectionContext): number {
  // Its own name: the answer to an earlier attempt was lost.
  if (lease.holder === '' || lease.holder === identity) return 0;
  const leaseMs = lease.durationSeconds === undefined ? settings.leaseMs : lease.durationSeconds * 1_000;
  return since + leaseMs - monotonic;
}

/** The record of a lease that is ours from now on, or still. */
function taken(before: LeaseRecord | undefined, { identity, now, settings }: ElectionContext): LeaseRecord {
  const isOurs = before?.holder === identity;
  return {
    holder: identity,
    durationSeconds: settings.leaseMs / 1_000,
    acquiredAt: isOurs ? before.acquiredAt : now,
    renewedAt: now,
    transitions: before === undefined ? 0 : before.transitions + (isOurs ? 0 : 1),
  };
}

function withVersion(before: StoredLease, context: ElectionContext): StoredLease {
  return { ...taken(before, context), resourceVersion: before.resourceVersion };
}

/** Free at once: no holder, and the shortest duration that Kubernetes takes. */
function giveBack(lease: StoredLease, until: number, { now }: ElectionContext): ElectionStep {
  const free: StoredLease = { ...lease, holder: '', durationSeconds: 1, acquiredAt: now, renewedAt: now };
  return { election: { kind: 'releasing', lease, until }, command: { kind: 'update', lease: free } };
}
