/**
 * The endpoints: /metrics over HTTPS for those who may read it, /healthz and /readyz over HTTP for the kubelet.
 *
 * Guarantees
 * - /metrics answers only whom the API server knows (TokenReview) and lets (SubjectAccessReview), as projects of kubebuilder
 *   do; without TLS it listens on the loopback address only.
 * - Nothing that is served holds a secret: metrics have bounded labels (`prometheus.ts`), and errors are only logged.
 */
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { hostname } from 'node:os';
import type { Clock } from '../../reconcilers/shared/ports.ts';
import type { Health } from '../health.ts';
import type { Log } from '../logging.ts';
import type { Timers } from '../timers.ts';
import { isLoopback, type ListenAddress } from './address.ts';
import {
  type Certificate,
  type CertificateFiles,
  type CertificateObserver,
  CertificateWatch,
  readCertificate,
} from './certificate.ts';
import type { Exposition } from './prometheus.ts';
import { selfSignedCertificate } from './self-signed-certificate.ts';

/** Who may read. */
export interface AccessCheck {
  /** Of the bearer of the token. Throws when that cannot be found out. */
  check(
    token: string,
    request: { readonly verb: string; readonly path: string },
  ): Promise<'allowed' | 'forbidden' | 'unauthenticated'>;
}

export type MetricsSecurity =
  | ({ readonly kind: 'files' } & CertificateFiles)
  /** Encrypted, with a certificate that proves nothing. */
  | { readonly kind: 'selfSigned' }
  /** No TLS and no question who asks: loopback only. */
  | { readonly kind: 'insecure' };

/** Where and how /metrics is served. */
export interface MetricsEndpoint {
  readonly address: ListenAddress;
  readonly security: MetricsSecurity;
}

export interface ServedMetrics extends MetricsEndpoint {
  readonly exposition: Exposition & CertificateObserver;
  readonly access: AccessCheck;
}

export interface TelemetryServerOptions {
  /** Off if not given. */
  readonly metrics?: ServedMetrics | undefined;
  /** Off if not given. */
  readonly healthAddress?: ListenAddress | undefined;
  readonly health: Health;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

export interface TelemetryServer extends AsyncDisposable {
  /** Such as "https://127.0.0.1:8443/metrics"; undefined if off. */
  readonly metricsUrl: string | undefined;
  /** Without the path; undefined if off. */
  readonly healthUrl: string | undefined;
}

const metricsPath = '/metrics';
const requestWithinMs = 10_000;
const idleMs = 30_000;
const mostConnections = 100;

/** Serves until it is disposed of. Throws when an address or a certificate cannot be used. */
export async function startTelemetry(options: TelemetryServerOptions): Promise<TelemetryServer> {
  await using resources = new AsyncDisposableStack();
  const { healthAddress, metrics } = options;
  const healthUrl = healthAddress === undefined ? undefined : await serveHealth(options, healthAddress, resources);
  const metricsUrl = metrics === undefined ? undefined : await serveMetrics(options, metrics, resources);
  const open = resources.move();
  return { healthUrl, metricsUrl, [Symbol.asyncDispose]: async () => await open.disposeAsync() };
}

async function serveHealth(
  { health, log }: TelemetryServerOptions,
  address: ListenAddress,
  resources: AsyncDisposableStack,
): Promise<string> {
  const server = createHttpServer((request, response) => {
    try {
      answerProbe(request, response, health);
    } catch (err) {
      log.error({ err }, 'probe failed');
      answer(response, 500, 'failed');
    }
  });
  const port = await listen(server, address, resources);
  return `http://${hostOf(address)}:${port}`;
}

function answerProbe(request: IncomingMessage, response: ServerResponse, health: Health): void {
  switch (pathOf(request)) {
    case '/healthz': {
      const problems = health.alive();
      return problems.length === 0 ? answer(response, 200, 'ok') : answer(response, 503, problems.join('\n'));
    }
    case '/readyz':
      return health.ready() ? answer(response, 200, 'ok') : answer(response, 503, 'not ready');
    default:
      return answer(response, 404, 'there are /healthz and /readyz');
  }
}

async function serveMetrics(
  options: TelemetryServerOptions,
  metrics: ServedMetrics,
  resources: AsyncDisposableStack,
): Promise<string> {
  const { access, address, security } = metrics;
  const { log } = options;
  if (security.kind === 'insecure') {
    if (!isLoopback(address)) throw new Error('Cannot serve /metrics without TLS: want a loopback address');
    const server = createHttpServer(
      (request, response) => void answerMetrics({ ...metrics, log }, undefined, request, response),
    );
    const port = await listen(server, address, resources);
    log.warn({ port }, 'metrics are served without TLS and to everybody on this machine');
    return `http://${hostOf(address)}:${port}${metricsPath}`;
  }
  const server = await tlsServer(options, security, metrics.exposition, resources);
  server.on('request', (request, response) => void answerMetrics({ ...metrics, log }, access, request, response));
  const port = await listen(server, address, resources);
  return `https://${hostOf(address)}:${port}${metricsPath}`;
}

async function tlsServer(
  { clock, log, timers }: TelemetryServerOptions,
  security: Exclude<MetricsSecurity, { kind: 'insecure' }>,
  observer: CertificateObserver,
  resources: AsyncDisposableStack,
): Promise<Server> {
  if (security.kind === 'selfSigned') {
    log.warn({}, 'metrics are served with a certificate made at the start: readers cannot tell who serves them');
    return createHttpsServer(selfSignedCertificate([hostname(), 'localhost'], clock.now()));
  }
  const read = async (): Promise<Certificate> => await readCertificate(security);
  observer.certificateRead();
  const current = await read();
  const server = createHttpsServer(current);
  const onChange = (certificate: Certificate): void => server.setSecureContext(certificate);
  resources.use(new CertificateWatch({ read, current, timers, log, observer, onChange }));
  return server;
}

/** Never throws. */
async function answerMetrics(
  { exposition, log }: { readonly exposition: Exposition; readonly log: Log },
  access: AccessCheck | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const path = pathOf(request);
    if (path !== metricsPath) return answer(response, 404, `there is ${metricsPath}`);
    if (request.method !== 'GET') return answer(response, 405, 'want GET', { allow: 'GET' });
    const refusal = access === undefined ? undefined : await refusalOf(access, request, log);
    if (refusal !== undefined) return answer(response, ...refusal);
    const text = await exposition.text();
    answer(response, 200, text, { 'content-type': exposition.contentType });
  } catch (err) {
    log.error({ err }, 'metrics not served');
    answer(response, 500, 'failed');
  }
}

