/**
 * The operator: checks, caches, leadership, providers and the engine, wired together once and in this order. This is the
 * composition root, the only file that may import everything; the process around it is in `process.ts`.
 *
 * What ends, ends the other way round: no new reconcile, those under way, the lease, events, connections.
 */
import { setImmediate } from 'node:timers/promises';
import { AccessReview } from '../providers/kubernetes/access-review.ts';
import { connectKubernetes } from '../providers/kubernetes/connect.ts';
import { KubernetesError } from '../providers/kubernetes/classify.ts';
import { KubernetesEventSink } from '../providers/kubernetes/event-sink.ts';
import { KubernetesLease } from '../providers/kubernetes/lease.ts';
import { ObjectCache } from '../providers/kubernetes/object-cache.ts';
import { ObjectClient } from '../providers/kubernetes/object-client.ts';
import { collectionPath, keyOf, type Resource } from '../providers/kubernetes/objects.ts';
import { OwnWrites } from '../providers/kubernetes/own-writes.ts';
import { KubernetesPhoneNumberStore, phoneNumbers } from '../providers/kubernetes/phone-number-store.ts';
import { telephonyAccounts } from '../providers/kubernetes/telephony-account-store.ts';
import { checkCluster } from '../providers/kubernetes/preflight.ts';
import type { KubernetesTransport } from '../providers/kubernetes/transport.ts';
import { Watcher, type WatchTarget } from '../providers/kubernetes/watcher.ts';
import {
  accountNamesOf,
  Memories,
  NumberFleet,
  numbersOf,
  phasesOf,
  type PhoneNumberKind,
  phoneNumberKind,
  type PhoneNumberKindOptions,
  servingAccountOf,
} from '../reconcilers/phone-number/index.ts';
import { finalizer } from '../reconcilers/phone-number/names.ts';
import { type Leftover, phases } from '../reconcilers/phone-number/model.ts';
import { accountNameOf } from '../reconcilers/phone-number/spec-schema.ts';
import type { EventSink, ObjectKey } from '../reconcilers/shared/ports.ts';
import { concernsNumbers, secretNamesOf } from '../reconcilers/telephony-account/index.ts';
import type { Configuration } from './config.ts';
import { matchesSelector } from './config-selector.ts';
import { Engine, type Kind, priorityOf } from './engine.ts';
import { FenceClosedError, LeaderFence } from './fence.ts';
import { OperatorHealth } from './health.ts';
import { collectGarbage } from './heap.ts';
import { LeaderElector } from './leader-elector.ts';
import { createLog, type Log } from './logging.ts';
import { openAccounts } from './main-accounts.ts';
import { wakeNeighbours } from './neighbours.ts';
import { type OperatorEnvironment, runProcess, UnusableClusterError } from './process.ts';
import { systemClock } from './system-clock.ts';
import { randomFraction, systemRandom } from './system-random.ts';
import { startTelemetry } from './telemetry/server.ts';
import { silentTelemetry, type Telemetry } from './telemetry/telemetry.ts';

const secrets: Resource = { group: '', version: 'v1', plural: 'secrets' };
const namespaces: Resource = { group: '', version: 'v1', plural: 'namespaces' };

const userAgent = 'trunkline';
const risks: readonly Leftover['risk'][] = ['RoutesCalls', 'TollFraud', 'Billing', 'Clutter'];

/** How long events may delay the end of the process, in milliseconds. */
const eventsWithinMs = 2_000;

/**
 * How long reconciles may go on after the signal to stop, in milliseconds: then they begin no further call. With the call
 * in flight (10 s), the lease and the events it stays below the 30 s that Kubernetes gives a pod.
 */
const finishWithinMs = 15_000;

/** By then each object of the first list has been looked at, if there are no more than some ten thousands. */
const firstLookTakesMs = 3_000;

/** What the parts of the operator share. */
interface Stage {
  readonly configuration: Configuration;
  readonly environment: OperatorEnvironment;
  readonly transport: KubernetesTransport;
  readonly health: OperatorHealth;
  readonly telemetry: Telemetry;
}

