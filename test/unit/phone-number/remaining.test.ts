import { describe, expect, test } from 'vitest';
import type { LeftoverKind } from '../../../src/reconcilers/phone-number/model.ts';
import { remainingOf, withoutGone } from '../../../src/reconcilers/phone-number/remaining.ts';
import type { StepState } from '../../../src/reconcilers/phone-number/removal.ts';
import type { KindView } from '../../../src/reconcilers/phone-number/removal-view.ts';
import type { Verdict } from '../../../src/reconcilers/shared/verdict.ts';

const refused: Verdict = { kind: 'refused', code: '1', message: 'refused' };
const unauthorised: Verdict = { kind: 'identity', reason: 'CredentialsRefused', message: 'HTTP 401' };

describe('remainingOf()', () => {
  const cases: readonly {
    name: string;
    state: StepState;
    view: KindView;
    verdict?: Verdict;
    want: readonly object[];
  }[] = [
    { name: 'what is gone', state: 'gone', view: { kind: 'present', targets: [{ id: 'TK1' }] }, want: [] },
    {
      name: 'what was refused',
      state: 'givenUp',
      view: { kind: 'present', targets: [{ id: 'TK1' }, { id: 'TK2' }] },
      verdict: refused,
      want: ['TK1', 'TK2'].map((id) => ({ id, state: 'Present', reason: 'CleanupFailed', message: 'refused' })),
    },
    {
      name: 'what could not be looked at',
      state: 'givenUp',
      view: { kind: 'unreadable', knownId: 'TK1', verdict: unauthorised },
      verdict: unauthorised,
      want: [{ id: 'TK1', state: 'Unknown', reason: 'CredentialsRefused', message: 'HTTP 401' }],
    },
    {
      name: 'what lost its mark',
      state: 'givenUp',
      view: { kind: 'unmarked', targets: [{ id: 'TK1' }] },
      verdict: refused,
      want: [{ id: 'TK1', state: 'Present', reason: 'OwnershipUnknown' }],
    },
    {
      name: 'what has to wait for what comes before it',
      state: 'left',
      view: { kind: 'present', targets: [{ id: 'TK1' }] },
      want: [
        {
          id: 'TK1',
          state: 'Present',
          reason: 'CleanupFailed',
          message: expect.stringContaining('what comes before it'),
        },
      ],
    },
    {
      name: 'what may still come',
      state: 'failed',
      view: { kind: 'early' },
      want: [{ id: undefined, state: 'Unknown' }],
    },
  ];
  test.for(cases)('$name', ({ state, view, verdict, want }) => {
    const result = remainingOf({
      states: new Map<LeftoverKind, StepState>([['Trunk', state]]),
      view: new Map<LeftoverKind, KindView>([['Trunk', view]]),
      verdicts: new Map<LeftoverKind, Verdict>(verdict === undefined ? [] : [['Trunk', verdict]]),
    });
    expect(result).toHaveLength(want.length);
    expect(result).toMatchObject(want.map((one) => ({ kind: 'Trunk', ...one })));
  });
});

test('withoutGone() forgets only what is proven gone, and never the number', () => {
  const ids = { phoneNumberSid: 'PN1', trunkSid: 'TK1', inboundTrunkId: 'ST_in', dispatchRuleId: 'SDR_1' };
  const states = new Map<LeftoverKind, StepState>([
    ['NumberAttachment', 'gone'],
    ['Trunk', 'failed'],
    ['InboundTrunk', 'givenUp'],
    ['DispatchRule', 'gone'],
  ]);
  expect(withoutGone(ids, states)).toEqual({
    ids: { phoneNumberSid: 'PN1', trunkSid: 'TK1', inboundTrunkId: 'ST_in' },
  });
});
