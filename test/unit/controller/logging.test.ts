/**
 * Logs: what is written, and above all what never is.
 */
import { describe, expect, test } from 'vitest';
import { recordedLog } from '../../support/log-lines.ts';

const canary = 'canary-4f1d';

/** Like the error of an HTTP client: the whole request hangs on it. */
function clientError(message: string, cause?: Error): Error {
  const error = new Error(message, cause === undefined ? {} : { cause });
  return Object.assign(error, {
    config: { headers: { Authorization: `Basic ${canary}` }, auth: { username: 'x', password: canary } },
    request: { body: canary },
    response: { config: canary },
  });
}

describe('createLog()', () => {
  test.for([
    { name: 'password', why: 'of a SIP credential', fields: { password: canary } },
    { name: 'authPassword', why: 'of a LiveKit trunk', fields: { trunk: { authPassword: canary } } },
    { name: 'authToken', why: "of Twilio's account", fields: { secret: { data: { authToken: canary } } } },
    { name: 'apiSecret', why: 'of LiveKit', fields: { a: { b: { c: { d: { e: { apiSecret: canary } } } } } } },
    { name: 'apiKeySecret', why: 'of Twilio', fields: { list: [{ apiKeySecret: canary }] } },
    { name: 'token', why: 'of the service account', fields: { user: { token: canary } } },
    { name: 'secret', why: 'of anything', fields: { secret: canary } },
    { name: 'authorization', why: 'of a request', fields: { headers: { Authorization: `Bearer ${canary}` } } },
    {
      name: 'whatever hangs on an error',
      why: 'clients hang whole requests on it',
      fields: { err: clientError('no') },
    },
    { name: 'an error under any name', why: 'nobody thinks of it', fields: { problem: { inner: clientError('no') } } },
    {
      name: 'the cause of a cause',
      why: 'it was thrown by a client',
      fields: { err: new Error('a', { cause: clientError('b') }) },
    },
    {
      name: 'a cause that is no error',
      why: 'it can be anything',
      fields: { err: new Error('a', { cause: { token: canary, other: canary } }) },
    },
  ])('never writes $name', ({ fields, why }) => {
    const { log, text } = recordedLog();
    log.error(fields, 'something failed');
    if ('err' in fields) log.error(fields.err);
    expect(text(), why).not.toContain(canary);
    expect(text()).toContain('something failed');
  });

  test('keeps name, message, stack and the chain of causes of an error', () => {
    const { lines, log } = recordedLog();
    log.error({ err: new TypeError('outer', { cause: clientError('inner') }), key: 'default/one' }, 'reconcile failed');
    expect(lines()).toEqual([
      {
        level: 'error',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        msg: 'reconcile failed',
        key: 'default/one',
        err: {
          name: 'TypeError',
          message: 'outer',
          stack: expect.stringContaining('logging.test.ts'),
          cause: { name: 'Error', message: 'inner', stack: expect.any(String) },
        },
      },
    ]);
  });

  test('ends where fields point at themselves', () => {
    const { lines, log } = recordedLog();
    const circle: Record<string, unknown> = { password: canary };
    circle['self'] = circle;
    log.warn({ circle }, 'round and round');
    expect(lines()).toMatchObject([{ msg: 'round and round', circle: { password: '[redacted]' } }]);
  });
});
