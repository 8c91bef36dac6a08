/**
 * The report: Markdown, JSON and a plot from what the sections found. Pure.
 */
import type { Settings } from '../options.ts';
import { type Figure, judged, type JudgedFigure, missOf } from './figure.ts';
import type { BarGroup } from './plot.ts';
import { goalTable, markdownTable, type Table } from './table.ts';

/** What one section found. */
export interface Section {
  readonly title: string;
  /** How it was measured, in a few sentences. */
  readonly text: string;
  readonly figures: readonly Figure[];
  readonly tables: readonly Table[];
  readonly plot?: readonly BarGroup[];
}

/** What it was measured on. Nothing here may name a place on the machine. */
export interface Machine {
  readonly processors: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly kubernetes: string;
  readonly controllerRuntime: string;
  /** RFC 3339. */
  readonly startedAt: string;
}

/** `plotFile` is named in the text when there is a plot. */
export function markdownReport(
  sections: readonly Section[],
  settings: Settings,
  machine: Machine,
  plotFile: string,
): string {
  const figures = sections.flatMap((section) => section.figures.map(judged));
  const judgedFigures = figures.filter(({ met }) => met !== undefined);
  const missed = figures.filter(({ met }) => met === false);
  const hasPlot = sections.some(({ plot }) => plot !== undefined);
  return `${[
    '# Results of the bench',
    `${machine.processors} processors, ${machine.memoryGiB} GiB, Node ${machine.node}, Kubernetes ${machine.kubernetes}, controller-runtime ${machine.controllerRuntime}; ${machine.startedAt.slice(0, 10)}. ` +
      `${settings.objects} objects, ${settings.workers} workers, ${settings.latencyMs} ms per provider call, ${settings.runs} runs${flagsText(settings)}. ` +
      'API server, etcd, loader and peer share the processors: read ratios, not absolute values.',
    '## Goals',
    ...(judgedFigures.length === 0
      ? ['None of these figures has a goal.']
      : [markdownTable(goalTable(judgedFigures)), missedText(missed)]),
    ...(hasPlot ? [`![Bars of the throughput section](${plotFile})`] : []),
    ...sections.flatMap(({ tables, text, title }) => [`## ${title}`, text, ...tables.map(markdownTable)]),
  ].join('\n\n')}\n`;
}

function missedText(missed: readonly JudgedFigure[]): string {
  if (missed.length === 0) return 'All goals are met.';
  return `Missed: ${missed.map((figure) => `${figure.title} (${missOf(figure)})`).join('; ')}.`;
}

function flagsText({ goMemoryLimit, nodeFlags }: Settings): string {
  const parts = [
    ...(nodeFlags.length > 0 ? [`Node flags ${nodeFlags.join(' ')}`] : []),
    ...(goMemoryLimit === '' ? [] : [`GOMEMLIMIT ${goMemoryLimit}`]),
  ];
  return parts.length === 0 ? '' : `, ${parts.join(', ')}`;
}

/** Every figure with its goal and whether it is met. */
export function jsonReport(sections: readonly Section[], settings: Settings, machine: Machine): string {
  const figures = sections.flatMap((section) =>
    section.figures.map((figure) => {
      const { goal, id, met, samples, spread, title, unit } = judged(figure);
      return { id, title, unit, ...spread, samples, ...(goal === undefined ? {} : { goal, met }) };
    }),
  );
  const { json: _where, ...parameters } = settings;
  return `${JSON.stringify({ machine, parameters, figures }, undefined, 2)}\n`;
}
