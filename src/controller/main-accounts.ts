/**
 * The part of the composition root that is about accounts: who opens their providers, how hard these are worked, and who
 * probes them.
 */
import { ObjectClient } from '../providers/kubernetes/object-client.ts';
import type { ObjectCache } from '../providers/kubernetes/object-cache.ts';
import type { Resource } from '../providers/kubernetes/objects.ts';
import type { OwnWrites } from '../providers/kubernetes/own-writes.ts';
import { KubernetesTelephonyAccountStore } from '../providers/kubernetes/telephony-account-store.ts';
import type { KubernetesTransport } from '../providers/kubernetes/transport.ts';
import { RequestLimiters } from '../providers/limiter/request-limiters.ts';
import { accountNamesOf } from '../reconcilers/phone-number/index.ts';
import type { EventSink, Fence, KubernetesObject } from '../reconcilers/shared/ports.ts';
import type { Fleet } from '../reconcilers/shared/snapshot.ts';
import {
  AccountDirectory,
  AccountHealth,
  Surveys,
  type TelephonyAccountKind,
  telephonyAccountKind,
} from '../reconcilers/telephony-account/index.ts';
import type { AccountLookups, Connect } from '../reconcilers/telephony-account/ports.ts';
import type { Configuration } from './config.ts';
import type { Log } from './logging.ts';
import { systemClock } from './system-clock.ts';
import { randomFraction } from './system-random.ts';
import type { Telemetry } from './telemetry/telemetry.ts';

const namespaces: Resource = { group: '', version: 'v1', plural: 'namespaces' };

export interface AccountParts {
  readonly configuration: Configuration;
  readonly transport: KubernetesTransport;
  readonly telemetry: Telemetry;
  readonly log: Log;
  readonly fence: Fence;
  readonly events: EventSink;
  readonly kubeSystemUid: string;
  readonly numbers: ObjectCache<'account' | 'number'>;
  readonly accounts: ObjectCache<'secret'>;
  /** Of the operator's namespace. */
  readonly secrets: ObjectCache;
  /** Before the cache of accounts. */
  readonly accountWrites: OwnWrites;
  /** Whether this install serves an account. */
  readonly serves: (accountName: string) => boolean;
  readonly fleet: Fleet;
}

export interface OpenedAccounts {
  readonly directory: AccountDirectory;
  readonly kind: TelephonyAccountKind;
  readonly health: AccountHealth;
  /** Sends nothing more, and keeps nobody waiting. */
  readonly close: (why: string) => void;
}

export async function openAccounts(parts: AccountParts): Promise<OpenedAccounts> {
  const { configuration, events, fence, fleet, log, numbers, telemetry, transport } = parts;
  const { namespace: operatorNamespace, phoneNumbers, telephonyAccounts: settings } = configuration;
  const health = new AccountHealth(systemClock);
  const limits = new RequestLimiters({
    clock: systemClock,
    timers: systemClock,
    assertMaySend: () => fence.assertSurelyLeader(),
    changeWithinMs: phoneNumbers.proofMaxAgeMs,
    onWaited: (provider, waitedMs) => telemetry.waited(provider, waitedMs),
  });
  const store = new KubernetesTelephonyAccountStore({
    transport,
    writes: parts.accountWrites,
    numbers,
    accountNamesOf,
  });
  const surveys = new Surveys({ fleet, clock: systemClock, settings, knownUids: () => store.knownUids() });
  const directory = new AccountDirectory({
    operatorNamespace,
    limits,
    health,
    surveys,
    notices: { notice: (message, fields) => log.warn(fields, message) },
    lookups: lookupsOf(parts),
    connect: await connectionsOf(parts, limits),
  });
  const { serves } = parts;
  const kind = telephonyAccountKind({
    store,
    directory,
    health,
    surveys,
    events,
    clock: systemClock,
    fraction: randomFraction,
    settings,
    operatorNamespace,
    serves,
  });
  return { directory, health, kind, close: (why) => limits.close(why) };
}

function lookupsOf({ accounts, configuration, kubeSystemUid, secrets, transport }: AccountParts): AccountLookups {
  const { namespace } = configuration;
  const namespaceClient = new ObjectClient(transport, namespaces);
  return {
    account: (name) => accounts.get({ namespace: '', name }),
    secretData: (name) => dataOf(secrets.get({ namespace, name })),
    namespaceLabels: async (name) => {
      const found = await namespaceClient.read({ namespace: '', name });
      return found === undefined ? undefined : (found.metadata.labels ?? {});
    },
    kubeSystemUid: () => kubeSystemUid,
  };
}

async function connectionsOf({ configuration, telemetry }: AccountParts, limits: RequestLimiters): Promise<Connect> {
  const { providerTimeoutMs: timeoutMs, twilioBaseUrl } = configuration;
  // Only who works needs the SDKs: a replica that waits stays small, and the caches fill sooner.
  const [{ connectTwilio }, { connectLiveKit }] = await Promise.all([
    import('../providers/twilio/connect-twilio.ts'),
    import('../providers/livekit/connect-livekit.ts'),
  ]);
  return {
    twilio: ({ accountSid, credentials }) => {
      const baseUrl = twilioBaseUrl === '' ? {} : { baseUrl: twilioBaseUrl };
      const limiter = limits.of('Twilio', accountSid);
      const options = { accountSid, credentials, timeoutMs, clock: systemClock, limiter, ...baseUrl };
      return telemetry.port('Twilio', connectTwilio(options));
    },
    livekit: ({ url, credentials: { apiKey, apiSecret } }) => {
      const limiter = limits.of('LiveKit', url);
      return telemetry.port('LiveKit', connectLiveKit({ url, apiKey, apiSecret, timeoutMs, limiter }));
    },
  };
}

/** `data` of a Secret; it stands beside the parts that every object has. */
function dataOf(secret: KubernetesObject | undefined): Readonly<Record<string, string>> | undefined {
  if (secret === undefined) return undefined;
  const data: unknown = Reflect.get(secret, 'data');
  if (typeof data !== 'object' || data === null) return {};
  return Object.fromEntries(
    Object.entries(data).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
