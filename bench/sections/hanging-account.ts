/**
 * Hanging account: one account's provider answers nothing, and every call to it ends by its deadline. What is left of the
 * throughput of all others?
 */
import { join } from 'node:path';
import type { Section } from '../figures/report.ts';
import { percentile, ratios } from '../figures/statistics.ts';
import { spreadText } from '../figures/table.ts';
import { startLoader } from '../stage/loader.ts';
import { startPeer } from '../stage/peer-process.ts';
import { peerCommand } from '../stage/peers.ts';
import type { Bench } from './bench.ts';

/** As much as Twilio allows trunks, and ten times the workers. */
const hangingCount = 100;
const hangingFirst = 700_000;
const deadlineMs = 10_000;
/** The others' calls take time too, as outside; without it only the API server would be measured. */
const latencyMs = 20;
/** A run needs seconds per worker: fewer than in the throughput section are enough. */
const objectsMost = 500;

interface Run {
  readonly seconds: number;
  readonly perSecond: number;
  readonly p99Ms: number;
}
/** Whoever is stopped altogether is not waited for longer than so many times the time of a run without. */
const patience = 4;

export async function hangingAccount(bench: Bench): Promise<Section> {
  const objects = Math.min(objectsMost, bench.settings.objects);
  const without: Run[] = [];
  const beside: Run[] = [];
  for (let round = 1; round <= bench.settings.runs; round += 1) {
    const alone = await run(bench, objects);
    const hindered = await run(bench, objects, alone.seconds * 1_000 * patience);
    without.push(alone);
    beside.push(hindered);
    bench.progress(
      `run ${round} of ${bench.settings.runs}: ${alone.perSecond.toFixed(1)} ready/s without, ` +
        `${hindered.perSecond.toFixed(1)} beside a hanging account`,
    );
  }
  const perSecond = (runs: readonly Run[]): readonly number[] => runs.map((one) => one.perSecond);
  return {
    title: 'A hanging account',
    text:
      `${hangingCount} objects of an account whose every call ends by its deadline of ${deadlineMs / 1_000} s are created first; ` +
      `then ${objects} objects of other accounts, whose calls take ${latencyMs} ms. Ready per second of the others, against a run ` +
      'without the hanging account. Each run is a fresh process; one beside a hanging ' +
      `account is ended after ${patience} times the time of the one without.`,
    figures: [
      {
        id: 'hanging-account.throughput-kept',
        title: 'throughput of others beside a hanging account',
        unit: '×',
        samples: ratios(perSecond(beside), perSecond(without)),
        goal: { relation: 'at least', value: 0.95 },
      },
      { id: 'hanging-account.ready.without', title: 'ready/s without', unit: '/s', samples: perSecond(without) },
      { id: 'hanging-account.ready.beside', title: 'ready/s beside it', unit: '/s', samples: perSecond(beside) },
    ],
    tables: [
      {
        heads: ['', 'ready/s of the others', 'p99 ready ms'],
        rows: [
          ['without', spreadText(perSecond(without)), spreadText(without.map(({ p99Ms }) => p99Ms))],
          ['beside a hanging account', spreadText(perSecond(beside)), spreadText(beside.map(({ p99Ms }) => p99Ms))],
        ],
      },
    ],
  };
}

/** With `withinMs` there is a hanging account. */
async function run({ built, settings, world }: Bench, objects: number, withinMs?: number): Promise<Run> {
  const batch = { first: 0, count: objects };
  const hanging = { first: hangingFirst, count: hangingCount, account: 'hanging' };
  await using loader = startLoader({
    kubeconfig: world.controlPlane.adminKubeconfig,
    concurrency: settings.concurrency,
  });
  const command = peerCommand('trunkline-by-account', built, world, { ...settings, latencyMs });
  const args = [...command.args, '--hanging-account=hanging', `--deadline-ms=${deadlineMs}`];
  try {
    await using _peer = await startPeer({ ...command, args }, join(world.folder, 'peers'));
    if (withinMs !== undefined) await loader.run({ do: 'send', ...hanging });
    const limit = withinMs === undefined ? {} : { withinMs };
    const { perObjectMs, seconds } = await loader.run({ do: 'create', ...batch, ...limit });
    return {
      seconds,
      perSecond: perObjectMs.length / seconds,
      p99Ms: perObjectMs.length === 0 ? Number.NaN : percentile(perObjectMs, 99),
    };
  } finally {
    await loader.run({ do: 'purge', ...batch });
    if (withinMs !== undefined) await loader.run({ do: 'purge', ...hanging });
  }
}
