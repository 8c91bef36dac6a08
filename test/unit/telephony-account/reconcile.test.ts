// The TelephonyAccount kind: when it probes, what it writes, and when an account that is deleted may go.
import { beforeEach, describe, expect, test } from 'vitest';
import type { Verdict } from '../../../src/reconcilers/shared/verdict.ts';
import { concernsNumbers } from '../../../src/reconcilers/telephony-account/index.ts';
import { isMassDrift } from '../../../src/reconcilers/telephony-account/mass-drift.ts';
import { acceptDriftAnnotation, inUseFinalizer } from '../../../src/reconcilers/telephony-account/names.ts';
import { AccountBench, settings } from './account-bench.ts';
import { accountObject, accountSid, apiKeySid, secretData } from './account-objects.ts';

const refused: Verdict = { kind: 'identity', reason: 'CredentialsRefused', message: 'Authenticate (20003)' };
const silent: Verdict = { kind: 'unknownOutcome', message: 'no answer in time' };
const subject = { account: 'default', provider: 'Twilio', identity: accountSid } as const;
const number = { namespace: 'voice', name: 'reception' };
const placeOfANumber = {
  account: 'default',
  accountSid,
  livekitUrl: 'https://my-project.livekit.cloud',
  ownerId: '0123abcd',
  phoneNumber: '+15550100001',
};

let bench: AccountBench;

beforeEach(() => {
  bench = new AccountBench();
});

/** How often Twilio was probed. */
const probes = () => bench.calls.filter((call) => call === 'proveAccount').length;

describe('an account that is fine', () => {
  test('is Ready, with what was counted, and gets the finalizer', async () => {
    bench.trunks = ['tl/0123abcd/15550100001/89abcdef/trunk', 'somebody’s'];
    bench.cachedUsers = [number];
    expect(await bench.settle()).toMatchObject({ status: 'True', reason: 'Ready' });
    expect(bench.status).toMatchObject({
      ownerId: '0123abcd',
      numbers: 1,
      trunks: { used: 2, limit: 100 },
      unownedSets: 1,
    });
    expect(bench.finalizers).toEqual([inUseFinalizer]);
    expect(bench.events).toMatchObject([{ type: 'Normal', reason: 'Ready' }]);
  });

  test('names rules of others that break every call of the project, until they are gone', async () => {
    const open = { name: 'somebody', condition: 'any call' };
    bench.wildcards = [
      { ...open, id: 'SDR_2' },
      { ...open, id: 'SDR_1' },
      { id: 'SDR_3', name: 'guarded', condition: 'a PIN' },
    ];
    expect(await bench.settle()).toMatchObject({
      status: 'True',
      message: expect.stringContaining('delete all but one: SDR_1 (somebody), SDR_2 (somebody)'),
    });
    bench.wildcards = [];
    bench.clock.advanceSynchronously(settings.checkMs);
    expect(await bench.settle()).toMatchObject({ message: 'Both providers accept the credentials' });
  });

  test('is written once, and probed again only after its time', async () => {
    expect(await bench.reconcile()).toEqual({ kind: 'wait', afterMs: settings.checkMs });
    bench.calls.length = 0;
    bench.clock.advanceSynchronously(settings.checkMs - 1);
    expect(await bench.reconcile()).toEqual({ kind: 'wait', afterMs: 1 });
    expect(bench.calls).toEqual([]);
    bench.clock.advanceSynchronously(1);
    expect(await bench.reconcile()).toEqual({ kind: 'wait', afterMs: settings.checkMs });
    expect(probes()).toBe(1);
    expect(bench.writes).toEqual(['metadata', 'status']);
  });

  test('is written again when its numbers change, without a probe', async () => {
    await bench.settle();
    bench.cachedUsers = [number];
    await bench.settle();
    expect(bench.status).toMatchObject({ numbers: 1 });
    expect(probes()).toBe(1);
    expect(bench.writes).toEqual(['metadata', 'status', 'status']);
  });

  test.for([
    { name: 'its spec changes', change: () => bench.edit({ spec: { limits: { requestsPerSecond: 1 } } }) },
    {
      name: 'a Secret changes',
      change: () => bench.secrets.set('twilio', secretData({ apiKeySid, apiKeySecret: 'new' })),
    },
    { name: 'a call makes it suspect', change: () => bench.health.callFailed(subject, refused) },
  ])('is probed at once when $name', async ({ change }) => {
    await bench.settle();
    bench.clock.advanceSynchronously(10_000);
    change();
    await bench.settle();
    expect(probes()).toBe(2);
  });

  test('of which a call failed, and which is fine all the same, writes nothing', async () => {
    await bench.settle();
    bench.clock.advanceSynchronously(10_000);
    bench.health.callFailed(subject, refused);
    const writes = bench.writes.length;
    await bench.settle();
    expect([bench.writes.length, bench.health.isSuspected(subject)]).toEqual([writes, false]);
  });
});

