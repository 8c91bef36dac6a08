import { describe, expect, test } from 'vitest';
import type { KubernetesObject } from '../../../src/reconcilers/shared/ports.ts';
import { httpOrigin, parseAccount, parseIdentity } from '../../../src/reconcilers/telephony-account/schema.ts';
import { accountObject, accountSid } from './account-objects.ts';

const origins: readonly { name: string; why: string; address: string; want: string | undefined }[] = [
  { name: 'https stays', why: 'the usual form', address: 'https://a.livekit.cloud', want: 'https://a.livekit.cloud' },
  { name: 'wss becomes https', why: 'people copy LIVEKIT_URL', address: 'wss://a.example', want: 'https://a.example' },
  { name: 'ws becomes http', why: 'local servers', address: 'ws://127.0.0.1:7880', want: 'http://127.0.0.1:7880' },
  {
    name: 'a final slash goes',
    why: 'two spellings, one project',
    address: 'https://a.example/',
    want: 'https://a.example',
  },
  { name: 'case goes', why: 'two spellings, one project', address: 'HTTPS://A.Example', want: 'https://a.example' },
  {
    name: 'the default port goes',
    why: 'two spellings, one project',
    address: 'wss://a.example:443',
    want: 'https://a.example',
  },
  {
    name: 'another port stays',
    why: 'it is another server',
    address: 'https://a.example:8443',
    want: 'https://a.example:8443',
  },
  {
    name: 'a user is refused',
    why: 'the pin is shown in the status',
    address: 'https://u:p@a.example',
    want: undefined,
  },
  {
    name: 'a user without a password is refused',
    why: 'it may be a token',
    address: 'https://token@a.example',
    want: undefined,
  },
  { name: 'a path is refused', why: 'the pin is an origin', address: 'https://a.example/rtc', want: undefined },
  { name: 'a query is refused', why: 'it may hold a token', address: 'https://a.example/?t=1', want: undefined },
  { name: 'another scheme is refused', why: 'it is no API', address: 'sip:a.example', want: undefined },
  {
    name: 'a port that is none is refused',
    why: 'nothing could be sent there',
    address: 'https://a.example:99999',
    want: undefined,
  },
  { name: 'words are refused', why: 'they are no address', address: 'my project', want: undefined },
];

describe('httpOrigin()', () => {
  test.for(origins)('$name', ({ address, want, why }) => {
    expect(httpOrigin(address), why).toBe(want);
  });
});

function ownerIdOf(object: KubernetesObject) {
  const parsed = parseAccount(object);
  return parsed.kind === 'valid' ? parsed.account.ownerId : parsed.problems;
}

