/**
 * The steps of `decide.ts` walked from any start: they end, in the right place, and make nothing twice.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextStep, type Step } from '../../../src/reconcilers/phone-number/decide.ts';
import type { DesiredSipTrunk } from '../../../src/reconcilers/phone-number/desired.ts';
import type { Observed } from '../../../src/reconcilers/phone-number/observed.ts';
import { desired, nothing, outboundSet, present } from './fixtures.ts';

const openOutbound = desired({ outbound: { enabled: true } });
const fencedOutbound = desired({ outbound: { enabled: true, allowedCidrs: ['192.0.2.0/24'] } });

/** What is observed after a step, if nobody interferes. */
function applied(step: Step, wanted: DesiredSipTrunk, observed: Observed): Observed {
  const full = outboundSet(wanted);
  switch (step.kind) {
    case 'adopt':
      return { ...observed, adoptions: observed.adoptions.filter(({ id }) => id !== step.adoption.id) };
    case 'createTrunk':
      return {
        ...observed,
        trunk: full.trunk,
        originationUrls: [],
        attachedCredentialLists: [],
        attachedIpAccessControlLists: [],
      };
    case 'updateTrunk':
      return { ...observed, trunk: full.trunk };
    case 'createOriginationUrl':
    case 'updateOriginationUrl': {
      const others = observed.originationUrls.filter(({ friendlyName }) => friendlyName !== step.values.friendlyName);
      return { ...observed, originationUrls: [...others, { sid: `OU-${step.values.friendlyName}`, ...step.values }] };
    }
    case 'deleteOriginationUrl':
      return { ...observed, originationUrls: observed.originationUrls.filter(({ sid }) => sid !== step.sid) };
    case 'createInboundTrunk':
    case 'updateInboundTrunk':
      return { ...observed, inbound: { id: observed.inbound?.id ?? 'ST_new', ...step.values } };
    case 'createDispatchRule':
    case 'updateDispatchRule':
      return { ...observed, rule: { id: 'SDR_1', ...step.values } };
    case 'createCredentialList':
      return { ...observed, credentialList: full.credentialList, credentials: [], attachedCredentialLists: [] };
    case 'attachCredentialList':
      return { ...observed, attachedCredentialLists: full.attachedCredentialLists };
    case 'createIpAccessControlList':
      return {
        ...observed,
        ipAccessControlList: full.ipAccessControlList,
        ipAddresses: [],
        attachedIpAccessControlLists: [],
      };
    case 'createIpAddress':
      return {
        ...observed,
        ipAddresses: [
          ...observed.ipAddresses,
          { sid: `IP${step.address.ipAddress}`, friendlyName: '', ...step.address },
        ],
      };
    case 'deleteIpAddress':
      return { ...observed, ipAddresses: observed.ipAddresses.filter(({ sid }) => sid !== step.sid) };
    case 'attachIpAccessControlList':
      return { ...observed, attachedIpAccessControlLists: full.attachedIpAccessControlLists };
    case 'renewCredential':
      return {
        ...observed,
        credentials: [...observed.credentials, { sid: 'CRnew', username: 'new' }],
        outbound: { ...present(full.outbound), address: step.address, authUsername: 'new', encrypted: step.encrypted },
      };
    case 'updateOutboundTrunk':
      return { ...observed, outbound: { ...present(observed.outbound), encrypted: step.encrypted } };
    case 'deleteCredential':
      return { ...observed, credentials: observed.credentials.filter(({ sid }) => sid !== step.sid) };
    case 'removeOutbound':
      return { ...observed, ...withoutAddresses, outbound: undefined, credentials: [], credentialList: undefined };
    case 'removeIpAccessControlList':
      return { ...observed, ...withoutAddresses };
    case 'deleteDuplicate':
      return { ...observed, duplicates: observed.duplicates.filter(({ id }) => id !== step.duplicate.id) };
    case 'checkDuplicates':
      return { ...observed, duplicatesChecked: true };
    case 'rereadNumber':
      return { ...observed, numberReread: true };
    case 'attachNumber':
      return { ...observed, number: { ...present(observed.number), trunkSid: step.trunkSid } };
    case 'detachNumber':
      return { ...observed, number: nothing.number, numberReread: false };
    case 'updateNumber':
      return { ...observed, number: { ...present(observed.number), ...step.change } };
    case 'converged':
      return observed;
  }
}
/** Twilio never encrypts what LiveKit does not take, and LiveKit never asks of Twilio what it does not do. */
function expectNoInsistence(wanted: DesiredSipTrunk, observed: Observed, step: Step): void {
  if (step.kind === 'updateTrunk' && observed.inbound !== undefined) {
    expect(observed.inbound.acceptsEncryption, 'LiveKit takes it before Twilio does it').toBe(wanted.trunk.secure);
  }
  if (step.kind === 'updateOutboundTrunk') expect(observed.trunk?.secure, 'Twilio does it').toBe(true);
}

