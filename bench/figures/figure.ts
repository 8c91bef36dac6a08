/**
 * Figures and their goals, pure.
 */
import { type Spread, spreadOf } from './statistics.ts';

/** What a figure has to be; the median of its samples is judged. */
export interface Goal {
  readonly relation: 'at most' | 'at least' | 'exactly';
  readonly value: number;
}

export interface Figure {
  /** For machines, such as "throughput.ready.ratio-to-go". */
  readonly id: string;
  readonly title: string;
  /** Such as "s" or "MiB"; "×" for a ratio; empty for a count. */
  readonly unit: string;
  readonly samples: readonly number[];
  readonly goal?: Goal;
}

export interface JudgedFigure extends Figure {
  readonly spread: Spread;
  /** Absent for a figure without a goal. */
  readonly met?: boolean;
}

export function judged(figure: Figure): JudgedFigure {
  const spread = spreadOf(figure.samples);
  return figure.goal === undefined
    ? { ...figure, spread }
    : { ...figure, spread, met: isMet(spread.median, figure.goal) };
}

/** Ten digits are more than any clock here has, and fewer than the noise of floating point. */
function isMet(value: number, { relation, value: wanted }: Goal): boolean {
  const rounded = Number(value.toPrecision(10));
  switch (relation) {
    case 'at most':
      return rounded <= wanted;
    case 'at least':
      return rounded >= wanted;
    case 'exactly':
      return rounded === wanted;
  }
}

/** How far beside its goal a missed figure is, such as "12 % too low". */
export function missOf({ goal, met, spread }: JudgedFigure): string {
  if (goal === undefined || met !== false) return '';
  if (Number.isNaN(spread.median)) return 'not measured';
  const side = spread.median > goal.value ? 'too high' : 'too low';
  if (goal.value === 0) return `${side} by ${written(spread.median)}`;
  const percent = Math.abs(spread.median / goal.value - 1) * 100;
  return `${written(Number(percent.toFixed(1)))} % ${side}`;
}

/** Three digits, and never an exponent; a dash for what could not be measured. */
export function written(value: number): string {
  if (Number.isNaN(value)) return '–';
  if (Number.isInteger(value)) return String(value);
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}
