import { beforeEach, describe, expect, test } from 'vitest';
import type { Pin } from '../../../src/reconcilers/shared/accounts.ts';
import type { KubernetesObject } from '../../../src/reconcilers/shared/ports.ts';
import { ProviderError } from '../../../src/reconcilers/shared/verdict.ts';
import { AccountDirectory } from '../../../src/reconcilers/telephony-account/account-directory.ts';
import type { SecretData } from '../../../src/reconcilers/telephony-account/credentials.ts';
import type { LiveKitConnection, TwilioConnection } from '../../../src/reconcilers/telephony-account/ports.ts';
import { refusingLiveKit, refusingTwilio } from '../../../src/reconcilers/telephony-account/refusing-ports.ts';
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
let directory: AccountDirectory;

/** Ports that work, in a world where nothing is found: what a port is bound to shows in what its calls reject with. */
const unused = { kind: 'identity', reason: 'AccountUnavailable', message: 'no server in a unit test' } as const;

beforeEach(() => {
  accounts = new Map([['default', accountObject()]]);
  secrets = new Map(Object.entries(goodSecrets));
  namespaces = new Map();
  connected = [];
  notices = [];
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
        return refusingTwilio(unused);
      },
      livekit: (connection) => {
        connected.push(connection);
        return refusingLiveKit(unused);
      },
    },
    notices: { notice: (message, fields) => notices.push({ message, ...fields }) },
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
      paused: false,
    });
    const limits = { maxConcurrentRequests: 8, requestsPerSecond: 20 };
    expect(connected).toEqual([
      { accountSid, credentials: { username: apiKeySid, password: canary }, limits },
      { url: 'https://my-project.livekit.cloud', credentials: { apiKey: 'APIkey', apiSecret: canary }, limits },
    ]);
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
    const first = await opened();
    const second = await opened('second');
    expect(second.twilio, 'what is proven of an account stays proven').toBe(first.twilio);
    expect(second.livekit).toBe(first.livekit);
    expect(directory.openPinned(pin).twilio, 'removing uses the same').toBe(first.twilio);
  });

  test('makes a new connection for new credentials of one provider only', async () => {
    const before = await opened();
    secrets.set('twilio', secretData({ apiKeySid, apiKeySecret: 'renewed' }));
    const after = await opened();
    expect(after.twilio, 'nothing is proven of new credentials').not.toBe(before.twilio);
    expect(after.livekit, 'these did not change').toBe(before.livekit);
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
      paused: true,
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

test('accountSidOf() reads the account, whatever else is wrong with it', () => {
  accounts.set('odd', accountObject({ livekit: { url: 7 } }));
  expect(directory.accountSidOf('odd')).toBe(accountSid);
  expect(directory.accountSidOf('missing')).toBeUndefined();
});

function pinnedPart() {
  const { account, livekitUrl, ownerId } = pin;
  return { kind: 'open', account, accountSid, livekitUrl, ownerId };
}
