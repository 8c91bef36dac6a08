// The LiveKit port on a real livekit-server: the whole life of every object, and what the server keeps of it.
import { isDeepStrictEqual } from 'node:util';
import { SIPDispatchRuleInfo, SIPInboundTrunkInfo, SIPOutboundTrunkInfo } from 'livekit-server-sdk';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectLiveKit } from '../../src/providers/livekit/connect-livekit.ts';
import type { DispatchRuleValues, InboundTrunkValues, LiveKitPort } from '../../src/reconcilers/shared/telephony.ts';
import { ProviderError } from '../../src/reconcilers/shared/verdict.ts';
import { type LiveKitServer, startLiveKit } from '../tools/livekit.ts';
import { progressToStandardError as progress } from '../tools/progress.ts';
import { ensureRealParts } from '../tools/real-parts.ts';
import { createTemporaryFolder } from '../tools/temporary-folder.ts';

const resources = new AsyncDisposableStack();
let server: LiveKitServer;
let port: LiveKitPort;

beforeAll(async () => {
  const parts = await ensureRealParts({ parts: ['redis', 'livekit-server'], progress });
  const { path: folder } = resources.use(await createTemporaryFolder('trunkline-livekit-port-'));
  server = resources.use(await startLiveKit({ parts, folder, name: 'livekit', progress }));
  port = connectLiveKit(server);
});
afterAll(async () => await resources.disposeAsync());
beforeEach(async () => await server.clear());

const inboundValues: InboundTrunkValues = {
  name: 'tl/owner/15550100001/0123abcd/inbound',
  numbers: ['+15550100001'],
  allowedAddresses: ['54.172.60.0/23', '192.0.2.7'],
  krispEnabled: true,
  headersToAttributes: { 'X-Customer-Id': 'customer.id', 'X-Twilio-CallSid': 'call' },
  maxCallDurationSeconds: 3600,
  ringingTimeoutSeconds: 30,
  acceptsEncryption: false,
};
const ruleValues: DispatchRuleValues = {
  name: 'tl/owner/15550100001/0123abcd/rule',
  trunkIds: ['ST_of_the_test'],
  roomPrefix: 'call-',
  agents: [
    { agentName: 'receptionist', metadata: '{"lang":"en"}' },
    { agentName: 'note taker', metadata: '' },
  ],
  hidePhoneNumber: true,
  attributes: { tenant: 'one', CamelCase: 'kept', snake_case: 'kept' },
};
const outboundValues = {
  name: 'tl/owner/15550100001/0123abcd/outbound',
  numbers: ['+15550100001'],
  address: 't0123.pstn.twilio.com',
  authUsername: 'user-1',
  encrypted: false,
};

/** Fields in which what is there differs from what is wanted, as the core compares them. */
function drift<T extends object>(present: T | undefined, wanted: Partial<T>): readonly string[] {
  return Object.entries(wanted)
    .filter(([field, value]) => !isDeepStrictEqual(Reflect.get(present ?? {}, field), value))
    .map(([field]) => field);
}

async function verdictOf(call: Promise<unknown>) {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof ProviderError ? error.verdict : error;
}