const withoutAddresses = { ipAccessControlList: undefined, ipAddresses: [], attachedIpAccessControlLists: [] } as const;

describe('the steps from any start', () => {
  const specs = [
    desired(),
    openOutbound,
    fencedOutbound,
    desired({ originationUris: ['sip:a.example.com', 'sip:b.example.com'], transferMode: 'enable-all' }),
    desired({
      outbound: { enabled: true, allowedCidrs: ['192.0.2.0/24', '203.0.113.9'] },
      inbound: { krispEnabled: true },
    }),
    desired({}, { suspended: true }),
    desired({ secure: true, disasterRecoveryUrl: 'https://example.com' }),
    desired({ secure: true, outbound: { enabled: true } }),
  ];
  /** Any part may be missing, and anything may be as another spec wanted it. */
  const start = fc
    .record({
      from: fc.constantFrom(...specs),
      missing: fc.subarray(['trunk', 'inbound', 'rule', 'outbound', 'credentialList', 'ipAccessControlList'] as const),
      emptied: fc.subarray([
        'originationUrls',
        'attachedCredentialLists',
        'attachedIpAccessControlLists',
        'credentials',
        'ipAddresses',
      ] as const),
      isAttached: fc.boolean(),
      duplicates: fc.subarray([
        { kind: 'InboundTrunk', id: 'ST_x' },
        { kind: 'Trunk', id: 'TKx' },
      ] as const),
    })
    .map(({ from, missing, emptied, isAttached, duplicates }): Observed => {
      const observed: Observed = {
        ...outboundSet(from),
        ...Object.fromEntries(missing.map((part) => [part, undefined])),
        ...Object.fromEntries(emptied.map((part) => [part, []])),
        duplicates,
        duplicatesChecked: false,
        numberReread: false,
      };
      // What hangs on something that is not there is not there either.
      const hasTrunk = observed.trunk !== undefined;
      return {
        ...observed,
        number: isAttached && hasTrunk ? observed.number : nothing.number,
        originationUrls: hasTrunk ? observed.originationUrls : [],
        attachedCredentialLists: hasTrunk && observed.credentialList ? observed.attachedCredentialLists : [],
        attachedIpAccessControlLists:
          hasTrunk && observed.ipAccessControlList ? observed.attachedIpAccessControlLists : [],
        credentials: observed.credentialList ? observed.credentials : [],
        ipAddresses: observed.ipAccessControlList ? observed.ipAddresses : [],
      };
    });

  test('end in what is wanted, make nothing twice, and attach the number last', () => {
    fc.assert(
      fc.property(fc.constantFrom(...specs), start, (wanted, from) => {
        let observed = from;
        const steps: string[] = [];
        for (;;) {
          const step = nextStep(wanted, observed, { mayAttach: true, restores: false, record: {} });
          if (step.kind === 'converged') break;
          if (step.kind === 'attachNumber') {
            const { inbound, rule, originationUrls } = observed;
            expect([inbound, rule, originationUrls[0]], 'what answers the call is there').not.toContain(undefined);
          }
          steps.push(step.kind);
          if (wanted.trunk.secure) expectNoInsistence(wanted, observed, step);
          expect(steps.length, steps.join(', ')).toBeLessThan(40);
          observed = applied(step, wanted, observed);
        }
        const roles = [
          'createTrunk',
          'createInboundTrunk',
          'createDispatchRule',
          'createCredentialList',
          'createIpAccessControlList',
          'attachNumber',
          'detachNumber',
          'renewCredential',
        ];
        for (const role of roles) expect(steps.filter((kind) => kind === role).length, role).toBeLessThanOrEqual(1);
        expect(observed.number?.trunkSid).toBe(wanted.suspended ? '' : observed.trunk?.sid);
        expect(observed.duplicates).toEqual([]);
        expect(observed.outbound === undefined).toBe(wanted.outbound === undefined);
        expect(observed.credentials.length).toBe(wanted.outbound === undefined ? 0 : 1);
        expect(observed.ipAddresses.length).toBe(wanted.outbound?.addresses.length ?? 0);
      }),
    );
  }, 30_000);
});
