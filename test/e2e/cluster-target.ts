/**
 * A cluster with the operator's image and its Helm chart, whichever cluster it is. The Twilio emulator and LiveKit run beside
 * it, on this machine, and are reached through an address that this machine has for the cluster's pods.
 *
 * Guarantees: nothing is installed where Trunkline is already, and everything that was installed goes with the target.
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
import { replicaFlags } from './plain-target.ts';
import type { Target } from './target.ts';

const pods = 'app.kubernetes.io/name=trunkline';
const deployment = 'deployment/trunkline';

/** A pod, as far as somebody needs to know it to end it. */
export interface LeadingPod {
  readonly name: string;
  readonly uid: string;
}

/** A cluster, and what only its kind of cluster can do. */
export interface Cluster {
  readonly kubeconfig: string;
  /** For files that go with the target. */
  readonly folder: string;
  /** Such as `trunkline:e2e`: the nodes have it, or can pull it. */
  readonly image: string;
  /** An address of this machine that pods reach. */
  readonly host: string;
  /** Its nodes may be drained. */
  readonly hasNodes: boolean;
  /** Ends all processes of a pod without a chance to say anything. */
  killPod(pod: LeadingPod, kubectl: (args: readonly string[]) => Promise<CommandResult>): Promise<void>;
  /** More logs, in words that say where they are; empty if there are none. */
  exportLogs(): Promise<string>;
}

/**
 * Installs everything; about half a minute.
 * @throws Error with the output of the command that failed, or if Trunkline is installed already; nothing is left then
 */
export async function openClusterTarget(cluster: Cluster): Promise<Target> {
  const { folder, host, image, kubeconfig } = cluster;
  await using resources = new AsyncDisposableStack();
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const kubectl = async (args: readonly string[], options: KubectlOptions = {}): Promise<CommandResult> => {
    const person = options.as === undefined ? [] : [`--as=${options.as}`];
    const all = [`--cache-dir=${join(folder, 'kubectl-cache')}`, ...person, ...args];
    const result = await runCommand('kubectl', all, { env, input: options.input ?? '' });
    if (result.code === 0 || options.allowFailure === true) return result;
    throw new Error(`kubectl ${args.join(' ')}: ${result.stderr}${result.stdout}`);
  };
  const operator = async (args: readonly string[]) => await kubectl([`--namespace=${operatorNamespace}`, ...args]);

  const { stdout: installed } = await kubectl([
    'get',
    'crd',
    '-l',
    'app.kubernetes.io/part-of=trunkline',
    '-o',
    'name',
  ]);
  if (installed !== '') throw new Error('Cannot test here: Trunkline is installed in this cluster already');
  const twilio = resources.use(await startTwilioEmulator());
  const parts = await ensureRealParts({ parts: ['redis', 'livekit-server'] });
  const server = resources.use(await startLiveKit({ parts, folder, name: 'livekit', progress }));
  const twilioProxy = resources.use(await startTcpProxy(twilio.port, host));
  const liveKitProxy = resources.use(await startTcpProxy(Number(new URL(server.url).port), host));

  const flags = [`--twilio-base-url=http://${host}:${twilioProxy.port}`, ...quickFlags, ...replicaFlags];
  progress('installing the chart');
  const helm = await openHelm(folder, kubeconfig, progress);
  resources.defer(async () => await uninstall(kubectl, helm));
  await kubectl(['apply', '-f', projectPath('deploy/operator/namespace.yaml')]);
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
    hasNodes: cluster.hasNodes,
    stage,
    async scale(replicas) {
      await operator(['scale', deployment, `--replicas=${replicas}`]);
      await rollOut();
      if (replicas === 0) await operator(['wait', 'pods', '-l', pods, '--for=delete', '--timeout=60s']);
    },
    async killLeader() {
      const { stdout } = await operator(['get', 'lease', 'trunkline', '-o', 'jsonpath={.spec.holderIdentity}']);
      const [name = ''] = stdout.split('_');
      const { stdout: uid } = await operator(['get', 'pod', name, '-o', 'jsonpath={.metadata.uid}']);
      await cluster.killPod({ name, uid }, operator);
    },
    async roll() {
      await operator(['rollout', 'restart', deployment]);
      await rollOut();
    },
    async logs() {
      return `${await stage.operatorLog()}\n${await cluster.exportLogs()}`;
    },
    [Symbol.asyncDispose]: async () => await started.disposeAsync(),
  };
}

/** Whatever a test has left; it may have uninstalled everything itself. */
async function uninstall(
  kubectl: (args: readonly string[], options?: KubectlOptions) => Promise<CommandResult>,
  helm: Awaited<ReturnType<typeof openHelm>>,
): Promise<void> {
  const tolerant = { allowFailure: true };
  await helm(['uninstall', 'trunkline', `--namespace=${operatorNamespace}`], tolerant);
  const ours = ['-l', 'app.kubernetes.io/part-of=trunkline'];
  await kubectl(['annotate', 'crd', ...ours, 'telephony.trunkline.dev/uninstall=confirmed', '--overwrite'], tolerant);
  // The API server looks again only after two minutes when it finds a CRD that has just been changed.
  await kubectl(['delete', 'crd', ...ours, '--timeout=180s'], tolerant);
  await kubectl(['delete', 'namespace', operatorNamespace, '--timeout=60s'], tolerant);
}

function imageOf(image: string): object {
  const [, repository = image, tag = 'latest'] = /^(.+):([^:/]+)$/.exec(image) ?? [];
  return { image: { repository, tag } };
}

/** A flag as the chart takes it. */
function optionOf(flag: string): readonly [string, string] {
  const [, name = '', value = ''] = /^--([^=]+)=(.*)$/.exec(flag) ?? [];
  return [name, value];
}

/** A variable of the environment that the target needs. @throws Error if it is not set */
export function variable(name: string, how: string): string {
  const { [name]: value = '' } = process.env;
  if (value === '') throw new Error(`Cannot open the target of the e2e suite: ${name} is not set; ${how}`);
  return value;
}
