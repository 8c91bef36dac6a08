/**
 * Options of the bench: arguments in, settings or a problem out. Pure.
 */
import { parseArgs } from 'node:util';

/** In the order in which they run. */
export const sectionNames = ['throughput', 'critical-path', 'hanging-account', 'cold-start', 'calls'] as const;
export type SectionName = (typeof sectionNames)[number];

export interface Settings {
  readonly sections: readonly SectionName[];
  /** Objects of the throughput and hanging-account sections. */
  readonly objects: number;
  /** Created and deleted before anything is measured. */
  readonly warmUp: number;
  readonly workers: number;
  /** Of one call to a provider. */
  readonly latencyMs: number;
  readonly runs: number;
  /** Requests of the loader under way at once. */
  readonly concurrency: number;
  /** Objects that are there when a peer starts. */
  readonly populations: readonly number[];
  readonly restMs: number;
  /** Of Trunkline's process, such as --max-semi-space-size=2. */
  readonly nodeFlags: readonly string[];
  /** GOMEMLIMIT of the Go peers; empty: none. */
  readonly goMemoryLimit: string;
  /** Where to write all figures as JSON besides the results folder; empty: nowhere. */
  readonly json: string;
  /** 0: no soak. With one nothing else runs. */
  readonly soakMs: number;
}

export type OptionsResult =
  | { readonly kind: 'run'; readonly settings: Settings }
  | { readonly kind: 'help' }
  | { readonly kind: 'invalid'; readonly problem: string };

export const help = `Usage: npm run bench [-- OPTIONS]

Compares the operator with a Go controller-runtime controller, client-node's informer and a bare writer, on one real API
server, and measures cold start, memory, rest, a hanging account, the critical path and the calls to the providers. bench/README.md says how to read
the results. The first run builds the API server and the Go peer, which takes minutes, with progress.

  --quick               small figures, under three minutes: for a look, not for a verdict
  --json PATH           writes every figure with its goal and whether it is met
  --only LIST           of ${sectionNames.join(', ')}
  --objects N           created and deleted per run (2000; quick 200)
  --runs N              per peer, in turns (5; quick 1)
  --workers N           reconciles at a time (10)
  --latency MS          of one call to a provider, in milliseconds (0)
  --populations LIST    objects that are there at a cold start (10000,50000; quick 5000)
  --node-flags="FLAGS"  for Trunkline's process (--max-semi-space-size=8, as npm start)
  --go-memory-limit X   GOMEMLIMIT of the Go peers, such as 64MiB
  --soak DURATION       instead of all that: so many minutes (30m) of churn and faults
  --help                this text
`;

const defaults = {
  objects: '2000',
  runs: '5',
  workers: '10',
  latency: '0',
  populations: '10000,50000',
  restMs: 60_000,
};
/** Those of `npm start`: a small young generation costs a little CPU and saves a hundred megabytes. */
export const productionFlags = '--max-semi-space-size=8';
const quick = { ...defaults, objects: '200', runs: '1', populations: '5000', restMs: 5_000 };
const longestCount = 1_000_000;

/** `args` without the program. */
export function readOptions(args: readonly string[]): OptionsResult {
  let values: ReturnType<typeof parsed>;
  try {
    values = parsed(args);
  } catch (error) {
    return { kind: 'invalid', problem: error instanceof Error ? error.message : String(error) };
  }
  if (values.help === true) return { kind: 'help' };
  const standard = values.quick === true ? quick : defaults;
  const problems: string[] = [];
  const count = (name: 'objects' | 'runs' | 'workers' | 'latency', least: number): number => {
    const text = values[name] ?? standard[name];
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= longestCount) return number;
    problems.push(`Cannot use --${name} "${text}": want a whole number from ${least} to ${longestCount}`);
    return least;
  };
  const wanted = values.only?.split(',') ?? [...sectionNames];
  const unknown = wanted.filter((name) => !sectionNames.some((known) => known === name));
  if (unknown.length > 0) {
    problems.push(`Cannot use --only "${unknown.join()}": want some of ${sectionNames.join(', ')}`);
  }
  const soak = /^(\d+)m$/.exec(values.soak ?? '0m')?.[1];
  if (soak === undefined) problems.push(`Cannot use --soak "${values.soak ?? ''}": want minutes such as 30m`);
  const listed = values.populations ?? standard.populations;
  if (!/^[1-9]\d{0,5}(,[1-9]\d{0,5})*$/.test(listed)) {
    problems.push(`Cannot use --populations "${listed}": want counts such as 10000,50000`);
  }
  const objects = count('objects', 1);
  const settings: Settings = {
    sections: sectionNames.filter((name) => wanted.includes(name)),
    objects,
    warmUp: Math.ceil(objects / 10),
    workers: count('workers', 1),
    latencyMs: count('latency', 0),
    runs: count('runs', 1),
    concurrency: 20,
    populations: listed
      .split(',')
      .map(Number)
      .toSorted((one, other) => one - other),
    restMs: standard.restMs,
    nodeFlags: (values['node-flags'] ?? productionFlags).split(' ').filter((flag) => flag !== ''),
    goMemoryLimit: values['go-memory-limit'] ?? '',
    json: values.json ?? '',
    soakMs: Number(soak ?? 0) * 60_000,
  };
  const [problem] = problems;
  return problem === undefined ? { kind: 'run', settings } : { kind: 'invalid', problem: problems.join('\n') };
}

function parsed(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean' },
      json: { type: 'string' },
      only: { type: 'string' },
      objects: { type: 'string' },
      runs: { type: 'string' },
      workers: { type: 'string' },
      latency: { type: 'string' },
      'node-flags': { type: 'string' },
      'go-memory-limit': { type: 'string' },
      populations: { type: 'string' },
      soak: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  }).values;
}
