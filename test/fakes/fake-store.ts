/**
 * Fake of the API server, as far as PhoneNumbers and OrphanRecords need it, with the cache a process looks through.
 *
 * It models what `PhoneNumberStore` promises: compare-and-swap, spec, status and metadata that cannot touch each other,
 * finalizers that keep a deleted object, and a watch that may lag behind and does not wake the operator for its own writes
 * (`own-writes.ts`).
 */
import { isDeepStrictEqual } from 'node:util';
import type { OrphanRecord, PhoneNumberStore } from '../../src/reconcilers/phone-number/ports.ts';
import { ConflictError, type KubernetesObject, keyText, type ObjectKey } from '../../src/reconcilers/shared/ports.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import { ApiFailure, type Effects, type OperatorProcess } from './effects.ts';
import { applyMergePatch, isObject, type Json } from './merge-patch.ts';

interface WatchEvent {
  readonly key: ObjectKey;
  readonly object: KubernetesObject | undefined;
}

/** What a person may write when creating an object. */
export interface Manifest extends ObjectKey {
  readonly spec: unknown;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  /** Only where the order of UIDs matters. */
  readonly uid?: string;
  /** Only a restore writes it. */
  readonly status?: Json;
}

export class FakeStore {
  readonly records = new Map<string, OrphanRecord>();
  /** While true the watch is silent: `cached` shows what was delivered last. */
  isWatchSilent = false;
  readonly #objects = new Map<string, KubernetesObject>();
  readonly #cache = new Map<string, KubernetesObject>();
  readonly #undelivered: WatchEvent[] = [];
  /** Revisions that the operator made and knows of: its own writes do not wake it. */
  readonly #answered = new Set<string>();
  readonly #clock: FakeClock;
  readonly #effects: Effects;
  #revision = 1;
  #created = 0;

  constructor(clock: FakeClock, effects: Effects) {
    this.#clock = clock;
    this.#effects = effects;
  }

  get(key: ObjectKey): KubernetesObject | undefined {
    return this.#objects.get(keyText(key));
  }

  get all(): readonly KubernetesObject[] {
    return [...this.#objects.values()];
  }

  /** Of everything that is there, and of what only the cache still shows. */
  get keys(): readonly ObjectKey[] {
    return [...new Map([...this.#objects, ...this.#cache]).values()].map(keyOf);
  }

  // What people do.

  create({ namespace, name, spec, annotations = {}, finalizers = [], uid, status }: Manifest): KubernetesObject {
    this.#created += 1;
    const key = { namespace, name };
    if (this.get(key) !== undefined) throw new Error(`${keyText(key)} exists`);
    return this.#put(key, {
      metadata: {
        namespace,
        name,
        uid: uid ?? `${this.#created.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`,
        resourceVersion: '',
        generation: 1,
        creationTimestamp: this.#timestamp(),
        annotations,
        finalizers,
      },
      spec,
      // The CRD's default.
      status: status ?? {
        phase: 'Pending',
        conditions: [
          {
            type: 'Ready',
            status: 'Unknown',
            reason: 'Provisioning',
            message: 'Not looked at yet',
            lastTransitionTime: '1970-01-01T00:00:00Z',
          },
        ],
      },
    });
  }

  editSpec(key: ObjectKey, patch: Json): void {
    const { metadata, ...object } = this.#existing(key);
    const generation = (metadata.generation ?? 0) + 1;
    this.#put(key, { ...object, metadata: { ...metadata, generation }, spec: applyMergePatch(object.spec, patch) });
  }

  /** `undefined` removes the annotation. */
  annotate(key: ObjectKey, name: string, value: string | undefined): void {
    const { metadata, ...object } = this.#existing(key);
    const { [name]: _before, ...annotations } = metadata.annotations ?? {};
    this.#put(key, {
      ...object,
      metadata: { ...metadata, annotations: value === undefined ? annotations : { ...annotations, [name]: value } },
    });
  }

  delete(key: ObjectKey): void {
    const { metadata, ...object } = this.#existing(key);
    if (metadata.deletionTimestamp !== undefined) return;
    const generation = (metadata.generation ?? 0) + 1;
    this.#put(key, { ...object, metadata: { ...metadata, generation, deletionTimestamp: this.#timestamp() } });
  }

  setFinalizers(key: ObjectKey, finalizers: readonly string[]): void {
    const { metadata, ...object } = this.#existing(key);
    this.#put(key, { ...object, metadata: { ...metadata, finalizers } });
  }

  /** As someone with access to the status subresource can, or an operator of another version. */
  writeStatus(key: ObjectKey, patch: Json): void {
    const object = this.#existing(key);
    this.#put(key, { ...object, status: applyMergePatch(object.status, patch) });
  }

  /** The cluster is gone with everything in it; UIDs are never given again. */
  loseEverything(): void {
    this.#objects.clear();
    this.records.clear();
  }

  // The watch.

