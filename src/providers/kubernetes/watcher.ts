/**
 * Watcher: keeps a cache equal to a collection of the API server, by list and watch.
 *
 * Guarantees
 * - It ends only when its signal aborts; every trouble is logged as a warning and outlived (`watch-state.ts`).
 * - A cache or listener that throws does not end it.
 * - A list is told as a whole, and objects share their equal parts: reading a list again takes little more memory.
 * - A connection that is open but dead is given up after `inactivityMs` without a line. Bookmarks come every minute, so
 *   silence means trouble.
 */
import { type Clock, type KubernetesObject, keyText, type ObjectKey } from '../../reconcilers/shared/ports.ts';
import { classifyReply, classifyThrown } from './classify.ts';
import { keyOf, parsePage } from './objects.ts';
import type { Fraction, Timers, WarningLog } from './ports.ts';
import { share } from './sharing.ts';
import type { KubernetesTransport } from './transport.ts';
import { distrust, inputOf, troubleOf } from './watch-event.ts';
import {
  type Delivery,
  initialMemory,
  step,
  type WatchInput,
  type WatchMemory,
  type WatchState,
} from './watch-state.ts';

/** What is told: a cache. */
export interface WatchTarget {
  get(key: ObjectKey): KubernetesObject | undefined;
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
/** A list as a stream, from the newest state. */
const everything = { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' };

export class Watcher {
  readonly #options: WatcherOptions;
  #memory: WatchMemory = initialMemory;
  /** The objects of a list so far. */
  readonly #staged = new Map<string, KubernetesObject>();
  #lastObject: KubernetesObject | undefined;
  #heardAt: number;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#heardAt = options.clock.monotonic();
  }

  /** When the server said anything last, a bookmark at least once a minute; in monotonic milliseconds. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Lists and watches until the signal aborts. Called once. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { state } = this.#memory;
      switch (state.kind) {
        case 'listing':
          if (state.continueToken === '') this.#staged.clear();
          this.#take(await this.#list(state.continueToken, signal), signal);
          break;
        case 'streaming':
          this.#staged.clear();
          await this.#watch(everything, signal);
          break;
        case 'watching':
          await this.#watch({ resourceVersion: state.resourceVersion }, signal);
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
    const {
      deliveries = [],
      warning,
      ...memory
    } = step(this.#memory, input, {
      now: clock.monotonic(),
      fraction: fraction(),
    });
    this.#memory = memory;
    if (warning !== undefined) {
      const { state, troubles } = memory;
      const afterMs = state.kind === 'pausing' ? Math.round(state.forMs) : 0;
      log.warn({ path, problem: warning, troubles: troubles.count, afterMs }, 'watch in trouble');
    }
    for (const delivery of deliveries) this.#deliver(delivery);
  }

  #deliver(delivery: Delivery): void {
    const { log, path, target } = this.#options;
    try {
      switch (delivery.kind) {
        case 'stage':
          for (const object of delivery.objects) this.#staged.set(keyText(keyOf(object)), this.#shared(object));
          break;
        case 'unstage':
          this.#staged.delete(keyText(keyOf(delivery.object)));
          break;
        case 'replace': {
          const objects = [...this.#staged.values()];
          this.#staged.clear();
          target.replace(objects);
          break;
        }
        case 'apply':
          target.apply(this.#shared(delivery.object));
          break;
        case 'remove':
          target.remove(delivery.object);
          break;
      }
    } catch (error) {
      log.warn({ path, err: error }, 'cache did not take a change');
    }
  }

  /** An object most resembles its own last version, or else its neighbour in the list. */
  #shared(object: KubernetesObject): KubernetesObject {
    this.#lastObject = share(object, this.#options.target.get(keyOf(object)) ?? this.#lastObject);
    return this.#lastObject;
  }

  async #list(continueToken: string, signal: AbortSignal): Promise<WatchInput> {
    const { clock, path, query, transport } = this.#options;
    const paging = { limit: String(pageSize), ...(continueToken === '' ? {} : { continue: continueToken }) };
    const action = `list ${path}`;
    try {
      const reply = await transport.request({ method: 'GET', path, query: { ...query, ...paging }, signal });
      const answer = classifyReply(action, 'read', reply);
      if (answer.kind === 'failed') return { kind: 'trouble', trouble: troubleOf(answer.error) };
      this.#heardAt = clock.monotonic();
      const page = answer.kind === 'done' ? parsePage(answer.body) : undefined;
      if (page === undefined) return distrust(`Cannot ${action}: the answer is no list of objects`);
      return { kind: 'page', page };
    } catch (error) {
      return { kind: 'trouble', trouble: troubleOf(classifyThrown(action, error)) };
    }
  }

  async #watch(from: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
    const { clock, fraction, inactivityMs = defaultInactivityMs, path, query, timers, transport } = this.#options;
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
      ...from,
    };
    try {
      for await (const line of transport.stream({ path, query: { ...query, ...watching }, signal: stream.signal })) {
        cancel();
        this.#heardAt = clock.monotonic();
        this.#take(inputOf(action, line), signal);
        // The state machine may have had enough of this stream.
        if (!isWatch(this.#memory.state)) return;
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

function isWatch({ kind }: WatchState): boolean {
  return kind === 'watching' || kind === 'streaming';
}
