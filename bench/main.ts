/**
 * `npm run bench`: all sections, side by side on one API server, and a report.
 *
 * Exit codes: 0 measured, whatever the figures are; 1 could not be measured; 2 wrong arguments.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { progressToStandardError } from '../test/tools/progress.ts';
import { ensureRealParts } from '../test/tools/real-parts.ts';
import { requiredVersion } from '../test/tools/real-parts-cache.ts';
import { barPlot } from './figures/plot.ts';
import { jsonReport, type Machine, markdownReport, type Section } from './figures/report.ts';
import { help, readOptions, type SectionName, type Settings } from './options.ts';
import type { Bench } from './sections/bench.ts';
import { calls } from './sections/calls.ts';
import { coldStart } from './sections/cold-start.ts';
import { criticalPath } from './sections/critical-path.ts';
import { hangingAccount } from './sections/hanging-account.ts';
import { soak } from './sections/soak.ts';
import { throughput } from './sections/throughput.ts';
import { buildPeers } from './stage/build.ts';
import { projectPath, startBenchWorld } from './stage/bench-world.ts';

const progress = progressToStandardError;

const sections: Readonly<Record<SectionName, (bench: Bench) => Promise<Section>>> = {
  throughput,
  'critical-path': criticalPath,
  'hanging-account': hangingAccount,
  'cold-start': coldStart,
  calls,
};

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options.kind === 'help') {
    process.stdout.write(help);
    return 0;
  }
  if (options.kind === 'invalid') {
    process.stderr.write(`${options.problem}\n\n${help}`);
    return 2;
  }
  const { settings } = options;
  const startedAt = new Date().toISOString();
  const built = await buildPeers(progress);
  await using world = await startBenchWorld(progress);
  const bench: Bench = { world, built, settings, progress };
  const found: Section[] = [];
  if (settings.soakMs > 0) found.push(await soak(bench));
  else {
    for (const name of settings.sections) {
      progress(`${name} …`);
      found.push(await sections[name](bench));
    }
  }
  await writeResults(found, settings, await machineOf(startedAt));
  return 0;
}

async function machineOf(startedAt: string): Promise<Machine> {
  const { 'kube-apiserver': apiServer } = await ensureRealParts({ parts: ['kube-apiserver'], progress });
  const goMod = await readFile(projectPath('bench/peers/go/go.mod'), 'utf8');
  return {
    processors: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    kubernetes: apiServer.version,
    controllerRuntime: requiredVersion(goMod, 'sigs.k8s.io/controller-runtime'),
    startedAt,
  };
}

async function writeResults(found: readonly Section[], settings: Settings, machine: Machine): Promise<void> {
  const folder = projectPath('bench/results');
  await mkdir(folder, { recursive: true });
  const name = machine.startedAt.slice(0, 19).replaceAll(/[-:]/g, '');
  const plotFile = `${name}.svg`;
  const markdown = markdownReport(found, settings, machine, plotFile);
  const json = jsonReport(found, settings, machine);
  const plots = found.flatMap(({ plot }) => plot ?? []);
  await writeFile(join(folder, `${name}.md`), markdown);
  await writeFile(join(folder, `${name}.json`), json);
  if (plots.length > 0) await writeFile(join(folder, plotFile), barPlot(plots));
  if (settings.json !== '') await writeFile(settings.json, json);
  process.stdout.write(markdown);
  progress(`written: bench/results/${name}.md, .json${plots.length > 0 ? ', .svg' : ''}`);
}

// A child's handles do not keep this process alive while it is being waited for (test/tools/processes.ts).
const alive = setInterval(() => undefined, 60_000);
try {
  process.exitCode = await main();
} finally {
  clearInterval(alive);
}
