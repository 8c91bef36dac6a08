import { describe, expect, test } from 'vitest';
import { finalizer } from '../../../src/reconcilers/phone-number/names.ts';
import type { PhoneNumber } from '../../../src/reconcilers/phone-number/model.ts';
import { isBarred, rivalTrouble } from '../../../src/reconcilers/phone-number/rivals.ts';
import { phoneNumber } from './fixtures.ts';

const self = phoneNumber({}, { name: 'self', creationTimestamp: '2026-01-02T00:00:00Z' });
const other = (metadata: object, status: object = {}): PhoneNumber =>
  phoneNumber(status, { name: 'other', uid: 'ffffffff-0000', creationTimestamp: '2026-01-03T00:00:00Z', ...metadata });
const older = { creationTimestamp: '2026-01-01T00:00:00Z' };
const far = { namespace: 'elsewhere' };
const waiting = (observedGeneration: number) => ({
  conditions: [
    {
      type: 'Stalled',
      status: 'True',
      reason: 'NumberInUse',
      message: '',
      observedGeneration,
      lastTransitionTime: 'x',
    },
  ],
});

describe('rivalTrouble()', () => {
  const cases: readonly {
    name: string;
    why: string;
    rivals: readonly PhoneNumber[];
    want: 'near' | 'far' | undefined;
  }[] = [
    { name: 'nobody else', why: 'it is free', rivals: [], want: undefined },
    { name: 'only itself', why: 'the list holds every object', rivals: [self], want: undefined },
    { name: 'a younger one', why: 'the oldest wins', rivals: [other({})], want: undefined },
    { name: 'an older one', why: 'the oldest wins', rivals: [other(older)], want: 'near' },
    {
      name: 'a younger one that holds it',
      why: 'the holder wins',
      rivals: [other({ finalizers: [finalizer] })],
      want: 'near',
    },
    {
      name: 'a holder that is being deleted',
      why: 'its set is still there',
      rivals: [other({ finalizers: [finalizer], deletionTimestamp: 'x' })],
      want: 'near',
    },
    {
      name: 'an older one that is being deleted',
      why: 'it will never take it',
      rivals: [other({ ...older, deletionTimestamp: 'x', finalizers: ['theirs'] })],
      want: undefined,
    },
    {
      name: 'an older one elsewhere',
      why: 'it is told nothing about it',
      rivals: [other({ ...older, ...far })],
      want: 'far',
    },
    {
      name: 'an older one elsewhere that waits in vain',
      why: 'else it would keep everybody from it',
      rivals: [other({ ...older, ...far }, waiting(3))],
      want: undefined,
    },
    {
      name: 'an older one elsewhere that was edited since',
      why: 'it tries again',
      rivals: [other({ ...older, ...far }, waiting(2))],
      want: 'far',
    },
    {
      name: 'one of the same second with a greater UID',
      why: 'times have whole seconds',
      rivals: [other({ creationTimestamp: self.creationTimestamp })],
      want: undefined,
    },
    {
      name: 'one of the same second with a smaller UID',
      why: 'times have whole seconds',
      rivals: [other({ creationTimestamp: self.creationTimestamp, uid: '0' })],
      want: 'near',
    },
    {
      name: 'a holder elsewhere beside an older one here',
      why: 'the holder wins',
      rivals: [other(older), other({ uid: 'e', ...far, finalizers: [finalizer] })],
      want: 'far',
    },
  ];
  test.for(cases)('$name', ({ rivals, want, why }) => {
    const trouble = rivalTrouble(self, rivals);
    expect(trouble && (trouble.stalled ? 'far' : 'near'), why).toBe(want);
    if (trouble !== undefined) expect(trouble.message.includes('PhoneNumber other'), why).toBe(want === 'near');
  });
});

describe('isBarred()', () => {
  test.for([
    { name: 'a new object', status: {}, want: false },
    { name: 'one that was told so', status: waiting(3), want: true },
    { name: 'one that was edited since', status: waiting(2), want: false },
  ])('$name', ({ status, want }) => {
    expect(isBarred(phoneNumber(status))).toBe(want);
  });
});
