// Builds the binaries of the Go modules in ./go and keeps them in a per-user cache.
//
// Guarantees:
// - A binary is in the cache under its final name only when it is complete: it is built aside and renamed.
// - Two processes may ask at once: the second waits for the first; if the lock is ever broken, both build the same file.
// - The folder's name holds a hash of all that decides the result, so an unchanged module is never built twice.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildWithGo } from './go-build.ts';
import type { Progress } from './progress.ts';
import { withBuildLock } from './build-lock.ts';

/** One of the Go modules in ./go, read from disk. */
export interface GoModule {
  readonly name: string;
  readonly folder: string;
  readonly goMod: string;
  /** The lowest Go version that its go.mod allows, such as "1.26.0". */
  readonly goVersion: string;
  /** Where its binaries are kept. */
  readonly cacheFolder: string;
  readonly linkerFlags: string;
}

/** One binary of a module. */
export interface GoBinary {
  readonly name: string;
  readonly package: string;
  /** For progress lines, such as "2 of 6". */
  readonly position: string;
}

const ABANDONED_AFTER_MILLISECONDS = 24 * 60 * 60 * 1_000;

/**
 * Reads a module of ./go and works out where its binaries belong.
 * @param name the folder's name, such as "control-plane"
 */
export async function readGoModule(name: string): Promise<GoModule> {
  const folder = fileURLToPath(new URL(`./go/${name}/`, import.meta.url));
  const sources = (await readdir(folder)).filter((file) => file.endsWith('.go')).toSorted();
  const goMod = await readFile(join(folder, 'go.mod'), 'utf8');
  const linkerFlags = linkerFlagsFor(goMod);
  const hash = createHash('sha256');
  for (const part of [goMod, linkerFlags, process.platform, process.arch]) hash.update(`${part}\0`);
  for (const file of ['go.sum', ...sources]) hash.update(await readFile(join(folder, file))).update('\0');
  return {
    name,
    folder,
    goMod,
    goVersion: /^go (\S+)$/m.exec(goMod)?.[1] ?? '1.0',
    cacheFolder: join(cacheRoot(), `${name}-${hash.digest('hex').slice(0, 16)}`),
    linkerFlags,
  };
}

/**
 * The version of a dependency that a go.mod asks for, such as "v1.36.3".
 * @throws Error if the go.mod does not name the dependency
 */
export function requiredVersion(goMod: string, dependency: string): string {
  const line = goMod.split('\n').find((candidate) => {
    const words = candidate
      .trim()
      .replace(/^require /, '')
      .split(' ');
    return words[0] === dependency && words[1]?.startsWith('v') === true;
  });
  const version = / (v\S+)/.exec(line ?? '')?.[1];
  if (version === undefined) throw new Error(`Cannot find the version of ${dependency} in go.mod`);
  return version;
}

/** The path of a binary in the cache, or undefined if it has to be built. */
export async function findCached(module: GoModule, binary: string): Promise<string | undefined> {
  const path = join(module.cacheFolder, binary);
  try {
    await access(path, constants.X_OK);
    return path;
  } catch {
    return undefined;
  }
}

/**
 * Builds a binary into the cache, unless another process has just done so.
 * @returns the binary's path
 * @throws Error if Go is missing, too old, or the build fails
 */
export async function buildIntoCache(module: GoModule, binary: GoBinary, progress: Progress): Promise<string> {
  const root = cacheRoot();
  await mkdir(module.cacheFolder, { recursive: true });
  return await withBuildLock(join(root, 'build.lock'), progress, async () => {
    const cached = await findCached(module, binary.name);
    if (cached !== undefined) return cached;
    await removeAbandonedBuilds(root);
    const aside = await mkdtemp(join(root, '.building-'));
    try {
      await buildWithGo({ module, binary, output: join(aside, binary.name), progress });
      const path = join(module.cacheFolder, binary.name);
      await rename(join(aside, binary.name), path);
      return path;
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
  });
}

function cacheRoot(): string {
  const { TRUNKLINE_CACHE, XDG_CACHE_HOME } = process.env;
  return join(TRUNKLINE_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'trunkline'), 'real-parts');
}

/** Kubernetes' binaries take their version from the linker; without it clients cannot parse what they report. */
function linkerFlagsFor(goMod: string): string {
  const strip = '-s -w';
  if (!goMod.includes('k8s.io/kubernetes v')) return strip;
  const version = requiredVersion(goMod, 'k8s.io/kubernetes');
  const [major, minor] = version.slice(1).split('.');
  const set = Object.entries({ gitVersion: version, gitMajor: major, gitMinor: minor });
  return [strip, ...set.map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)].join(' ');
}

/** A killed build leaves its folder behind. It harms nobody but the disk; a day is longer than any build. */
async function removeAbandonedBuilds(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (!name.startsWith('.building-')) continue;
    const path = join(root, name);
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > ABANDONED_AFTER_MILLISECONDS) await rm(path, { recursive: true, force: true });
  }
}
