/**
 * What the API server's answers mean, for each thing that a request can be for.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  classifyReply,
  classifyThrown,
  type Intent,
  KubernetesError,
} from '../../src/providers/kubernetes/classify.ts';
import { troubleOf } from '../../src/providers/kubernetes/watch-event.ts';

const status = (code: number, reason: string, message: string, details: object = {}) => ({
  status: code,
  headers: {},
  body: { kind: 'Status', status: 'Failure', code, reason, message, details },
});
const notFound = status(404, 'NotFound', 'phonenumbers.telephony.trunkline.dev "one" not found');
const noResource = status(404, 'NotFound', 'the server could not find the requested resource');
const conflict = status(
  409,
  'Conflict',
  'the object has been modified; please apply your changes to the latest version',
);
const finalizers = status(
  422,
  'Invalid',
  'PhoneNumber "one" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"x/y"}',
);

describe('classifyReply()', () => {
  test.for<{ name: string; why: string; intent: Intent; reply: ReturnType<typeof status>; want: string }>([
    { name: 'a read that finds nothing', why: 'the object is gone', intent: 'read', reply: notFound, want: 'absent' },
    { name: 'a change of what is gone', why: 'decide again', intent: 'change', reply: notFound, want: 'conflict' },
    { name: 'a deletion of what is gone', why: 'nothing to do', intent: 'delete', reply: notFound, want: 'absent' },
    {
      name: 'a namespace that is not there',
      why: 'it cannot be made',
      intent: 'create',
      reply: notFound,
      want: 'failed',
    },
    {
      name: 'a read without the CRD',
      why: 'no object was asked about',
      intent: 'read',
      reply: noResource,
      want: 'failed',
    },
    {
      name: 'a change without the CRD',
      why: 'deciding again is no way out',
      intent: 'change',
      reply: noResource,
      want: 'failed',
    },
    {
      name: 'a 404 that is not from Kubernetes',
      why: 'something stands in between',
      intent: 'read',
      reply: { status: 404, headers: {}, body: '404 page not found' } as never,
      want: 'failed',
    },
    { name: 'a change of a changed object', why: 'decide again', intent: 'change', reply: conflict, want: 'conflict' },
    {
      name: 'a record that exists',
      why: 'its name is its identity',
      intent: 'create',
      reply: status(409, 'AlreadyExists', 'orphanrecords "x" already exists'),
      want: 'exists',
    },
    {
      name: 'any other conflict of a create',
      why: 'it was not made',
      intent: 'create',
      reply: conflict,
      want: 'failed',
    },
    {
      name: 'a finalizer for a deleted object',
      why: 'it was deleted meanwhile',
      intent: 'change',
      reply: finalizers,
      want: 'conflict',
    },
    {
      name: 'the UID of another object',
      why: 'it was made again meanwhile',
      intent: 'change',
      reply: status(
        422,
        'Invalid',
        'PhoneNumber "one" is invalid: metadata.uid: Invalid value: "a": field is immutable',
      ),
      want: 'conflict',
    },
    {
      name: 'a precondition on the UID',
      why: 'it was made again meanwhile',
      intent: 'change',
      reply: status(422, 'Invalid', 'Precondition failed: UID in precondition: a, UID in object meta: b'),
      want: 'conflict',
    },
    {
      name: 'any other refusal of a value',
      why: 'deciding again would send the same',
      intent: 'change',
      reply: status(422, 'Invalid', 'PhoneNumber "one" is invalid: spec: Invalid value: field is immutable'),
      want: 'failed',
    },
    {
      name: 'no right',
      why: 'a human must act, and meanwhile we back off',
      intent: 'change',
      reply: status(403, 'Forbidden', 'phonenumbers "one" is forbidden'),
      want: 'failed',
    },
    { name: 'any 2xx', why: 'done', intent: 'change', reply: status(201, '', ''), want: 'done' },
  ])('$name', ({ intent, reply, want, why }) => {
    expect(classifyReply('do something', intent, reply).kind, why).toBe(want);
  });

  test('a failure says what was tried, and what the server said and wants', () => {
    const reply = status(429, 'TooManyRequests', 'please try again later', { retryAfterSeconds: 3 });
    expect(classifyReply('read things "one"', 'read', reply)).toMatchObject({
      error: {
        message: 'Cannot read things "one": 429 TooManyRequests: please try again later',
        problem: { status: 429, reason: 'TooManyRequests', retryAfterMs: 3_000 },
      },
    });
    const plain = { status: 503, headers: { 'retry-after': '2' }, body: '<html>' };
    expect(classifyReply('list things', 'read', plain)).toMatchObject({
      error: { message: 'Cannot list things: 503: status 503', problem: { retryAfterMs: 2_000 } },
    });
  });

  test('never throws, whatever the body', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 599 }),
        fc.constantFrom<Intent>('read', 'change', 'create', 'delete'),
        fc.anything(),
        (code, intent, body) => {
          expect(classifyReply('x', intent, { status: code, headers: {}, body }).kind).toMatch(/^[a-z]+$/);
        },
      ),
    );
  });
});

describe('classifyThrown()', () => {
  test('whatever was thrown means that no answer came, and keeps its cause', () => {
    const cause = new Error('socket hang up');
    const error = classifyThrown('patch things "one"', cause);
    expect(error).toMatchObject({
      message: 'Cannot patch things "one": socket hang up',
      cause,
      problem: { status: undefined },
    });
    const several = new AggregateError([new Error('connect ECONNREFUSED 127.0.0.1:1')]);
    expect(classifyThrown('x', several).message).toContain('ECONNREFUSED');
    expect(classifyThrown('x', 'text').message).toBe('Cannot x: no answer');
    expect(classifyThrown('y', error), 'what is classified stays as it is').toBe(error);
  });
});

describe('troubleOf()', () => {
  const failed = (code: number | undefined, reason = '', message = 'something') =>
    new KubernetesError('watch', { status: code, reason, message, retryAfterMs: 0 });
  test.for([
    { name: 'a cut connection', why: 'the position is good', error: failed(undefined), want: 'resume' },
    { name: '401', why: 'a new token comes', error: failed(401), want: 'resume' },
    { name: '403', why: 'a role was changed', error: failed(403), want: 'resume' },
    { name: '429', why: 'the server is busy', error: failed(429), want: 'keep' },
    { name: '500', why: 'the server is ill', error: failed(500), want: 'resume' },
    { name: '410', why: 'history is gone', error: failed(410, 'Expired'), want: 'relist' },
    { name: '404', why: 'the kind was taken away', error: failed(404, 'NotFound'), want: 'relist' },
    { name: '400', why: 'our version is not understood', error: failed(400, 'BadRequest'), want: 'relist' },
    {
      name: 'a version from the future',
      why: 'a backup was restored',
      error: failed(504, 'Timeout', 'Too large resource version: 9, current: 5'),
      want: 'relist',
    },
  ])('$name', ({ error, want, why }) => {
    expect(troubleOf(error).effect, why).toBe(want);
  });
});
