import { describe, expect, test } from 'vitest';
import { livekitCredentials, twilioCredentials } from '../../../src/reconcilers/telephony-account/credentials.ts';
import { accountSid, apiKeySid, canary, otherAccountSid, secretData } from './account-objects.ts';

type Values = Record<string, string>;

function secrets(values: Values | undefined) {
  return { namespace: 'trunkline-system', dataOf: () => (values === undefined ? undefined : secretData(values)) };
}

interface FoundCase {
  name: string;
  why: string;
  values: Values;
  username: string;
  trimmed?: string[];
}

const found: readonly FoundCase[] = [
  { name: 'an API key', why: 'the preferred form', values: { apiKeySid, apiKeySecret: canary }, username: apiKeySid },
  {
    name: 'an API key beside a token',
    why: 'the key is preferred, whatever the token is',
    values: { apiKeySid, apiKeySecret: canary, accountSid: otherAccountSid, authToken: 'x' },
    username: apiKeySid,
  },
  {
    name: 'an API key beside an account SID',
    why: 'people note down what it belongs to',
    values: { apiKeySid, apiKeySecret: canary, accountSid: otherAccountSid },
    username: apiKeySid,
  },
  {
    name: 'the token of the account',
    why: 'the other form',
    values: { accountSid, authToken: canary },
    username: accountSid,
  },
  {
    name: 'values that end with a line break',
    why: 'echo and editors add one',
    values: { apiKeySid: `${apiKeySid}\n`, apiKeySecret: `${canary}\r\n` },
    username: apiKeySid,
    trimmed: ['apiKeySid', 'apiKeySecret'],
  },
];

describe('twilioCredentials() finds', () => {
  test.for(found)('$name', ({ values, username, trimmed = [], why }) => {
    expect(twilioCredentials(secrets(values), 'twilio', accountSid), why).toEqual({
      kind: 'found',
      credentials: { username, password: canary },
      trimmed: trimmed.map((key) => ({ secret: 'twilio', key })),
    });
  });
});

interface MissingCase {
  name: string;
  why: string;
  values: Values | undefined;
  /** Starts with what is wrong, ends with the next step. */
  message: string;
}

const missing: readonly MissingCase[] = [
  {
    name: 'a missing Secret',
    why: 'it is created with the account',
    values: undefined,
    message:
      'Secret twilio does not exist in namespace trunkline-system; create it with the keys apiKeySid and apiKeySecret',
  },
  {
    name: 'an empty Secret',
    why: 'the preferred form is asked for',
    values: {},
    message: 'Key apiKeySid of Secret twilio in namespace trunkline-system is missing; add it',
  },
  {
    name: 'a key SID without its secret',
    why: 'half a key is none',
    values: { apiKeySid },
    message: 'Key apiKeySecret of Secret twilio in namespace trunkline-system is missing; add it',
  },
  {
    name: 'a secret without its key SID, beside a token',
    why: 'a half-made key is meant to be used',
    values: { apiKeySecret: canary, accountSid, authToken: canary },
    message: 'Key apiKeySid of Secret twilio in namespace trunkline-system is missing; add it',
  },
  {
    name: 'a token without its account',
    why: 'it cannot be compared',
    values: { authToken: canary },
    message: 'Key accountSid of Secret twilio in namespace trunkline-system is missing; add it',
  },
  {
    name: "another account's token",
    why: 'a parent would read numbers here and make trunks there',
    values: { accountSid: otherAccountSid, authToken: canary },
    message: `Key accountSid of Secret twilio in namespace trunkline-system is not ${accountSid}, which the TelephonyAccount stands for; use that account's own token or, better, an API key made in it (apiKeySid and apiKeySecret)`,
  },
  {
    name: 'an account where a key belongs',
    why: 'it would get around the rule for tokens',
    values: { apiKeySid: otherAccountSid, apiKeySecret: canary },
    message:
      'Key apiKeySid of Secret twilio in namespace trunkline-system is not the SID of an API key (SK and 32 hex digits); put the SID of an API key there, or use the keys accountSid and authToken instead',
  },
  {
    name: 'a secret where the SID belongs',
    why: 'people mix the keys up, and the value must not be shown',
    values: { apiKeySid: canary, apiKeySecret: apiKeySid },
    message:
      'Key apiKeySid of Secret twilio in namespace trunkline-system is not the SID of an API key (SK and 32 hex digits); put the SID of an API key there, or use the keys accountSid and authToken instead',
  },
  {
    name: 'a secret where the account belongs',
    why: 'people mix the keys up, and the value must not be shown',
    values: { accountSid: canary, authToken: accountSid },
    message: `Key accountSid of Secret twilio in namespace trunkline-system is not ${accountSid}, which the TelephonyAccount stands for; use that account's own token or, better, an API key made in it (apiKeySid and apiKeySecret)`,
  },
  {
    name: 'an empty value',
    why: 'a template that was not filled in',
    values: { apiKeySid, apiKeySecret: '' },
    message: 'Key apiKeySecret of Secret twilio in namespace trunkline-system is empty; fill it in',
  },
  {
    name: 'nothing but a line break',
    why: 'a template that was not filled in',
    values: { apiKeySid, apiKeySecret: '\n' },
    message: 'Key apiKeySecret of Secret twilio in namespace trunkline-system is empty; fill it in',
  },
  {
    name: 'two line breaks',
    why: 'exactly one is taken off',
    values: { apiKeySid, apiKeySecret: `${canary}\n\n` },
    message:
      'Key apiKeySecret of Secret twilio in namespace trunkline-system holds white space or characters that no credential has; write it anew',
  },
  {
    name: 'a space',
    why: 'a client would refuse the header and might quote it',
    values: { apiKeySid, apiKeySecret: `${canary} x` },
    message:
      'Key apiKeySecret of Secret twilio in namespace trunkline-system holds white space or characters that no credential has; write it anew',
  },
];

describe('twilioCredentials() names the Secret, the key and the next step for', () => {
  test.for(missing)('$name', ({ values, message, why }) => {
    const answer = twilioCredentials(secrets(values), 'twilio', accountSid);
    expect(answer, why).toEqual({ kind: 'unavailable', message });
    expect(JSON.stringify(answer), 'a value of a Secret is never shown').not.toContain(canary);
  });
});

describe('livekitCredentials()', () => {
  test('finds key and secret, and takes one line break off', () => {
    expect(livekitCredentials(secrets({ apiKey: 'APIkey', apiSecret: `${canary}\n` }), 'livekit')).toEqual({
      kind: 'found',
      credentials: { apiKey: 'APIkey', apiSecret: canary },
      trimmed: [{ secret: 'livekit', key: 'apiSecret' }],
    });
  });

  test('names what is missing', () => {
    expect(livekitCredentials(secrets({ apiKey: canary }), 'livekit')).toEqual({
      kind: 'unavailable',
      message: 'Key apiSecret of Secret livekit in namespace trunkline-system is missing; add it',
    });
  });
});
