/**
 * A real log whose lines a test can read.
 */
import { createLog, type Log } from '../../src/controller/logging.ts';

export interface RecordedLog {
  readonly log: Log;
  /** Parsed lines so far. */
  lines(): readonly Readonly<Record<string, unknown>>[];
  /** All that was written. */
  text(): string;
}

export function recordedLog(): RecordedLog {
  const written: string[] = [];
  const log = createLog('trace', { write: (line: string) => void written.push(line) });
  return { log, lines: () => written.map((line) => JSON.parse(line)), text: () => written.join('') };
}
