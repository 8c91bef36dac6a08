/**
 * The endpoints on real sockets, with a real API server that says who may read.
 */
import { copyFile, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/controller/system-clock.ts';
import { prometheusTelemetry } from '../../src/controller/telemetry/prometheus.ts';
import { selfSignedCertificate } from '../../src/controller/telemetry/self-signed-certificate.ts';
import {
  type ServedMetrics,
  startTelemetry,
  type TelemetryServerOptions,
} from '../../src/controller/telemetry/server.ts';
import { AccessReview } from '../../src/providers/kubernetes/access-review.ts';
import { connectKubernetes } from '../../src/providers/kubernetes/connect.ts';
import { KubernetesEventSink } from '../../src/providers/kubernetes/event-sink.ts';
import type { KubernetesTransport } from '../../src/providers/kubernetes/transport.ts';
import { connectTwilio } from '../../src/providers/twilio/connect-twilio.ts';
import type { KubernetesObject } from '../../src/reconcilers/shared/ports.ts';
import { API_KEY, NUMBERS, OWN, startTestEmulator, TOKEN } from '../emulator/twilio/test-emulator.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordedLog } from '../support/log-lines.ts';
import { startWorld, type World } from '../tools/world.ts';

const loopback = { host: '127.0.0.1', port: 0 };
const soon = { timeout: 20_000, interval: 50 };

let world: World;
let transport: KubernetesTransport;

beforeAll(async () => {
  world = await startWorld({ liveKitServers: 0, controllerManager: false });
  const folder = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
  await world.applyManifests([folder('deploy/operator/namespace.yaml'), folder('crds'), folder('deploy/operator')]);
  transport = await connectKubernetes({
    kubeconfig: world.controlPlane.operatorKubeconfig,
    userAgent: 'test',
    deadlineMs: 10_000,
    clock: systemClock,
    timers: systemClock,
    log: recordedLog().log,
  });
});
afterAll(async () => {
  transport?.close();
  await world?.[Symbol.asyncDispose]();
});

async function kubectl(...args: readonly string[]): Promise<string> {
  return (await world.controlPlane.kubectl(args)).stdout.trim();
}

/** A token of a ServiceAccount that was made for it. */
async function tokenOf(name: string): Promise<string> {
  await kubectl('create', 'serviceaccount', name, '--namespace=default');
  return await kubectl('create', 'token', name, '--namespace=default');
}

async function letRead(name: string): Promise<void> {
  await kubectl(
    'create',
    'clusterrolebinding',
    name,
    '--clusterrole=trunkline-metrics-reader',
    `--serviceaccount=default:${name}`,
  );
}

/** The endpoints, on a clock that stands still. */
async function serve(changes: Partial<TelemetryServerOptions> & { readonly served?: Partial<ServedMetrics> } = {}) {
  const clock = new FakeClock(Date.now());
  const recorded = recordedLog();
  const telemetry = prometheusTelemetry(clock);
  const { served, ...rest } = changes;
  const server = await startTelemetry({
    metrics: {
      address: loopback,
      security: { kind: 'selfSigned' },
      exposition: telemetry,
      access: new AccessReview({ transport, clock }),
      ...served,
    },
    health: { ready: () => true, alive: () => [] },
    clock,
    timers: clock,
    log: recorded.log,
    ...rest,
  });
  return {
    clock,
    recorded,
    server,
    telemetry,
    read: async (token?: string) => await get(server.metricsUrl ?? '', token === undefined ? {} : { token }),
    [Symbol.asyncDispose]: async () => await server[Symbol.asyncDispose](),
  };
}

interface Got {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** Trusts `ca`, or anybody if it is not given. */
async function get(
  url: string,
  { ca, method = 'GET', token }: { readonly ca?: string; readonly method?: string; readonly token?: string } = {},
): Promise<Got> {
  const send = url.startsWith('https') ? httpsRequest : httpRequest;
  const trust = ca === undefined ? { rejectUnauthorized: false } : { ca, servername: 'localhost' };
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return await new Promise((resolve, reject) => {
    const sent = send(url, { method, headers, agent: false, ...trust }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}

describe('/metrics', () => {
  test('is for whom the API server knows and lets, over TLS', async () => {
    await using side = await serve();
    const [reader, stranger] = [await tokenOf('reader'), await tokenOf('stranger')];
    await letRead('reader');
    expect((await side.read()).status, 'no token').toBe(401);
    expect((await side.read('nonsense')).status, 'a token of nobody').toBe(401);
    expect((await side.read(`${reader}x`)).status, 'a token that was tampered with').toBe(401);
    expect((await side.read(stranger)).status, 'known, but without the right').toBe(403);
    const got = await side.read(reader);
    expect(got).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' },
      text: expect.stringContaining('process_resident_memory_bytes '),
    });
    const url = side.server.metricsUrl ?? '';
    expect((await get(url, { method: 'POST', token: reader })).status).toBe(405);
    expect((await get(url.replace('/metrics', '/other'), { token: reader })).status).toBe(404);
    await expect(get(url.replace('https', 'http'), { token: reader }), 'TLS only').rejects.toThrow('socket hang up');
  });

  test('remembers who may for five minutes, and who may not for 30 seconds', async () => {
    await using side = await serve();
    const token = await tokenOf('changing');
    expect((await side.read(token)).status).toBe(403);
    await letRead('changing');
    expect((await side.read(token)).status, 'the refusal is remembered').toBe(403);
    const after = (milliseconds: number) => async () => {
      await side.clock.advance(milliseconds);
      return (await side.read(token)).status;
    };
    // The API server hears of a binding a moment later, and until then each refusal is remembered again.
    await expect.poll(after(30_000), soon).toBe(200);
    await kubectl('delete', 'clusterrolebinding', 'changing');
    expect(await after(299_000)(), 'the permission is remembered').toBe(200);
    await expect.poll(after(300_000), soon).toBe(403);
  });

  test('is for nobody while it cannot be found out who may', async () => {
    const access = {
      check: async () => {
        throw new Error('Cannot create TokenReview: socket hang up');
      },
    };
    await using side = await serve({ served: { access } });
    expect(await side.read('a-token')).toMatchObject({ status: 503, text: 'the API server did not say who may\n' });
    expect(side.recorded.text()).toContain('access to metrics not decided');
    expect(side.recorded.text()).not.toContain('a-token');
  });

  test('uses the certificate in the files, and the one that takes its place', async () => {
    const [certificateFile, keyFile] = ['tls.crt', 'tls.key'].map((name) => join(world.folder, name));
    if (certificateFile === undefined || keyFile === undefined) throw new Error('two files');
    const store = async (pair: { cert: string; key: string }) => {
      await writeFile(certificateFile, pair.cert);
      await writeFile(keyFile, pair.key);
    };
    const [one, other] = [
      selfSignedCertificate(['localhost'], Date.now()),
      selfSignedCertificate(['localhost'], Date.now()),
    ];
    await store(one);
    const metrics = { address: loopback, security: { kind: 'files', certificateFile, keyFile } } as const;
    await using side = await serve({ served: metrics });
    const url = side.server.metricsUrl ?? '';
    expect((await get(url, { ca: one.cert })).status).toBe(401);
    await expect(get(url, { ca: other.cert })).rejects.toThrow('self-signed certificate');
    await store(other);
    const seen = async () => {
      await side.clock.advance(10_000);
      return await get(url, { ca: other.cert }).then(
        ({ status }) => status,
        (error: Error) => error.message,
      );
    };
    await expect.poll(seen, soon).toBe(401);

    await copyFile(keyFile, `${keyFile}.other`);
    await store(one);
    const broken = {
      address: loopback,
      security: { kind: 'files', certificateFile, keyFile: `${keyFile}.other` },
    } as const;
    const failure = await serve({ served: broken }).catch((error: Error) => error.message);
    expect(failure).toBe(`Cannot use certificate "${certificateFile}": key "${keyFile}.other" is not its key`);
  });

  test('is open without TLS on the loopback address only', async () => {
    const insecure = { kind: 'insecure' } as const;
    await using side = await serve({ served: { security: insecure } });
    expect(side.server.metricsUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
    expect((await side.read()).status).toBe(200);
    const everywhere = { address: { host: undefined, port: 0 }, security: insecure };
    await expect(serve({ served: everywhere })).rejects.toThrow('want a loopback address');
  });

  test('says in one line that its address is taken, and leaves nothing open', async () => {
    await using side = await serve();
    const port = Number(new URL(side.server.metricsUrl ?? '').port);
    const taken = { address: { host: '127.0.0.1', port }, security: { kind: 'selfSigned' } } as const;
    await expect(serve({ served: taken, healthAddress: loopback })).rejects.toThrow(
      `Cannot listen on "127.0.0.1:${port}": the address cannot be used`,
    );
  });

  test('holds no secret, number, name or id, whatever was called and refused', async () => {
    await using emulator = await startTestEmulator();
    await using side = await serve();
    const token = await tokenOf('canary');
    await letRead('canary');
    const connect = (password: string) =>
      side.telemetry.port(
        'Twilio',
        connectTwilio({
          accountSid: OWN,
          credentials: { username: API_KEY, password },
          baseUrl: emulator.emulator.url,
          clock: systemClock,
        }),
      );
    const [good, bad] = [connect(TOKEN), connect('a-wrong-secret')];
    await good.findNumber(NUMBERS[0]);
    await bad.findNumber(NUMBERS[0]).catch(() => undefined);
    const measured = side.telemetry.transport(transport, '127.0.0.1:6443');
    const review = new AccessReview({ transport: measured, clock: side.clock });
    expect(await review.check(token, { verb: 'get', path: '/metrics' })).toBe('allowed');
    const { text } = await side.read(token);
    expect(text).toContain(
      'trunkline_provider_requests_total{provider="Twilio",call="findNumber",outcome="ok",code=""} 1',
    );
    expect(text).toContain('call="findNumber",outcome="identity",code="CredentialsRefused"} 1');
    expect(text).toContain('rest_client_requests_total{code="201",method="POST",host="127.0.0.1:6443"} 2');
    const secrets = [token, token.split('.')[2], TOKEN, 'a-wrong-secret', API_KEY, OWN, NUMBERS[0], 'canary'];
    const said = `${text}${side.recorded.text()}`;
    expect(secrets.filter((secret) => said.includes(secret ?? 'nothing'))).toEqual([]);
  });
});

describe('/healthz and /readyz', () => {
  test('say how the operator is', async () => {
    const state = { ready: false, problems: ['the watch of phonenumbers has been silent for 301 s'] };
    const health = { ready: () => state.ready, alive: () => state.problems };
    await using side = await serve({ healthAddress: loopback, health });
    const { healthUrl } = side.server;
    const probe = async (path: string) => {
      const { status, text } = await get(`${healthUrl}${path}`);
      return [status, text];
    };
    expect(await probe('/healthz')).toEqual([503, `${state.problems[0]}\n`]);
    expect(await probe('/readyz')).toEqual([503, 'not ready\n']);
    state.ready = true;
    state.problems = [];
    expect([await probe('/healthz'), await probe('/readyz')]).toEqual([
      [200, 'ok\n'],
      [200, 'ok\n'],
    ]);
    expect((await probe('/metrics'))[0], 'metrics are not for everybody').toBe(404);
  });
});

test('a series of events is what the API server takes', async () => {
  const { log, lines } = recordedLog();
  const sink = new KubernetesEventSink({ transport, clock: systemClock, timers: systemClock, log, instance: 'test' });
  const object: KubernetesObject = {
    apiVersion: 'telephony.trunkline.dev/v1alpha1',
    kind: 'PhoneNumber',
    metadata: { name: 'one', namespace: 'default', uid: 'uid-of-one', resourceVersion: '1' },
  };
  const note = { type: 'Warning', reason: 'RemovalFailed', action: 'Delete', note: 'it is left' } as const;
  for (let count = 0; count < 3; count += 1) sink.publish(object, note);
  await sink.close(10_000);
  expect(lines()).toEqual([]);
  const events: unknown = JSON.parse(
    await kubectl('get', 'events.events.k8s.io', '--field-selector=reason=RemovalFailed', '-o', 'json'),
  ).items;
  expect(events).toMatchObject([{ note: 'it is left', series: { count: 2, lastObservedTime: expect.any(String) } }]);
});

test('the roles let the operator ask and nobody but a reader read', async () => {
  const can = async (...args: readonly string[]) =>
    (await world.controlPlane.kubectl(['auth', 'can-i', ...args], { allowFailure: true })).stdout.trim();
  const operator = '--as=system:serviceaccount:trunkline-system:trunkline';
  expect(await can('create', 'tokenreviews.authentication.k8s.io', operator)).toBe('yes');
  expect(await can('create', 'subjectaccessreviews.authorization.k8s.io', operator)).toBe('yes');
  expect(await can('get', '/metrics', operator)).toBe('no');
});