describe('lists that lack much', () => {
  const lost = Array.from({ length: 7 }, (_, index) => `TK${index}`);
  const token = { [acceptDriftAnnotation]: '1' };

  test('stop the account, say what is missing and what to do, and are read again soon', async () => {
    bench.comparisons.Twilio = { known: 60, missing: lost };
    expect(await bench.settle()).toMatchObject({
      status: 'False',
      reason: 'MassDrift',
      message: expect.stringMatching(
        /^The lists of Twilio lack 7 of the 60 things that PhoneNumbers have there: TK0, TK1, TK2, TK3, TK4, 2 more\..*kubectl annotate telephonyaccount default telephony.trunkline.dev\/accept-drift=/,
      ),
    });
    expect(bench.orders).not.toContain('look again because of Twilio');
    expect(await bench.directory.open('default', 'team-a')).toMatchObject({ halt: { reason: 'MassDrift' } });
    expect(bench.directory.openPinned(placeOfANumber)).toMatchObject({ halt: { reason: 'MassDrift' } });
    expect(await bench.reconcile()).toEqual({ kind: 'wait', afterMs: settings.probeMs });
    bench.comparisons.Twilio = { known: 60, missing: lost.slice(0, 6) };
    bench.clock.advanceSynchronously(settings.probeMs);
    expect(await bench.settle()).toMatchObject({ status: 'True' });
    expect(bench.orders).toEqual(expect.arrayContaining(['look again because of Twilio', `wake all of ${accountSid}`]));
    expect(bench.directory.openPinned(placeOfANumber).halt).toBeUndefined();
  });

  test('are accepted by a new token, once', async () => {
    bench.comparisons.Twilio = { known: 60, missing: lost };
    await bench.settle();
    bench.edit({ metadata: { annotations: token } });
    expect(await bench.settle()).toMatchObject({ status: 'True' });
    expect(bench.status).toMatchObject({ lastHandledAcceptDrift: '1' });
    expect(bench.orders).toContain('look again because of Twilio');
    bench.comparisons.Twilio = { known: 60, missing: lost.map((id) => `${id}x`) };
    bench.clock.advanceSynchronously(settings.checkMs);
    expect(await bench.settle(), 'what is lost later').toMatchObject({ reason: 'MassDrift' });
    bench.clock.advanceSynchronously(settings.probeMs);
    expect(await bench.settle(), 'the token is spent').toMatchObject({ reason: 'MassDrift' });
  });

  test('are not accepted by a token that was there before', async () => {
    bench.edit({ metadata: { annotations: token } });
    await bench.settle();
    bench.comparisons.LiveKit = { known: 8, missing: lost };
    bench.clock.advanceSynchronously(settings.checkMs);
    expect(await bench.settle()).toMatchObject({ reason: 'MassDrift' });
    bench.clock.advanceSynchronously(settings.probeMs);
    expect(await bench.settle()).toMatchObject({ reason: 'MassDrift' });
  });

  test.each([
    { missing: 5, known: 5, want: false, why: 'of a few things all may be gone' },
    { missing: 6, known: 6, want: true, why: 'more than five' },
    { missing: 100, known: 1000, want: false, why: 'a tenth' },
    { missing: 101, known: 1000, want: true, why: 'more than a tenth' },
  ])('$missing of $known: $want, $why', ({ missing, known, want }) => {
    expect(isMassDrift(missing, known)).toBe(want);
  });
});

describe('a resync', () => {
  test('of an account with 100 trunks takes ten calls', async () => {
    bench.trunks = Array.from({ length: 100 }, (_, index) => `trunk ${index}`);
    await bench.settle();
    bench.calls.length = 0;
    bench.clock.advanceSynchronously(settings.checkMs);
    await bench.settle();
    expect(bench.calls.toSorted()).toEqual([
      'findWildcardRules',
      'listCredentialLists',
      'listDispatchRules',
      'listInboundTrunks',
      'listIpAccessControlLists',
      'listNumbers',
      'listOutboundTrunks',
      'listTrunks',
      'probeDeleteRight',
      'proveAccount',
    ]);
  });

  test('that a provider has interrupted is made again with the next probe', async () => {
    bench.problems.set('LiveKit', silent);
    await bench.settle();
    expect(bench.status['unownedSets']).toBeUndefined();
    bench.problems.clear();
    bench.clock.advanceSynchronously(settings.probeMs);
    await bench.settle();
    expect(bench.status).toMatchObject({ unownedSets: 0 });
    await bench.settle();
    const swept = bench.orders.filter((order) => order.startsWith('sweep'));
    expect(swept, 'once for each survey of Twilio').toEqual([`sweep ${accountSid}`]);
  });
});

