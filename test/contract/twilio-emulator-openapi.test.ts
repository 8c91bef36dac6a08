// Is the emulator held against Twilio's own description, and would a mistake be noticed?
import { describe, expect, test } from 'vitest';
import { checkReply, replyExamples } from '../emulator/twilio/openapi.ts';
import { OPERATIONS } from '../emulator/twilio/operations.ts';
import { CORE, NUMBER_SIDS, PASSWORD, sidOf, startTestEmulator } from '../emulator/twilio/test-emulator.ts';

const TRUNK = `/v1/Trunks/${sidOf('TK', 1)}`;
const TRUNKS = { method: 'GET', template: '/v1/Trunks/{Sid}' } as const;

describe("Twilio's examples", () => {
  const examples = OPERATIONS.flatMap((operation) =>
    replyExamples(operation).map((example) => ({ operation, ...example })),
  );

  test.for(examples)('$operation.method $operation.template: $name', ({ operation, status, body }) => {
    expect(checkReply(operation, status, body), 'a schema that refuses Twilio would refuse a right emulator').toEqual(
      [],
    );
  });

  test('only removals have no example, because they have no body', () => {
    const without = OPERATIONS.filter((operation) => replyExamples(operation).length === 0);
    expect(without.length).toBeGreaterThan(0);
    expect(without).toEqual(OPERATIONS.filter(({ method }) => method === 'DELETE'));
  });

  test.for([
    {
      name: 'a missing field is noticed',
      why: 'the files as shipped require no field at all',
      change: (body: Record<string, unknown>) => ({ ...body, friendly_name: undefined }),
      problem: "reply must have required property 'friendly_name'",
    },
    {
      name: 'a misspelt field is noticed',
      why: 'the files as shipped allow any further field',
      change: (body: Record<string, unknown>) => ({ ...body, friendlyName: '' }),
      problem: 'reply must NOT have additional properties "friendlyName"',
    },
    {
      name: 'a wrong type is noticed',
      why: 'a string "true" is true in every client',
      change: (body: Record<string, unknown>) => ({ ...body, secure: 'true' }),
      problem: 'reply/secure must be boolean',
    },
    {
      name: 'a date of the other API is noticed',
      why: 'the two families differ, and clients parse them differently',
      change: (body: Record<string, unknown>) => ({ ...body, date_created: 'Thu, 30 Jul 2015 23:19:04 +0000' }),
      problem: 'reply/date_created must match format "date-time"',
    },
  ])('$name', ({ why, change, problem }) => {
    const [example] = replyExamples(TRUNKS);
    const body = change(example?.body as Record<string, unknown>);
    expect(checkReply(TRUNKS, 200, body), why).toContain(problem);
  });

  test('a status that is not described is noticed', () => {
    expect(checkReply(TRUNKS, 202, {})).toEqual(['status 202 is not documented']);
    expect(checkReply({ method: 'DELETE', template: '/v1/Trunks/{Sid}' }, 204, {})).toEqual([
      'status 204 must have no body',
    ]);
  });
});

