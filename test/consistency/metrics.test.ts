/**
 * docs/reference/metrics.md says which metrics there are: compared with the registry, row by row, in both directions.
 */
import { readFile } from 'node:fs/promises';
import type { Metric } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { reconcileResults } from '../../src/controller/engine-observer.ts';
import { prometheusTelemetry } from '../../src/controller/telemetry/prometheus.ts';
import { FakeClock } from '../support/fake-clock.ts';

const page = await readFile(new URL('../../docs/reference/metrics.md', import.meta.url), 'utf8');

/** Cells of all rows of all tables with this first column, without backticks; "\|" is a bar. */
function rowsOf(firstColumn: string): readonly (readonly string[])[] {
  const rows: string[][] = [];
  let isInside = false;
  for (const line of page.split('\n')) {
    const cells = line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '').replaceAll('\\|', '|'));
    if (cells[0] === firstColumn) isInside = true;
    else if (cells.length === 0) isInside = false;
    else if (isInside && !/^-+$/.test(cells[0] ?? '')) rows.push(cells);
  }
  return rows;
}

const { registry } = prometheusTelemetry(new FakeClock());
const metrics = registry.getMetricsAsArray().map((metric) => {
  const { help, labelNames, name } = metric as unknown as {
    readonly help: string;
    readonly labelNames: readonly string[];
    readonly name: string;
  };
  const type = (metric as unknown as Metric).constructor.name.toLowerCase();
  return { name, type, labels: labelNames.join(', '), help };
});

describe('docs/reference/metrics.md', () => {
  test('has every metric with its type and labels, and no other', () => {
    const documented = rowsOf('Metric').map(([name, type, labels]) => ({ name, type, labels }));
    const byName = (one: { name?: string | undefined }, other: { name?: string | undefined }) =>
      (one.name ?? '').localeCompare(other.name ?? '');
    expect(documented.toSorted(byName)).toEqual(
      metrics.map(({ name, type, labels }) => ({ name, type, labels })).toSorted(byName),
    );
  });

  test('says of those that never move that they do not', () => {
    const still = rowsOf('Metric').filter(([, , , meaning = '']) => meaning.startsWith('Always 0'));
    const known = metrics.filter(({ help }) => help.startsWith('Always 0'));
    expect(new Set(still.map(([name]) => name))).toEqual(new Set(known.map(({ name }) => name)));
  });

  test('has alerts that only use metrics and labels that exist', () => {
    const wrong = rowsOf('Alert').flatMap(([alert, expression = '']) => {
      const names = [...expression.matchAll(/\b([a-z]+_[a-z_]+)\b(?:\{([a-z]+))?/g)];
      const fits = names.map(([, name, label = '']) => {
        const metric = metrics.find((one) => one.name === name);
        return metric !== undefined && (label === '' || metric.labels.split(', ').includes(label));
      });
      return fits.length > 0 && fits.every(Boolean) ? [] : [alert];
    });
    expect(wrong).toEqual([]);
    expect(rowsOf('Alert').length).toBeGreaterThan(10);
  });

  test('explains every result and every outcome', async () => {
    for (const result of reconcileResults) expect(page).toContain(`\`${result}\`:`);
    const source = await readFile(new URL('../../src/reconcilers/shared/verdict.ts', import.meta.url), 'utf8');
    const kinds = [...source.matchAll(/\| \{ readonly kind: '(\w+)'/g)].map(([, kind]) => kind);
    const outcomes = rowsOf('Outcome').map(([outcome]) => outcome);
    expect(new Set(outcomes)).toEqual(new Set(['ok', 'unexpected', ...kinds]));
  });
});

test('metrics of our own have no label whose values others may choose', () => {
  const bounded = ['phase', 'risk', 'provider', 'call', 'outcome', 'code', 'resource'];
  const own = metrics.filter(({ name }) => name.startsWith('trunkline_'));
  const labels = new Set(own.flatMap((metric) => metric.labels.split(', ').filter((label) => label !== '')));
  expect([...labels].toSorted(), 'a new one needs a bound').toEqual(bounded.toSorted());
});
