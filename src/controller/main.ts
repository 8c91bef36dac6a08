/**
 * The operator's process: reads flags and environment, builds everything once, works until it is told to stop.
 *
 * Exit codes: 0 stopped by SIGTERM or SIGINT, 1 could not start or failed, 2 wrong configuration. A second signal exits at
 * once with 1. This is the composition root: the only file that may import everything and that exits.
 */
import { hostname } from 'node:os';
import { type Configuration, readConfiguration } from './config.ts';
import { createLog, type Log } from './logging.ts';
import { startOperator } from './operator.ts';

async function main(): Promise<number> {
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
      return await run(result.configuration, log);
    }
  }
}

async function run(configuration: Configuration, log: Log): Promise<number> {
  const stopping = new AbortController();
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping.signal.aborted) process.exit(1);
    log.info({ signal }, 'stopping');
    stopping.abort();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  try {
    await startOperator(configuration, { log, instance: hostname(), signal: stopping.signal });
    return 0;
  } catch (err) {
    log.fatal({ err }, 'operator failed');
    return 1;
  }
}

process.exitCode = await main();
