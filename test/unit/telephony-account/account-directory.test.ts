import { beforeEach, describe, expect, test } from 'vitest';
import type { Pin } from '../../../src/reconcilers/shared/accounts.ts';
import type { KubernetesObject } from '../../../src/reconcilers/shared/ports.ts';
import type { LiveKitPort, TwilioAccountPort } from '../../../src/reconcilers/shared/telephony.ts';
import { ProviderError } from '../../../src/reconcilers/shared/verdict.ts';
import { AccountDirectory } from '../../../src/reconcilers/telephony-account/account-directory.ts';
import { AccountHealth } from '../../../src/reconcilers/telephony-account/account-health.ts';
import type { SecretData } from '../../../src/reconcilers/telephony-account/credentials.ts';
import type { LiveKitConnection, TwilioConnection } from '../../../src/reconcilers/telephony-account/ports.ts';
import { refusingLiveKit, refusingTwilio } from '../../../src/reconcilers/telephony-account/refusing-ports.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  accountObject,
  accountSid,
  apiKeySid,
  canary,
  goodSecrets,
  otherAccountSid,
  secretData,
} from './account-objects.ts';

const pin: Pin = {
  account: 'default',
  accountSid,
  livekitUrl: 'https://my-project.livekit.cloud',
  ownerId: 'pinned-owner',
  phoneNumber: '+447446466847',
};

let accounts: Map<string, KubernetesObject>;
let secrets: Map<string, SecretData>;
let namespaces: Map<string, Record<string, string>>;
let connected: (TwilioConnection | LiveKitConnection)[];
let notices: Record<string, unknown>[];
let limited: Map<string, unknown>;
let clock: FakeClock;
let health: AccountHealth;
let directory: AccountDirectory;

/** What calls answer that do not fail. */
let answers: {
  twilio: (connection: TwilioConnection) => Partial<TwilioAccountPort>;
  livekit: Partial<LiveKitPort>;
};

/** Ports that work, in a world where nothing is found: what a port is bound to shows in what its calls reject with. */
const unused = { kind: 'identity', reason: 'AccountUnavailable', message: 'no server in a unit test' } as const;

beforeEach(() => {
  accounts = new Map([['default', accountObject()]]);
  secrets = new Map(Object.entries(goodSecrets));
  namespaces = new Map();
  connected = [];
  notices = [];
  limited = new Map();
  answers = { twilio: () => ({}), livekit: {} };
  clock = new FakeClock();
  health = new AccountHealth(clock);
  directory = new AccountDirectory({
    operatorNamespace: 'trunkline-system',
    lookups: {
      account: (name) => accounts.get(name),
      secretData: (name) => secrets.get(name),
      namespaceLabels: async (name) => namespaces.get(name),
      kubeSystemUid: () => '0123abcd-1111-2222-3333-444455556666',
    },
    connect: {
      twilio: (connection) => {
        connected.push(connection);
        return { ...refusingTwilio(unused), ...answers.twilio(connection) };
      },
      livekit: (connection) => {
        connected.push(connection);
        return { ...refusingLiveKit(unused), ...answers.livekit };
      },
    },
    notices: { notice: (message, fields) => notices.push({ message, ...fields }) },
    limits: {
      limit: (account, { accountSid: sid, livekitUrl }, limits) =>
        void limited.set(account, { accountSid: sid, livekitUrl, ...limits }),
      forget: (account) => void limited.delete(account),
    },
    health,
  });
});

async function opened(name = 'default', namespace = 'team-a') {
  const answer = await directory.open(name, namespace);
  if (answer.kind === 'refused') throw new Error(answer.message);
  return answer;
}

/** Why a call fails, as a person would read it. */
async function failureOf(call: () => Promise<unknown>): Promise<ProviderError> {
  const error = await call().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ProviderError) return error;
  throw new Error('The call did not fail as a provider call fails', { cause: error });
}

