// Twilio's failures as verdicts: every documented code, and everything that is no answer of Twilio's at all.
import { inspect } from 'node:util';
import fc from 'fast-check';
import twilio from 'twilio';
import { describe, expect, test } from 'vitest';
import { classify } from '../../../src/providers/twilio/classify.ts';
import { FailedReply } from '../../../src/providers/twilio/http-client.ts';
import type { Verdict } from '../../../src/reconcilers/shared/verdict.ts';

const SECRET = 'canary/Secret+77=';

describe('codes', () => {
  const codes: Readonly<Record<Verdict['kind'], readonly (readonly [code: number, what: string])[]>> = {
    identity: [
      [10_001, 'account not active'],
      [20_003, 'credentials wrong, account suspended, or key of another region'],
      [20_005, 'account not active'],
      [20_006, 'access denied'],
      [20_008, 'test credentials'],
      [20_403, 'forbidden'],
      [21_472, 'account suspended'],
    ],
    notFound: [[20_404, 'not found']],
    conflict: [
      [20_162, 'concurrent update'],
      [20_409, 'state conflict'],
      [21_236, 'IP access control list still mapped'],
      [21_241, 'credential list still mapped'],
      [21_247, 'sub-domains of the trunk exist'],
    ],
    rateLimited: [[20_429, 'too many concurrent requests']],
    refused: [
      [20_001, 'unknown parameters'],
      [20_002, 'invalid friendly name'],
      [20_004, 'method not allowed'],
      [20_007, 'page too large'],
      [20_422, 'invalid parameter'],
      [20_423, 'invalid SID'],
      [21_230, 'too many SIP domains'],
      [21_231, 'SIP domain validation'],
      [21_232, 'SIP domain validation'],
      [21_233, 'SIP domain validation'],
      [21_235, 'IP access control list validation'],
      [21_237, 'too many addresses'],
      [21_239, 'too many credential lists'],
      [21_240, 'credential list validation'],
      [21_242, 'too many credentials'],
      [21_243, 'credential validation'],
      [21_244, 'too many trunks'],
      [21_245, 'trunk validation'],
      [21_248, 'trunk domain taken'],
      [21_249, 'too many origination URLs'],
      [21_255, 'too many IP access control lists'],
      [21_402, 'invalid URL'],
      [21_403, 'invalid method'],
      [21_405, 'voice fallback without voice URL'],
      [21_406, 'SMS fallback without SMS URL'],
      [21_407, 'number cannot take SMS'],
      [21_409, 'no caller-id lookup'],
      [21_420, 'application not accessible'],
      [21_421, 'number invalid'],
      [21_422, 'number not available'],
      [21_452, 'no number in the area'],
      [21_615, 'address required'],
      [21_631, 'address required'],
      [21_634, 'trunk used for emergency calling'],
      [21_649, 'bundle required'],
      [21_650, 'bundle required'],
      [21_651, 'identity required'],
    ],
    unknownOutcome: [
      [20_500, 'server error'],
      [20_503, 'unavailable'],
      [29_999, 'a code that nobody knows'],
    ],
  };
  const rows = Object.entries(codes).flatMap(([kind, of]) => of.map(([code, what]) => ({ kind, code, what })));

  test.for(rows)('$code, $what, is $kind', ({ kind, code, what }) => {
    for (const status of [400, 500]) {
      const verdict = classify(new FailedReply(status, { code, message: what, more_info: '', status }, {}));
      expect(verdict, 'the code decides, whatever the status').toMatchObject({
        kind,
        message: `${what} (${code})`,
        ...(kind === 'refused' || kind === 'conflict' ? { code: String(code) } : {}),
      });
    }
  });
});

