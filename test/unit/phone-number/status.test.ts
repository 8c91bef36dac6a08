import { describe, expect, test } from 'vitest';
import { leftoversOfIds } from '../../../src/reconcilers/phone-number/leftovers.ts';
import type { PhoneNumber, PhoneNumberStatus } from '../../../src/reconcilers/phone-number/model.ts';
import {
  corruptedStatus,
  deletingStatus,
  deletionBegunStatus,
  isReady,
  progressStatus,
  provisioningStatus,
  readyStatus,
  retriedStatus,
  type Trouble,
  troubledStatus,
} from '../../../src/reconcilers/phone-number/status.ts';
import { identity, inboundSet, phoneNumber, present } from './fixtures.ts';

const now = '2026-03-01T00:00:00Z';
const { uid: _uid, ...pin } = identity;
const fresh = phoneNumber();
const ready = phoneNumber(
  {
    phase: 'Ready',
    conditions: [condition('Ready', 'True', 'Ready'), condition('Synced', 'True', 'Ready')],
    firstReadyTime: 'then',
  },
  { annotations: { 'telephony.trunkline.dev/reconcile': '5' } },
);
const failing = phoneNumber({ phase: 'Provisioning', conditions: [condition('Synced', 'False', 'ProviderError')] });

function condition(type: string, status: string, reason: string) {
  return { type, status, reason, message: '', observedGeneration: 3, lastTransitionTime: 'then' };
}

