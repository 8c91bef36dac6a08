/**
 * A peer as a process: started, known to be synced, measured, stopped.
 *
 * Guarantee: it never outlives the bench (test/tools/processes.ts).
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { describeOutput, type RunningProcess, startProcess } from '../../test/tools/processes.ts';
import { cpuMilliseconds, memory, openSockets } from './process-figures.ts';

/** How to start one. */
export interface PeerCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** What a peer used up between two moments. */
export interface PeerUse {
  readonly cpuMs: number;
  /** Resident memory at most since its start, in MiB. */
  readonly peakMiB: number;
  /** The median of what was seen in between. */
  readonly sockets: number;
}

export interface Peer extends AsyncDisposable {
  readonly process: RunningProcess;
  /** From the start of the process until it said that it was synced. */
  readonly syncedAfterMs: number;
  /** Measures what the peer uses while `work` goes on. */
  using<Result>(work: () => Promise<Result>): Promise<{ readonly result: Result; readonly use: PeerUse }>;
}

const syncedEventSchema = z.union([
  z.object({ event: z.literal('synced'), at: z.number() }),
  // The operator itself says it in its log.
  z
    .object({ msg: z.literal('caches in sync'), time: z.iso.datetime() })
    .transform(({ time }) => ({ at: Date.parse(time) })),
]);

const sampleEveryMs = 250;

/** Starts a peer and waits until it is synced. @throws Error with its last output when it ends before, or takes too long */
export async function startPeer(
  { args, command, env, name }: PeerCommand,
  folder: string,
  deadlineMs = 120_000,
): Promise<Peer> {
  peers += 1;
  const startedAt = Date.now();
  const running = await startProcess({
    name,
    command,
    args,
    logFile: join(folder, `${name.replaceAll(/\W+/g, '-')}-${peers}.log`),
    env: { ...process.env, ...env },
  });
  try {
    const syncedAt = await whenSynced(running, startedAt + deadlineMs);
    return {
      process: running,
      syncedAfterMs: syncedAt - startedAt,
      using: async (work) => await measured(running, work),
      [Symbol.asyncDispose]: async () => {
        await running.stop();
      },
    };
  } catch (error) {
    await running.kill();
    throw error;
  }
}

let peers = 0;

async function whenSynced(running: RunningProcess, deadline: number): Promise<number> {
  while (Date.now() < deadline && running.isRunning) {
    for (const event of jsonLines(await running.output())) {
      const { data } = syncedEventSchema.safeParse(event);
      if (data !== undefined) return data.at;
    }
    await sleep(20);
  }
  throw new Error(`Cannot use ${running.name}: it is not synced\n${await describeOutput(running)}`);
}

async function measured<Result>(running: RunningProcess, work: () => Promise<Result>) {
  const { pid } = running;
  const sockets: number[] = [];
  const sampling = setInterval(() => {
    void openSockets(pid).then(
      (count) => sockets.push(count),
      () => undefined,
    );
  }, sampleEveryMs);
  const before = await cpuMilliseconds(pid);
  try {
    const result = await work();
    const use: PeerUse = {
      cpuMs: (await cpuMilliseconds(pid)) - before,
      peakMiB: (await memory(pid)).peak,
      sockets:
        sockets.toSorted((one, other) => one - other)[Math.floor(sockets.length / 2)] ?? (await openSockets(pid)),
    };
    return { result, use };
  } catch (error) {
    const state = running.isRunning ? 'does not do its work' : 'has ended';
    throw new Error(`Cannot measure ${running.name}: it ${state}\n${await describeOutput(running)}`, { cause: error });
  } finally {
    clearInterval(sampling);
  }
}

/** The lines of a text that are JSON. */
export function* jsonLines(text: string): Generator {
  for (const line of text.split('\n')) {
    if (!line.startsWith('{')) continue;
    try {
      yield JSON.parse(line);
    } catch {
      // The last line may still be being written.
    }
  }
}
