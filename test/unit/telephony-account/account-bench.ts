/**
 * A TelephonyAccount kind at work in memory: an API server with one account, its Secrets, and two providers that answer as
 * a test says. The account's reconciles run as the engine would run them: when something changes, and when they are due.
 */
import type { Outcome } from '../../../src/reconcilers/shared/outcome.ts';
import {
  ConflictError,
  type EventNote,
  type KubernetesObject,
  type ObjectKey,
} from '../../../src/reconcilers/shared/ports.ts';
import { type Provider, ProviderError, type Verdict } from '../../../src/reconcilers/shared/verdict.ts';
import type { WildcardRule } from '../../../src/reconcilers/shared/telephony.ts';
import type { SecretData } from '../../../src/reconcilers/telephony-account/credentials.ts';
import {
  AccountDirectory,
  AccountHealth,
  Surveys,
  telephonyAccountKind,
} from '../../../src/reconcilers/telephony-account/index.ts';
import type { AccountStore } from '../../../src/reconcilers/telephony-account/ports.ts';
import { refusingLiveKit, refusingTwilio } from '../../../src/reconcilers/telephony-account/refusing-ports.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { accountObject, goodSecrets } from './account-objects.ts';

export const settings = { probeMs: 30_000, checkMs: 600_000, trunkLimit: 100 };

/** What a fleet finds when it compares. */
const agreement = { known: 0, missing: [] as readonly string[] };

/** A trunk as a list shows it, with what a test cares about. */
const trunkOf = (friendlyName: string) => ({
  sid: 'TK1',
  accountSid: 'AC1',
  friendlyName,
  domainName: 'one.pstn.twilio.com',
  transferMode: 'disable-all',
  secure: false,
  disasterRecoveryUrl: '',
});

export class AccountBench {
  readonly clock = new FakeClock();
  readonly health = new AccountHealth(this.clock);
  readonly secrets = new Map<string, SecretData>(Object.entries(goodSecrets));
  readonly events: EventNote[] = [];
  /** Calls that reached a provider, in their order. */
  readonly calls: string[] = [];
  /** What is wrong with a provider, or with one of its calls. */
  readonly problems = new Map<Provider | 'probeDeleteRight', Verdict>();
  trunks: readonly string[] = [];
  wildcards: readonly WildcardRule[] = [];
  /** PhoneNumbers as the cache shows them, and as they are. */
  cachedUsers: readonly ObjectKey[] = [];
  users: readonly ObjectKey[] = [];
  uids = new Set<string>();
  /** What the lists of a provider contradict. */
  comparisons = { Twilio: agreement, LiveKit: agreement };
  /** What the fleet was told to do. */
  readonly orders: string[] = [];
  /** Successful writes, as words. */
  readonly writes: string[] = [];
  object: KubernetesObject | undefined;
  /** What the cache shows; the object itself if undefined. */
  staleObject: KubernetesObject | undefined;
  /** Runs before the next write. */
  beforeWrite = (): void => undefined;
  readonly directory: AccountDirectory;
  readonly #kind: ReturnType<typeof telephonyAccountKind>;
  #version = 1;

