// What goes wrong on demand: what the client sees, and whether the request was applied all the same.
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { FaultEffect } from '../emulator/twilio/faults.ts';
import { createRawClient } from '../emulator/twilio/raw-client.ts';
import { createSdkClient } from '../emulator/twilio/sdk-client.ts';
import {
  CORE,
  FOREIGN,
  NUMBER_SIDS,
  OWN,
  PASSWORD,
  sidOf,
  startTestEmulator,
  TOKEN,
} from '../emulator/twilio/test-emulator.ts';

const [PN] = NUMBER_SIDS;
const TK = sidOf('TK', 1);

describe('a fault', () => {
  const cases: readonly {
    readonly name: string;
    readonly why: string;
    readonly effect: FaultEffect;
    /** What the promise of the SDK is rejected with. */
    readonly seen: Readonly<Record<string, unknown>>;
    readonly applied: boolean;
    /** Status in the request log. */
    readonly status: number | null;
  }[] = [
    {
      name: '500 without applying',
      why: 'a retry is right',
      effect: { kind: 'status', status: 500 },
      seen: { status: 500, code: 20500 },
      applied: false,
      status: 500,
    },
    {
      name: '500 although it was applied',
      why: 'a retry makes a second one',
      effect: { kind: 'status', status: 500, applied: true },
      seen: { status: 500, code: 20500 },
      applied: true,
      status: 500,
    },
    {
      name: '503 with a code of its own',
      why: 'as the test says',
      effect: { kind: 'status', status: 503, code: 20001, message: 'away' },
      seen: { status: 503, code: 20001, message: 'away' },
      applied: false,
      status: 503,
    },
    {
      name: 'an HTML 502 of a gateway',
      why: 'no JSON, no code',
      effect: { kind: 'status', status: 502, html: '<h1>Bad gateway</h1>' },
      seen: { status: 502, message: '[HTTP 502] Failed to execute request' },
      applied: false,
      status: 502,
    },
    {
      name: 'a refusal with a code',
      why: 'how a removal is made to fail for good',
      effect: { kind: 'status', status: 400, code: 21247 },
      seen: { status: 400, code: 21247, moreInfo: 'https://www.twilio.com/docs/errors/21247' },
      applied: false,
      status: 400,
    },
    {
      name: '429',
      why: 'never processed',
      effect: { kind: 'rateLimit' },
      seen: { status: 429, code: 20429 },
      applied: false,
      status: 429,
    },
    {
      name: 'a broken connection before anything happened',
      why: 'the client cannot know',
      effect: { kind: 'dropBefore' },
      seen: { code: 'ECONNRESET' },
      applied: false,
      status: null,
    },
    {
      name: 'a broken connection instead of the 201',
      why: 'the client cannot know',
      effect: { kind: 'dropAfter' },
      seen: { code: 'ECONNRESET' },
      applied: true,
      status: null,
    },
    {
      name: 'no answer at all',
      why: 'the client gives up',
      effect: { kind: 'hang' },
      seen: { code: 'ECONNABORTED' },
      applied: false,
      status: null,
    },
    {
      name: 'no answer at all, although it was applied',
      why: 'the client gives up',
      effect: { kind: 'hang', applied: true },
      seen: { code: 'ECONNABORTED' },
      applied: true,
      status: null,
    },
  ];

  test.for(cases)('$name', async ({ why, effect, seen, applied, status }) => {
    await using bench = await startTestEmulator();
    const { emulator } = bench;
    const fault = emulator.faults.add({ method: 'POST', path: /^\/v1\/Trunks$/, times: 1, effect });
    await bench.api.get('/v1/Trunks'); // so that the time-out measures the fault, and no start-up
    emulator.clearRequests();
    const impatient = createSdkClient(emulator.url, { accountSid: OWN, password: TOKEN, timeout: 500 });
    const sdk = effect.kind === 'hang' ? impatient : bench.sdk;
    await expect(sdk.trunking.v1.trunks.create({ friendlyName: 'one' }), why).rejects.toMatchObject(seen);
    expect(emulator.requests, why).toMatchObject([{ method: 'POST', path: '/v1/Trunks', applied, status }]);
    expect(emulator.dump(OWN).trunks, why).toHaveLength(applied ? 1 : 0);
    await sdk.trunking.v1.trunks.create({ friendlyName: 'two' });
    expect(fault.hits, 'it is spent').toBe(1);
    emulator.assertNoViolations();
  });

  test.for([
    { applied: false, count: 0, why: 'nothing happened' },
    { applied: true, count: 1, why: 'the 200 was meant' },
  ])('a reply that does not parse, applied $applied', async ({ applied, count, why }) => {
    await using bench = await startTestEmulator();
    bench.emulator.faults.add({ effect: { kind: 'malformed', applied } });
    await expect(bench.api.post('/v1/Trunks'), why).rejects.toThrow(SyntaxError);
    expect(bench.emulator.dump(OWN).trunks, why).toHaveLength(count);
  });

  test.for([
    { retryAfterSeconds: 7, header: '7', why: 'third parties report it' },
    { retryAfterSeconds: undefined, header: null, why: 'Twilio does not document it' },
  ])('429 with Retry-After $retryAfterSeconds', async ({ retryAfterSeconds, header, why }) => {
    await using bench = await startTestEmulator();
    const effect = { kind: 'rateLimit', ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) } as const;
    bench.emulator.faults.add({ effect });
    const { headers } = await bench.api.get('/v1/Trunks');
    expect(headers.get('Retry-After'), why).toBe(header);
  });

  test('hits what its rule says, and ends when it is removed', async () => {
    await using bench = await startTestEmulator();
    const { emulator, api, foreignApi } = bench;
    const effect = { kind: 'status', status: 500 } as const;
    const fault = emulator.faults.add({ method: 'POST', path: /^\/v1\//, account: OWN, skip: 1, effect });
    expect((await foreignApi.post('/v1/Trunks')).status, 'another account').toBe(201);
    expect((await api.get('/v1/Trunks')).status, 'another method').toBe(200);
    expect((await api.post(`${CORE}/SIP/CredentialLists.json`, { FriendlyName: 'one' })).status, 'other path').toBe(
      201,
    );
    expect((await api.post('/v1/Trunks')).status, 'the one that passes first').toBe(201);
    expect((await api.post('/v1/Trunks')).status).toBe(500);
    expect((await api.post('/v1/Trunks')).status).toBe(500);
    expect(fault.hits).toBe(2);
    fault.remove();
    expect((await api.post('/v1/Trunks')).status).toBe(201);
  });
});

describe('a delay', () => {
  test.for([
    { when: 'before', appliedMeanwhile: false, why: 'the request is still on its way' },
    { when: 'after', appliedMeanwhile: true, why: 'the answer is still on its way' },
  ] as const)('$when applying', async ({ when, appliedMeanwhile, why }) => {
    const waits = gate();
    await using bench = await startTestEmulator({ wait: waits.wait });
    bench.emulator.faults.add({ effect: { kind: 'delay', milliseconds: 60_000, when } });
    const created = bench.api.post('/v1/Trunks');
    expect(await waits.reached).toBe(60_000);
    expect(bench.emulator.requests, why).toMatchObject([{ applied: appliedMeanwhile, status: null }]);
    waits.open();
    expect((await created).status).toBe(201);
  });

  test('ends with a request that commits late: its client had given up', async () => {
    const waits = gate();
    await using bench = await startTestEmulator({ wait: waits.wait });
    bench.emulator.faults.add({ effect: { kind: 'delay', milliseconds: 60_000 } });
    const sdk = createSdkClient(bench.emulator.url, { accountSid: OWN, password: TOKEN, timeout: 100 });
    await expect(sdk.trunking.v1.trunks.create()).rejects.toMatchObject({ code: 'ECONNABORTED' });
    expect(bench.emulator.dump(OWN).trunks).toHaveLength(0);
    waits.open();
    await expect.poll(() => bench.emulator.dump(OWN).trunks).toHaveLength(1);
    expect(bench.emulator.requests).toMatchObject([{ applied: true }]);
  });

  test('ends with nothing when the emulator closes', async () => {
    const waits = gate();
    const bench = await startTestEmulator({ wait: waits.wait });
    bench.emulator.faults.add({ effect: { kind: 'delay', milliseconds: 60_000 } });
    const created = bench.api.post('/v1/Trunks').then(
      () => 'answered',
      () => 'broken',
    );
    await waits.reached;
    await bench[Symbol.asyncDispose]();
    expect(await created).toBe('broken');
    waits.open();
    await setImmediate();
    expect(bench.emulator.dump(OWN).trunks).toHaveLength(0);
    bench.emulator.assertNoViolations();
  });
});

test.for([
  { where: 'both', inList: false, bySid: 404, why: 'the usual lag' },
  { where: 'lists', inList: false, bySid: 200, why: 'lists lag behind reads' },
  { where: 'reads', inList: true, bySid: 404, why: 'reads lag behind lists' },
] as const)('what is younger than a lag is missing from $where', async ({ where, inList, bySid, why }) => {
  await using bench = await startTestEmulator();
  const { sid } = await bench.api.post('/v1/Trunks');
  bench.emulator.faults.add({ method: 'GET', effect: { kind: 'notFoundAfterCreate', milliseconds: 500, where } });
  const look = async () => {
    const { body } = await bench.api.get('/v1/Trunks');
    const { status } = await bench.api.get(`/v1/Trunks/${sid}`);
    return { inList: JSON.stringify(body['trunks']).includes(sid), bySid: status };
  };
  expect(await look(), why).toEqual({ inList, bySid });
  bench.clock.now += 500;
  expect(await look(), 'the lag is over').toEqual({ inList: true, bySid: 200 });
});

describe('the concurrency ceiling', () => {
  test.for([
    { retryAfterOnCeiling: 'absent', header: null },
    { retryAfterOnCeiling: 'present', header: '1' },
  ] as const)('refuses what is above it, Retry-After $retryAfterOnCeiling', async ({ retryAfterOnCeiling, header }) => {
    const waits = gate();
    await using bench = await startTestEmulator({ wait: waits.wait, switches: { retryAfterOnCeiling } });
    const { emulator, api, foreignApi } = bench;
    emulator.seed({ accounts: [{ accountSid: OWN, limits: { concurrentRequests: 1 } }] });
    emulator.faults.add({ times: 1, effect: { kind: 'delay', milliseconds: 60_000 } });
    const first = api.post('/v1/Trunks');
    await waits.reached;
    const second = await api.post('/v1/Trunks');
    expect(second).toMatchObject({ status: 429, code: 20429 });
    expect(second.headers.get('Retry-After')).toBe(header);
    expect(second.headers.get('Twilio-Concurrent-Requests')).toBe('2');
    expect((await foreignApi.post('/v1/Trunks')).status, 'each account has its own').toBe(201);
    waits.open();
    expect((await first).status).toBe(201);
    expect((await api.get('/v1/Trunks')).headers.get('Twilio-Concurrent-Requests')).toBe('1');
    expect(emulator.dump(OWN).trunks, 'a refused request is never processed').toHaveLength(1);
  });
});

describe('a listener', () => {
  test('hears of every effect before its reply, and of nothing else', async () => {
    await using bench = await startTestEmulator();
    const { emulator, api } = bench;
    const heard: unknown[] = [];
    const stop = emulator.onApplied(async ({ method, template, path, account, status }) => {
      await setImmediate(); // long enough for a reply that does not wait
      const told = { method, template, path, account, status };
      heard.push({ ...told, answered: emulator.requests.at(-1)?.status, trunks: emulator.dump(OWN).trunks.length });
    });
    emulator.faults.add({ times: 1, effect: { kind: 'dropAfter' } });
    await expect(api.post('/v1/Trunks')).rejects.toThrow('fetch failed');
    const [trunk] = emulator.dump(OWN).trunks;
    const path = `/v1/Trunks/${trunk?.sid}`;
    await api.get(path);
    await api.post(path, { FriendlyName: 'x'.repeat(65) });
    await api.delete(path);
    stop();
    await api.post('/v1/Trunks');
    const common = { account: OWN, answered: null };
    expect(heard).toEqual([
      { ...common, method: 'POST', template: '/v1/Trunks', path: '/v1/Trunks', status: 201, trunks: 1 },
      { ...common, method: 'DELETE', template: '/v1/Trunks/{Sid}', path, status: 204, trunks: 0 },
    ]);
  });

  test('that fails is a violation, and the reply is sent', async () => {
    await using bench = await startTestEmulator();
    bench.emulator.onApplied(() => {
      throw new Error('no such process');
    });
    expect((await bench.api.post('/v1/Trunks')).status).toBe(201);
    expect(() => bench.emulator.assertNoViolations()).toThrow('no such process');
  });
});

test('a defect of a handler is a violation, and the connection breaks', async () => {
  await using bench = await startTestEmulator();
  bench.emulator.world.account(OWN).trunks.set(TK, { sid: TK } as never);
  await expect(bench.api.get(`/v1/Trunks/${TK}`)).rejects.toThrow('fetch failed');
  expect(bench.emulator.violations).toMatchObject([{ kind: 'emulator', method: 'GET', path: `/v1/Trunks/${TK}` }]);
});

test('a reply against the description is a violation', async () => {
  await using bench = await startTestEmulator();
  const number = bench.emulator.world.account(OWN).phoneNumbers.get(PN);
  if (number !== undefined) number.voiceMethod = 'PUT';
  await bench.api.get(`${CORE}/IncomingPhoneNumbers/${PN}.json`);
  expect(bench.emulator.violations).toMatchObject([
    { kind: 'reply', problems: ['reply/voice_method must be equal to one of the allowed values'] },
  ]);
});

test('every reply names its request, which the log knows by the same id', async () => {
  await using bench = await startTestEmulator();
  const replies = [await bench.api.get('/v1/Trunks?PageSize=5'), await bench.api.delete(`/v1/Trunks/${TK}`)];
  const ids = replies.map(({ headers }) => headers.get('Twilio-Request-Id'));
  expect(ids[0]).toMatch(/^RQ[0-9a-f]{32}$/);
  expect(bench.emulator.requests).toEqual([
    {
      id: ids[0],
      method: 'GET',
      path: '/v1/Trunks',
      query: 'PageSize=5',
      account: OWN,
      form: {},
      status: 200,
      applied: false,
    },
    {
      id: ids[1],
      method: 'DELETE',
      path: `/v1/Trunks/${TK}`,
      query: '',
      account: OWN,
      form: {},
      status: 404,
      applied: false,
    },
  ]);
  bench.emulator.clearRequests();
  expect(bench.emulator.requests).toEqual([]);
});

test('no password is kept anywhere', async () => {
  await using bench = await startTestEmulator();
  const { emulator, api } = bench;
  const { sid } = await api.post(`${CORE}/SIP/CredentialLists.json`, { FriendlyName: 'list' });
  const credentials = `${CORE}/SIP/CredentialLists/${sid}/Credentials.json`;
  const created = await api.post(credentials, { Username: 'user', Password: PASSWORD });
  await api.post(credentials, { Username: 'user', Password: PASSWORD });
  await api.post(credentials, { Username: 'other', Password: PASSWORD, Passwort: PASSWORD });
  await api.post('/nowhere', { Password: PASSWORD });
  await createRawClient(emulator.url, OWN, PASSWORD).get('/v1/Trunks');
  expect(emulator.requests[1]?.form).toEqual({ Username: 'user', Password: '[redacted]' });
  const admin = await Promise.all(
    ['state', 'requests', 'faults'].map(
      async (what) => await (await fetch(`${emulator.url}/_emulator/${what}`)).text(),
    ),
  );
  const shown = JSON.stringify([emulator.requests, emulator.violations, emulator.dump(OWN), created.body, admin]);
  expect(shown).toContain('user');
  expect(shown).not.toContain(PASSWORD);
  expect(shown).not.toContain(TOKEN);
});

describe('a seed', () => {
  test.for([
    { name: 'with an unknown field', seed: [{ accountSid: FOREIGN, trunk: [] }], message: 'trunk' },
    { name: 'with a malformed SID', seed: [{ accountSid: 'AC1' }], message: 'must be AC and 32 lower-case hex digits' },
    {
      name: 'with a number twice',
      seed: [{ accountSid: FOREIGN, phoneNumbers: [{ phoneNumber: '+15005550001' }] }],
      message: `Cannot seed number "+15005550001": account "${OWN}" has it`,
    },
    {
      name: 'with a list that is not there',
      seed: [{ accountSid: FOREIGN, trunks: [{ sid: TK, credentialLists: [sidOf('CL', 1)] }] }],
      message: `Cannot seed trunk "${TK}": there is no list "${sidOf('CL', 1)}"`,
    },
    {
      name: 'with another token for an account that is there',
      seed: [{ accountSid: FOREIGN, authToken: 'other' }],
      message: `Cannot seed account "${FOREIGN}": it exists, and keeps its token and its parent`,
    },
  ])('$name is refused', async ({ seed, message }) => {
    await using bench = await startTestEmulator();
    expect(() => bench.emulator.seed({ accounts: seed })).toThrow(message);
  });
});

/** Delays that last until the test opens the gate. */
function gate() {
  const reached = Promise.withResolvers<number>();
  const opened = Promise.withResolvers<void>();
  const wait: NonNullable<Parameters<typeof startTestEmulator>[0]>['wait'] = async (milliseconds) => {
    reached.resolve(milliseconds);
    await opened.promise;
  };
  return { wait, reached: reached.promise, open: opened.resolve };
}
