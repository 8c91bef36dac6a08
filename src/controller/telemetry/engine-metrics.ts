/**
 * Metrics of engines, with the names, labels and buckets of controller-runtime and client-go: dashboards and alerts that
 * were made for Go controllers work as they are.
 */
import { Counter, exponentialBuckets, Gauge, Histogram, type Registry } from 'prom-client';
import { priorities, type Priority } from '../due-keys.ts';
import { type EngineLoad, type EngineObserver, reconcileResults } from '../engine-observer.ts';

const reconcileBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2,
  2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];
const queueBuckets = exponentialBuckets(10e-9, 10, 12);

/** As controller-runtime numbers them: higher is sooner, -100 is for what was there at the start. */
const priorityNumbers: Readonly<Record<Priority, string>> = { high: '100', normal: '0', low: '-100' };

export class EngineMetrics {
  readonly #reconciles: ReturnType<typeof reconcileMetrics>;
  readonly #queue: ReturnType<typeof queueMetrics>;
  readonly #loads = new Map<string, () => EngineLoad>();

  constructor(registry: Registry) {
    this.#reconciles = reconcileMetrics(registry);
    this.#queue = queueMetrics(registry);
  }

  /** `kind` becomes the label "controller" in lower case. All its counters begin at 0, so that rates work at once. */
  observer(kind: string): EngineObserver {
    const controller = kind.toLowerCase();
    const own = { controller };
    const queue = { name: controller, controller };
    const { errors, panics, terminal, time, timeouts, total } = this.#reconciles;
    const { adds, latency, retries, work } = this.#queue;
    for (const counter of [errors, panics, terminal, timeouts]) counter.inc(own, 0);
    for (const counter of [adds, retries]) counter.inc(queue, 0);
    for (const result of reconcileResults) total.inc({ controller, result }, 0);
    time.zero(own);
    for (const histogram of [latency, work]) histogram.zero(queue);
    return {
      begin: (load) => void this.#loads.set(controller, load),
      added: () => adds.inc(queue),
      delayed: () => retries.inc(queue),
      taken: (waitedMs) => latency.observe(queue, waitedMs / 1_000),
      worked: (forMs) => work.observe(queue, forMs / 1_000),
      reconciled: (result, tookMs) => {
        total.inc({ controller, result });
        if (result === 'error') errors.inc(own);
        time.observe(own, tookMs / 1_000);
      },
      panicked: () => panics.inc(own),
    };
  }

  /** Brings those gauges up to date that say how things are at this moment. */
  refresh(): void {
    for (const [controller, load] of this.#loads) {
      const { depth, mostAtOnce, runningFor } = load();
      const queue = { name: controller, controller };
      this.#reconciles.most.set({ controller }, mostAtOnce);
      this.#reconciles.active.set({ controller }, runningFor.length);
      for (const priority of priorities) {
        this.#queue.depth.set({ ...queue, priority: priorityNumbers[priority] }, depth[priority]);
      }
      this.#queue.unfinished.set(queue, runningFor.reduce((sum, ms) => sum + ms, 0) / 1_000);
      this.#queue.longest.set(queue, runningFor.reduce((most, ms) => Math.max(most, ms), 0) / 1_000);
    }
  }
}

function reconcileMetrics(registry: Registry) {
  const common = { labelNames: ['controller'] as const, registers: [registry] };
  return {
    total: new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Reconciles, by how they ended',
      labelNames: ['controller', 'result'],
      registers: [registry],
    }),
    errors: new Counter({
      ...common,
      name: 'controller_runtime_reconcile_errors_total',
      help: 'Reconciles that failed and are tried again after a backoff',
    }),
    terminal: new Counter({
      ...common,
      name: 'controller_runtime_terminal_reconcile_errors_total',
      help: 'Always 0: every failure is tried again',
    }),
    panics: new Counter({
      ...common,
      name: 'controller_runtime_reconcile_panics_total',
      help: 'Reconciles that ended in a defect of the operator',
    }),
    timeouts: new Counter({
      ...common,
      name: 'controller_runtime_reconcile_timeouts_total',
      help: 'Always 0: each call has a deadline, a reconcile has none',
    }),
    time: new Histogram({
      ...common,
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'How long reconciles took',
      buckets: reconcileBuckets,
    }),
    most: new Gauge({
      ...common,
      name: 'controller_runtime_max_concurrent_reconciles',
      help: 'How many reconciles may run at the same time, over all accounts',
    }),
    active: new Gauge({
      ...common,
      name: 'controller_runtime_active_workers',
      help: 'Reconciles under way',
    }),
  };
}

function queueMetrics(registry: Registry) {
  const common = { labelNames: ['name', 'controller'] as const, registers: [registry] };
  return {
    depth: new Gauge({
      name: 'workqueue_depth',
      help: 'Keys that are due and wait for a worker, by priority',
      labelNames: ['name', 'controller', 'priority'],
      registers: [registry],
    }),
    adds: new Counter({ ...common, name: 'workqueue_adds_total', help: 'Keys that became due' }),
    latency: new Histogram({
      ...common,
      name: 'workqueue_queue_duration_seconds',
      help: 'How long keys had been due before a worker took them',
      buckets: queueBuckets,
    }),
    work: new Histogram({
      ...common,
      name: 'workqueue_work_duration_seconds',
      help: 'How long keys were worked on',
      buckets: queueBuckets,
    }),
    unfinished: new Gauge({
      ...common,
      name: 'workqueue_unfinished_work_seconds',
      help: 'How long all keys under way have been worked on, in sum',
    }),
    longest: new Gauge({
      ...common,
      name: 'workqueue_longest_running_processor_seconds',
      help: 'How long the key that has been under way longest has been worked on',
    }),
    retries: new Counter({
      ...common,
      name: 'workqueue_retries_total',
      help: 'Keys that were added with a delay',
    }),
  };
}
