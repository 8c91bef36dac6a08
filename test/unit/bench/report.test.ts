/** Tables, the plot and the report of the bench. */
import { describe, expect, test } from 'vitest';
import { judged } from '../../../bench/figures/figure.ts';
import { barPlot } from '../../../bench/figures/plot.ts';
import { jsonReport, markdownReport, type Machine, type Section } from '../../../bench/figures/report.ts';
import { goalTable, markdownTable, spreadText } from '../../../bench/figures/table.ts';
import { readOptions } from '../../../bench/options.ts';

const machine: Machine = {
  processors: 2,
  memoryGiB: 8,
  node: 'v24.0.0',
  kubernetes: 'v1.36.0',
  controllerRuntime: 'v0.24.1',
  startedAt: '2026-01-02T03:04:05.678Z',
};

function settingsOf(...args: readonly string[]) {
  const result = readOptions(args);
  if (result.kind !== 'run') throw new Error(JSON.stringify(result));
  return result.settings;
}

const section: Section = {
  title: 'Throughput',
  text: 'How it was measured.',
  figures: [
    { id: 'a', title: 'ratio', unit: '×', samples: [1.2, 1.3], goal: { relation: 'at least', value: 1.15 } },
    { id: 'b', title: 'writes', unit: '', samples: [3], goal: { relation: 'exactly', value: 2 } },
    { id: 'c', title: 'ready/s', unit: '/s', samples: [300] },
  ],
  tables: [{ heads: ['peer', 'ready/s'], rows: [['Go', '300']] }],
  plot: [{ title: 'ready', bars: [{ label: 'Go <a & b>', samples: [300, 310, 320] }] }],
};

test('a table is aligned, text to the left and figures to the right', () => {
  expect(
    markdownTable({
      heads: ['peer', 'ready/s'],
      rows: [
        ['Go', '9'],
        ['Trunkline', '1200'],
      ],
    }),
  ).toBe(
    ['| peer      | ready/s |', '| --------- | ------: |', '| Go        |       9 |', '| Trunkline |    1200 |'].join(
      '\n',
    ),
  );
});

test.for([
  { samples: [2, 2, 2], text: '2', why: 'nothing varies' },
  { samples: [1, 2, 4], text: '2 (1–4)', why: 'the noise is part of the result' },
  { samples: [300.1, 300.2], text: '300', why: 'what is not written does not vary' },
])('a spread of $samples is written as $text', ({ samples, text, why }) => {
  expect(spreadText(samples), why).toBe(text);
});

test('the table of goals holds what has a goal, and says which are missed', () => {
  expect(goalTable(section.figures.map(judged)).rows).toEqual([
    ['ratio', '1.20', '1.25', '1.30', '≥ 1.15 ×', 'yes'],
    ['writes', '3', '3', '3', '= 2', 'NO, 50 % too high'],
  ]);
});

describe('the report', () => {
  test('in Markdown names what is missed before anything else', () => {
    const text = markdownReport([section], settingsOf(), machine, 'one.svg');
    expect(text.indexOf('Missed: writes (50 % too high).')).toBeGreaterThan(0);
    expect(text.indexOf('Missed')).toBeLessThan(text.indexOf('## Throughput'));
    expect(text).toContain('![Bars of the throughput section](one.svg)');
  });

  test('in Markdown says so when nothing is missed', () => {
    const fine = { ...section, figures: section.figures.slice(0, 1) };
    expect(markdownReport([fine], settingsOf(), machine, 'one.svg')).toContain('All goals are met.');
  });

  test('without a goal does not speak of success', () => {
    const none = { ...section, figures: section.figures.slice(2) };
    expect(markdownReport([none], settingsOf(), machine, 'one.svg')).toContain('None of these figures has a goal.');
  });

  test('in JSON holds every figure with its goal and whether it is met, and no path of the machine', () => {
    const text = jsonReport([section], settingsOf('--json', '/somewhere/secret.json'), machine);
    expect(JSON.parse(text).figures).toEqual([
      {
        id: 'a',
        title: 'ratio',
        unit: '×',
        min: 1.2,
        median: 1.25,
        max: 1.3,
        samples: [1.2, 1.3],
        goal: { relation: 'at least', value: 1.15 },
        met: true,
      },
      expect.objectContaining({ id: 'b', met: false }),
      { id: 'c', title: 'ready/s', unit: '/s', min: 300, median: 300, max: 300, samples: [300] },
    ]);
    expect(text).not.toContain('somewhere');
  });
});

test('a plot has a bar for each peer, and its labels are text', () => {
  const svg = barPlot(section.plot ?? []);
  expect(svg.match(/<rect [^>]*fill="#0/g), 'the background is a rectangle too').toHaveLength(1);
  expect(svg).toContain('Go &lt;a &amp; b>');
  expect(svg).toMatch(/>310</);
});
