// A temporary folder that does not outlive its process: it goes on dispose, and also when the process is killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of our own below the system's temporary folder. */
export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

/**
 * The lifeline is this shell's standard input: it ends when our process ends, however that happens. The second of sleep
 * lets the supervisors of processes.ts kill whatever still writes to the folder.
 */
const REMOVE_WHEN_PARENT_IS_GONE = 'read -r line; sleep 1; rm -rf -- "$1"';

/**
 * Creates an empty folder.
 * @param prefix begins the folder's name, for whoever looks into the temporary folder
 */
export async function createTemporaryFolder(prefix: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  const watchdog = spawn('/bin/sh', ['-c', REMOVE_WHEN_PARENT_IS_GONE, 'sh', path], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  unreference(watchdog);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
      watchdog.kill('SIGKILL');
    },
  };
}

/** The watchdog must not keep our process running: it only waits for its end. */
function unreference(watchdog: ChildProcess): void {
  watchdog.unref();
  const input = watchdog.stdin;
  if (input !== null && 'unref' in input && typeof input.unref === 'function') input.unref();
}
