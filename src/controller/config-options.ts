/**
 * The options of the operator: one table that drives parsing, `--help` and docs/reference/configuration.md.
 */
import { z } from 'zod';
import { parseSelector } from './config-selector.ts';
import { parseListenAddress } from './telemetry/address.ts';

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

function listenAddress(description: string) {
  return z
    .string()
    .transform((text, context) => {
      if (text === '') return undefined;
      const address = parseListenAddress(text);
      if (address !== undefined) return address;
      context.addIssue({ code: 'custom', message: 'want an address such as :8443 or 127.0.0.1:8443' });
      return z.NEVER;
    })
    .prefault('')
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
  workers: count(10, 1_000, 'How many PhoneNumbers of one account are worked on at the same time.'),
  'log-level': z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace'], 'want fatal, error, warn, info, debug or trace')
    .prefault('info')
    .meta({ description: 'Least severe level that is logged: fatal, error, warn, info, debug or trace.' }),
  'account-selector': z
    .string()
    .transform((text, context) => {
      const parsed = parseSelector(text);
      if (parsed.kind === 'parsed') return parsed.selector;
      context.addIssue({ code: 'custom', message: parsed.problem });
      return z.NEVER;
    })
    .prefault('')
    .meta({
      description:
        'Label selector: serve only PhoneNumbers whose TelephonyAccount has such labels, beside other installs. Empty: all.',
    }),
  'leader-elect': z
    .enum(['true', 'false'], 'want true or false')
    .transform((text) => text === 'true')
    .prefault('true')
    .meta({ description: 'Only the replica that holds the lease works; false: there is one replica, and it works.' }),
  'lease-name': z
    .string()
    .regex(/^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$/, 'want the name of a Lease')
    .prefault('')
    .meta({
      description:
        'Lease in the namespace of the operator. Empty: trunkline, with a suffix that goes by --account-selector if there is one.',
    }),
  'lease-duration': duration('30s', 'How long other replicas leave the lease of a silent one alone.', 1_000).refine(
    (milliseconds) => milliseconds % 1_000 === 0,
    'want whole seconds',
  ),
  'renew-deadline': duration('15s', 'A replica that could not renew the lease for this long ends.', 1),
  'retry-period': duration('3s', 'Between two attempts to get or to renew the lease.', 1),
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
  'account-probe-interval': duration(
    '30s',
    'A provider of an account that failed its probe is probed again after this.',
    1,
  ),
  'account-check-interval': duration(
    '10m',
    'An account that is fine is probed again, and its lists are compared with its PhoneNumbers, after this, more or less by a tenth.',
    1,
  ),
  'deep-check-interval': duration(
    '24h',
    'Everything about a trunk, also what no list shows, is read again once in this time.',
    1,
  ),
  'metrics-address': listenAddress(
    'Where /metrics is served, over HTTPS and for those whom the API server lets, such as :8443. Empty: nowhere.',
  ),
  'metrics-certificate': z.string().prefault('').meta({
    description:
      'File with the certificate for /metrics, in PEM; it may be replaced at any time. Empty: one is made at the start.',
  }),
  'metrics-key': z.string().prefault('').meta({ description: 'File with the key of --metrics-certificate, in PEM.' }),
  'metrics-insecure': z
    .enum(['true', 'false'], 'want true or false')
    .transform((text) => text === 'true')
    .prefault('false')
    .meta({
      description: 'Serve /metrics over HTTP to whoever asks; only on a loopback address, for tests.',
    }),
  'traces-endpoint': z
    .union([z.literal(''), z.url({ protocol: /^https?$/ })], 'want an http or https address')
    .prefault('')
    .meta({
      description:
        'Where traces go, as OTLP over HTTP, such as http://collector:4318/v1/traces. Empty: nowhere, and no library for them is loaded.',
    }),
  'health-address': listenAddress('Where /healthz and /readyz are served, over HTTP, such as :8081. Empty: nowhere.'),
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
