// How the emulator says no: the situation, Twilio's code and the HTTP status. A refusal changes nothing, and is no violation.
import { describe, expect, test } from 'vitest';
import type { RawForm, RawReply } from '../emulator/twilio/raw-client.ts';
import type { Seed } from '../emulator/twilio/seed-schema.ts';
import type { TwilioSwitches } from '../emulator/twilio/switches.ts';
import {
  CORE,
  FOREIGN,
  NUMBER_SIDS,
  OWN,
  PASSWORD,
  sidOf,
  startTestEmulator,
  SUB,
  type TestEmulator,
} from '../emulator/twilio/test-emulator.ts';

type AccountSeed = Partial<NonNullable<Seed['accounts']>[number]>;

interface Refusal {
  readonly name: string;
  readonly why: string;
  readonly own?: AccountSeed;
  readonly foreign?: AccountSeed;
  readonly switches?: Partial<TwilioSwitches>;
  /** What happens before. */
  readonly given?: (bench: TestEmulator) => Promise<unknown>;
  readonly request: (bench: TestEmulator) => Promise<RawReply>;
  readonly code: number;
  /** 400 if left out. */
  readonly status?: number;
}

const [TK, TK2] = [sidOf('TK', 1), sidOf('TK', 2)];
const [CL, AL, CR, OU] = [sidOf('CL', 1), sidOf('AL', 1), sidOf('CR', 9), sidOf('OU', 9)];
const [PN] = NUMBER_SIDS;
const TRUNK = `/v1/Trunks/${TK}`;
const NUMBER = `${CORE}/IncomingPhoneNumbers/${PN}.json`;
const LISTS = `${CORE}/SIP/CredentialLists`;
const CREDENTIALS = `${LISTS}/${CL}/Credentials.json`;
const ACLS = `${CORE}/SIP/IpAccessControlLists`;
const ADDRESSES = `${ACLS}/${AL}/IpAddresses.json`;
const DOMAIN = 'taken.pstn.twilio.com';
const URL_FORM = { Weight: 1, Priority: 1, Enabled: true, FriendlyName: 'one', SipUrl: 'sip:one.test' };
const CREDENTIAL = { Username: 'user', Password: PASSWORD };
const ADDRESS = { FriendlyName: 'one', IpAddress: '192.0.2.1' };

const oneTrunk: AccountSeed = { trunks: [{ sid: TK, domainName: DOMAIN }] };
const oneList: AccountSeed = { credentialLists: [{ sid: CL, friendlyName: 'list', usernames: ['first'] }] };
const oneAcl: AccountSeed = {
  ipAccessControlLists: [{ sid: AL, friendlyName: 'acl', addresses: ['198.51.100.7/32'] }],
};
const trunkWithLists: AccountSeed = {
  ...oneList,
  ...oneAcl,
  trunks: [{ sid: TK, credentialLists: [CL], ipAccessControlLists: [AL] }],
};
const ownSub: AccountSeed = { trunks: [{ sid: TK, domainName: DOMAIN }, { domainName: `sub.${DOMAIN}` }] };

const post = (path: string, form: RawForm) => async (bench: TestEmulator) => await bench.api.post(path, form);
const remove = (path: string) => async (bench: TestEmulator) => await bench.api.delete(path);

const GENERAL: readonly Refusal[] = [
  {
    name: 'a trunk that is not there',
    why: 'a removal takes it for done',
    request: remove(TRUNK),
    code: 20404,
    status: 404,
  },
  {
    name: "a foreign trunk, by its owner's SID of it",
    why: 'the credential alone selects the account',
    foreign: { trunks: [{ sid: TK }] },
    request: async ({ api }) => await api.get(TRUNK),
    code: 20404,
    status: 404,
  },
  {
    name: 'a part of a trunk that is not there',
    why: 'the parent is looked at first',
    request: async ({ api }) => await api.get(`${TRUNK}/OriginationUrls/${OU}`),
    code: 20404,
    status: 404,
  },
  {
    name: 'attaching a number that is not there',
    why: 'nothing to attach',
    own: oneTrunk,
    request: post(`${TRUNK}/PhoneNumbers`, { PhoneNumberSid: sidOf('PN', 9) }),
    code: 20404,
    status: 404,
  },
  {
    name: 'attaching a list that is not there',
    why: 'nothing to attach',
    own: oneTrunk,
    request: post(`${TRUNK}/CredentialLists`, { CredentialListSid: CL }),
    code: 20404,
    status: 404,
  },
  {
    name: 'detaching a number that is on no trunk',
    why: 'a removal takes it for done',
    own: oneTrunk,
    request: remove(`${TRUNK}/PhoneNumbers/${PN}`),
    code: 20404,
    status: 404,
  },
  {
    name: 'a credential that is not there',
    why: 'a removal takes it for done',
    own: oneList,
    request: remove(`${LISTS}/${CL}/Credentials/${CR}.json`),
    code: 20404,
    status: 404,
  },
];

