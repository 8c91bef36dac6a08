// The real servers that tests and the demo run on, and where each comes from.
//
// Order for kube-apiserver, etcd and kubectl: the folder in KUBEBUILDER_ASSETS (the convention of setup-envtest), then the
// per-user cache, then a build of the pinned Go modules in ./go. The others: the cache, then a build. A kubectl on the PATH
// is used before one is built, if it fits the API server's version.
// The cache is ${TRUNKLINE_CACHE}, else trunkline in ${XDG_CACHE_HOME} or ~/.cache.
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { type Progress, progressToStandardError } from './progress.ts';
import { buildIntoCache, findCached, readGoModule, requiredVersion } from './real-parts-cache.ts';
import { runCommand } from './run-command.ts';
import { kubectlFitsServer } from './versions.ts';

/** The binaries, in the order in which they are built: quick ones first, and what needs the API server's version last. */
export const PART_NAMES = [
  'redis',
  'livekit-server',
  'gitops',
  'helm',
  'promtool',
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kubectl',
] as const;

/** The name of one binary. */
export type PartName = (typeof PART_NAMES)[number];

/** One binary: its absolute path, where it came from, and its version as it or its go.mod says. */
export interface RealPart {
  readonly path: string;
  readonly source: 'KUBEBUILDER_ASSETS' | 'PATH' | 'cache' | 'build';
  readonly version: string;
}

/** The binaries by name. */
export type RealParts<Name extends PartName = PartName> = Readonly<Record<Name, RealPart>>;

const ORIGINS: Readonly<Record<PartName, { module: string; package: string; versionOf: string }>> = {
  redis: { module: 'redis', package: '.', versionOf: 'github.com/alicebob/miniredis/v2' },
  'livekit-server': {
    module: 'livekit',
    package: 'github.com/livekit/livekit-server/cmd/server',
    versionOf: 'github.com/livekit/livekit-server',
  },
  gitops: { module: 'gitops', package: '.', versionOf: 'sigs.k8s.io/cli-utils' },
  helm: { module: 'helm', package: 'helm.sh/helm/v4/cmd/helm', versionOf: 'helm.sh/helm/v4' },
  promtool: {
    module: 'prometheus',
    package: 'github.com/prometheus/prometheus/cmd/promtool',
    versionOf: 'github.com/prometheus/prometheus',
  },
  etcd: {
    module: 'control-plane',
    package: 'go.etcd.io/etcd/server/v3',
    versionOf: 'go.etcd.io/etcd/server/v3',
  },
  'kube-apiserver': kubernetesOrigin('kube-apiserver'),
  'kube-controller-manager': kubernetesOrigin('kube-controller-manager'),
  kubectl: kubernetesOrigin('kubectl'),
};

function kubernetesOrigin(name: string): { module: string; package: string; versionOf: string } {
  return { module: 'control-plane', package: `k8s.io/kubernetes/cmd/${name}`, versionOf: 'k8s.io/kubernetes' };
}

/** Which binaries are wanted, and who hears about builds (standard error by default). */
export interface RealPartsOptions<Name extends PartName> {
  readonly parts: readonly Name[];
  readonly progress?: Progress;
}

/**
 * Finds or builds the binaries. The first build takes about ten minutes, later calls some milliseconds.
 * @throws Error if a binary can neither be found nor built: Go is missing or too old, or the build failed
 */
export async function ensureRealParts(options?: { readonly progress?: Progress }): Promise<RealParts>;
export async function ensureRealParts<Name extends PartName>(options: RealPartsOptions<Name>): Promise<RealParts<Name>>;
export async function ensureRealParts(
  options: { readonly parts?: readonly PartName[]; readonly progress?: Progress } = {},
): Promise<Partial<RealParts>> {
  const { parts = PART_NAMES, progress = progressToStandardError } = options;
  const found: Partial<Record<PartName, RealPart>> = {};
  const wanted = PART_NAMES.filter((name) => parts.includes(name));
  // One after the other: a build uses all cores by itself.
  for (const [index, name] of wanted.entries()) {
    found[name] = (await findInAssets(name)) ?? (await findOrBuild(name, `${index + 1} of ${wanted.length}`, progress));
  }
  return found;
}

async function findOrBuild(name: PartName, position: string, progress: Progress): Promise<RealPart> {
  const origin = ORIGINS[name];
  const module = await readGoModule(origin.module);
  const version = requiredVersion(module.goMod, origin.versionOf);
  const cached = await findCached(module, name);
  if (cached !== undefined) return { path: cached, source: 'cache', version };
  const onPath = name === 'kubectl' ? await findKubectlOnPath(version) : undefined;
  if (onPath !== undefined) return onPath;
  const path = await buildIntoCache(module, { name, package: origin.package, position }, progress);
  return { path, source: 'build', version };
}

/** setup-envtest's folder holds no kube-controller-manager. */
async function findInAssets(name: PartName): Promise<RealPart | undefined> {
  const { KUBEBUILDER_ASSETS: folder } = process.env;
  if (folder === undefined || folder === '') return undefined;
  if (name !== 'kube-apiserver' && name !== 'etcd' && name !== 'kubectl') return undefined;
  const path = join(folder, name);
  try {
    await access(path, constants.X_OK);
  } catch (error) {
    if (name === 'kubectl') return undefined;
    throw new Error(`Cannot use KUBEBUILDER_ASSETS "${folder}": it holds no ${name}`, { cause: error });
  }
  const args = name === 'kubectl' ? ['version', '--client'] : ['--version'];
  const { stdout } = await runCommand(path, args);
  return { path, source: 'KUBEBUILDER_ASSETS', version: /v?\d+\.\d+\.\d+\S*/.exec(stdout)?.[0] ?? 'unknown' };
}

async function findKubectlOnPath(serverVersion: string): Promise<RealPart | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(':')) {
    const path = join(folder, 'kubectl');
    try {
      await access(path, constants.X_OK);
    } catch {
      continue;
    }
    const { stdout } = await runCommand(path, ['version', '--client']);
    const version = /Client Version: (\S+)/.exec(stdout)?.[1] ?? 'unknown';
    // Only the first one counts, as for a shell.
    return kubectlFitsServer(version, serverVersion) ? { path, source: 'PATH', version } : undefined;
  }
  return undefined;
}
