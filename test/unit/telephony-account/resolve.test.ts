import { describe, expect, test } from 'vitest';
import type { SecretData } from '../../../src/reconcilers/telephony-account/credentials.ts';
import { resolve } from '../../../src/reconcilers/telephony-account/resolve.ts';
import { parseAccount } from '../../../src/reconcilers/telephony-account/schema.ts';
import { accountObject, canary, goodSecrets, secretData } from './account-objects.ts';

interface Setting {
  readonly account?: Parameters<typeof accountObject>[0] | 'absent';
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
  readonly secrets?: Readonly<Record<string, SecretData>>;
  readonly isDeleting?: boolean;
}

function resolved({ account = {}, namespace = 'team-a', labels, secrets = goodSecrets, isDeleting = false }: Setting) {
  return resolve({
    name: 'default',
    parsed: account === 'absent' ? undefined : parseAccount(accountObject(account)),
    isDeleting,
    namespace: { name: namespace, labels },
    secrets: { namespace: 'trunkline-system', dataOf: (name) => secrets[name] },
    defaultOwnerId: '0123abcd',
  });
}

interface Case {
  name: string;
  why: string;
  setting: Setting;
  reason: string;
  message: RegExp;
}

const sipHostStep =
  /; set it to the host of the SIP URI in the settings of the LiveKit project, such as abc123\.sip\.livekit\.cloud$/;

const refusals: readonly Case[] = [
  {
    name: 'an account that does not exist',
    why: 'a typing error, or applied in another order',
    setting: { account: 'absent' },
    reason: 'AccountNotFound',
    message: /^TelephonyAccount default does not exist; create it, or name another one in spec\.accountRef$/,
  },
  {
    name: 'an account that is not valid',
    why: 'stored before the CRD was this strict',
    setting: { account: { twilio: { accountSid: 'AC1' } } },
    reason: 'AccountNotReady',
    message:
      /^TelephonyAccount default is not valid: spec\.twilio\.accountSid is not a Twilio account SID .*; correct it$/,
  },
  {
    name: 'a namespace that is not named',
    why: 'the account is the trust boundary',
    setting: { namespace: 'team-b' },
    reason: 'NamespaceNotAllowed',
    message:
      /^Namespace team-b may not use TelephonyAccount default; have it added to spec\.allowedNamespaces there, or name another account$/,
  },
  {
    name: 'a namespace whose labels do not match',
    why: 'the account is the trust boundary',
    setting: {
      account: { allowedNamespaces: { selector: { matchLabels: { tier: 'gold' } } } },
      labels: { tier: 'tin' },
    },
    reason: 'NamespaceNotAllowed',
    message: /^Namespace team-a may not use/,
  },
  {
    name: 'a namespace that is not allowed, before anything about Secrets',
    why: 'outsiders learn nothing of Secrets',
    setting: { namespace: 'team-b', secrets: {} },
    reason: 'NamespaceNotAllowed',
    message: /^Namespace team-b/,
  },
  {
    name: 'an account that is being deleted',
    why: 'what is made now could not be taken apart afterwards',
    setting: { isDeleting: true },
    reason: 'AccountNotReady',
    message: /^TelephonyAccount default is being deleted and takes nothing new; use another one$/,
  },
  {
    name: 'an account that is being deleted, for a namespace that may not use it',
    why: 'outsiders learn nothing of it',
    setting: { isDeleting: true, namespace: 'team-b' },
    reason: 'NamespaceNotAllowed',
    message: /^Namespace team-b/,
  },
  {
    name: 'the API host as SIP host on LiveKit Cloud',
    why: 'every call would fail with 404',
    setting: { account: { livekit: { sipHost: 'My-Project.livekit.cloud:5060' } } },
    reason: 'AccountNotReady',
    message: new RegExp(
      `^spec\\.livekit\\.sipHost of TelephonyAccount default is the host of the API, so calls would not arrive${sipHostStep.source}`,
    ),
  },
  {
    name: 'a host of somebody else on LiveKit Cloud',
    why: 'calls would reach a stranger',
    setting: { account: { livekit: { sipHost: 'sip.example.com' } } },
    reason: 'AccountNotReady',
    message: new RegExp(`does not end with \\.sip\\.livekit\\.cloud, so calls would not arrive${sipHostStep.source}`),
  },
  {
    name: 'missing Twilio credentials',
    why: 'a Secret that was forgotten',
    setting: { secrets: { livekit: goodSecrets['livekit'] ?? {} } },
    reason: 'CredentialsUnavailable',
    message: /^Secret twilio does not exist in namespace trunkline-system; create it /,
  },
  {
    name: 'missing LiveKit credentials',
    why: 'a key that was forgotten',
    setting: { secrets: { ...goodSecrets, livekit: secretData({ apiKey: canary }) } },
    reason: 'CredentialsUnavailable',
    message: /^Key apiSecret of Secret livekit in namespace trunkline-system is missing; add it$/,
  },
];

describe('resolve() refuses', () => {
  test.for(refusals)('$name', ({ setting, reason, message, why }) => {
    const resolution = resolved(setting);
    expect(resolution, why).toEqual({ kind: 'refused', reason, message: expect.stringMatching(message) });
    expect(JSON.stringify(resolution), 'a value of a Secret is never shown').not.toContain(canary);
  });
});

const usable: readonly { name: string; why: string; setting: Setting; want: object }[] = [
  {
    name: 'an account with its own ownerId',
    why: 'restore and migration',
    setting: { account: { ownerId: 'prod' } },
    want: { ownerId: 'prod' },
  },
  {
    name: 'an account with the ownerId of the cluster',
    why: 'the default',
    setting: {},
    want: { ownerId: '0123abcd' },
  },
  {
    name: 'an account for a namespace by its labels',
    why: 'teams come and go',
    setting: {
      account: { allowedNamespaces: { selector: { matchLabels: { tier: 'gold' } } } },
      labels: { tier: 'gold' },
    },
    want: {},
  },
  {
    name: 'a regional SIP host',
    why: 'LiveKit pins calls to a region that way',
    setting: { account: { livekit: { sipHost: 'abc123.eu.sip.livekit.cloud' } } },
    want: { account: { sipHost: 'abc123.eu.sip.livekit.cloud' } },
  },
  {
    name: 'any SIP host on an own server',
    why: 'only LiveKit Cloud has this rule',
    setting: { account: { livekit: { url: 'http://10.0.0.7:7880', sipHost: '10.0.0.7:5060' } } },
    want: { account: { livekitUrl: 'http://10.0.0.7:7880', sipHost: '10.0.0.7:5060' } },
  },
  {
    name: 'a paused account',
    why: 'pausing is the business of whoever writes',
    setting: { account: { paused: true } },
    want: { account: { paused: true } },
  },
];

describe('resolve() lets pass', () => {
  test.for(usable)('$name', ({ setting, want, why }) => {
    expect(resolved(setting), why).toMatchObject({ kind: 'usable', ...want });
  });
});