const TRUNKS: readonly Refusal[] = [
  {
    name: 'one trunk too many',
    why: 'a trial account has one',
    own: { ...oneTrunk, limits: { trunks: 1 } },
    request: post('/v1/Trunks', {}),
    code: 21244,
  },
  {
    name: 'a domain with the wrong ending',
    why: 'every trunk is under pstn.twilio.com',
    request: post('/v1/Trunks', { DomainName: 'one.example.com' }),
    code: 21245,
  },
  {
    name: 'a domain with a strange letter',
    why: 'letters, digits and - only',
    request: post('/v1/Trunks', { DomainName: 'one_two.pstn.twilio.com' }),
    code: 21245,
  },
  {
    name: 'the SID of another account as domain',
    why: "such names are kept for the account's own",
    request: post('/v1/Trunks', { DomainName: `${FOREIGN.toLowerCase()}.pstn.twilio.com` }),
    code: 21245,
  },
  {
    name: 'a domain of an own trunk, however it is spelled',
    why: 'an own duplicate is a validation error',
    own: oneTrunk,
    request: post('/v1/Trunks', { DomainName: DOMAIN.toUpperCase() }),
    code: 21245,
  },
  {
    name: 'a domain of a foreign trunk',
    why: 'domains are unique over all of Twilio',
    foreign: oneTrunk,
    request: post('/v1/Trunks', { DomainName: DOMAIN }),
    code: 21248,
  },
  {
    name: 'a domain of a deleted own trunk',
    why: 'no document says that the owner is exempt',
    own: oneTrunk,
    given: remove(TRUNK),
    request: post('/v1/Trunks', { DomainName: DOMAIN }),
    code: 21248,
  },
  {
    name: 'renaming a trunk to a domain that is taken',
    why: 'the same rule as for a new one',
    own: { trunks: [{ sid: TK }] },
    foreign: { trunks: [{ domainName: DOMAIN }] },
    request: post(TRUNK, { DomainName: DOMAIN }),
    code: 21248,
  },
  {
    name: 'a sub-domain of a foreign domain',
    why: 'the parent domain must be its own',
    foreign: oneTrunk,
    request: post('/v1/Trunks', { DomainName: `sub.${DOMAIN}` }),
    code: 21247,
  },
  {
    name: 'deleting a domain that has sub-domains',
    why: 'they would hang in the air',
    own: ownSub,
    request: remove(TRUNK),
    code: 21247,
  },
  {
    name: 'renaming a domain that has sub-domains',
    why: 'they would hang in the air',
    own: ownSub,
    request: post(TRUNK, { DomainName: 'other.pstn.twilio.com' }),
    code: 21247,
  },
  {
    name: 'a friendly name of 65 characters',
    why: '64 is the limit',
    request: post('/v1/Trunks', { FriendlyName: 'x'.repeat(65) }),
    code: 20002,
  },
  {
    name: 'a disaster recovery URL that is none',
    why: 'it has to be fetched',
    request: post('/v1/Trunks', { DisasterRecoveryUrl: 'sip:one.test' }),
    code: 20422,
  },
  {
    name: 'deleting a trunk with an emergency number',
    why: 'somebody may need help',
    own: {
      ...oneTrunk,
      phoneNumbers: [
        {
          phoneNumber: '+15005550009',
          trunkSid: TK,
          emergencyStatus: 'Active',
          emergencyAddressSid: sidOf('AD', 1),
        },
      ],
    },
    request: remove(TRUNK),
    code: 21634,
  },
  ...(['CredentialList', 'IpAccessControlList'] as const).map((kind) => ({
    name: `attaching a ${kind} twice`,
    why: 'who lost the first reply may take it for done',
    own: trunkWithLists,
    request: post(`${TRUNK}/${kind}s`, { [`${kind}Sid`]: kind === 'CredentialList' ? CL : AL }),
    code: 21245,
  })),
];

