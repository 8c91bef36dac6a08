/**
 * Leader elector: drives the step function of `leader-election.ts` on a Lease, with timers.
 *
 * Guarantees
 * - `onHeld` tells until when the lease is surely ours, before `whenLeading` ends and after each renewal.
 * - When that moment passes, or another holder is found, `onLost` is called, once, and nothing is written any more. That
 *   does not wait for a call that hangs.
 * - When the signal aborts, the lease is given back, if it is ours, and `run` ends.
 */
import { type Clock, ConflictError } from '../reconcilers/shared/ports.ts';
import {
  type Command,
  type Election,
  type ElectionInput,
  type ElectionSettings,
  initialElection,
  type LeaseRecord,
  step,
  type StoredLease,
} from './leader-election.ts';
import type { Log } from './logging.ts';
import type { Cancel, Timers } from './timers.ts';

/** The Lease that all replicas share. Each call has a deadline of its own, and throws when it fails. */
export interface LeasePort {
  read(): Promise<StoredLease | undefined>;
  /** @throws ConflictError when there is one already */
  create(record: LeaseRecord): Promise<StoredLease>;
  /** @throws ConflictError when it has changed or is gone */
  update(lease: StoredLease): Promise<StoredLease>;
}

export interface LeaderElectorOptions {
  readonly lease: LeasePort;
  /** Of this process and no other, ever: a process that starts again waits for its old lease to run out. */
  readonly identity: string;
  readonly settings: ElectionSettings;
  readonly clock: Clock;
  readonly timers: Timers;
  /** From 0 to below 1, for jitter. */
  readonly fraction: () => number;
  readonly log: Log;
  /** The lease is surely ours until then, in monotonic milliseconds. */
  readonly onHeld: (until: number) => void;
  readonly onLost: (why: string) => void;
}

export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #leading = Promise.withResolvers<void>();
  #election: Election = initialElection;
  #cancelWatchdog: Cancel = () => undefined;
  #endWait: () => void = () => undefined;

  constructor(options: LeaderElectorOptions) {
    this.#options = options;
  }

  /** As of the last answer; for telemetry. */
  get isLeading(): boolean {
    return this.#election.kind === 'leading';
  }

  /** Ends when the lease is ours for the first time. @throws the signal's reason when it aborts before */
  async whenLeading(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([this.#leading.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Takes part until the signal aborts or the lease is lost. Called once; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#endWait();
    signal.addEventListener('abort', stop, { once: true });
    let command = this.#take({ kind: 'due' });
    let isStopping = false;
    while (command.kind !== 'end') {
      if (signal.aborted && !isStopping) {
        isStopping = true;
        command = this.#take({ kind: 'stop' });
      } else command = this.#take(await this.#carryOut(command));
    }
    signal.removeEventListener('abort', stop);
    this.#cancelWatchdog();
  }

  /** One step, and what follows from it at once. */
  #take(input: ElectionInput): Command {
    const { clock, fraction, identity, log, settings } = this.#options;
    const before = this.#election;
    if (before.kind === 'lost') return { kind: 'end' };
    const context = { identity, settings, monotonic: clock.monotonic(), now: clock.now(), fraction: fraction() };
    const { election, command } = step(before, input, context);
    this.#election = election;
    if (election.kind === 'lost') this.#lose(election.why);
    if (election.kind === 'leading' && input.kind === 'written') {
      this.#hold(election.renewedFrom + settings.renewDeadlineMs);
      if (before.kind !== 'leading') {
        log.info({ identity, transitions: election.lease.transitions }, 'leading');
        this.#leading.resolve();
      }
    }
    if (election.kind === 'following') this.#reportHolder(before, election);
    if (before.kind === 'releasing' && input.kind === 'written') log.info({ identity }, 'lease released');
    return command;
  }

  #reportHolder(before: Election, { seen }: Extract<Election, { kind: 'following' }>): void {
    const holder = seen?.lease.holder ?? '';
    const known = before.kind === 'following' ? (before.seen?.lease.holder ?? '') : '';
    if (holder !== known && holder !== '') this.#options.log.info({ holder }, 'another replica leads');
  }

  /** Renews the watchdog: a call that hangs must not keep a lost lease from being noticed. */
  #hold(until: number): void {
    const { clock, onHeld, settings, timers } = this.#options;
    this.#cancelWatchdog();
    const look = (): void => {
      const leftMs = until - clock.monotonic();
      if (leftMs > 0) this.#cancelWatchdog = timers.schedule(leftMs, look);
      else if (this.#election.kind === 'leading') {
        this.#lose(`the lease was not renewed within ${settings.renewDeadlineMs} ms`);
      }
    };
    look();
    onHeld(until);
  }

  #lose(why: string): void {
    this.#cancelWatchdog();
    this.#election = { kind: 'lost', why };
    this.#endWait();
    this.#options.onLost(why);
  }

  async #carryOut(command: Exclude<Command, { kind: 'end' }>): Promise<ElectionInput> {
    const { clock, lease, log } = this.#options;
    if (command.kind === 'wait') {
      await this.#wait(command.forMs);
      return { kind: 'due' };
    }
    const startedAt = clock.monotonic();
    try {
      switch (command.kind) {
        case 'read':
          return { kind: 'found', lease: await lease.read() };
        case 'create':
          return { kind: 'written', lease: await lease.create(command.record), startedAt };
        case 'update':
          return { kind: 'written', lease: await lease.update(command.lease), startedAt };
      }
    } catch (error) {
      if (error instanceof ConflictError) return { kind: 'refused' };
      log.warn({ err: error, action: command.kind }, 'lease in trouble');
      return { kind: 'failed', of: command.kind === 'read' ? 'read' : 'write' };
    }
  }

  async #wait(forMs: number): Promise<void> {
    const over = Promise.withResolvers<void>();
    const cancel = this.#options.timers.schedule(forMs, over.resolve);
    this.#endWait = over.resolve;
    await over.promise;
    this.#endWait = () => undefined;
    cancel();
  }
}
