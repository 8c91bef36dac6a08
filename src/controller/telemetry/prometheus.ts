/**
 * Telemetry as Prometheus reads it: all metrics of one operator, in a registry of their own.
 *
 * Guarantees
 * - Gauges of a state are computed from it when somebody asks, so that they cannot drift from it.
 * - No label holds a number, a name, an id or a text that others may choose (docs/reference/metrics.md).
 */
import { Counter, Gauge, Registry } from 'prom-client';
import type { Clock, KubernetesObject } from '../../reconcilers/shared/ports.ts';
import { ApiServerMetrics, ProviderMetrics } from './call-metrics.ts';
import { EngineMetrics } from './engine-metrics.ts';
import { type Fleet, fleetOf, type FleetWords } from './fleet.ts';
import { ProcessMetrics } from './process-metrics.ts';
import type { CertificateObserver } from './certificate.ts';
import type { MeasuredAudit, Telemetry } from './telemetry.ts';

/** What a scrape gets. */
export interface Exposition {
  readonly contentType: string;
  text(): Promise<string>;
}

export interface PrometheusTelemetry extends Telemetry, CertificateObserver, Exposition {
  readonly registry: Registry;
}

/** Made once per process. */
export function prometheusTelemetry(clock: Clock): PrometheusTelemetry {
  const registry = new Registry();
  const engines = new EngineMetrics(registry);
  const apiServer = new ApiServerMetrics(registry, clock);
  const providers = new ProviderMetrics(registry, clock);
  const own = ownMetrics(registry);
  const process = new ProcessMetrics(registry);
  const refreshers = [() => engines.refresh(), () => process.refresh()];
  return {
    registry,
    contentType: registry.contentType,
    text: async () => {
      for (const refresh of refreshers) refresh();
      return await registry.metrics();
    },
    engine: (kind) => engines.observer(kind),
    transport: (transport, host) => apiServer.measured(transport, host),
    // The engine tells how reconciles end.
    kind: (kind) => kind,
    port: (provider, port) => providers.measured(provider, port),
    waited: (provider, waitedMs) => providers.waited(provider, waitedMs),
    audit: (audit) => countedAudit(audit, own),
    lease: (name) => {
      own.leading.set({ name }, 0);
      return (isOurs) => own.leading.set({ name }, isOurs ? 1 : 0);
    },
    fleet: (objects, words) => void refreshers.push(() => setFleet(own, objects(), words, clock.now())),
    watches: (ages) =>
      void refreshers.push(() => {
        for (const [resource, ageMs] of ages()) own.watchAge.set({ resource }, ageMs / 1_000);
      }),
    certificateRead: () => own.certificateReads.inc(),
    certificateRefused: () => own.certificateErrors.inc(),
  };
}

type OwnMetrics = ReturnType<typeof ownMetrics>;

function ownMetrics(registry: Registry) {
  const registers = [registry];
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
  return {
    phases: new Gauge({
      name: 'trunkline_phonenumbers',
      help: 'PhoneNumbers by phase',
      labelNames: ['phase'],
      registers,
    }),
    leftovers: new Gauge({
      name: 'trunkline_leftovers',
      help: 'Pieces that deletions could not remove, by what they risk',
      labelNames: ['risk'],
      registers,
    }),
    corruptedSince: gauge('trunkline_corrupted_since_seconds', 'Age of the oldest corruption; 0 if there is none'),
    deletingSince: gauge('trunkline_deleting_since_seconds', 'Age of the oldest deletion that has not ended'),
    creatingSince: gauge('trunkline_creating_since_seconds', 'Age of the oldest PhoneNumber that was never Ready'),
    watchAge: new Gauge({
      name: 'trunkline_watch_age_seconds',
      help: 'Time since each watch of the API server was heard of last',
      labelNames: ['resource'],
      registers,
    }),
    forceDeletes: counter('trunkline_force_deletes_total', 'PhoneNumbers that were let go without clean-up, confirmed'),
    vanished: counter(
      'trunkline_vanished_total',
      'PhoneNumbers that vanished while things of theirs were left outside',
    ),
    leading: new Gauge({
      name: 'leader_election_master_status',
      help: '1 while this replica holds the lease',
      labelNames: ['name'],
      registers,
    }),
    certificateReads: counter('certwatcher_read_certificate_total', 'Reads of the certificate of this endpoint'),
    certificateErrors: counter('certwatcher_read_certificate_errors_total', 'Of these, reads that gave no certificate'),
  };
}

function countedAudit(audit: MeasuredAudit, { forceDeletes, vanished }: OwnMetrics): MeasuredAudit {
  return {
    record: (action, fields) => {
      if (action === 'force delete') forceDeletes.inc();
      else if (action === 'vanished') vanished.inc();
      audit.record(action, fields);
    },
  };
}

function setFleet(own: OwnMetrics, objects: readonly KubernetesObject[], words: FleetWords, now: number): void {
  const fleet: Fleet = fleetOf(objects, words);
  const age = (since: number | undefined): number => (since === undefined ? 0 : Math.max(0, now - since) / 1_000);
  for (const [phase, count] of fleet.phases) own.phases.set({ phase }, count);
  for (const [risk, count] of fleet.leftovers) own.leftovers.set({ risk }, count);
  own.corruptedSince.set(age(fleet.corruptedSince));
  own.deletingSince.set(age(fleet.deletingSince));
  own.creatingSince.set(age(fleet.creatingSince));
}
