/**
 * The transport against servers that do what the API server does only in trouble, over real sockets.
 */
import { createSecureServer, createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/controller/system-clock.ts';
import { selfSignedCertificate } from '../../src/controller/telemetry/self-signed-certificate.ts';
import { connectKubernetes } from '../../src/providers/kubernetes/connect.ts';
import { chunksOf, textOf, UnprocessedError } from '../../src/providers/kubernetes/exchange.ts';
import { Http2Connection } from '../../src/providers/kubernetes/http2-connection.ts';
import { linesOf } from '../../src/providers/kubernetes/lines.ts';
import type { KubernetesTransport } from '../../src/providers/kubernetes/transport.ts';
import { recordedLog } from '../support/log-lines.ts';
import { projectPath } from '../tools/operator-world.ts';
import { runCommand } from '../tools/run-command.ts';
import { frames, type Script, startRawHttp2Server } from '../tools/raw-http2-server.ts';
import { type ScriptedAnswer, startScriptedApiServer } from '../tools/scripted-api-server.ts';
import { startTcpProxy } from '../tools/tcp-proxy.ts';

const keyPair = selfSignedCertificate(['localhost'], Date.now());
const figures = { connectWithin: 2_000, pingEvery: 30_000, pingWithin: 15_000 };
const never = new AbortController().signal;
const soon = { timeout: 10_000, interval: 20 };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trunkline-transport-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface ClientOptions {
  readonly cluster?: object;
  readonly user?: object;
  readonly files?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
  readonly pings?: Partial<typeof figures>;
}

/** A transport by a kubeconfig of its own, whose files can be changed. */
async function client(
  server: string,
  { cluster = {}, user = {}, files = {}, deadlineMs = 5_000, pings = {} }: ClientOptions = {},
) {
  const home = await mkdtemp(join(folder, 'client-'));
  const file = (name: string) => join(home, name);
  const write = async (name: string, content: string) => await writeFile(file(name), content);
  await write('ca.crt', keyPair.cert);
  await write('token', 'first\n');
  for (const [name, content] of Object.entries(files)) await write(name, content);
  const content = {
    clusters: [{ name: 'x', cluster: { server, 'certificate-authority': 'ca.crt', ...cluster } }],
    users: [{ name: 'x', user: { tokenFile: 'token', ...user } }],
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    'current-context': 'x',
  };
  await write('kubeconfig', JSON.stringify(content));
  const recorded = recordedLog();
  const transport = await connectKubernetes({
    kubeconfig: file('kubeconfig'),
    userAgent: 'test',
    deadlineMs,
    clock: systemClock,
    timers: systemClock,
    log: recorded.log,
    figures: { ...figures, ...pings },
  });
  return { transport, write, file, log: recorded.lines, [Symbol.dispose]: () => transport.close() };
}

/** Of a transport: the status, or what was thrown. */
async function outcomeOf(transport: KubernetesTransport, method: 'GET' | 'POST' | 'PATCH', path = '/x') {
  try {
    return (await transport.request({ method, path, ...(method === 'GET' ? {} : { body: { some: 'thing' } }) })).status;
  } catch (error) {
    return error instanceof Error ? error.constructor.name : 'something else';
  }
}

const reply = (status: number, headers: Readonly<Record<string, string>> = {}): ScriptedAnswer => ({
  kind: 'reply',
  status,
  headers,
});
const shortly = { 'retry-after': '0' };

describe('what is sent again', () => {
  test.for<{
    name: string;
    why: string;
    method: 'GET' | 'POST' | 'PATCH';
    answers: readonly ScriptedAnswer[];
    sent: number;
    outcome: number | string;
  }>([
    {
      name: 'a write whose stream was refused',
      why: 'it was not looked at',
      method: 'POST',
      answers: [{ kind: 'refuse' }, reply(201)],
      sent: 2,
      outcome: 201,
    },
    {
      name: 'a write that was refused again and again, only some times',
      why: 'the engine has a longer breath',
      method: 'POST',
      answers: [{ kind: 'refuse' }],
      sent: 6,
      outcome: 'UnprocessedError',
    },
    {
      name: 'a write whose connection was cut, never',
      why: 'it may have been carried out',
      method: 'POST',
      answers: [{ kind: 'cut' }, reply(201)],
      sent: 1,
      outcome: 'Error',
    },
    {
      name: 'a read whose connection was cut, never',
      why: 'retries live in the engine',
      method: 'GET',
      answers: [{ kind: 'cut' }, reply(200)],
      sent: 1,
      outcome: 'Error',
    },
    {
      name: 'a write that was too much',
      why: 'a 429 is given before anything is done',
      method: 'POST',
      answers: [reply(429, shortly), reply(429, shortly), reply(201)],
      sent: 3,
      outcome: 201,
    },
    {
      name: 'a write that was too much for a server that asks for no pause, never',
      why: 'it does not say that another attempt helps',
      method: 'POST',
      answers: [reply(429)],
      sent: 1,
      outcome: 429,
    },
    {
      name: 'a read of a server that asks for a pause',
      why: 'a read changes nothing',
      method: 'GET',
      answers: [reply(503, shortly), reply(200)],
      sent: 2,
      outcome: 200,
    },
    {
      name: 'a write of a server in trouble, never',
      why: 'it may have been carried out',
      method: 'PATCH',
      answers: [reply(503, shortly), reply(200)],
      sent: 1,
      outcome: 503,
    },
    {
      name: 'a read that is too much all the time, ten times',
      why: 'the figure of client-go',
      method: 'GET',
      answers: [reply(429, shortly)],
      sent: 11,
      outcome: 429,
    },
    {
      name: 'a read that would have to wait beyond its deadline, never',
      why: 'its answer would come too late',
      method: 'GET',
      answers: [reply(429, { 'retry-after': '60' }), reply(200)],
      sent: 1,
      outcome: 429,
    },
    {
      name: 'a write whose token was refused, if there is no other token, never',
      why: 'it would be refused again',
      method: 'POST',
      answers: [reply(401), reply(201)],
      sent: 1,
      outcome: 401,
    },
  ])('$name', async ({ answers, method, outcome, sent, why }) => {
    await using server = await startScriptedApiServer({ keyPair, answers });
    using side = await client(server.url.replace('127.0.0.1', 'localhost'));
    expect(await outcomeOf(side.transport, method), why).toBe(outcome);
    expect(server.requests.length, why).toBe(sent);
  });

  test('a write that came after the last stream of a dying connection', async () => {
    await using server = await startScriptedApiServer({
      keyPair,
      answers: [reply(200), { kind: 'goAwayUnprocessed' }, reply(201)],
    });
    using side = await client(server.url.replace('127.0.0.1', 'localhost'));
    await expect(outcomeOf(side.transport, 'GET')).resolves.toBe(200);
    await expect(outcomeOf(side.transport, 'POST')).resolves.toBe(201);
    expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'POST', 'POST']);
  });

  test('a request whose token was renewed, with the new one, and so is a watch', async () => {
    await using server = await startScriptedApiServer({
      keyPair,
      answers: [reply(200), reply(401), reply(200), reply(200), reply(401), reply(200)],
    });
    using side = await client(server.url.replace('127.0.0.1', 'localhost'));
    await side.transport.request({ method: 'GET', path: '/x' });
    await side.write('token', 'second');
    await expect(outcomeOf(side.transport, 'POST')).resolves.toBe(200);
    await side.transport.request({ method: 'GET', path: '/x' });
    await side.write('token', 'third');
    await drained(side.transport.stream({ path: '/x', signal: never }));
    expect(server.requests.map(({ authorization }) => authorization)).toEqual(
      ['first', 'first', 'second', 'second', 'second', 'third'].map((token) => `Bearer ${token}`),
    );
  });

  test('a watch that was too much, after the pause that was asked for', async () => {
    await using server = await startScriptedApiServer({ keyPair, answers: [reply(429, shortly), reply(200)] });
    using side = await client(server.url.replace('127.0.0.1', 'localhost'));
    await drained(side.transport.stream({ path: '/x', signal: never }));
    expect(server.requests.length).toBe(2);
  });
});

