/**
 * The options of the operator: one table that drives parsing, `--help` and docs/reference/configuration.md.
 */
import { z } from 'zod';

/** Longer than any wait that makes sense. */
const longestMs = 7 * 24 * 3_600_000;
const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const durationForm = /^(?:[0-9]{1,9}(?:ms|h|m|s))+$/;

/** Milliseconds of a duration in Go's style that matches `durationForm`. */
function millisecondsOf(text: string): number {
  return [...text.matchAll(/([0-9]+)(ms|h|m|s)/g)].reduce(
    (sum, [, digits = '0', unit = 'ms']) => sum + Number.parseInt(digits) * (unitMs[unit] ?? 0),
    0,
  );
}

function duration(fallback: string, description: string, leastMs = 0) {
  return z
    .string()
    .regex(durationForm, 'want a duration such as 250ms, 30s, 5m or 1h30m')
    .transform(millisecondsOf)
    .refine(
      (milliseconds) => milliseconds >= leastMs && milliseconds <= longestMs,
      leastMs === 0 ? 'want at most 168h' : `want at least ${leastMs}ms and at most 168h`,
    )
    .prefault(fallback)
    .meta({ description });
}

function count(fallback: number, most: number, description: string) {
  return z
    .string()
    .regex(/^[0-9]{1,9}$/, 'want a whole number')
    .transform((text) => Number.parseInt(text))
    .refine((value) => value >= 1 && value <= most, `want at least 1 and at most ${most}`)
    .prefault(String(fallback))
    .meta({ description });
}

export const optionsSchema = z.object({
  kubeconfig: z
    .string()
    .prefault('')
    .meta({ description: 'Kubeconfig file. Empty: $KUBECONFIG, the home folder, or the service account of the pod.' }),
  namespace: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'want the name of a namespace')
    .prefault('trunkline-system')
    .meta({ description: 'Namespace of the operator, in which the Secrets with credentials live.' }),
  workers: count(10, 1_000, 'How many PhoneNumbers are worked on at the same time.'),
  'log-level': z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace'], 'want fatal, error, warn, info, debug or trace')
    .prefault('info')
    .meta({ description: 'Least severe level that is logged: fatal, error, warn, info, debug or trace.' }),
  'leader-elect': z
    .string()
    .refine((text) => text !== 'true', 'leader election does not exist yet: run one replica with false')
    .refine((text) => text === 'true' || text === 'false', 'want false')
    .transform(() => false as const)
    .prefault('false')
    .meta({ description: 'Elect one of several replicas. Only false so far: run one replica.' }),
  'twilio-base-url': z
    .union(
      [z.literal(''), z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ''))],
      'want an http or https address',
    )
    .prefault('')
    .meta({ description: 'Address of a Twilio emulator, for tests. Empty: Twilio itself.' }),
  'provider-timeout': duration('10s', 'How long one call to Twilio, LiveKit or the API server may take.', 1),
  'backoff-first': duration('1s', 'Longest wait after the first failure of an object; it doubles with each more.', 1),
  'backoff-most': duration('60s', 'Longest wait after many failures of an object.', 1),
  'recheck-interval': duration(
    '5m',
    'Refusals that may end by themselves, such as NumberNotFound, are looked at again after this.',
    1,
  ),
  'late-commit': duration('60s', 'How long a create whose answer was lost may still be carried out by a provider.'),
  'progress-after': duration('2s', 'A pass that takes longer writes what it knows into the status on its way.'),
  'proof-max-age': duration('10s', 'An answer of the API server that is older allows no external write.', 1),
  'trunk-limit': count(100, 1_000_000, "Twilio's limit of trunks per account."),
  'corrupt-after': duration(
    '15m',
    'A removal that keeps failing is given up at the earliest this long after its first failure.',
  ),
  'corrupt-attempts': count(
    5,
    1_000,
    'A removal that keeps failing is given up at the earliest after so many failures.',
  ),
  'corrupt-attempts-over': duration('2m', 'These failures must be spread over at least this long.'),
  refusals: count(3, 1_000, 'A removal is given up after so many definite refusals, all the same.'),
  'refusals-over': duration('10s', 'These refusals must be spread over at least this long.'),
  'account-refused-after': duration(
    '15m',
    'Removals are given up when a provider has refused the credentials for this long.',
  ),
  'account-unavailable-after': duration('60m', 'Removals are given up when a provider has not answered for this long.'),
});

export type Options = z.output<typeof optionsSchema>;

/** One row of the table. */
export interface OptionRow {
  readonly name: string;
  readonly environment: string;
  /** As it would be written; empty means none. */
  readonly fallback: string;
  readonly description: string;
}

/** All options in the order in which they are shown. */
export const optionRows: readonly OptionRow[] = Object.entries(optionsSchema.shape).map(([name, schema]) => ({
  name,
  environment: environmentName(name),
  fallback: schema.def.defaultValue,
  description: schema.meta()?.description ?? '',
}));

/** `--corrupt-after` is TRUNKLINE_CORRUPT_AFTER. */
function environmentName(name: string): string {
  return `TRUNKLINE_${name.toUpperCase().replaceAll('-', '_')}`;
}
