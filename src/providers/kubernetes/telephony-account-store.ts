/**
 * TelephonyAccounts at the API server, and the PhoneNumbers that use them.
 *
 * Guarantees: as `phone-number-store.ts`.
 */
import { group, version } from '../../reconcilers/shared/api-group.ts';
import type { KubernetesObject, ObjectKey } from '../../reconcilers/shared/ports.ts';
import type { AccountStore } from '../../reconcilers/telephony-account/ports.ts';
import type { ObjectCache } from './object-cache.ts';
import { ObjectClient } from './object-client.ts';
import { keyOf, type Resource } from './objects.ts';
import type { OwnWrites } from './own-writes.ts';
import { phoneNumbers } from './phone-number-store.ts';
import type { KubernetesTransport } from './transport.ts';

export const telephonyAccounts: Resource = { group, version, plural: 'telephonyaccounts' };

export interface TelephonyAccountStoreOptions {
  readonly transport: KubernetesTransport;
  /** Before the cache of all TelephonyAccounts. */
  readonly writes: OwnWrites;
  /** All PhoneNumbers, found by the names of the accounts they use. */
  readonly numbers: Pick<ObjectCache<'account'>, 'byIndex' | 'list'>;
  /** What the index goes by. */
  readonly accountNamesOf: (number: KubernetesObject) => readonly string[];
}

export class KubernetesTelephonyAccountStore implements AccountStore {
  readonly #options: TelephonyAccountStoreOptions;
  readonly #accounts: ObjectClient;
  readonly #numbers: ObjectClient;

  constructor(options: TelephonyAccountStoreOptions) {
    this.#options = options;
    this.#accounts = new ObjectClient(options.transport, telephonyAccounts);
    this.#numbers = new ObjectClient(options.transport, phoneNumbers);
  }

  cached(name: string): KubernetesObject | undefined {
    return this.#options.writes.newest({ namespace: '', name });
  }

  async read(name: string): Promise<KubernetesObject | undefined> {
    return await this.#accounts.read({ namespace: '', name });
  }

  async patchMetadata(
    object: KubernetesObject,
    metadata: Readonly<Record<string, unknown>>,
  ): Promise<KubernetesObject> {
    return await this.#options.writes.track(object, async () => await this.#accounts.patch(object, { metadata }));
  }

  async patchStatus(object: KubernetesObject, status: Readonly<Record<string, unknown>>): Promise<KubernetesObject> {
    const write = async () => await this.#accounts.patch(object, { status }, '/status');
    return await this.#options.writes.track(object, write);
  }

  usersOf(name: string): readonly ObjectKey[] {
    return this.#options.numbers.byIndex('account', name).map(keyOf);
  }

  async listUsers(name: string): Promise<readonly ObjectKey[]> {
    const all = await this.#numbers.list();
    return all.filter((number) => this.#options.accountNamesOf(number).includes(name)).map(keyOf);
  }

  knownUids(): ReadonlySet<string> {
    return new Set(this.#options.numbers.list().map(({ metadata }) => metadata.uid.slice(0, 8)));
  }
}