describe('open()', () => {
  test('opens both providers with what account and Secrets say', async () => {
    expect(await opened()).toMatchObject({
      kind: 'open',
      account: 'default',
      accountSid,
      livekitUrl: 'https://my-project.livekit.cloud',
      ownerId: '0123abcd',
      sipHost: 'abc123.sip.livekit.cloud',
      halt: undefined,
    });
    expect(connected).toEqual([
      { accountSid, credentials: { username: apiKeySid, password: canary } },
      { url: 'https://my-project.livekit.cloud', credentials: { apiKey: 'APIkey', apiSecret: canary } },
    ]);
  });

  test('says how hard the providers may be worked, each time anew', async () => {
    await opened();
    accounts.set('default', accountObject({ limits: { maxConcurrentRequests: 2, requestsPerSecond: 5 } }));
    directory.openPinned(pin);
    expect(limited.get('default')).toEqual({
      accountSid,
      livekitUrl: 'https://my-project.livekit.cloud',
      maxConcurrentRequests: 2,
      requestsPerSecond: 5,
    });
    expect(connected, 'other limits are no other connection').toHaveLength(2);
    accounts.clear();
    directory.openPinned(pin);
    expect(limited.size, 'an account that is gone limits nobody').toBe(0);
  });

  test('refuses an account that is being deleted, which still opens for removing', async () => {
    const object = accountObject();
    accounts.set('default', {
      ...object,
      metadata: { ...object.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
    });
    expect(await directory.open('default', 'team-a')).toMatchObject({ kind: 'refused', reason: 'AccountNotReady' });
    directory.openPinned(pin);
    expect(connected).toHaveLength(2);
  });

  test('passes a refusal on and connects to nothing', async () => {
    expect(await directory.open('default', 'team-b')).toMatchObject({ kind: 'refused', reason: 'NamespaceNotAllowed' });
    expect(await directory.open('missing', 'team-a')).toMatchObject({ kind: 'refused', reason: 'AccountNotFound' });
    expect(connected).toEqual([]);
  });

  test('asks for the labels of a namespace where a selector decides', async () => {
    accounts.set('default', accountObject({ allowedNamespaces: { selector: { matchLabels: { tier: 'gold' } } } }));
    expect(await directory.open('default', 'team-b'), 'unknown namespace').toMatchObject({
      reason: 'NamespaceNotAllowed',
    });
    namespaces.set('team-b', { tier: 'gold' });
    expect(await directory.open('default', 'team-b'), 'now it matches').toMatchObject({ kind: 'open' });
  });

  test('keeps a connection while credentials stay, also under another account object', async () => {
    accounts.set('second', accountObject({ paused: true }));
    await opened();
    await opened('second');
    directory.openPinned(pin);
    expect(connected, 'what is proven of an account stays proven').toHaveLength(2);
  });

  test('makes a new connection for new credentials of one provider only', async () => {
    await opened();
    secrets.set('twilio', secretData({ apiKeySid, apiKeySecret: 'renewed' }));
    await opened();
    expect(connected.slice(2), 'nothing is proven of new credentials; the others did not change').toEqual([
      { accountSid, credentials: { username: apiKeySid, password: 'renewed' } },
    ]);
  });

  test('reports a line break at the end of a value once, and works', async () => {
    secrets.set('livekit', secretData({ apiKey: 'APIkey', apiSecret: `${canary}\n` }));
    await opened();
    await opened();
    expect(notices).toEqual([
      {
        message: 'A Secret holds a value that ends with a line break, which was ignored',
        account: 'default',
        namespace: 'trunkline-system',
        secret: 'livekit',
        key: 'apiSecret',
      },
    ]);
  });
});

describe('openPinned()', () => {
  test('opens what is pinned, for a namespace that is no longer allowed and an account that is paused', async () => {
    accounts.set('default', accountObject({ allowedNamespaces: {}, paused: true, ownerId: 'now-another' }));
    expect(directory.openPinned(pin)).toMatchObject({
      ...pinnedPart(),
      halt: { reason: 'Paused' },
      sipHost: 'abc123.sip.livekit.cloud',
    });
    expect(connected).toHaveLength(2);
  });

  interface Case {
    name: string;
    why: string;
    arrange: () => void;
    twilio: string | undefined;
    livekit: string | undefined;
  }
  const cases: readonly Case[] = [
    {
      name: 'a missing account closes both',
      why: 'nothing else may be used instead',
      arrange: () => accounts.clear(),
      twilio: 'AccountNotFound',
      livekit: 'AccountNotFound',
    },
    {
      name: 'another Twilio account closes Twilio only',
      why: 'a 404 there would prove nothing here',
      arrange: () => accounts.set('default', accountObject({ twilio: { accountSid: otherAccountSid } })),
      twilio: 'AccountMismatch',
      livekit: undefined,
    },
    {
      name: 'another LiveKit project closes LiveKit only',
      why: 'it says 200 to every delete',
      arrange: () => accounts.set('default', accountObject({ livekit: { url: 'https://other.livekit.cloud' } })),
      twilio: undefined,
      livekit: 'AccountMismatch',
    },
    {
      name: 'an unreadable Twilio part closes Twilio only',
      why: 'it might be another account',
      arrange: () => accounts.set('default', accountObject({ twilio: { accountSid: 7 } })),
      twilio: 'AccountMismatch',
      livekit: undefined,
    },
    {
      name: 'a missing Secret closes its provider only',
      why: 'the other half can still be removed',
      arrange: () => secrets.delete('twilio'),
      twilio: 'CredentialsUnavailable',
      livekit: undefined,
    },
    {
      name: 'a missing key closes its provider only',
      why: 'the other half can still be removed',
      arrange: () => secrets.set('livekit', secretData({ apiKey: canary })),
      twilio: undefined,
      livekit: 'CredentialsUnavailable',
    },
    {
      name: 'no Secret named closes its provider only',
      why: 'the other half can still be removed',
      arrange: () => accounts.set('default', accountObject({ livekit: { credentialsSecretRef: 7 } })),
      twilio: undefined,
      livekit: 'CredentialsUnavailable',
    },
    {
      name: "another account's token closes Twilio",
      why: 'its trunk calls would act on the other account',
      arrange: () => secrets.set('twilio', secretData({ accountSid: otherAccountSid, authToken: canary })),
      twilio: 'CredentialsUnavailable',
      livekit: undefined,
    },
    {
      name: 'another spelling of the project closes nothing',
      why: 'wss and https are one project',
      arrange: () =>
        accounts.set('default', accountObject({ livekit: { url: 'https://My-Project.livekit.cloud:443/' } })),
      twilio: undefined,
      livekit: undefined,
    },
    {
      name: 'a wrong SIP host closes nothing',
      why: 'removing needs none',
      arrange: () => accounts.set('default', accountObject({ livekit: { sipHost: 'my-project.livekit.cloud' } })),
      twilio: undefined,
      livekit: undefined,
    },
  ];
  test.for(cases)('$name', async ({ arrange, twilio, livekit, why }) => {
    arrange();
    const account = directory.openPinned(pin);
    expect(account, 'what is removed is where it was made').toMatchObject(pinnedPart());
    const failures = {
      Twilio: await failureOf(async () => account.twilio.deleteTrunk('TK1')),
      LiveKit: await failureOf(async () => account.livekit.deleteTrunk('ST_1')),
    };
    expect(failures.Twilio.verdict, why).toMatchObject({ kind: 'identity', reason: twilio ?? unused.reason });
    expect(failures.LiveKit.verdict, why).toMatchObject({ kind: 'identity', reason: livekit ?? unused.reason });
    const connections = connected.map((one) => ('url' in one ? one.url : one.accountSid));
    expect(connections, 'never another account or project').toEqual([
      ...(twilio === undefined ? [pin.accountSid] : []),
      ...(livekit === undefined ? [pin.livekitUrl] : []),
    ]);
    expect(JSON.stringify(Object.values(failures)) + Object.values(failures).join(), 'no secret').not.toContain(canary);
  });

  test('says which account to create again', async () => {
    accounts.clear();
    const { message } = await failureOf(async () => directory.openPinned(pin).twilio.deleteTrunk('TK1'));
    expect(message).toBe(
      `Cannot delete the trunk at Twilio: TelephonyAccount default does not exist; create it again for Twilio account ${accountSid} and LiveKit project https://my-project.livekit.cloud`,
    );
  });

  test('every call of a closed port fails, each with the reason', async () => {
    accounts.clear();
    const { twilio, livekit } = directory.openPinned(pin);
    for (const call of [...Object.values(twilio), ...Object.values(livekit)] as (() => Promise<unknown>)[]) {
      expect((await failureOf(call)).verdict).toMatchObject({ kind: 'identity', reason: 'AccountNotFound' });
    }
  });
});

describe('new credentials while removals run', () => {
  test('are used at once, and a call under way ends with those it began with', async () => {
    const answered: string[] = [];
    const oldAnswer = Promise.withResolvers<void>();
    answers.twilio = ({ credentials: { password } }) => ({
      deleteTrunk: async (sid) => {
        if (password === canary) await oldAnswer.promise;
        answered.push(`${sid} with ${password}`);
      },
    });
    const underWay = directory.openPinned(pin).twilio.deleteTrunk('TK1');
    secrets.set('twilio', secretData({ apiKeySid, apiKeySecret: 'renewed' }));
    await directory.openPinned(pin).twilio.deleteTrunk('TK2');
    expect(answered, 'the new one does not wait for the old one').toEqual(['TK2 with renewed']);
    oldAnswer.resolve();
    await underWay;
    expect(answered).toEqual(['TK2 with renewed', `TK1 with ${canary}`]);
  });

  test('are used by every one of 300 removals, and connected once', async () => {
    const used = new Map<string, number>();
    answers.twilio = ({ credentials: { password } }) => ({
      deleteTrunk: async () => {
        await Promise.resolve();
        used.set(password, (used.get(password) ?? 0) + 1);
      },
    });
    const remove = async (index: number) => {
      if (index === 100) secrets.set('twilio', secretData({ apiKeySid, apiKeySecret: 'renewed' }));
      await directory.openPinned(pin).twilio.deleteTrunk(`TK${index}`);
    };
    await Promise.all(Array.from({ length: 300 }, async (_, index) => await remove(index)));
    expect(Object.fromEntries(used)).toEqual({ [canary]: 100, renewed: 200 });
    expect(connected.filter((one) => 'accountSid' in one)).toHaveLength(2);
  });
});

describe('a provider that fails its probes', () => {
  const twilio = { account: 'default', provider: 'Twilio', identity: accountSid } as const;
  const refusal = { kind: 'identity', reason: 'CredentialsRefused', message: 'Authenticate (20003)' } as const;

  test('is not called, and the other is', async () => {
    let calls = 0;
    answers.twilio = () => ({
      readTrunk: async () => {
        calls += 1;
        return undefined;
      },
    });
    answers.livekit = { readInboundTrunk: async () => undefined };
    const account = await opened();
    health.probed(twilio, refusal);
    const failure = await failureOf(async () => account.twilio.readTrunk('TK1'));
    expect(failure.verdict).toEqual(refusal);
    expect(calls).toBe(0);
    expect(await account.livekit.readInboundTrunk('ST_1')).toBeUndefined();
    health.probed(twilio, undefined);
    await account.twilio.readTrunk('TK1');
    expect(calls, 'the same opening works again').toBe(1);
  });

  test('is called for another account object, whose credentials may be others', async () => {
    answers.twilio = () => ({ readTrunk: async () => undefined });
    accounts.set('second', accountObject());
    health.probed(twilio, refusal);
    expect(await (await opened('second')).twilio.readTrunk('TK1')).toBeUndefined();
  });

  test('becomes suspect by a call that fails, and no call of a refused opening counts', async () => {
    const events: string[] = [];
    health.subscribe(({ kind, subject }) => events.push(`${kind} ${subject.provider}`));
    const account = await opened();
    await failureOf(async () => account.twilio.readTrunk('TK1'));
    await failureOf(async () => account.twilio.readTrunk('TK1'));
    expect(events, 'one probe is enough').toEqual(['suspected Twilio']);
  });

  test('is told with since when; what shows without a probe counts from when it was noticed', () => {
    expect(directory.troublesOf(pin)).toEqual([]);
    clock.advanceSynchronously(1_000);
    secrets.delete('livekit');
    directory.openPinned(pin);
    clock.advanceSynchronously(60_000);
    health.probed(twilio, { kind: 'unknownOutcome', message: 'no answer in time' });
    clock.advanceSynchronously(60_000);
    expect(directory.troublesOf(pin)).toMatchObject([
      { provider: 'Twilio', verdict: { reason: 'AccountUnavailable' }, since: { monotonic: 61_000 } },
      { provider: 'LiveKit', verdict: { reason: 'CredentialsUnavailable' }, since: { monotonic: 1_000 } },
    ]);
  });

  test.for([
    { name: 'a missing account object', arrange: () => accounts.clear(), providers: ['Twilio', 'LiveKit'] },
    {
      name: 'another Twilio account',
      arrange: () => accounts.set('default', accountObject({ twilio: { accountSid: otherAccountSid } })),
      providers: ['Twilio'],
    },
  ])('counts $name like a failed probe', ({ arrange, providers }) => {
    arrange();
    expect(directory.troublesOf(pin).map(({ provider }) => provider)).toEqual(providers);
  });
});

test('accountSidOf() reads the account, whatever else is wrong with it', () => {
  accounts.set('odd', accountObject({ livekit: { url: 7 } }));
  expect(directory.accountSidOf('odd')).toBe(accountSid);
  expect(directory.accountSidOf('missing')).toBeUndefined();
});

function pinnedPart() {
  const { account, livekitUrl, ownerId } = pin;
  return { kind: 'open', account, accountSid, livekitUrl, ownerId };
}
