/**
 * The fleet in figures: what is counted of which objects, and since when.
 */
import { describe, expect, test } from 'vitest';
import { type Fleet, fleetOf } from '../../../../src/controller/telemetry/fleet.ts';
import { kubernetesObject } from '../../../support/kubernetes-objects.ts';

const words = { phases: ['Pending', 'Suspended', 'Corrupted'], risks: ['Billing'], finalizer: 'ours' };
const nothing = {
  phases: { Pending: 0, Suspended: 0, Corrupted: 0, Unknown: 0 },
  leftovers: { Billing: 0, Unknown: 0 },
  corruptedSince: undefined,
  deletingSince: undefined,
  creatingSince: undefined,
};
const [monday, tuesday, wednesday] = ['2026-01-05T00:00:00Z', '2026-01-06T00:00:00Z', '2026-01-07T00:00:00Z'] as const;

type Metadata = Parameters<typeof kubernetesObject>[2];

function object(status: unknown, metadata: Metadata = {}) {
  return { ...kubernetesObject('one', 1, metadata), status };
}

function corrupted(since: string, status = 'True') {
  return { phase: 'Corrupted', conditions: [{ type: 'Corrupted', status, lastTransitionTime: since }] };
}

function plain({ leftovers, phases, ...rest }: Fleet) {
  return { ...rest, phases: Object.fromEntries(phases), leftovers: Object.fromEntries(leftovers) };
}

describe('fleetOf()', () => {
  test.for([
    { name: 'nothing is zero for every word', why: 'rates and alerts need a series', objects: [], want: nothing },
    {
      name: 'each object counts in its phase',
      why: 'the base',
      objects: [object({ phase: 'Pending' }), object({ phase: 'Pending' }), object({ phase: 'Corrupted' })],
      want: { ...nothing, phases: { ...nothing.phases, Pending: 2, Corrupted: 1 } },
    },
    {
      name: 'a phase of a newer operator, an unreadable status and none at all are unknown',
      why: 'a label must not take any text',
      objects: [object({ phase: 'Melted' }), object({ phase: 7 }), object('text'), object(undefined)],
      want: { ...nothing, phases: { ...nothing.phases, Unknown: 4 } },
    },
    {
      name: 'leftovers count by risk, over all objects',
      why: 'the alert names the risk',
      objects: [
        object({ phase: 'Pending', leftovers: [{ risk: 'Billing' }, { risk: 'Boredom' }] }),
        object({ phase: 'Pending', leftovers: [{ risk: 'Billing' }, 'text'] }),
        object({ phase: 'Pending', leftovers: 'text' }),
      ],
      want: { ...nothing, phases: { ...nothing.phases, Pending: 3 }, leftovers: { Billing: 2, Unknown: 2 } },
    },
    {
      name: 'the oldest corruption counts, and a condition that is not true does not',
      why: 'that one waits longest',
      objects: [object(corrupted(tuesday)), object(corrupted(wednesday)), object(corrupted(monday, 'False'))],
      want: {
        ...nothing,
        phases: { ...nothing.phases, Corrupted: 3 },
        corruptedSince: Date.parse(tuesday),
      },
    },
    {
      name: 'the oldest deletion that we hold up counts, without corrupted ones',
      why: 'corrupted ones have an alert of their own, and finalizers of others are not our business',
      objects: [
        object({ phase: 'Pending' }, { deletionTimestamp: wednesday, finalizers: ['ours'] }),
        object({ phase: 'Pending' }, { deletionTimestamp: tuesday, finalizers: ['theirs', 'ours'] }),
        object({ phase: 'Pending' }, { deletionTimestamp: monday, finalizers: ['theirs'] }),
        object(corrupted(tuesday), { deletionTimestamp: monday, finalizers: ['ours'] }),
      ],
      want: {
        ...nothing,
        phases: { ...nothing.phases, Pending: 3, Corrupted: 1 },
        deletingSince: Date.parse(tuesday),
        corruptedSince: Date.parse(tuesday),
      },
    },
    {
      name: 'the oldest create that has begun and never ended counts',
      why: 'there may be something outside that carries no calls',
      objects: [
        object({ phase: 'Pending' }, { creationTimestamp: wednesday, finalizers: ['ours'] }),
        object({ phase: 'Pending' }, { creationTimestamp: tuesday }),
        object({ phase: 'Pending', firstReadyTime: monday }, { creationTimestamp: monday, finalizers: ['ours'] }),
      ],
      want: { ...nothing, phases: { ...nothing.phases, Pending: 3 }, creatingSince: Date.parse(wednesday) },
    },
    {
      name: 'a number that is kept off its trunk is no create that hangs',
      why: 'it was suspended from the start, and an alert would say so for ever',
      objects: [object({ phase: 'Suspended' }, { creationTimestamp: monday, finalizers: ['ours'] })],
      want: { ...nothing, phases: { ...nothing.phases, Suspended: 1 } },
    },
  ])('$name', ({ objects, want, why }) => {
    expect(plain(fleetOf(objects, words)), why).toEqual(want);
  });
});