/** Phase, and each condition with its reason. */
function summary({ phase, conditions }: PhoneNumberStatus): readonly string[] {
  return [phase, ...conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`)];
}

const trouble: Trouble = { reason: 'NumberNotFound', message: 'not there', stalled: false };
const stuckUpdate: Trouble = { reason: 'ProviderError', message: 'no answer', stalled: false, callsGoOn: true };
const stalled: Trouble = { reason: 'NumberUnusable', message: 'hosted', stalled: true };
const leftovers = leftoversOfIds(identity, { trunkSid: 'TK1' }, 'CleanupFailed', 'no');
const deleting = phoneNumber(
  {
    phase: 'Deleting',
    deletion: { policy: 'Delete', firstFailureTime: '2026-02-01T00:00:00Z', lastHandledRetry: 'old' },
  },
  { annotations: { 'telephony.trunkline.dev/retry-delete': 'here' } },
);

describe('phase and conditions', () => {
  const cases: readonly { name: string; why: string; status: PhoneNumberStatus; want: readonly string[] }[] = [
    {
      name: 'all is there',
      why: 'calls reach LiveKit',
      status: readyStatus(fresh, pin, inboundSet(), { isSettled: true, outboundIsOpen: false, webhooks: {} }, now),
      want: ['Ready', 'Ready True Ready', 'Synced True Ready', 'Stalled False Ready', 'Corrupted False Ready'],
    },
    {
      name: 'it takes a while at first',
      why: 'no call reaches LiveKit yet',
      status: provisioningStatus(fresh, pin, {}, 'Preparing', now),
      want: [
        'Provisioning',
        'Ready False Provisioning',
        'Synced False Provisioning',
        'Stalled False Provisioning',
        'Corrupted False Provisioning',
      ],
    },
    {
      name: 'an update takes a while',
      why: 'calls go on meanwhile',
      status: provisioningStatus(ready, pin, {}, 'Preparing', now),
      want: [
        'Ready',
        'Synced False Provisioning',
        'Stalled False Provisioning',
        'Corrupted False Provisioning',
        'Ready True Ready',
      ],
    },
    {
      name: 'a failure that is tried again takes a while',
      why: 'it stays told, else each try would be two writes',
      status: progressStatus(failing, pin, {}, 'Preparing', now),
      want: ['Provisioning', 'Synced False ProviderError'],
    },
    {
      name: 'the spec was edited after such a failure',
      why: 'that was about another spec',
      status: progressStatus({ ...failing, generation: 4 }, pin, {}, 'Preparing', now),
      want: [
        'Provisioning',
        'Ready False Provisioning',
        'Synced False Provisioning',
        'Stalled False Provisioning',
        'Corrupted False Provisioning',
      ],
    },
    {
      name: 'something refuses',
      why: 'it is looked at again by itself',
      status: troubledStatus(fresh, undefined, {}, trouble, now),
      want: [
        'Failed',
        'Ready False NumberNotFound',
        'Synced False NumberNotFound',
        'Stalled False NumberNotFound',
        'Corrupted False NumberNotFound',
      ],
    },
    {
      name: 'only a person can help',
      why: 'kstatus shows it',
      status: troubledStatus(fresh, undefined, {}, stalled, now),
      want: [
        'Failed',
        'Ready False NumberUnusable',
        'Synced False NumberUnusable',
        'Stalled True NumberUnusable',
        'Corrupted False NumberUnusable',
      ],
    },
    {
      name: 'an update is stuck',
      why: 'the calls are not',
      status: troubledStatus(ready, pin, {}, stuckUpdate, now),
      want: [
        'Ready',
        'Synced False ProviderError',
        'Stalled False ProviderError',
        'Corrupted False ProviderError',
        'Ready True Ready',
      ],
    },
    {
      name: 'a creation is stuck',
      why: 'it goes on by itself',
      status: troubledStatus(fresh, pin, {}, stuckUpdate, now),
      want: [
        'Provisioning',
        'Ready False ProviderError',
        'Synced False ProviderError',
        'Stalled False ProviderError',
        'Corrupted False ProviderError',
      ],
    },
    {
      name: 'a deletion begins',
      why: 'no call counts any more',
      status: deletionBegunStatus(ready, pin, 'Delete', now),
      want: [
        'Deleting',
        'Ready False Deleting',
        'Synced False Deleting',
        'Stalled False Deleting',
        'Corrupted False Deleting',
      ],
    },
    {
      name: 'taking apart failed',
      why: 'only a person can help',
      status: corruptedStatus(deleting, { ids: {} }, 'CleanupFailed', leftovers, now),
      want: [
        'Corrupted',
        'Ready False CleanupFailed',
        'Synced False CleanupFailed',
        'Stalled True CleanupFailed',
        'Corrupted True CleanupFailed',
      ],
    },
    {
      name: 'it is tried again',
      why: 'it is Corrupted no more',
      status: retriedStatus(deleting, '1', now),
      want: [
        'Deleting',
        'Ready False Deleting',
        'Synced False Deleting',
        'Stalled False Deleting',
        'Corrupted False Deleting',
      ],
    },
  ];
  test.for(cases)('$name', ({ status, want, why }) => {
    expect(summary(status), why).toEqual(want);
  });
});

describe('the other fields', () => {
  test('Ready records everything, and that the token was handled', () => {
    expect(
      readyStatus(ready, pin, inboundSet(), { isSettled: true, outboundIsOpen: false, webhooks: {} }, now),
    ).toMatchObject({
      pinned: pin,
      routing: 'Attached',
      firstReadyTime: 'then',
      lastHandledReconcile: '5',
      ids: { trunkSid: present(inboundSet().trunk).sid, inboundTrunkId: 'ST_in', dispatchRuleId: 'SDR_1' },
      originationUrlSids: ['OU0'],
      leftovers: [],
      deletion: undefined,
    });
    expect(
      readyStatus(fresh, pin, inboundSet(), { isSettled: true, outboundIsOpen: false, webhooks: {} }, now)
        .firstReadyTime,
    ).toBe(now);
  });

  test('Ready says when outbound calls are open to the internet', () => {
    const messageOf = (outboundIsOpen: boolean) =>
      readyStatus(fresh, pin, inboundSet(), { isSettled: true, outboundIsOpen, webhooks: {} }, now).conditions[0]
        ?.message;
    expect(messageOf(true)).toContain('OutboundOpenToInternet');
    expect(messageOf(false)).not.toContain('OutboundOpenToInternet');
  });

  test('a token is handled only where it was looked at', () => {
    const handled = (handlesToken: boolean) =>
      troubledStatus(ready, pin, {}, { ...trouble, handlesToken }, now).lastHandledReconcile;
    expect([handled(true), handled(false)]).toEqual(['5', undefined]);
  });

  const deletion = (status: PhoneNumberStatus) => status.deletion;
  test.for<{ name: string; status: PhoneNumberStatus; want: object }>([
    {
      name: 'the beginning pins the policy and begins to count',
      status: deletionBegunStatus(deleting, pin, 'Orphan', now),
      want: { policy: 'Orphan', firstFailureTime: undefined, drainingSince: undefined, lastHandledRetry: 'old' },
    },
    {
      name: 'a retry begins to count anew',
      status: retriedStatus(deleting, 'new', now),
      want: { policy: 'Delete', firstFailureTime: undefined, drainingSince: undefined, lastHandledRetry: 'new' },
    },
    {
      name: 'Corrupted takes the token that is there for handled',
      status: corruptedStatus(deleting, { ids: {} }, 'CleanupFailed', leftovers, now),
      want: { policy: 'Delete', firstFailureTime: '2026-02-01T00:00:00Z', lastHandledRetry: 'here' },
    },
    {
      name: 'going on keeps what is pinned',
      status: deletingStatus(
        deleting,
        { ids: {} },
        'RemovalFailed',
        'x',
        { firstFailureTime: '2026-02-02T00:00:00Z', drainingSince: undefined },
        now,
      ),
      want: {
        policy: 'Delete',
        firstFailureTime: '2026-02-02T00:00:00Z',
        drainingSince: undefined,
        lastHandledRetry: 'old',
      },
    },
  ])('of a deletion: $name', ({ status, want }) => {
    // Strictly: what is named without a value is removed, what is not named would stay.
    expect(deletion(status)).toStrictEqual(want);
  });
});

describe('the message of a Corrupted object', () => {
  const messageOf = (object: PhoneNumber, reason: 'CleanupFailed' | 'UnknownDeletionPolicy', ids: object) =>
    corruptedStatus(object, { ids: {} }, reason, leftoversOfIds(identity, ids, reason, 'no'), now).conditions.find(
      ({ type }) => type === 'Corrupted',
    )?.message;

  test('says first when calls may still arrive', () => {
    expect(messageOf(deleting, 'CleanupFailed', { phoneNumberSid: 'PN1' })).toMatch(/^CALLS MAY STILL ARRIVE/);
    expect(messageOf(deleting, 'CleanupFailed', { trunkSid: 'TK1' })).toMatch(/^Left behind: Trunk TK1/);
  });

  test('names the policy that nobody knows', () => {
    const object = phoneNumber({ phase: 'Deleting', deletion: { policy: 'Recycle' } });
    expect(messageOf(object, 'UnknownDeletionPolicy', {})).toContain('"Recycle" is not known');
  });
});

test('isReady() goes by the condition', () => {
  expect([isReady(ready), isReady(fresh)]).toEqual([true, false]);
});
