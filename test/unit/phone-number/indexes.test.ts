/**
 * What an object is found by: read from raw objects, which may hold anything.
 */
import { describe, expect, test } from 'vitest';
import { accountNamesOf, numbersOf, phasesOf } from '../../../src/reconcilers/phone-number/index.ts';
import { kubernetesObject } from '../../support/kubernetes-objects.ts';

const object = (parts: object) => ({ ...kubernetesObject('one', 1), ...parts });

describe('an object is found by', () => {
  test.for([
    { name: 'its phase', status: { phase: 'Corrupted' }, want: ['Corrupted'] },
    { name: 'Pending before its first status', status: undefined, want: ['Pending'] },
    { name: 'Pending when the phase is no word', status: { phase: 7 }, want: ['Pending'] },
    { name: 'a phase of a newer operator as it is', status: { phase: 'Melted' }, want: ['Melted'] },
  ])('$name', ({ status, want }) => {
    expect(phasesOf(object({ status }))).toEqual(want);
  });

  test.for([
    { name: 'the account it names', parts: { spec: { accountRef: { name: 'a' } } }, want: ['a'] },
    { name: 'the default account', parts: { spec: {} }, want: ['default'] },
    {
      name: 'the account it is pinned to besides',
      parts: { spec: { accountRef: { name: 'a' } }, status: { pinned: { account: 'b' } } },
      want: ['a', 'b'],
    },
    { name: 'nothing more when the pin is junk', parts: { spec: {}, status: { pinned: 7 } }, want: ['default'] },
  ])('$name', ({ parts, want }) => {
    expect(accountNamesOf(object(parts))).toEqual(want);
  });

  test.for([
    { name: 'its number', spec: { phoneNumber: '+15550100' }, want: ['+15550100'] },
    { name: 'no number when there is none', spec: {}, want: [] },
  ])('$name', ({ spec, want }) => {
    expect(numbersOf(object({ spec }))).toEqual(want);
  });
});
