/**
 * Throughput: all peers in turns on one API server, each as a fresh process that brings a batch up and takes it down.
 */
import { join } from 'node:path';
import type { World } from '../../test/tools/world.ts';
import type { Answer } from '../load/commands.ts';
import type { Figure, Goal } from '../figures/figure.ts';
import type { Section } from '../figures/report.ts';
import { percentile, ratios } from '../figures/statistics.ts';
import { spreadText } from '../figures/table.ts';
import { startLoader } from '../stage/loader.ts';
import { type PeerUse, startPeer } from '../stage/peer-process.ts';
import { cpuMilliseconds } from '../stage/process-figures.ts';
import { announceSocket, peerCommand, type PeerName, peerNames, peerTitles } from '../stage/peers.ts';
import { countRequests, countsBetween, type RequestCounts } from '../stage/request-counts.ts';
import type { Bench } from './bench.ts';

/** One half of a run: all up, or all gone. */
interface Half {
  readonly perSecond: number;
  readonly p99Ms: number;
  readonly use: PeerUse;
  /** What the API server and etcd had to do for it, with the loader's requests. */
  readonly serverCpuMs: number;
  readonly requests: RequestCounts;
}

interface Run {
  readonly create: Half;
  readonly remove: Half;
}

/** Far from the indexes that are measured. */
const warmUpFirst = 900_000;

export async function throughput(bench: Bench): Promise<Section> {
  const { progress, settings } = bench;
  const runs = new Map<PeerName, Run[]>(peerNames.map((name) => [name, []]));
  for (let round = 0; round < settings.runs; round += 1) {
    // Whoever goes first finds another API server than whoever goes last: so everybody goes first once.
    const order = peerNames.map((_, index) => peerNames[(index + round) % peerNames.length] ?? 'go');
    for (const name of order) {
      const run = await runPeer(bench, name);
      runs.get(name)?.push(run);
      progress(
        `run ${round + 1} of ${settings.runs}, ${peerTitles[name]}: ${run.create.perSecond.toFixed(0)} ready/s, ` +
          `${run.remove.perSecond.toFixed(0)} gone/s`,
      );
    }
  }
  return section(settings.objects, (name) => runs.get(name) ?? []);
}

async function runPeer(bench: Bench, name: PeerName): Promise<Run> {
  const { built, settings, world } = bench;
  await using peer = await startPeer(peerCommand(name, built, world, settings), join(world.folder, 'peers'));
  await using loader = startLoader({
    kubeconfig: world.controlPlane.adminKubeconfig,
    concurrency: settings.concurrency,
    ...(name === 'bare-writer' ? { announce: announceSocket(world) } : {}),
  });
  const half = async (work: () => Promise<Answer>): Promise<Half> => {
    const cpuBefore = await serverCpu(world);
    const before = await countRequests(world.controlPlane);
    const { result, use } = await peer.using(work);
    const requests = countsBetween(before, await countRequests(world.controlPlane));
    return {
      perSecond: settings.objects / result.seconds,
      p99Ms: percentile(result.perObjectMs, 99),
      use,
      serverCpuMs: (await serverCpu(world)) - cpuBefore,
      requests,
    };
  };
  const warmUp = { first: warmUpFirst, count: settings.warmUp };
  await peer.using(async () => {
    await loader.run({ do: 'create', ...warmUp });
    await loader.run({ do: 'delete', ...warmUp });
  });
  const batch = { first: 0, count: settings.objects };
  return {
    create: await half(async () => await loader.run({ do: 'create', ...batch })),
    remove: await half(async () => await loader.run({ do: 'delete', ...batch })),
  };
}

async function serverCpu({ controlPlane }: World): Promise<number> {
  const times = await Promise.all(controlPlane.processes.map(async ({ pid }) => await cpuMilliseconds(pid)));
  return times.reduce((sum, one) => sum + one, 0);
}

