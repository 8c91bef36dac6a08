/**
 * Load: creates and deletes PhoneNumbers as fast as the API server takes them, and sees on a watch of its own when each
 * has become Ready or is gone.
 *
 * Guarantees
 * - A watch that ends is resumed where it was, and after "too old" it lists again: an API server cuts slow watches.
 * - Times are taken when a request is sent and when a watch event is read, on one clock.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { ApiConnection } from '../api/connection.ts';
import { collectionPath, manifestOf, type ManifestOptions, nameOf } from '../phone-numbers.ts';

/** Numbers of consecutive indexes. */
export interface Batch extends ManifestOptions {
  readonly first: number;
  readonly count: number;
}

/** How a batch went: seconds from the first request to the last object, milliseconds of each from its own request. */
export interface BatchTimes {
  readonly seconds: number;
  readonly perObjectMs: readonly number[];
}

/** Hears of each write that was answered, with the resource version that it led to. */
export type Announce = (what: 'created' | 'deleted', name: string, resourceVersion: string) => void;

const eventSchema = z.object({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: z.object({
    metadata: z
      .object({ name: z.string().default(''), resourceVersion: z.string().default('') })
      .default({ name: '', resourceVersion: '' }),
    status: z.unknown().optional(),
  }),
});
const phaseSchema = z.object({ phase: z.string() });
const listSchema = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().default('') }),
  items: z.array(z.object({ metadata: z.object({ name: z.string() }), status: z.unknown().optional() })),
});

/** So long without any progress means that a peer does not work. */
const patienceMs = 60_000;

type Goal = 'ready' | 'gone';

interface Waiting {
  readonly goal: Goal;
  readonly names: Set<string>;
  readonly seenAt: Map<string, number>;
  readonly done: PromiseWithResolvers<void>;
}

export class Load {
  readonly #writing: ApiConnection;
  readonly #watching: ApiConnection;
  readonly #concurrency: number;
  readonly #announce: Announce;
  #waiting: Waiting | undefined;

  /** `concurrency` is how many requests are under way at once. */
  constructor(writing: ApiConnection, watching: ApiConnection, concurrency: number, announce: Announce) {
    this.#writing = writing;
    this.#watching = watching;
    this.#concurrency = concurrency;
    this.#announce = announce;
  }

