import { describe, expect, test } from 'vitest';
import { markOf } from '../../../src/reconcilers/phone-number/mark.ts';
import { pickOurs } from '../../../src/reconcilers/phone-number/observe.ts';
import { idsOf } from '../../../src/reconcilers/phone-number/observed.ts';
import { desired, identity, inboundSet, nothing, outboundSet } from './fixtures.ts';

const ours = (id: string) => ({ id, name: markOf(identity, 'inbound') });
const taken = { id: 'ST_taken', name: markOf({ ...identity, uid: 'ffffffff' }, 'inbound') };
const theirs = { id: 'ST_theirs', name: 'Front desk' };

describe('pickOurs()', () => {
  const cases: readonly {
    name: string;
    why: string;
    objects: readonly { id: string; name: string }[];
    recorded?: string;
    inUse?: string;
    want: { kept?: string; duplicates?: readonly string[]; lost?: readonly [id: string, taken: boolean] };
  }[] = [
    { name: 'nothing is there', why: 'nothing to keep', objects: [], want: {} },
    { name: 'objects of others', why: 'they are not touched', objects: [taken, theirs], want: {} },
    { name: 'one of ours', why: 'its status was lost', objects: [theirs, ours('ST_1')], want: { kept: 'ST_1' } },
    {
      name: 'two of ours, one of them recorded',
      why: 'the status decides',
      objects: [ours('ST_1'), ours('ST_2')],
      recorded: 'ST_2',
      inUse: 'ST_1',
      want: { kept: 'ST_2', duplicates: ['ST_1'] },
    },
    {
      name: 'two of ours, one of them in use',
      why: 'calls go through it',
      objects: [ours('ST_1'), ours('ST_2')],
      inUse: 'ST_2',
      want: { kept: 'ST_2', duplicates: ['ST_1'] },
    },
    {
      name: 'three of ours',
      why: 'whoever looks keeps the same one',
      objects: [ours('ST_3'), ours('ST_1'), ours('ST_2')],
      want: { kept: 'ST_1', duplicates: ['ST_2', 'ST_3'] },
    },
    {
      name: 'the recorded one lost its mark',
      why: 'it is neither used nor forgotten',
      objects: [theirs],
      recorded: 'ST_theirs',
      want: { lost: ['ST_theirs', false] },
    },
    {
      name: 'the recorded one has the mark of another object',
      why: 'it was adopted',
      objects: [taken, ours('ST_1')],
      recorded: 'ST_taken',
      want: { kept: 'ST_1', lost: ['ST_taken', true] },
    },
  ];
  test.for(cases)('$name', ({ objects, recorded, inUse, want, why }) => {
    const { kept, duplicates, lost } = pickOurs('InboundTrunk', identity, objects, [recorded, inUse]);
    expect(kept?.id, why).toBe(want.kept);
    expect(duplicates, why).toEqual((want.duplicates ?? []).map((id) => ({ kind: 'InboundTrunk', id })));
    expect(
      lost.map(({ id, taken: isTaken }) => [id, isTaken]),
      why,
    ).toEqual(want.lost === undefined ? [] : [want.lost]);
  });
});

describe('idsOf()', () => {
  test.for([
    { name: 'only the number', observed: nothing, want: { phoneNumberSid: nothing.number?.sid } },
    {
      name: 'an outbound number, with the credential in force',
      observed: {
        ...outboundSet(desired({ outbound: { enabled: true, allowedCidrs: ['192.0.2.1'] } })),
        credentials: [
          { sid: 'CR0', username: 'old' },
          { sid: 'CR1', username: 'user' },
        ],
      },
      want: {
        phoneNumberSid: nothing.number?.sid,
        trunkSid: inboundSet().trunk?.sid,
        credentialListSid: 'CL1',
        credentialSid: 'CR1',
        ipAccessControlListSid: 'AL1',
        inboundTrunkId: 'ST_in',
        outboundTrunkId: 'ST_out',
        dispatchRuleId: 'SDR_1',
      },
    },
    {
      name: 'what lost its mark is still known',
      observed: { ...nothing, lostOwnership: [{ kind: 'DispatchRule' as const, id: 'SDR_x', taken: false }] },
      want: { phoneNumberSid: nothing.number?.sid, dispatchRuleId: 'SDR_x' },
    },
  ])('$name', ({ observed, want }) => {
    expect(idsOf(observed)).toEqual(want);
  });
});