describe('an account in trouble', () => {
  const cases: readonly {
    readonly name: string;
    readonly why: string;
    readonly arrange: () => void;
    readonly reason: string;
    readonly message: RegExp;
    readonly afterMs: number | undefined;
  }[] = [
    {
      name: 'refused by Twilio',
      why: 'it is asked every half a minute',
      arrange: () => bench.problems.set('Twilio', refused),
      reason: 'CredentialsRefused',
      message: /^Twilio: Authenticate \(20003\); put credentials .* into Secret twilio in namespace trunkline-system$/,
      afterMs: settings.probeMs,
    },
    {
      name: 'without an answer of LiveKit',
      why: 'the same',
      arrange: () => bench.problems.set('LiveKit', silent),
      reason: 'AccountUnavailable',
      message: /^LiveKit: no answer in time;/,
      afterMs: settings.probeMs,
    },
    {
      name: 'with a key that may not delete',
      why: 'it would look fine for a year',
      arrange: () => bench.problems.set('probeDeleteRight', { ...refused, message: 'Forbidden (20403)' }),
      reason: 'CredentialsRefused',
      message: /^Twilio: the credentials may not delete trunks: Forbidden \(20403\);/,
      afterMs: settings.probeMs,
    },
    {
      name: 'without a Secret',
      why: 'Twilio cannot be asked, but LiveKit is fine',
      arrange: () => bench.secrets.delete('twilio'),
      reason: 'CredentialsUnavailable',
      message: /^Twilio: Secret twilio does not exist in namespace trunkline-system; create it/,
      afterMs: settings.checkMs,
    },
    {
      name: 'without any Secret',
      why: 'only a change can help',
      arrange: () => bench.secrets.clear(),
      reason: 'CredentialsUnavailable',
      message: /Secret twilio does not exist .*Secret livekit does not exist/,
      afterMs: undefined,
    },
    {
      name: 'that asks to wait at first',
      why: 'as long as it says',
      arrange: () => bench.problems.set('Twilio', { kind: 'rateLimited', afterMs: 7_000, message: 'too many' }),
      reason: 'RateLimited',
      message: /asks to wait/,
      afterMs: 7_000,
    },
  ];
  test.for(cases)('$name', async ({ arrange, reason, message, afterMs, why }) => {
    arrange();
    expect(await bench.reconcile(), why).toEqual(
      afterMs === undefined ? { kind: 'settled' } : { kind: 'wait', afterMs },
    );
    expect(bench.ready).toMatchObject({ reason, message: expect.stringMatching(message) });
    expect(bench.finalizers, 'nothing can have been made with it').toEqual([]);
  });

  test('gets the finalizer when numbers use it all the same', async () => {
    bench.problems.set('Twilio', refused);
    bench.cachedUsers = [number];
    await bench.settle();
    expect(bench.finalizers).toEqual([inUseFinalizer]);
  });

  test('is probed half a minute later, and tells when it is over', async () => {
    const heard: string[] = [];
    bench.health.subscribe(({ kind }) => heard.push(kind));
    bench.problems.set('Twilio', refused);
    await bench.settle();
    await bench.settle();
    expect(probes(), 'not sooner').toBe(1);
    bench.problems.clear();
    bench.clock.advanceSynchronously(settings.probeMs);
    expect(await bench.settle()).toMatchObject({ status: 'True' });
    expect(heard).toEqual(['failing', 'recovered']);
    expect(bench.events.map(({ type }) => type)).toEqual(['Warning', 'Normal']);
  });

  test('writes nothing while it goes on with other words', async () => {
    bench.problems.set('Twilio', silent);
    await bench.settle();
    bench.problems.set('Twilio', { ...silent, message: 'no answer (ECONNRESET)' });
    bench.clock.advanceSynchronously(settings.probeMs);
    await bench.settle();
    expect([probes(), bench.writes]).toEqual([2, ['status']]);
  });

  test('keeps what was counted before', async () => {
    bench.trunks = ['one'];
    await bench.settle();
    bench.problems.set('Twilio', refused);
    bench.clock.advanceSynchronously(settings.checkMs);
    await bench.settle();
    expect(bench.status).toMatchObject({ trunks: { used: 1, limit: 100 }, unownedSets: 0 });
  });

  test('that was asked to wait stays what it was', async () => {
    await bench.settle();
    bench.problems.set('Twilio', { kind: 'rateLimited', afterMs: 0, message: 'too many' });
    bench.clock.advanceSynchronously(settings.checkMs);
    expect(await bench.reconcile()).toEqual({ kind: 'wait', afterMs: settings.probeMs });
    expect(bench.ready).toMatchObject({ status: 'True' });
  });

  test('recovers at once from a Secret that was gone for a moment, which only a PhoneNumber has seen', async () => {
    await bench.settle();
    const data = bench.secrets.get('twilio');
    bench.secrets.delete('twilio');
    const pin = {
      account: 'default',
      accountSid,
      livekitUrl: 'https://my-project.livekit.cloud',
      ownerId: '0123abcd',
      phoneNumber: '+15550100001',
    };
    expect(bench.directory.troublesOf(pin)).toHaveLength(1);
    bench.secrets.set('twilio', data ?? {});
    await bench.settle();
    expect(bench.directory.troublesOf(pin)).toEqual([]);
  });
});

