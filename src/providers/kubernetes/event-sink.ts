/**
 * Events (events.k8s.io/v1): best effort, beside the work and never in its way.
 *
 * Guarantees
 * - `publish` returns at once and never throws.
 * - The same event about the same object is written once in ten minutes: `kubectl get events` is for people.
 * - At most `longestQueue` events wait; what comes on top of that is dropped, and so is what the API server refuses.
 */
import { createHash } from 'node:crypto';
import { group } from '../../reconcilers/shared/api-group.ts';
import type { Clock, EventNote, EventSink, KubernetesObject } from '../../reconcilers/shared/ports.ts';
import { KubernetesError } from './classify.ts';
import { ObjectClient } from './object-client.ts';
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

interface Pending {
  readonly namespace: string;
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
}

const repeatAfterMs = 600_000;
const longestQueue = 1_000;
const mostRemembered = 4_096;
const attempts = 4;
const pauseMs = 1_000;
/** The API server refuses longer ones. In bytes. */
const longestNote = 1_024;
const longestName = 253;

export class KubernetesEventSink implements EventSink {
  readonly #options: EventSinkOptions;
  readonly #events: ObjectClient;
  /** When an event was published last, by what it says; the oldest first. */
  readonly #published = new Map<string, number>();
  readonly #queue: Pending[] = [];
  #sending: Promise<void> | undefined;
  #sequence = 0;
  #closed = false;
  /** Ends the pause between two attempts. */
  #endPause: () => void = () => undefined;
  #abandoned = false;

  constructor(options: EventSinkOptions) {
    this.#options = options;
    this.#events = new ObjectClient(options.transport, { group: 'events.k8s.io', version: 'v1', plural: 'events' });
  }

  publish(regarding: KubernetesObject, event: EventNote): void {
    if (this.#closed || this.#isRepeated(regarding, event)) return;
    if (this.#queue.length >= longestQueue) {
      this.#options.log.warn({ reason: event.reason }, 'event dropped: too many wait');
      return;
    }
    this.#queue.push(this.#pendingOf(regarding, event));
    this.#sending ??= this.#sendAll();
  }

  /** Writes what waits, for at most `withinMs` milliseconds, and publishes nothing any more. Never throws. */
  async close(withinMs: number): Promise<void> {
    this.#closed = true;
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

  #isRepeated(regarding: KubernetesObject, { note, reason, type }: EventNote): boolean {
    const now = this.#options.clock.monotonic();
    const said = JSON.stringify([regarding.metadata.uid, type, reason, note]);
    const last = this.#published.get(said);
    if (last !== undefined && now - last < repeatAfterMs) return true;
    this.#published.delete(said);
    this.#published.set(said, now);
    for (const [oldest, at] of this.#published) {
      if (now - at < repeatAfterMs && this.#published.size <= mostRemembered) break;
      this.#published.delete(oldest);
    }
    return false;
  }

  #pendingOf(regarding: KubernetesObject, { action, note, reason, type }: EventNote): Pending {
    const { metadata, apiVersion, kind } = regarding;
    // Events about cluster-scoped objects live in this one.
    const namespace = metadata.namespace ?? 'default';
    const now = this.#options.clock.now();
    this.#sequence += 1;
    const text = [metadata.uid, this.#options.instance, now, this.#sequence].join('/');
    const suffix = `.${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
    // A name may not hold two dots in a row.
    const name = `${metadata.name.slice(0, longestName - suffix.length).replace(/[.-]+$/, '')}${suffix}`;
    const { name: objectName, namespace: objectNamespace, resourceVersion, uid } = metadata;
    const body = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name, namespace },
      eventTime: microTime(now),
      reportingController: `${group}/operator`,
      reportingInstance: this.#options.instance,
      type,
      reason,
      action,
      note: shortened(note),
      regarding: { apiVersion, kind, name: objectName, namespace: objectNamespace, uid, resourceVersion },
    };
    return { namespace, name, body };
  }

  async #sendAll(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) await this.#send(next);
    this.#sending = undefined;
  }

  async #send({ body, name, namespace }: Pending): Promise<void> {
    const { log } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        // An earlier attempt whose answer was lost may have made it: the name is the same.
        await this.#events.create(body, { namespace, name });
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

  async #pause(forMs: number): Promise<void> {
    const over = Promise.withResolvers<void>();
    const cancel = this.#options.timers.schedule(forMs, over.resolve);
    this.#endPause = over.resolve;
    await over.promise;
    cancel();
  }
}

/** RFC 3339 with microseconds: the API server takes nothing else for `eventTime`. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}

function shortened(note: string): string {
  const bytes = Buffer.from(note);
  if (bytes.length <= longestNote) return note;
  const ellipsis = '…';
  const cut = bytes.subarray(0, longestNote - Buffer.byteLength(ellipsis)).toString();
  // The cut may have gone through a character.
  return `${cut.replace(/\uFFFD+$/, '')}${ellipsis}`;
}

function isTransient(error: unknown): boolean {
  const status = error instanceof KubernetesError ? error.problem.status : undefined;
  return status === undefined || status === 429 || status >= 500;
}
