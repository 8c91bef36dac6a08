/**
 * The way to the API server, ready to be used: what the composition root needs to know of transports.
 */
import type { Clock } from '../../reconcilers/shared/ports.ts';
import { ClusterAccess } from './cluster-access.ts';
import type { ConnectionFigures } from './http2-connection.ts';
import { Http2Transport } from './http2-transport.ts';
import { locateAccess } from './locate-access.ts';
import type { Timers, WarningLog } from './ports.ts';
import type { KubernetesTransport } from './transport.ts';

export interface ConnectOptions {
  /** Path of a kubeconfig. Empty: `$KUBECONFIG`, the home folder, or the service account of the pod, in this order. */
  readonly kubeconfig: string;
  readonly userAgent: string;
  /** How long one request may take, in milliseconds; watches have no such limit. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: WarningLog;
  /** Those of `http2-transport.ts` if not given. */
  readonly figures?: ConnectionFigures;
  /** Of the process, if not given. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** A transport, and where it leads. */
export interface ConnectedTransport extends KubernetesTransport {
  /** Of the API server, with its port. */
  readonly host: string;
}

/**
 * Reads kubeconfig, certificates and token. Connections are made when they are needed, so that an API server that is down
 * fails no start.
 * @throws Error with one line when there is no kubeconfig and no service account, or one that cannot be read or used
 */
export async function connectKubernetes(options: ConnectOptions): Promise<ConnectedTransport> {
  const { clock, environment = process.env, kubeconfig, log, ...rest } = options;
  const access = new ClusterAccess(await locateAccess({ kubeconfig, environment }), clock, log);
  const { server } = await access.get();
  return Object.assign(new Http2Transport({ access, clock, ...rest }), { host: new URL(server).host });
}
