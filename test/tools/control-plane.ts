// A real Kubernetes control plane on 127.0.0.1: etcd, kube-apiserver and, unless switched off, kube-controller-manager.
// There are no nodes: pods stay Pending.
//
// Guarantees: RBAC is in force; the operator's kubeconfig is its service account's and may do only what was granted; a
// restart keeps port, certificate and tokens; everything stops with our process (see processes.ts).
import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ADMINISTRATOR,
  apiServerFlags,
  type ControlPlaneLayout,
  controllerManagerFlags,
  etcdFlags,
  kubeconfigText,
  OPERATOR,
  writeControlPlaneFiles,
} from './control-plane-files.ts';
import { findFreePort } from './free-ports.ts';
import { type RunningProcess, startProcess } from './processes.ts';
import type { Progress } from './progress.ts';
import { httpGet, waitUntilReady } from './readiness.ts';
import type { RealParts } from './real-parts.ts';
import { type RequestFilter, sumRequests } from './request-metrics.ts';
import { type CommandResult, runCommand } from './run-command.ts';

/** What a control plane is made of. */
export interface ControlPlaneOptions {
  readonly parts: RealParts<'etcd' | 'kube-apiserver' | 'kubectl'> & Partial<RealParts<'kube-controller-manager'>>;
  /** An existing empty folder for data, keys and logs. */
  readonly folder: string;
  readonly progress: Progress;
  /** Further flags of kube-apiserver. */
  readonly apiServerFlags?: readonly string[];
}

/** How to run kubectl: as the administrator, unless `as` (with `asGroups`) impersonates or `kubeconfig` is another's. */
export interface KubectlOptions {
  readonly input?: string;
  readonly as?: string;
  readonly asGroups?: readonly string[];
  readonly kubeconfig?: string;
  /** A failing command is a result instead of an error. */
  readonly allowFailure?: boolean;
}

/** An older state of etcd, to go back to. */
export interface EtcdSnapshot {
  readonly folder: string;
}

/** A running control plane; made by `startControlPlane`. */
export class ControlPlane implements AsyncDisposable {
  /** The API server's address, such as "https://127.0.0.1:12345". */
  readonly url: string;
  /** Kubeconfig files. */
  readonly adminKubeconfig: string;
  readonly operatorKubeconfig: string;
  readonly #options: ControlPlaneOptions;
  readonly #layout: ControlPlaneLayout;
  #certificateAuthority = '';
  #etcd: RunningProcess | undefined;
  #apiServer: RunningProcess | undefined;
  #controllerManager: RunningProcess | undefined;
  #snapshots = 0;

  constructor(options: ControlPlaneOptions, layout: ControlPlaneLayout) {
    this.#options = options;
    this.#layout = layout;
    this.url = `https://127.0.0.1:${layout.apiServerPort}`;
    this.adminKubeconfig = join(layout.folder, 'admin.kubeconfig');
    this.operatorKubeconfig = join(layout.folder, 'operator.kubeconfig');
  }

