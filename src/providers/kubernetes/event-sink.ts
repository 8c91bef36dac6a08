/**
 * Events (events.k8s.io/v1): best effort, beside the work and never in its way.
 *
 * Guarantees
 * - `publish` returns at once and never throws.
 * - What repeats is counted, and what comes too often is combined or dropped (`event-correlation.ts`).
 * - At most `longestQueue` writes wait; what comes on top of that is dropped, and so is what the API server refuses.
 */
import type { Clock, EventNote, EventSink, KubernetesObject } from '../../reconcilers/shared/ports.ts';
import { classifyReply, classifyThrown, KubernetesError } from './classify.ts';
import { type NewEvent, newEvent, seriesBody } from './event-body.ts';
import { EventCorrelation, type EventTime, type EventWrite, seriesEndsAfterMs } from './event-correlation.ts';
import { ObjectClient } from './object-client.ts';
import { objectPath, type Resource } from './objects.ts';
import type { Timers, WarningLog } from './ports.ts';
import type { KubernetesTransport } from './transport.ts';

export interface EventSinkOptions {
  readonly transport: KubernetesTransport;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: WarningLog;
  /** Of this process, such as the pod's name. */
  readonly instance: string;
}

const resource: Resource = { group: 'events.k8s.io', version: 'v1', plural: 'events' };
const longestQueue = 1_000;
const attempts = 4;
const pauseMs = 1_000;

export class KubernetesEventSink implements EventSink {
  readonly #options: EventSinkOptions;
  readonly #events: ObjectClient;
  readonly #correlation = new EventCorrelation<NewEvent>();
  readonly #queue: EventWrite<NewEvent>[] = [];
  #sending: Promise<void> | undefined;
  #sequence = 0;
  #closed = false;
  /** Ends the pause between two attempts. */
  #endPause: () => void = () => undefined;
  #cancelSweep: (() => void) | undefined;
  #abandoned = false;

  constructor(options: EventSinkOptions) {
    this.#options = options;
    this.#events = new ObjectClient(options.transport, resource);
  }

  publish(regarding: KubernetesObject, event: EventNote): void {
    if (this.#closed) return;
    const time = this.#time();
    const write = this.#correlation.observe(regarding.metadata.uid, event, time, (note) => {
      this.#sequence += 1;
      return newEvent(regarding, { ...event, note }, this.#options.instance, time.now, this.#sequence);
    });
    if (write !== undefined) this.#enqueue(write);
    this.#sweepLater();
  }

  /** Writes what waits, for at most `withinMs` milliseconds, and publishes nothing any more. Never throws. */
  async close(withinMs: number): Promise<void> {
    this.#closed = true;
    this.#cancelSweep?.();
    const over = Promise.withResolvers<void>();
    const cancel = this.#options.timers.schedule(withinMs, () => {
      this.#abandoned = true;
      this.#queue.length = 0;
      this.#endPause();
      over.resolve();
    });
    await Promise.race([this.#sending, over.promise]);
    cancel();
  }

  /** Writes the series that go on or have ended, for as long as there are any. */
  #sweepLater(): void {
    if (this.#cancelSweep !== undefined || this.#closed || this.#correlation.isIdle) return;
    this.#cancelSweep = this.#options.timers.schedule(seriesEndsAfterMs, () => {
      this.#cancelSweep = undefined;
      for (const write of this.#correlation.overdue(this.#time())) this.#enqueue(write);
      this.#sweepLater();
    });
  }

  #time(): EventTime {
    const { clock } = this.#options;
    return { monotonic: clock.monotonic(), now: clock.now() };
  }

  #enqueue(write: EventWrite<NewEvent>): void {
    if (this.#queue.length >= longestQueue) {
      this.#options.log.warn({ event: write.record.name }, 'event dropped: too many wait');
      return;
    }
    this.#queue.push(write);
    this.#sending ??= this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) await this.#send(next);
    this.#sending = undefined;
  }

  async #send(write: EventWrite<NewEvent>): Promise<void> {
    const { log } = this.#options;
    const { name, namespace } = write.record;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#write(write);
        return;
      } catch (error) {
        if (attempt === attempts || this.#abandoned || !isTransient(error)) {
          log.warn({ namespace, event: name, err: error }, 'event dropped: it was not taken');
          return;
        }
        await this.#pause(pauseMs * 2 ** (attempt - 1));
        if (this.#abandoned) return;
      }
    }
  }

  async #write({ record, series }: EventWrite<NewEvent>): Promise<void> {
    const change = series === undefined ? undefined : seriesBody(series);
    if (change !== undefined && (await this.#patch(record, change))) return;
    // An earlier attempt whose answer was lost may have made it: the name is the same.
    await this.#events.create({ ...record.body, ...change }, record);
  }

  /** @returns false if the event is gone: they are kept for an hour. @throws KubernetesError */
  async #patch(event: NewEvent, body: unknown): Promise<boolean> {
    const action = `patch event "${event.namespace}/${event.name}"`;
    const { transport } = this.#options;
    const reply = await transport
      .request({
        method: 'PATCH',
        path: objectPath(resource, event),
        query: { fieldManager: 'trunkline' },
        contentType: 'application/merge-patch+json',
        body,
      })
      .catch((error: unknown) => {
        throw classifyThrown(action, error);
      });
    const answer = classifyReply(action, 'change', reply);
    if (answer.kind === 'failed') throw answer.error;
    return answer.kind === 'done';
  }

  async #pause(forMs: number): Promise<void> {
    const over = Promise.withResolvers<void>();
    const cancel = this.#options.timers.schedule(forMs, over.resolve);
    this.#endPause = over.resolve;
    await over.promise;
    cancel();
  }
}

function isTransient(error: unknown): boolean {
  const status = error instanceof KubernetesError ? error.problem.status : undefined;
  return status === undefined || status === 429 || status >= 500;
}