const ORIGINATION: readonly Refusal[] = [
  {
    name: 'an eleventh origination URL',
    why: 'ten is the limit',
    own: { trunks: [{ sid: TK, originationUrls: Array.from({ length: 10 }, () => ({ sipUrl: 'sip:one.test' })) }] },
    request: post(`${TRUNK}/OriginationUrls`, URL_FORM),
    code: 21249,
  },
  ...[
    { name: 'a weight of 0', change: { Weight: 0 }, why: '1 is the least' },
    { name: 'a weight above 16 bits', change: { Weight: 65_536 }, why: '65535 is the most' },
    { name: 'a negative priority', change: { Priority: -1 }, why: '0 is the least' },
    { name: 'a sips: URL', change: { SipUrl: 'sips:one.test' }, why: 'documented as not supported' },
    { name: 'an https: URL', change: { SipUrl: 'https://one.test' }, why: 'calls go to SIP' },
    { name: 'a friendly name of 65 characters', change: { FriendlyName: 'x'.repeat(65) }, why: '64 is the limit' },
  ].map(({ name, change, why }) => ({
    name,
    why,
    own: oneTrunk,
    request: post(`${TRUNK}/OriginationUrls`, { ...URL_FORM, ...change }),
    code: 20422,
  })),
];

const LIST_REFUSALS: readonly Refusal[] = [
  {
    name: 'one credential list too many',
    why: 'an account has 100',
    own: { ...oneList, limits: { credentialLists: 1 } },
    request: post(`${LISTS}.json`, { FriendlyName: 'two' }),
    code: 21239,
  },
  {
    name: 'a credential list with the name of another',
    why: 'the name is the key it is found by',
    own: oneList,
    request: post(`${LISTS}.json`, { FriendlyName: 'list' }),
    code: 21240,
  },
  {
    name: 'a credential list with a name of 65 characters',
    why: '64 is the limit',
    request: post(`${LISTS}.json`, { FriendlyName: 'x'.repeat(65) }),
    code: 21240,
  },
  {
    name: 'deleting a credential list that a SIP domain uses',
    why: 'documented',
    own: { credentialLists: [{ sid: CL, friendlyName: 'list', onSipDomain: true }] },
    request: remove(`${LISTS}/${CL}.json`),
    code: 21241,
  },
  {
    name: 'deleting a credential list that a trunk uses',
    why: 'the careful reading of the same text',
    own: trunkWithLists,
    request: remove(`${LISTS}/${CL}.json`),
    code: 21241,
  },
  {
    name: 'one credential too many',
    why: 'a list has 1000',
    own: { ...oneList, limits: { credentialsPerList: 1 } },
    request: post(CREDENTIALS, CREDENTIAL),
    code: 21242,
  },
  ...[
    { name: 'a username of 33 characters', form: { Username: 'u'.repeat(33) }, why: '32 is the limit' },
    { name: 'a username that is in the list', form: { Username: 'first' }, why: 'it is the key of the list' },
    { name: 'a password of 11 characters', form: { Password: 'Canary77777' }, why: '12 is the least' },
    { name: 'a password without a digit', form: { Password: 'CanaryPassword' }, why: "Twilio's rule" },
    { name: 'a password in lower case', form: { Password: 'canarypassword77' }, why: "Twilio's rule" },
  ].map(({ name, form, why }) => ({
    name,
    why,
    own: oneList,
    request: post(CREDENTIALS, { ...CREDENTIAL, ...form }),
    code: 21243,
  })),
  {
    name: 'changing a password to a weak one',
    why: 'the same rule as for a new one',
    request: async ({ api }) => {
      const { sid } = await api.post(`${LISTS}.json`, { FriendlyName: 'changing' });
      const credential = await api.post(`${LISTS}/${sid}/Credentials.json`, CREDENTIAL);
      return await api.post(`${LISTS}/${sid}/Credentials/${credential.sid}.json`, { Password: 'weak' });
    },
    code: 21243,
  },
  {
    name: 'an IP access control list with the name of another',
    why: 'the name is the key it is found by',
    own: oneAcl,
    request: post(`${ACLS}.json`, { FriendlyName: 'acl' }),
    code: 21235,
  },
  ...[
    { name: 'an address that is in the list', change: { IpAddress: '198.51.100.7' }, why: 'a duplicate' },
    { name: 'a name that is in the list', change: { FriendlyName: '198.51.100.7/32' }, why: 'a duplicate' },
    { name: 'an IPv6 address', change: { IpAddress: '2001:db8::1' }, why: 'IPv4 only' },
    { name: 'a prefix of 33 bits', change: { CidrPrefixLength: 33 }, why: 'IPv4 has 32' },
  ].map(({ name, change, why }) => ({
    name,
    why,
    own: oneAcl,
    request: post(ADDRESSES, { ...ADDRESS, ...change }),
    code: 21235,
  })),
  {
    name: 'deleting an IP access control list that a SIP domain uses',
    why: 'documented',
    own: { ipAccessControlLists: [{ sid: AL, friendlyName: 'acl', onSipDomain: true }] },
    request: remove(`${ACLS}/${AL}.json`),
    code: 21236,
  },
  {
    name: 'deleting an IP access control list that a trunk uses',
    why: 'the careful reading of the same text',
    own: trunkWithLists,
    request: remove(`${ACLS}/${AL}.json`),
    code: 21236,
  },
  ...([100, 25] as const).map((addressesPerAccessControlList) => ({
    name: `address number ${addressesPerAccessControlList + 1}`,
    why: 'documentation and dictionary differ',
    switches: { addressesPerAccessControlList },
    own: {
      ipAccessControlLists: [
        {
          sid: AL,
          friendlyName: 'acl',
          addresses: Array.from({ length: addressesPerAccessControlList }, (_, index) => `198.51.100.${index}/32`),
        },
      ],
    },
    request: post(ADDRESSES, ADDRESS),
    code: 21237,
  })),
  {
    name: 'one IP access control list too many',
    why: 'an account has 1000',
    own: { ...oneAcl, limits: { ipAccessControlLists: 1 } },
    request: post(`${ACLS}.json`, { FriendlyName: 'two' }),
    code: 21255,
  },
];

