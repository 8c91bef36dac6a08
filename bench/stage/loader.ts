/**
 * The loader as the bench sees it: a process that carries out one command at a time.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Answer, answerSchema, type Command } from '../load/commands.ts';
import { projectPath } from './bench-world.ts';

export interface LoaderOptions {
  readonly kubeconfig: string;
  /** Requests under way at once. */
  readonly concurrency: number;
  /** Socket of the bare writer, if it is the peer. */
  readonly announce?: string;
}

export interface Loader extends AsyncDisposable {
  /** @throws Error when the loader says that it could not be done, or ends */
  run(command: Command): Promise<Answer>;
}

/** Starts a loader. It ends with our process, whatever happens: its standard input is then closed. */
export function startLoader({ announce = '', concurrency, kubeconfig }: LoaderOptions): Loader {
  const child = spawn(
    process.execPath,
    [
      projectPath('bench/load/main.ts'),
      `--kubeconfig=${kubeconfig}`,
      `--concurrency=${concurrency}`,
      `--announce=${announce}`,
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const ended = once(child, 'close');
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async run(command) {
      child.stdin.write(`${JSON.stringify(command)}\n`);
      const { done, value } = await answers.next();
      if (done === true) throw new Error(`Cannot ${command.do} phone numbers: the loader ended`);
      const answer = answerSchema.parse(JSON.parse(value));
      if (answer.error !== undefined) throw new Error(`Cannot ${command.do} phone numbers: ${answer.error}`);
      return answer;
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}
