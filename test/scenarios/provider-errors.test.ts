/**
 * Every error that a provider documents, met by a living number and by one that is being deleted: what the object shows,
 * whether it is tried again, and what is left. The verdicts are those of the real classifiers.
 */
import { describe, expect, test } from 'vitest';
import { classify as classifyLiveKit } from '../../src/providers/livekit/classify.ts';
import { classify as classifyTwilio } from '../../src/providers/twilio/classify.ts';
import type { Verdict } from '../../src/reconcilers/shared/verdict.ts';
import { condition, expectGone, expectReady } from '../fakes/expectations.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { readyWorld, statusOf, untilCorrupted } from '../fakes/stories.ts';
import { inboundOnly, key, phoneNumber, type World } from '../fakes/world.ts';

const minute = 60_000;

/**
 * What a deletion makes of it. `refusal`: Corrupted once it is definite. `budget`: Corrupted when the time for failures is
 * over. `waits`: never, since nothing failed.
 */
type Ending = 'refusal' | 'budget' | 'waits';

interface Row {
  readonly error: string;
  readonly verdict: Verdict;
  /** The reason that a living number shows. */
  readonly shows: string;
  readonly ending: Ending;
}

const credentials = ['CredentialsRefused', 'budget'] as const;
const later = ['ProviderError', 'budget'] as const;
const definite = ['ProviderError', 'refusal'] as const;
const limited = ['RateLimited', 'waits'] as const;

const twilioErrors: readonly (readonly [
  status: number,
  code: number | undefined,
  what: string,
  expected: readonly [shows: string, ending: Ending],
])[] = [
  [403, 10_001, 'account not active', credentials],
  [401, 20_003, 'credentials wrong, account suspended, or key of another region', credentials],
  [403, 20_005, 'account not active', credentials],
  [403, 20_006, 'access denied', credentials],
  [401, 20_008, 'test credentials', credentials],
  [403, 20_403, 'forbidden', credentials],
  [401, undefined, 'a refusal without a code', credentials],
  // It says "gone" while a read says otherwise: never believed, and not definite.
  [404, 20_404, 'not found', later],
  [404, undefined, 'a page of a gateway', later],
  [405, 20_004, 'method not allowed', definite],
  [400, 20_001, 'unknown parameters', definite],
  [400, 20_002, 'invalid friendly name', definite],
  [400, 20_007, 'page too large', definite],
  [400, 20_422, 'invalid parameter', definite],
  [400, 20_423, 'invalid SID', definite],
  [409, 20_409, 'state conflict', later],
  [409, 20_162, 'concurrent update', later],
  [429, 20_429, 'too many concurrent requests', limited],
  [500, 20_500, 'server error', later],
  [503, 20_503, 'unavailable', later],
  [502, undefined, 'a gateway that fails', later],
  [400, 21_230, 'too many SIP domains', definite],
  [400, 21_231, 'SIP domain validation', definite],
  [400, 21_232, 'SIP domain validation', definite],
  [400, 21_233, 'SIP domain validation', definite],
  [400, 21_235, 'IP access control list validation', definite],
  [400, 21_236, 'IP access control list still mapped', later],
  [400, 21_237, 'too many addresses', definite],
  [400, 21_239, 'too many credential lists', definite],
  [400, 21_240, 'credential list validation', definite],
  [400, 21_241, 'credential list still mapped', later],
  [400, 21_242, 'too many credentials', definite],
  [400, 21_243, 'credential validation', definite],
  [400, 21_244, 'too many trunks', ['TrunkLimit', 'refusal']],
  [400, 21_245, 'trunk validation', definite],
  [400, 21_247, 'sub-domains of the trunk exist', later],
  [400, 21_248, 'trunk domain taken', definite],
  [400, 21_249, 'too many origination URLs', definite],
  [400, 21_255, 'too many IP access control lists', definite],
  [400, 21_634, 'used for emergency calling', definite],
  [400, 29_999, 'a code that nobody knows', later],
];

/** What only a change of the number itself can meet. */
const numberErrors: typeof twilioErrors = [
  [400, 21_402, 'URL not valid', definite],
  [400, 21_403, 'method not valid', definite],
  [400, 21_405, 'fallback without a URL', definite],
  [400, 21_406, 'fallback without a URL for messages', definite],
  [400, 21_407, 'no messages on this type of number', definite],
  [400, 21_409, 'no caller name on this type of number', definite],
  [400, 21_420, 'application not accessible', definite],
  [400, 21_421, 'number not valid', definite],
  [400, 21_422, 'number not available', definite],
  [400, 21_452, 'no number in the area', definite],
  [400, 21_615, 'address required', definite],
  [400, 21_631, 'address required', definite],
  [400, 21_649, 'bundle required', definite],
  [400, 21_650, 'identity required', definite],
  [400, 21_651, 'address required', definite],
  [404, 20_404, 'not found', later],
  [409, 20_162, 'concurrent update', later],
  [429, 20_429, 'too many concurrent requests', limited],
  [503, 20_503, 'unavailable', later],
  [403, 20_403, 'forbidden', credentials],
];

