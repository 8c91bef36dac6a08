import { describe, expect, test } from 'vitest';
import { parseAccount } from '../../../src/reconcilers/telephony-account/schema.ts';
import {
  type AccountFindings,
  accountStatus,
  type ProviderFinding,
  readinessOf,
} from '../../../src/reconcilers/telephony-account/status.ts';
import { accountObject } from './account-objects.ts';

const fine: ProviderFinding = { kind: 'fine' };
type Reason = Extract<ProviderFinding, { kind: 'failing' }>['verdict']['reason'];
const failing = (reason: Reason, message: string): ProviderFinding => ({
  kind: 'failing',
  verdict: { kind: 'identity', reason, message },
});

function findings(differing: Partial<AccountFindings> = {}): AccountFindings {
  return {
    name: 'default',
    parsed: parseAccount(accountObject()),
    isDeleting: false,
    isPaused: false,
    users: [],
    providers: { Twilio: fine, LiveKit: fine },
    secrets: {
      Twilio: 'Secret twilio in namespace trunkline-system',
      LiveKit: 'Secret livekit in namespace trunkline-system',
    },
    defaultOwnerId: '0123abcd',
    trunksUsed: 3,
    trunkLimit: 100,
    unownedSets: 0,
    massDrift: [],
    ...differing,
  };
}

const users = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ namespace: 'voice', name: `n${String(index).padStart(2, '0')}` }));

interface Case {
  readonly name: string;
  readonly why: string;
  readonly given: Partial<AccountFindings>;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

const cases: readonly Case[] = [
  {
    name: 'fine',
    why: 'nothing is wrong',
    given: {},
    status: 'True',
    reason: 'Ready',
    message: 'Both providers accept the credentials',
  },
  {
    name: 'credentials that Twilio refuses',
    why: 'says which Secret',
    given: { providers: { Twilio: failing('CredentialsRefused', 'Authenticate (20003)'), LiveKit: fine } },
    status: 'False',
    reason: 'CredentialsRefused',
    message:
      'Twilio: Authenticate (20003); put credentials that may do everything there into Secret twilio in namespace trunkline-system',
  },
  {
    name: 'a LiveKit that does not answer',
    why: 'nobody can do anything here',
    given: { providers: { Twilio: fine, LiveKit: failing('AccountUnavailable', 'no answer in time') } },
    status: 'False',
    reason: 'AccountUnavailable',
    message: 'LiveKit: no answer in time; everything that needs it waits, and it is asked again by itself',
  },
  {
    name: 'both in trouble',
    why: 'one message tells of both',
    given: {
      providers: {
        Twilio: failing('CredentialsUnavailable', 'Secret twilio does not exist; create it'),
        LiveKit: failing('AccountUnavailable', 'no answer in time'),
      },
    },
    status: 'False',
    reason: 'CredentialsUnavailable',
    message:
      'Twilio: Secret twilio does not exist; create it. LiveKit: no answer in time; everything that needs it waits, and it is asked again by itself',
  },
  {
    name: 'a provider that has only asked to wait so far',
    why: 'nothing is known',
    given: { providers: { Twilio: { kind: 'unknown' }, LiveKit: fine } },
    status: 'Unknown',
    reason: 'RateLimited',
    message: 'A provider asks to wait before it answers; it is asked again by itself',
  },
  {
    name: 'paused',
    why: 'says how to go on',
    given: { isPaused: true },
    status: 'False',
    reason: 'Paused',
    message:
      'spec.paused is true: nothing is written at Twilio and LiveKit, and deletions wait; set it to false to go on',
  },
  {
    name: 'paused with credentials that are refused',
    why: 'going on would not help',
    given: { isPaused: true, providers: { Twilio: failing('AccountMismatch', 'another account'), LiveKit: fine } },
    status: 'False',
    reason: 'AccountMismatch',
    message:
      'Twilio: another account; put credentials that may do everything there into Secret twilio in namespace trunkline-system',
  },
  {
    name: 'a spec that is not valid',
    why: 'it is older than the CRD',
    given: { parsed: parseAccount(accountObject({ livekit: { sipHost: 'sip:x' } })) },
    status: 'False',
    reason: 'AccountNotReady',
    message: 'The spec is not valid: spec.livekit.sipHost is not a host name, without "sip:"; correct it',
  },
  {
    name: 'one number that needs an account that is deleted',
    why: 'says which',
    given: { isDeleting: true, users: users(1) },
    status: 'False',
    reason: 'Deleting',
    message: 'Deletion waits for 1 PhoneNumber that needs it: voice/n00; delete them first',
  },
  {
    name: 'as many as are named',
    why: 'all of them',
    given: { isDeleting: true, users: users(5) },
    status: 'False',
    reason: 'Deleting',
    message:
      'Deletion waits for 5 PhoneNumbers that need it: voice/n00, voice/n01, voice/n02, voice/n03, voice/n04; delete them first',
  },
  {
    name: 'many, in whatever order the cache has them',
    why: 'the same ones each time, or each look would be a write',
    given: { isDeleting: true, users: users(700).toReversed() },
    status: 'False',
    reason: 'Deleting',
    message:
      'Deletion waits for 700 PhoneNumbers that need it: voice/n00, voice/n01, voice/n02, voice/n03, voice/n04, 695 more; delete them first',
  },
];

describe('readinessOf()', () => {
  test.for(cases)('$name', ({ given, status, reason, message, why }) => {
    expect(readinessOf(findings(given)), why).toEqual({ type: 'Ready', status, reason, message });
  });

  test('names the API host as SIP host', () => {
    const parsed = parseAccount(accountObject({ livekit: { sipHost: 'my-project.livekit.cloud' } }));
    expect(readinessOf(findings({ parsed }))).toMatchObject({
      reason: 'AccountNotReady',
      message: expect.stringContaining('is the host of the API'),
    });
  });
});

describe('accountStatus()', () => {
  const now = '2026-01-01T00:00:00Z';

  test('says all that is known', () => {
    expect(accountStatus(accountObject(), findings({ users: users(2) }), now)).toEqual({
      observedGeneration: 0,
      ownerId: '0123abcd',
      numbers: 2,
      trunks: { used: 3, limit: 100 },
      unownedSets: 0,
      conditions: [expect.objectContaining({ type: 'Ready', status: 'True', lastTransitionTime: now })],
    });
  });

  test('leaves out what is not known, so that what is stored stays', () => {
    const parsed = parseAccount(accountObject({ twilio: { accountSid: 'x' } }));
    const status = accountStatus(
      accountObject(),
      findings({ parsed, trunksUsed: undefined, unownedSets: undefined }),
      now,
    );
    expect(status).toEqual({
      observedGeneration: 0,
      numbers: 0,
      trunks: { limit: 100 },
      conditions: expect.anything(),
    });
  });

  test.for([
    { name: 'the spec', object: { ownerId: 'mine', status: { ownerId: 'mine' } }, want: 'mine' },
    { name: 'what was in force before', object: { status: { ownerId: 'earlier' } }, want: 'earlier' },
    { name: 'the cluster', object: {}, want: '0123abcd' },
  ])('takes the ownerId from $name', ({ object, want }) => {
    const parsed = parseAccount(accountObject(object));
    expect(accountStatus(accountObject(object), findings({ parsed }), now)).toMatchObject({ ownerId: want });
  });
});