const NUMBERS: readonly Refusal[] = [
  {
    name: 'a trunk of another account',
    why: 'a number and its trunk are of one account',
    foreign: oneTrunk,
    request: post(NUMBER, { TrunkSid: TK }),
    code: 20404,
    status: 404,
  },
  {
    name: 'moving a number to an account that is no relative',
    why: 'only parent and sub-account exchange numbers',
    request: post(NUMBER, { AccountSid: FOREIGN }),
    code: 20403,
    status: 403,
  },
  {
    name: 'a webhook URL that is none',
    why: 'it has to be fetched',
    request: post(NUMBER, { VoiceUrl: 'one.test/voice' }),
    code: 21402,
  },
  {
    name: 'a voice fallback without a voice URL',
    why: 'nothing to fall back from',
    request: post(NUMBER, { VoiceFallbackUrl: 'https://one.test/voice' }),
    code: 21405,
  },
  {
    name: 'an SMS fallback without an SMS URL',
    why: 'nothing to fall back from',
    request: post(NUMBER, { SmsFallbackUrl: 'https://one.test/sms' }),
    code: 21406,
  },
];

const seededNumber = { phoneNumbers: [{ phoneNumber: '+15005550009', sid: sidOf('PN', 9), trunkSid: TK }] };
const SEEDED_NUMBER = `${CORE}/IncomingPhoneNumbers/${sidOf('PN', 9)}.json`;