describe('answers without a known code', () => {
  const html = '<html><body>Bad Gateway</body></html>';
  test.for([
    { name: '401 is about the credentials', why: 'the code is optional', status: 401, body: {}, kind: 'identity' },
    { name: '403 is about the credentials', why: 'the code is optional', status: 403, body: html, kind: 'identity' },
    {
      name: "a 404 that is not Twilio's proves nothing",
      why: 'a gateway without a route answers 404 to everything',
      status: 404,
      body: html,
      kind: 'unknownOutcome',
    },
    { name: '404 with JSON and no code', why: 'the same', status: 404, body: { message: 'x' }, kind: 'unknownOutcome' },
    { name: '409 is a conflict', why: 'never definite', status: 409, body: {}, kind: 'conflict' },
    { name: '429 was not processed', why: 'Twilio says so', status: 429, body: html, kind: 'rateLimited' },
    { name: '400 alone', why: 'only documented codes are definite', status: 400, body: {}, kind: 'unknownOutcome' },
    { name: 'a redirect', why: 'Twilio sends none', status: 302, body: '', kind: 'unknownOutcome' },
    {
      name: '502 of a gateway',
      why: 'the request may have got through',
      status: 502,
      body: html,
      kind: 'unknownOutcome',
    },
  ])('$name', ({ why, status, body, kind }) => {
    const verdict = classify(new FailedReply(status, body, {}));
    expect(verdict, why).toMatchObject({ kind, message: `answered with HTTP ${status}` });
  });

  test.for([
    { name: 'no header', why: 'Twilio documents none', headers: {}, afterMs: 0 },
    { name: 'seconds', why: 'the usual form', headers: { 'retry-after': '7' }, afterMs: 7000 },
    {
      name: 'a date',
      why: "measured against the reply's own date, so that no clock is needed",
      headers: { 'retry-after': 'Thu, 01 Jan 2026 00:00:05 GMT', date: 'Thu, 01 Jan 2026 00:00:02 GMT' },
      afterMs: 3000,
    },
    {
      name: 'a date in the past',
      why: 'no negative wait',
      headers: { 'retry-after': 'Thu, 01 Jan 2026 00:00:05 GMT', date: 'Thu, 01 Jan 2026 00:00:09 GMT' },
      afterMs: 0,
    },
    { name: 'nonsense', why: 'no NaN in a timer', headers: { 'retry-after': 'soon' }, afterMs: 0 },
  ])('Retry-After with $name', ({ why, headers, afterMs }) => {
    expect(classify(new FailedReply(429, { code: 20_429, message: 'slow down' }, headers)), why).toEqual({
      kind: 'rateLimited',
      afterMs,
      message: 'slow down (20429)',
    });
  });
});

describe('no answer', () => {
  const networkError = (code: string) =>
    // What the HTTP client under the SDK throws: it carries the credentials and the form.
    Object.assign(new Error(`${code} with ${SECRET}`), {
      name: 'AxiosError',
      code,
      config: { headers: { Authorization: `Basic ${SECRET}` }, data: `Password=${SECRET}` },
    });
  test.for([
    { name: 'refused', error: networkError('ECONNREFUSED'), message: 'no answer (ECONNREFUSED)' },
    { name: 'reset', error: networkError('ECONNRESET'), message: 'no answer (ECONNRESET)' },
    { name: 'aborted at the deadline', error: networkError('ERR_CANCELED'), message: 'no answer in time' },
    { name: "the SDK's own timeout", error: networkError('ECONNABORTED'), message: 'no answer in time' },
    {
      name: 'cut in the middle of a reply',
      error: Object.assign(networkError('ERR_BAD_RESPONSE'), { status: 200 }),
      message: 'no answer (ERR_BAD_RESPONSE)',
    },
    { name: 'a code that is a secret', error: networkError(SECRET), message: 'failed unexpectedly (AxiosError)' },
    {
      name: 'broken JSON',
      error: new SyntaxError(`"${SECRET}" is not JSON`),
      message: 'answered something unreadable',
    },
    { name: 'a defect', error: new TypeError(SECRET), message: 'failed unexpectedly (TypeError)' },
    { name: 'no error at all', error: SECRET, message: 'failed unexpectedly' },
  ])('$name is an unknown outcome, told without the request', ({ error, message }) => {
    expect(classify(error)).toEqual({ kind: 'unknownOutcome', message });
  });

  test('anything that can be thrown has a verdict, and none shows what it was not told to show', () => {
    fc.assert(
      fc.property(fc.anything(), fc.string(), (anything, name) => {
        for (const thrown of [anything, { name: `${SECRET} ${name}`, code: anything, config: SECRET }]) {
          expect(inspect(classify(thrown))).not.toContain(SECRET);
        }
      }),
    );
  });
});

test("the SDK's own exceptions are read like ours", () => {
  const exception = new twilio.RestException({
    statusCode: 400,
    body: '{"code":21244,"message":"limit"}',
    headers: {},
  });
  expect(classify(exception)).toEqual({ kind: 'refused', code: '21244', message: 'limit (21244)' });
});

test('a secret that Twilio repeats is cut out, however it is written', () => {
  const message = `Password ${SECRET} or ${encodeURIComponent(SECRET)} is weak`;
  expect(classify(new FailedReply(400, { code: 21_243, message }, {}), ['', SECRET])).toEqual({
    kind: 'refused',
    code: '21243',
    message: 'Password [secret] or [secret] is weak (21243)',
  });
});
