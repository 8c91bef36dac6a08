/**
 * The whole stage: a real control plane, a real LiveKit server and the Twilio emulator, with the manifests installed, and
 * the operator as a real process that can be started, stopped and killed.
 *
 * Guarantees: as `world.ts`; the emulator's and the operator's ends are tied to the stage too. Waiting figures are short
 * by default, so that a test sees in seconds what takes minutes in production.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startTwilioEmulator, type TwilioEmulator } from '../emulator/twilio/emulator.ts';
import type { TwilioSwitches } from '../emulator/twilio/switches.ts';
import { type RunningProcess, startProcess } from './processes.ts';
import { type Progress, progressToStandardError, withProgress } from './progress.ts';
import { waitUntilReady } from './readiness.ts';
import { startWorld, type World } from './world.ts';

/** A file or folder of the project. */
export function projectPath(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

/** Flags that shorten every wait. */
export const quickFlags: readonly string[] = [
  '--recheck-interval=1s',
  '--late-commit=1500ms',
  '--corrupt-after=1500ms',
  '--corrupt-attempts=3',
  '--corrupt-attempts-over=500ms',
  '--refusals=3',
  '--refusals-over=200ms',
  '--account-refused-after=1500ms',
  '--account-unavailable-after=2500ms',
  '--account-probe-interval=300ms',
  '--backoff-first=100ms',
  '--backoff-most=500ms',
];

/** What a stage is made of. */
export interface OperatorWorldOptions {
  /** The admission policies are installed; true if not given. */
  readonly policies?: boolean;
  readonly switches?: Partial<TwilioSwitches>;
  readonly liveKitServers?: number;
  /** How the API server is reached by the operator; straight if not given. */
  readonly throughApiProxy?: boolean;
  /** Where Twilio is; the emulator of the stage if not given, Twilio itself if it is "twilio.com". */
  readonly twilioBaseUrl?: string;
  /** Waits are as long as in production. */
  readonly isPatient?: boolean;
  readonly progress?: Progress;
}

/** A running stage; made by `startOperatorWorld`. */
export interface OperatorWorld extends AsyncDisposable {
  readonly world: World;
  readonly twilio: TwilioEmulator;
  /** The operator started last. */
  readonly operator: RunningProcess;
  /** Starts the operator and waits until it works; `quickFlags` come first, so that `flags` win over them. */
  startOperator(flags?: readonly string[]): Promise<RunningProcess>;
  /**
   * Starts one more operator beside others and waits until its log has one of `until`, or "engine started" if none is given.
   * It is none of those that `operator` and `operatorLog` speak of, and has a log of its own.
   */
  startReplica(name: string, flags: readonly string[], ...until: readonly string[]): Promise<RunningProcess>;
  /** All that every operator of this stage has printed. */
  operatorLog(): Promise<string>;
}

/**
 * Starts a stage without an operator.
 * @throws Error with the last output of what did not start; nothing is left running then
 */
export async function startOperatorWorld(options: OperatorWorldOptions = {}): Promise<OperatorWorld> {
  const { policies = true, switches = {}, liveKitServers = 1, throughApiProxy = false, isPatient = false } = options;
  const progress = options.progress ?? progressToStandardError;
  await using resources = new AsyncDisposableStack();
  const twilio = resources.use(await startTwilioEmulator({ switches }));
  const { twilioBaseUrl = twilio.url } = options;
  const world = resources.use(await startWorld({ liveKitServers, progress }));
  await withProgress(
    () => 'installing the manifests',
    progress,
    async () => await install(world, policies),
  );
  const logs = join(world.folder, 'operator');
  await mkdir(logs);
  const logFile = join(logs, 'operator.log');
  let operator: RunningProcess | undefined;
  const kubeconfig = throughApiProxy ? world.proxiedOperatorKubeconfig : world.controlPlane.operatorKubeconfig;
  const launch = async (name: string, file: string, flags: readonly string[]): Promise<RunningProcess> =>
    await startProcess({
      name,
      command: process.execPath,
      args: [
        projectPath('src/controller/main.ts'),
        `--kubeconfig=${kubeconfig}`,
        ...(twilioBaseUrl === 'twilio.com' ? [] : [`--twilio-base-url=${twilioBaseUrl}`]),
        '--leader-elect=false',
        ...(isPatient ? [] : quickFlags),
        ...flags,
      ],
      logFile: file,
    });
  const started = resources.move();
  return {
    world,
    twilio,
    get operator() {
      if (operator === undefined) throw new Error('The operator was never started');
      return operator;
    },
    async startOperator(flags = []) {
      const before = await logOf(operator);
      const current = started.use(await launch('trunkline', logFile, flags));
      operator = current;
      const hasStarted = async () => (await logOf(current)).slice(before.length).includes('engine started');
      await waitUntilReady(current, hasStarted, { progress });
      return current;
    },
    async startReplica(name, flags, ...until) {
      const lines = until.length > 0 ? until : ['engine started'];
      const replica = started.use(await launch(name, join(logs, `${name}.log`), flags));
      const isReady = async () => {
        const log = await logOf(replica);
        return lines.some((line) => log.includes(line));
      };
      await waitUntilReady(replica, isReady, { progress });
      return replica;
    },
    operatorLog: async () => await logOf(operator),
    [Symbol.asyncDispose]: async () => await started.disposeAsync(),
  };
}

async function logOf(process: RunningProcess | undefined): Promise<string> {
  return (await process?.output()) ?? '';
}

async function install(world: World, policies: boolean): Promise<void> {
  await world.applyManifests([
    projectPath('deploy/operator/namespace.yaml'),
    projectPath('crds'),
    projectPath('deploy/operator'),
  ]);
  if (!policies) return;
  await world.applyManifests([projectPath('deploy/policies')]);
  await waitForPolicies(world);
}

/** Policies work a moment after they are created: a dry run of what they forbid tells. */
async function waitForPolicies(world: World): Promise<void> {
  const file = join(world.folder, 'policy-probe.json');
  const probe = {
    apiVersion: 'telephony.trunkline.dev/v1alpha1',
    kind: 'PhoneNumber',
    metadata: { name: 'policy-probe', namespace: 'default', annotations: { 'force-delete': 'confirmed' } },
    spec: { phoneNumber: '+15550199999', voice: { sipTrunk: {} } },
  };
  await writeFile(file, JSON.stringify(probe));
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const result = await world.controlPlane.kubectl(['create', '--dry-run=server', '-f', file], { allowFailure: true });
    if (result.code !== 0 && result.stderr.includes('only allowed for corrupted')) return;
  }
  throw new Error('The admission policies do not take effect');
}
