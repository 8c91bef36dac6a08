/**
 * Churn: random changes, deletions and creations over a batch of objects, for the soak.
 *
 * At the end every object of the batch exists, and everyone whose last generation is not observed as Ready within the
 * patience is named: that is what a controller missed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type ApiConnection, mergePatch } from '../api/connection.ts';
import { collectionPath, manifestOf, nameOf } from '../phone-numbers.ts';
import type { Batch, Load } from './load.ts';

/** A batch, how long to churn it, and how long the controller may take for the rest. */
export interface ChurnBatch extends Batch {
  readonly milliseconds: number;
  readonly patienceMs: number;
}

/** Writes a second: enough to keep a controller busy, and far from what the API server can take. */
const operationsPerSecond = 40;

const objectSchema = z.object({
  metadata: z.object({ generation: z.number(), deletionTimestamp: z.string().optional() }),
  status: z.object({
    conditions: z.array(z.object({ type: z.string(), status: z.string(), observedGeneration: z.number().optional() })),
  }),
});

export class Churn {
  readonly #load: Load;
  readonly #api: ApiConnection;
  readonly #batch: ChurnBatch;
  #operations = 0;

  constructor(load: Load, api: ApiConnection, batch: ChurnBatch) {
    this.#load = load;
    this.#api = api;
    this.#batch = batch;
  }

  async run(): Promise<{ readonly operations: number; readonly missed: readonly string[] }> {
    const { count, first, milliseconds, patienceMs } = this.#batch;
    const until = performance.now() + milliseconds;
    while (performance.now() < until) {
      await this.#operate(first + Math.floor(Math.random() * count));
      await sleep(1_000 / operationsPerSecond);
    }
    const deadline = performance.now() + patienceMs;
    const unseen = new Set(Array.from({ length: count }, (_, offset) => first + offset));
    while (unseen.size > 0 && performance.now() < deadline) {
      await this.#load.each({ first: 0, count: unseen.size }, this.#check([...unseen], unseen));
      await sleep(1_000);
    }
    return { operations: this.#operations, missed: [...unseen].map(nameOf) };
  }

  async #operate(index: number): Promise<void> {
    this.#operations += 1;
    const path = `${collectionPath}/${nameOf(index)}`;
    const chance = Math.random();
    if (chance < 0.15) await this.#api.request('DELETE', path);
    else if (chance < 0.35) await this.#create(index);
    else {
      const { spec } = manifestOf(index, { revision: this.#operations });
      await this.#api.request('PATCH', path, JSON.stringify({ spec }), mergePatch);
    }
  }

  /** Whatever is still missing is made, also once its deletion has ended. */
  #check(indexes: readonly number[], unseen: Set<number>): (position: number) => Promise<void> {
    return async (position) => {
      const index = indexes[position] ?? 0;
      const { status, text } = await this.#api.request('GET', `${collectionPath}/${nameOf(index)}`);
      if (status === 404) await this.#create(index);
      const object = status === 200 ? objectSchema.safeParse(JSON.parse(text)).data : undefined;
      if (object === undefined || object.metadata.deletionTimestamp !== undefined) return;
      const { generation } = object.metadata;
      const isSeen = ['Ready', 'Synced'].every((type) =>
        object.status.conditions.some(
          (one) => one.type === type && one.status === 'True' && one.observedGeneration === generation,
        ),
      );
      if (isSeen) unseen.delete(index);
    };
  }

  async #create(index: number): Promise<void> {
    await this.#api.request('POST', collectionPath, JSON.stringify(manifestOf(index)));
  }
}