describe('an inbound trunk', () => {
  test.for([
    { name: 'with everything set', why: 'the fullest spec', values: inboundValues },
    {
      name: 'with as little as possible',
      why: 'unset fields must not look like drift',
      values: {
        ...inboundValues,
        allowedAddresses: [],
        krispEnabled: false,
        headersToAttributes: {},
        maxCallDurationSeconds: 0,
        ringingTimeoutSeconds: 0,
      },
    },
    {
      name: 'with the longest call',
      why: 'the longest duration of a spec',
      values: { ...inboundValues, maxCallDurationSeconds: 86_400 },
    },
  ])('$name reads back as it was asked for', async ({ why, values }) => {
    const made = await port.createInboundTrunk(values);
    expect(made.id).toMatch(/^ST_/);
    expect(made).toStrictEqual({ id: made.id, ...values });
    expect(drift(await port.readInboundTrunk(made.id), values), why).toEqual([]);
    expect(await port.listInboundTrunks()).toStrictEqual([made]);
    expect(await port.updateInboundTrunk(made.id, values), 'writing it again changes nothing').toStrictEqual(made);
  });

  test('is changed without losing what others have set, and deleted', async () => {
    const { id } = await port.createInboundTrunk({ ...inboundValues, krispEnabled: false, ringingTimeoutSeconds: 0 });
    const [info = new SIPInboundTrunkInfo()] = await server.sip.listSipInboundTrunk({ trunkIds: [id] });
    info.metadata = 'theirs';
    info.headers = { 'X-Theirs': 'yes' };
    info.attributesToHeaders = { their: 'X-Attribute' };
    await server.sip.updateSipInboundTrunk(id, info);

    const changed = {
      ...inboundValues,
      name: 'renamed',
      allowedAddresses: [],
      headersToAttributes: { 'X-New': 'new' },
    };
    expect(drift(await port.updateInboundTrunk(id, changed), changed)).toEqual([]);
    expect(drift(await port.readInboundTrunk(id), changed)).toEqual([]);
    expect((await server.dump()).inboundTrunks).toMatchObject([
      {
        name: 'renamed',
        metadata: 'theirs',
        headers: { 'X-Theirs': 'yes' },
        attributesToHeaders: { their: 'X-Attribute' },
      },
    ]);

    await port.deleteTrunk(id);
    expect(await port.readInboundTrunk(id)).toBeUndefined();
    expect(await server.isEmpty()).toBe(true);
  });

  test('is found by its number, whoever wrote it and however', async () => {
    const ours = await port.createInboundTrunk(inboundValues);
    // Two trunks with one number conflict, unless they take calls from different callers only.
    await server.sip.createSipInboundTrunk('theirs', ['1 (555) 010-0001', '+15550100002'], { allowedNumbers: ['+1'] });
    await server.sip.createSipInboundTrunk('other number', ['+15550100003']);
    await server.sip.createSipInboundTrunk('any number', [], { allowedAddresses: ['192.0.2.1'] });
    const names = (await port.findInboundTrunks('+15550100001')).map(({ name }) => name);
    expect(names.toSorted()).toEqual(['theirs', ours.name]);
    expect(await port.findInboundTrunks('+15550109999')).toEqual([]);
  });

  test('of a second owner of the number is refused by LiveKit itself', async () => {
    await port.createInboundTrunk(inboundValues);
    const second = await verdictOf(port.createInboundTrunk({ ...inboundValues, name: 'second' }));
    expect(second).toMatchObject({
      kind: 'refused',
      code: 'invalid_argument',
      message: expect.stringMatching(/Conflicting/),
    });
    expect(await port.listInboundTrunks()).toHaveLength(1);
  });
});

describe('a dispatch rule', () => {
  test.for([
    { name: 'with everything set', why: 'the fullest spec', values: ruleValues },
    {
      name: 'with as little as possible',
      why: 'unset fields must not look like drift',
      values: { ...ruleValues, agents: [], hidePhoneNumber: false, attributes: {}, roomPrefix: '' },
    },
  ])('$name reads back as it was asked for', async ({ why, values }) => {
    const made = await port.createDispatchRule(values);
    expect(made.id).toMatch(/^SDR_/);
    expect(made).toStrictEqual({ id: made.id, ...values });
    expect(drift(await port.readDispatchRule(made.id), values), why).toEqual([]);
    expect(await port.listDispatchRules()).toStrictEqual([made]);
    expect(await port.updateDispatchRule(made.id, values), 'writing it again changes nothing').toStrictEqual(made);
  });

  test('is changed without losing what others have set, and deleted', async () => {
    const { id } = await port.createDispatchRule(ruleValues);
    const [info = new SIPDispatchRuleInfo()] = await server.sip.listSipDispatchRule({ dispatchRuleIds: [id] });
    info.metadata = 'theirs';
    if (info.rule?.rule.case === 'dispatchRuleIndividual') info.rule.rule.value.pin = '4321';
    if (info.roomConfig !== undefined) info.roomConfig.emptyTimeout = 77;
    await server.sip.updateSipDispatchRule(id, info);

    const changed = {
      ...ruleValues,
      roomPrefix: 'new-',
      agents: ruleValues.agents.slice(1),
      hidePhoneNumber: false,
      attributes: {},
    };
    expect(drift(await port.updateDispatchRule(id, changed), changed)).toEqual([]);
    expect(drift(await port.readDispatchRule(id), changed)).toEqual([]);
    expect((await server.dump()).dispatchRules).toMatchObject([
      {
        metadata: 'theirs',
        rule: { dispatchRuleIndividual: { roomPrefix: 'new-', pin: '4321' } },
        roomConfig: { emptyTimeout: 77, agents: [{ agentName: 'note taker' }] },
      },
    ]);

    await port.deleteDispatchRule(id);
    expect(await port.readDispatchRule(id)).toBeUndefined();
    expect(await server.isEmpty()).toBe(true);
  });

  test('that somebody made a rule for one room becomes ours again', async () => {
    const { sipDispatchRuleId: id } = await server.sip.createSipDispatchRule(
      { type: 'direct', roomName: 'lobby' },
      { name: ruleValues.name, trunkIds: [...ruleValues.trunkIds] },
    );
    expect(drift(await port.readDispatchRule(id), ruleValues)).toContain('roomPrefix');
    await port.updateDispatchRule(id, ruleValues);
    expect(drift(await port.readDispatchRule(id), ruleValues)).toEqual([]);
  });

  test('can be made while rules of others are in conflict', async () => {
    const theirs = { type: 'individual', roomPrefix: 'a' } as const;
    await server.sip.createSipDispatchRule(theirs, { trunkIds: ['ST_theirs'] });
    const other = await server.sip.createSipDispatchRule(theirs, { trunkIds: ['ST_theirs_too'] });
    other.trunkIds = ['ST_theirs'];
    await server.sip.updateSipDispatchRule(other.sipDispatchRuleId, other);
    const made = await port.createDispatchRule(ruleValues);
    expect(drift(await port.readDispatchRule(made.id), ruleValues)).toEqual([]);
    expect(await verdictOf(port.createDispatchRule({ ...ruleValues, name: 'second' }))).toMatchObject({
      kind: 'refused',
      code: 'invalid_argument',
    });
  });
});

