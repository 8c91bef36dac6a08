// `npm run real-parts`: finds or builds the real servers of the tests and shows where each came from.
// Exit codes: 0 all are there, 1 one is missing (one line of error), 2 wrong arguments.
import { parseArgs } from 'node:util';
import { progressToStandardError } from './progress.ts';
import { ensureRealParts, PART_NAMES } from './real-parts.ts';

const HELP = `Usage: npm run real-parts [-- --help]

Finds or builds the servers that the tests run on:
${PART_NAMES.map((name) => `  ${name}`).join('\n')}

kube-apiserver, etcd and kubectl come from the folder in KUBEBUILDER_ASSETS if it is set (see setup-envtest), the rest
from a cache, and what is not in the cache is built once from pinned Go modules; that takes about ten minutes.
The cache is TRUNKLINE_CACHE, else trunkline in XDG_CACHE_HOME or ~/.cache.
`;

async function main(): Promise<number> {
  let help: boolean | undefined;
  try {
    ({ help } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } }).values);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return 2;
  }
  if (help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  try {
    const parts = await ensureRealParts({ progress: progressToStandardError });
    const rows = PART_NAMES.map((name) => [name, parts[name].version, parts[name].source, parts[name].path] as const);
    process.stdout.write(formatTable([['PART', 'VERSION', 'FROM', 'PATH'], ...rows]));
    return 0;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return 1;
  }
}

function formatTable(rows: readonly (readonly string[])[]): string {
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const line = (row: readonly string[]): string => row.map((cell, column) => cell.padEnd(width(column))).join('  ');
  return `${rows.map((row) => line(row).trimEnd()).join('\n')}\n`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

process.exitCode = await main();
