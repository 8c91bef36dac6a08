import { describe, expect, test } from 'vitest';
import { type Condition, type Finding, withFindings } from '../../../src/reconcilers/shared/conditions.ts';
import { stableMessage } from '../../../src/reconcilers/shared/verdict.ts';

const ready: Finding = { type: 'Ready', status: 'True', reason: 'Ready', message: 'fine' };
const stored: Condition = { ...ready, observedGeneration: 1, lastTransitionTime: '2026-01-01T00:00:00Z' };
const now = '2026-02-02T00:00:00Z';

describe('withFindings()', () => {
  const cases: readonly { name: string; before: readonly Condition[]; finding: Finding; want: readonly Condition[] }[] =
    [
      {
        name: 'a new condition begins now',
        before: [],
        finding: ready,
        want: [{ ...ready, observedGeneration: 2, lastTransitionTime: now }],
      },
      {
        name: 'the time moves only when the status changes',
        before: [stored],
        finding: { ...ready, reason: 'Provisioning', message: 'other words' },
        want: [{ ...stored, reason: 'Provisioning', message: 'other words', observedGeneration: 2 }],
      },
      {
        name: 'a changed status begins now',
        before: [stored],
        finding: { ...ready, status: 'False' },
        want: [{ ...ready, status: 'False', observedGeneration: 2, lastTransitionTime: now }],
      },
      {
        name: 'the default of the CRD has never begun',
        before: [{ ...stored, lastTransitionTime: '1970-01-01T00:00:00Z' }],
        finding: ready,
        want: [{ ...ready, observedGeneration: 2, lastTransitionTime: now }],
      },
      {
        name: 'conditions of others are kept',
        before: [{ ...stored, type: 'Theirs' }],
        finding: ready,
        want: [
          { ...ready, observedGeneration: 2, lastTransitionTime: now },
          { ...stored, type: 'Theirs' },
        ],
      },
    ];
  test.for(cases)('$name', ({ before, finding, want }) => {
    expect(withFindings(before, [finding], 2, now)).toEqual(want);
  });
});

describe('stableMessage()', () => {
  test.for([
    { name: 'loses ids of requests', text: `no RQ${'a'.repeat(32)} here`, want: 'no RQ… here' },
    { name: 'loses tokens', text: 'bad eyJhbGciOi.eyJpc3MiOi.c2lnbmF0dXJl', want: 'bad [token]' },
    { name: 'is one line', text: ' a\n\tb ', want: 'a b' },
    { name: 'is at most 256 characters', text: 'x'.repeat(300), want: `${'x'.repeat(255)}…` },
  ])('$name', ({ text, want }) => {
    expect(stableMessage(text)).toBe(want);
  });
});
