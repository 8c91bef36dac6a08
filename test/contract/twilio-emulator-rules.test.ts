// What one request does to other things: cascades, both views of a number, and domains that stay reserved.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DispatchContext, dispatch, readRequest } from '../emulator/twilio/dispatch.ts';
import { DEFAULT_SWITCHES } from '../emulator/twilio/switches.ts';
import { applySeed } from '../emulator/twilio/seed.ts';
import { DOMAIN_RESERVATION_MS, World } from '../emulator/twilio/world.ts';
import {
  CORE,
  FOREIGN,
  NUMBER_SIDS,
  NUMBERS,
  OWN,
  sidOf,
  startTestEmulator,
  SUB,
} from '../emulator/twilio/test-emulator.ts';

const [TK, TK2] = [sidOf('TK', 1), sidOf('TK', 2)];
const [CL, AL, AP] = [sidOf('CL', 1), sidOf('AL', 1), sidOf('AP', 1)];
const [PN] = NUMBER_SIDS;
const NUMBER = `${CORE}/IncomingPhoneNumbers/${PN}.json`;
const DOMAIN = 'rules.pstn.twilio.com';

const SEED = {
  accountSid: OWN,
  credentialLists: [{ sid: CL, friendlyName: 'list', usernames: ['one', 'two'] }],
  ipAccessControlLists: [{ sid: AL, friendlyName: 'acl', addresses: ['192.0.2.0/24'] }],
  trunks: [
    {
      sid: TK,
      domainName: DOMAIN,
      originationUrls: [{ sipUrl: 'sip:one.test' }],
      credentialLists: [CL],
      ipAccessControlLists: [AL],
    },
    { sid: TK2 },
  ],
};

async function start(switches = {}) {
  const bench = await startTestEmulator({ switches });
  bench.emulator.seed({ accounts: [SEED] });
  await bench.api.post(`/v1/Trunks/${TK}/PhoneNumbers`, { PhoneNumberSid: PN });
  return bench;
}

describe('a removal', () => {
  test('of a trunk lets its numbers go and keeps the lists', async () => {
    await using bench = await start();
    expect((await bench.api.delete(`/v1/Trunks/${TK}`)).status).toBe(204);
    expect(bench.emulator.dump(OWN)).toMatchObject({
      trunks: [{ sid: TK2 }],
      credentialLists: [{ sid: CL, usernames: ['one', 'two'] }],
      ipAccessControlLists: [{ sid: AL, addresses: ['192.0.2.0/24'] }],
    });
    expect(bench.emulator.phoneNumber(NUMBERS[0]).trunkSid).toBe('');
    expect((await bench.api.get(NUMBER)).body['trunk_sid']).toBe(null);
  });

  test('of a list takes its members and, by a switch, its attachment to trunks', async () => {
    await using bench = await start({ deleteListOnTrunk: 'detaches' });
    await bench.api.delete(`${CORE}/SIP/CredentialLists/${CL}.json`);
    await bench.api.delete(`${CORE}/SIP/IpAccessControlLists/${AL}.json`);
    expect(bench.emulator.dump(OWN)).toMatchObject({
      credentialLists: [],
      ipAccessControlLists: [],
      trunks: [{ credentialLists: [], ipAccessControlLists: [] }, { sid: TK2 }],
    });
    expect((await bench.api.get(`/v1/Trunks/${TK}`)).body['auth_type']).toBe('');
  });

  test('of an attachment keeps what was attached', async () => {
    await using bench = await start();
    await bench.api.delete(`/v1/Trunks/${TK}/CredentialLists/${CL}`);
    await bench.api.delete(`/v1/Trunks/${TK}/PhoneNumbers/${PN}`);
    expect((await bench.api.get(`${CORE}/SIP/CredentialLists/${CL}.json`)).status).toBe(200);
    expect((await bench.api.get(`/v1/Trunks/${TK}`)).body['auth_type']).toBe('IP_ACL');
    expect(bench.emulator.phoneNumber(NUMBERS[0]).trunkSid).toBe('');
  });

  test('of a number on a trunk takes it off the trunk', async () => {
    await using bench = await start();
    expect((await bench.api.delete(NUMBER)).status).toBe(204);
    expect(bench.emulator.dump(OWN).trunks[0]?.phoneNumbers).toEqual([]);
    expect(() => bench.emulator.phoneNumber(NUMBERS[0])).toThrow('no account has it');
  });
});