describe('a connection', () => {
  /** Sends one request to a server that plays the script. */
  async function played<Value>(script: Script, use: (connection: Http2Connection) => Promise<Value>): Promise<Value> {
    await using server = await startRawHttp2Server(script);
    const socket = connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    const connection = new Http2Connection(
      socket as unknown as TLSSocket,
      new URL('http://127.0.0.1'),
      systemClock,
      figures,
      { retired: () => undefined, closed: () => undefined },
    );
    try {
      await connection.whenReady();
      return await use(connection);
    } finally {
      connection.destroy(new Error('the test is over'));
    }
  }
  const get = { method: 'GET', target: '/', headers: {}, body: undefined };
  const { data, end, goAway, head, reset } = frames;
  const cut = 'the connection was cut within the answer';

  test.for<{ name: string; why: string; script: Script; outcome: string }>([
    { name: 'an end', why: 'all is there', script: [head(), data('all'), end()], outcome: 'all' },
    {
      name: 'a reset without a reason',
      why: 'Node calls it an end',
      script: [head(), data('a'), reset(8)],
      outcome: cut,
    },
    {
      name: 'a reset by an error',
      why: 'a handler has panicked',
      script: [head(), data('a'), reset(2)],
      outcome: 'INTERNAL',
    },
    {
      name: 'the end of the connection',
      why: 'Node calls it an end',
      script: [head(), data('a'), 'fin'],
      outcome: cut,
    },
    {
      name: 'a reset of the connection',
      why: 'all is lost',
      script: [head(), data('a'), 'reset'],
      outcome: 'ECONNRESET',
    },
    {
      name: 'a goodbye that lets the answer come to its end',
      why: 'streams under way go on',
      script: [head(), data('a'), goAway(1, 0), data('ll'), end()],
      outcome: 'all',
    },
    {
      name: 'a goodbye by an error',
      why: 'the rest will never come',
      script: [head(), data('a'), goAway(1, 11)],
      outcome: 'Session closed with error code 11',
    },
  ])('takes $name within an answer for what it is', async ({ outcome, script, why }) => {
    const asText = async (connection: Http2Connection) => await textOf(await connection.send(get, never), never);
    const asChunks = async (connection: Http2Connection) => {
      const chunks = [];
      for await (const chunk of chunksOf(await connection.send(get, never), never)) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    };
    for (const read of [asText, asChunks]) {
      const got = await played(script, read).catch((error: unknown) => String(error));
      expect(got, why).toContain(outcome);
    }
  });

  test.for<{ name: string; why: string; script: Script; unprocessed: boolean }>([
    { name: 'a refused stream', why: 'RFC 9113, 8.7', script: [reset(7)], unprocessed: true },
    { name: 'a goodbye before the stream', why: 'RFC 9113, 6.8', script: [goAway(0, 0)], unprocessed: true },
    {
      name: 'a goodbye before the stream, by an error',
      why: 'RFC 9113, 6.8',
      script: [goAway(0, 2)],
      unprocessed: true,
    },
    { name: 'a goodbye after the stream', why: 'it was looked at', script: [goAway(1, 2)], unprocessed: false },
    { name: 'a reset by an error', why: 'it was looked at', script: [reset(2)], unprocessed: false },
    { name: 'a cancelled stream', why: 'it was looked at', script: [reset(8)], unprocessed: false },
    { name: 'the end of the connection', why: 'it may have been looked at', script: ['fin'], unprocessed: false },
    { name: 'a reset of the connection', why: 'it may have been looked at', script: ['reset'], unprocessed: false },
  ])('knows from $name whether the request was looked at', async ({ script, unprocessed, why }) => {
    const sent = played(script, async (connection) => await connection.send(get, never));
    const error = await sent.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error instanceof UnprocessedError, why).toBe(unprocessed);
  });

  test('puts characters and lines together that were cut anywhere', async () => {
    const bytes = Buffer.from('{"note":"ä€😀"}\n{"note":"zweite"}\n{"half');
    const script = [head(), ...Array.from(bytes, (byte) => data(Uint8Array.of(byte))), end()];
    const lines = await played(script, async (connection) => {
      const found = [];
      for await (const line of linesOf(chunksOf(await connection.send(get, never), never))) found.push(line);
      return found;
    });
    expect(lines).toEqual(['{"note":"ä€😀"}', '{"note":"zweite"}']);
  });

  test('waits for its turn where the server allows few streams, and gives up when told to', async () => {
    const server = createHttp2Server({ settings: { maxConcurrentStreams: 2 } });
    const held: (() => void)[] = [];
    let open = 0;
    let mostOpen = 0;
    server.on('sessionError', () => undefined);
    server.on('stream', (stream) => {
      stream.on('error', () => undefined);
      open += 1;
      mostOpen = Math.max(mostOpen, open);
      stream.respond({ ':status': 200 });
      held.push(() => {
        open -= 1;
        stream.end();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    await once(socket, 'connect');
    const events = { retired: () => undefined, closed: () => undefined };
    const url = new URL('http://127.0.0.1');
    const connection = new Http2Connection(socket as unknown as TLSSocket, url, systemClock, figures, events);
    await connection.whenReady();
    const send = async (signal = never) => await textOf(await connection.send(get, signal), signal);
    const impatient = new AbortController();
    const sent = [send(), send(), send(impatient.signal), send(), send()];
    await expect.poll(() => held.length, soon).toBe(2);
    impatient.abort(new Error('enough'));
    await expect(sent[2]).rejects.toThrow('enough');
    for (const [index] of sent.slice(1).entries()) {
      await expect.poll(() => held.length, soon).toBeGreaterThan(index);
      held[index]?.();
    }
    await expect(Promise.all(sent.toSpliced(2, 1))).resolves.toEqual(['', '', '', '']);
    expect([mostOpen, held.length]).toEqual([2, 4]);
    const left = [send(), send(), send()];
    await expect.poll(() => held.length, soon).toBe(6);
    connection.destroy(new Error('gone'));
    const errors = await Promise.all(left.map(async (one) => await one.catch((error: unknown) => error)));
    expect(
      errors.map((error) => error instanceof UnprocessedError),
      'the last one was never sent',
    ).toEqual([false, false, true]);
    server.close();
  });
});

describe('the transport', () => {
  test('takes requests and watches over one connection each', async () => {
    await using server = await startScriptedApiServer({ keyPair, answers: [reply(200)] });
    using side = await client(server.url.replace('127.0.0.1', 'localhost'));
    const all = Array.from({ length: 40 }, async () => await outcomeOf(side.transport, 'GET'));
    expect(new Set(await Promise.all(all))).toEqual(new Set([200]));
    for (let count = 0; count < 3; count += 1) await drained(side.transport.stream({ path: '/x', signal: never }));
    expect([server.connections, server.requests.length]).toEqual([2, 43]);
  });

  test('notices a connection that is open but dead, and goes on over a new one', async () => {
    await using server = await startScriptedApiServer({ keyPair, answers: [reply(200), { kind: 'hang' }, reply(200)] });
    await using proxy = await startTcpProxy(Number(new URL(server.url).port));
    using side = await client(`https://localhost:${proxy.port}`, { pings: { pingEvery: 100, pingWithin: 200 } });
    await expect(outcomeOf(side.transport, 'GET')).resolves.toBe(200);
    const hanging = side.transport.request({ method: 'POST', path: '/x', body: {} });
    const error = hanging.catch((thrown: unknown) => String(thrown));
    await expect.poll(() => server.requests.length, soon).toBe(2);
    proxy.freeze();
    expect(await error).toContain('the connection is dead: no answer to a ping within 200 ms');
    await expect(outcomeOf(side.transport, 'POST')).resolves.toBe(200);
    expect(proxy.accepted).toBe(2);
  });

  test('ends a request by its deadline, also while it waits for a connection, and a watch when it is told to', async () => {
    await using server = await startScriptedApiServer({ keyPair, answers: [{ kind: 'hang' }] });
    await using proxy = await startTcpProxy(Number(new URL(server.url).port));
    using side = await client(`https://localhost:${proxy.port}`, { deadlineMs: 300 });
    await expect(side.transport.request({ method: 'GET', path: '/x' })).rejects.toThrow('no answer within 300 ms');
    proxy.acceptDead(true);
    using late = await client(`https://localhost:${proxy.port}`, { deadlineMs: 300 });
    await expect(late.transport.request({ method: 'GET', path: '/x' })).rejects.toThrow('no answer within 300 ms');
    const stopping = new AbortController();
    const watching = drained(side.transport.stream({ path: '/x', signal: stopping.signal }));
    const stopped = watching.catch((thrown: unknown) => String(thrown));
    await expect.poll(() => proxy.open, soon).toBeGreaterThan(1);
    stopping.abort(new Error('told to stop'));
    expect(await stopped).toBe('Error: told to stop');
    side.transport.close();
    late.transport.close();
    await expect.poll(() => proxy.open, soon).toBe(0);
    await expect(side.transport.request({ method: 'GET', path: '/x' })).rejects.toThrow('was closed');
  });

  test('gives up connecting after a while, and tries again', async () => {
    await using server = await startScriptedApiServer({ keyPair, answers: [reply(200)] });
    await using proxy = await startTcpProxy(Number(new URL(server.url).port));
    using side = await client(`https://localhost:${proxy.port}`, { pings: { connectWithin: 200 } });
    proxy.acceptDead(true);
    const stream = side.transport.stream({ path: '/x', signal: never });
    await expect(drained(stream), 'a watch has no deadline').rejects.toThrow('no TLS connection within 200 ms');
    proxy.acceptDead(false);
    await expect(outcomeOf(side.transport, 'GET')).resolves.toBe(200);
  });

  test('takes a new certificate authority at once when the old one does not fit any more', async () => {
    await using server = await startScriptedApiServer({ keyPair, answers: [reply(200)] });
    using side = await client(server.url.replace('127.0.0.1', 'localhost'));
    await side.write('ca.crt', selfSignedCertificate(['localhost'], Date.now()).cert);
    // What was read at the start still fits; reading again is what a refusal or a minute leads to.
    await expect(outcomeOf(side.transport, 'GET')).resolves.toBe(200);
    using late = await client(server.url.replace('127.0.0.1', 'localhost'), {
      cluster: { 'certificate-authority': join(folder, 'late.crt') },
    }).catch(() => ({ transport: undefined, [Symbol.dispose]: () => undefined }));
    expect(late.transport, 'a file that is missing at the start is an error').toBeUndefined();
    await writeFile(join(folder, 'late.crt'), selfSignedCertificate(['localhost'], Date.now()).cert);
    using other = await client(server.url.replace('127.0.0.1', 'localhost'), {
      cluster: { 'certificate-authority': join(folder, 'late.crt') },
    });
    const refused = other.transport.request({ method: 'GET', path: '/x' });
    await expect(refused).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    await writeFile(join(folder, 'late.crt'), keyPair.cert);
    await expect(outcomeOf(other.transport, 'GET')).resolves.toBe(200);
  });

  test('makes new connections with a renewed client certificate, and lets a watch end on the old one', async () => {
    const [first, second] = [selfSignedCertificate(['one'], Date.now()), selfSignedCertificate(['two'], Date.now())];
    const subjects: string[] = [];
    const server = createSecureServer({ ...keyPair, requestCert: true, rejectUnauthorized: false });
    server.on('session', ({ socket }) => subjects.push(String((socket as TLSSocket).getPeerCertificate().subject.CN)));
    const release = Promise.withResolvers<void>();
    let requests = 0;
    server.on('stream', (stream, headers) => {
      const path = headers[':path'];
      if (path === '/x') requests += 1;
      stream.respond({ ':status': path === '/x' && requests === 1 ? 401 : 200 });
      if (path === '/old')
        release.promise.then(
          () => stream.end('{"last":1}\n'),
          () => undefined,
        );
      else stream.end();
    });
    server.listen(0, 'localhost');
    await once(server, 'listening');
    const user = { tokenFile: '', 'client-certificate': 'client.crt', 'client-key': 'client.key' };
    const files = (pair: typeof first) => ({ 'client.crt': pair.cert, 'client.key': pair.key });
    using side = await client(`https://localhost:${(server.address() as AddressInfo).port}`, {
      user,
      files: files(first),
    });
    const old: string[] = [];
    const watching = (async () => {
      for await (const line of side.transport.stream({ path: '/old', signal: never })) old.push(line);
    })();
    await expect.poll(() => subjects, soon).toEqual(['one']);
    for (const [name, content] of Object.entries(files(second))) await side.write(name, content);
    await expect(outcomeOf(side.transport, 'GET')).resolves.toBe(200);
    await drained(side.transport.stream({ path: '/new', signal: never }));
    expect(subjects, 'watch, refused request, request, watch').toEqual(['one', 'one', 'two', 'two']);
    release.resolve();
    await watching;
    expect(old).toEqual(['{"last":1}']);
    side.transport.close();
    server.close();
  });

  test('speaks HTTP/1.1 where nothing newer is spoken', async () => {
    const paths: (string | undefined)[] = [];
    const server = createHttpsServer({ ...keyPair, ALPNProtocols: ['http/1.1'] }, (request, response) => {
      paths.push(request.url);
      response.end(request.url?.endsWith('/watch') === true ? '{"a":1}\n{"b":2}\n' : '{}');
    });
    server.listen(0, 'localhost');
    await once(server, 'listening');
    using side = await client(`https://localhost:${(server.address() as AddressInfo).port}/below/a/path`);
    await expect(side.transport.request({ method: 'GET', path: '/x', query: { a: 'b c' } })).resolves.toMatchObject({
      status: 200,
      body: {},
    });
    const lines = [];
    for await (const line of side.transport.stream({ path: '/watch', signal: never })) lines.push(line);
    expect(lines).toEqual(['{"a":1}', '{"b":2}']);
    expect(paths).toEqual(['/below/a/path/x?a=b+c', '/below/a/path/watch']);
    server.close();
  });
});

describe('a list of 50,000 objects', () => {
  /** 2 KB each, of which a third is managedFields, and most of the rest is the same for all. */
  const condition = (type: string) => ({
    type,
    status: 'True',
    reason: 'Ready',
    message: 'Calls to the number reach the agent',
    observedGeneration: 1,
    lastTransitionTime: '2026-01-01T00:00:00Z',
  });
  const template = JSON.stringify({
    type: 'ADDED',
    object: {
      apiVersion: 'telephony.trunkline.dev/v1alpha1',
      kind: 'PhoneNumber',
      metadata: {
        name: 'number-INDEX',
        namespace: 'default',
        uid: '00000000-0000-4000-8000-0000000INDEX',
        resourceVersion: '1INDEX',
        finalizers: ['telephony.trunkline.dev/cleanup'],
        managedFields: [{ manager: 'trunkline', fieldsV1: { 'f:x': 'y'.repeat(600) } }],
      },
      spec: { phoneNumber: '+44744INDEX', accountRef: { name: 'default' }, voice: { sipTrunk: {} } },
      status: {
        phase: 'Ready',
        conditions: ['Ready', 'Synced', 'Stalled', 'Corrupted'].map(condition),
        twilio: { phoneNumberSid: `PN${'0'.repeat(27)}INDEX`, trunkSid: `TK${'0'.repeat(27)}INDEX` },
      },
    },
  });
  const line = (index: number): string => `${template.replaceAll('INDEX', String(index).padStart(5, '0'))}\n`;

  test('fits into little memory: there is never more of it in the air than some chunks', async () => {
    const count = 50_000;
    const server = createSecureServer({ ...keyPair });
    server.on('stream', (stream) => {
      stream.on('error', () => undefined);
      stream.respond({ ':status': 200 });
      const send = async (): Promise<void> => {
        for (let index = 0; index < count; index += 1) if (!stream.write(line(index))) await once(stream, 'drain');
        const metadata = { resourceVersion: '200000', annotations: { 'k8s.io/initial-events-end': 'true' } };
        stream.write(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata } })}\n`);
      };
      send().catch(() => undefined);
    });
    server.listen(0, 'localhost');
    await once(server, 'listening');
    using side = await client(`https://localhost:${(server.address() as AddressInfo).port}`);
    const { code, stderr, stdout } = await runCommand(process.execPath, [
      // In megabytes; the JSON of the list alone has 90 of them.
      '--max-old-space-size=100',
      projectPath('test/contract/kubernetes-list-main.ts'),
      side.file('kubeconfig'),
    ]);
    expect([code, stdout, stderr]).toEqual([0, '50000 50000\n', '']);
    server.close();
  });
});

async function drained(lines: AsyncIterable<string>): Promise<void> {
  for await (const line of lines) expect(line).toMatch(/^\{/);
}
