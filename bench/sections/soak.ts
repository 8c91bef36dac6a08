/**
 * Soak: churn and faults for minutes. Nothing may be missed, nothing may crash, and memory may not grow.
 *
 * The operator's engine reaches the API server through the fault proxy, the loader goes straight.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { FaultProxy } from '../../test/tools/fault-proxy.ts';
import type { FaultRule } from '../../test/tools/faults.ts';
import type { Section } from '../figures/report.ts';
import { percentile, spreadOf } from '../figures/statistics.ts';
import { spreadText } from '../figures/table.ts';
import { startLoader } from '../stage/loader.ts';
import { jsonLines, type Peer, startPeer } from '../stage/peer-process.ts';
import { memory } from '../stage/process-figures.ts';
import { peerCommand } from '../stage/peers.ts';
import type { Bench } from './bench.ts';

/** What the field knows (kubernetes-client.md, section 7), as far as a proxy can make it. */
const faults: readonly { readonly name: string; readonly rule: FaultRule }[] = [
  { name: 'reset', rule: { effect: { kind: 'reset' }, times: 3 } },
  { name: '500', rule: { effect: { kind: 'status', status: 500, body: failure(500, 'InternalError') }, times: 3 } },
  {
    name: '429 with Retry-After',
    rule: {
      effect: { kind: 'status', status: 429, body: failure(429, 'TooManyRequests'), headers: { 'retry-after': '1' } },
      times: 5,
    },
  },
  {
    name: '410 on a watch',
    rule: { effect: { kind: 'status', status: 410, body: failure(410, 'Expired') }, path: /watch=true/, times: 1 },
  },
  { name: 'reply dropped', rule: { effect: { kind: 'dropReply' }, method: 'PATCH', times: 2 } },
  { name: 'slow', rule: { effect: { kind: 'delay', milliseconds: 500 }, times: 20 } },
  { name: 'watch cut mid-line', rule: { effect: { kind: 'cut', afterBytes: 2_000 }, path: /watch=true/, times: 1 } },
];

const faultEveryMs = 5_000;
/** After the last fault: backoffs, relists and whatever they delayed. */
const patienceMs = 180_000;
const mostGrowth = 1.1;

interface Sample {
  readonly seconds: number;
  readonly residentMiB: number;
}

export async function soak(bench: Bench): Promise<Section> {
  const { progress, settings, world } = bench;
  const command = peerCommand('trunkline-by-account', bench.built, world, { ...settings, latencyMs: 5 });
  const kubeconfig = `--kubeconfig=${world.proxiedOperatorKubeconfig}`;
  await using peer = await startPeer({ ...command, args: [...command.args, kubeconfig] }, join(world.folder, 'peers'));
  await using loader = startLoader({
    kubeconfig: world.controlPlane.adminKubeconfig,
    concurrency: settings.concurrency,
  });
  const batch = { first: 0, count: settings.objects };
  progress(`creating ${settings.objects} objects`);
  await loader.run({ do: 'create', ...batch });
  const stopping = new AbortController();
  const sampling = sample(peer, progress, stopping.signal);
  const making = makeFaults(world.apiProxy, settings.soakMs, stopping.signal);
  try {
    const { missed, operations } = await loader.run({
      do: 'churn',
      ...batch,
      milliseconds: settings.soakMs,
      patienceMs,
    });
    stopping.abort();
    return section(
      settings.soakMs,
      operations,
      missed,
      await making,
      await sampling,
      panicsIn(await peer.process.output()),
    );
  } finally {
    stopping.abort();
    await Promise.allSettled([making, sampling]);
  }
}

/** @returns how many of which fault were made */
async function makeFaults(proxy: FaultProxy, forMs: number, signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const made = new Map<string, number>();
  const until = performance.now() + forMs;
  while (performance.now() < until && (await slept(faultEveryMs * (0.5 + Math.random()), signal))) {
    const chosen = faults[Math.floor(Math.random() * (faults.length + 1))];
    const name = chosen?.name ?? 'watches cut';
    if (chosen === undefined) proxy.cutStreams();
    else proxy.faults.add(chosen.rule);
    made.set(name, (made.get(name) ?? 0) + 1);
    // A proxy for tests remembers every request.
    proxy.clearRequests();
  }
  proxy.faults.clear();
  return made;
}

