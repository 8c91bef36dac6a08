// LiveKit's failures as verdicts: every row of what the server is known to answer, and what is no answer at all.
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { classify } from '../../../src/providers/livekit/classify.ts';
import { FailedReply } from '../../../src/providers/livekit/twirp.ts';

const SECRET = 'canary/Secret+77=';
const TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJrZXkifQ.c2lnbmF0dXJl';

describe('answers with a code', () => {
  test.for([
    { status: 404, code: 'not_found', msg: 'requested sip trunk does not exist', kind: 'notFound' },
    { status: 404, code: 'not_found', msg: 'object cannot be found', kind: 'notFound' },
    { status: 400, code: 'invalid_argument', msg: 'trunk ID is required', kind: 'refused' },
    { status: 400, code: 'invalid_argument', msg: 'missing or unsupported update action', kind: 'refused' },
    {
      status: 400,
      code: 'invalid_argument',
      msg: 'Conflicting inbound SIP Trunks: "<new>" and "ST_abc", using the same number(s) ["+15550100001"] without AllowedNumbers set',
      kind: 'refused',
    },
    {
      status: 400,
      code: 'invalid_argument',
      msg: 'Dispatch rule for the same trunk, inbound number, number, and PIN combination already exists',
      kind: 'refused',
    },
    { status: 400, code: 'malformed', msg: 'the json request could not be decoded', kind: 'refused' },
    { status: 401, code: 'unauthenticated', msg: 'permissions denied', kind: 'identity' },
    { status: 403, code: 'permission_denied', msg: 'permissions denied', kind: 'identity' },
    { status: 409, code: 'already_exists', msg: 'exists', kind: 'conflict' },
    { status: 409, code: 'aborted', msg: 'changed at the same time', kind: 'conflict' },
    { status: 429, code: 'resource_exhausted', msg: 'quota exceeded', kind: 'rateLimited' },
    { status: 500, code: 'unknown', msg: 'no trunk numbers specified', kind: 'unknownOutcome' },
    {
      status: 500,
      code: 'unknown',
      msg: 'dial tcp 127.0.0.1:6379: connect: connection refused',
      kind: 'unknownOutcome',
    },
    { status: 500, code: 'internal', msg: 'sip not connected (redis required)', kind: 'unknownOutcome' },
    { status: 503, code: 'unavailable', msg: 'unavailable', kind: 'unknownOutcome' },
    { status: 408, code: 'deadline_exceeded', msg: 'too slow', kind: 'unknownOutcome' },
    // The server does not know the method, which says nothing about the thing.
    { status: 404, code: 'bad_route', msg: 'no handler for path', kind: 'unknownOutcome' },
    { status: 418, code: 'new_code', msg: 'teapot', kind: 'unknownOutcome' },
  ])('$code with HTTP $status, "$msg", is $kind', ({ status, code, msg, kind }) => {
    expect(classify(new FailedReply(status, { code, msg }, null))).toMatchObject({ kind, message: `${msg} (${code})` });
  });
});

describe('answers without a code', () => {
  const refused = 'the API key, its secret or the time of this machine is refused (HTTP 401)';
  test.for([
    {
      name: '401 is about the credentials, and its text is not shown',
      why: 'the text of older servers has the whole token in it',
      status: 401,
      seen: { kind: 'identity', reason: 'CredentialsRefused', message: refused },
    },
    {
      name: '404 proves nothing',
      why: 'a wrong URL answers so to everything',
      status: 404,
      seen: { kind: 'unknownOutcome', message: 'answered with HTTP 404' },
    },
    {
      name: '429 was not processed',
      why: 'a gateway refused it',
      status: 429,
      seen: { kind: 'rateLimited', afterMs: 2000, message: 'answered with HTTP 429' },
    },
    {
      name: '409 is a conflict',
      why: 'never definite',
      status: 409,
      seen: { kind: 'conflict', code: '409', message: 'answered with HTTP 409' },
    },
    {
      name: '400 is not known to be definite',
      why: 'only documented codes are',
      status: 400,
      seen: { kind: 'unknownOutcome', message: 'answered with HTTP 400' },
    },
    {
      name: '502 of a gateway',
      why: 'the request may have got through',
      status: 502,
      seen: { kind: 'unknownOutcome', message: 'answered with HTTP 502' },
    },
  ])('$name', ({ why, status, seen }) => {
    expect(classify(new FailedReply(status, undefined, '2')), why).toEqual(seen);
  });
});

describe('no answer', () => {
  const fetchFailed = (code: string) =>
    Object.assign(new TypeError(`fetch failed ${SECRET}`), { cause: Object.assign(new Error(SECRET), { code }) });
  test.for([
    { name: 'refused', error: fetchFailed('ECONNREFUSED'), message: 'no answer (ECONNREFUSED)' },
    { name: 'closed', error: fetchFailed('UND_ERR_SOCKET'), message: 'no answer (UND_ERR_SOCKET)' },
    { name: 'no such host', error: fetchFailed('ENOTFOUND'), message: 'no answer (ENOTFOUND)' },
    { name: 'a deadline', error: new DOMException('x', 'TimeoutError'), message: 'no answer in time' },
    { name: 'broken JSON', error: new SyntaxError(SECRET), message: 'answered something unreadable' },
    { name: 'a code that is a secret', error: fetchFailed(SECRET), message: 'failed unexpectedly (TypeError)' },
    { name: 'no error at all', error: SECRET, message: 'failed unexpectedly' },
  ])('$name is an unknown outcome, told without details', ({ error, message }) => {
    expect(classify(error)).toEqual({ kind: 'unknownOutcome', message });
  });

  test('anything that can be thrown has a verdict, and none shows what it was not told to show', () => {
    fc.assert(
      fc.property(fc.anything(), fc.string(), (anything, name) => {
        for (const thrown of [anything, { name: `${SECRET} ${name}`, code: anything, cause: { code: SECRET } }]) {
          expect(inspect(classify(thrown))).not.toContain(SECRET);
        }
      }),
    );
  });
});

test.for([
  {
    name: 'a secret that is repeated',
    why: 'a password may be part of what is refused',
    msg: `bad ${SECRET}`,
    seen: 'bad [secret]',
  },
  {
    name: 'a token',
    why: 'older servers repeat it',
    msg: `invalid token: ${TOKEN}, error: x`,
    seen: 'invalid token: [token], error: x',
  },
  {
    name: 'half a token',
    why: 'a text may be cut',
    msg: `invalid token: ${TOKEN.slice(0, 30)}`,
    seen: 'invalid token: [token]',
  },
  {
    name: "the server's own changing port",
    why: 'each attempt would look like another failure',
    msg: 'read tcp 127.0.0.1:51234->127.0.0.1:6379: i/o timeout',
    seen: 'read tcp 127.0.0.1->127.0.0.1:6379: i/o timeout',
  },
])('$name is cut out of a message', ({ why, msg, seen }) => {
  const verdict = classify(new FailedReply(500, { code: 'unknown', msg }, null), ['', SECRET]);
  expect(verdict, why).toEqual({ kind: 'unknownOutcome', message: `${seen} (unknown)` });
});