  constructor(serves?: (name: string) => boolean) {
    const store = this.#store();
    const compare = async (provider: Provider) => {
      await Promise.resolve();
      return { ...this.comparisons[provider], lookAgain: () => this.orders.push(`look again because of ${provider}`) };
    };
    const surveys = new Surveys({
      clock: this.clock,
      settings,
      knownUids: () => store.knownUids(),
      fleet: {
        compareTwilio: async () => await compare('Twilio'),
        compareLiveKit: async () => await compare('LiveKit'),
        sweepRecords: async (sid) => void (await Promise.resolve(this.orders.push(`sweep ${sid}`))),
        wakeAll: (identity) => this.orders.push(`wake all of ${identity}`),
      },
    });
    this.object = accountObject();
    this.directory = new AccountDirectory({
      operatorNamespace: 'trunkline-system',
      health: this.health,
      surveys,
      lookups: {
        account: (name) => (name === 'default' ? this.object : undefined),
        secretData: (name) => this.secrets.get(name),
        namespaceLabels: async () => await Promise.resolve(undefined),
        kubeSystemUid: () => '0123abcd-1111-2222-3333-444455556666',
      },
      connect: { twilio: () => this.#twilio(), livekit: () => this.#livekit() },
    });
    this.#kind = telephonyAccountKind({
      directory: this.directory,
      health: this.health,
      surveys,
      store,
      events: { publish: (_regarding, event) => this.events.push(event) },
      clock: this.clock,
      // The middle: neither more nor less than the settings say.
      fraction: () => 0.5,
      settings,
      operatorNamespace: 'trunkline-system',
      ...(serves === undefined ? {} : { serves }),
    });
  }

  async reconcile(): Promise<Outcome> {
    return await this.#kind.reconcile({ namespace: '', name: 'default' });
  }

  /** Reconciles, again when an outcome says so. @returns the Ready condition */
  async settle(): Promise<Readonly<Record<string, unknown>> | undefined> {
    for (let round = 0; round < 5; round += 1) {
      if ((await this.reconcile()).kind !== 'again') break;
    }
    return this.ready;
  }

  /** Somebody changes metadata or spec. */
  edit(change: { readonly metadata?: Partial<KubernetesObject['metadata']>; readonly spec?: object }): void {
    const object = this.#present();
    this.#replace(object, {
      ...object,
      metadata: { ...object.metadata, generation: (object.metadata.generation ?? 1) + 1, ...change.metadata },
      spec: { ...(object.spec as object), ...change.spec },
    });
  }

  requestDelete(): void {
    this.edit({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } });
    if ((this.object?.metadata.finalizers ?? []).length === 0) this.object = undefined;
  }

  get status(): Readonly<Record<string, unknown>> {
    return (this.object?.status ?? {}) as Readonly<Record<string, unknown>>;
  }

  get ready(): Readonly<Record<string, unknown>> | undefined {
    const conditions = (this.status['conditions'] ?? []) as readonly Readonly<Record<string, unknown>>[];
    return conditions.find((one) => one['type'] === 'Ready');
  }

  get finalizers(): readonly string[] {
    return this.object?.metadata.finalizers ?? [];
  }

  #present(): KubernetesObject {
    if (this.object === undefined) throw new Error('The account object is gone');
    return this.object;
  }

  #replace(before: KubernetesObject, after: KubernetesObject): KubernetesObject {
    if (before.metadata.resourceVersion !== this.object?.metadata.resourceVersion) throw new ConflictError('changed');
    this.#version += 1;
    const written = { ...after, metadata: { ...after.metadata, resourceVersion: String(this.#version) } };
    const isGone = written.metadata.deletionTimestamp !== undefined && (written.metadata.finalizers ?? []).length === 0;
    this.object = isGone ? undefined : written;
    return written;
  }

  #store(): AccountStore {
    const write = (what: string, before: KubernetesObject, after: () => KubernetesObject): KubernetesObject => {
      this.beforeWrite();
      this.beforeWrite = () => undefined;
      const written = this.#replace(before, after());
      this.staleObject = undefined;
      this.writes.push(what);
      return written;
    };
    return {
      cached: () => this.staleObject ?? this.object,
      read: async () => await Promise.resolve(this.object),
      patchMetadata: async (object, metadata) =>
        await Promise.resolve(
          write('metadata', object, () => ({ ...object, metadata: { ...object.metadata, ...metadata } })),
        ),
      patchStatus: async (object, status) =>
        await Promise.resolve(
          write('status', object, () => ({
            ...object,
            status: { ...(object.status as object | undefined), ...status },
          })),
        ),
      usersOf: () => this.cachedUsers,
      listUsers: async () => await Promise.resolve(this.users),
      knownUids: () => this.uids,
    };
  }

  #answer<T>(provider: Provider, call: string, value: () => T): () => Promise<T> {
    return async () => {
      this.calls.push(call);
      await Promise.resolve();
      const verdict =
        this.problems.get(provider) ?? (call === 'probeDeleteRight' ? this.problems.get(call) : undefined);
      if (verdict !== undefined) throw new ProviderError(provider, call, verdict);
      return value();
    };
  }

  #twilio() {
    return {
      ...refusingTwilio(unexpected),
      listNumbers: this.#answer('Twilio', 'listNumbers', () => []),
      proveAccount: this.#answer('Twilio', 'proveAccount', () => undefined),
      probeDeleteRight: this.#answer('Twilio', 'probeDeleteRight', () => undefined),
      listTrunks: this.#answer('Twilio', 'listTrunks', () => this.trunks.map(trunkOf)),
      listCredentialLists: this.#answer('Twilio', 'listCredentialLists', () => []),
      listIpAccessControlLists: this.#answer('Twilio', 'listIpAccessControlLists', () => []),
    };
  }

  #livekit() {
    return {
      ...refusingLiveKit(unexpected),
      listInboundTrunks: this.#answer('LiveKit', 'listInboundTrunks', () => []),
      findWildcardRules: this.#answer('LiveKit', 'findWildcardRules', () => this.wildcards),
      listDispatchRules: this.#answer('LiveKit', 'listDispatchRules', () => []),
      listOutboundTrunks: this.#answer('LiveKit', 'listOutboundTrunks', () => []),
    };
  }
}

/** No other call may be made. */
const unexpected = { kind: 'identity', reason: 'AccountMismatch', message: 'not a call for a probe' } as const;