test('rules without a trunk are found, and told apart by the calls they take', async () => {
  const wildcard = async (name: string, pin?: string) =>
    await server.sip.createSipDispatchRule(
      { type: 'individual', roomPrefix: 'x-', ...(pin !== undefined && { pin }) },
      { name },
    );
  await port.createDispatchRule(ruleValues);
  expect(await port.findWildcardRules(), 'a rule of a trunk is none').toEqual([]);
  await wildcard('open');
  await wildcard('guarded', '1234');
  const found = await port.findWildcardRules();
  expect(found.map(({ name }) => name).toSorted()).toEqual(['guarded', 'open']);
  expect(new Set(found.map(({ condition }) => condition)).size).toBe(2);
  expect(JSON.stringify(found)).not.toContain('1234');
});

describe('encryption', () => {
  test('of an inbound trunk goes on and off, and what others have set of its media stays', async () => {
    const { id } = await port.createInboundTrunk(inboundValues);
    const encrypted = { ...inboundValues, acceptsEncryption: true };
    expect(await port.updateInboundTrunk(id, encrypted)).toStrictEqual({ id, ...encrypted });
    expect((await server.dump()).inboundTrunks).toMatchObject([{ media: { encryption: 'SIP_MEDIA_ENCRYPT_ALLOW' } }]);
    expect(await port.updateInboundTrunk(id, inboundValues)).toStrictEqual({ id, ...inboundValues });
    expect(await port.readInboundTrunk(id)).toStrictEqual({ id, ...inboundValues });
  });

  test('of an inbound trunk is there from the start', async () => {
    const values = { ...inboundValues, acceptsEncryption: true };
    const made = await port.createInboundTrunk(values);
    expect(await port.readInboundTrunk(made.id)).toStrictEqual({ id: made.id, ...values });
  });

  test('of an outbound trunk goes on and off, and the credential stays', async () => {
    const made = await port.createOutboundTrunk({ ...outboundValues, authPassword: 'First-Password-1' });
    const { address } = outboundValues;
    expect(await port.updateOutboundTrunk(made.id, { address, encrypted: true })).toStrictEqual({
      ...made,
      encrypted: true,
    });
    expect((await server.dump()).outboundTrunks).toMatchObject([
      {
        transport: 'SIP_TRANSPORT_TLS',
        media: { encryption: 'SIP_MEDIA_ENCRYPT_REQUIRE' },
        authPassword: 'First-Password-1',
      },
    ]);
    expect(await port.updateOutboundTrunk(made.id, { address, encrypted: false })).toStrictEqual(made);
    expect(await port.readOutboundTrunk(made.id)).toStrictEqual(made);
  });

  test('of an outbound trunk is there from the start, and half of it is told from all', async () => {
    const values = { ...outboundValues, encrypted: true };
    const made = await port.createOutboundTrunk({ ...values, authPassword: 'First-Password-1' });
    expect(made).toStrictEqual({ id: made.id, ...values });
    const [{ media: _media, mediaEncryption: _same, ...rest } = {}] = (await server.dump()).outboundTrunks;
    const halved = SIPOutboundTrunkInfo.fromJsonString(JSON.stringify(rest));
    await server.sip.updateSipOutboundTrunk(made.id, halved);
    expect(await port.readOutboundTrunk(made.id)).toMatchObject({ encrypted: 'partly' });
  });
});

