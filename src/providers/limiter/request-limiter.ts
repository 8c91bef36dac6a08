/**
 * Request limiter of one Twilio account or one LiveKit project: drives `limiter-state.ts` with a clock and timers.
 *
 * Guarantees
 * - Requests that change something begin before those that only read, and each kind in the order in which it came. A
 *   request that changes something follows from reads, so reads cannot starve.
 * - A request that changes something is not sent after more than `changeWithinMs`: what it was decided on may have changed
 *   (DESIGN W1). Nor is it sent when `assertMaySend` throws at that moment: the lease may have been lost meanwhile (W3).
 * - Whoever would have to wait longer than he may is told so at once, and not kept waiting.
 * - Nothing is sent after `close`, and nobody waits then.
 *
 * Nothing is sent a second time here: the engine is the one retry layer.
 */
import type { Clock } from '../../reconcilers/shared/ports.ts';
import type { Limits } from '../../reconcilers/telephony-account/model.ts';
import { type Limiter, NotSentError, type RequestTraits } from './limiter.ts';
import { ended, initialState, type LimiterState, nextStart, started } from './limiter-state.ts';

export interface LimiterTimers {
  /** Calls `run` once, at the earliest after `delayMs` milliseconds. @returns a function that prevents it */
  schedule(delayMs: number, run: () => void): () => void;
}

export interface RequestLimiterOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly timers: LimiterTimers;
  /** Throws while nothing may be changed at a provider. Asked just before a request that may change something is sent. */
  readonly assertMaySend?: () => void;
  /** How long a request that changes something may wait, in milliseconds; 10 s if not given. */
  readonly changeWithinMs?: number;
  /** How long a request that only reads may wait, in milliseconds; 30 s if not given. */
  readonly readWithinMs?: number;
  /** Told how long each request waited for its turn, in milliseconds, also one that was refused in the end. */
  readonly onWaited?: (waitedMs: number) => void;
}

interface Waiting {
  readonly deadlineAt: number;
  readonly go: () => void;
  readonly refuse: (why: NotSentError) => void;
}

export class RequestLimiter {
  readonly #options: RequestLimiterOptions;
  readonly #changes: Waiting[] = [];
  readonly #reads: Waiting[] = [];
  #limits: Limits;
  #state: LimiterState = initialState;
  #cancelTimer = (): void => undefined;
  #closedBecause: string | undefined;

  constructor(limits: Limits, options: RequestLimiterOptions) {
    this.#limits = limits;
    this.#options = options;
  }

  readonly limiter: Limiter = async (send, traits) => {
    await this.#turn(traits);
    const startedAt = this.#options.clock.monotonic();
    let waitAskedMs: number | undefined;
    try {
      return await send();
    } catch (error) {
      waitAskedMs = traits.waitAskedBy(error);
      throw error;
    } finally {
      this.#state = ended(this.#state, this.#limits, { startedAt, waitAskedMs }, this.#options.clock.monotonic());
      this.#serve();
    }
  };

  /** For requests that begin from now on. */
  setLimits(limits: Limits): void {
    this.#limits = limits;
    this.#serve();
  }

  /** For good: who waits is refused, and whoever comes. */
  close(why: string): void {
    this.#closedBecause ??= why;
    this.#cancelTimer();
    for (const { refuse } of [...this.#changes.splice(0), ...this.#reads.splice(0)]) refuse(new NotSentError(why, 0));
  }

  async #turn({ changes }: RequestTraits): Promise<void> {
    if (this.#closedBecause !== undefined) throw new NotSentError(this.#closedBecause, 0);
    const { clock, changeWithinMs = 10_000, readWithinMs = 30_000 } = this.#options;
    const turn = Promise.withResolvers<void>();
    const cameAt = clock.monotonic();
    const deadlineAt = cameAt + (changes ? changeWithinMs : readWithinMs);
    const go = (): void => {
      const refusal = changes ? this.#refusal() : undefined;
      if (refusal !== undefined) return turn.reject(refusal);
      this.#state = started(this.#state, this.#limits, clock.monotonic());
      turn.resolve();
    };
    (changes ? this.#changes : this.#reads).push({ deadlineAt, go, refuse: turn.reject });
    this.#serve();
    try {
      await turn.promise;
    } finally {
      this.#options.onWaited?.(clock.monotonic() - cameAt);
    }
  }

  #refusal(): NotSentError | undefined {
    try {
      this.#options.assertMaySend?.();
      return undefined;
    } catch (error) {
      return new NotSentError(error instanceof Error ? error.message : 'nothing may be changed now', 0);
    }
  }

  /** Lets everything go that may, refuses what has to wait too long, and comes back when either changes by itself. */
  #serve(): void {
    this.#cancelTimer();
    for (;;) {
      const now = this.#options.clock.monotonic();
      this.#refuseLate(this.#changes, now);
      this.#refuseLate(this.#reads, now);
      const lane = this.#changes.length > 0 ? this.#changes : this.#reads;
      if (lane.length === 0) return;
      const start = nextStart(this.#state, this.#limits, now);
      if (start.kind !== 'now') {
        const deadlines = [this.#changes[0], this.#reads[0]].flatMap((first) => first?.deadlineAt ?? []);
        const moment = Math.min(...deadlines, ...(start.kind === 'at' ? [start.moment] : []));
        this.#cancelTimer = this.#options.timers.schedule(Math.ceil(moment - now), () => this.#serve());
        return;
      }
      lane.shift()?.go();
    }
  }

  /** Those of a lane are due in the order in which they came. */
  #refuseLate(lane: Waiting[], now: number): void {
    const { pausedUntil } = this.#state;
    const pauseMs = Math.max(0, pausedUntil - now);
    const why = pauseMs > 0 ? 'the provider asked to wait' : 'too many requests wait before it';
    for (let first = lane[0]; first !== undefined; first = lane[0]) {
      if (first.deadlineAt > now && first.deadlineAt >= pausedUntil) return;
      lane.shift();
      first.refuse(new NotSentError(why, Math.ceil(pauseMs)));
    }
  }
}
