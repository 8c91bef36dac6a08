import { describe, expect, test } from 'vitest';
import { nextStep, type Step } from '../../../src/reconcilers/phone-number/decide.ts';
import type { DesiredSipTrunk } from '../../../src/reconcilers/phone-number/desired.ts';
import { markOf, trunkDomainOf } from '../../../src/reconcilers/phone-number/mark.ts';
import type { Observed } from '../../../src/reconcilers/phone-number/observed.ts';
import { desired, identity, inboundSet, nothing, outboundSet, present } from './fixtures.ts';

const openOutbound = desired({ outbound: { enabled: true } });
const fencedOutbound = desired({ outbound: { enabled: true, allowedCidrs: ['192.0.2.0/24'] } });
const [url] = desired().originationUrls;
const address = { ipAddress: '192.0.2.0', cidrPrefixLength: 24 };
const trunkSid = present(inboundSet().trunk).sid;

describe('nextStep()', () => {
  const cases: readonly {
    name: string;
    why: string;
    wanted?: DesiredSipTrunk;
    observed: Observed;
    mayAttach?: boolean;
    step: Step;
  }[] = [
    {
      name: 'begins with the trunk',
      why: 'its domain is the one unique key there is',
      observed: nothing,
      step: { kind: 'createTrunk', settings: desired().trunk },
    },
    {
      name: 'takes a suspended number off its trunk before anything else',
      why: 'calls are to stop, whatever else has changed or fails',
      wanted: desired({ transferMode: 'sip-only' }, { suspended: true }),
      observed: inboundSet(),
      step: { kind: 'detachNumber', trunkSid, phoneNumberSid: present(nothing.number).sid },
    },
    {
      name: 'does not attach a suspended number',
      why: 'that is what suspended means',
      wanted: desired({}, { suspended: true }),
      observed: { ...inboundSet(), number: nothing.number, numberReread: true, duplicatesChecked: true },
      step: { kind: 'converged' },
    },
    {
      name: 'changes the transfer mode in place',
      why: 'a new trunk would be another domain',
      wanted: desired({ transferMode: 'sip-only' }),
      observed: inboundSet(),
      step: { kind: 'updateTrunk', trunkSid, settings: desired({ transferMode: 'sip-only' }).trunk },
    },
    {
      name: 'tells the trunk where to send calls',
      why: 'a trunk without it drops them',
      observed: { ...inboundSet(), originationUrls: [] },
      step: { kind: 'createOriginationUrl', trunkSid, values: present(url) },
    },
    {
      name: 'removes one of two equal origination URLs',
      why: 'an earlier create was applied late',
      observed: {
        ...inboundSet(),
        originationUrls: ['OU1', 'OU2'].map((sid) => ({ sid, ...present(url) })),
      },
      step: { kind: 'deleteOriginationUrl', trunkSid, sid: 'OU2' },
    },
    {
      name: 'corrects an origination URL',
      why: 'somebody switched it off',
      observed: { ...inboundSet(), originationUrls: [{ sid: 'OU1', ...present(url), enabled: false }] },
      step: { kind: 'updateOriginationUrl', trunkSid, sid: 'OU1', values: present(url) },
    },
    {
      name: 'removes an origination URL of ours that the spec no longer names',
      why: 'calls would go on to the old place',
      observed: {
        ...inboundSet(),
        originationUrls: [
          ...inboundSet().originationUrls,
          { sid: 'OU9', ...present(url), friendlyName: markOf(identity, 'origination-1') },
        ],
      },
      step: { kind: 'deleteOriginationUrl', trunkSid, sid: 'OU9' },
    },
    {
      name: 'leaves an origination URL that people added',
      why: 'what is set in the console on our trunk stays',
      observed: {
        ...inboundSet(),
        originationUrls: [...inboundSet().originationUrls, { sid: 'OU9', ...present(url), friendlyName: 'by hand' }],
      },
      step: { kind: 'converged' },
    },
    {
      name: 'makes the inbound trunk before the rule',
      why: 'a rule without a trunk would be a wildcard',
      observed: { ...inboundSet(), inbound: undefined, rule: undefined },
      step: { kind: 'createInboundTrunk', values: desired().inbound },
    },
    {
      name: 'corrects the inbound trunk in place',
      why: 'a new one would be a second one for a moment',
      observed: { ...inboundSet(), inbound: { ...present(inboundSet().inbound), krispEnabled: true } },
      step: { kind: 'updateInboundTrunk', id: 'ST_in', values: desired().inbound },
    },
    {
      name: 'names the trunk in the rule',
      why: 'else it would take every call of the project',
      observed: { ...inboundSet(), rule: undefined },
      step: { kind: 'createDispatchRule', values: { ...desired().rule, trunkIds: ['ST_in'] } },
    },
    {
      name: 'corrects a rule that names another trunk',
      why: 'the inbound trunk was made anew',
      observed: { ...inboundSet(), rule: { ...present(inboundSet().rule), trunkIds: ['ST_old'] } },
      step: { kind: 'updateDispatchRule', id: 'SDR_1', values: { ...desired().rule, trunkIds: ['ST_in'] } },
    },
    {
      name: 'makes the credential list',
      why: 'outbound calls need a secret',
      wanted: openOutbound,
      observed: inboundSet(),
      step: { kind: 'createCredentialList', friendlyName: markOf(identity, 'credentials') },
    },
    {
      name: 'attaches the credential list before there is anything in it',
      why: 'a trunk without a list takes calls from nobody',
      wanted: openOutbound,
      observed: { ...outboundSet(openOutbound), attachedCredentialLists: [] },
      step: { kind: 'attachCredentialList', trunkSid, listSid: 'CL1' },
    },
    {
      name: 'fills the list of addresses before it attaches it',
      why: 'an attached empty list would let nobody in',
      wanted: fencedOutbound,
      observed: { ...outboundSet(fencedOutbound), ipAddresses: [], attachedIpAccessControlLists: [] },
      step: { kind: 'createIpAddress', listSid: 'AL1', address },
    },
    {
      name: 'removes an address that is no longer allowed',
      why: 'it could still call out',
      wanted: fencedOutbound,
      observed: {
        ...outboundSet(fencedOutbound),
        ipAddresses: [
          ...outboundSet(fencedOutbound).ipAddresses,
          { sid: 'IP9', friendlyName: 'x', ipAddress: '203.0.113.1', cidrPrefixLength: 32 },
        ],
      },
      step: { kind: 'deleteIpAddress', listSid: 'AL1', sid: 'IP9' },
    },
    {
      name: 'attaches the list of addresses',
      why: 'else it fences nothing',
      wanted: fencedOutbound,
      observed: { ...outboundSet(fencedOutbound), attachedIpAccessControlLists: [] },
      step: { kind: 'attachIpAccessControlList', trunkSid, listSid: 'AL1' },
    },
    {
      name: 'removes the list of addresses when every address may call',
      why: 'an empty list that stays attached would let nobody in',
      wanted: openOutbound,
      observed: outboundSet(fencedOutbound),
      step: { kind: 'removeIpAccessControlList' },
    },
    {
      name: 'makes credential and outbound trunk in one step',
      why: 'the password is known only within it',
      wanted: openOutbound,
      observed: { ...outboundSet(openOutbound), credentials: [], outbound: undefined },
      step: {
        kind: 'renewCredential',
        listSid: 'CL1',
        address: trunkDomainOf(identity, 0),
        encrypted: false,
        outboundId: undefined,
        usernamePrefix: undefined,
      },
    },
    {
      name: 'renews a credential that Twilio does not know',
      why: 'its password cannot be found out',
      wanted: openOutbound,
      observed: { ...outboundSet(openOutbound), credentials: [{ sid: 'CR1', username: 'another' }] },
      step: {
        kind: 'renewCredential',
        listSid: 'CL1',
        address: trunkDomainOf(identity, 0),
        encrypted: false,
        outboundId: 'ST_out',
        usernamePrefix: undefined,
      },
    },
    {
      name: 'renews a credential that was made for another token',
      why: 'somebody asked for a new one, and the user name says which one this is',
      wanted: { ...openOutbound, outbound: { ...present(openOutbound.outbound), usernamePrefix: 'r2' } },
      observed: {
        ...outboundSet(openOutbound),
        credentials: [{ sid: 'CR1', username: 'r1user' }],
        outbound: { ...present(outboundSet(openOutbound).outbound), authUsername: 'r1user' },
      },
      step: {
        kind: 'renewCredential',
        listSid: 'CL1',
        address: trunkDomainOf(identity, 0),
        encrypted: false,
        outboundId: 'ST_out',
        usernamePrefix: 'r2',
      },
    },
    {
      name: 'keeps a credential that was made for the present token',
      why: 'a rotation that was interrupted is not done twice',
      wanted: { ...openOutbound, outbound: { ...present(openOutbound.outbound), usernamePrefix: 'r2' } },
      observed: {
        ...outboundSet(openOutbound),
        credentials: [{ sid: 'CR1', username: 'r2user' }],
        outbound: { ...present(outboundSet(openOutbound).outbound), authUsername: 'r2user' },
      },
      step: { kind: 'converged' },
    },
    {
      name: 'follows the trunk to a new domain',
      why: 'the old address leads nowhere',
      wanted: openOutbound,
      observed: {
        ...outboundSet(openOutbound),
        outbound: { ...present(outboundSet(openOutbound).outbound), address: 'old.pstn.twilio.com' },
      },
      step: {
        kind: 'renewCredential',
        listSid: 'CL1',
        address: trunkDomainOf(identity, 0),
        encrypted: false,
        outboundId: 'ST_out',
        usernamePrefix: undefined,
      },
    },
    {
      name: 'removes credentials that are not in force',
      why: 'somebody may know their password',
      wanted: openOutbound,
      observed: {
        ...outboundSet(openOutbound),
        credentials: [
          { sid: 'CR0', username: 'old' },
          { sid: 'CR1', username: 'user' },
        ],
      },
      step: { kind: 'deleteCredential', listSid: 'CL1', sid: 'CR0' },
    },
    {
      name: 'takes the outbound branch down when it is not wanted',
      why: 'a forgotten credential is toll fraud',
      observed: outboundSet(openOutbound),
      step: { kind: 'removeOutbound' },
    },
    {
      name: 'takes it down, too, when only one piece is left',
      why: 'an earlier attempt was interrupted',
      observed: { ...inboundSet(), outbound: outboundSet(openOutbound).outbound },
      step: { kind: 'removeOutbound' },
    },
    {
      name: 'removes duplicates before the number is attached',
      why: 'with two inbound trunks every call fails',
      observed: { ...inboundSet(), duplicates: [{ kind: 'InboundTrunk', id: 'ST_x' }] },
      step: { kind: 'deleteDuplicate', duplicate: { kind: 'InboundTrunk', id: 'ST_x' } },
    },
    {
      name: 'looks for duplicates once everything is there',
      why: 'LiveKit takes a second one without a word',
      observed: { ...inboundSet(), duplicatesChecked: false },
      step: { kind: 'checkDuplicates' },
    },
    {
      name: 'reads the number again before it attaches it',
      why: 'somebody may have routed it meanwhile',
      observed: { ...inboundSet(), number: nothing.number, numberReread: false },
      step: { kind: 'rereadNumber' },
    },
    {
      name: 'attaches the number last',
      why: 'it rings from then on',
      observed: { ...inboundSet(), number: nothing.number },
      step: { kind: 'attachNumber', trunkSid, phoneNumberSid: present(nothing.number).sid },
    },
    {
      name: 'does not attach a number that was attached before',
      why: 'somebody took it off on purpose',
      observed: { ...inboundSet(), number: nothing.number },
      mayAttach: false,
      step: { kind: 'converged' },
    },
    {
      name: 'does not attach a number that is on another trunk by now',
      why: 'attaching would take it away from there',
      observed: { ...inboundSet(), number: { ...present(nothing.number), trunkSid: 'TKother' } },
      step: { kind: 'converged' },
    },
    {
      name: 'does not attach while somebody else holds the number at LiveKit',
      why: 'every call would fail',
      observed: {
        ...inboundSet(),
        number: nothing.number,
        foreignInbound: [{ ...present(inboundSet().inbound), id: 'ST_x', name: 'theirs' }],
      },
      step: { kind: 'converged' },
    },
    {
      name: 'has nothing to do when all is there',
      why: 'quiet at rest',
      wanted: fencedOutbound,
      observed: outboundSet(fencedOutbound),
      step: { kind: 'converged' },
    },
  ];
  test.for(cases)('$name', ({ wanted = desired(), observed, mayAttach = true, step, why }) => {
    expect(nextStep(wanted, observed, { mayAttach, restores: false, record: {} }), why).toEqual(step);
  });
});