const SWITCHED: readonly Refusal[] = [
  {
    name: 'invalidCredentialCode = 21240',
    why: 'the documentation lists it there too',
    switches: { invalidCredentialCode: 21240 },
    own: oneList,
    request: post(CREDENTIALS, { ...CREDENTIAL, Username: 'first' }),
    code: 21240,
  },
  ...([20001, 21245] as const).map((invalidParameterCode) => ({
    name: `invalidParameterCode = ${invalidParameterCode}`,
    why: 'no capture shows which',
    switches: { invalidParameterCode },
    own: oneTrunk,
    request: post(`${TRUNK}/OriginationUrls`, { ...URL_FORM, Weight: 0 }),
    code: invalidParameterCode,
  })),
  ...([20422, 21245] as const).map((trunkFriendlyNameCode) => ({
    name: `trunkFriendlyNameCode = ${trunkFriendlyNameCode}`,
    why: 'no capture shows which',
    switches: { trunkFriendlyNameCode },
    request: post('/v1/Trunks', { FriendlyName: 'x'.repeat(65) }),
    code: trunkFriendlyNameCode,
  })),
  {
    name: 'sipRefusalStatus = 409',
    why: 'clients go by the code, not by the status',
    switches: { sipRefusalStatus: 409 },
    foreign: oneTrunk,
    request: post('/v1/Trunks', { DomainName: DOMAIN }),
    code: 21248,
    status: 409,
  },
  {
    name: 'attachNumberOfAnotherTrunk = refused',
    why: 'seen named by third parties',
    switches: { attachNumberOfAnotherTrunk: 'refused' },
    own: { trunks: [{ sid: TK }, { sid: TK2 }], ...seededNumber },
    request: post(`/v1/Trunks/${TK2}/PhoneNumbers`, { PhoneNumberSid: sidOf('PN', 9) }),
    code: 21245,
  },
  {
    name: 'attachNumberTwice = refused',
    why: 'as for lists',
    switches: { attachNumberTwice: 'refused' },
    own: { ...oneTrunk, ...seededNumber },
    request: post(`${TRUNK}/PhoneNumbers`, { PhoneNumberSid: sidOf('PN', 9) }),
    code: 21245,
  },
  {
    name: 'deleteTrunkWithNumbers = refused',
    why: 'the documented rule is for the console',
    switches: { deleteTrunkWithNumbers: 'refused' },
    own: { ...oneTrunk, ...seededNumber },
    request: remove(TRUNK),
    code: 20409,
    status: 409,
  },
  {
    name: 'deleteTrunkWithOriginationUrls = refused',
    why: 'nowhere documented',
    switches: { deleteTrunkWithOriginationUrls: 'refused' },
    own: { trunks: [{ sid: TK, originationUrls: [{ sipUrl: 'sip:one.test' }] }] },
    request: remove(TRUNK),
    code: 20409,
    status: 409,
  },
  {
    name: 'deleteTrunkWithLists = refused',
    why: 'nowhere documented',
    switches: { deleteTrunkWithLists: 'refused' },
    own: trunkWithLists,
    request: remove(TRUNK),
    code: 20409,
    status: 409,
  },
  {
    name: 'deleteListWithMembers = refused, credentials',
    why: 'nowhere documented',
    switches: { deleteListWithMembers: 'refused' },
    own: oneList,
    request: remove(`${LISTS}/${CL}.json`),
    code: 20409,
    status: 409,
  },
  {
    name: 'deleteListWithMembers = refused, addresses',
    why: 'nowhere documented',
    switches: { deleteListWithMembers: 'refused' },
    own: oneAcl,
    request: remove(`${ACLS}/${AL}.json`),
    code: 20409,
    status: 409,
  },
  {
    name: 'releaseNumberOnTrunk = refused',
    why: 'nowhere documented',
    switches: { releaseNumberOnTrunk: 'refused' },
    own: { ...oneTrunk, ...seededNumber },
    request: remove(SEEDED_NUMBER),
    code: 20409,
    status: 409,
  },
  {
    name: 'emptyTrunkSid = refused',
    why: 'seen in the wild only',
    switches: { emptyTrunkSid: 'refused' },
    own: { ...oneTrunk, ...seededNumber },
    request: post(SEEDED_NUMBER, { TrunkSid: '' }),
    code: 20422,
  },
];

describe.for([
  { group: 'in general', cases: GENERAL },
  { group: 'trunks', cases: TRUNKS },
  { group: 'origination URLs', cases: ORIGINATION },
  { group: 'lists', cases: LIST_REFUSALS },
  { group: 'numbers', cases: NUMBERS },
  { group: 'by a switch', cases: SWITCHED },
])('refused $group', ({ cases }) => {
  test.for(cases)('$code: $name', async ({ why, own, foreign, switches = {}, given, request, code, status = 400 }) => {
    await using bench = await startTestEmulator({ switches });
    const { emulator } = bench;
    emulator.seed({
      accounts: [
        { accountSid: OWN, ...own },
        { accountSid: FOREIGN, ...foreign },
      ],
    });
    await given?.(bench);
    const before = withoutNewLists(bench);
    const reply = await request(bench);
    expect({ status: reply.status, code: reply.code }, why).toEqual({ status, code });
    expect(Object.keys(reply.body)).toEqual(['code', 'message', 'more_info', 'status']);
    expect(withoutNewLists(bench)).toEqual(before);
    expect(emulator.requests.at(-1)).toMatchObject({ status, applied: false, account: OWN });
    emulator.assertNoViolations();
  });
});

/** The case that changes a password makes its list itself. */
function withoutNewLists({ emulator }: TestEmulator): unknown {
  return [OWN, FOREIGN, SUB].map((account) => {
    const dump = emulator.dump(account);
    return { ...dump, credentialLists: dump.credentialLists.filter(({ friendlyName }) => friendlyName !== 'changing') };
  });
}