describe('an account that is paused', () => {
  test('is probed by reading only, and says so', async () => {
    bench.edit({ spec: { paused: true } });
    expect(await bench.settle()).toMatchObject({ status: 'False', reason: 'Paused' });
    expect(bench.calls).not.toContain('probeDeleteRight');
    bench.edit({ spec: { paused: false } });
    bench.problems.set('probeDeleteRight', refused);
    expect(await bench.settle(), 'what was left out is made good').toMatchObject({ reason: 'CredentialsRefused' });
  });
});

describe('an account that is deleted', () => {
  test('goes at once when nothing was made with it', async () => {
    bench.secrets.clear();
    await bench.settle();
    bench.requestDelete();
    expect(bench.object).toBeUndefined();
    expect(await bench.reconcile()).toEqual({ kind: 'settled' });
  });

  test('goes when no number uses it', async () => {
    await bench.settle();
    bench.requestDelete();
    await bench.settle();
    expect(bench.object).toBeUndefined();
  });

  test('waits for its numbers, names them, and goes with the last', async () => {
    bench.cachedUsers = bench.users = [number];
    await bench.settle();
    bench.requestDelete();
    expect(await bench.settle()).toMatchObject({
      status: 'False',
      reason: 'Deleting',
      message: 'Deletion waits for 1 PhoneNumber that needs it: voice/reception; delete them first',
    });
    bench.cachedUsers = bench.users = [];
    await bench.settle();
    expect(bench.object).toBeUndefined();
  });

  test('waits for a number that only a live list shows', async () => {
    await bench.settle();
    bench.users = [number];
    bench.requestDelete();
    expect(await bench.settle()).toMatchObject({
      reason: 'Deleting',
      message: expect.stringContaining('voice/reception'),
    });
    expect(bench.finalizers).toEqual([inUseFinalizer]);
  });

  test('is probed on: its numbers are still being taken apart', async () => {
    bench.cachedUsers = bench.users = [number];
    await bench.settle();
    bench.requestDelete();
    bench.problems.set('Twilio', refused);
    await bench.settle();
    expect(bench.health.troubleOf(subject)).toMatchObject({ verdict: { reason: 'CredentialsRefused' } });
  });

  test('keeps the finalizers of others', async () => {
    bench.edit({ metadata: { finalizers: ['example.com/theirs'] } });
    await bench.settle();
    expect(bench.finalizers).toEqual(['example.com/theirs', inUseFinalizer]);
    bench.requestDelete();
    await bench.settle();
    expect(bench.finalizers).toEqual(['example.com/theirs']);
    const { writes } = bench;
    const before = writes.length;
    expect(await bench.reconcile(), 'it is none of ours any more').toEqual({ kind: 'settled' });
    expect(writes).toHaveLength(before);
  });
});

describe('a conflict', () => {
  test('is decided again on a live read', async () => {
    bench.beforeWrite = () => {
      bench.staleObject = bench.object;
      bench.edit({ spec: { paused: true } });
    };
    expect(await bench.reconcile()).toEqual({ kind: 'again' });
    expect(await bench.settle()).toMatchObject({ reason: 'Paused' });
  });
});

test('an account of another install is left alone', async () => {
  bench = new AccountBench(() => false);
  expect(await bench.reconcile()).toEqual({ kind: 'settled' });
  expect([bench.calls, bench.writes]).toEqual([[], []]);
});

describe('concernsNumbers()', () => {
  const object = accountObject();
  const withMetadata = (metadata: object) => ({ ...object, metadata: { ...object.metadata, ...metadata } });
  test.for([
    { name: 'a status', after: { ...object, status: { numbers: 1 } }, want: false },
    { name: 'a finalizer', after: withMetadata({ finalizers: [inUseFinalizer], resourceVersion: '2' }), want: false },
    { name: 'a spec', after: accountObject({ paused: true }), want: true },
    { name: 'a label', after: withMetadata({ labels: { shard: 'a' } }), want: true },
    { name: 'the wish to delete it', after: withMetadata({ deletionTimestamp: '2026-01-01T00:00:00Z' }), want: true },
    { name: 'another object of that name', after: withMetadata({ uid: 'u-2' }), want: true },
    { name: 'its end', after: undefined, want: true },
  ])('$name: $want', ({ after, want }) => {
    expect(concernsNumbers(object, after)).toBe(want);
  });
});