describe('routing of a number on a trunk', () => {
  test.for([
    {
      name: 'is moved by attaching it to another',
      path: `/v1/Trunks/${TK2}/PhoneNumbers`,
      form: { PhoneNumberSid: PN },
      trunk: TK2,
      why: 'a number is on one trunk',
    },
    { name: 'is moved by its TrunkSid', path: NUMBER, form: { TrunkSid: TK2 }, trunk: TK2, why: 'the other view' },
    {
      name: 'stays when it is attached again',
      path: `/v1/Trunks/${TK}/PhoneNumbers`,
      form: { PhoneNumberSid: PN },
      trunk: TK,
      why: 'a repeat',
    },
    { name: 'ends with an empty TrunkSid', path: NUMBER, form: { TrunkSid: '' }, trunk: '', why: 'seen in the wild' },
    {
      name: 'ends with a voice application',
      path: NUMBER,
      form: { VoiceApplicationSid: AP },
      trunk: '',
      why: 'documented',
    },
    {
      name: 'stays with an empty voice application',
      path: NUMBER,
      form: { VoiceApplicationSid: '' },
      trunk: TK,
      why: 'nothing new',
    },
    {
      name: 'stays with a voice URL',
      path: NUMBER,
      form: { VoiceUrl: 'https://one.test' },
      trunk: TK,
      why: "the API's text",
    },
    {
      name: 'stays with an SMS URL',
      path: NUMBER,
      form: { SmsUrl: 'https://one.test' },
      trunk: TK,
      why: 'SMS is its own matter',
    },
    {
      name: 'ends with a move to a sub-account',
      path: NUMBER,
      form: { AccountSid: SUB },
      trunk: '',
      why: 'trunks do not move',
    },
  ])('$name', async ({ path, form, trunk, why }) => {
    await using bench = await start();
    expect((await bench.api.post(path, form)).code, why).toBe(undefined);
    expect(bench.emulator.phoneNumber(NUMBERS[0]).trunkSid, why).toBe(trunk);
    const holders = bench.emulator.dump(OWN).trunks.filter(({ phoneNumbers }) => phoneNumbers.length > 0);
    expect(
      holders.map(({ sid }) => sid),
      why,
    ).toEqual(trunk === '' ? [] : [trunk]);
    bench.emulator.assertNoViolations();
  });

  test('ends with a voice URL, by a switch', async () => {
    await using bench = await start({ voiceUrlOnTrunkedNumber: 'clearsTrunk' });
    await bench.api.post(NUMBER, { VoiceUrl: 'https://one.test' });
    expect(bench.emulator.phoneNumber(NUMBERS[0])).toMatchObject({ trunkSid: '', voiceUrl: 'https://one.test' });
  });

  test('drops the voice application', async () => {
    await using bench = await start();
    await bench.api.post(NUMBER, { VoiceApplicationSid: AP });
    await bench.api.post(`/v1/Trunks/${TK}/PhoneNumbers`, { PhoneNumberSid: PN });
    expect(bench.emulator.phoneNumber(NUMBERS[0])).toMatchObject({ trunkSid: TK, voiceApplicationSid: '' });
  });

  test('can move to a trunk of a sub-account together with the number', async () => {
    await using bench = await start();
    bench.emulator.seed({ accounts: [{ accountSid: SUB, trunks: [{ sid: sidOf('TK', 3) }] }] });
    expect((await bench.api.post(NUMBER, { AccountSid: SUB, TrunkSid: sidOf('TK', 3) })).status).toBe(200);
    expect(bench.emulator.dump(SUB).trunks[0]?.phoneNumbers).toEqual([{ sid: PN, name: NUMBERS[0] }]);
    expect(bench.emulator.dump(OWN).trunks[0]?.phoneNumbers).toEqual([]);
  });
});

describe('an account is empty', () => {
  test.for([
    { name: 'with numbers that lead nowhere', number: {}, empty: true, why: 'numbers stay with their owner' },
    {
      name: "with Twilio's demo",
      number: { voiceUrl: 'https://demo.twilio.com/welcome/voice/' },
      empty: true,
      why: 'what a new number has',
    },
    { name: 'but not with a voice URL', number: { voiceUrl: 'https://one.test' }, empty: false, why: 'it is routed' },
    {
      name: 'but not with a voice application',
      number: { voiceApplicationSid: AP },
      empty: false,
      why: 'it is routed',
    },
  ])('$name', async ({ number, empty, why }) => {
    await using bench = await startTestEmulator();
    const seeded = { accountSid: FOREIGN, phoneNumbers: [{ phoneNumber: '+15005550009', ...number }] };
    bench.emulator.seed({ accounts: [seeded] });
    expect(bench.emulator.isEmpty(FOREIGN), why).toBe(empty);
  });

  test.for([
    { name: 'a trunk', left: { trunks: [{}] } },
    { name: 'a credential list', left: { credentialLists: [{ friendlyName: 'list' }] } },
    { name: 'an IP access control list', left: { ipAccessControlLists: [{ friendlyName: 'acl' }] } },
  ])('but not with $name', async ({ left }) => {
    await using bench = await startTestEmulator();
    bench.emulator.seed({ accounts: [{ accountSid: FOREIGN, ...left }] });
    expect(bench.emulator.isEmpty(FOREIGN)).toBe(false);
  });
});

