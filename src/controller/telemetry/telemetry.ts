/**
 * Telemetry: what the operator tells of its work while it works. Without /metrics nobody listens, and no library of
 * metrics is loaded.
 */
import type { KubernetesObject } from '../../reconcilers/shared/ports.ts';
import type { Provider } from '../../reconcilers/shared/verdict.ts';
import type { Kind } from '../engine.ts';
import { type EngineObserver, silentObserver } from '../engine-observer.ts';
import type { FleetWords } from './fleet.ts';

/** A transport to the API server, as far as it is measured. */
export interface MeasuredTransport<Request, Reply, StreamRequest> {
  request(request: Request): Promise<Reply>;
  stream(request: StreamRequest): AsyncIterable<string>;
  close(): void;
}

/** Log lines that must exist whatever the log level. */
export interface MeasuredAudit {
  record(action: string, fields: Readonly<Record<string, unknown>>): void;
}

export interface Telemetry {
  /** For the engine of a kind; called once for each. */
  engine(kind: string): EngineObserver;
  /** The same transport, measured. `host` is that of the API server, with its port. */
  transport<
    Request extends { readonly method: string },
    Reply extends { readonly status: number },
    StreamRequest extends { readonly signal: AbortSignal },
  >(
    transport: MeasuredTransport<Request, Reply, StreamRequest>,
    host: string,
  ): MeasuredTransport<Request, Reply, StreamRequest>;
  /** The same kind, measured. */
  kind(kind: Kind): Kind;
  /** The same port, measured: each method that returns a promise is a call of the provider. */
  port<Port extends object>(provider: Provider, port: Port): Port;
  /** A request to a provider waited so many milliseconds for its turn under the limits of its account. */
  waited(provider: Provider, waitedMs: number): void;
  /** The same audit, counted. */
  audit(audit: MeasuredAudit): MeasuredAudit;
  /** @returns what is to be told whenever the lease of this name was won or lost */
  lease(name: string): (isOurs: boolean) => void;
  /** `objects` are all PhoneNumbers that the operator knows. */
  fleet(objects: () => readonly KubernetesObject[], words: FleetWords): void;
  /** `ages` are the milliseconds since each watch was heard of last. */
  watches(ages: () => ReadonlyMap<string, number>): void;
}

export const silentTelemetry: Telemetry = {
  engine: () => silentObserver,
  transport: (transport) => transport,
  kind: (kind) => kind,
  port: (_provider, port) => port,
  waited: () => undefined,
  audit: (audit) => audit,
  lease: () => () => undefined,
  fleet: () => undefined,
  watches: () => undefined,
};
