// The probe of the right to delete trunks: which answers of Twilio mean that it is missing.
import type { Twilio } from 'twilio';
import { describe, expect, test } from 'vitest';
import { AccountCalls } from '../../../src/providers/twilio/account-calls.ts';
import { FailedReply } from '../../../src/providers/twilio/http-client.ts';
import { trunkCalls } from '../../../src/providers/twilio/trunks.ts';
import { ProviderError } from '../../../src/reconcilers/shared/verdict.ts';

/** @returns what the probe found, and the trunks that it tried to delete */
async function probeWith(answer: FailedReply | 'deleted', proof: FailedReply | 'proven' = 'proven') {
  const deleted: string[] = [];
  const trunks = (sid: string) => ({
    remove: async () => {
      deleted.push(sid);
      if (answer !== 'deleted') throw answer;
      return await Promise.resolve(true);
    },
  });
  const client = { trunking: { v1: { trunks } } } as unknown as Twilio;
  const calls = new AccountCalls({
    accountSid: `AC${'0'.repeat(32)}`,
    secrets: [],
    clock: { monotonic: () => 0 },
    proofValidMs: 30_000,
    probe: async () => {
      if (proof !== 'proven') throw proof;
      return await Promise.resolve({ instances: [], nextPage: () => undefined });
    },
  });
  const verdict = await trunkCalls(client, calls)
    .probeDeleteRight()
    .then(
      () => 'fine',
      (error: unknown) => (error instanceof ProviderError ? error.verdict.kind : error),
    );
  return { verdict, deleted };
}

const refusal = (status: number, code?: number) =>
  new FailedReply(status, code === undefined ? {} : { code, message: 'says Twilio' }, {});

describe('probeDeleteRight()', () => {
  test.for([
    { name: 'not found', answer: refusal(404, 20_404), want: 'fine', why: 'the right was there, the trunk was not' },
    { name: 'deleted', answer: 'deleted' as const, want: 'fine', why: 'Twilio may say so of what is not there' },
    { name: 'another refusal', answer: refusal(400, 20_001), want: 'fine', why: 'it says nothing of the right' },
    { name: 'forbidden', answer: refusal(403, 20_403), want: 'identity', why: 'a restricted key' },
    { name: 'forbidden without a code', answer: refusal(403), want: 'identity', why: 'a restricted key' },
    { name: 'unauthorised', answer: refusal(401, 20_003), want: 'identity', why: 'the key is revoked' },
    { name: 'an outage', answer: refusal(503), want: 'unknownOutcome', why: 'nothing is known of the right' },
    { name: 'too many requests', answer: refusal(429, 20_429), want: 'rateLimited', why: 'nothing is known either' },
  ])('$name: $want', async ({ answer, want, why }) => {
    expect(await probeWith(answer), why).toEqual({ verdict: want, deleted: [`TK${'0'.repeat(32)}`] });
  });

  test('not found in another account is no right in this one', async () => {
    expect(await probeWith(refusal(404, 20_404), refusal(404, 20_404))).toMatchObject({ verdict: 'identity' });
  });
});
