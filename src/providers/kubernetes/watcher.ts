/**
 * Watcher: keeps a cache equal to a collection of the API server, by list and watch.
 *
 * Guarantees
 * - It ends only when its signal aborts; every trouble is logged as a warning and outlived (`watch-state.ts`).
 * - A cache or listener that throws does not end it.
 * - A connection that is open but dead is given up after `inactivityMs` without a line. Bookmarks come every minute, so
 *   silence means trouble.
 */
import { z } from 'zod';
import type { Clock, KubernetesObject } from '../../reconcilers/shared/ports.ts';
import { classifyReply, classifyThrown, classifyWatchError, type KubernetesError } from './classify.ts';
import { parseObject, parsePage } from './objects.ts';
import type { Fraction, Timers, WarningLog } from './ports.ts';
import type { KubernetesTransport } from './transport.ts';
import { type Delivery, initialMemory, step, type Trouble, type WatchInput, type WatchMemory } from './watch-state.ts';

/** What is told: a cache. */
export interface WatchTarget {
  replace(objects: readonly KubernetesObject[]): void;
  apply(object: KubernetesObject): void;
  remove(last: KubernetesObject): void;
}

export interface WatcherOptions {
  readonly transport: KubernetesTransport;
  /** Of the collection: of the whole cluster, or of one namespace. */
  readonly path: string;
  /** Selectors, if any. */
  readonly query?: Readonly<Record<string, string>>;
  readonly target: WatchTarget;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly fraction: Fraction;
  readonly log: WarningLog;
  /** Milliseconds; 70 s if not given. Must be longer than a minute, except in tests. */
  readonly inactivityMs?: number;
}

const pageSize = 500;
/** Longer than the minute between two bookmarks. */
const defaultInactivityMs = 70_000;
const shortestWatchSeconds = 300;