/** Works until the signal aborts. @throws UnusableClusterError when the kubeconfig or the cluster is not usable */
async function operate(configuration: Configuration, environment: OperatorEnvironment): Promise<void> {
  const { log, signal, instance } = environment;
  await using resources = new AsyncDisposableStack();
  const health = new OperatorHealth(systemClock);
  signal.addEventListener('abort', () => health.setReady(false), { once: true });
  const connected = await usable(() => connect(configuration, log));
  resources.defer(() => connected.close());
  const { telemetry: metrics, server } = await openTelemetry(configuration, log, health, connected);
  resources.use(server);
  const traces = await openTraces(metrics, configuration, environment);
  resources.defer(async () => await traces.close());
  const { telemetry } = traces;
  const transport = telemetry.transport(connected, connected.host);
  const stage: Stage = { configuration, environment, transport, health, telemetry };
  const events = new KubernetesEventSink({ transport, clock: systemClock, timers: systemClock, log, instance });
  resources.defer(async () => await events.close(eventsWithinMs));
  const watching = new AbortController();
  resources.defer(() => watching.abort());
  try {
    const kubeSystemUid = await checked(stage);
    const caches = startCaches(stage, AbortSignal.any([signal, watching.signal]));
    await caches.synced;
    health.setReady(!signal.aborted);
    log.info(
      { accounts: caches.accounts.list().length, phoneNumbers: caches.numbers.countsOf('phase') },
      'caches in sync',
    );
    resources.defer(systemClock.schedule(firstLookTakesMs, collectGarbage));
    const leadership = await lead(stage);
    try {
      await work(stage, caches, events, leadership.fence, kubeSystemUid);
    } finally {
      await leadership.giveBack();
    }
  } catch (error) {
    // Whatever waits ends with the signal's reason.
    if (!signal.aborted || error !== signal.reason) throw error;
  }
}

async function connect({ kubeconfig, providerTimeoutMs: deadlineMs }: Configuration, log: Log) {
  return await connectKubernetes({ kubeconfig, userAgent, deadlineMs, clock: systemClock, timers: systemClock, log });
}

/** Serves metrics and probes. Without /metrics the library for it is not even loaded. */
async function openTelemetry(
  { telemetry: { healthAddress, metrics } }: Configuration,
  log: Log,
  health: OperatorHealth,
  transport: KubernetesTransport,
) {
  const common = { healthAddress, health, clock: systemClock, timers: systemClock, log };
  if (metrics === undefined) return { telemetry: silentTelemetry, server: await startTelemetry(common) };
  const { prometheusTelemetry } = await import('./telemetry/prometheus.ts');
  const telemetry = prometheusTelemetry(systemClock);
  telemetry.watches(() => health.watchAges());
  const access = new AccessReview({ transport, clock: systemClock });
  const server = await startTelemetry({ ...common, metrics: { ...metrics, exposition: telemetry, access } });
  return { telemetry, server };
}

/** Without an endpoint the library is not even loaded. */
async function openTraces(telemetry: Telemetry, { tracesEndpoint }: Configuration, environment: OperatorEnvironment) {
  if (tracesEndpoint === '') return { telemetry, close: async () => undefined };
  const { withTraces } = await import('./telemetry/traces.ts');
  return withTraces(telemetry, { endpoint: tracesEndpoint, instance: environment.identity, log: environment.log });
}

/** Nothing is written before the cluster is known to be one that we can work in. @returns the UID of kube-system */
async function checked({ configuration, transport }: Stage): Promise<string> {
  const { leaderElection, namespace, telemetry } = configuration;
  const problems = await usable(() =>
    checkCluster(transport, {
      namespace,
      leaderElection: leaderElection !== undefined,
      metricsReviews: telemetry.metrics !== undefined && telemetry.metrics.security.kind !== 'insecure',
    }),
  );
  if (problems.length > 0) throw new UnusableClusterError(problems);
  return await usable(() => uidOfKubeSystem(transport));
}

/** What goes wrong at the start is the cluster's fault, or that of the way to it. */
async function usable<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    throw new UnusableClusterError([error instanceof Error ? error.message : String(error)], { cause: error });
  }
}

