// Runs `go build` for one binary, with a line of progress at least every ten seconds: compiling Kubernetes takes minutes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Progress, secondsSince, withProgress } from './progress.ts';
import type { GoBinary, GoModule } from './real-parts-cache.ts';
import { type CommandResult, runCommand } from './run-command.ts';
import { compareVersions } from './versions.ts';

/** One build: the binary goes to `output`. */
export interface GoBuild {
  readonly module: GoModule;
  readonly binary: GoBinary;
  readonly output: string;
  readonly progress: Progress;
}

const QUOTED_LINES = 30;

/**
 * Builds a binary with the Go on the PATH.
 * @throws Error if Go is missing or older than the module's go.mod says, or if the build fails (with its last 30 lines)
 */
export async function buildWithGo({ module, binary, output, progress }: GoBuild): Promise<void> {
  await checkGo(module, binary.name);
  const startedAt = performance.now();
  progress(`building ${binary.name} (${binary.position})`);
  const build = spawn(
    'go',
    // -v prints the name of each package that is compiled, which is what the progress counts.
    ['build', '-v', '-buildvcs=false', '-ldflags', module.linkerFlags, '-o', output, binary.package],
    { cwd: module.folder, env: goEnvironment(), stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let packages = 0;
  const lines: string[] = [];
  createInterface(build.stderr).on('line', (line) => {
    packages += 1;
    lines.push(line);
    if (lines.length > QUOTED_LINES) lines.shift();
  });
  await withProgress(
    () => `building ${binary.name} (${binary.position}), ${packages} packages compiled`,
    progress,
    async () => await once(build, 'close'),
  );
  if (build.exitCode !== 0) {
    throw new Error(`Cannot build ${binary.name}: go build failed in ${module.folder}\n${lines.join('\n')}`);
  }
  progress(`built ${binary.name} (${binary.position}) in ${secondsSince(startedAt)} s`);
}

async function checkGo(module: GoModule, binary: string): Promise<void> {
  const needed = `Go ${module.goVersion} or newer is needed`;
  const otherWay =
    module.name === 'control-plane' && binary !== 'kube-controller-manager'
      ? '. The other way is setup-envtest: let KUBEBUILDER_ASSETS name a folder with kube-apiserver, etcd and kubectl'
      : '';
  let result: CommandResult;
  try {
    result = await runCommand('go', ['env', 'GOVERSION'], { cwd: module.folder, env: goEnvironment() });
  } catch (error) {
    throw new Error(`Cannot build ${binary}: Go is not installed, ${needed}${otherWay}`, { cause: error });
  }
  const version = result.stdout.trim();
  if (result.code !== 0 || compareVersions(version, module.goVersion) < 0) {
    const found = version === '' ? result.stderr.trim() : version;
    throw new Error(`Cannot build ${binary}: found "${found}", ${needed}${otherWay}`);
  }
}

/** Only what decides where Go downloads from is the user's; flags and targets of theirs would change what is built. */
function goEnvironment(): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' };
  for (const name of ['GOOS', 'GOARCH']) delete environment[name];
  return environment;
}
