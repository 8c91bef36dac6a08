/**
 * Two kinds of tests: `fast` ones are pure and take all cores; `real` ones start servers and processes, so they get few
 * workers and long deadlines, and begin when the fast ones are through.
 */
import { defineConfig } from 'vitest/config';

const fast = ['test/{unit,engine,consistency}/**/*.test.ts'];

/** Where to leave a JSON report for machines; unset: none. Outside the tree, so that a run leaves nothing behind. */
const report = process.env['TRUNKLINE_TEST_REPORT'];

export default defineConfig({
  test: {
    // Names of cases are whole sentences.
    taskTitleValueFormatTruncate: 0,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    projects: [
      { test: { name: 'fast', include: fast } },
      {
        test: {
          name: 'real',
          // Whatever is not fast, so that no test is left out by the name of its folder.
          include: ['test/**/*.test.ts'],
          exclude: fast,
          maxWorkers: 2,
          testTimeout: 120_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
