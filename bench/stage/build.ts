/**
 * What is measured is what is shipped: the operator and the peers on Node as compiled JavaScript, the Go peer as a binary
 * in the same cache as the real parts.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { Progress } from '../../test/tools/progress.ts';
import { buildIntoCache, findCached, type GoModule, readGoModule } from '../../test/tools/real-parts-cache.ts';
import { runCommand } from '../../test/tools/run-command.ts';
import { projectPath } from './bench-world.ts';

/** Entry files of the compiled programs. */
export interface Built {
  readonly operator: string;
  readonly ours: string;
  readonly clientNode: string;
  readonly bareWriter: string;
  readonly go: string;
}

/** @throws Error when something does not compile; the first build of the Go peer takes minutes */
export async function buildPeers(progress: Progress): Promise<Built> {
  const compiled = await compile();
  return {
    operator: join(compiled, 'src/controller/main.js'),
    ours: join(compiled, 'bench/ours/main.js'),
    clientNode: join(compiled, 'bench/peers/client-node/main.js'),
    bareWriter: join(compiled, 'bench/peers/bare-writer/main.js'),
    go: await buildGoPeer(progress),
  };
}

/** Inside node_modules, where packages are found and nothing is ever committed. */
async function compile(): Promise<string> {
  const folder = projectPath('node_modules/.cache/trunkline-bench');
  await mkdir(folder, { recursive: true });
  // Below node_modules the project's own package.json is out of reach.
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  const configuration = {
    extends: projectPath('tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      allowImportingTsExtensions: false,
      rootDir: projectPath('.'),
      outDir: join(folder, 'built'),
      types: ['node'],
      typeRoots: [projectPath('node_modules/@types')],
    },
    include: ['src', 'bench/ours', 'bench/peers', 'bench/api'].map(projectPath),
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(configuration));
  const { code, stderr, stdout } = await runCommand(process.execPath, [
    projectPath('node_modules/typescript/bin/tsc'),
    '-p',
    join(folder, 'tsconfig.json'),
  ]);
  if (code !== 0) throw new Error(`Cannot compile the operator and its peers: ${stdout}${stderr}`);
  return join(folder, 'built');
}

const goFolder = 'bench/peers/go';

async function buildGoPeer(progress: Progress): Promise<string> {
  const folder = projectPath(goFolder);
  const hash = createHash('sha256').update(`${process.platform}\0${process.arch}\0`);
  for (const file of (await readdir(folder)).toSorted()) hash.update(await readFile(join(folder, file))).update('\0');
  const goMod = await readFile(join(folder, 'go.mod'), 'utf8');
  // The cache is where the other modules' binaries are.
  const { cacheFolder: neighbour } = await readGoModule('redis');
  const module: GoModule = {
    name: 'bench',
    folder,
    goMod,
    goVersion: /^go (\S+)$/m.exec(goMod)?.[1] ?? '1.0',
    cacheFolder: join(dirname(neighbour), `bench-${hash.digest('hex').slice(0, 16)}`),
    linkerFlags: '-s -w',
  };
  const cached = await findCached(module, 'go-peer');
  return cached ?? (await buildIntoCache(module, { name: 'go-peer', package: '.', position: '1 of 1' }, progress));
}