type Refusal = readonly [status: number, text: string, headers?: Readonly<Record<string, string>>];

async function refusalOf(access: AccessCheck, request: IncomingMessage, log: Log): Promise<Refusal | undefined> {
  const unauthorized: Refusal = [401, 'want the bearer token of somebody who may get /metrics', bearer];
  const [, token] = /^Bearer +([\w.~+/=-]+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (token === undefined) return unauthorized;
  try {
    switch (await access.check(token, { verb: 'get', path: metricsPath })) {
      case 'allowed':
        return undefined;
      case 'forbidden':
        return [403, 'the bearer of this token may not get /metrics'];
      case 'unauthenticated':
        return unauthorized;
    }
  } catch (err) {
    log.warn({ err }, 'access to metrics not decided');
    return [503, 'the API server did not say who may'];
  }
}

const bearer = { 'www-authenticate': 'Bearer' };

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '';
}

function answer(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(text.endsWith('\n') ? text : `${text}\n`);
}

/** @returns the port */
async function listen(server: Server, { host, port }: ListenAddress, resources: AsyncDisposableStack): Promise<number> {
  server.requestTimeout = requestWithinMs;
  server.headersTimeout = requestWithinMs;
  server.maxConnections = mostConnections;
  server.setTimeout(idleMs);
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen({ port, ...(host === undefined ? {} : { host }) }, listening.resolve);
  try {
    await listening.promise;
  } catch (cause) {
    throw new Error(`Cannot listen on "${host ?? ''}:${port}": the address cannot be used`, { cause });
  }
  resources.defer(async () => {
    const closed = Promise.withResolvers<void>();
    server.close(() => closed.resolve());
    // Whoever reads at this moment reads again from the process that follows.
    server.closeAllConnections();
    await closed.promise;
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

function hostOf({ host = '127.0.0.1' }: ListenAddress): string {
  return host.includes(':') ? `[${host}]` : host;
}
