/** Figures of the bench against their goals, and how both are written. */
import { describe, expect, test } from 'vitest';
import { type Goal, judged, missOf, written } from '../../../bench/figures/figure.ts';

function figure(samples: readonly number[], goal?: Goal) {
  return judged({ id: 'one', title: 'One', unit: '×', samples, ...(goal === undefined ? {} : { goal }) });
}

describe('a goal', () => {
  const cases = [
    {
      name: 'at least: just reached counts',
      samples: [1.15],
      goal: { relation: 'at least', value: 1.15 },
      met: true,
      miss: '',
      why: 'the sign is ≥',
    },
    {
      name: 'at least: missed says by how much',
      samples: [1.035],
      goal: { relation: 'at least', value: 1.15 },
      met: false,
      miss: '10 % too low',
      why: 'a person wants the distance',
    },
    {
      name: 'at most: missed says by how much',
      samples: [3],
      goal: { relation: 'at most', value: 2 },
      met: false,
      miss: '50 % too high',
      why: 'a person wants the distance',
    },
    {
      name: 'the median is judged, not the best run',
      samples: [0.4, 0.6, 0.7],
      goal: { relation: 'at most', value: 0.5 },
      met: false,
      miss: '20 % too high',
      why: 'one lucky run is no result',
    },
    {
      name: 'the median is judged, not the worst run',
      samples: [0.4, 0.4, 9],
      goal: { relation: 'at most', value: 0.5 },
      met: true,
      miss: '',
      why: 'one disturbed run is no result',
    },
    {
      name: 'exactly: less is missed too',
      samples: [1],
      goal: { relation: 'exactly', value: 2 },
      met: false,
      miss: '50 % too low',
      why: 'a write that is missing is a defect',
    },
    {
      name: 'exactly none: no percentage of nothing',
      samples: [3],
      goal: { relation: 'exactly', value: 0 },
      met: false,
      miss: 'too high by 3',
      why: 'it would be infinite',
    },
    {
      name: 'exactly: noise of floating point does not count',
      samples: [0.1 + 0.2],
      goal: { relation: 'exactly', value: 0.3 },
      met: true,
      miss: '',
      why: 'counts are divided by counts',
    },
    {
      name: 'what could not be measured is not met',
      samples: [Number.NaN],
      goal: { relation: 'at most', value: 1 },
      met: false,
      miss: 'not measured',
      why: 'nothing is no success',
    },
  ] as const satisfies readonly { goal: Goal; [field: string]: unknown }[];
  test.for(cases)('$name', ({ goal, met, miss, samples, why }) => {
    const result = figure(samples, goal);
    expect({ met: result.met, miss: missOf(result) }, why).toEqual({ met, miss });
  });

  test('a figure without one is neither met nor missed', () => {
    expect(figure([1])).not.toHaveProperty('met');
    expect(missOf(figure([1]))).toBe('');
  });
});

describe('a number is written', () => {
  test.for([
    { value: 2, text: '2' },
    { value: 50_000, text: '50000' },
    { value: 0.3333, text: '0.33' },
    { value: 12.345, text: '12.3' },
    { value: 326.4, text: '326' },
    { value: -0.5, text: '-0.50' },
    { value: Number.NaN, text: '–' },
  ])('$value as $text', ({ text, value }) => {
    expect(written(value)).toBe(text);
  });
});
