/**
 * PhoneNumbers at the API server: the store of the PhoneNumber kind, and the resources it lives on.
 *
 * Guarantees
 * - `cached` is never behind our own writes (see own-writes.ts).
 * - Every write is one request with the resourceVersion that was decided on; none is repeated here.
 */
import type { OrphanRecord, PhoneNumberStore, RecordStore } from '../../reconcilers/phone-number/ports.ts';
import { group, version } from '../../reconcilers/shared/api-group.ts';
import type { KubernetesObject, ObjectKey } from '../../reconcilers/shared/ports.ts';
import { ObjectClient } from './object-client.ts';
import type { Resource } from './objects.ts';
import type { OwnWrites } from './own-writes.ts';
import type { KubernetesTransport } from './transport.ts';

export const phoneNumbers: Resource = { group, version, plural: 'phonenumbers' };
const orphanRecords: Resource = { group, version, plural: 'orphanrecords' };

/** Index of a cache: the phase that the status says, if it says any. */
export function phasesOf({ status }: KubernetesObject): readonly string[] {
  const phase: unknown = typeof status === 'object' && status !== null ? Reflect.get(status, 'phase') : undefined;
  return typeof phase === 'string' ? [phase] : [];
}

export class KubernetesPhoneNumberStore implements PhoneNumberStore, RecordStore {
  readonly #writes: OwnWrites;
  readonly #phoneNumbers: ObjectClient;
  readonly #orphanRecords: ObjectClient;

  /** `writes` stands before the cache of all PhoneNumbers. */
  constructor(transport: KubernetesTransport, writes: OwnWrites) {
    this.#writes = writes;
    this.#phoneNumbers = new ObjectClient(transport, phoneNumbers);
    this.#orphanRecords = new ObjectClient(transport, orphanRecords);
  }

  cached(key: ObjectKey): KubernetesObject | undefined {
    return this.#writes.newest(key);
  }

  async read(key: ObjectKey): Promise<KubernetesObject | undefined> {
    return await this.#phoneNumbers.read(key);
  }

  async listByNumber(phoneNumber: string): Promise<readonly KubernetesObject[]> {
    const value = phoneNumber.replaceAll(/[\\,=]/g, String.raw`\$&`);
    return await this.#phoneNumbers.list({ fieldSelector: `spec.phoneNumber=${value}` });
  }

  async patchMetadata(
    object: KubernetesObject,
    metadata: Readonly<Record<string, unknown>>,
  ): Promise<KubernetesObject> {
    return await this.#writes.track(object, async () => await this.#phoneNumbers.patch(object, { metadata }));
  }

  async patchStatus(object: KubernetesObject, status: Readonly<Record<string, unknown>>): Promise<KubernetesObject> {
    return await this.#writes.track(object, async () => await this.#phoneNumbers.patch(object, { status }, '/status'));
  }

  async createOrphanRecord(record: OrphanRecord): Promise<void> {
    const key = { namespace: '', name: record.uid };
    const body = {
      apiVersion: `${group}/${version}`,
      kind: 'OrphanRecord',
      metadata: { name: record.uid },
      spec: record,
    };
    await this.#orphanRecords.create(body, key);
  }

  async listOrphanRecords(): Promise<readonly KubernetesObject[]> {
    return await this.#orphanRecords.list();
  }

  async patchOrphanRecordStatus(record: KubernetesObject, status: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#orphanRecords.patch(record, { status }, '/status');
  }

  async deleteOrphanRecord(uid: string): Promise<void> {
    await this.#orphanRecords.delete({ namespace: '', name: uid });
  }
}
