// The Twilio port against the emulator: the whole life of every object, whatever Twilio's undocumented answers are.
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { connectTwilio } from '../../src/providers/twilio/connect-twilio.ts';
import type { OriginationUrlValues, TwilioAccountPort, TwilioPort } from '../../src/reconcilers/shared/telephony.ts';
import { ProviderError } from '../../src/reconcilers/shared/verdict.ts';
import { startTwilioEmulator } from '../emulator/twilio/emulator.ts';
import { SWITCH_VARIANTS } from '../emulator/twilio/switches.ts';
import {
  API_KEY,
  FOREIGN,
  NUMBER_SIDS,
  NUMBERS,
  OWN,
  PASSWORD,
  sidOf,
  startTestEmulator,
  SUB,
  type TestEmulator,
  TOKEN,
} from '../emulator/twilio/test-emulator.ts';
import { unrouted } from '../support/unrouted-number.ts';

const [NUMBER] = NUMBERS;
const [NUMBER_SID] = NUMBER_SIDS;
const MARK = 'tl/owner/15005550001/0123abcd';
const trunkValues = {
  friendlyName: `${MARK}/trunk`,
  domainName: 't0123456789abcdef0123.pstn.twilio.com',
  transferMode: 'disable-all',
  secure: false,
} as const;
const urlValues: OriginationUrlValues = {
  friendlyName: `${MARK}/origination-0`,
  sipUrl: 'sip:project.sip.livekit.cloud;transport=tcp',
  priority: 1,
  weight: 1,
  enabled: true,
};
const addressValues = { friendlyName: '192.0.2.0/24', ipAddress: '192.0.2.0', cidrPrefixLength: 24 };

function connect(
  { emulator }: TestEmulator,
  changes: Partial<Parameters<typeof connectTwilio>[0]> = {},
): TwilioAccountPort {
  return connectTwilio({
    accountSid: OWN,
    credentials: { username: API_KEY, password: TOKEN },
    baseUrl: emulator.url,
    clock: { monotonic: () => 0 },
    ...changes,
  });
}

/** Fields in which what is there differs from what is wanted, as the core compares them. */
function drift<T extends object>(present: T | undefined, wanted: Partial<T>): readonly string[] {
  return Object.entries(wanted)
    .filter(([field, value]) => !isDeepStrictEqual(Reflect.get(present ?? {}, field), value))
    .map(([field]) => field);
}

async function verdictOf(call: Promise<unknown>): Promise<unknown> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof ProviderError ? error.verdict : error;
}

