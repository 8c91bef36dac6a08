// The LiveKit port when something is wrong: credentials, the URL, the server, its Redis, the way to it.
import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectLiveKit } from '../../src/providers/livekit/connect-livekit.ts';
import type { LiveKitPort } from '../../src/reconcilers/shared/telephony.ts';
import { ProviderError } from '../../src/reconcilers/shared/verdict.ts';
import { type FaultProxy, startFaultProxy } from '../tools/fault-proxy.ts';
import type { FaultEffect } from '../tools/faults.ts';
import { type LiveKitServer, startLiveKit } from '../tools/livekit.ts';
import { progressToStandardError as progress } from '../tools/progress.ts';
import { ensureRealParts } from '../tools/real-parts.ts';
import { createTemporaryFolder } from '../tools/temporary-folder.ts';

const AUTH_PASSWORD = 'CanaryPassword77';
const WRONG_SECRET = 'canary-secret-that-is-wrong-with-40-chars';

const resources = new AsyncDisposableStack();
let server: LiveKitServer;
let proxy: FaultProxy;
let secrets: readonly string[];
/** Every error of this file, for the search for secrets at its end. */
const errors: ProviderError[] = [];

beforeAll(async () => {
  const parts = await ensureRealParts({ parts: ['redis', 'livekit-server'], progress });
  const { path: folder } = resources.use(await createTemporaryFolder('trunkline-livekit-port-'));
  server = resources.use(await startLiveKit({ parts, folder, name: 'livekit', progress }));
  proxy = resources.use(await startFaultProxy({ upstream: server.url }));
  secrets = [server.apiSecret, AUTH_PASSWORD, WRONG_SECRET, 'Bearer', 'eyJ'];
});
afterAll(async () => await resources.disposeAsync());
beforeEach(async () => {
  proxy.faults.clear();
  await server.clear();
});

function connect(changes: Partial<Parameters<typeof connectLiveKit>[0]> = {}): LiveKitPort {
  return connectLiveKit({ url: proxy.url, apiKey: server.apiKey, apiSecret: server.apiSecret, ...changes });
}

const inboundValues = {
  name: 'tl/owner/15550100001/0123abcd/inbound',
  numbers: ['+15550100001'],
  allowedAddresses: [],
  krispEnabled: false,
  headersToAttributes: {},
  maxCallDurationSeconds: 3600,
  ringingTimeoutSeconds: 30,
  acceptsEncryption: false,
};
const ruleValues = {
  name: 'tl/owner/15550100001/0123abcd/rule',
  trunkIds: ['ST_of_the_test'],
  roomPrefix: 'call-',
  agents: [],
  hidePhoneNumber: false,
  attributes: {},
};
const outboundValues = {
  name: 'tl/owner/15550100001/0123abcd/outbound',
  numbers: ['+15550100001'],
  address: 't0123.pstn.twilio.com',
  encrypted: false,
  authUsername: 'user',
  authPassword: AUTH_PASSWORD,
};
const outboundChange = { address: outboundValues.address, encrypted: false, credential: outboundValues };

/** One of every call. */
const everyCall: Readonly<Record<keyof LiveKitPort, (port: LiveKitPort) => Promise<unknown>>> = {
  listInboundTrunks: (port) => port.listInboundTrunks(),
  readInboundTrunk: (port) => port.readInboundTrunk('ST_1'),
  findInboundTrunks: (port) => port.findInboundTrunks('+15550100001'),
  createInboundTrunk: (port) => port.createInboundTrunk(inboundValues),
  updateInboundTrunk: (port) => port.updateInboundTrunk('ST_1', inboundValues),
  listDispatchRules: (port) => port.listDispatchRules(),
  findWildcardRules: (port) => port.findWildcardRules(),
  readDispatchRule: (port) => port.readDispatchRule('SDR_1'),
  createDispatchRule: (port) => port.createDispatchRule(ruleValues),
  updateDispatchRule: (port) => port.updateDispatchRule('SDR_1', ruleValues),
  deleteDispatchRule: (port) => port.deleteDispatchRule('SDR_1'),
  listOutboundTrunks: (port) => port.listOutboundTrunks(),
  readOutboundTrunk: (port) => port.readOutboundTrunk('ST_1'),
  createOutboundTrunk: (port) => port.createOutboundTrunk(outboundValues),
  updateOutboundTrunk: (port) => port.updateOutboundTrunk('ST_1', outboundChange),
  renameInboundTrunk: (port) => port.renameInboundTrunk('ST_1', 'name'),
  renameDispatchRule: (port) => port.renameDispatchRule('SDR_1', 'name'),
  renameOutboundTrunk: (port) => port.renameOutboundTrunk('ST_1', 'name'),
  deleteTrunk: (port) => port.deleteTrunk('ST_1'),
};

