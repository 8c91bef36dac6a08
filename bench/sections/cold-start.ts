/**
 * Cold start: the whole operator, and the peers, start where many objects are up already. Time until they are synced,
 * memory then and under work, and what is written at rest.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { World } from '../../test/tools/world.ts';
import type { Figure } from '../figures/figure.ts';
import type { Section } from '../figures/report.ts';
import { ratios } from '../figures/statistics.ts';
import { spreadText } from '../figures/table.ts';
import { startLoader } from '../stage/loader.ts';
import { startOutside, workingAccount } from '../stage/outside.ts';
import { type PeerCommand, startPeer } from '../stage/peer-process.ts';
import { memory } from '../stage/process-figures.ts';
import { peerCommand, peerTitles } from '../stage/peers.ts';
import { countAllWrites } from '../stage/request-counts.ts';
import type { Bench } from './bench.ts';

/** The goals are for so many. */
const goalObjects = 10_000;
/** Half of what Twilio allows trunks in an account. */
const workingCount = 50;
const workingFirst = 600_000;
/** After the sync, so that what the start left behind is collected or is there to stay. */
const settleMs = 5_000;

const starters = ['operator', 'go', 'client-node'] as const;
type Starter = (typeof starters)[number];
const titles: Readonly<Record<Starter, string>> = { ...peerTitles, operator: 'Trunkline, the whole operator' };

interface Start {
  readonly seconds: number;
  readonly residentMiB: number;
  readonly peakMiB: number;
}

interface Population {
  readonly objects: number;
  readonly starts: ReadonlyMap<Starter, Start[]>;
}

export async function coldStart(bench: Bench): Promise<Section> {
  const { progress, settings, world } = bench;
  const populations: Population[] = [];
  const writesAtRest: number[] = [];
  const underWork: number[] = [];
  await using loader = startLoader({
    kubeconfig: world.controlPlane.adminKubeconfig,
    concurrency: settings.concurrency,
  });
  let present = 0;
  for (const objects of settings.populations) {
    progress(`creating ${objects - present} objects that are up already`);
    await loader.run({ do: 'populate', first: present, count: objects - present });
    present = objects;
    const starts = new Map<Starter, Start[]>(starters.map((name) => [name, []]));
    for (let run = 1; run <= settings.runs; run += 1) {
      for (const name of starters) {
        const start = await startOnce(bench, name);
        starts.get(name)?.push(start);
        progress(
          `${objects} objects, ${titles[name]}: ${start.seconds.toFixed(2)} s, ${start.residentMiB.toFixed(0)} MiB`,
        );
      }
    }
    populations.push({ objects, starts });
    if (objects > goalObjects) continue;
    writesAtRest.push(await writesOfARest(bench));
    underWork.push(await peakUnderWork(bench));
  }
  return section(populations, writesAtRest, underWork, settings.restMs);
}

async function commandOf({ built, settings, world }: Bench, name: Starter, twilioUrl = ''): Promise<PeerCommand> {
  if (name !== 'operator') return peerCommand(name, built, world, settings);
  const kubeconfig = await tokenFileKubeconfig(world);
  return {
    name: titles.operator,
    command: process.execPath,
    args: [
      ...settings.nodeFlags,
      built.operator,
      `--kubeconfig=${kubeconfig}`,
      '--leader-elect=false',
      ...(twilioUrl === '' ? [] : [`--twilio-base-url=${twilioUrl}`]),
    ],
  };
}

/** As in a pod: the token is in a file of its own, which is read again and again. */
async function tokenFileKubeconfig({ controlPlane, folder }: World): Promise<string> {
  const text = await readFile(controlPlane.operatorKubeconfig, 'utf8');
  const [, token = ''] = /"token": "([^"]*)"/.exec(text) ?? [];
  const tokenFile = join(folder, 'operator.token');
  const path = join(folder, 'token-file.kubeconfig');
  await writeFile(tokenFile, `${token}\n`, { mode: 0o600 });
  await writeFile(path, text.replace(`"token": "${token}"`, `"tokenFile": ${JSON.stringify(tokenFile)}`), {
    mode: 0o600,
  });
  return path;
}

async function startOnce(bench: Bench, name: Starter): Promise<Start> {
  await using peer = await startPeer(await commandOf(bench, name), join(bench.world.folder, 'peers'));
  await sleep(settleMs);
  const { peak, resident } = await memory(peer.process.pid);
  return { seconds: peer.syncedAfterMs / 1_000, residentMiB: resident, peakMiB: peak };
}

