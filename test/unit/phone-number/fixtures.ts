/**
 * Fixtures: one identity, and everything that exists for it when all is well.
 */
import { type DesiredSipTrunk, desiredOf } from '../../../src/reconcilers/phone-number/desired.ts';
import { markOf, trunkDomainOf } from '../../../src/reconcilers/phone-number/mark.ts';
import type { Identity, PhoneNumber } from '../../../src/reconcilers/phone-number/model.ts';
import { nothingObserved, type Observed } from '../../../src/reconcilers/phone-number/observed.ts';
import { parsePhoneNumber } from '../../../src/reconcilers/phone-number/schema.ts';
import { parseSpec } from '../../../src/reconcilers/phone-number/spec-schema.ts';
import { unrouted } from '../../support/unrouted-number.ts';
import type { OpenAccount } from '../../../src/reconcilers/shared/accounts.ts';

export const identity: Identity = {
  account: 'default',
  accountSid: `AC${'a'.repeat(32)}`,
  livekitUrl: 'https://livekit.example.com',
  ownerId: 'owner',
  phoneNumber: '+447446466847',
  uid: '12345678-90ab-4cde-8f01-234567890abc',
};

export const account = {
  kind: 'open',
  ...identity,
  sipHost: 'sip.example.com',
  paused: false,
} as unknown as OpenAccount;

export function desired(sipTrunk: object = {}, more: object = {}): DesiredSipTrunk {
  const parsed = parseSpec({ phoneNumber: identity.phoneNumber, voice: { sipTrunk }, ...more });
  if (parsed.kind === 'invalid') throw new Error(parsed.problems.join());
  const wanted = desiredOf(parsed.spec, identity, 'sip.example.com');
  if (wanted.voice === 'webhook') throw new Error('The fixture is about trunks');
  return wanted;
}

/** Nothing is there but the number. */
export const nothing: Observed = {
  ...nothingObserved,
  number: {
    sid: `PN${'1'.repeat(32)}`,
    phoneNumber: identity.phoneNumber,
    trunkSid: '',
    ...unrouted,
    voiceCapable: true,
    smsCapable: true,
    hosted: false,
  },
};

/** Everything of an inbound number, attached. */
export function inboundSet(wanted: DesiredSipTrunk = desired()): Observed {
  const trunkSid = `TK${'2'.repeat(32)}`;
  return {
    ...nothing,
    number: { ...present(nothing.number), trunkSid },
    trunkCount: 1,
    trunk: {
      sid: trunkSid,
      accountSid: identity.accountSid,
      friendlyName: markOf(identity, 'trunk'),
      domainName: trunkDomainOf(identity, 0),
      ...wanted.trunk,
      disasterRecoveryUrl: wanted.trunk.disasterRecoveryUrl ?? '',
    },
    originationUrls: wanted.originationUrls.map((values, index) => ({ sid: `OU${index}`, ...values })),
    inbound: { id: 'ST_in', ...wanted.inbound },
    rule: { id: 'SDR_1', ...wanted.rule, trunkIds: ['ST_in'] },
    numberReread: true,
    duplicatesChecked: true,
  };
}

/** Everything of a number with outbound calls, attached. */
export function outboundSet(wanted: DesiredSipTrunk): Observed {
  const credentialList = { sid: 'CL1', friendlyName: markOf(identity, 'credentials') };
  const ipAccessControlList = { sid: 'AL1', friendlyName: markOf(identity, 'acl') };
  const addresses = wanted.outbound?.addresses ?? [];
  return {
    ...inboundSet(wanted),
    credentialList,
    attachedCredentialLists: [credentialList],
    credentials: [{ sid: 'CR1', username: 'user' }],
    ...(addresses.length > 0 && { ipAccessControlList, attachedIpAccessControlLists: [ipAccessControlList] }),
    ipAddresses: addresses.map((address, index) => ({ sid: `IP${index}`, friendlyName: 'x', ...address })),
    outbound: {
      id: 'ST_out',
      name: markOf(identity, 'outbound'),
      numbers: [identity.phoneNumber],
      address: trunkDomainOf(identity, 0),
      authUsername: 'user',
      encrypted: wanted.outbound?.encrypted ?? false,
    },
  };
}

export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('The fixture lacks it');
  return value;
}

/** A PhoneNumber with this status; `metadata` overrides. */
export function phoneNumber(status: object = {}, metadata: object = {}): PhoneNumber {
  return parsePhoneNumber({
    metadata: {
      name: 'reception',
      namespace: 'default',
      uid: identity.uid,
      resourceVersion: '7',
      generation: 3,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
    },
    spec: { phoneNumber: identity.phoneNumber, voice: { sipTrunk: {} } },
    status,
  });
}
