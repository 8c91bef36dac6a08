// A lock between processes that share a cache: only one of them builds, the others wait for it.
// It is a matter of speed, not of correctness: builds are renamed into place, so two at once would only waste time.
//
// The holder touches the lock file every few seconds and whoever finds it untouched takes it over. A process id in the file
// would not do: containers that share a cache have the same ids.
import { rm, stat, utimes, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Progress, withProgress } from './progress.ts';

const POLL_EVERY_MILLISECONDS = 500;
const TOUCH_EVERY_MILLISECONDS = 3_000;
const ABANDONED_AFTER_MILLISECONDS = 30_000;

/** Runs `work` while holding the lock file. A lock that its holder left behind is taken over after 30 s. */
export async function withBuildLock<Result>(
  lockFile: string,
  progress: Progress,
  work: () => Promise<Result>,
): Promise<Result> {
  await withProgress(
    () => 'waiting for another process that builds',
    progress,
    async () => {
      while (!(await tryToLock(lockFile))) {
        if (await isAbandoned(lockFile)) await rm(lockFile, { force: true });
        else await sleep(POLL_EVERY_MILLISECONDS);
      }
    },
  );
  const touching = setInterval(() => {
    const now = new Date();
    // It is gone only if somebody took it for abandoned; then two build at once, which is allowed.
    utimes(lockFile, now, now).catch(() => {});
  }, TOUCH_EVERY_MILLISECONDS);
  try {
    return await work();
  } finally {
    clearInterval(touching);
    await rm(lockFile, { force: true });
  }
}

async function tryToLock(lockFile: string): Promise<boolean> {
  try {
    await writeFile(lockFile, '', { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function isAbandoned(lockFile: string): Promise<boolean> {
  const found = await stat(lockFile).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > ABANDONED_AFTER_MILLISECONDS;
}
