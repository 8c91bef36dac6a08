/**
 * Configuration: flags and environment in, one typed object or all problems out. Pure: main.ts reads the process.
 *
 * Guarantees
 * - A flag wins over its environment variable, the last one of a repeated flag over those before; an empty environment
 *   variable counts as not set.
 * - All problems are reported at once, each with the option, the value and what is wanted.
 */
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { optionRows, type Options, optionsSchema } from './config-options.ts';
import { canonicalSelector, type Selector } from './config-selector.ts';
import { type ElectionSettings, retryJitter } from './leader-election.ts';
import { telemetryProblems, type TelemetrySettings, telemetrySettings } from './telemetry/settings.ts';

export interface LeaderElectionConfiguration extends ElectionSettings {
  /** Of the Lease, in the namespace of the operator. */
  readonly leaseName: string;
}

/** Durations in milliseconds. */
export interface Configuration {
  /** Empty: the usual places. */
  readonly kubeconfig: string;
  /** Of the operator. */
  readonly namespace: string;
  readonly workers: number;
  readonly logLevel: Options['log-level'];
  /** Labels of the TelephonyAccounts that this install serves; no requirement at all: every account. */
  readonly accountSelector: Selector;
  /** Undefined: this is the only replica. */
  readonly leaderElection: LeaderElectionConfiguration | undefined;
  readonly telemetry: TelemetrySettings;
  /** Empty: no traces. */
  readonly tracesEndpoint: string;
  /** Empty: Twilio itself. */
  readonly twilioBaseUrl: string;
  readonly providerTimeoutMs: number;
  readonly backoff: { readonly firstMs: number; readonly mostMs: number };
  /** Has the form of the `AccountSettings` of TelephonyAccounts. */
  readonly telephonyAccounts: {
    readonly probeMs: number;
    readonly checkMs: number;
    /** Each trunk of ours is read whole once in this time. */
    readonly deepCheckMs: number;
    readonly trunkLimit: number;
  };
  /** All that PhoneNumbers wait for; has the form of their `Settings`. */
  readonly phoneNumbers: {
    readonly recheckMs: number;
    readonly lateCommitMs: number;
    readonly progressAfterMs: number;
    readonly proofMaxAgeMs: number;
    readonly trunkLimit: number;
    readonly giveUp: {
      readonly afterMs: number;
      readonly attempts: number;
      readonly overMs: number;
      readonly refusals: number;
      readonly refusalsOverMs: number;
      readonly accountRefusedAfterMs: number;
      readonly accountUnavailableAfterMs: number;
    };
  };
}

/** What to do with a command line. */
export type ConfigurationResult =
  | { readonly kind: 'run'; readonly configuration: Configuration; readonly warnings: readonly string[] }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