  /** The processes started last, for their ids, logs and whether they run. */
  get processes(): readonly RunningProcess[] {
    return [this.#etcd, this.#apiServer, this.#controllerManager].filter((part) => part !== undefined);
  }

  /** PEM of the certificate that API server clients trust. */
  get certificateAuthority(): string {
    return this.#certificateAuthority;
  }

  /** The API server's own serving key pair in PEM: also good for a proxy on 127.0.0.1, and trusted by the same clients. */
  async servingKeyPair(): Promise<{ readonly key: string; readonly cert: string }> {
    const key = await readFile(join(this.#layout.certificates, 'apiserver.key'), 'utf8');
    return { key, cert: this.#certificateAuthority };
  }

  /** Starts everything and writes the kubeconfigs. Called once, by `startControlPlane`. */
  async start(): Promise<void> {
    await writeControlPlaneFiles(this.#layout);
    // The API server waits for etcd by itself.
    await Promise.all([this.startEtcd(), this.startApiServer()]);
    this.#certificateAuthority = await readFile(join(this.#layout.certificates, 'apiserver.crt'), 'utf8');
    await Promise.all([
      this.#writeKubeconfig(this.adminKubeconfig, this.url, ADMINISTRATOR.token),
      this.#writeKubeconfig(this.operatorKubeconfig, this.url, OPERATOR.token),
    ]);
    await this.#startControllerManager();
  }

  /** Runs kubectl. @throws Error with its output if it fails, unless `allowFailure` is set */
  async kubectl(args: readonly string[], options: KubectlOptions = {}): Promise<CommandResult> {
    const { input, as, asGroups = [], kubeconfig = this.adminKubeconfig, allowFailure = false } = options;
    const impersonation = [
      ...(as === undefined ? [] : [`--as=${as}`]),
      ...asGroups.map((group) => `--as-group=${group}`),
    ];
    // The discovery cache in the home folder goes by host and port: an earlier control plane may have had the same.
    const cache = join(this.#layout.folder, 'kubectl-cache');
    const result = await runCommand(
      this.#options.parts.kubectl.path,
      [`--kubeconfig=${kubeconfig}`, `--cache-dir=${cache}`, ...impersonation, ...args],
      input === undefined ? {} : { input },
    );
    if (result.code !== 0 && !allowFailure) {
      throw new Error(`kubectl ${args.join(' ')} ended with code ${result.code}: ${result.stderr}${result.stdout}`);
    }
    return result;
  }

  /** The operator's kubeconfig with another address for the API server: that of a proxy before it. @returns its path */
  async writeOperatorKubeconfig(name: string, server: string): Promise<string> {
    const path = join(this.#layout.folder, `${name}.kubeconfig`);
    await this.#writeKubeconfig(path, server, OPERATOR.token);
    return path;
  }

  /** The API server's metrics in the Prometheus text format. They start at zero when the API server is restarted. */
  async metrics(): Promise<string> {
    const { status, body } = await this.#get('/metrics');
    if (status !== 200) throw new Error(`Cannot read the API server's metrics: status ${status}`);
    return body;
  }

  /** How many requests the API server has answered, by its own count. */
  async countRequests(filter: RequestFilter): Promise<number> {
    return sumRequests(await this.metrics(), filter);
  }

  /** Stops the API server as a crash does (SIGKILL). Its port then refuses connections. */
  async stopApiServer(): Promise<void> {
    await this.#apiServer?.kill();
  }

  /** Starts the API server, again on the same port, and waits until it is ready. */
  async startApiServer(): Promise<void> {
    const flags = [...apiServerFlags(this.#layout), ...(this.#options.apiServerFlags ?? [])];
    this.#apiServer = await this.#startPart('kube-apiserver', this.#options.parts['kube-apiserver'].path, flags);
    await waitUntilReady(this.#apiServer, async () => await this.#isReady(), this.#options);
  }

  /** Freezes the API server: connections are accepted and never answered. */
  suspendApiServer(): void {
    this.#apiServer?.signal('SIGSTOP');
  }

  /** Ends `suspendApiServer`. */
  resumeApiServer(): void {
    this.#apiServer?.signal('SIGCONT');
  }

  /** Stops etcd at once. The API server keeps running and fails most requests. */
  async stopEtcd(): Promise<void> {
    await this.#etcd?.kill();
  }

  /** Starts etcd on the data that it has. */
  async startEtcd(): Promise<void> {
    this.#etcd = await this.#startPart('etcd', this.#options.parts.etcd.path, etcdFlags(this.#layout));
    const health = `http://127.0.0.1:${this.#layout.etcdPort}/health`;
    await waitUntilReady(this.#etcd, async () => (await httpGet(health)).status === 200, this.#options);
  }

  /** Copies etcd's data; etcd is down meanwhile (about a second), and so is most of the API. */
  async takeSnapshot(): Promise<EtcdSnapshot> {
    this.#snapshots += 1;
    const folder = join(this.#layout.folder, `etcd-snapshot-${this.#snapshots}`);
    await this.stopEtcd();
    await cp(this.#layout.etcdData, folder, { recursive: true });
    await this.startEtcd();
    await waitUntilReady(this.#runningApiServer(), async () => await this.#isReady(), this.#options);
    return { folder };
  }

  /**
   * Puts an older state back, as after a disaster: resource versions go backwards for every client. The API server and the
   * controller manager are restarted, as Kubernetes asks for, since their caches hold what no longer exists.
   */
  async restoreSnapshot(snapshot: EtcdSnapshot): Promise<void> {
    await Promise.all([this.#controllerManager?.kill(), this.stopApiServer(), this.stopEtcd()]);
    await rm(this.#layout.etcdData, { recursive: true, force: true });
    // Aside first: etcd must never find half a copy.
    await cp(snapshot.folder, `${this.#layout.etcdData}.copy`, { recursive: true });
    await rename(`${this.#layout.etcdData}.copy`, this.#layout.etcdData);
    await Promise.all([this.startEtcd(), this.startApiServer()]);
    await this.#startControllerManager();
  }

  /** Kills everything at once: the data are thrown away anyway. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.processes.map(async (part) => await part.kill()));
  }

  async #startControllerManager(): Promise<void> {
    const part = this.#options.parts['kube-controller-manager'];
    if (part === undefined) return;
    const flags = controllerManagerFlags(this.#layout, this.adminKubeconfig);
    this.#controllerManager = await this.#startPart('kube-controller-manager', part.path, flags);
    // It serves no port here. The default service account is the first thing that it makes.
    const path = '/api/v1/namespaces/default/serviceaccounts/default';
    await waitUntilReady(this.#controllerManager, async () => (await this.#get(path)).status === 200, this.#options);
  }

  async #startPart(name: string, command: string, args: readonly string[]): Promise<RunningProcess> {
    return await startProcess({ name, command, args, logFile: join(this.#layout.folder, `${name}.log`) });
  }

  #runningApiServer(): RunningProcess {
    if (this.#apiServer === undefined) throw new Error('The API server was never started');
    return this.#apiServer;
  }

  async #isReady(): Promise<boolean> {
    // At the first start the certificate appears a moment after the process.
    this.#certificateAuthority = await readFile(join(this.#layout.certificates, 'apiserver.crt'), 'utf8');
    return (await this.#get('/readyz')).status === 200;
  }

  async #get(path: string): Promise<{ readonly status: number; readonly body: string }> {
    const certificateAuthority = this.#certificateAuthority;
    return await httpGet(`${this.url}${path}`, { certificateAuthority, token: ADMINISTRATOR.token });
  }

  async #writeKubeconfig(path: string, server: string, token: string): Promise<void> {
    const certificateAuthority = this.#certificateAuthority;
    await writeFile(path, kubeconfigText({ server, certificateAuthority, token }), { mode: 0o600 });
  }
}

/**
 * Starts a control plane on free ports and waits until all of it works.
 * @throws Error with the last output of the part that did not start; nothing is left running then
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const [apiServerPort, etcdPort, etcdPeerPort] = [await findFreePort(), await findFreePort(), await findFreePort()];
  const controlPlane = new ControlPlane(options, {
    folder: options.folder,
    etcdData: join(options.folder, 'etcd'),
    certificates: join(options.folder, 'certificates'),
    apiServerPort,
    etcdPort,
    etcdPeerPort,
  });
  try {
    await controlPlane.start();
    return controlPlane;
  } catch (error) {
    await controlPlane[Symbol.asyncDispose]();
    throw error;
  }
}
