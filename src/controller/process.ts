/**
 * The process around the operator: configuration, log, signals and exit codes.
 *
 * Exit codes: 0 stopped by SIGTERM or SIGINT, 1 could not start or failed, 2 wrong configuration. A second signal exits at
 * once with 1.
 */
import { setGlobalProxyFromEnv } from 'node:http';
import { hostname } from 'node:os';
import { type Configuration, readConfiguration } from './config.ts';
import { createLog, type Log } from './logging.ts';

/** What the process gives to the operator in it. */
export interface OperatorEnvironment {
  readonly log: Log;
  /** Of this process, such as the pod's name. */
  readonly instance: string;
  /** Aborts when the process is told to stop. */
  readonly signal: AbortSignal;
}

/** Works until the signal aborts; throws when it cannot start or go on. */
export type Operator = (configuration: Configuration, environment: OperatorEnvironment) => Promise<void>;

/** Reads flags and environment and runs the operator. @returns the exit code */
export async function runProcess(operator: Operator): Promise<number> {
  const result = readConfiguration(process.argv.slice(2), process.env);
  switch (result.kind) {
    case 'help':
      process.stdout.write(result.text);
      return 0;
    case 'invalid':
      process.stderr.write(`${result.problems.join('\n')}\n`);
      return 2;
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
      if (stopping.signal.aborted) process.exit(1);
      log.info({ signal: name }, 'stopping');
      stopping.abort();
    });
  }
  try {
    await operator(configuration, { log, instance: hostname(), signal: stopping.signal });
    return 0;
  } catch (err) {
    log.fatal({ err }, 'operator failed');
    return 1;
  }
}
