/**
 * A kind cluster with the operator's image and its Helm chart. The Twilio emulator and LiveKit run beside it, on
 * this machine, and are reached through the address that kind's network has here.
 *
 * Guarantees: the cluster is deleted when the target is disposed; `deploy/kind/test` does it if our process is killed.
 */
import { join } from 'node:path';
import { startTwilioEmulator } from '../emulator/twilio/emulator.ts';
import type { KubectlOptions } from '../tools/control-plane.ts';
import { openHelm } from '../tools/helm.ts';
import { startLiveKit } from '../tools/livekit.ts';
import { projectPath, quickFlags } from '../tools/operator-world.ts';
import { progressToStandardError as progress } from '../tools/progress.ts';
import { ensureRealParts } from '../tools/real-parts.ts';
import { type CommandResult, runCommand } from '../tools/run-command.ts';
import { operatorNamespace, type SceneStage } from '../tools/scene.ts';
import { startTcpProxy } from '../tools/tcp-proxy.ts';
import { createTemporaryFolder } from '../tools/temporary-folder.ts';
import { replicaFlags } from './plain-target.ts';
import type { Target } from './target.ts';

const pods = 'app.kubernetes.io/name=trunkline';
const deployment = 'deployment/trunkline';

/** Kills all processes of a pod on a node. $1 is its UID, as a pattern: cgroups are named after it, with - or _ in it. */
const killPod = 'kill -KILL $(grep -l "pod$1" /proc/[0-9]*/cgroup | cut -d/ -f3)';

/**
 * Creates the cluster and installs everything; about a minute. Reads the names of the cluster and of the images from the
 * environment that `deploy/kind/test` sets.
 * @throws Error with the output of the command that failed; no cluster is left then
 */
export async function openKindTarget(): Promise<Target> {
  const cluster = variable('KIND_CLUSTER_NAME');
  const image = variable('TRUNKLINE_IMAGE');
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await createTemporaryFolder('trunkline-kind-')).path;
  const kubeconfig = join(folder, 'kubeconfig');
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const run = async (command: string, args: readonly string[], input = ''): Promise<CommandResult> => {
    const result = await runCommand(command, args, { env, input });
    if (result.code !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.stderr}${result.stdout}`);
    return result;
  };
  const kubectl = async (args: readonly string[], options: KubectlOptions = {}): Promise<CommandResult> => {
    const person = options.as === undefined ? [] : [`--as=${options.as}`];
    const all = [`--cache-dir=${join(folder, 'kubectl-cache')}`, ...person, ...args];
    if (options.allowFailure !== true) return await run('kubectl', all, options.input);
    return await runCommand('kubectl', all, { env, input: options.input ?? '' });
  };
  const operator = async (args: readonly string[]) => await kubectl([`--namespace=${operatorNamespace}`, ...args]);

  resources.defer(async () => void (await run('kind', ['delete', 'cluster', '--name', cluster])));
  progress(`creating the kind cluster ${cluster}`);
  const config = projectPath('deploy/kind/cluster.yaml');
  const { KIND_NODE_IMAGE: nodeImage = '' } = process.env;
  const ofImage = nodeImage === '' ? [] : ['--image', nodeImage];
  await run('kind', ['create', 'cluster', '--name', cluster, ...ofImage, '--config', config]);
  await run('kind', ['load', 'docker-image', image, '--name', cluster]);

  const host = await hostAddress(run);
  const twilio = resources.use(await startTwilioEmulator());
  const parts = await ensureRealParts({ parts: ['redis', 'livekit-server'] });
  const server = resources.use(await startLiveKit({ parts, folder, name: 'livekit', progress }));
  const twilioProxy = resources.use(await startTcpProxy(twilio.port, host));
  const liveKitProxy = resources.use(await startTcpProxy(Number(new URL(server.url).port), host));

  const flags = [`--twilio-base-url=http://${host}:${twilioProxy.port}`, ...quickFlags, ...replicaFlags];
  progress('installing the chart');
  await kubectl(['apply', '-f', projectPath('deploy/operator/namespace.yaml')]);
  const helm = await openHelm(folder, kubeconfig, progress);
  const values = { ...imageOf(image), options: Object.fromEntries(flags.map(optionOf)) };
  const given = Object.entries(values).map(([name, value]) => `--set-json=${name}=${JSON.stringify(value)}`);
  await helm(['install', 'trunkline', projectPath('deploy/chart'), `--namespace=${operatorNamespace}`, ...given]);
  // Each test says how many it wants.
  await operator(['scale', deployment, '--replicas=0']);
  const rollOut = async () => void (await operator(['rollout', 'status', deployment, '--timeout=120s']));

  const stage: SceneStage = {
    twilio,
    world: {
      controlPlane: { kubectl },
      liveKit: {
        server: {
          url: `http://${host}:${liveKitProxy.port}`,
          apiKey: server.apiKey,
          apiSecret: server.apiSecret,
          dump: async () => await server.dump(),
          isEmpty: async () => await server.isEmpty(),
        },
      },
    },
    operatorLog: async () => (await operator(['logs', '-l', pods, '--tail=40', '--prefix'])).stdout,
  };
  const started = resources.move();
  return {
    hasNodes: true,
    stage,
    async scale(replicas) {
      await operator(['scale', deployment, `--replicas=${replicas}`]);
      await rollOut();
      if (replicas === 0) await operator(['wait', 'pods', '-l', pods, '--for=delete', '--timeout=60s']);
    },
    async killLeader() {
      const { stdout } = await operator(['get', 'lease', 'trunkline', '-o', 'jsonpath={.spec.holderIdentity}']);
      const [pod = ''] = stdout.split('_');
      const { stdout: uid } = await operator(['get', 'pod', pod, '-o', 'jsonpath={.metadata.uid}']);
      // Deleting the pod would ask the process to end, and it would give the Lease back.
      await run('docker', ['exec', `${cluster}-control-plane`, 'sh', '-c', killPod, 'sh', uid.replaceAll('-', '.')]);
    },
    async roll() {
      await operator(['rollout', 'restart', deployment]);
      await rollOut();
    },
    async logs() {
      const to = variable('TRUNKLINE_KIND_LOGS');
      await run('kind', ['export', 'logs', to, '--name', cluster]);
      return `${await stage.operatorLog()}\nLogs of the cluster: ${to}\n`;
    },
    [Symbol.asyncDispose]: async () => await started.disposeAsync(),
  };
}

function variable(name: string): string {
  const { [name]: value = '' } = process.env;
  if (value === '') throw new Error(`Cannot use kind: ${name} is not set; start it with npm run test:kind`);
  return value;
}

/** The IPv4 address of this machine in the network that kind puts its nodes into. */
async function hostAddress(run: (command: string, args: readonly string[]) => Promise<CommandResult>): Promise<string> {
  const { stdout } = await run('docker', ['network', 'inspect', 'kind', '-f', '{{json .IPAM.Config}}']);
  const addresses: { Gateway?: string }[] = JSON.parse(stdout);
  const found = addresses.find(({ Gateway = '' }) => /^[0-9.]+$/.test(Gateway))?.Gateway;
  if (found === undefined) throw new Error(`Cannot reach this machine from kind's network: ${stdout}`);
  return found;
}

function imageOf(image: string): object {
  const [repository, tag] = image.split(':');
  return { image: { repository, tag } };
}

/** A flag as the chart takes it. */
function optionOf(flag: string): readonly [string, string] {
  const [, name = '', value = ''] = /^--([^=]+)=(.*)$/.exec(flag) ?? [];
  return [name, value];
}
