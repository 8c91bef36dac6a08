/**
 * Statistics of a few samples, pure. With five runs on a shared machine only least, median and most mean anything.
 */

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** @throws Error when there is no sample */
export function spreadOf(samples: readonly number[]): Spread {
  return { min: percentile(samples, 0), median: percentile(samples, 50), max: percentile(samples, 100) };
}

/** Between two samples it interpolates: the median of an even number is the mean of the middle two. */
export function percentile(samples: readonly number[], percent: number): number {
  const sorted = samples.toSorted((one, other) => one - other);
  const position = ((sorted.length - 1) * percent) / 100;
  const [below, above] = [sorted[Math.floor(position)], sorted[Math.ceil(position)]];
  if (below === undefined || above === undefined) throw new Error('Cannot take a percentile of no samples');
  return below + (above - below) * (position - Math.floor(position));
}

/**
 * Ratios of runs that were made side by side: noise of the machine that lasts longer than a run is in both and cancels.
 * @throws Error when the two lists are not equally long
 */
export function ratios(ours: readonly number[], theirs: readonly number[]): readonly number[] {
  return ours.map((value, run) => {
    const other = theirs[run];
    if (other === undefined || theirs.length !== ours.length) {
      throw new Error(`Cannot compare ${ours.length} runs with ${theirs.length}: want as many of both`);
    }
    return value / other;
  });
}

/** A call under way, in milliseconds. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** The longest chain of calls that each began after the one before had ended: what a delete has to wait for at least. */
export function sequentialRounds(calls: readonly Interval[]): number {
  let rounds = 0;
  let endedAt = Number.NEGATIVE_INFINITY;
  for (const { from, to } of calls.toSorted((one, other) => one.to - other.to)) {
    if (from < endedAt) continue;
    rounds += 1;
    endedAt = to;
  }
  return rounds;
}
