/** Statistics of the bench: what a result is made of. */
import { describe, expect, test } from 'vitest';
import { percentile, ratios, sequentialRounds, spreadOf } from '../../../bench/figures/statistics.ts';

describe('a spread', () => {
  const cases = [
    {
      name: 'one sample is least, median and most',
      samples: [7],
      expected: { min: 7, median: 7, max: 7 },
      why: 'a quick run has one',
    },
    {
      name: 'an odd number of samples has the middle one as its median, in whatever order they came',
      samples: [9, 1, 5],
      expected: { min: 1, median: 5, max: 9 },
      why: 'runs are not sorted',
    },
    {
      name: 'an even number of samples has the mean of the middle two',
      samples: [1, 2, 4, 100],
      expected: { min: 1, median: 3, max: 100 },
      why: 'one outlier must not decide',
    },
    {
      name: 'digits are compared as numbers',
      samples: [10, 9, 100],
      expected: { min: 9, median: 10, max: 100 },
      why: 'a plain sort would compare texts',
    },
  ];
  test.for(cases)('$name', ({ expected, samples, why }) => {
    expect(spreadOf(samples), why).toEqual(expected);
  });

  test('of nothing there is none', () => {
    expect(() => spreadOf([])).toThrow('Cannot take a percentile of no samples');
  });

  test('leaves the samples in their order', () => {
    const samples = [3, 1, 2];
    percentile(samples, 99);
    expect(samples, 'ratios pair them by run').toEqual([3, 1, 2]);
  });
});

describe('a percentile', () => {
  test.for([
    { percent: 0, expected: 0 },
    { percent: 50, expected: 50 },
    { percent: 99, expected: 99 },
    { percent: 100, expected: 100 },
  ])('$percent of 0 to 100 is $expected', ({ expected, percent }) => {
    const samples = Array.from({ length: 101 }, (_, index) => index);
    expect(percentile(samples, percent)).toBe(expected);
  });
});

describe('ratios', () => {
  test('pair the runs that were made side by side', () => {
    expect(ratios([10, 30], [20, 10]), 'the second run was on a faster machine for both').toEqual([0.5, 3]);
  });

  test.for([
    { name: 'fewer of ours', ours: [1], theirs: [1, 2] },
    { name: 'fewer of theirs', ours: [1, 2], theirs: [1] },
  ])('with $name there is no pairing', ({ ours, theirs }) => {
    expect(() => ratios(ours, theirs)).toThrow('want as many of both');
  });
});

describe('rounds of calls', () => {
  const cases = [
    { name: 'no call is no round', calls: [], expected: 0, why: 'nothing had to be waited for' },
    {
      name: 'calls at the same time are one round',
      calls: [
        { from: 0, to: 100 },
        { from: 1, to: 101 },
        { from: 2, to: 99 },
      ],
      expected: 1,
      why: 'they cost the time of one',
    },
    {
      name: 'calls one after the other are as many rounds',
      calls: [
        { from: 0, to: 100 },
        { from: 100, to: 200 },
        { from: 201, to: 301 },
      ],
      expected: 3,
      why: 'each had to wait for the one before',
    },
    {
      name: 'two chains beside each other count as the longer one',
      calls: [
        { from: 0, to: 100 },
        { from: 100, to: 200 },
        { from: 200, to: 300 },
        { from: 10, to: 110 },
        { from: 110, to: 210 },
      ],
      expected: 3,
      why: 'the shorter one overlaps',
    },
    {
      name: 'a long call beside short ones does not hide them',
      calls: [
        { from: 0, to: 1_000 },
        { from: 0, to: 100 },
        { from: 100, to: 200 },
      ],
      expected: 2,
      why: 'the chain of short ones is the longest',
    },
  ];
  test.for(cases)('$name', ({ calls, expected, why }) => {
    expect(sequentialRounds(calls), why).toBe(expected);
    expect(sequentialRounds(calls.toReversed()), 'in whatever order they were told').toBe(expected);
  });
});
