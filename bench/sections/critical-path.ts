/**
 * Critical path: one object at a time, each call to a provider takes 100 ms. Seconds, calls that had to wait for each
 * other, and writes.
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { Figure } from '../figures/figure.ts';
import type { Section } from '../figures/report.ts';
import { sequentialRounds, spreadOf } from '../figures/statistics.ts';
import { spreadText } from '../figures/table.ts';
import { type Loader, startLoader } from '../stage/loader.ts';
import { jsonLines, type Peer, startPeer } from '../stage/peer-process.ts';
import { announceSocket, peerCommand } from '../stage/peers.ts';
import { countRequests, countsBetween } from '../stage/request-counts.ts';
import type { Bench } from './bench.ts';

const latencyMs = 100;
/** Detach, read back, calls, rule, inbound, trunk, proof (DESIGN section 7). */
const wantedRounds = 7;
const first = 800_000;

/** One create or delete. */
interface Step {
  readonly seconds: number;
  readonly rounds: number;
  readonly calls: number;
  readonly writes: number;
}

interface Case {
  readonly title: string;
  readonly outbound: boolean;
  readonly create: Step[];
  readonly remove: Step[];
}

const callSchema = z.object({ event: z.literal('provider'), name: z.string(), from: z.number(), to: z.number() });

export async function criticalPath(bench: Bench): Promise<Section> {
  // A single object costs no time, and a median wants several.
  const runs = Math.max(3, bench.settings.runs);
  const limit = await writesAlone(bench, runs);
  const cases: readonly Case[] = [
    { title: 'inbound only', outbound: false, create: [], remove: [] },
    { title: 'with outbound calls', outbound: true, create: [], remove: [] },
  ];
  const { built, settings, world } = bench;
  const command = peerCommand('trunkline-by-account', built, world, { ...settings, latencyMs });
  await using peer = await startPeer({ ...command, args: [...command.args, '--trace'] }, join(world.folder, 'peers'));
  await using loader = startLoader({ kubeconfig: world.controlPlane.adminKubeconfig, concurrency: 1 });
  // The first pass of a process compiles what the later ones use.
  await loader.run({ do: 'create', first, count: 1 });
  await loader.run({ do: 'delete', first, count: 1 });
  for (let run = 1; run <= runs; run += 1) {
    for (const { create, outbound, remove } of cases) {
      create.push(await step(bench, peer, loader, { do: 'create', first: first + run, outbound }));
      remove.push(await step(bench, peer, loader, { do: 'delete', first: first + run, outbound }));
    }
  }
  return section(cases, limit);
}

async function step(
  { world }: Bench,
  peer: Peer,
  loader: Loader,
  command: { readonly do: 'create' | 'delete'; readonly first: number; readonly outbound: boolean },
): Promise<Step> {
  const callsBefore = (await callsOf(peer)).length;
  const before = await countRequests(world.controlPlane);
  const { seconds } = await loader.run({ ...command, count: 1 });
  const { metadataWrites, statusWrites } = countsBetween(before, await countRequests(world.controlPlane));
  const calls = (await callsOf(peer)).slice(callsBefore);
  return { seconds, rounds: sequentialRounds(calls), calls: calls.length, writes: metadataWrites + statusWrites };
}

async function callsOf(peer: Peer) {
  return [...jsonLines(await peer.process.output())].flatMap((line) => callSchema.safeParse(line).data ?? []);
}

/** The same with the bare writer: what the API server, the writes and the loader's own look take without any provider. */
async function writesAlone({ built, settings, world }: Bench, runs: number): Promise<readonly number[]> {
  await using _writer = await startPeer(
    peerCommand('bare-writer', built, world, settings),
    join(world.folder, 'peers'),
  );
  await using loader = startLoader({
    kubeconfig: world.controlPlane.adminKubeconfig,
    concurrency: 1,
    announce: announceSocket(world),
  });
  const seconds: number[] = [];
  for (let run = 0; run <= runs; run += 1) {
    await loader.run({ do: 'create', first, count: 1 });
    const removal = await loader.run({ do: 'delete', first, count: 1 });
    if (run > 0) seconds.push(removal.seconds);
  }
  return seconds;
}

function section(cases: readonly Case[], limit: readonly number[]): Section {
  const seconds = (steps: readonly Step[]): readonly number[] => steps.map((one) => one.seconds);
  const rounds = (steps: readonly Step[]): readonly number[] => steps.map((one) => one.rounds);
  const twoWrites = spreadOf(limit).median;
  const latency = latencyMs / 1_000;
  const most = wantedRounds * latency + twoWrites;
  const figures = cases.flatMap(({ create, outbound, remove, title }): readonly Figure[] => {
    const id = outbound ? 'outbound' : 'inbound';
    return [
      {
        id: `critical-path.${id}.delete.rounds`,
        title: `rounds of provider calls per delete, ${title}`,
        unit: '',
        samples: rounds(remove),
        goal: { relation: 'at most', value: wantedRounds },
      },
      {
        id: `critical-path.${id}.delete.seconds`,
        title: `delete → gone at ${latencyMs} ms per call, ${title}`,
        unit: 's',
        samples: seconds(remove),
        goal: { relation: 'at most', value: most },
      },
      {
        id: `critical-path.${id}.delete.writes`,
        title: `writes per delete at ${latencyMs} ms per call, ${title}`,
        unit: '',
        samples: remove.map(({ writes }) => writes),
        goal: { relation: 'exactly', value: 2 },
      },
      {
        id: `critical-path.${id}.create.rounds`,
        title: `rounds of provider calls per create, ${title}`,
        unit: '',
        samples: rounds(create),
      },
      {
        id: `critical-path.${id}.create.seconds`,
        title: `create → Ready at ${latencyMs} ms per call, ${title}`,
        unit: 's',
        samples: seconds(create),
      },
    ];
  });
  return {
    title: 'Critical path',
    text:
      `One object at a time; each call to a provider takes ${latencyMs} ms. A round is a call that began after the one before ` +
      'had ended; calls at the same time are one round. Seconds are from the request of the loader to the event that it ' +
      `sees. The bare writer, which calls no provider, needs ${(twoWrites * 1_000).toFixed(0)} ms for the same delete: that is ` +
      'what "two API writes" are here. A pass that takes longer than two seconds writes its progress, so it has a third write.',
    figures,
    tables: [
      {
        heads: ['', 'seconds', 'rounds', 'calls', 'writes'],
        rows: cases.flatMap(({ create, remove, title }) =>
          [
            { what: 'create', steps: create },
            { what: 'delete', steps: remove },
          ].map(({ steps, what }) => [
            `${what}, ${title}`,
            spreadText(seconds(steps)),
            spreadText(rounds(steps)),
            spreadText(steps.map(({ calls }) => calls)),
            spreadText(steps.map(({ writes }) => writes)),
          ]),
        ),
      },
    ],
  };
}