const liveKitErrors: readonly (readonly [
  status: number,
  code: string | undefined,
  what: string,
  expected: readonly [shows: string, ending: Ending],
])[] = [
  [404, 'not_found', 'does not exist', later],
  [400, 'invalid_argument', 'a field or a conflict', definite],
  [400, 'malformed', 'JSON that does not decode', definite],
  [401, 'unauthenticated', 'a token without the right', credentials],
  [403, 'permission_denied', 'a token without the right', credentials],
  [401, undefined, 'an unknown key or a wrong secret', credentials],
  [404, 'bad_route', 'a method that the server does not know', later],
  [404, undefined, 'a wrong URL', later],
  [500, 'unknown', 'Redis is down', later],
  [500, 'internal', 'a server without Redis', later],
  [429, 'resource_exhausted', 'a quota', limited],
  [429, undefined, 'a quota, said by a gateway', limited],
];

const rowsOf = (errors: typeof twilioErrors): readonly Row[] =>
  errors.map(([status, code, what, [shows, ending]]) => ({
    error: `Twilio ${code ?? status}, ${what}`,
    verdict: classifyTwilio({ status, ...(code !== undefined && { code }), message: what }),
    shows,
    ending,
  }));
const twilio = rowsOf(twilioErrors);
const livekit: readonly Row[] = liveKitErrors.map(([status, code, what, [shows, ending]]) => ({
  error: `LiveKit ${code ?? status}, ${what}`,
  verdict: classifyLiveKit({ status, ...(code !== undefined && { code }), message: what }),
  shows,
  ending,
}));

const changes = [
  ...twilio.map((row) => ({ ...row, operation: 'updateTrunk', patch: { transferMode: 'enable-all' } })),
  ...livekit.map((row) => ({ ...row, operation: 'updateInboundTrunk', patch: { inbound: { krispEnabled: true } } })),
];

describe('an update', () => {
  test.for(changes)('$error: shows $shows, calls go on, and it ends once it can', async (row) => {
    const { operation, patch, shows, verdict } = row;
    const world = await readyWorld(inboundOnly);
    const fault = world.effects.fail(operation, verdict);
    world.store.editSpec(key, { voice: { sipTrunk: patch } });
    await runUntilSettled(world, { horizonMs: 20 * minute });
    expect(condition(world, 'Synced')).toBe(`False ${shows}`);
    expect(condition(world, 'Ready'), 'nothing about the calls changed').toBe('True Ready');
    expect(condition(world, 'Corrupted')).toBe(`False ${shows}`);
    world.effects.lift(fault);
    await runUntilSettled(world);
    await expectReady(world);
  });
});

const removals = [
  ...twilio.map((row) => ({ ...row, operation: 'deleteTrunk', left: 'Trunk' })),
  ...livekit.map((row) => ({ ...row, operation: 'deleteLiveKitTrunk', left: 'InboundTrunk' })),
];

describe('a deletion', () => {
  test.for(removals)('$error: ends by $ending, says what is left, and a retry ends it', async (row) => {
    const { ending, left, operation, verdict } = row;
    const world = await readyWorld(inboundOnly);
    const fault = world.effects.fail(operation, verdict);
    world.store.delete(key);
    const corruptedAfterMs = await untilCorrupted(world, 30 * minute);
    if (ending === 'waits') expect(corruptedAfterMs).toBeUndefined();
    else if (ending === 'refusal') expect(corruptedAfterMs).toBeLessThan(2 * minute);
    else expect(corruptedAfterMs).toBeGreaterThanOrEqual(15 * minute);
    if (ending !== 'waits') expect(statusOf(world).leftovers.map(({ kind }) => kind)).toContain(left);
    world.effects.lift(fault);
    world.store.annotate(key, 'telephony.trunkline.dev/retry-delete', '1');
    await runUntilSettled(world);
    await expectGone(world);
  });
});

describe('a number whose calls go to a webhook', () => {
  const webhook = (url: string) => ({ voice: { webhook: { url } } });
  const spec = { phoneNumber, ...webhook('https://one.example.com') };
  const urlOf = ({ account }: World): string | undefined => account.numberOf(phoneNumber)?.voiceUrl;

  test.for(rowsOf(numberErrors))(
    '$error: an update shows $shows, calls go on, and it ends once it can',
    async (row) => {
      const world = await readyWorld(spec);
      const fault = world.effects.fail('updateNumber', row.verdict);
      world.store.editSpec(key, webhook('https://two.example.com'));
      await runUntilSettled(world, { horizonMs: 20 * minute });
      expect([condition(world, 'Synced'), condition(world, 'Ready')]).toEqual([`False ${row.shows}`, 'True Ready']);
      expect(urlOf(world)).toBe('https://one.example.com');
      world.effects.lift(fault);
      await runUntilSettled(world);
      expect(statusOf(world).phase).toBe('Ready');
      expect(urlOf(world)).toBe('https://two.example.com');
    },
  );

  test.for(rowsOf(numberErrors))('$error: a deletion ends by $ending, and a retry ends it', async (row) => {
    const world = await readyWorld(spec);
    const fault = world.effects.fail('updateNumber', row.verdict);
    world.store.delete(key);
    const corruptedAfterMs = await untilCorrupted(world, 30 * minute);
    if (row.ending === 'waits') expect(corruptedAfterMs).toBeUndefined();
    else {
      expect(corruptedAfterMs).toBeGreaterThanOrEqual(row.ending === 'refusal' ? 0 : 15 * minute);
      expect(statusOf(world).leftovers.map(({ kind }) => kind)).toEqual(['NumberRouting']);
    }
    if (row.ending === 'refusal') expect(corruptedAfterMs).toBeLessThan(2 * minute);
    world.effects.lift(fault);
    world.store.annotate(key, 'telephony.trunkline.dev/retry-delete', '1');
    await runUntilSettled(world);
    await expectGone(world);
    expect(urlOf(world)).toBe('');
  });
});