function section(objects: number, runsOf: (name: PeerName) => readonly Run[]): Section {
  const of = (name: PeerName, measure: (run: Run) => number): readonly number[] => runsOf(name).map(measure);
  const writes = (half: Half): number => (half.requests.metadataWrites + half.requests.statusWrites) / objects;
  const measures = {
    ready: (run: Run) => run.create.perSecond,
    gone: (run: Run) => run.remove.perSecond,
    cpu: (run: Run) => (run.create.use.cpuMs + run.remove.use.cpuMs) / objects,
    memory: (run: Run) => run.remove.use.peakMiB,
    sockets: (run: Run) => Math.max(run.create.use.sockets, run.remove.use.sockets),
  };
  const ratio = (measure: keyof typeof measures, other: PeerName, title: string, goal: Goal): Figure => ({
    id: `throughput.${measure}.ratio-to-${other}`,
    title,
    unit: '×',
    samples: ratios(of('trunkline', measures[measure]), of(other, measures[measure])),
    goal,
  });
  const exactly = (value: number): Goal => ({ relation: 'exactly', value });
  const figures: Figure[] = [
    {
      id: 'writes.create',
      title: 'writes per create',
      unit: '',
      samples: of('trunkline', (run) => writes(run.create)),
      goal: exactly(2),
    },
    {
      id: 'writes.delete',
      title: 'writes per delete',
      unit: '',
      samples: of('trunkline', (run) => writes(run.remove)),
      goal: exactly(2),
    },
    ratio('ready', 'go', "ready/s to Go's", { relation: 'at least', value: 1.15 }),
    ratio('gone', 'go', "gone/s to Go's", { relation: 'at least', value: 1.15 }),
    ratio('ready', 'bare-writer', "ready/s to the bare writer's", { relation: 'at least', value: 0.85 }),
    ratio('gone', 'bare-writer', "gone/s to the bare writer's", { relation: 'at least', value: 0.85 }),
    ratio('cpu', 'go', "CPU per object to Go's", { relation: 'at most', value: 0.5 }),
    ratio('memory', 'go', "peak memory to Go's", { relation: 'at most', value: 1.2 }),
    ...peerNames.flatMap((name) =>
      [
        { key: 'ready', unit: '/s', measure: measures.ready },
        { key: 'gone', unit: '/s', measure: measures.gone },
        { key: 'cpu', unit: 'ms', measure: measures.cpu },
        { key: 'memory', unit: 'MiB', measure: measures.memory },
        { key: 'sockets', unit: '', measure: measures.sockets },
      ].map(({ key, measure, unit }) => ({
        id: `throughput.${key}.${name}`,
        title: `${key}, ${peerTitles[name]}`,
        unit,
        samples: of(name, measure),
      })),
    ),
  ];
  const toGo = (name: PeerName, measure: (run: Run) => number) =>
    spreadText(ratios(of(name, measure), of('go', measure)));
  return {
    title: 'Throughput',
    text:
      `${objects} objects are created and deleted by one loader, twenty requests at a time, while the peer brings them up and ` +
      'takes them down; times end when the loader sees the last one. Ratios are of runs side by side. CPU is user and system ' +
      'time of the peer per object created and deleted; memory is the most that was ever resident.',
    figures,
    tables: [
      {
        heads: ['peer', 'ready/s', '× Go', 'gone/s', '× Go', 'CPU ms/object', '× Go', 'peak MiB', '× Go', 'sockets'],
        rows: peerNames.map((name) => [
          peerTitles[name],
          spreadText(of(name, measures.ready)),
          toGo(name, measures.ready),
          spreadText(of(name, measures.gone)),
          toGo(name, measures.gone),
          spreadText(of(name, measures.cpu)),
          toGo(name, measures.cpu),
          spreadText(of(name, measures.memory)),
          toGo(name, measures.memory),
          spreadText(of(name, measures.sockets)),
        ]),
      },
      {
        heads: [
          'requests per object',
          'create',
          'delete',
          'conflicts',
          'GET',
          'LIST',
          'p99 ready ms',
          'p99 gone ms',
          'server CPU ms',
        ],
        rows: peerNames.map((name) => [
          peerTitles[name],
          spreadText(of(name, (run) => writes(run.create))),
          spreadText(of(name, (run) => writes(run.remove))),
          spreadText(of(name, (run) => (run.create.requests.conflicts + run.remove.requests.conflicts) / objects)),
          spreadText(of(name, (run) => (run.create.requests.gets + run.remove.requests.gets) / objects)),
          spreadText(of(name, (run) => (run.create.requests.lists + run.remove.requests.lists) / objects)),
          spreadText(of(name, (run) => run.create.p99Ms)),
          spreadText(of(name, (run) => run.remove.p99Ms)),
          spreadText(of(name, (run) => (run.create.serverCpuMs + run.remove.serverCpuMs) / objects)),
        ]),
      },
    ],
    plot: [
      { title: 'objects ready per second', bars: bars(measures.ready) },
      { title: 'objects gone per second', bars: bars(measures.gone) },
      { title: 'CPU per object, ms', bars: bars(measures.cpu) },
      { title: 'peak resident memory, MiB', bars: bars(measures.memory) },
    ],
  };

  function bars(measure: (run: Run) => number) {
    return peerNames.map((name) => ({ label: peerTitles[name], samples: of(name, measure) }));
  }
}
