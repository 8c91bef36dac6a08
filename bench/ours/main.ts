/**
 * Our peer: the engine, the Kubernetes provider and the PhoneNumber kind as they are, with providers in this process.
 *
 * Wired as in src/controller/main.ts, less accounts and Secrets, which the stubs stand for. Its log is the operator's,
 * at the operator's level; events are left out unless asked for, since no other peer writes any.
 */
import { parseArgs } from 'node:util';
import { readConfiguration } from '../../src/controller/config.ts';
import { Engine } from '../../src/controller/engine.ts';
import { openFence } from '../../src/controller/fence.ts';
import { createLog } from '../../src/controller/logging.ts';
import { systemClock } from '../../src/controller/system-clock.ts';
import { randomFraction, systemRandom } from '../../src/controller/system-random.ts';
import { prometheusTelemetry } from '../../src/controller/telemetry/prometheus.ts';
import { KubernetesError } from '../../src/providers/kubernetes/classify.ts';
import { connectKubernetes } from '../../src/providers/kubernetes/connect.ts';
import { KubernetesEventSink } from '../../src/providers/kubernetes/event-sink.ts';
import { ObjectCache } from '../../src/providers/kubernetes/object-cache.ts';
import { collectionPath } from '../../src/providers/kubernetes/objects.ts';
import { OwnWrites } from '../../src/providers/kubernetes/own-writes.ts';
import { KubernetesPhoneNumberStore, phoneNumbers } from '../../src/providers/kubernetes/phone-number-store.ts';
import { Watcher } from '../../src/providers/kubernetes/watcher.ts';
import { accountNamesOf, Memories, numbersOf, phoneNumberKind } from '../../src/reconcilers/phone-number/index.ts';
import { accountNameOf } from '../../src/reconcilers/phone-number/spec-schema.ts';
import { accountStubs } from './account-stubs.ts';

const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string', default: '' },
    workers: { type: 'string', default: '10' },
    /** So many workers for each account, as the operator has them, instead of in all. */
    'by-account': { type: 'boolean', default: false },
    'latency-ms': { type: 'string', default: '0' },
    'hanging-account': { type: 'string', default: '' },
    'deadline-ms': { type: 'string', default: '10000' },
    /** Prints a line for each call to a provider. */
    trace: { type: 'boolean', default: false },
    events: { type: 'boolean', default: false },
  },
});

const defaults = readConfiguration([], {});
if (defaults.kind !== 'run') throw new Error('Cannot use the default configuration: it is not valid');
const { backoff, logLevel, phoneNumbers: settings, providerTimeoutMs: deadlineMs } = defaults.configuration;

const log = createLog(logLevel);
const stopping = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stopping.abort());

const { kubeconfig } = values;
const machine = { clock: systemClock, timers: systemClock, log };
const connected = await connectKubernetes({ kubeconfig, userAgent: 'trunkline-bench', deadlineMs, ...machine });
const telemetry = prometheusTelemetry(systemClock);
const transport = telemetry.transport(connected, connected.host);
const sink = new KubernetesEventSink({ transport, instance: 'bench', ...machine });
const cache = new ObjectCache({ account: accountNamesOf, number: numbersOf }, log);
const writes = new OwnWrites(cache, systemClock, log);

function report(event: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

const kind = phoneNumberKind({
  store: new KubernetesPhoneNumberStore(transport, writes),
  accounts: accountStubs({
    latencyMs: Number(values['latency-ms']),
    hangingAccount: values['hanging-account'],
    deadlineMs: Number(values['deadline-ms']),
    ...(values.trace ? { told: (call) => report({ event: 'provider', ...call }) } : {}),
  }),
  events: values.events ? sink : { publish: () => undefined },
  clock: systemClock,
  random: systemRandom,
  memories: new Memories(systemClock.monotonic(), settings.lateCommitMs),
  fence: openFence,
  settings,
  audit: { record: () => undefined },
});
const engine = new Engine({
  kind,
  source: writes,
  caches: [cache],
  workers: Number(values.workers),
  ...(values['by-account']
    ? {
        groupOf: (key) => {
          const object = cache.get(key);
          return object === undefined ? undefined : accountNameOf(object.spec);
        },
      }
    : {}),
  backoff,
  fraction: randomFraction,
  observer: telemetry.engine(kind.name),
  isExpected: (error) => error instanceof KubernetesError,
  ...machine,
});
const watcher = new Watcher({
  transport,
  path: collectionPath(phoneNumbers),
  target: cache,
  fraction: randomFraction,
  ...machine,
});

async function reportSync(): Promise<void> {
  await cache.whenSynced(stopping.signal);
  report({ event: 'synced', at: Date.now() });
}

await Promise.all([watcher.run(stopping.signal), engine.run(stopping.signal), reportSync()]);
await sink.close(1_000);
transport.close();
