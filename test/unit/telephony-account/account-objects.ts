/**
 * Builders for tests of accounts: objects as the API server sends them, told apart from a good one by what matters.
 */
import type { SecretData } from '../../../src/reconcilers/telephony-account/credentials.ts';
import type { KubernetesObject } from '../../../src/reconcilers/shared/ports.ts';

export const accountSid = `AC${'0a'.repeat(16)}`;
export const otherAccountSid = `AC${'ff'.repeat(16)}`;
export const apiKeySid = `SK${'1b'.repeat(16)}`;

/** Must never be found in anything that is shown. */
export const canary = 'canary-8f1c3b';

interface Overrides {
  readonly twilio?: Record<string, unknown>;
  readonly livekit?: Record<string, unknown>;
  readonly status?: unknown;
  readonly [field: string]: unknown;
}

/** A valid account that the namespace team-a may use. */
export function accountObject({ twilio, livekit, status, ...rest }: Overrides = {}): KubernetesObject {
  return {
    metadata: { name: 'default', uid: 'u-1', resourceVersion: '1' },
    spec: {
      twilio: { accountSid, region: 'us1', credentialsSecretRef: { name: 'twilio' }, ...twilio },
      livekit: {
        url: 'wss://my-project.livekit.cloud',
        sipHost: 'abc123.sip.livekit.cloud',
        credentialsSecretRef: { name: 'livekit' },
        ...livekit,
      },
      allowedNamespaces: { names: ['team-a'] },
      ...rest,
    },
    status,
  };
}

/** Secret data with these values, as the API server sends it. */
export function secretData(values: Readonly<Record<string, string>>): SecretData {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value, 'utf8').toString('base64')]),
  );
}

export const goodSecrets: Readonly<Record<string, SecretData>> = {
  twilio: secretData({ apiKeySid, apiKeySecret: canary }),
  livekit: secretData({ apiKey: 'APIkey', apiSecret: canary }),
};