async function verdictOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return { kind: 'done', value: await call };
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    errors.push(error);
    return error.verdict;
  }
}

/** Every call (that `matters`) must end with this verdict. */
async function expectOfEveryCall(port: LiveKitPort, verdict: object, matters = /./): Promise<void> {
  const calls = Object.entries(everyCall).filter(([name]) => matters.test(name));
  const verdicts = await Promise.all(
    calls.map(async ([name, call]) => ({ name, verdict: await verdictOf(call(port)) })),
  );
  expect(verdicts).toMatchObject(calls.map(([name]) => ({ name, verdict })));
}

describe('credentials', () => {
  test.for([
    { name: 'a key that the server does not know', why: 'plain text, no code', changes: { apiKey: 'unknown-key' } },
    { name: 'a wrong secret', why: 'the answer repeats the whole token', changes: { apiSecret: WRONG_SECRET } },
  ])('$name is refused in every call', async ({ why, changes }) => {
    const refused = { kind: 'identity', reason: 'CredentialsRefused', message: expect.stringContaining('HTTP 401') };
    await expectOfEveryCall(connect(changes), refused);
    expect(await server.isEmpty(), why).toBe(true);
  });

  test.for([
    { name: 'an empty key', changes: { apiKey: '' } },
    { name: 'an empty secret', changes: { apiSecret: '' } },
  ])('$name makes no connection, whatever the environment holds', ({ changes }) => {
    expect(() => connect(changes)).toThrow('the API key or its secret is empty');
  });
});

describe('the URL', () => {
  test.for([
    {
      name: 'of a server that is none of LiveKit',
      effect: { kind: 'status', status: 404, body: '404 page not found' },
    },
    { name: 'of a web page', effect: { kind: 'status', status: 200, body: '<html>Welcome</html>' } },
    { name: 'of something that answers JSON', effect: { kind: 'status', status: 200, body: { status: 'ok' } } },
    { name: 'that moved', effect: { kind: 'status', status: 301, headers: { location: 'http://127.0.0.1:1/' } } },
    {
      name: 'of a server without these calls',
      effect: { kind: 'status', status: 404, body: { code: 'bad_route', msg: 'no handler for path' } },
    },
  ] satisfies { name: string; effect: FaultEffect }[])('$name proves nothing', async ({ effect }) => {
    proxy.faults.add({ effect });
    // The answer to a deletion proves nothing anyway.
    await expectOfEveryCall(connect(), { kind: 'unknownOutcome' }, /^(?!delete)/);
  });

  test('may be a web-socket one, and its path does not matter', async () => {
    const { id } = await connect({ url: `${proxy.url.replace('http', 'ws')}/rtc` }).createInboundTrunk(inboundValues);
    expect(await connect().readInboundTrunk(id)).toMatchObject({ id });
  });
});

