/**
 * TelephonyAccount specs that the CRD and the zod schema must judge alike; also sent to a real API server.
 */
import type { SpecCase } from './phone-number-documents.ts';

/** The least that an account needs. */
export const minimalAccountSpec = {
  twilio: { accountSid: `AC${'0'.repeat(32)}`, credentialsSecretRef: { name: 'twilio' } },
  livekit: {
    url: 'https://example.livekit.cloud',
    sipHost: 'example.sip.livekit.cloud',
    credentialsSecretRef: { name: 'livekit' },
  },
};

const twilio = (values: object) => ({ ...minimalAccountSpec, twilio: { ...minimalAccountSpec.twilio, ...values } });
const livekit = (values: object) => ({ ...minimalAccountSpec, livekit: { ...minimalAccountSpec.livekit, ...values } });
const allowed = (allowedNamespaces: unknown) => ({ ...minimalAccountSpec, allowedNamespaces });
const requirement = (values: object) => allowed({ selector: { matchExpressions: [values] } });

export const accountSpecCases: readonly SpecCase[] = [
  { name: 'the least that is needed', why: 'the rest has defaults', spec: minimalAccountSpec, accepted: true },
  {
    name: 'everything at once',
    why: 'no field hinders another',
    spec: {
      twilio: { ...minimalAccountSpec.twilio, region: 'us1' },
      livekit: { ...minimalAccountSpec.livekit, url: 'wss://example.livekit.cloud:443/' },
      ownerId: 'cluster-1',
      allowedNamespaces: {
        names: ['voice', 'sales'],
        selector: {
          matchLabels: { 'example.com/telephony': 'allowed', empty: '' },
          matchExpressions: [
            { key: 'tier', operator: 'In', values: ['a', 'b'] },
            { key: 'example.com/off', operator: 'DoesNotExist' },
          ],
        },
      },
      paused: true,
      limits: { maxConcurrentRequests: 1, requestsPerSecond: 1000 },
    },
    accepted: true,
  },
  { name: 'no LiveKit', why: 'both are needed', spec: { twilio: minimalAccountSpec.twilio }, accepted: false },
  { name: 'no Twilio', why: 'both are needed', spec: { livekit: minimalAccountSpec.livekit }, accepted: false },
  { name: 'no SIP host', why: 'it cannot be derived', spec: livekit({ sipHost: undefined }), accepted: false },
  { name: 'no Secret', why: 'nothing opens it', spec: twilio({ credentialsSecretRef: undefined }), accepted: false },
  {
    name: 'a Secret of another namespace',
    why: 'they live in the operator’s namespace only',
    spec: twilio({ credentialsSecretRef: { name: 'twilio', namespace: 'voice' } }),
    accepted: false,
  },
  { name: 'a token in the spec', why: 'secrets live in Secrets', spec: twilio({ authToken: 'x' }), accepted: false },
  ...[`AC${'g'.repeat(32)}`, `SK${'0'.repeat(32)}`, `AC${'0'.repeat(31)}`, `AC${'0'.repeat(33)}`, ''].map(
    (accountSid) => ({
      name: `the account SID "${accountSid}"`,
      why: 'AC and 32 hex digits',
      spec: twilio({ accountSid }),
      accepted: false,
    }),
  ),
  { name: 'another Twilio region', why: 'us1 is the only one', spec: twilio({ region: 'ie1' }), accepted: false },
  ...[
    ['http://127.0.0.1:7880', true],
    ['ws://livekit.voice.svc:7880', true],
    ['wss://example.livekit.cloud/', true],
    ['ftp://example.livekit.cloud', false],
    ['example.livekit.cloud', false],
    ['https://user:password@example.livekit.cloud', false],
    ['https://example.livekit.cloud/path', false],
    ['https://example.livekit.cloud?x=y', false],
    ['https://', false],
  ].map(([url, accepted]) => ({
    name: `the address ${url}`,
    why: 'an origin, without user, path and query',
    spec: livekit({ url }),
    accepted: accepted === true,
  })),
  ...[
    ['sip.example.com:5061', true],
    ['127.0.0.1', true],
    ['sip:example.sip.livekit.cloud', false],
    ['example.sip.livekit.cloud;transport=tcp', false],
    ['', false],
  ].map(([sipHost, accepted]) => ({
    name: `the SIP host "${sipHost}"`,
    why: 'a host, not a SIP URI',
    spec: livekit({ sipHost }),
    accepted: accepted === true,
  })),
  ...[
    ['a', true],
    ['0123456789abcdef', true],
    ['0123456789abcdef0', false],
    ['Cluster', false],
    ['a/b', false],
    ['', false],
  ].map(([ownerId, accepted]) => ({
    name: `the ownerId "${ownerId}"`,
    why: 'it is a part of names with slashes',
    spec: { ...minimalAccountSpec, ownerId },
    accepted: accepted === true,
  })),
  { name: 'an empty selector', why: 'it means every namespace', spec: allowed({ selector: {} }), accepted: true },
  { name: 'a namespace twice', why: 'names are a set', spec: allowed({ names: ['a', 'a'] }), accepted: false },
  { name: 'a namespace that cannot be', why: 'it is a mistake', spec: allowed({ names: ['a.b'] }), accepted: false },
  { name: 'a wildcard namespace', why: 'names are names', spec: allowed({ names: ['*'] }), accepted: false },
  {
    name: 'In without values',
    why: 'Kubernetes refuses it everywhere',
    spec: requirement({ key: 'tier', operator: 'In' }),
    accepted: false,
  },
  {
    name: 'Exists with values',
    why: 'Kubernetes refuses it everywhere',
    spec: requirement({ key: 'tier', operator: 'Exists', values: ['a'] }),
    accepted: false,
  },
  {
    name: 'an operator that is not one',
    why: 'it would never match, or always',
    spec: requirement({ key: 'tier', operator: 'Equals', values: ['a'] }),
    accepted: false,
  },
  {
    name: 'a requirement on something that is no label key',
    why: 'DoesNotExist would hold for every namespace',
    spec: requirement({ key: 'not a key', operator: 'DoesNotExist' }),
    accepted: false,
  },
  ...[0, 1.5, 101, '8'].map((maxConcurrentRequests) => ({
    name: `maxConcurrentRequests ${JSON.stringify(maxConcurrentRequests)}`,
    why: 'a whole number from 1 to 100',
    spec: { ...minimalAccountSpec, limits: { maxConcurrentRequests } },
    accepted: false,
  })),
  {
    name: 'requestsPerSecond 1001',
    why: 'the limit is 1000',
    spec: { ...minimalAccountSpec, limits: { requestsPerSecond: 1001 } },
    accepted: false,
  },
].map((entry) => ({ ...entry, spec: JSON.parse(JSON.stringify(entry.spec)) }));
