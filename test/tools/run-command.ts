// Runs a command to its end and returns what it printed.
import { execFile } from 'node:child_process';

/** What a finished command left. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a command; `input` is its standard input, `env` replaces the whole environment. */
export interface CommandOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

const MAXIMUM_OUTPUT_BYTES = 256 * 1024 * 1024;

/**
 * Runs a command without a shell. An exit code other than 0 is a result, not an error.
 * @throws Error if the command cannot be started (`code` is then 'ENOENT' for one that does not exist) or died of a signal
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { input = '', ...rest } = options;
  return await new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      { ...rest, encoding: 'utf8', maxBuffer: MAXIMUM_OUTPUT_BYTES },
      (error, stdout, stderr) => {
        if (error === null) resolve({ code: 0, stdout, stderr });
        else if (typeof error.code === 'number') resolve({ code: error.code, stdout, stderr });
        else reject(error);
      },
    );
    // A command that ends without reading its input breaks the pipe; its exit code says what matters.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
