/**
 * The process around the operator: configuration, log, signals and exit codes.
 *
 * Guarantees
 * - A second signal ends the process at once, and so does an error that nothing caught; a reconcile's errors are caught.
 * - Nothing is printed to standard error but problems of the configuration: all else goes through the log, which conceals
 *   secrets.
 */
import { randomUUID } from 'node:crypto';
import { setGlobalProxyFromEnv } from 'node:http';
import { hostname } from 'node:os';
import { type Configuration, readConfiguration } from './config.ts';
import { createLog, type Log } from './logging.ts';

/** All exit codes; docs/reference/configuration.md explains them. */
export const exitCodes = { stopped: 0, failed: 1, badConfiguration: 2, unusableCluster: 3, leaseLost: 4 } as const;

/** The cluster, or the way to it, is not as the operator needs it. Ends the process with a line for each problem. */
export class UnusableClusterError extends Error {
  override readonly name = 'UnusableClusterError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(`Cannot work in this cluster: ${problems.join('; ')}`, options);
    this.problems = problems;
  }
}

/** What the process gives to the operator in it. */
export interface OperatorEnvironment {
  readonly log: Log;
  /** Of the machine or pod, such as the pod's name. */
  readonly instance: string;
  /** Of this process and no other, ever. */
  readonly identity: string;
  /** Aborts when the process is told to stop. */
  readonly signal: AbortSignal;
  /** The lease is lost: ends the process at once, without finishing anything. */
  readonly leaseLost: (why: string) => void;
}

/**
 * Works until the signal aborts; throws when it cannot start or go on.
 * @throws UnusableClusterError
 */
export type Operator = (configuration: Configuration, environment: OperatorEnvironment) => Promise<void>;

/** Reads flags and environment and runs the operator. @returns the exit code */
export async function runProcess(operator: Operator): Promise<number> {
  const result = readConfiguration(process.argv.slice(2), process.env);
  switch (result.kind) {
    case 'help':
      process.stdout.write(result.text);
      return exitCodes.stopped;
    case 'invalid':
      process.stderr.write(`${result.problems.join('\n')}\n`);
      return exitCodes.badConfiguration;
    case 'run': {
      const log = createLog(result.configuration.logLevel);
      for (const warning of result.warnings) log.warn(warning);
      // LiveKit is reached by fetch, which takes no agent. The connections to the API server have agents of their own.
      setGlobalProxyFromEnv();
      return await runUntilStopped(operator, result.configuration, log);
    }
  }
}

async function runUntilStopped(operator: Operator, configuration: Configuration, log: Log): Promise<number> {
  const stopping = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (stopping.signal.aborted) {
        log.fatal({ signal: name }, 'ended by a second signal');
        process.exit(exitCodes.failed);
      }
      log.info({ signal: name }, 'stopping');
      stopping.abort();
    });
  }
  // Rejections that nobody handles come here, too.
  process.on('uncaughtException', (err) => {
    log.fatal({ err }, 'error that nothing caught');
    process.exit(exitCodes.failed);
  });
  const instance = hostname();
  try {
    await operator(configuration, {
      log,
      instance,
      identity: `${instance}_${randomUUID()}`,
      signal: stopping.signal,
      leaseLost: (why) => {
        log.fatal({ why }, 'lease lost');
        process.exit(exitCodes.leaseLost);
      },
    });
    log.info('stopped');
    return exitCodes.stopped;
  } catch (err) {
    if (err instanceof UnusableClusterError) {
      for (const problem of err.problems) log.fatal({ problem }, 'cluster not usable');
      return exitCodes.unusableCluster;
    }
    log.fatal({ err }, 'operator failed');
    return exitCodes.failed;
  }
}
