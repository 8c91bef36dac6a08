/**
 * Who looks on while an engine works: its metrics. Nothing that is told here may throw.
 */
import type { Priority } from './due-keys.ts';

/** What a work queue tells. Durations in milliseconds. */
export interface QueueObserver {
  /** A key has become due. */
  added(): void;
  /** A key was added that is due only later. */
  delayed(): void;
  /** A key was handed to a worker, after it had been due for this long. */
  taken(waitedMs: number): void;
  /** A key is done. */
  worked(forMs: number): void;
}

/** How a reconcile ended, in the words of controller-runtime. */
export const reconcileResults = ['success', 'error', 'requeue', 'requeue_after'] as const;
export type ReconcileResult = (typeof reconcileResults)[number];

/** What an engine tells. */
export interface EngineObserver extends QueueObserver {
  /** Called once, at the start. `load` may be asked at any time. */
  begin(load: () => EngineLoad): void;
  /** A reconcile ended. */
  reconciled(result: ReconcileResult, tookMs: number): void;
  /** A reconcile threw something that nobody expects. */
  panicked(): void;
}

/** What an engine does at this moment. */
export interface EngineLoad {
  /** How many keys may be reconciled at the same time, in all. */
  readonly mostAtOnce: number;
  /** Keys that wait for nothing but a worker. */
  readonly depth: Readonly<Record<Priority, number>>;
  /** Of each reconcile under way, for how many milliseconds it has been running. */
  readonly runningFor: readonly number[];
}

export const silentObserver: EngineObserver = {
  begin: () => undefined,
  added: () => undefined,
  delayed: () => undefined,
  taken: () => undefined,
  worked: () => undefined,
  reconciled: () => undefined,
  panicked: () => undefined,
};