async function uidOfKubeSystem(transport: KubernetesTransport): Promise<string> {
  const found = await new ObjectClient(transport, namespaces).read({ namespace: '', name: 'kube-system' });
  if (found === undefined) throw new Error('Cannot read namespace "kube-system": it does not exist');
  return found.metadata.uid;
}

type Caches = ReturnType<typeof startCaches>;

/** Lists and watches until the signal aborts. `synced` ends when all of them are complete. */
function startCaches({ configuration, environment, transport, health }: Stage, signal: AbortSignal) {
  const { log } = environment;
  const numbers = new ObjectCache({ account: accountNamesOf, number: numbersOf, phase: phasesOf }, log);
  const accounts = new ObjectCache({ secret: secretNamesOf }, log);
  const credentials = new ObjectCache({}, log);
  const watch = (name: string, path: string, target: WatchTarget): void => {
    const watcher = new Watcher({
      transport,
      path,
      target,
      clock: systemClock,
      timers: systemClock,
      fraction: randomFraction,
      log,
    });
    health.watch(name, () => watcher.heardAt);
    // It ends with the signal and never throws.
    void watcher.run(signal);
  };
  watch(phoneNumbers.plural, collectionPath(phoneNumbers), numbers);
  watch(telephonyAccounts.plural, collectionPath(telephonyAccounts), accounts);
  watch(secrets.plural, collectionPath(secrets, configuration.namespace), credentials);
  const synced = Promise.all([numbers, accounts, credentials].map(async (cache) => await cache.whenSynced(signal)));
  return {
    numbers,
    accounts,
    secrets: credentials,
    writes: new OwnWrites(numbers, systemClock, log),
    accountWrites: new OwnWrites(accounts, systemClock, log),
    synced,
  };
}

/** Waits until this replica leads. `giveBack` ends it, once nothing is written any more. */
async function lead({ configuration, environment, transport, health, telemetry }: Stage) {
  const { log, signal, identity, leaseLost } = environment;
  const { leaderElection, namespace } = configuration;
  const fence = new LeaderFence(systemClock);
  if (leaderElection === undefined) {
    fence.holdUntil(Number.POSITIVE_INFINITY);
    return { fence, giveBack: async () => undefined };
  }
  const key = { namespace, name: leaderElection.leaseName };
  const tell = telemetry.lease(leaderElection.leaseName);
  // client-go's figure: a call that hangs leaves time for another one.
  const callMs = Math.max(1_000, leaderElection.renewDeadlineMs / 2);
  const elector = new LeaderElector({
    lease: new KubernetesLease(transport, key, callMs),
    identity,
    settings: leaderElection,
    clock: systemClock,
    timers: systemClock,
    fraction: randomFraction,
    log,
    onHeld: (until) => {
      fence.holdUntil(until);
      tell(true);
    },
    onLost: leaseLost,
  });
  const leaving = new AbortController();
  const running = elector.run(leaving.signal);
  const giveBack = async (): Promise<void> => {
    fence.close('the lease was given back');
    health.setLeading(() => undefined);
    tell(false);
    leaving.abort();
    await running;
  };
  try {
    await elector.whenLeading(signal);
  } catch (error) {
    await giveBack();
    throw error;
  }
  health.setLeading(() => fence.heldUntil);
  return { fence, giveBack };
}