  /** The next events of the watch, all of them: keys that changed, and the last sight of objects that vanished. */
  deliver(): { readonly changed: readonly ObjectKey[]; readonly vanished: readonly KubernetesObject[] } {
    if (this.isWatchSilent) return { changed: [], vanished: [] };
    const events = this.#undelivered.splice(0);
    const vanished: KubernetesObject[] = [];
    for (const { key, object } of events) {
      const before = this.#cache.get(keyText(key));
      if (before !== undefined && before.metadata.uid !== object?.metadata.uid) vanished.push(before);
      if (object === undefined) this.#cache.delete(keyText(key));
      else this.#cache.set(keyText(key), object);
    }
    const news = events.filter(({ object }) => !this.#answered.has(object?.metadata.resourceVersion ?? ''));
    return { changed: news.map(({ key }) => key), vanished };
  }

  /** A new process begins with a list: what vanished before is not seen by it. */
  relist(): readonly ObjectKey[] {
    this.#undelivered.length = 0;
    this.#cache.clear();
    for (const [text, object] of this.#objects) this.#cache.set(text, object);
    return this.all.map(keyOf);
  }

  // The port.

  connect(process: OperatorProcess): PhoneNumberStore {
    const call = async <T>(operation: string, isWrite: boolean, apply: () => T): Promise<T> =>
      await this.#effects.perform({ process, system: 'Kubernetes', operation, isWrite }, apply);
    return {
      cached: (key) => {
        process.assertAlive();
        return this.#cache.get(keyText(key));
      },
      read: async (key) => await call('read', false, () => this.get(key)),
      listByNumber: async (phoneNumber) =>
        await call('listByNumber', false, () =>
          this.all.filter(({ spec }) => isObject(spec) && spec['phoneNumber'] === phoneNumber),
        ),
      patchMetadata: async (object, patch) =>
        this.#answer(object, await call('patchMetadata', true, () => this.#patchMetadata(object, patch))),
      patchStatus: async (object, patch) =>
        this.#answer(
          object,
          await call('patchStatus', true, () => {
            const live = this.#swapped(object);
            return this.#put(keyOf(live), { ...live, status: applyMergePatch(live.status, patch) });
          }),
        ),
      createOrphanRecord: async (record) =>
        await call('createOrphanRecord', true, () => {
          if (!this.records.has(record.uid)) this.records.set(record.uid, record);
        }),
      deleteOrphanRecord: async (uid) =>
        await call('deleteOrphanRecord', true, () => {
          this.records.delete(uid);
        }),
    };
  }

  #answer(before: KubernetesObject, after: KubernetesObject): KubernetesObject {
    const { resourceVersion } = after.metadata;
    if (resourceVersion !== before.metadata.resourceVersion) this.#answered.add(resourceVersion);
    return after;
  }

  #patchMetadata(object: KubernetesObject, patch: Json): KubernetesObject {
    const live = this.#swapped(object);
    const unexpected = Object.keys(patch).filter((key) => key !== 'finalizers' && key !== 'annotations');
    if (unexpected.length > 0) throw new Error(`The operator has no business with metadata.${unexpected.join(', ')}`);
    const metadata = { ...live.metadata, ...(applyMergePatch(live.metadata, patch) as KubernetesObject['metadata']) };
    const before = live.metadata.finalizers ?? [];
    const added = (metadata.finalizers ?? []).filter((name) => !before.includes(name));
    if (metadata.deletionTimestamp !== undefined && added.length > 0) {
      throw new ApiFailure(`No finalizer can be added to an object that is being deleted: ${added.join(', ')}`);
    }
    return this.#put(keyOf(live), { ...live, metadata });
  }

  /** The live object, if it is the very revision that the write was decided on. */
  #swapped(object: KubernetesObject): KubernetesObject {
    const live = this.get(keyOf(object));
    if (live?.metadata.uid !== object.metadata.uid) throw new ConflictError('The object is gone');
    if (live.metadata.resourceVersion !== object.metadata.resourceVersion)
      throw new ConflictError('The object changed');
    return live;
  }

  #existing(key: ObjectKey): KubernetesObject {
    const object = this.get(key);
    if (object === undefined) throw new Error(`${keyText(key)} does not exist`);
    return object;
  }

  /** Stores an object, unless nothing changed or nothing holds it any more. */
  #put(key: ObjectKey, { metadata, ...object }: KubernetesObject): KubernetesObject {
    const before = this.get(key);
    if (before !== undefined && isDeepStrictEqual(before, { ...object, metadata })) return before;
    this.#revision += 1;
    // Through JSON as over the wire: nothing is shared, nothing is undefined.
    const after = JSON.parse(
      JSON.stringify({ ...object, metadata: { ...metadata, resourceVersion: String(this.#revision) } }),
    ) as KubernetesObject;
    const isGone = metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0;
    if (isGone) this.#objects.delete(keyText(key));
    else this.#objects.set(keyText(key), after);
    this.#undelivered.push({ key, object: isGone ? undefined : after });
    return after;
  }

  #timestamp(): string {
    return `${new Date(this.#clock.now()).toISOString().slice(0, 19)}Z`;
  }
}

export function keyOf({ metadata }: KubernetesObject): ObjectKey {
  return { namespace: metadata.namespace ?? '', name: metadata.name };
}
