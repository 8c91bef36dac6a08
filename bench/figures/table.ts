/**
 * Tables in Markdown, pure; readable on a terminal too.
 */
import { type JudgedFigure, missOf, written } from './figure.ts';
import { spreadOf } from './statistics.ts';

export interface Table {
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The first column is text, the others are figures. */
export function markdownTable({ heads, rows }: Table): string {
  const widths = heads.map((head, column) =>
    Math.max(3, head.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => padded(cells[column] ?? '', width, column)).join(' | ')} |`;
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(heads), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n');
}

function padded(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

/** Median, with least and most behind it unless all are the same: "326 (310–340)". */
export function spreadText(samples: readonly number[]): string {
  const { max, median, min } = spreadOf(samples);
  const [least, middle, most] = [written(min), written(median), written(max)];
  return least === most ? middle : `${middle} (${least}–${most})`;
}

/** All figures that have a goal. */
export function goalTable(figures: readonly JudgedFigure[]): Table {
  return {
    heads: ['figure', 'min', 'median', 'max', 'goal', 'met'],
    rows: figures.flatMap((figure) => {
      const { goal, met, spread, title, unit } = figure;
      if (goal === undefined) return [];
      const sign = { 'at most': '≤', 'at least': '≥', exactly: '=' }[goal.relation];
      return [
        [
          title,
          written(spread.min),
          written(spread.median),
          written(spread.max),
          `${sign} ${written(goal.value)}${unit === '' ? '' : ` ${unit}`}`,
          met === true ? 'yes' : `NO, ${missOf(figure)}`,
        ],
      ];
    }),
  };
}