/** `args` without the program, such as `process.argv.slice(2)`. */
export function readConfiguration(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ConfigurationResult {
  const flags = readFlags(args);
  if (flags.kind === 'help') return { kind: 'help', text: helpText() };
  const values: Record<string, string> = {};
  const origins = new Map<string, string>();
  for (const { environment: variable, name } of optionRows) {
    const fromEnvironment = environment[variable];
    const fromFlag = flags.values.get(name);
    if (fromEnvironment !== undefined && fromEnvironment !== '') {
      values[name] = fromEnvironment;
      origins.set(name, variable);
    }
    if (fromFlag !== undefined) {
      values[name] = fromFlag;
      origins.set(name, `--${name}`);
    }
  }
  const result = optionsSchema.safeParse(values);
  if (!result.success || flags.problems.length > 0) {
    const wrong = (result.error?.issues ?? []).map(({ message, path }) => {
      const name = String(path[0]);
      return `Cannot use ${origins.get(name) ?? name} "${values[name] ?? ''}": ${message}`;
    });
    return { kind: 'invalid', problems: [...flags.problems, ...wrong] };
  }
  const problems = contradictionsOf(result.data);
  if (problems.length > 0) return { kind: 'invalid', problems };
  return { kind: 'run', configuration: configurationOf(result.data), warnings: warningsOf(result.data, environment) };
}

/** What `--help` prints. */
function helpText(): string {
  const rows = optionRows.map(({ description, environment, fallback, name }) => {
    const standard = fallback === '' ? '' : ` (${fallback})`;
    return `  --${name}, ${environment}${standard}\n      ${description}`;
  });
  return [
    'Trunkline: phone numbers on Twilio and LiveKit, as Kubernetes objects',
    '',
    'Options, each as a flag or as an environment variable (the flag wins); durations such as 250ms, 30s, 5m, 1h30m:',
    ...rows,
    '  --help\n      Prints this.',
    '',
  ].join('\n');
}

type Flags =
  | { readonly kind: 'help' }
  | { readonly kind: 'flags'; readonly values: ReadonlyMap<string, string>; readonly problems: readonly string[] };

function readFlags(args: readonly string[]): Flags {
  const known = Object.fromEntries(optionRows.map(({ name }) => [name, { type: 'string' as const }]));
  // Not strict: it would throw at the first problem, and all are wanted.
  const { tokens } = parseArgs({
    args: [...args],
    options: { ...known, help: { type: 'boolean', short: 'h' } },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<string, string>();
  const problems: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') problems.push(`Cannot use argument "${token.value}": want only flags`);
    else if (token.name === 'help') return { kind: 'help' };
    else if (known[token.name] === undefined) {
      problems.push(`Cannot use ${token.rawName}: there is no such option, see --help`);
    } else if (token.value === undefined || (!token.inlineValue && token.value.startsWith('--'))) {
      problems.push(`Cannot use ${token.rawName}: want a value`);
    } else values.set(token.name, token.value);
  }
  return { kind: 'flags', values, problems };
}

function contradictionsOf(options: Options): readonly string[] {
  return [
    ...atMost(options, 'backoff-first', 'backoff-most'),
    ...(options['leader-elect'] ? leaseProblems(options) : []),
    ...telemetryProblems(options),
  ];
}

type DurationName = 'backoff-first' | 'backoff-most' | 'renew-deadline' | 'lease-duration';

function atMost(options: Options, less: DurationName, more: DurationName): readonly string[] {
  if (options[less] <= options[more]) return [];
  return [`Cannot use --${less} ${options[less]}ms: want at most --${more}, which is ${options[more]}ms`];
}

/**
 * What leader election relies on: the holder gives up before others may take over, after more than one attempt, and what
 * it sent last has been answered or given up by then.
 */
function leaseProblems(options: Options): readonly string[] {
  const {
    'lease-duration': lease,
    'provider-timeout': call,
    'renew-deadline': deadline,
    'retry-period': retry,
  } = options;
  const spare = lease - deadline;
  return [
    ...(deadline < lease
      ? []
      : [`Cannot use --renew-deadline ${deadline}ms: want less than --lease-duration, which is ${lease}ms`]),
    ...(retry * retryJitter < deadline
      ? []
      : [
          `Cannot use --retry-period ${retry}ms: want less than --renew-deadline ${deadline}ms divided by ${retryJitter}`,
        ]),
    ...(deadline >= lease || call < spare
      ? []
      : [
          `Cannot use --provider-timeout ${call}ms: want less than --lease-duration minus --renew-deadline, which is ${spare}ms: a call has to end before another replica may begin`,
        ]),
  ];
}

function warningsOf(options: Options, environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  const known = new Set(optionRows.map((row) => row.environment));
  // Kubernetes sets such variables for a Service that is called trunkline.
  const fromService = /^TRUNKLINE_(SERVICE_|PORT$|PORT_)/;
  const unknown = Object.keys(environment).filter(
    (name) => name.startsWith('TRUNKLINE_') && !known.has(name) && !fromService.test(name),
  );
  const base = options['twilio-base-url'];
  return [
    ...(base === '' ? [] : [`All calls for Twilio go to ${base}: this is for tests only`]),
    ...unknown.map((name) => `Environment variable ${name} is ignored: there is no such option`),
  ];
}

function configurationOf(options: Options): Configuration {
  return {
    kubeconfig: options.kubeconfig,
    namespace: options.namespace,
    workers: options.workers,
    logLevel: options['log-level'],
    accountSelector: options['account-selector'],
    leaderElection: options['leader-elect'] ? leaderElectionOf(options) : undefined,
    telemetry: telemetrySettings(options),
    tracesEndpoint: options['traces-endpoint'],
    twilioBaseUrl: options['twilio-base-url'],
    providerTimeoutMs: options['provider-timeout'],
    backoff: { firstMs: options['backoff-first'], mostMs: options['backoff-most'] },
    telephonyAccounts: {
      probeMs: options['account-probe-interval'],
      checkMs: options['account-check-interval'],
      deepCheckMs: options['deep-check-interval'],
      trunkLimit: options['trunk-limit'],
    },
    phoneNumbers: {
      recheckMs: options['recheck-interval'],
      lateCommitMs: options['late-commit'],
      progressAfterMs: options['progress-after'],
      proofMaxAgeMs: options['proof-max-age'],
      trunkLimit: options['trunk-limit'],
      giveUp: {
        afterMs: options['corrupt-after'],
        attempts: options['corrupt-attempts'],
        overMs: options['corrupt-attempts-over'],
        refusals: options.refusals,
        refusalsOverMs: options['refusals-over'],
        accountRefusedAfterMs: options['account-refused-after'],
        accountUnavailableAfterMs: options['account-unavailable-after'],
      },
    },
  };
}

function leaderElectionOf(options: Options): LeaderElectionConfiguration {
  const selector = canonicalSelector(options['account-selector']);
  // Installs beside each other must not wait for each other.
  const suffix = selector === '' ? '' : `-${createHash('sha256').update(selector).digest('hex').slice(0, 8)}`;
  return {
    leaseName: options['lease-name'] === '' ? `trunkline${suffix}` : options['lease-name'],
    leaseMs: options['lease-duration'],
    renewDeadlineMs: options['renew-deadline'],
    retryMs: options['retry-period'],
  };
}
