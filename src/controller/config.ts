/**
 * Configuration: flags and environment in, one typed object or all problems out. Pure: main.ts reads the process.
 *
 * Guarantees
 * - A flag wins over its environment variable, the last one of a repeated flag over those before; an empty environment
 *   variable counts as not set.
 * - All problems are reported at once, each with the option, the value and what is wanted.
 */
import { parseArgs } from 'node:util';
import { optionRows, type Options, optionsSchema } from './config-options.ts';

/** Durations in milliseconds. */
export interface Configuration {
  /** Empty: the usual places. */
  readonly kubeconfig: string;
  /** Of the operator. */
  readonly namespace: string;
  readonly workers: number;
  readonly logLevel: Options['log-level'];
  readonly leaderElect: false;
  /** Empty: Twilio itself. */
  readonly twilioBaseUrl: string;
  readonly providerTimeoutMs: number;
  readonly backoff: { readonly firstMs: number; readonly mostMs: number };
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
  const [first, most] = [options['backoff-first'], options['backoff-most']];
  if (first <= most) return [];
  return [`Cannot use --backoff-first ${first}ms: want at most --backoff-most, which is ${most}ms`];
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
    leaderElect: options['leader-elect'],
    twilioBaseUrl: options['twilio-base-url'],
    providerTimeoutMs: options['provider-timeout'],
    backoff: { firstMs: options['backoff-first'], mostMs: options['backoff-most'] },
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
