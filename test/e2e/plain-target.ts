/**
 * The target that is always there: the control plane of test/tools, with the operator's replicas as processes.
 *
 * Guarantees: as `operator-world.ts`. The Lease is short, so that a killed leader is replaced in seconds.
 */
import { startOperatorWorld } from '../tools/operator-world.ts';
import type { RunningProcess } from '../tools/processes.ts';
import type { Target } from './target.ts';

/**
 * A removal that fails by accident is tried for a minute before it is given up: upgrades take a while on a busy machine.
 * One that is refused for good is given up in a moment, as on every stage.
 */
export const replicaFlags: readonly string[] = [
  '--leader-elect=true',
  '--lease-duration=8s',
  '--renew-deadline=5s',
  '--retry-period=500ms',
  '--provider-timeout=2500ms',
  '--corrupt-after=60s',
  '--account-unavailable-after=60s',
];

const leads = 'engine started';
const waits = 'another replica leads';

/**
 * Starts a control plane with everything installed; about ten seconds.
 * @throws Error with the last output of what did not start; nothing is left running then
 */
export async function openPlainTarget(): Promise<Target> {
  const stage = await startOperatorWorld();
  const all: RunningProcess[] = [];
  let running: readonly RunningProcess[] = [];
  const start = async (until: string): Promise<void> => {
    // On a busy machine a leader may lose its Lease just then, and the new one leads at once.
    const replica = await stage.startReplica(`replica-${all.length + 1}`, replicaFlags, until, leads);
    all.push(replica);
    running = [...running, replica];
  };
  const stop = async (replica: RunningProcess): Promise<void> => {
    await replica.stop();
    running = running.filter((other) => other !== replica);
  };
  return {
    hasNodes: false,
    stage,
    async scale(replicas) {
      while (running.length < replicas) await start(running.length === 0 ? leads : waits);
      for (const replica of running.slice(replicas)) await stop(replica);
    },
    async killLeader() {
      const leader = await findLeader(running);
      await leader.kill();
      running = running.filter((other) => other !== leader);
    },
    async roll() {
      for (const old of running) {
        await start(waits);
        await stop(old);
      }
    },
    logs: async () => (await Promise.all(all.map(async (replica) => await replica.output()))).join(''),
    [Symbol.asyncDispose]: async () => await stage[Symbol.asyncDispose](),
  };
}

/** The one that has begun to work and has not ended; a replica never stops leading without ending. */
async function findLeader(running: readonly RunningProcess[]): Promise<RunningProcess> {
  for (const replica of running) {
    if ((await replica.output()).includes(leads)) return replica;
  }
  throw new Error('No replica leads');
}
