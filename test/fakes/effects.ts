/**
 * Effects: every call that leaves the operator, in one order over all systems, and what a test may do to each.
 *
 * Guarantees
 * - A call is applied in one piece; hooks see the world right before and right after it.
 * - A process that crashed has no further effect: whatever it still tries throws `CrashError`.
 */
import { ProviderError, type Verdict } from '../../src/reconcilers/shared/verdict.ts';
import type { FakeClock } from '../support/fake-clock.ts';

/** Unwinds everything: the process is dead. */
export class CrashError extends Error {
  override readonly name = 'CrashError';
}

/** The API server failed in a way that is no conflict. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
}

/** One life of the operator; whoever holds it may act until it crashes. */
export class OperatorProcess {
  isAlive = true;

  assertAlive(): void {
    if (!this.isAlive) throw new CrashError('The process is dead');
  }

  crash(): never {
    this.isAlive = false;
    throw new CrashError('The process crashes here');
  }
}

export type System = 'Twilio' | 'LiveKit' | 'Kubernetes';

export interface Effect {
  readonly system: System;
  /** Name of the port's method. */
  readonly operation: string;
  readonly isWrite: boolean;
  readonly process: OperatorProcess;
  /** Monotonic milliseconds. */
  readonly at: number;
}

/** A scripted failure of the calls that match. */
export interface Fault {
  readonly matches: (effect: Effect) => boolean;
  readonly verdict: Verdict;
  /** Whether the call takes effect all the same: never, at once, or so many milliseconds later. */
  readonly applied: 'never' | 'atOnce' | number;
  /** The process dies there, instead of seeing the failure. */
  readonly crashes?: boolean;
  /** How many calls it hits; until it is removed when absent. */
  times?: number;
}

type Hook = (effect: Effect) => void;

export class Effects {
  readonly log: Effect[] = [];
  readonly faults: Fault[] = [];
  readonly beforeWrite: Hook[] = [];
  readonly afterWrite: Hook[] = [];
  /** Holds a call up on its way: others may go on meanwhile. */
  onTheWay: ((operation: string) => Promise<void> | undefined) | undefined;
  /** How much time each call takes. */
  latencyMs = 0;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** All writes to the two providers so far, by name. */
  get externalWrites(): readonly string[] {
    return this.log
      .filter(({ system, isWrite }) => isWrite && system !== 'Kubernetes')
      .map(({ operation }) => operation);
  }

  /** All calls to the two providers so far, reads too. */
  get externalCalls(): readonly Effect[] {
    return this.log.filter(({ system }) => system !== 'Kubernetes');
  }

  /** Writes on PhoneNumbers and their status so far: what DESIGN 7 counts. */
  get objectWrites(): readonly string[] {
    return this.log
      .map(({ operation }) => operation)
      .filter((name) => name === 'patchMetadata' || name === 'patchStatus');
  }

  fail(operation: string, verdict: Verdict, applied: Fault['applied'] = 'never', times?: number): Fault {
    return this.add({
      matches: (effect) => effect.operation === operation,
      verdict,
      applied,
      ...(times === undefined ? {} : { times }),
    });
  }

  add(fault: Fault): Fault {
    this.faults.push(fault);
    return fault;
  }

  lift(fault: Fault): void {
    const index = this.faults.indexOf(fault);
    if (index >= 0) this.faults.splice(index, 1);
  }

  /** Makes one call of a port. `apply` changes the world and throws what the other side would answer. */
  async perform<T>({ process, system, operation, isWrite }: Omit<Effect, 'at'>, apply: () => T): Promise<T> {
    // As with a real call, whoever else is ready comes first.
    await this.onTheWay?.(operation);
    process.assertAlive();
    this.#clock.advanceSynchronously(this.latencyMs);
    const effect: Effect = { process, system, operation, isWrite, at: this.#clock.monotonic() };
    if (isWrite) for (const hook of this.beforeWrite) hook(effect);
    this.log.push(effect);
    const fault = this.#take(effect);
    if (fault === undefined) {
      const answer = structuredClone(apply());
      this.#applied(effect);
      return answer;
    }
    // A record has no compare-and-swap that would stop it later, and the API server keeps no request that long.
    const isAtOnce = fault.applied === 'atOnce' || (fault.applied !== 'never' && operation === 'createOrphanRecord');
    if (isAtOnce) this.#applyUnanswered(effect, apply);
    else if (fault.applied !== 'never') {
      this.#clock.schedule(fault.applied, () => this.#applyUnanswered(effect, apply));
    }
    if (fault.crashes === true) process.crash();
    throw system === 'Kubernetes'
      ? new ApiFailure(`Cannot ${operation}: ${fault.verdict.message}`)
      : new ProviderError(system, operation, fault.verdict);
  }

  /** As a request that is on its way while nobody waits for its answer. */
  #applyUnanswered(effect: Effect, apply: () => unknown): void {
    try {
      apply();
    } catch {
      // Refused, and the refusal is lost like any answer.
      return;
    }
    this.#applied(effect);
  }

  #applied(effect: Effect): void {
    if (effect.isWrite) for (const hook of this.afterWrite) hook(effect);
  }

  #take(effect: Effect): Fault | undefined {
    const fault = this.faults.find(({ matches }) => matches(effect));
    if (fault?.times === undefined) return fault;
    fault.times -= 1;
    if (fault.times <= 0) this.lift(fault);
    return fault;
  }
}
