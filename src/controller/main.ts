/**
 * The operator: caches, providers and the engine, wired together once. This is the composition root, the only file that
 * may import everything; the process around it is in `process.ts`.
 */
import { connectLiveKit } from '../providers/livekit/connect-livekit.ts';
import { connectTwilio } from '../providers/twilio/connect-twilio.ts';
import { CredentialSource, loadKubeConfig } from '../providers/kubernetes/credentials.ts';
import { KubernetesEventSink } from '../providers/kubernetes/event-sink.ts';
import { HttpsTransport } from '../providers/kubernetes/https-transport.ts';
import { ObjectCache } from '../providers/kubernetes/object-cache.ts';
import { ObjectClient } from '../providers/kubernetes/object-client.ts';
import { collectionPath, keyOf, type Resource } from '../providers/kubernetes/objects.ts';
import { OwnWrites } from '../providers/kubernetes/own-writes.ts';
import { KubernetesPhoneNumberStore, phoneNumbers } from '../providers/kubernetes/phone-number-store.ts';
import type { KubernetesTransport } from '../providers/kubernetes/transport.ts';
import { Watcher } from '../providers/kubernetes/watcher.ts';
import { accountNamesOf, numbersOf, phoneNumberKind } from '../reconcilers/phone-number/index.ts';
import { group, version } from '../reconcilers/shared/api-group.ts';
import type { KubernetesObject } from '../reconcilers/shared/ports.ts';
import { AccountDirectory, secretNamesOf } from '../reconcilers/telephony-account/index.ts';
import type { Configuration } from './config.ts';
import { Engine } from './engine.ts';
import { openFence } from './fence.ts';
import { createLog, type Log } from './logging.ts';
import { type OperatorEnvironment, runProcess } from './process.ts';
import { systemClock } from './system-clock.ts';
import { randomFraction, systemRandom } from './system-random.ts';

const telephonyAccounts: Resource = { group, version, plural: 'telephonyaccounts' };
const secrets: Resource = { group: '', version: 'v1', plural: 'secrets' };
const namespaces: Resource = { group: '', version: 'v1', plural: 'namespaces' };

const userAgent = 'trunkline';

/** How long events may delay the end of the process, in milliseconds. */
const eventsWithinMs = 2_000;

/** Works until the signal aborts. Throws when the kubeconfig or the cluster is not usable. */
async function operate(configuration: Configuration, environment: OperatorEnvironment): Promise<void> {
  const { log, signal, instance } = environment;
  const credentials = new CredentialSource(() => loadKubeConfig(configuration.kubeconfig), systemClock);
  const transport = new HttpsTransport(credentials, userAgent, configuration.providerTimeoutMs);
  const events = new KubernetesEventSink({ transport, clock: systemClock, timers: systemClock, log, instance });
  try {
    const namespaceClient = new ObjectClient(transport, namespaces);
    const kubeSystem = await namespaceClient.read({ namespace: '', name: 'kube-system' });
    if (kubeSystem === undefined) throw new Error('Cannot read namespace "kube-system": it does not exist');

    const caches = {
      numbers: new ObjectCache({ account: accountNamesOf, number: numbersOf }, log),
      accounts: new ObjectCache({ secret: secretNamesOf }, log),
      secrets: new ObjectCache({}, log),
    };
    const writes = new OwnWrites(caches.numbers, systemClock, log);
    const directory = accountDirectory(configuration, log, {
      account: (name) => caches.accounts.get({ namespace: '', name }),
      secret: (name) => caches.secrets.get({ namespace: configuration.namespace, name }),
      namespace: async (name) => await namespaceClient.read({ namespace: '', name }),
      kubeSystemUid: kubeSystem.metadata.uid,
    });
    // Who let go of what has to be on record, whatever the log level.
    const audit = createLog('info');
    const kind = phoneNumberKind({
      store: new KubernetesPhoneNumberStore(transport, writes),
      accounts: directory,
      events,
      clock: systemClock,
      random: systemRandom,
      fence: openFence,
      settings: configuration.phoneNumbers,
      audit: { record: (action, fields) => audit.info({ ...fields, audit: true }, action) },
    });
    const engine = new Engine({
      kind,
      source: writes,
      caches: Object.values(caches),
      workers: configuration.workers,
      backoff: configuration.backoff,
      clock: systemClock,
      timers: systemClock,
      fraction: randomFraction,
      log,
    });
    const wake = (objects: readonly KubernetesObject[]): void => {
      for (const object of objects) engine.add(keyOf(object));
    };
    caches.accounts.subscribe(({ before, after }) => {
      const name = (after ?? before)?.metadata.name;
      if (name !== undefined) wake(caches.numbers.byIndex('account', name));
    });
    caches.secrets.subscribe(({ before, after }) => {
      const name = (after ?? before)?.metadata.name;
      if (name === undefined) return;
      for (const account of caches.accounts.byIndex('secret', name))
        wake(caches.numbers.byIndex('account', account.metadata.name));
    });
    // Whoever waits for the same number looks again when its holder goes or changes.
    caches.numbers.subscribe(({ before, after, initial }) => {
      const object = after ?? before;
      if (object === undefined || initial) return;
      const rivals = numbersOf(object).flatMap((number) => caches.numbers.byIndex('number', number));
      wake(rivals.filter(({ metadata }) => metadata.uid !== object.metadata.uid));
    });

    const watch = (path: string, cache: ObjectCache | typeof caches.numbers | typeof caches.accounts): Promise<void> =>
      watcherOf(transport, path, cache, log).run(signal);
    await Promise.all([
      watch(collectionPath(phoneNumbers), caches.numbers),
      watch(collectionPath(telephonyAccounts), caches.accounts),
      watch(collectionPath(secrets, configuration.namespace), caches.secrets),
      engine.run(signal),
    ]);
  } finally {
    await events.close(eventsWithinMs);
    transport.close();
  }
}

function watcherOf(
  transport: KubernetesTransport,
  path: string,
  target: ConstructorParameters<typeof Watcher>[0]['target'],
  log: Log,
): Watcher {
  return new Watcher({
    transport,
    path,
    target,
    clock: systemClock,
    timers: systemClock,
    fraction: randomFraction,
    log,
  });
}

interface Lookups {
  account(name: string): KubernetesObject | undefined;
  secret(name: string): KubernetesObject | undefined;
  namespace(name: string): Promise<KubernetesObject | undefined>;
  readonly kubeSystemUid: string;
}

function accountDirectory(configuration: Configuration, log: Log, lookups: Lookups): AccountDirectory {
  const { providerTimeoutMs: timeoutMs, twilioBaseUrl } = configuration;
  return new AccountDirectory({
    operatorNamespace: configuration.namespace,
    notices: { notice: (message, fields) => log.warn(fields, message) },
    lookups: {
      account: (name) => lookups.account(name),
      secretData: (name) => dataOf(lookups.secret(name)),
      namespaceLabels: async (name) => {
        const namespace = await lookups.namespace(name);
        return namespace === undefined ? undefined : (namespace.metadata.labels ?? {});
      },
      kubeSystemUid: () => lookups.kubeSystemUid,
    },
    connect: {
      twilio: ({ accountSid, credentials }) =>
        connectTwilio({
          accountSid,
          credentials,
          timeoutMs,
          clock: systemClock,
          ...(twilioBaseUrl === '' ? {} : { baseUrl: twilioBaseUrl }),
        }),
      livekit: ({ url, credentials: { apiKey, apiSecret } }) => connectLiveKit({ url, apiKey, apiSecret, timeoutMs }),
    },
  });
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

process.exitCode = await runProcess(operate);