test.for([
  { voiceRegion: 'ie1', routesWithoutRegion: 'us1', expected: 'ie1' },
  { voiceRegion: undefined, routesWithoutRegion: 'us1', expected: 'us1' },
  { voiceRegion: undefined, routesWithoutRegion: 'notFound', expected: undefined },
] as const)('the region of a number: $voiceRegion, $routesWithoutRegion', async ({ voiceRegion, ...more }) => {
  await using region = await startTwilioEmulator({
    seed: {
      accounts: [
        {
          accountSid: OWN,
          authToken: 'token',
          phoneNumbers: [{ phoneNumber: '+15005550077', ...(voiceRegion !== undefined && { voiceRegion }) }],
        },
      ],
    },
    switches: { routesWithoutRegion: more.routesWithoutRegion },
  });
  const credentials = { username: OWN, password: 'token' };
  const port = connectTwilio({ accountSid: OWN, credentials, baseUrl: region.url, clock: { monotonic: () => 0 } });
  expect(await port.findVoiceRegion('+15005550077')).toBe(more.expected);
  region.faults.add({ path: /\/v2\//, effect: { kind: 'status', status: 403, code: 20_003 } });
  expect(await port.findVoiceRegion('+15005550077'), 'a key without the right to ask').toBeUndefined();
  region.assertNoViolations();
});

describe('calls under way', () => {
  test('are those that ring or are in progress, with what tells whose they are', async () => {
    await using bench = await startTestEmulator();
    const number = { from: '+15550100', to: NUMBER, phoneNumberSid: NUMBER_SID };
    bench.emulator.seed({
      accounts: [
        {
          accountSid: OWN,
          calls: [
            { ...number, status: 'in-progress' },
            { ...number, status: 'ringing', direction: 'trunking-terminating' },
            { ...number, status: 'completed' },
          ],
        },
      ],
    });
    const call = { ...number, trunkSid: '', direction: 'trunking-originating' };
    expect(await connect(bench).listCallsUnderWay()).toEqual([{ ...call, direction: 'trunking-terminating' }, call]);
    bench.emulator.assertNoViolations();
  });
});

describe('the whole life of a number, from nothing to nothing', () => {
  test.for(SWITCH_VARIANTS)('$name', async ({ switches }) => {
    await using bench = await startTestEmulator({ switches });
    const port = connect(bench);
    await port.proveAccount();

    const trunk = await port.createTrunk(trunkValues);
    expect(drift(trunk, { ...trunkValues, accountSid: OWN })).toEqual([]);
    expect(await port.readTrunk(trunk.sid)).toStrictEqual(trunk);
    expect(await port.listTrunks()).toStrictEqual([trunk]);
    const settings = {
      transferMode: 'sip-only',
      secure: true,
      disasterRecoveryUrl: 'https://example.com/sorry',
    } as const;
    expect(await port.updateTrunk(trunk.sid, settings)).toStrictEqual({ ...trunk, ...settings });
    const { disasterRecoveryUrl: _same, ...others } = { ...settings, secure: false };
    expect(await port.updateTrunk(trunk.sid, others), 'not named, not changed').toStrictEqual({
      ...trunk,
      ...settings,
      secure: false,
    });
    const without = { ...others, disasterRecoveryUrl: '' };
    expect(await port.updateTrunk(trunk.sid, without)).toStrictEqual({ ...trunk, ...without });

    const url = await port.createOriginationUrl(trunk.sid, urlValues);
    expect(drift(url, urlValues)).toEqual([]);
    const changedUrl = { ...urlValues, sipUrl: 'sip:other.example.com', priority: 2, weight: 3, enabled: false };
    expect(drift(await port.updateOriginationUrl(trunk.sid, url.sid, changedUrl), changedUrl)).toEqual([]);
    expect(await port.listOriginationUrls(trunk.sid)).toStrictEqual([{ sid: url.sid, ...changedUrl }]);

    const list = await port.createCredentialList(`${MARK}/credentials`);
    const credential = await port.createCredential(list.sid, { username: 'user', password: PASSWORD });
    expect(await port.listCredentials(list.sid)).toStrictEqual([{ sid: credential.sid, username: 'user' }]);
    await port.attachCredentialList(trunk.sid, list.sid);
    await port.attachCredentialList(trunk.sid, list.sid);
    expect(await port.listTrunkCredentialLists(trunk.sid)).toStrictEqual([list]);

    const accessList = await port.createIpAccessControlList(`${MARK}/acl`);
    const address = await port.createIpAddress(accessList.sid, addressValues);
    expect(await port.listIpAddresses(accessList.sid)).toStrictEqual([{ sid: address.sid, ...addressValues }]);
    await port.attachIpAccessControlList(trunk.sid, accessList.sid);
    await port.attachIpAccessControlList(trunk.sid, accessList.sid);
    expect(await port.listTrunkIpAccessControlLists(trunk.sid)).toStrictEqual([accessList]);

    expect(await port.findNumber(NUMBER)).toStrictEqual({
      sid: NUMBER_SID,
      phoneNumber: NUMBER,
      trunkSid: '',
      ...unrouted,
      voiceCapable: true,
      smsCapable: true,
      hosted: false,
    });
    await port.attachNumber(trunk.sid, NUMBER_SID);
    await port.attachNumber(trunk.sid, NUMBER_SID);
    expect(await port.readNumber(NUMBER_SID)).toMatchObject({ trunkSid: trunk.sid });
    expect(await port.listTrunkNumbers(trunk.sid)).toStrictEqual([NUMBER]);

    await port.detachNumber(trunk.sid, NUMBER_SID);
    await port.detachNumber(trunk.sid, NUMBER_SID);
    expect(await port.readNumber(NUMBER_SID)).toMatchObject({ trunkSid: '' });

    const routed = { voiceUrl: 'https://a.test/', voiceMethod: 'GET', smsApplicationSid: sidOf('AP', 2) };
    await port.updateNumber(NUMBER_SID, routed);
    expect(await port.readNumber(NUMBER_SID), 'what is not named stays').toMatchObject({ ...unrouted, ...routed });
    await port.updateNumber(NUMBER_SID, { voiceUrl: '', smsApplicationSid: '' });
    expect(await port.readNumber(NUMBER_SID), 'empty clears').toMatchObject({ voiceUrl: '', smsApplicationSid: '' });
    await port.deleteCredential(list.sid, credential.sid);
    await port.detachIpAccessControlList(trunk.sid, accessList.sid);
    await port.detachCredentialList(trunk.sid, list.sid);
    await port.deleteCredentialList(list.sid);
    await port.deleteIpAddress(accessList.sid, address.sid);
    await port.deleteIpAccessControlList(accessList.sid);
    await port.deleteOriginationUrl(trunk.sid, url.sid);
    await port.deleteTrunk(trunk.sid);
    expect(await port.readTrunk(trunk.sid)).toBeUndefined();
    expect(await port.readCredentialList(list.sid)).toBeUndefined();
    expect(await port.readIpAccessControlList(accessList.sid)).toBeUndefined();
    expect(bench.emulator.isEmpty(OWN)).toBe(true);
    // Attaching twice is refused under some switches, and then nothing else is written.
    bench.emulator.assertNoViolations();
  });
});

describe('numbers', () => {
  test.for([
    {
      name: 'with a trunk, application and URL',
      why: 'what preflight looks at',
      seed: { voiceUrl: 'https://a.test/', voiceApplicationSid: sidOf('AP', 1) },
      seen: { voiceUrl: 'https://a.test/', voiceApplicationSid: sidOf('AP', 1), voiceCapable: true },
    },
    {
      name: 'that are hosted',
      why: 'voice never reaches Twilio',
      seed: { origin: 'hosted' as const },
      seen: { hosted: true },
    },
    {
      name: 'without voice',
      why: 'no trunk helps',
      seed: { capabilities: { voice: false } },
      seen: { voiceCapable: false },
    },
  ])('$name are read as they are', async ({ why, seed, seen }) => {
    await using bench = await startTestEmulator();
    bench.emulator.seed({ accounts: [{ accountSid: OWN, phoneNumbers: [{ phoneNumber: '+15005559999', ...seed }] }] });
    expect(await connect(bench).findNumber('+15005559999'), why).toMatchObject(seen);
  });

  test('are found by the whole number only', async () => {
    await using bench = await startTestEmulator();
    const phoneNumbers = [{ phoneNumber: '+150055500019' }, { phoneNumber: '+1150055500' }];
    bench.emulator.seed({ accounts: [{ accountSid: OWN, phoneNumbers }] });
    expect(await connect(bench).findNumber(NUMBER)).toMatchObject({ sid: NUMBER_SID, phoneNumber: NUMBER });
    expect(await connect(bench).findNumber('+1500555')).toBeUndefined();
  });

  test('on another trunk stay there', async () => {
    await using bench = await startTestEmulator();
    const port = connect(bench);
    const trunk = await port.createTrunk(trunkValues);
    const other = await port.createTrunk({ ...trunkValues, domainName: 'other.pstn.twilio.com' });
    await port.attachNumber(other.sid, NUMBER_SID);
    await port.detachNumber(trunk.sid, NUMBER_SID);
    expect(bench.emulator.phoneNumber(NUMBER).trunkSid).toBe(other.sid);
  });
});

describe('lists', () => {
  test('are complete beyond a page, on both of Twilio APIs', async () => {
    await using bench = await startTestEmulator();
    const count = 2_300;
    const range = Array.from({ length: count }, (_, index) => index);
    bench.emulator.seed({
      accounts: [
        {
          accountSid: OWN,
          limits: { trunks: count, credentialLists: count },
          trunks: range.map((index) => ({ sid: sidOf('TK', index), domainName: `t${index}.pstn.twilio.com` })),
          credentialLists: range.map((index) => ({ friendlyName: `list ${index}` })),
          phoneNumbers: range.map((index) => ({ phoneNumber: `+1555${String(1_000_000 + index)}` })),
        },
      ],
    });
    const port = connect(bench);
    const lists = await Promise.all([port.listTrunks(), port.listCredentialLists(), port.listNumbers()]);
    for (const list of lists) expect(new Set(list.map(({ sid }) => sid)).size).toBeGreaterThanOrEqual(count);
    expect(bench.emulator.requests).toHaveLength(9);
    await port.proveAccount();
    expect(bench.emulator.requests, 'the list of numbers is a proof of the account').toHaveLength(9);
  });
});

describe('creating what exists already', () => {
  test('takes it over when it has our name', async () => {
    await using bench = await startTestEmulator();
    const port = connect(bench);
    const list = await port.createCredentialList('name');
    const accessList = await port.createIpAccessControlList('name');
    const address = await port.createIpAddress(accessList.sid, addressValues);
    expect(await port.createCredentialList('name')).toStrictEqual(list);
    expect(await port.createIpAccessControlList('name')).toStrictEqual(accessList);
    expect(await port.createIpAddress(accessList.sid, addressValues)).toStrictEqual(address);
  });

  test.for([
    {
      name: 'a name that is too long',
      why: 'the same code as for a name that is taken',
      call: (port: TwilioPort) => port.createCredentialList('x'.repeat(65)),
      code: '21240',
    },
    {
      name: 'a list name that is too long',
      why: 'the same',
      call: (port: TwilioPort) => port.createIpAccessControlList('x'.repeat(256)),
      code: '21235',
    },
    {
      name: 'a domain that is taken',
      why: 'whoever creates looks whose it is',
      call: async (port: TwilioPort) => {
        await port.createTrunk(trunkValues);
        return await port.createTrunk(trunkValues);
      },
      code: expect.stringMatching(/^(21245|21248)$/),
    },
    {
      name: 'a user name that is taken',
      why: 'the password of that one is unknown',
      call: async (port: TwilioPort) => {
        const { sid } = await port.createCredentialList('name');
        await port.createCredential(sid, { username: 'user', password: PASSWORD });
        return await port.createCredential(sid, { username: 'user', password: PASSWORD });
      },
      code: '21243',
    },
    {
      name: 'an address with another name',
      why: 'it is not ours',
      call: async (port: TwilioPort) => {
        const { sid } = await port.createIpAccessControlList('name');
        await port.createIpAddress(sid, { ...addressValues, friendlyName: 'theirs' });
        return await port.createIpAddress(sid, addressValues);
      },
      code: '21235',
    },
  ])('refuses $name', async ({ why, call, code }) => {
    await using bench = await startTestEmulator();
    expect(await verdictOf(call(connect(bench))), why).toMatchObject({ kind: 'refused', code });
  });

  test('attaching a number that is on another trunk is refused when Twilio refuses it', async () => {
    await using bench = await startTestEmulator({ switches: { attachNumberOfAnotherTrunk: 'refused' } });
    const port = connect(bench);
    const trunk = await port.createTrunk(trunkValues);
    const other = await port.createTrunk({ ...trunkValues, domainName: 'other.pstn.twilio.com' });
    await port.attachNumber(other.sid, NUMBER_SID);
    expect(await verdictOf(port.attachNumber(trunk.sid, NUMBER_SID))).toMatchObject({ kind: 'refused', code: '21245' });
    expect(bench.emulator.phoneNumber(NUMBER).trunkSid).toBe(other.sid);
  });
});

test('what is still in use is a conflict, never a definite refusal', async () => {
  await using bench = await startTestEmulator();
  const port = connect(bench);
  const trunk = await port.createTrunk(trunkValues);
  const list = await port.createCredentialList('name');
  const accessList = await port.createIpAccessControlList('name');
  await port.attachCredentialList(trunk.sid, list.sid);
  await port.attachIpAccessControlList(trunk.sid, accessList.sid);
  expect(await verdictOf(port.deleteCredentialList(list.sid))).toMatchObject({ kind: 'conflict', code: '21241' });
  expect(await verdictOf(port.deleteIpAccessControlList(accessList.sid))).toMatchObject({
    kind: 'conflict',
    code: '21236',
  });
});

describe.for([404, 401] as const)('credentials of another account, whose paths answer %i', (foreignAccountPath) => {
  const foreignKey = { username: FOREIGN, password: TOKEN };

  test('prove nothing: no absence, and nothing stays where it was made', async () => {
    await using bench = await startTestEmulator({ switches: { foreignAccountPath } });
    const key = sidOf('SK', 2);
    bench.emulator.seed({ accounts: [{ accountSid: FOREIGN, apiKeys: { [key]: TOKEN } }] });
    const trunk = await connect(bench).createTrunk(trunkValues);
    const port = connect(bench, { credentials: { username: key, password: TOKEN } });
    const identity = { kind: 'identity' };
    expect(await verdictOf(port.proveAccount())).toMatchObject(identity);
    expect(await verdictOf(port.readTrunk(trunk.sid))).toMatchObject(identity);
    expect(await verdictOf(port.deleteTrunk(trunk.sid))).toMatchObject(identity);
    expect(await verdictOf(port.listCredentialLists())).toMatchObject(identity);
    expect(await verdictOf(port.findNumber(NUMBER))).toMatchObject(identity);
    expect(await verdictOf(port.createTrunk({ ...trunkValues, domainName: 'second.pstn.twilio.com' }))).toMatchObject({
      ...identity,
      reason: 'AccountMismatch',
    });
    expect(bench.emulator.isEmpty(FOREIGN)).toBe(true);
    expect(bench.emulator.dump(OWN).trunks).toHaveLength(1);
  });

  test('are refused at once when they are an auth token', async () => {
    await using bench = await startTestEmulator({ switches: { foreignAccountPath } });
    expect(() => connect(bench, { credentials: foreignKey })).toThrow('the auth token is that of another account');
  });
});

describe('credentials', () => {
  test('of the parent reach the numbers of a sub-account, but not its trunks', async () => {
    await using bench = await startTestEmulator();
    const port = connect(bench, { accountSid: SUB });
    await port.proveAccount();
    expect(await verdictOf(port.createTrunk(trunkValues))).toMatchObject({
      kind: 'identity',
      reason: 'AccountMismatch',
    });
    expect(bench.emulator.isEmpty(OWN)).toBe(true);
    expect(bench.emulator.isEmpty(SUB)).toBe(true);
  });

  test('that are the account itself and its token are fine', async () => {
    await using bench = await startTestEmulator();
    const port = connect(bench, { credentials: { username: OWN, password: TOKEN } });
    expect(await verdictOf(port.proveAccount())).toBeUndefined();
  });

  test.for([
    { name: 'without a user name', changes: { credentials: { username: '', password: TOKEN } } },
    { name: 'without a password', changes: { credentials: { username: API_KEY, password: '' } } },
    { name: 'for something that is no account', changes: { accountSid: 'AC1' } },
  ])('$name make no connection', async ({ changes }) => {
    await using bench = await startTestEmulator();
    expect(() => connect(bench, changes)).toThrow(ProviderError);
  });

  test('that were revoked are refused, and end the proof', async () => {
    await using bench = await startTestEmulator();
    const port = connect(bench);
    const trunk = await port.createTrunk(trunkValues);
    await port.proveAccount();
    bench.emulator.world.account(OWN).apiKeys.delete(API_KEY);
    expect(await verdictOf(port.readTrunk(trunk.sid))).toMatchObject({
      kind: 'identity',
      reason: 'CredentialsRefused',
    });
    expect(await verdictOf(port.proveAccount())).toMatchObject({ kind: 'identity', reason: 'CredentialsRefused' });
  });
});

test('what is no SID never gets into a path', async () => {
  await using bench = await startTestEmulator();
  const port = connect(bench);
  const badSids = [
    '',
    'TK1',
    `TK${'0'.repeat(31)}/`,
    `${sidOf('TK', 1)}/../Trunks`,
    sidOf('PN', 1),
    `${sidOf('TK', 1)}\n`,
  ];
  for (const sid of badSids) {
    expect(await verdictOf(port.readTrunk(sid)), sid).toMatchObject({ kind: 'refused', code: '20423' });
    expect(await verdictOf(port.listOriginationUrls(sid)), sid).toMatchObject({ kind: 'refused', code: '20423' });
    expect(await verdictOf(port.attachNumber(sidOf('TK', 1), sid.replace('PN', 'TK'))), sid).toMatchObject({
      kind: 'refused',
    });
  }
  expect(bench.emulator.requests).toEqual([]);
});
