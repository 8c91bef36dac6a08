// Child processes that are always stopped: the servers of the test world and the operator under test.
//
// Guarantees:
// - When our process ends - normally, by Ctrl-C, by SIGTERM or by SIGKILL - every child is killed with its whole process
//   group. Each child runs below a small shell that holds one end of a pipe to us; when our end closes, it kills.
// - Only processes started here are ever signalled.
// - A running child does not keep our process alive, so a script that forgets to dispose still ends.
// - Standard output and standard error go to a file, and errors quote its last lines.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** What to run. `name` is for messages; `env` replaces the whole environment; output is appended to `logFile`. */
export interface ProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Signals a process can be sent. */
export type ProcessSignal = 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGINT' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2';

/** A child process. Disposing kills it at once (SIGKILL); `stop` gives it time to end by itself. */
export interface RunningProcess extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly command: readonly string[];
  readonly logFile: string;
  /** True until the process has ended. */
  readonly isRunning: boolean;
  /** Sends a signal to the process; nothing happens if it has ended. */
  signal(signal: ProcessSignal): void;
  /** Waits for the end and returns the exit code; 128 + n after signal n. Keeps our own process alive meanwhile. */
  exited(): Promise<number>;
  /** SIGTERM, then SIGKILL after the grace time (10 s if not given). Returns the exit code as `exited` does. */
  stop(graceMilliseconds?: number): Promise<number>;
  /** SIGKILL, and waits until the process is gone. */
  kill(): Promise<number>;
  /** All that the process has printed so far. */
  output(): Promise<string>;
}

/**
 * $@ is the command. Descriptor 3 reports to us, descriptor 4 is the lifeline: nobody writes to it, `read` returns when our
 * process is gone. `kill 0` means this shell's own process group, which holds the child and all of its descendants.
 */
const SUPERVISOR = `
"$@" </dev/null 3>&- 4<&- &
child=$!
echo "pid $child" >&3
( read -r line <&4; kill -KILL 0 ) 3>&- &
exec 4<&-
wait "$child"
echo "exit $?" >&3
kill -KILL 0
`;

const EXIT_CODE_OF_SIGKILL = 137;
const DEFAULT_GRACE_MILLISECONDS = 10_000;

/**
 * Starts a process and returns once it runs. It may not be ready yet: see `waitUntilReady` in readiness.ts.
 * @throws Error if the supervising shell cannot be started; a command that does not exist ends at once with code 127
 */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const log = openSync(options.logFile, 'a');
  const supervisor = spawn('/bin/sh', ['-c', SUPERVISOR, 'sh', options.command, ...options.args], {
    cwd: options.cwd,
    env: options.env,
    // A group of its own: Ctrl-C in the terminal reaches us, and we decide what happens to the child.
    detached: true,
    stdio: ['ignore', log, log, 'pipe', 'pipe'],
  });
  closeSync(log);
  const [, , , reports, lifeline] = supervisor.stdio;
  if (!(reports instanceof Socket) || !(lifeline instanceof Socket)) {
    throw new Error(`Cannot start ${options.name}: the shell that supervises it did not start`);
  }

  let exitCode: number | undefined;
  let isRunning = true;
  const started = Promise.withResolvers<number>();
  createInterface(reports).on('line', (line) => {
    const [kind, number] = line.split(' ');
    if (kind === 'pid') started.resolve(Number(number));
    else exitCode = Number(number);
  });
  const ended = once(supervisor, 'close').then(() => {
    isRunning = false;
    started.reject(new Error(`Cannot start ${options.name}: the shell that supervises it ended`));
    return exitCode ?? EXIT_CODE_OF_SIGKILL;
  });
  ended.catch(started.reject);
  const pid = await started.promise;
  for (const handle of [supervisor, reports, lifeline]) handle.unref();

  const exited = async (): Promise<number> => {
    for (const handle of [supervisor, reports]) handle.ref();
    return await ended;
  };
  const signal = (name: ProcessSignal): void => {
    if (isRunning && exitCode === undefined) sendSignal(pid, name);
  };
  const kill = async (): Promise<number> => {
    signal('SIGKILL');
    return await exited();
  };
  return {
    name: options.name,
    pid,
    command: [options.command, ...options.args],
    logFile: options.logFile,
    get isRunning() {
      return isRunning;
    },
    signal,
    exited,
    kill,
    async stop(graceMilliseconds = DEFAULT_GRACE_MILLISECONDS) {
      signal('SIGTERM');
      // A suspended process would only see the SIGTERM when it is resumed.
      signal('SIGCONT');
      const timer = new AbortController();
      const tooLate = sleep(graceMilliseconds, undefined, { signal: timer.signal }).then(kill, exited);
      const code = await Promise.race([exited(), tooLate]);
      timer.abort();
      return code;
    },
    output: async () => await readFile(options.logFile, 'utf8'),
    async [Symbol.asyncDispose]() {
      await kill();
    },
  };
}

const QUOTED_LINES = 30;

/** The command and the last 30 lines of a process's output, for the text of an error. */
export async function describeOutput(process: RunningProcess): Promise<string> {
  const lines = (await process.output()).trimEnd().split('\n').slice(-QUOTED_LINES);
  return [
    `  command: ${process.command.join(' ')}`,
    '  last lines of its output:',
    ...lines.map((line) => `  | ${line}`),
  ].join('\n');
}

function sendSignal(pid: number, name: ProcessSignal): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // Between our check and the signal the process may have ended.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
