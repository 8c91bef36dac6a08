/**
 * The peers: whose work is compared, and how each is started.
 */
import { join } from 'node:path';
import type { World } from '../../test/tools/world.ts';
import type { Settings } from '../options.ts';
import type { Built } from './build.ts';
import type { PeerCommand } from './peer-process.ts';

/** In the order in which tables show them. */
export const peerNames = [
  'trunkline',
  'trunkline-by-account',
  'go',
  'go-three-writes',
  'client-node',
  'bare-writer',
] as const;
export type PeerName = (typeof peerNames)[number];

/** What the tables call them. */
export const peerTitles: Readonly<Record<PeerName, string>> = {
  trunkline: 'Trunkline',
  'trunkline-by-account': 'Trunkline, workers per account',
  go: 'Go controller-runtime',
  'go-three-writes': 'Go, its usual three writes',
  'client-node': 'client-node informer as shipped',
  'bare-writer': 'bare writer (the limit)',
};

/**
 * Calls to providers, one after the other, that Trunkline makes for one create and one delete with outbound calls: with a
 * latency the other peers wait as long.
 */
const rounds = { create: 20, delete: 7 };

/** The socket on which the loader tells the bare writer of its writes. */
export function announceSocket(world: World): string {
  return join(world.folder, 'announce.sock');
}

export function peerCommand(name: PeerName, built: Built, world: World, settings: Settings): PeerCommand {
  const kubeconfig = world.controlPlane.operatorKubeconfig;
  const { goMemoryLimit, latencyMs, nodeFlags, workers } = settings;
  const title = peerTitles[name];
  const flags = [`--kubeconfig=${kubeconfig}`, `--workers=${workers}`];
  const waits = [`--create-rounds=${rounds.create}`, `--delete-rounds=${rounds.delete}`];
  const onNode = (...args: readonly string[]): PeerCommand => ({
    name: title,
    command: process.execPath,
    args: [...args, ...flags],
  });
  switch (name) {
    case 'trunkline':
      return onNode(...nodeFlags, built.ours, `--latency-ms=${latencyMs}`);
    case 'trunkline-by-account':
      return onNode(...nodeFlags, built.ours, `--latency-ms=${latencyMs}`, '--by-account');
    case 'client-node':
      return onNode(built.clientNode, `--latency-ms=${latencyMs}`, ...waits);
    case 'bare-writer':
      return onNode(built.bareWriter, `--announce=${announceSocket(world)}`);
    case 'go':
    case 'go-three-writes':
      return {
        name: title,
        command: built.go,
        args: [
          `--kubeconfig-file=${kubeconfig}`,
          `--workers=${workers}`,
          `--latency=${latencyMs}ms`,
          `--writes=${name === 'go' ? 4 : 3}`,
          ...waits,
        ],
        env: goMemoryLimit === '' ? {} : { GOMEMLIMIT: goMemoryLimit },
      };
  }
}
