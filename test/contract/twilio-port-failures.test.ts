// The Twilio port when something is wrong: lost and broken answers, limits, gateways, and what is told about them.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { connectTwilio } from '../../src/providers/twilio/connect-twilio.ts';
import { TwilioHttpClient } from '../../src/providers/twilio/http-client.ts';
import type { TwilioAccountPort } from '../../src/reconcilers/shared/telephony.ts';
import { ProviderError } from '../../src/reconcilers/shared/verdict.ts';
import type { FaultEffect } from '../emulator/twilio/faults.ts';
import { API_KEY, NUMBERS, OWN, PASSWORD, sidOf, startTestEmulator, TOKEN } from '../emulator/twilio/test-emulator.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const trunkValues = {
  friendlyName: 'tl/owner/15005550001/0123abcd/trunk',
  domainName: 't0123456789abcdef0123.pstn.twilio.com',
  transferMode: 'disable-all',
  secure: false,
} as const;
const urlValues = { friendlyName: 'url', sipUrl: 'sip:a.test', priority: 1, weight: 1, enabled: true };
const addressValues = { friendlyName: 'net', ipAddress: '192.0.2.0', cidrPrefixLength: 24 };
const [TK, OU, CL, CR, AL, IP, PN] = ['TK', 'OU', 'CL', 'CR', 'AL', 'IP', 'PN'].map((prefix) => sidOf(prefix, 1)) as [
  string,
  string,
  string,
  string,
  string,
  string,
  string,
];

/** One of every call, but for the one that answers "unknown" to every failure. */
const everyCall: Readonly<
  Record<
    Exclude<keyof TwilioAccountPort, 'findVoiceRegion' | 'probeDeleteRight'>,
    (port: TwilioAccountPort) => Promise<unknown>
  >
> = {
  proveAccount: (port) => port.proveAccount(),
  listNumbers: (port) => port.listNumbers(),
  findNumber: (port) => port.findNumber(NUMBERS[0]),
  readNumber: (port) => port.readNumber(PN),
  listCallsUnderWay: (port) => port.listCallsUnderWay(),
  updateNumber: (port) => port.updateNumber(PN, { smsUrl: 'https://a.test/' }),
  listTrunks: (port) => port.listTrunks(),
  readTrunk: (port) => port.readTrunk(TK),
  createTrunk: (port) => port.createTrunk(trunkValues),
  updateTrunk: (port) => port.updateTrunk(TK, trunkValues),
  renameTrunk: (port) => port.renameTrunk(TK, 'name'),
  deleteTrunk: (port) => port.deleteTrunk(TK),
  listOriginationUrls: (port) => port.listOriginationUrls(TK),
  createOriginationUrl: (port) => port.createOriginationUrl(TK, urlValues),
  updateOriginationUrl: (port) => port.updateOriginationUrl(TK, OU, urlValues),
  deleteOriginationUrl: (port) => port.deleteOriginationUrl(TK, OU),
  listTrunkNumbers: (port) => port.listTrunkNumbers(TK),
  attachNumber: (port) => port.attachNumber(TK, PN),
  detachNumber: (port) => port.detachNumber(TK, PN),
  listCredentialLists: (port) => port.listCredentialLists(),
  readCredentialList: (port) => port.readCredentialList(CL),
  createCredentialList: (port) => port.createCredentialList('name'),
  renameCredentialList: (port) => port.renameCredentialList(CL, 'name'),
  deleteCredentialList: (port) => port.deleteCredentialList(CL),
  listCredentials: (port) => port.listCredentials(CL),
  createCredential: (port) => port.createCredential(CL, { username: 'user', password: PASSWORD }),
  deleteCredential: (port) => port.deleteCredential(CL, CR),
  listTrunkCredentialLists: (port) => port.listTrunkCredentialLists(TK),
  attachCredentialList: (port) => port.attachCredentialList(TK, CL),
  detachCredentialList: (port) => port.detachCredentialList(TK, CL),
  listIpAccessControlLists: (port) => port.listIpAccessControlLists(),
  readIpAccessControlList: (port) => port.readIpAccessControlList(AL),
  createIpAccessControlList: (port) => port.createIpAccessControlList('name'),
  renameIpAccessControlList: (port) => port.renameIpAccessControlList(AL, 'name'),
  deleteIpAccessControlList: (port) => port.deleteIpAccessControlList(AL),
  listIpAddresses: (port) => port.listIpAddresses(AL),
  createIpAddress: (port) => port.createIpAddress(AL, addressValues),
  deleteIpAddress: (port) => port.deleteIpAddress(AL, IP),
  listTrunkIpAccessControlLists: (port) => port.listTrunkIpAccessControlLists(TK),
  attachIpAccessControlList: (port) => port.attachIpAccessControlList(TK, AL),
  detachIpAccessControlList: (port) => port.detachIpAccessControlList(TK, AL),
};

