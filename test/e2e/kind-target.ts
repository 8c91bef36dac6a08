/**
 * A kind cluster of our own, with the image that was built for it.
 *
 * Guarantees: the cluster is deleted when the target is disposed; `deploy/kind/test` does it if our process is killed.
 */
import { join } from 'node:path';
import { projectPath } from '../tools/operator-world.ts';
import { progressToStandardError as progress } from '../tools/progress.ts';
import { type CommandResult, runCommand } from '../tools/run-command.ts';
import { createTemporaryFolder } from '../tools/temporary-folder.ts';
import { openClusterTarget, variable } from './cluster-target.ts';
import type { Target } from './target.ts';

/** Kills all processes of a pod on a node. $1 is its UID, as a pattern: cgroups are named after it, with - or _ in it. */
const killPod = 'kill -KILL $(grep -l "pod$1" /proc/[0-9]*/cgroup | cut -d/ -f3)';
const how = 'start it with npm run test:kind';

/**
 * Creates the cluster and installs everything; about a minute. Reads the names of the cluster and of the images from the
 * environment that `deploy/kind/test` sets.
 * @throws Error with the output of the command that failed; no cluster is left then
 */
export async function openKindTarget(): Promise<Target> {
  const cluster = variable('KIND_CLUSTER_NAME', how);
  const image = variable('TRUNKLINE_IMAGE', how);
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await createTemporaryFolder('trunkline-kind-')).path;
  const kubeconfig = join(folder, 'kubeconfig');
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const run = async (command: string, args: readonly string[]): Promise<CommandResult> => {
    const result = await runCommand(command, args, { env });
    if (result.code !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.stderr}${result.stdout}`);
    return result;
  };
  resources.defer(async () => void (await run('kind', ['delete', 'cluster', '--name', cluster])));
  progress(`creating the kind cluster ${cluster}`);
  const config = projectPath('deploy/kind/cluster.yaml');
  const { KIND_NODE_IMAGE: nodeImage = '' } = process.env;
  const ofImage = nodeImage === '' ? [] : ['--image', nodeImage];
  await run('kind', ['create', 'cluster', '--name', cluster, ...ofImage, '--config', config]);
  await run('kind', ['load', 'docker-image', image, '--name', cluster]);
  const target = resources.use(
    await openClusterTarget({
      kubeconfig,
      folder,
      image,
      host: await hostAddress(run),
      hasNodes: true,
      async killPod({ uid }) {
        // Deleting the pod would ask the process to end, and it would give the Lease back.
        await run('docker', ['exec', `${cluster}-control-plane`, 'sh', '-c', killPod, 'sh', uid.replaceAll('-', '.')]);
      },
      async exportLogs() {
        const to = variable('TRUNKLINE_KIND_LOGS', how);
        await run('kind', ['export', 'logs', to, '--name', cluster]);
        return `Logs of the cluster: ${to}\n`;
      },
    }),
  );
  const started = resources.move();
  return { ...target, [Symbol.asyncDispose]: async () => await started.disposeAsync() };
}

/** The IPv4 address of this machine in the network that kind puts its nodes into. */
async function hostAddress(run: (command: string, args: readonly string[]) => Promise<CommandResult>): Promise<string> {
  const { stdout } = await run('docker', ['network', 'inspect', 'kind', '-f', '{{json .IPAM.Config}}']);
  const addresses: { Gateway?: string }[] = JSON.parse(stdout);
  const found = addresses.find(({ Gateway = '' }) => /^[0-9.]+$/.test(Gateway))?.Gateway;
  if (found === undefined) throw new Error(`Cannot reach this machine from kind's network: ${stdout}`);
  return found;
}