export class Watcher {
  readonly #options: WatcherOptions;
  #memory: WatchMemory = initialMemory;

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  /** Lists and watches until the signal aborts. Called once. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { state } = this.#memory;
      switch (state.kind) {
        case 'listing':
          this.#take(await this.#list(state.continueToken, signal), signal);
          break;
        case 'watching':
          await this.#watch(state.resourceVersion, signal);
          break;
        case 'pausing':
          await this.#pause(state.forMs, signal);
          this.#take({ kind: 'paused' }, signal);
          break;
      }
    }
  }

  #take(input: WatchInput, signal: AbortSignal): void {
    if (signal.aborted) return;
    const { clock, fraction, log, path } = this.#options;
    const { delivery, warning, ...memory } = step(this.#memory, input, {
      now: clock.monotonic(),
      fraction: fraction(),
    });
    this.#memory = memory;
    if (warning !== undefined) {
      const { state, troubles } = memory;
      const afterMs = state.kind === 'pausing' ? Math.round(state.forMs) : 0;
      log.warn({ path, problem: warning, troubles: troubles.count, afterMs }, 'watch in trouble');
    }
    if (delivery !== undefined) this.#deliver(delivery);
  }

  #deliver(delivery: Delivery): void {
    const { log, path, target } = this.#options;
    try {
      if (delivery.kind === 'replace') target.replace(delivery.objects);
      else if (delivery.kind === 'apply') target.apply(delivery.object);
      else target.remove(delivery.object);
    } catch (error) {
      log.warn({ path, err: error }, 'cache did not take a change');
    }
  }

  async #list(continueToken: string, signal: AbortSignal): Promise<WatchInput> {
    const { path, query, transport } = this.#options;
    const paging = { limit: String(pageSize), ...(continueToken === '' ? {} : { continue: continueToken }) };
    const action = `list ${path}`;
    try {
      const reply = await transport.request({ method: 'GET', path, query: { ...query, ...paging }, signal });
      const answer = classifyReply(action, 'read', reply);
      if (answer.kind === 'failed') return { kind: 'trouble', trouble: troubleOf(answer.error) };
      const page = answer.kind === 'done' ? parsePage(answer.body) : undefined;
      if (page === undefined) return distrust(`Cannot ${action}: the answer is no list of objects`);
      return { kind: 'page', page };
    } catch (error) {
      return { kind: 'trouble', trouble: troubleOf(classifyThrown(action, error)) };
    }
  }

  async #watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { fraction, inactivityMs = defaultInactivityMs, path, query, timers, transport } = this.#options;
    const action = `watch ${path}`;
    const stream = new AbortController();
    const stop = (): void => stream.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    let silent = false;
    const onSilence = (): void => {
      silent = true;
      stream.abort();
    };
    let cancel = timers.schedule(inactivityMs, onSilence);
    const watching = {
      watch: 'true',
      allowWatchBookmarks: 'true',
      // Many watches that began together must not end together.
      timeoutSeconds: String(Math.floor(shortestWatchSeconds * (1 + fraction()))),
      resourceVersion,
    };
    try {
      for await (const line of transport.stream({ path, query: { ...query, ...watching }, signal: stream.signal })) {
        cancel();
        this.#take(inputOf(action, line), signal);
        // The state machine may have had enough of this stream.
        if (this.#memory.state.kind !== 'watching') return;
        cancel = timers.schedule(inactivityMs, onSilence);
      }
      this.#take({ kind: 'ended' }, signal);
    } catch (error) {
      const input = silent
        ? distrust(`Cannot ${action}: no line within ${inactivityMs} ms`)
        : { kind: 'trouble' as const, trouble: troubleOf(classifyThrown(action, error)) };
      this.#take(input, signal);
    } finally {
      cancel();
      signal.removeEventListener('abort', stop);
      stream.abort();
    }
  }

  async #pause(forMs: number, signal: AbortSignal): Promise<void> {
    const { timers } = this.#options;
    const over = Promise.withResolvers<void>();
    const end = (): void => over.resolve();
    const cancel = timers.schedule(forMs, end);
    signal.addEventListener('abort', end, { once: true });
    await over.promise;
    signal.removeEventListener('abort', end);
    cancel();
  }
}

const eventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['ADDED', 'MODIFIED', 'DELETED']), object: z.unknown() }),
  z.object({
    type: z.literal('BOOKMARK'),
    object: z.object({ metadata: z.object({ resourceVersion: z.string() }) }),
  }),
  z.object({ type: z.literal('ERROR'), object: z.unknown() }),
]);

/** What one line of a watch says; whatever cannot be read casts doubt on all that follows. */
export function inputOf(action: string, line: string): WatchInput {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return distrust(`Cannot ${action}: a line is not JSON`);
  }
  const event = eventSchema.safeParse(json).data;
  if (event === undefined) return distrust(`Cannot ${action}: a line is no watch event`);
  switch (event.type) {
    case 'BOOKMARK':
      return { kind: 'bookmark', resourceVersion: event.object.metadata.resourceVersion };
    case 'ERROR':
      return { kind: 'trouble', trouble: troubleOf(classifyWatchError(action, event.object)) };
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED': {
      const object = parseObject(event.object);
      if (object === undefined) return distrust(`Cannot ${action}: an event holds no object`);
      return { kind: 'event', type: event.type, object };
    }
  }
}

function distrust(message: string): WatchInput {
  return { kind: 'trouble', trouble: { effect: 'relist', message, retryAfterMs: 0 } };
}

/**
 * A cut connection, an overloaded server or a refused identity say nothing about our position in the stream. All other
 * answers do: 410 (expired), 504 for a version from the future, 404 for a kind that was taken away.
 */
export function troubleOf({ message, problem }: KubernetesError): Trouble {
  const { reason, retryAfterMs, status } = problem;
  const future = /too large resource version/i.test(problem.message);
  const keepsPosition =
    !future &&
    (status === undefined || status === 401 || status === 403 || status === 429 || status >= 500) &&
    reason !== 'Expired' &&
    reason !== 'Gone';
  return { effect: keepsPosition ? 'resume' : 'relist', message, retryAfterMs };
}