describe('a request that Twilio does not describe', () => {
  const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
  test.for([
    {
      name: 'an unknown path',
      why: 'it may work here and fail at Twilio, or the other way round',
      path: '/v1/Trunk',
      init: {},
      expected: { status: 404, code: 20404 },
      problems: ['no such path, or one that is not emulated'],
    },
    {
      name: 'buying a number',
      why: 'the operator must never do it',
      path: `${CORE}/IncomingPhoneNumbers.json`,
      init: { method: 'POST', headers: FORM, body: 'PhoneNumber=%2B15005550006' },
      expected: { status: 405, code: 20004 },
      problems: ['no such method for this path, or one that is not emulated'],
    },
    {
      name: 'an API path without .json',
      why: 'Twilio answers such a one with XML',
      path: `${CORE}/IncomingPhoneNumbers/${NUMBER_SIDS[0]}`,
      init: {},
      expected: { status: 404, code: 20404 },
      problems: ['no such path, or one that is not emulated'],
    },
    {
      name: 'a malformed SID in the path',
      why: 'SIDs are to be checked before they are used',
      path: '/v1/Trunks/TK1',
      init: {},
      expected: { status: 404, code: 20404 },
      problems: ['path/Sid must match pattern "^$|^TK[0-9a-fA-F]{32}$"'],
    },
    {
      name: 'a required field that is missing',
      why: 'only that one is said to be missing',
      path: `${TRUNK}/OriginationUrls`,
      init: { method: 'POST', headers: FORM, body: 'Weight=1&Priority=1&Enabled=true&FriendlyName=one' },
      expected: { status: 400, code: 20001 },
      problems: ["form must have required property 'SipUrl'"],
    },
    {
      name: 'a field of the wrong type',
      why: 'a form is text, so that the type has to be read off',
      path: '/v1/Trunks',
      init: { method: 'POST', headers: FORM, body: 'Secure=yes' },
      expected: { status: 400, code: 20422 },
      problems: ['form/Secure must be boolean'],
    },
    {
      name: 'a value that is not in the list',
      why: 'the second client, twilio-cli, sends what it is given',
      path: '/v1/Trunks',
      init: { method: 'POST', headers: FORM, body: 'TransferMode=nope' },
      expected: { status: 400, code: 20422 },
      problems: ['form/TransferMode must be equal to one of the allowed values'],
    },
    {
      name: 'a webhook method that does not exist',
      why: 'it has a code of its own',
      path: `${CORE}/IncomingPhoneNumbers/${NUMBER_SIDS[0]}.json`,
      init: { method: 'POST', headers: FORM, body: 'VoiceMethod=PUT' },
      expected: { status: 400, code: 21403 },
      problems: ['form/VoiceMethod must be equal to one of the allowed values'],
    },
    {
      name: 'a malformed SID in a field',
      why: 'it has a code of its own',
      path: `${TRUNK}/PhoneNumbers`,
      init: { method: 'POST', headers: FORM, body: 'PhoneNumberSid=PN1' },
      expected: { status: 400, code: 20423 },
      problems: [
        'form/PhoneNumberSid must NOT have fewer than 34 characters',
        'form/PhoneNumberSid must match pattern "^PN[0-9a-fA-F]{32}$"',
      ],
    },
    {
      name: 'a field sent twice',
      why: 'which of the two counts is nowhere described',
      path: '/v1/Trunks',
      init: { method: 'POST', headers: FORM, body: 'FriendlyName=one&FriendlyName=two' },
      expected: { status: 400, code: 20422 },
      problems: ['form FriendlyName is repeated'],
    },
    {
      name: 'a page that is too large',
      why: 'the SDK sends its limit as a page size without a cap',
      path: '/v1/Trunks?PageSize=1001',
      init: {},
      expected: { status: 400, code: 20007 },
      problems: ['query/PageSize must be <= 1000'],
    },
    {
      name: 'a filter that does not exist is ignored, and noticed',
      why: 'trunks have no filter: whoever sends one takes the first page for its result',
      path: '/v1/Trunks?FriendlyName=one',
      init: {},
      expected: { status: 200, code: undefined },
      problems: ['query must NOT have additional properties "FriendlyName"'],
    },
    {
      name: 'a JSON body',
      why: 'nothing of it may be repeated: it would come out as the name of a field',
      path: `${CORE}/SIP/CredentialLists/${sidOf('CL', 1)}/Credentials.json`,
      init: { method: 'POST', headers: { 'content-type': 'application/json' }, body: `{"Password":"${PASSWORD}"}` },
      expected: { status: 400, code: 20001 },
      problems: [
        "form must have required property 'Username'",
        "form must have required property 'Password'",
        'body is not application/x-www-form-urlencoded',
      ],
    },
  ])('$name', async ({ why, path, init, expected, problems }) => {
    await using bench = await startTestEmulator();
    const { emulator, api } = bench;
    const authorization = `Basic ${Buffer.from(`${sidOf('AC', 1)}:token-of-the-test`).toString('base64')}`;
    const headers = { authorization, ...('headers' in init ? init.headers : {}) };
    const { status, code } = await api.send(path, { ...init, headers });
    expect({ status, code }, why).toEqual(expected);
    expect(emulator.violations, why).toEqual([
      { kind: 'request', method: 'method' in init ? init.method : 'GET', path: path.split('?')[0], problems },
    ]);
    expect(() => emulator.assertNoViolations()).toThrow(problems[0]);
    expect(JSON.stringify([emulator.violations, emulator.requests])).not.toContain(PASSWORD);
  });

  test.for([
    { name: 'is ignored', why: 'most of Twilio does', switches: { unknownFormFields: 'ignored' }, status: 201 },
    { name: 'is refused', why: 'code 20001 exists', switches: { unknownFormFields: 'refused' }, status: 400 },
  ] as const)('an unknown field $name, by a switch, and noticed', async ({ why, switches, status }) => {
    await using bench = await startTestEmulator({ switches });
    const reply = await bench.api.post('/v1/Trunks', { FriendlyName: 'one', password: PASSWORD });
    expect(reply.status, why).toBe(status);
    expect(bench.emulator.violations).toMatchObject([
      { problems: ['form must NOT have additional properties "password"'] },
    ]);
    expect(JSON.stringify(bench.emulator.requests)).not.toContain(PASSWORD);
  });

  test('cleared violations are forgotten', async () => {
    await using bench = await startTestEmulator();
    await bench.api.get('/nowhere');
    bench.emulator.clearViolations();
    expect(bench.emulator.violations).toEqual([]);
    expect(() => bench.emulator.assertNoViolations()).not.toThrow();
  });
});
