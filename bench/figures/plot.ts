/**
 * Bars as SVG, pure: one group of bars per measure, each group on a scale of its own, with a line from least to most.
 */
import { written } from './figure.ts';
import { spreadOf } from './statistics.ts';

export interface BarGroup {
  readonly title: string;
  readonly bars: readonly { readonly label: string; readonly samples: readonly number[] }[];
}

const width = 760;
const labelWidth = 240;
const barHeight = 18;
const gap = 6;
const headHeight = 34;
const colors = ['#0b6e4f', '#4fa385', '#8a8d91', '#b5b8bc', '#d1a054', '#4c78a8'];

export function barPlot(groups: readonly BarGroup[]): string {
  const parts: string[] = [];
  let top = 0;
  for (const { bars, title } of groups) {
    parts.push(text(0, top + 22, title, 'font-weight="bold"'));
    top += headHeight;
    const most = Math.max(...bars.flatMap(({ samples }) => samples));
    const scale = (value: number): number => (value / most) * (width - labelWidth - 90);
    for (const [index, { label, samples }] of bars.entries()) {
      const { max, median, min } = spreadOf(samples);
      const middle = top + barHeight / 2;
      parts.push(
        text(0, middle + 4, label),
        `<rect x="${labelWidth}" y="${top}" width="${round(scale(median))}" height="${barHeight}" fill="${colors[index % colors.length] ?? ''}"/>`,
        `<line x1="${round(labelWidth + scale(min))}" x2="${round(labelWidth + scale(max))}" y1="${middle}" y2="${middle}" stroke="#000" stroke-width="1.5"/>`,
        text(labelWidth + scale(max) + 8, middle + 4, written(median)),
      );
      top += barHeight + gap;
    }
  }
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" width="${width}" height="${top}" font-family="sans-serif" font-size="12">`;
  return `${[open, `<rect width="${width}" height="${top}" fill="#fff"/>`, ...parts, '</svg>'].join('\n')}\n`;
}

function text(x: number, y: number, content: string, attributes = ''): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${round(x)}" y="${round(y)}"${attributes === '' ? '' : ` ${attributes}`}>${escaped}</text>`;
}

function round(value: number): string {
  return value.toFixed(1);
}