function connect(baseUrl: string | undefined, timeoutMs = 2_000): TwilioAccountPort {
  return connectTwilio({
    accountSid: OWN,
    credentials: { username: API_KEY, password: TOKEN },
    ...(baseUrl === undefined ? {} : { baseUrl }),
    timeoutMs,
    clock: { monotonic: () => 0 },
  });
}

/** Everything that could be shown of a failure, by a careless log line too. */
async function failureOf(call: Promise<unknown>): Promise<ProviderError> {
  const error = await call.then(
    (value) => new Error(`no failure, but ${inspect(value)}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ProviderError)) throw error;
  const shown = `${inspect(error, { depth: 20, showHidden: true })}${JSON.stringify(error)}`;
  for (const secret of [PASSWORD, TOKEN, Buffer.from(`${API_KEY}:${TOKEN}`).toString('base64'), 'Authorization']) {
    expect(shown).not.toContain(secret);
  }
  return error;
}

const atOnce = async <T>(send: () => Promise<T>) => await send();

const verdictOf = async (call: Promise<unknown>) => (await failureOf(call)).verdict;

async function listening(server: Server | ReturnType<typeof createTcpServer>): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

describe('every call', () => {
  test.for([
    {
      name: 'is unknown when the connection breaks',
      effect: { kind: 'dropBefore' },
      verdict: { kind: 'unknownOutcome', message: 'no answer (ECONNRESET)' },
    },
    {
      name: 'waits when there are too many',
      effect: { kind: 'rateLimit' },
      verdict: { kind: 'rateLimited', afterMs: 0 },
    },
    {
      name: 'waits as long as Twilio says',
      effect: { kind: 'rateLimit', retryAfterSeconds: 7 },
      verdict: { kind: 'rateLimited', afterMs: 7000 },
    },
    {
      name: 'is unknown when Twilio fails',
      effect: { kind: 'status', status: 500 },
      verdict: { kind: 'unknownOutcome' },
    },
    {
      name: 'is unknown when a gateway fails',
      effect: { kind: 'status', status: 502, html: '<html>Bad Gateway</html>' },
      verdict: { kind: 'unknownOutcome', message: 'answered with HTTP 502' },
    },
    {
      name: 'is unknown when a gateway finds nothing',
      effect: { kind: 'status', status: 404, html: '<html>Not Found</html>' },
      verdict: { kind: 'unknownOutcome', message: 'answered with HTTP 404' },
    },
    {
      name: 'is refused with the credentials',
      effect: { kind: 'status', status: 401 },
      verdict: { kind: 'identity', reason: 'CredentialsRefused' },
    },
    {
      name: 'does not show a secret that comes back',
      effect: { kind: 'status', status: 400, code: 21_243, message: `${TOKEN} is wrong` },
      verdict: { kind: 'refused', code: '21243', message: '[secret] is wrong (21243)' },
    },
  ] satisfies { name: string; effect: FaultEffect; verdict: object }[])('$name', async ({ effect, verdict }) => {
    await using bench = await startTestEmulator();
    bench.emulator.faults.add({ effect });
    const port = connect(bench.emulator.url);
    const calls = Object.entries(everyCall);
    // A probe takes some failures for an answer: see test/unit/providers/twilio-delete-right.test.ts.
    const others = Object.keys(port).filter((name) => name !== 'probeDeleteRight' && name !== 'findVoiceRegion');
    expect(calls.map(([name]) => name).toSorted()).toEqual(others.toSorted());
    const seen = await Promise.all(calls.map(async ([name, call]) => ({ name, verdict: await verdictOf(call(port)) })));
    expect(seen).toMatchObject(calls.map(([name]) => ({ name, verdict })));
  });

  test('that expects an object is unknown when the answer is none', async () => {
    await using bench = await startTestEmulator();
    bench.emulator.faults.add({ effect: { kind: 'malformed' } });
    const port = connect(bench.emulator.url);
    const calls = Object.entries(everyCall).filter(([name]) => !/^(delete|detach)/.test(name));
    const seen = await Promise.all(calls.map(async ([name, call]) => ({ name, verdict: await verdictOf(call(port)) })));
    const verdict = { kind: 'unknownOutcome', message: 'answered something unreadable' };
    expect(seen).toMatchObject(calls.map(([name]) => ({ name, verdict })));
  });

  test('ends at its deadline when no answer comes', async () => {
    await using bench = await startTestEmulator();
    bench.emulator.faults.add({ effect: { kind: 'hang' } });
    const port = connect(bench.emulator.url, 200);
    const calls = Object.entries(everyCall);
    const seen = await Promise.all(calls.map(async ([name, call]) => ({ name, verdict: await verdictOf(call(port)) })));
    const verdict = { kind: 'unknownOutcome', message: 'no answer in time' };
    expect(seen).toMatchObject(calls.map(([name]) => ({ name, verdict })));
  });
});

describe('the deadline', () => {
  test('also ends an answer that trickles', async () => {
    const server = createServer((_, response) => {
      const drip = setInterval(() => response.write(' '), 50);
      response.on('close', () => clearInterval(drip));
    });
    await using stack = new AsyncDisposableStack();
    stack.defer(() => server.closeAllConnections());
    stack.defer(() => void server.close());
    const port = connect(await listening(server), 300);
    expect(await verdictOf(port.listTrunks())).toEqual({ kind: 'unknownOutcome', message: 'no answer in time' });
  });

  test('also ends the wait for a proxy that hangs; the proxy of the environment is used', async () => {
    const connections: string[] = [];
    const proxy = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (data) => connections.push(data.toString().split('\r\n')[0] ?? ''));
    });
    await using stack = new AsyncDisposableStack();
    stack.defer(() => void proxy.close());
    vi.stubEnv('HTTP_PROXY', await listening(proxy));
    // Would redirect to another region, were they not overruled.
    vi.stubEnv('TWILIO_REGION', 'ie1');
    vi.stubEnv('TWILIO_EDGE', 'dublin');
    const verdict = await verdictOf(connect(undefined, 300).listTrunks());
    expect(verdict).toEqual({ kind: 'unknownOutcome', message: 'no answer in time' });
    expect(connections).toEqual(['CONNECT trunking.twilio.com:443 HTTP/1.1']);
  });
});

describe('an answer that is lost', () => {
  test('leaves one object, and nothing is sent twice', async () => {
    await using bench = await startTestEmulator();
    const port = connect(bench.emulator.url);
    bench.emulator.faults.add({ effect: { kind: 'dropAfter' }, times: 1 });
    expect(await verdictOf(port.createTrunk(trunkValues))).toMatchObject({ kind: 'unknownOutcome' });
    expect(bench.emulator.requests).toHaveLength(1);
    expect(await port.listTrunks()).toMatchObject([trunkValues]);
  });

  test('of a list is made good by asking again: the name is its key', async () => {
    await using bench = await startTestEmulator();
    const port = connect(bench.emulator.url);
    bench.emulator.faults.add({ effect: { kind: 'dropAfter' }, times: 1 });
    expect(await verdictOf(port.createCredentialList('name'))).toMatchObject({ kind: 'unknownOutcome' });
    const { sid } = await port.createCredentialList('name');
    expect(bench.emulator.dump(OWN).credentialLists).toMatchObject([{ sid, friendlyName: 'name' }]);
  });

  test('of an attachment is made good by asking again', async () => {
    await using bench = await startTestEmulator({ switches: { attachNumberTwice: 'refused' } });
    const port = connect(bench.emulator.url);
    const trunk = await port.createTrunk(trunkValues);
    bench.emulator.faults.add({ effect: { kind: 'dropAfter' }, times: 1 });
    expect(await verdictOf(port.attachNumber(trunk.sid, PN))).toMatchObject({ kind: 'unknownOutcome' });
    await port.attachNumber(trunk.sid, PN);
    expect(bench.emulator.phoneNumber(NUMBERS[0]).trunkSid).toBe(trunk.sid);
  });

  test('is also one whose text cannot be read', async () => {
    await using bench = await startTestEmulator();
    const port = connect(bench.emulator.url);
    bench.emulator.faults.add({ effect: { kind: 'malformed', applied: true }, times: 1 });
    expect(await verdictOf(port.createTrunk(trunkValues))).toMatchObject({ kind: 'unknownOutcome' });
    expect(await port.listTrunks()).toMatchObject([trunkValues]);
  });
});

test('every request goes through the limiter, and waiting for it is no failure', async () => {
  await using bench = await startTestEmulator();
  const seen = { now: 0, most: 0, total: 0 };
  let queue = Promise.resolve<unknown>(undefined);
  const port = connectTwilio({
    accountSid: OWN,
    credentials: { username: API_KEY, password: TOKEN },
    baseUrl: bench.emulator.url,
    timeoutMs: 1_000,
    clock: { monotonic: () => 0 },
    limiter: async (send) => {
      const sent = queue.then(async () => {
        seen.now += 1;
        seen.total += 1;
        seen.most = Math.max(seen.most, seen.now);
        try {
          return await send();
        } finally {
          seen.now -= 1;
        }
      });
      queue = sent.catch(() => undefined);
      return await sent;
    },
  });
  bench.emulator.faults.add({ effect: { kind: 'delay', milliseconds: 150 } });
  const trunks = Array.from({ length: 10 }, async (_, index) => {
    await port.createTrunk({ ...trunkValues, domainName: `t${index}.pstn.twilio.com` });
  });
  await Promise.all(trunks);
  expect(seen).toEqual({ now: 0, most: 1, total: bench.emulator.requests.length });
});

test('what cannot be taken away from another account is reported', async () => {
  await using bench = await startTestEmulator();
  const [key, account] = [sidOf('SK', 2), sidOf('AC', 2)];
  bench.emulator.seed({ accounts: [{ accountSid: account, apiKeys: { [key]: TOKEN } }] });
  bench.emulator.faults.add({ method: 'DELETE', effect: { kind: 'status', status: 500 } });
  const port = connectTwilio({
    accountSid: OWN,
    credentials: { username: key, password: TOKEN },
    baseUrl: bench.emulator.url,
    clock: { monotonic: () => 0 },
  });
  const verdict = await verdictOf(port.createTrunk(trunkValues));
  const [left] = bench.emulator.dump(account).trunks;
  expect(verdict).toEqual({
    kind: 'identity',
    reason: 'AccountMismatch',
    message: `${left?.sid} is in account ${account}, not in ${OWN}, and is still there`,
  });
});

test('a password is not in a failure of the call that carries it, nor kept by the client', async () => {
  await using bench = await startTestEmulator();
  bench.emulator.faults.add({
    effect: { kind: 'status', status: 400, code: 21_243, message: `Password ${PASSWORD} is weak` },
  });
  const { verdict } = await failureOf(everyCall.createCredential(connect(bench.emulator.url)));
  expect(verdict).toMatchObject({ message: 'Password [secret] is weak (21243)' });

  const client = new TwilioHttpClient({ timeoutMs: 2_000, baseUrl: bench.emulator.url, limiter: atOnce });
  const data = { Password: PASSWORD };
  const request = client.request({
    method: 'post',
    uri: 'https://api.twilio.com/x',
    username: API_KEY,
    password: TOKEN,
    data,
  });
  await expect(request).rejects.toThrow('is weak');
  expect(inspect(client, { depth: 20, showHidden: true })).not.toContain(PASSWORD);
});

test.for([
  { uri: 'https://evil.test/v1/Trunks?Page=1', why: 'a link of a page could send the credentials anywhere' },
  { uri: 'https://eviltwilio.com/v1/Trunks', why: 'it only looks like Twilio' },
  { uri: 'http://trunking.twilio.com/v1/Trunks', why: 'not in clear text' },
])('no request goes to $uri', async ({ uri, why }) => {
  const request = new TwilioHttpClient({ timeoutMs: 200, baseUrl: undefined, limiter: atOnce }).request({
    method: 'get',
    uri,
    username: 'u',
    password: 'p',
  });
  await expect(request, why).rejects.toThrow('leads away from Twilio');
});
