/**
 * Logs: JSON lines on pino, with constant messages and fields.
 *
 * Guarantees, at any depth of any field
 * - The value of a field that is named like a secret is never written.
 * - Of an error only name, message, stack and the chain of causes is written: the errors of HTTP clients carry whole
 *   requests, credentials included. pino's own redaction goes by fixed paths and knows nothing about errors.
 *
 * Assumption: messages hold no secrets; the providers see to that where they make their errors.
 */
import { type DestinationStream, type Level, type Logger, pino } from 'pino';

/** Without child loggers: pino does not pass their fields through our formatter. */
export type Log = Pick<Logger, LogLevel>;

export type LogLevel = Level;

const secretNames = new Set(
  ['password', 'authPassword', 'authToken', 'apiSecret', 'apiKeySecret', 'authorization', 'token', 'secret'].map(
    (name) => name.toLowerCase(),
  ),
);
const concealed = '[redacted]';
/** Nothing we log is as deep; it ends cycles, too. */
const deepest = 8;

/** `destination` is standard output if not given. */
export function createLog(level: LogLevel, destination?: DestinationStream): Log {
  return pino(
    {
      level,
      base: {},
      timestamp: pino.stdTimeFunctions.isoTime,
      // pino's own serializer would copy every property of an error.
      serializers: { err: (value: unknown) => value },
      formatters: {
        level: (label) => ({ level: label }),
        log: concealSecrets,
      },
    },
    destination ?? pino.destination({ fd: 1, sync: true }),
  );
}

function concealSecrets(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, conceal(name, value, 0)]));
}

function conceal(name: string, value: unknown, depth: number): unknown {
  if (secretNames.has(name.toLowerCase())) return concealed;
  if (value instanceof Error) return errorFields(value, depth);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth >= deepest) return '[deeper]';
  if (Array.isArray(value)) return value.map((item) => conceal('', item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, conceal(key, item, depth + 1)]));
}

function errorFields(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  if (cause === undefined || depth >= deepest) return { name, message, stack };
  // A cause that is no error can be anything, so only its type is told.
  return { name, message, stack, cause: cause instanceof Error ? errorFields(cause, depth + 1) : typeof cause };
}
