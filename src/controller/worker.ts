/**
 * Worker: takes a key, reconciles it, and turns what came out into forgetting, a delay or backoff.
 *
 * Guarantees
 * - Whatever a reconcile throws ends that reconcile only; it is logged with its stack, and the key comes back.
 * - A conflict is no failure: the key comes back at once and quietly, but after `immediateRepeats` in a row only after
 *   the backoff, so that two writers that disagree cannot keep each other busy.
 * - One log line per reconcile, with kind, key and reconcile id.
 */
import { randomUUID } from 'node:crypto';
import type { Outcome } from '../reconcilers/shared/outcome.ts';
import { type Clock, ConflictError } from '../reconcilers/shared/ports.ts';
import type { Backoff } from './backoff.ts';
import type { Priority } from './due-keys.ts';
import type { EngineObserver, ReconcileResult } from './engine-observer.ts';
import type { Log } from './logging.ts';
import type { Taken, WorkQueue } from './work-queue.ts';

/** How a reconcile ended: with an outcome, or by throwing. */
export type Ending =
  | { readonly kind: 'outcome'; readonly outcome: Outcome }
  | { readonly kind: 'thrown'; readonly error: unknown };

/** What the worker does with the key. */
export type NextStep =
  | { readonly kind: 'forget' }
  | { readonly kind: 'delay'; readonly afterMs: number }
  | { readonly kind: 'repeat' }
  | { readonly kind: 'backOff'; readonly atMostMs: number };

/** So many times in a row a key may come back without any delay. */
export const immediateRepeats = 5;

/** `repeats` is how many times in a row the key has come back at once already. */
export function nextStep(ending: Ending, repeats: number): NextStep {
  const repeat: NextStep =
    repeats < immediateRepeats ? { kind: 'repeat' } : { kind: 'backOff', atMostMs: Number.POSITIVE_INFINITY };
  if (ending.kind === 'thrown') {
    return ending.error instanceof ConflictError ? repeat : { kind: 'backOff', atMostMs: Number.POSITIVE_INFINITY };
  }
  const { outcome } = ending;
  switch (outcome.kind) {
    case 'settled':
      return { kind: 'forget' };
    case 'again':
      return repeat;
    case 'wait':
      return { kind: 'delay', afterMs: outcome.afterMs };
    case 'retry':
      return { kind: 'backOff', atMostMs: outcome.atMostMs ?? Number.POSITIVE_INFINITY };
  }
}

/** How it is counted: waiting and conflicts are no failures. */
export function resultOf(ending: Ending): ReconcileResult {
  if (ending.kind === 'thrown') return ending.error instanceof ConflictError ? 'requeue' : 'error';
  switch (ending.outcome.kind) {
    case 'settled':
      return 'success';
    case 'again':
      return 'requeue';
    case 'wait':
      return 'requeue_after';
    case 'retry':
      return 'error';
  }
}

export interface WorkerOptions {
  /** Of the kind; stands in every log line. */
  readonly kind: string;
  readonly queue: WorkQueue;
  readonly backoff: Backoff;
  readonly clock: Clock;
  readonly log: Log;
  readonly observer: EngineObserver;
  /** Errors that happen without a defect, such as an API server that does not answer. */
  readonly isExpected: (error: unknown) => boolean;
  readonly reconcile: (key: string) => Promise<Outcome>;
}

/** Works on one queue, with as many loops as are started. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #repeats = new Map<string, number>();
  #panics = 0;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** Reconciles that threw something that is neither expected nor a conflict, since the start. */
  get panics(): number {
    return this.#panics;
  }

  /** Works until the queue is closed, and ends only between two reconciles. May be called several times. */
  async run(): Promise<void> {
    const { queue } = this.#options;
    for (let taken = await queue.take(); taken !== undefined; taken = await queue.take()) {
      try {
        await this.#work(taken);
      } finally {
        queue.done(taken.key);
      }
    }
  }

  async #work({ key, priority }: Taken): Promise<void> {
    const { clock, isExpected, kind, log, observer, reconcile } = this.#options;
    const startedAt = clock.monotonic();
    const ending = await endingOf(async () => await reconcile(key));
    const next = nextStep(ending, this.#repeats.get(key) ?? 0);
    const afterMs = this.#apply(key, priority, next);
    const tookMs = clock.monotonic() - startedAt;
    observer.reconciled(resultOf(ending), tookMs);
    const fields = { kind, key, reconcileId: randomUUID(), milliseconds: Math.round(tookMs), afterMs };
    if (ending.kind === 'outcome') log.info({ ...fields, outcome: ending.outcome.kind }, 'reconciled');
    else if (ending.error instanceof ConflictError) log.info({ ...fields, outcome: 'conflict' }, 'reconciled');
    else {
      if (!isExpected(ending.error)) {
        this.#panics += 1;
        observer.panicked();
      }
      log.error({ ...fields, outcome: 'error', err: ending.error }, 'reconcile failed');
    }
  }

  /** @returns milliseconds until the key comes back by itself, if it does */
  #apply(key: string, priority: Priority, next: NextStep): number | undefined {
    const { backoff, queue } = this.#options;
    if (next.kind === 'repeat') this.#repeats.set(key, (this.#repeats.get(key) ?? 0) + 1);
    else this.#repeats.delete(key);
    switch (next.kind) {
      case 'forget':
        backoff.forget(key);
        return undefined;
      case 'delay':
        backoff.forget(key);
        queue.add(key, { afterMs: next.afterMs, priority });
        return next.afterMs;
      case 'repeat':
        queue.add(key, { priority });
        return 0;
      case 'backOff': {
        const afterMs = backoff.failed(key, next.atMostMs);
        queue.add(key, { afterMs, priority });
        return afterMs;
      }
    }
  }
}

async function endingOf(reconcile: () => Promise<Outcome>): Promise<Ending> {
  try {
    return { kind: 'outcome', outcome: await reconcile() };
  } catch (error) {
    return { kind: 'thrown', error };
  }
}
