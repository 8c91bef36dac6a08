// How the test tools say that something takes time: one line at a time, so that a log file and a terminal both show it.
// Guarantee: nothing is said about work that ends within two seconds.

/** Receives one line of progress, without a line end. */
export type Progress = (line: string) => void;

/** Writes to standard error, so that a command's own output stays clean. */
export const progressToStandardError: Progress = (line) => {
  process.stderr.write(`${line}\n`);
};

const FIRST_LINE_AFTER_MILLISECONDS = 2_000;
const NEXT_LINE_AFTER_MILLISECONDS = 10_000;

/**
 * Runs `work` and says after 2 s, and then every 10 s, what is being waited for and for how long.
 * @param describe gives the line's text each time, so that it can carry a count
 */
export async function withProgress<Result>(
  describe: () => string,
  progress: Progress,
  work: () => Promise<Result>,
): Promise<Result> {
  const startedAt = performance.now();
  const say = (): void => {
    progress(`${describe()}, ${secondsSince(startedAt)} s`);
    timer = setTimeout(say, NEXT_LINE_AFTER_MILLISECONDS).unref();
  };
  let timer = setTimeout(say, FIRST_LINE_AFTER_MILLISECONDS).unref();
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}

/** Whole seconds since a `performance.now()` value. */
export function secondsSince(startedAt: number): number {
  return Math.round((performance.now() - startedAt) / 1_000);
}