describe('the domain of a deleted trunk', () => {
  const almost = DOMAIN_RESERVATION_MS - 1;
  test.for([
    { who: 'foreignApi', after: almost, ownDeletedDomain: 'reserved', code: 21248, why: 'reserved for 30 days' },
    { who: 'foreignApi', after: almost, ownDeletedDomain: 'reusable', code: 21248, why: 'reserved, but for its owner' },
    { who: 'foreignApi', after: almost + 1, ownDeletedDomain: 'reserved', code: undefined, why: '30 days are over' },
    { who: 'api', after: 0, ownDeletedDomain: 'reserved', code: 21248, why: 'no exemption is documented' },
    { who: 'api', after: 0, ownDeletedDomain: 'reusable', code: undefined, why: 'the owner may be exempt' },
    { who: 'api', after: almost + 1, ownDeletedDomain: 'reserved', code: undefined, why: '30 days are over' },
  ] as const)(
    'asked for by $who after $after ms, $ownDeletedDomain: $code',
    async ({ who, after, code, why, ...rest }) => {
      await using bench = await start(rest);
      await bench.api.delete(`/v1/Trunks/${TK}`);
      bench.clock.now += after;
      expect((await bench[who].post('/v1/Trunks', { DomainName: DOMAIN })).code, why).toBe(code);
    },
  );
});

test('after any sequence of requests both views of every number agree', () => {
  const trunks = [TK, TK2, sidOf('TK', 3)];
  const trunk = fc.constantFrom(...trunks);
  const number = fc.constantFrom(...NUMBER_SIDS);
  const account = fc.constantFrom(OWN, SUB);
  const requests = fc.oneof(
    fc.record({
      method: fc.constant('POST'),
      path: trunk.map((sid) => `/v1/Trunks/${sid}/PhoneNumbers`),
      form: number.map((sid) => `PhoneNumberSid=${sid}`),
    }),
    fc.record({
      method: fc.constant('DELETE'),
      path: fc.tuple(trunk, number).map(([tk, pn]) => `/v1/Trunks/${tk}/PhoneNumbers/${pn}`),
      form: fc.constant(''),
    }),
    fc.record({ method: fc.constant('DELETE'), path: trunk.map((sid) => `/v1/Trunks/${sid}`), form: fc.constant('') }),
    fc.record({
      method: fc.constant('DELETE'),
      path: fc.tuple(account, number).map((names) => numberPath(...names)),
      form: fc.constant(''),
    }),
    fc.record({
      method: fc.constant('POST'),
      path: fc.tuple(account, number).map((names) => numberPath(...names)),
      form: fc
        .record(
          {
            TrunkSid: fc.oneof(trunk, fc.constant('')),
            VoiceApplicationSid: fc.constantFrom(AP, ''),
            VoiceUrl: fc.constantFrom('https://one.test', ''),
            AccountSid: account,
          },
          { requiredKeys: [] },
        )
        .map((fields) => new URLSearchParams(fields).toString()),
    }),
  );
  const switches = fc.record({
    attachNumberOfAnotherTrunk: fc.constantFrom('moves', 'refused'),
    voiceUrlOnTrunkedNumber: fc.constantFrom('keepsTrunk', 'clearsTrunk'),
    deleteTrunkWithNumbers: fc.constantFrom('detaches', 'refused'),
  } as const);

  fc.assert(
    fc.property(fc.array(requests, { maxLength: 30 }), switches, (sequence, chosen) => {
      let next = 0;
      const world = new World(
        () => 0,
        () => String((next += 1)).padStart(32, 'a'),
      );
      const phoneNumbers = NUMBERS.map((phoneNumber, index) => ({ phoneNumber, sid: NUMBER_SIDS[index] }));
      applySeed(world, {
        accounts: [
          { accountSid: OWN, trunks: [{ sid: TK }, { sid: TK2 }], phoneNumbers },
          { accountSid: SUB, parentAccountSid: OWN, trunks: [{ sid: sidOf('TK', 3) }] },
        ],
      });
      const context: DispatchContext = {
        world,
        switches: { ...DEFAULT_SWITCHES, ...chosen },
        account: world.account(OWN),
        lag: { lists: 0, reads: 0 },
      };
      for (const { form, ...request } of sequence) {
        const contentType = 'application/x-www-form-urlencoded';
        dispatch(readRequest({ ...request, query: new URLSearchParams(), contentType, body: form }), context);
        for (const one of world.accounts.values()) expect(numbersByTrunk(one.trunks)).toEqual(trunksByNumber(one));
      }
    }),
  );
});

function numberPath(account: string, sid: string): string {
  return `/2010-04-01/Accounts/${account}/IncomingPhoneNumbers/${sid}.json`;
}

type Views = Pick<ReturnType<World['account']>, 'trunks' | 'phoneNumbers'>;

/** Pairs of trunk and number as the trunks see them. */
function numbersByTrunk(trunks: Views['trunks']): readonly string[] {
  return [...trunks.values()]
    .flatMap(({ sid, phoneNumbers }) => [...phoneNumbers.keys()].map((pn) => `${sid} ${pn}`))
    .toSorted();
}

/** The same as the numbers see them. */
function trunksByNumber({ phoneNumbers }: Views): readonly string[] {
  const routed = [...phoneNumbers.values()].filter(({ trunkSid }) => trunkSid !== '');
  return routed.map(({ sid, trunkSid }) => `${trunkSid} ${sid}`).toSorted();
}
