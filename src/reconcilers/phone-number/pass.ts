/**
 * One pass over one PhoneNumber: the chain of compare-and-swap writes, and the guard before every external call.
 *
 * Guarantees
 * - Every write carries the resourceVersion of the object that was decided on; a conflict throws `ConflictError`.
 * - An external write happens only while an answer of the API server, not of the cache, is at most `proofMaxAgeMs` old
 *   and the lease is surely ours (DESIGN W1, W3).
 * - A pass that changes something outside and runs longer than `progressAfterMs` writes what it knows before its next
 *   external call. One that only looks does not: it has nothing to tell, and would wake itself again and again.
 * - A status that equals the one sent last is not sent again.
 */
import { mergePatch } from '../shared/merge-patch.ts';
import { ConflictError, type EventNote, type KubernetesObject, type ObjectKey } from '../shared/ports.ts';
import type { ObjectMemory } from './memory.ts';
import type { KnownIds, PhoneNumber, PhoneNumberStatus, PreviousRouting, RoutingRecord } from './model.ts';
import { finalizer } from './names.ts';
import type { Dependencies } from './ports.ts';
import { parsePhoneNumber, storedStatus } from './schema.ts';

export class Pass {
  readonly dependencies: Dependencies;
  readonly memory: ObjectMemory;
  #raw: KubernetesObject;
  #object: PhoneNumber | undefined;
  /** Monotonic time of the last answer of the API server about exactly this revision; none when it came from the cache. */
  #provenAt: number | undefined;
  #quietSince: number;
  #progress: (() => PhoneNumberStatus) | undefined;
  #changesOutside = false;
  #guarding: Promise<void> = Promise.resolve();

  constructor(dependencies: Dependencies, raw: KubernetesObject, live: boolean) {
    this.dependencies = dependencies;
    this.#raw = raw;
    this.memory = dependencies.memories.of(raw.metadata.uid);
    const now = dependencies.clock.monotonic();
    this.#provenAt = live ? now : undefined;
    this.#quietSince = now;
  }

  get object(): PhoneNumber {
    // Nobody looks at what the last write of a pass was answered with.
    this.#object ??= parsePhoneNumber(this.#raw);
    return this.#object;
  }

  get raw(): KubernetesObject {
    return this.#raw;
  }

  get key(): ObjectKey {
    return { namespace: this.object.namespace, name: this.object.name };
  }

  /** What the status and this process know together. */
  get ids(): KnownIds {
    return { ...this.object.status.ids, ...this.memory.ids };
  }

  /** The same for where the number is. */
  get routing(): PhoneNumberStatus['routing'] {
    return this.memory.routing ?? this.object.status.routing;
  }

  /** What of the number's webhooks is ours, and what they replaced, if that can be given back. */
  get routes(): { readonly record: RoutingRecord; readonly previous: PreviousRouting | undefined } {
    const { previousRouting, routedTo, routingTo } = this.object.status;
    return { record: { routedTo, routingTo }, previous: this.memory.cannotGiveBack ? undefined : previousRouting };
  }

  /** The wall clock as RFC 3339, whole seconds as Kubernetes writes it. */
  timestamp(atMs: number = this.dependencies.clock.now()): string {
    return `${new Date(atMs).toISOString().slice(0, 19)}Z`;
  }

  /** What a long pass writes before its next external call. */
  reportProgress(progress: () => PhoneNumberStatus): void {
    this.#progress = progress;
  }

  event(event: EventNote): void {
    this.dependencies.events.publish(this.#raw, event);
  }

  async patchMetadata(metadata: Readonly<Record<string, unknown>>): Promise<void> {
    this.#accept(await this.dependencies.store.patchMetadata(this.#raw, metadata));
  }

  /** Takes our finalizer off; whatever the cache shows afterwards is the past. Throws as `patchMetadata` does. */
  async release(metadata: Readonly<Record<string, unknown>> = {}): Promise<void> {
    // Before the write: its watch event may come before its answer.
    this.memory.released = true;
    try {
      await this.patchMetadata({
        ...metadata,
        finalizers: this.object.finalizers.filter((name) => name !== finalizer),
      });
    } catch (error) {
      this.memory.released = false;
      throw error;
    }
  }

  async writeStatus(status: PhoneNumberStatus): Promise<void> {
    const stored = storedStatus(status);
    const patch = mergePatch(isRecord(this.#raw.status) ? this.#raw.status : {}, stored);
    if (Object.keys(patch).length === 0) return;
    const text = JSON.stringify(stored);
    const last = this.memory.lastSentStatus;
    if (last?.status === text && last.resourceVersion === this.#raw.metadata.resourceVersion) return;
    this.#accept(await this.dependencies.store.patchStatus(this.#raw, patch));
    this.memory.lastSentStatus = { status: text, resourceVersion: this.#raw.metadata.resourceVersion };
    this.#quietSince = this.dependencies.clock.monotonic();
  }

  /** To be awaited before every external call. Parallel branches take turns, so that none writes twice. */
  async beforeCall(): Promise<void> {
    const turn = this.#guarding.then(() => this.#writeProgress());
    this.#guarding = turn.catch(() => undefined);
    await turn;
  }

  /** To be awaited before every external write. */
  async beforeWrite(): Promise<void> {
    const turn = this.#guarding.then(async () => {
      this.#changesOutside = true;
      await this.#writeProgress();
      await this.#prove();
    });
    this.#guarding = turn.catch(() => undefined);
    await turn;
    this.dependencies.fence.assertSurelyLeader();
  }

  async #writeProgress(): Promise<void> {
    const { clock, settings } = this.dependencies;
    if (!this.#changesOutside || this.#progress === undefined) return;
    if (clock.monotonic() - this.#quietSince < settings.progressAfterMs) return;
    await this.writeStatus(this.#progress());
    this.#quietSince = clock.monotonic();
  }

  async #prove(): Promise<void> {
    const { clock, settings, store } = this.dependencies;
    if (this.#provenAt !== undefined && clock.monotonic() - this.#provenAt <= settings.proofMaxAgeMs) return;
    const live = await store.read(this.key);
    if (live?.metadata.resourceVersion !== this.#raw.metadata.resourceVersion) {
      throw new ConflictError('The object is not the one that was decided on');
    }
    this.#provenAt = clock.monotonic();
  }

  #accept(answer: KubernetesObject): void {
    this.#raw = answer;
    this.#object = undefined;
    this.#provenAt = this.dependencies.clock.monotonic();
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