describe('an outbound trunk', () => {
  test('is made, gets a new credential without losing anything, and is deleted', async () => {
    const made = await port.createOutboundTrunk({ ...outboundValues, authPassword: 'First-Password-1' });
    expect(made).toStrictEqual({ id: made.id, ...outboundValues });
    expect(await port.readOutboundTrunk(made.id)).toStrictEqual(made);
    expect(await port.listOutboundTrunks()).toStrictEqual([made]);
    expect((await server.dump()).outboundTrunks).toMatchObject([{ authPassword: 'First-Password-1' }]);

    const change = { address: 't4567.pstn.twilio.com', encrypted: false };
    const credential = { authUsername: 'user-2', authPassword: 'Second-Password-2' };
    const { authPassword, ...visible } = { ...change, ...credential };
    expect(await port.updateOutboundTrunk(made.id, { ...change, credential })).toStrictEqual({ ...made, ...visible });
    expect(await port.readOutboundTrunk(made.id)).toStrictEqual({ ...made, ...visible });
    expect((await server.dump()).outboundTrunks).toMatchObject([{ authPassword, name: outboundValues.name }]);

    await port.deleteTrunk(made.id);
    expect(await port.readOutboundTrunk(made.id)).toBeUndefined();
    expect(await server.isEmpty()).toBe(true);
  });
});

test('lists are complete beyond a page', async () => {
  const count = 230;
  const range = Array.from({ length: count }, (_, index) => index);
  for (let start = 0; start < count; start += 10) {
    await Promise.all(
      range.slice(start, start + 10).map(async (index) => {
        const number = `+1555020${String(index).padStart(4, '0')}`;
        await port.createInboundTrunk({ ...inboundValues, numbers: [number] });
        await port.createDispatchRule({ ...ruleValues, trunkIds: [`ST_${index}`] });
        await port.createOutboundTrunk({ ...outboundValues, authPassword: 'First-Password-1' });
      }),
    );
  }
  for (const pageSize of [100, count, 1000]) {
    const { url, apiKey, apiSecret } = server;
    const paged = connectLiveKit({ url, apiKey, apiSecret, pageSize });
    const lists = await Promise.all([paged.listInboundTrunks(), paged.listDispatchRules(), paged.listOutboundTrunks()]);
    for (const list of lists) expect(new Set(list.map(({ id }) => id)).size, `pages of ${pageSize}`).toBe(count);
  }
  expect(await port.findInboundTrunks('+15550200123')).toMatchObject([{ numbers: ['+15550200123'] }]);
});

describe('ids that do not exist', () => {
  test('are not there', async () => {
    expect(await port.readInboundTrunk('ST_nothing')).toBeUndefined();
    expect(await port.readOutboundTrunk('ST_nothing')).toBeUndefined();
    expect(await port.readDispatchRule('SDR_nothing')).toBeUndefined();
  });

  test('of one direction are not there in the other', async () => {
    const { id } = await port.createInboundTrunk(inboundValues);
    expect(await port.readOutboundTrunk(id)).toBeUndefined();
    expect(await port.readDispatchRule(id)).toBeUndefined();
  });

  test('cannot be changed', async () => {
    const change = { address: 'a.pstn.twilio.com', encrypted: false };
    const verdicts = await Promise.all([
      verdictOf(port.updateInboundTrunk('ST_nothing', inboundValues)),
      verdictOf(port.updateDispatchRule('SDR_nothing', ruleValues)),
      verdictOf(port.updateOutboundTrunk('ST_nothing', change)),
    ]);
    expect(verdicts).toMatchObject([{ kind: 'notFound' }, { kind: 'notFound' }, { kind: 'notFound' }]);
  });

  test('are deleted without a word, or not found: both mean gone', async () => {
    await port.deleteTrunk('ST_nothing');
    expect(await verdictOf(port.deleteDispatchRule('SDR_nothing'))).toMatchObject({ kind: 'notFound' });
  });
});
