// The real part of the test world: a Kubernetes control plane and LiveKit servers, each with a fault proxy before it.
// The Twilio emulator and the operator are started by whoever needs them.
//
// Guarantees: everything stops and all files go when the world is disposed, and also when our process is killed; nothing
// longer than two seconds is silent.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { type LiveKitServer, startLiveKit } from './livekit.ts';
import type { RunningProcess } from './processes.ts';
import { type Progress, progressToStandardError } from './progress.ts';
import { ensureRealParts } from './real-parts.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

/** What the world holds. */
export interface WorldOptions {
  /** Without it (false) namespaces with content are never deleted, but the world needs no Go under KUBEBUILDER_ASSETS. */
  readonly controllerManager?: boolean;
  /** How many LiveKit servers; 1 if not given. */
  readonly liveKitServers?: number;
  /** Further flags of kube-apiserver. */
  readonly apiServerFlags?: readonly string[];
  /** Who hears about anything that takes longer than two seconds; standard error if not given. */
  readonly progress?: Progress;
}

/** A LiveKit server and the proxy before it. */
export interface ProxiedLiveKit {
  readonly server: LiveKitServer;
  readonly proxy: FaultProxy;
}

/** A running world. */
export interface World extends AsyncDisposable {
  /** A folder for further files and logs; it goes with the world. */
  readonly folder: string;
  readonly controlPlane: ControlPlane;
  /** Before the API server: used by whoever takes `proxiedOperatorKubeconfig`. */
  readonly apiProxy: FaultProxy;
  /** The operator's kubeconfig, through `apiProxy`. */
  readonly proxiedOperatorKubeconfig: string;
  readonly liveKits: readonly ProxiedLiveKit[];
  /** The first LiveKit server. @throws Error if the world was started without one */
  readonly liveKit: ProxiedLiveKit;
  /** All processes of the world. */
  readonly processes: readonly RunningProcess[];
  /**
   * Applies manifest files and folders in the order given, as the administrator, and waits after each until its custom
   * resource definitions are established.
   * @throws Error with kubectl's output if one is refused
   */
  applyManifests(paths: readonly string[]): Promise<void>;
}

/**
 * Starts a world: about ten seconds, once the real parts are in the cache.
 * @throws Error with the last output of the part that did not start; nothing is left running then
 */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const {
    controllerManager = true,
    liveKitServers = 1,
    apiServerFlags = [],
    progress = progressToStandardError,
  } = options;
  const parts = await ensureRealParts({
    parts: [
      'etcd',
      'kube-apiserver',
      'kubectl',
      ...(controllerManager ? ['kube-controller-manager' as const] : []),
      ...(liveKitServers > 0 ? ['redis' as const, 'livekit-server' as const] : []),
    ],
    progress,
  });
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await createTemporaryFolder('trunkline-world-')).path;
  const controlPlaneFolder = join(folder, 'control-plane');
  await mkdir(controlPlaneFolder);

  const startingControlPlane = startControlPlane({ parts, folder: controlPlaneFolder, progress, apiServerFlags }).then(
    (started) => resources.use(started),
  );
  const startingLiveKits = Array.from({ length: liveKitServers }, async (_, index) =>
    resources.use(await startLiveKit({ parts, folder, name: `livekit-${index + 1}`, progress })),
  );
  // If one of them fails, the others must have ended before all are disposed.
  await Promise.allSettled([startingControlPlane, ...startingLiveKits]);
  const controlPlane = await startingControlPlane;
  const servers = await Promise.all(startingLiveKits);

  const apiProxy = resources.use(await startApiProxy(controlPlane));
  const liveKits: ProxiedLiveKit[] = [];
  for (const server of servers) {
    liveKits.push({ server, proxy: resources.use(await startFaultProxy({ upstream: server.url })) });
  }
  const proxiedOperatorKubeconfig = await controlPlane.writeOperatorKubeconfig('proxied-operator', apiProxy.url);
  const started = resources.move();
  return {
    folder,
    controlPlane,
    apiProxy,
    proxiedOperatorKubeconfig,
    liveKits,
    get liveKit() {
      const [first] = liveKits;
      if (first === undefined) throw new Error('Cannot use LiveKit: the world was started with liveKitServers: 0');
      return first;
    },
    get processes() {
      return [...controlPlane.processes, ...servers.flatMap((server) => server.processes)];
    },
    async applyManifests(paths) {
      for (const path of paths) await applyManifest(controlPlane, path);
    },
    [Symbol.asyncDispose]: async () => await started.disposeAsync(),
  };
}

/** The proxy presents the API server's own certificate: same address, and the operator's kubeconfig trusts it already. */
async function startApiProxy(controlPlane: ControlPlane): Promise<FaultProxy> {
  return await startFaultProxy({
    upstream: controlPlane.url,
    certificateAuthority: controlPlane.certificateAuthority,
    servingKeyPair: await controlPlane.servingKeyPair(),
  });
}

async function applyManifest(controlPlane: ControlPlane, path: string): Promise<void> {
  const { stdout } = await controlPlane.kubectl([
    'apply',
    '--server-side',
    '--force-conflicts',
    '-o',
    'name',
    '-f',
    path,
  ]);
  const definitions = stdout.split('\n').filter((name) => name.startsWith('customresourcedefinition.'));
  if (definitions.length === 0) return;
  await controlPlane.kubectl(['wait', '--for=condition=Established', '--timeout=60s', ...definitions]);
}