describe('the way to the server', () => {
  test.for([
    {
      name: 'a reset connection',
      effect: { kind: 'reset' },
      verdict: { kind: 'unknownOutcome', message: expect.stringMatching(/no answer/) },
    },
    { name: 'a broken reply', effect: { kind: 'cut', afterBytes: 1 }, verdict: { kind: 'unknownOutcome' } },
    {
      name: 'a gateway',
      effect: { kind: 'status', status: 502, body: '<html>' },
      verdict: { kind: 'unknownOutcome', message: 'answered with HTTP 502' },
    },
    {
      name: 'a quota',
      effect: { kind: 'status', status: 429, headers: { 'retry-after': '3' } },
      verdict: { kind: 'rateLimited', afterMs: 3000 },
    },
    {
      name: 'a quota with its code',
      effect: { kind: 'status', status: 429, body: { code: 'resource_exhausted', msg: 'quota' } },
      verdict: { kind: 'rateLimited', afterMs: 0, message: 'quota (resource_exhausted)' },
    },
  ] satisfies { name: string; effect: FaultEffect; verdict: object }[])('$name', async ({ effect, verdict }) => {
    proxy.faults.add({ effect });
    const port = connect();
    const outbound = await verdictOf(port.createOutboundTrunk(outboundValues));
    expect(outbound).toMatchObject(verdict);
    expect(await verdictOf(port.readInboundTrunk('ST_1'))).toMatchObject(verdict);
    expect(await verdictOf(port.listDispatchRules())).toMatchObject(verdict);
  });

  test('a password that comes back in a refusal is not shown', async () => {
    proxy.faults.add({
      effect: { kind: 'status', status: 400, body: { code: 'malformed', msg: `bad ${AUTH_PASSWORD}` } },
    });
    const refused = { kind: 'refused', code: 'malformed', message: 'bad [secret] (malformed)' };
    expect(await verdictOf(connect().createOutboundTrunk(outboundValues))).toEqual(refused);
    expect(await verdictOf(connect().updateOutboundTrunk('ST_1', outboundChange))).toEqual(refused);
  });

  test('a lost answer leaves one object, and nothing is sent twice', async () => {
    proxy.clearRequests();
    proxy.faults.add({ effect: { kind: 'dropReply' }, times: 1 });
    expect(await verdictOf(connect().createInboundTrunk(inboundValues))).toMatchObject({ kind: 'unknownOutcome' });
    expect(await connect().findInboundTrunks('+15550100001')).toMatchObject([{ name: inboundValues.name }]);
    expect(proxy.requests.map(({ path }) => path.split('/').at(-1))).toEqual([
      'CreateSIPInboundTrunk',
      'ListSIPInboundTrunk',
    ]);
  });

  test('no answer at all ends at the deadline', async () => {
    proxy.faults.add({ effect: { kind: 'hang' } });
    await expectOfEveryCall(connect({ timeoutMs: 200 }), { kind: 'unknownOutcome', message: 'no answer in time' });
  });
});

describe('the server', () => {
  test('that is frozen carries out later what it did not answer', async () => {
    const port = connect({ url: server.url, timeoutMs: 300 });
    server.suspend();
    const verdict = await verdictOf(port.createInboundTrunk(inboundValues));
    server.resume();
    expect(verdict).toEqual({ kind: 'unknownOutcome', message: 'no answer in time' });
    await expect.poll(async () => await connect().listInboundTrunks()).toHaveLength(1);
  });

  test('without its Redis answers nothing that could be believed, in words that do not change', async () => {
    await server.stopRedis();
    await expectOfEveryCall(connect(), { kind: 'unknownOutcome', message: expect.stringContaining('(unknown)') });
    const read = async () => await verdictOf(connect().readInboundTrunk('ST_1'));
    expect(await read()).toEqual(await read());
    await server.startRedis();
    await expect.poll(async () => await verdictOf(connect().listInboundTrunks())).toMatchObject({ kind: 'done' });
  });

  test('that is down is an unknown outcome', async () => {
    await server.stop();
    await expectOfEveryCall(connect({ url: server.url }), {
      kind: 'unknownOutcome',
      message: 'no answer (ECONNREFUSED)',
    });
    await server.start();
  });
});

test('every request goes through the limiter', async () => {
  const seen = { total: 0 };
  const port = connect({
    limiter: async (send) => {
      seen.total += 1;
      return await send();
    },
  });
  proxy.clearRequests();
  await expectOfEveryCall(port, {});
  expect(seen.total).toBe(proxy.requests.length);
  expect(seen.total).toBeGreaterThanOrEqual(Object.keys(everyCall).length);
});

// Last: it looks at all that went wrong before.
test('no secret is in any of these errors', () => {
  expect(errors.length).toBeGreaterThan(60);
  const everything = inspect(errors, { depth: 20, showHidden: true, maxArrayLength: null });
  for (const secret of secrets) expect(everything).not.toContain(secret);
});