async function sample(peer: Peer, progress: Bench['progress'], signal: AbortSignal): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const startedAt = performance.now();
  while (await slept(5_000, signal)) {
    const { resident } = await memory(peer.process.pid);
    const seconds = (performance.now() - startedAt) / 1_000;
    samples.push({ seconds, residentMiB: resident });
    if (samples.length % 12 === 0) progress(`${(seconds / 60).toFixed(0)} min, ${resident.toFixed(0)} MiB`);
  }
  return samples;
}

/** @returns false when the signal has ended it */
async function slept(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  return await sleep(milliseconds, true, { signal }).catch(() => false);
}

const failedSchema = z.object({ msg: z.literal('reconcile failed'), err: z.object({ name: z.string() }) });

/** What the API server does under faults is no defect of the operator's; everything else that a reconcile throws is. */
function panicsIn(log: string): number {
  const failures = [...jsonLines(log)].flatMap((line) => failedSchema.safeParse(line).data ?? []);
  return failures.filter(({ err }) => err.name !== 'KubernetesError').length;
}

function section(
  soakMs: number,
  operations: number,
  missed: readonly string[],
  made: ReadonlyMap<string, number>,
  samples: readonly Sample[],
  panics: number,
): Section {
  const resident = samples.map(({ residentMiB }) => residentMiB);
  // The first half is warming up: the heap has its size only after the first large collections.
  const middle = resident.slice(Math.floor(resident.length / 2), Math.floor((resident.length * 3) / 4));
  const end = resident.slice(Math.floor((resident.length * 3) / 4));
  const growth = middle.length > 0 && end.length > 0 ? spreadOf(end).median / spreadOf(middle).median : Number.NaN;
  return {
    title: 'Soak',
    text:
      `${soakMs / 60_000} minutes of churn, ${operations} operations of the loader, with a fault every ${faultEveryMs / 1_000} s or so. ` +
      'At the end every object has to exist and to be Ready in its last generation. Growth compares the last quarter of the ' +
      'time with the one before it.',
    figures: [
      {
        id: 'soak.missed',
        title: 'objects whose last generation was not observed',
        unit: '',
        samples: [missed.length],
        goal: { relation: 'exactly', value: 0 },
      },
      {
        id: 'soak.panics',
        title: 'reconciles that threw',
        unit: '',
        samples: [panics],
        goal: { relation: 'exactly', value: 0 },
      },
      {
        id: 'soak.memory-growth',
        title: 'growth of resident memory',
        unit: '×',
        samples: [growth],
        goal: { relation: 'at most', value: mostGrowth },
      },
      {
        id: 'soak.memory',
        title: 'resident memory',
        unit: 'MiB',
        samples: resident.length === 0 ? [Number.NaN] : resident,
      },
    ],
    tables: [
      { heads: ['fault', 'times'], rows: [...made].map(([name, times]) => [name, String(times)]) },
      {
        heads: ['resident memory', 'MiB'],
        rows: [0, 0.25, 0.5, 0.75].flatMap((from) => {
          const part = resident.slice(Math.floor(resident.length * from), Math.floor(resident.length * (from + 0.25)));
          const name = `from ${((soakMs / 60_000) * from).toFixed(1)} min`;
          return part.length === 0
            ? []
            : [[name, `${spreadText(part)}, 95 % below ${percentile(part, 95).toFixed(0)}`]];
        }),
      },
      ...(missed.length === 0 ? [] : [{ heads: ['not observed'], rows: missed.slice(0, 20).map((name) => [name]) }]),
    ],
  };
}

/** A Status as the API server would send it. */
function failure(code: number, reason: string): object {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'made by the bench',
    reason,
    code,
  };
}