/** Reconciles until the signal aborts, and ends when the reconciles under way have ended. */
async function work(
  stage: Stage,
  caches: Caches,
  events: EventSink,
  fence: LeaderFence,
  kubeSystemUid: string,
): Promise<void> {
  const { signal } = stage.environment;
  const { log } = stage.environment;
  const serves = servesOf(stage.configuration.accountSelector, caches.accounts);
  // Only now: what an earlier leader sent may still take effect for a while from here on.
  const memories = new Memories(systemClock.monotonic(), stage.configuration.phoneNumbers.lateCommitMs);
  const store = new KubernetesPhoneNumberStore(stage.transport, caches.writes);
  const fleet = new NumberFleet({
    numbers: servedOf(stage, caches),
    memories,
    clock: systemClock,
    deepLookMs: stage.configuration.telephonyAccounts.deepCheckMs,
    wake: (key) => engine.add(key, { priority: 'low' }),
    records: store,
    openPinned: (pin) => directory.openPinned(pin),
    serves,
    breathe: async () => await setImmediate(),
  });
  const accounts = await openAccounts({ ...stage, ...caches, log, fence, fleet, events, kubeSystemUid, serves });
  const { directory, health } = accounts;
  const kind = kindOf(stage, caches, { accounts: directory, events, fence, memories, store });
  const engine = numberEngineOf(stage, caches, kind);
  // One at a time of each: a provider that does not answer keeps no other account waiting.
  const accountEngine = engineOf(stage, accounts.kind, caches.accountWrites, 1, ({ name }) => name);
  let cancel = (): void => undefined;
  const onStop = (): void => {
    cancel = systemClock.schedule(finishWithinMs, () => {
      fence.close('the process is stopping');
      accounts.close('the process is stopping');
    });
  };
  signal.addEventListener('abort', onStop, { once: true });
  try {
    const running = Promise.all([engine.run(signal), accountEngine.run(signal)]);
    // What the caches have told while nobody listened.
    for (const object of caches.numbers.list()) {
      engine.add(keyOf(object), { priority: priorityOf({ before: undefined, after: object, initial: true }) });
    }
    for (const object of caches.accounts.list()) accountEngine.add(keyOf(object));
    wakeNeighbours({
      ...caches,
      health,
      numberEngine: engine,
      accountEngine,
      numbersOf,
      accountNamesOf,
      concernsNumbers: ({ before, after }) => concernsNumbers(before, after),
    });
    await running;
  } finally {
    cancel();
  }
}

function kindOf(
  stage: Stage,
  caches: Caches,
  given: Pick<PhoneNumberKindOptions, 'accounts' | 'events' | 'fence' | 'memories' | 'store'>,
): PhoneNumberKind {
  // Who let go of what has to be on record, whatever the log level.
  const audit = createLog('info');
  const { configuration, telemetry } = stage;
  const { accountSelector, phoneNumbers: settings } = configuration;
  telemetry.fleet(servedOf(stage, caches), { phases, risks, finalizer });
  return phoneNumberKind({
    ...given,
    clock: systemClock,
    random: systemRandom,
    settings,
    audit: telemetry.audit({ record: (action, fields) => audit.info({ ...fields, audit: true }, action) }),
    ...(accountSelector.length === 0 ? {} : { serves: servesOf(accountSelector, caches.accounts) }),
  });
}

/** The PhoneNumbers that are this install's, now. */
function servedOf({ configuration: { accountSelector } }: Stage, { accounts, numbers }: Caches) {
  const serves = servesOf(accountSelector, accounts);
  const isAlone = accountSelector.length === 0;
  return () => numbers.list().filter((object) => isAlone || serves(servingAccountOf(object)));
}

/** An account that does not exist has no labels: of installs that share the accounts out, exactly one serves it. */
function servesOf(selector: Configuration['accountSelector'], accounts: Caches['accounts']) {
  const labelsOf = (name: string) => accounts.get({ namespace: '', name })?.metadata.labels ?? {};
  return (name: string): boolean => matchesSelector(selector, labelsOf(name));
}

function numberEngineOf(stage: Stage, { numbers, writes }: Caches, kind: PhoneNumberKind): Engine {
  return engineOf(stage, kind, writes, stage.configuration.workers, (key) => {
    const object = numbers.get(key);
    return object === undefined ? undefined : accountNameOf(object.spec);
  });
}

function engineOf(
  { configuration: { backoff }, environment: { log }, telemetry }: Stage,
  kind: Kind,
  source: OwnWrites,
  workers: number,
  groupOf: (key: ObjectKey) => string | undefined,
): Engine {
  return new Engine({
    kind: telemetry.kind(kind),
    source,
    // In sync already.
    caches: [],
    workers,
    groupOf,
    backoff,
    clock: systemClock,
    timers: systemClock,
    fraction: randomFraction,
    log,
    observer: telemetry.engine(kind.name),
    isExpected: (error) => error instanceof KubernetesError || error instanceof FenceClosedError,
  });
}

// Not by `exitCode`: nothing that is left open may keep a stopped operator alive.
process.exit(await runProcess(operate));
