/**
 * Access reviews: what is asked, what the answers mean, and how long they are remembered.
 */
import { describe, expect, test } from 'vitest';
import { AccessReview } from '../../../src/providers/kubernetes/access-review.ts';
import type { KubernetesReply, KubernetesRequest } from '../../../src/providers/kubernetes/transport.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const request = { verb: 'get', path: '/metrics' };
const user = { username: 'system:serviceaccount:a:b', uid: 'u', groups: ['g'], extra: { 'x/y': ['z'] } };
const created = (status: unknown): KubernetesReply => ({ status: 201, headers: {}, body: { status } });

/** An API server that knows one token, and says yes or no. */
function stage(answers: { authenticated?: unknown; allowed?: unknown; fails?: boolean } = {}) {
  const clock = new FakeClock();
  const world = { authenticated: { authenticated: true, user } as unknown, allowed: true as unknown, ...answers };
  const asked: KubernetesRequest[] = [];
  const review = new AccessReview({
    clock,
    transport: {
      request: async (sent) => {
        asked.push(sent);
        if (world.fails === true) throw new Error('socket hang up');
        return created(sent.path.endsWith('tokenreviews') ? world.authenticated : { allowed: world.allowed });
      },
    },
  });
  return { asked, clock, review, world };
}

describe('AccessReview', () => {
  test('asks whose token it is and what that user may do, with all that the API server said of the user', async () => {
    const { asked, review } = stage();
    expect(await review.check('secret', request)).toBe('allowed');
    expect(asked.map(({ method, path, body }) => ({ method, path, body }))).toEqual([
      {
        method: 'POST',
        path: '/apis/authentication.k8s.io/v1/tokenreviews',
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: 'secret' } },
      },
      {
        method: 'POST',
        path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
        body: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec: {
            user: user.username,
            uid: 'u',
            groups: ['g'],
            extra: { 'x/y': ['z'] },
            nonResourceAttributes: { verb: 'get', path: '/metrics' },
          },
        },
      },
    ]);
  });

  test.for([
    {
      name: 'a token of nobody',
      why: '401',
      answers: { authenticated: { error: 'invalid' } },
      want: 'unauthenticated',
    },
    {
      name: 'a token that is said to be none',
      why: '401',
      answers: { authenticated: { authenticated: false, user } },
      want: 'unauthenticated',
    },
    { name: 'a user without the right', why: '403', answers: { allowed: false }, want: 'forbidden' },
  ])('takes $name for that', async ({ answers, want, why }) => {
    expect(await stage(answers).review.check('t', request), why).toBe(want);
  });

  test.for([
    { name: 'no answer', why: 'it may be anybody', answers: { fails: true } },
    {
      name: 'a user without a name',
      why: 'RBAC goes by it',
      answers: { authenticated: { authenticated: true, user: {} } },
    },
    { name: 'no word on the right', why: 'silence is no consent', answers: { allowed: 'yes' } },
  ])('says nothing after $name: $why', async ({ answers }) => {
    await expect(stage(answers).review.check('t', request)).rejects.toThrow('Cannot create');
  });

  test.for([
    { name: 'a right for five minutes', answers: {}, keptMs: 300_000, path: 'subjectaccessreviews' },
    { name: 'a refusal for 30 seconds', answers: { allowed: false }, keptMs: 30_000, path: 'subjectaccessreviews' },
    { name: 'a token for a minute', answers: {}, keptMs: 60_000, path: 'tokenreviews' },
    {
      name: 'a token of nobody for a minute',
      answers: { authenticated: {} },
      keptMs: 60_000,
      path: 'tokenreviews',
    },
  ])('remembers $name', async ({ answers, keptMs, path }) => {
    const { asked, clock, review } = stage(answers);
    const count = async () => {
      await review.check('t', request);
      return asked.filter((one) => one.path.endsWith(path)).length;
    };
    expect(await count()).toBe(1);
    await clock.advance(keptMs - 1);
    expect(await count(), 'still').toBe(1);
    await clock.advance(1);
    expect(await count(), 'no longer').toBe(2);
  });

  test('asks once for many who ask at the same time, and again after a failure', async () => {
    const { asked, review, world } = stage({ fails: true });
    const together = async () =>
      await Promise.allSettled(['t', 't', 't', 'other'].map(async (token) => await review.check(token, request)));
    expect((await together()).map(({ status }) => status)).toEqual(Array(4).fill('rejected'));
    expect(asked).toHaveLength(2);
    world.fails = false;
    expect((await together()).map((one) => Reflect.get(one, 'value'))).toEqual(Array(4).fill('allowed'));
    expect(asked.map(({ path }) => path.split('/').at(-1))).toEqual([
      'tokenreviews',
      'tokenreviews',
      'tokenreviews',
      'tokenreviews',
      'subjectaccessreviews',
    ]);
  });

  test('does not take one user for another, nor one path for another', async () => {
    const { asked, review, world } = stage();
    await review.check('t', request);
    await review.check('t', { verb: 'get', path: '/other' });
    world.authenticated = { authenticated: true, user: { ...user, groups: [] } };
    world.allowed = false;
    expect(await review.check('other token', request)).toBe('forbidden');
    expect(asked.filter(({ path }) => path.endsWith('subjectaccessreviews'))).toHaveLength(3);
  });
});