  /** Watches until the connection is closed. */
  async watch(): Promise<void> {
    for (let version = await this.#list(); ; ) {
      const query = `watch=true&allowWatchBookmarks=true&resourceVersion=${version}`;
      let expired = false;
      const status = await this.#watching.watch(`${collectionPath}?${query}`, (line) => {
        const seen = this.#take(line);
        if (seen === undefined) expired = true;
        else version = seen;
      });
      // Right after a definition was installed, its watches are refused for a moment.
      if (status !== 200) await sleep(200);
      if (expired || status !== 200) version = await this.#list();
    }
  }

  /** Creates a batch, and waits until all of it is Ready; with `withinMs` no longer than that. */
  async createReady(batch: Batch & { readonly withinMs?: number }): Promise<BatchTimes> {
    const create = async (index: number): Promise<void> => await this.#create(index, batch);
    return await this.#run('ready', batch, create, batch.withinMs);
  }

  /** Creates a batch and does not wait. */
  async send(batch: Batch): Promise<void> {
    await this.each(batch, async (index) => await this.#create(index, batch));
  }

  /** Deletes a batch, and waits until all of it is gone. */
  async deleteGone(batch: Batch): Promise<BatchTimes> {
    return await this.#run('gone', batch, async (index) => {
      const path = `${collectionPath}/${nameOf(index)}`;
      this.#announce('deleted', nameOf(index), versionIn(await this.#writing.expect(200, 'DELETE', path)));
    });
  }

  /** Calls `work` for each index of the batch, with the usual concurrency. */
  async each({ count, first }: Batch, work: (index: number) => Promise<void>): Promise<void> {
    let next = first;
    const worker = async (): Promise<void> => {
      while (next < first + count) {
        const index = next;
        next += 1;
        await work(index);
      }
    };
    await Promise.all(Array.from({ length: this.#concurrency }, worker));
  }

  async #create(index: number, { count: _count, first: _first, ...options }: Batch): Promise<void> {
    const body = JSON.stringify(manifestOf(index, options));
    const text = await this.#writing.expect(201, 'POST', collectionPath, body);
    this.#announce('created', nameOf(index), versionIn(text));
  }

  async #run(
    goal: Goal,
    batch: Batch,
    send: (index: number) => Promise<void>,
    withinMs = Number.POSITIVE_INFINITY,
  ): Promise<BatchTimes> {
    const names = Array.from({ length: batch.count }, (_, offset) => nameOf(batch.first + offset));
    const waiting: Waiting = { goal, names: new Set(names), seenAt: new Map(), done: Promise.withResolvers() };
    this.#waiting = waiting;
    const sentAt = new Map<string, number>();
    const startedAt = performance.now();
    await this.each(batch, async (index) => {
      sentAt.set(nameOf(index), performance.now());
      await send(index);
    });
    await this.#whenDone(waiting, startedAt + withinMs);
    const seen = [...waiting.seenAt];
    const endedAt = waiting.names.size === 0 ? Math.max(...waiting.seenAt.values()) : performance.now();
    return {
      seconds: (endedAt - startedAt) / 1_000,
      perObjectMs: seen.map(([name, at]) => at - (sentAt.get(name) ?? at)),
    };
  }

  /** @throws Error when nothing of the batch was seen for too long, unless there is an end to the waiting */
  async #whenDone(waiting: Waiting, until: number): Promise<void> {
    let left = waiting.names.size;
    let movedAt = performance.now();
    const checking = setInterval(() => {
      const now = performance.now();
      if (waiting.names.size !== left) movedAt = now;
      left = waiting.names.size;
      if (now >= until) waiting.done.resolve();
      else if (until === Number.POSITIVE_INFINITY && now - movedAt > patienceMs) {
        const example = [...waiting.names].slice(0, 3).join(', ');
        const seconds = patienceMs / 1_000;
        waiting.done.reject(
          new Error(`${left} objects are not ${waiting.goal} after ${seconds} s, such as ${example}`),
        );
      }
    }, 100);
    try {
      await waiting.done.promise;
    } finally {
      clearInterval(checking);
      this.#waiting = undefined;
    }
  }

  /** @returns the resource version that the event led to; `undefined` when the watch has expired */
  #take(line: string): string | undefined {
    const { object, type } = eventSchema.parse(JSON.parse(line));
    if (type === 'ERROR') return undefined;
    const { name, resourceVersion } = object.metadata;
    if (type === 'DELETED') this.#saw('gone', name);
    else if (phaseSchema.safeParse(object.status).data?.phase === 'Ready') this.#saw('ready', name);
    return resourceVersion;
  }

  /** What a list does not have is gone, and what it has may be Ready. @returns its resource version */
  async #list(): Promise<string> {
    const present = new Set<string>();
    let version = '';
    let token = '';
    do {
      const query = token === '' ? 'limit=500' : `limit=500&continue=${encodeURIComponent(token)}`;
      const text = await this.#watching.expect(200, 'GET', `${collectionPath}?${query}`);
      const { items, metadata } = listSchema.parse(JSON.parse(text));
      for (const item of items) {
        present.add(item.metadata.name);
        if (phaseSchema.safeParse(item.status).data?.phase === 'Ready') this.#saw('ready', item.metadata.name);
      }
      version = metadata.resourceVersion;
      token = metadata.continue;
    } while (token !== '');
    if (this.#waiting?.goal === 'gone') {
      for (const name of this.#waiting.names) if (!present.has(name)) this.#saw('gone', name);
    }
    return version;
  }

  #saw(goal: Goal, name: string): void {
    const waiting = this.#waiting;
    if (waiting?.goal !== goal || !waiting.names.delete(name)) return;
    waiting.seenAt.set(name, performance.now());
    if (waiting.names.size === 0) waiting.done.resolve();
  }
}

/** Without parsing all of the object: the first one in an answer is the object's own. */
export function versionIn(text: string): string {
  return /"resourceVersion":"(\d+)"/.exec(text)?.[1] ?? '';
}