describe('parseAccount()', () => {
  test('fills in what is left out', () => {
    expect(parseAccount(accountObject())).toEqual({
      kind: 'valid',
      account: {
        name: 'default',
        accountSid,
        twilioSecret: 'twilio',
        livekitUrl: 'https://my-project.livekit.cloud',
        sipHost: 'abc123.sip.livekit.cloud',
        livekitSecret: 'livekit',
        ownerId: undefined,
        allowedNamespaces: { names: ['team-a'] },
        paused: false,
        limits: { maxConcurrentRequests: 8, requestsPerSecond: 20 },
      },
    });
  });

  test('takes the ownerId of the spec, else the one that was in force', () => {
    const status = { ownerId: 'before' };
    expect(ownerIdOf(accountObject({ ownerId: 'mine', status })), 'set by hand').toBe('mine');
    expect(ownerIdOf(accountObject({ status })), 'marks outlive a change of the default').toBe('before');
    expect(ownerIdOf(accountObject({ status: { ownerId: 'No Such' } })), 'a forged status is no mark').toBeUndefined();
  });

  const invalid: readonly { name: string; why: string; spec: Parameters<typeof accountObject>[0]; path: string }[] = [
    {
      name: 'a foreign SID',
      why: 'it would be put into paths',
      spec: { twilio: { accountSid: 'PN1' } },
      path: 'spec.twilio.accountSid',
    },
    {
      name: 'another region',
      why: 'writes would go unnoticed elsewhere',
      spec: { twilio: { region: 'ie1' } },
      path: 'spec.twilio.region',
    },
    {
      name: 'no Secret',
      why: 'nothing could be called',
      spec: { twilio: { credentialsSecretRef: undefined } },
      path: 'spec.twilio.credentialsSecretRef',
    },
    {
      name: 'an address with a path',
      why: 'the pin is an origin',
      spec: { livekit: { url: 'https://a.example/x' } },
      path: 'spec.livekit.url',
    },
    {
      name: 'an address with an impossible port',
      why: 'the CRD cannot see it',
      spec: { livekit: { url: 'https://a.example:99999' } },
      path: 'spec.livekit.url',
    },
    {
      name: 'a SIP URI for a host',
      why: 'it would be put into a SIP URI',
      spec: { livekit: { sipHost: 'sip:a.example' } },
      path: 'spec.livekit.sipHost',
    },
    {
      name: 'an ownerId with a slash',
      why: 'the slash separates parts of a mark',
      spec: { ownerId: 'a/b' },
      path: 'spec.ownerId',
    },
    {
      name: 'In without values',
      why: 'it would match nothing, silently',
      spec: { allowedNamespaces: { selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } } },
      path: 'spec.allowedNamespaces.selector.matchExpressions.0',
    },
    {
      name: 'Exists with values',
      why: 'the values would be ignored, silently',
      spec: {
        allowedNamespaces: { selector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] } },
      },
      path: 'spec.allowedNamespaces.selector.matchExpressions.0',
    },
    {
      name: 'a limit of zero',
      why: 'nothing would ever be sent',
      spec: { limits: { requestsPerSecond: 0 } },
      path: 'spec.limits.requestsPerSecond',
    },
    {
      name: 'a field nobody knows',
      why: 'it may be a misspelt restriction',
      spec: { allowedNamespace: {} },
      path: 'spec',
    },
  ];
  test.for(invalid)('$name is invalid', ({ spec, path, why }) => {
    const parsed = parseAccount(accountObject(spec));
    expect(parsed.kind === 'invalid' ? parsed.problems.map((one) => one.split(' ')[0]) : parsed, why).toEqual([path]);
  });
});

describe('parseIdentity()', () => {
  const good = {
    accountSid,
    twilioSecret: 'twilio',
    livekitUrl: 'https://my-project.livekit.cloud',
    livekitSecret: 'livekit',
    sipHost: 'abc123.sip.livekit.cloud',
    paused: false,
    limits: { maxConcurrentRequests: 8, requestsPerSecond: 20 },
  };
  const cases: readonly { name: string; why: string; spec: Parameters<typeof accountObject>[0]; want: object }[] = [
    { name: 'reads a good account', why: 'the usual case', spec: {}, want: good },
    {
      name: 'reads on when namespaces do not read',
      why: 'they never hinder a deletion',
      spec: { allowedNamespaces: 7 },
      want: good,
    },
    {
      name: 'reads Twilio when LiveKit does not read',
      why: 'one provider never closes the other',
      spec: { livekit: { url: 'x', credentialsSecretRef: 1 } },
      want: { ...good, livekitUrl: undefined, livekitSecret: undefined },
    },
    {
      name: 'reads LiveKit when Twilio does not read',
      why: 'one provider never closes the other',
      spec: { twilio: { accountSid: 'x', credentialsSecretRef: 1 } },
      want: { ...good, accountSid: undefined, twilioSecret: undefined },
    },
    {
      name: 'falls back to usual limits',
      why: 'slow is better than not at all',
      spec: { limits: { requestsPerSecond: -1 } },
      want: good,
    },
    {
      name: 'reads a field of a newer operator over',
      why: 'a rollback must still delete',
      spec: { twilio: { edge: 'new' }, livekit: { edge: 'new' }, more: 1 },
      want: good,
    },
    { name: 'reads paused', why: 'it is a stop sign', spec: { paused: true }, want: { ...good, paused: true } },
  ];
  test.for(cases)('$name', ({ spec, want, why }) => {
    expect(parseIdentity(accountObject(spec)), why).toEqual(want);
  });

  test.for([{ spec: undefined }, { spec: null }, { spec: 'text' }, { spec: [] }])(
    'does not throw at $spec',
    ({ spec }) => {
      const { metadata } = accountObject();
      expect(parseIdentity({ metadata, spec })).toMatchObject({
        accountSid: undefined,
        livekitUrl: undefined,
        paused: false,
      });
    },
  );
});
