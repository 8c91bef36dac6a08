/**
 * The PhoneNumbers of the benchmarks: full specs, and the full status that every peer writes.
 *
 * The status is field by field what the operator writes for this spec (a test compares the two), so that all peers put
 * the same bytes on the wire.
 */
import { createHash } from 'node:crypto';
import { group, version } from '../src/reconcilers/shared/api-group.ts';

/** Where they live. */
export const namespace = 'default';
export const collectionPath = `/apis/${group}/${version}/namespaces/${namespace}/phonenumbers`;
export const finalizer = `${group}/cleanup`;
const intentAnnotation = `${group}/intent`;

/** Twilio allows a hundred trunks in an account. */
const numbersPerAccount = 50;

export function nameOf(index: number): string {
  return `number-${String(index).padStart(6, '0')}`;
}

export function accountOf(index: number): string {
  return `account-${Math.floor(index / numbersPerAccount)}`;
}

/** `account` is the ordinary one of the index if not given; without outbound calls the spec is a small one. */
export interface ManifestOptions {
  readonly account?: string;
  readonly outbound?: boolean;
  /** Stands in the spec, to change it. */
  readonly revision?: number;
}

export function phoneNumberOf(index: number): string {
  return `+1555${String(index).padStart(7, '0')}`;
}

/** A PhoneNumber as a person would write it who uses every field. */
export function manifestOf(index: number, options: ManifestOptions = {}) {
  const { account = accountOf(index), outbound = true, revision = 0 } = options;
  return {
    apiVersion: `${group}/${version}`,
    kind: 'PhoneNumber',
    metadata: { name: nameOf(index), namespace, labels: { 'app.kubernetes.io/part-of': 'bench', team: 'reception' } },
    spec: {
      phoneNumber: phoneNumberOf(index),
      accountRef: { name: account },
      deletionPolicy: 'Delete',
      voice: {
        sipTrunk: {
          originationUris: [
            `sip:${account}.sip.livekit.example;transport=tcp`,
            `sip:${account}.fallback.sip.livekit.example;transport=tcp`,
          ],
          transferMode: 'disable-all',
          inbound: {
            allowedAddresses: ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.7'],
            krispEnabled: true,
            headersToAttributes: { 'X-Customer': 'customer', 'X-Campaign': 'campaign', 'X-Language': 'language' },
            maxCallDuration: '1h',
            ringingTimeout: '30s',
          },
          outbound: outbound ? { enabled: true, allowedCidrs: ['192.0.2.0/25', '198.51.100.128/25'] } : {},
          dispatch: {
            roomPrefix: 'call-',
            agents: [
              {
                agentName: 'receptionist',
                metadata: JSON.stringify({ revision, voice: 'calm', languages: ['en', 'de'] }),
              },
              { agentName: 'transcriber', metadata: JSON.stringify({ store: 'eu', keepDays: 30 }) },
            ],
            attributes: { tenant: `tenant-${index % 100}`, region: 'eu-central', tier: 'gold' },
          },
        },
      },
    },
  };
}

/** What an operator puts on an object before it makes anything. */
export function heldMetadata(index: number, options: ManifestOptions = {}) {
  return { finalizers: [finalizer], annotations: { [intentAnnotation]: JSON.stringify(pinOf(index, options)) } };
}

/** The status of a number that is up, about 1.5 KB. `now` is RFC 3339 in whole seconds. */
export function readyStatusOf(index: number, options: ManifestOptions = {}, generation = 1, now = timestamp()) {
  const hex = index.toString(16).padStart(32, '0');
  const digits = String(index).padStart(12, '0');
  const outbound = options.outbound !== false;
  return {
    observedGeneration: generation,
    phase: 'Ready',
    conditions: conditionsOf(generation, now, 'Ready', [
      ['Ready', 'True', `Calls to ${phoneNumberOf(index)} reach LiveKit.`],
      ['Synced', 'True', 'Everything outside is as the spec says'],
      ['Stalled', 'False', ''],
      ['Corrupted', 'False', ''],
    ]),
    pinned: pinOf(index, options),
    routing: 'Attached',
    firstReadyTime: now,
    twilio: {
      phoneNumberSid: `PN${hex}`,
      trunkSid: `TK${hex}`,
      trunkDomainName: `t${hex.slice(-20)}.pstn.twilio.com`,
      originationUrlSids: [`OU${hex}`, `OU${hex}`],
      ...(outbound
        ? { credentialListSid: `CL${hex}`, credentialSid: `CR${hex}`, ipAccessControlListSid: `AL${hex}` }
        : {}),
    },
    livekit: {
      inboundTrunkId: `ST_${digits}`,
      ...(outbound ? { outboundTrunkId: `ST_${digits}` } : {}),
      dispatchRuleId: `SDR_${digits}`,
    },
    leftovers: [],
  };
}

/** What the first write of a deletion changes in the status. Deleting has raised the generation. */
export function deletingChange(generation: number, now = timestamp()) {
  const message = 'The number is being detached and everything behind it removed';
  return {
    observedGeneration: generation,
    phase: 'Deleting',
    conditions: conditionsOf(generation, now, 'Deleting', [
      ['Ready', 'False', message],
      ['Synced', 'False', message],
      ['Stalled', 'False', ''],
      ['Corrupted', 'False', ''],
    ]),
    deletion: { policy: 'Delete' },
  };
}

function pinOf(index: number, { account = accountOf(index) }: ManifestOptions) {
  return {
    account,
    accountSid: accountSidOf(account),
    livekitUrl: `https://${account}.livekit.example`,
    ownerId: 'bench',
    phoneNumber: phoneNumberOf(index),
  };
}

/** The Twilio account behind an account's name: 32 hex digits that follow from it. */
export function accountSidOf(account: string): string {
  return `AC${createHash('md5').update(account).digest('hex')}`;
}

type Finding = readonly [type: string, status: string, message: string];

function conditionsOf(observedGeneration: number, now: string, reason: string, findings: readonly Finding[]) {
  return findings.map(([type, status, message]) => ({
    type,
    status,
    reason,
    message,
    observedGeneration,
    lastTransitionTime: now,
  }));
}

function timestamp(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}