async function writesOfARest(bench: Bench): Promise<number> {
  const { progress, settings, world } = bench;
  await using _operator = await startPeer(await commandOf(bench, 'operator'), join(world.folder, 'peers'));
  await sleep(settleMs);
  progress(`at rest for ${settings.restMs / 1_000} s`);
  const before = await countAllWrites(world.controlPlane);
  await sleep(settings.restMs);
  return (await countAllWrites(world.controlPlane)) - before;
}

/** Numbers are brought up and taken down beside all those at rest. @returns MiB */
async function peakUnderWork(bench: Bench): Promise<number> {
  const { progress, settings, world } = bench;
  // One of its own: the API server has ended the connection of the other during the rest.
  await using loader = startLoader({
    kubeconfig: world.controlPlane.adminKubeconfig,
    concurrency: settings.concurrency,
  });
  progress(`${workingCount} numbers at work on the Twilio emulator and a real LiveKit server`);
  const indexes = Array.from({ length: workingCount }, (_, offset) => workingFirst + offset);
  await using outside = await startOutside(world, indexes, progress);
  await using operator = await startPeer(
    await commandOf(bench, 'operator', outside.twilioUrl),
    join(world.folder, 'peers'),
  );
  const batch = { first: workingFirst, count: workingCount };
  const { use } = await operator.using(async () => {
    await loader.run({ do: 'create', ...batch, account: workingAccount });
    await loader.run({ do: 'delete', ...batch });
  });
  return use.peakMiB;
}

function section(
  populations: readonly Population[],
  writesAtRest: readonly number[],
  underWork: readonly number[],
  restMs: number,
): Section {
  const of = ({ starts }: Population, name: Starter, measure: (start: Start) => number): readonly number[] =>
    (starts.get(name) ?? []).map(measure);
  const seconds = (start: Start): number => start.seconds;
  const resident = (start: Start): number => start.residentMiB;
  const figures = populations.flatMap((population): readonly Figure[] => {
    const { objects } = population;
    const isGoal = objects === goalObjects;
    return [
      {
        id: `cold-start.${objects}.seconds`,
        title: `start to synced with ${objects} objects`,
        unit: 's',
        samples: of(population, 'operator', seconds),
        ...(isGoal ? { goal: { relation: 'at most', value: 2 } } : {}),
      },
      {
        id: `cold-start.${objects}.resident`,
        title: `resident memory with ${objects} objects`,
        unit: 'MiB',
        samples: of(population, 'operator', resident),
        ...(isGoal ? { goal: { relation: 'at most', value: megabytes(150) } } : {}),
      },
      {
        id: `cold-start.${objects}.resident.ratio-to-go`,
        title: `resident memory with ${objects} objects to Go's`,
        unit: '×',
        samples: ratios(of(population, 'operator', resident), of(population, 'go', resident)),
      },
    ];
  });
  const rest: readonly Figure[] =
    writesAtRest.length === 0
      ? []
      : [
          {
            id: 'rest.writes',
            title: `writes in ${restMs / 1_000} s at rest`,
            unit: '',
            samples: writesAtRest,
            goal: { relation: 'exactly', value: 0 },
          },
          {
            id: 'under-work.peak',
            title: `peak memory of the whole operator, ${workingCount} numbers at work`,
            unit: 'MiB',
            samples: underWork,
            goal: { relation: 'at most', value: megabytes(250) },
          },
        ];
  return {
    title: 'Cold start, memory and rest',
    text:
      'Objects with finalizer, intent and a full status are there before anything starts. The operator is the whole one, with ' +
      'a token file; the Go peer and the informer know PhoneNumbers only. Seconds are from the start of the process until it ' +
      `says that its caches are synced; memory is resident ${settleMs / 1_000} s after that. Writes at rest are those of anybody to ` +
      'anything the operator has to do with. Under work the operator brings numbers up and takes them down on the Twilio ' +
      'emulator and a real LiveKit server, beside all those at rest.',
    figures: [...figures, ...rest],
    tables: populations.map((population) => ({
      heads: [`${population.objects} objects`, 'seconds', 'resident MiB', 'peak MiB'],
      rows: starters.map((name) => [
        titles[name],
        spreadText(of(population, name, seconds)),
        spreadText(of(population, name, resident)),
        spreadText(of(population, name, (start) => start.peakMiB)),
      ]),
    })),
  };
}

/** In MiB: the goals are in powers of ten, and the kernel counts in powers of two. */
function megabytes(count: number): number {
  return (count * 1e6) / 2 ** 20;
}
