/**
 * Configuration: what is accepted, what is refused, and that all of it is said at once.
 */
import { describe, expect, test } from 'vitest';
import { type Configuration, type ConfigurationResult, readConfiguration } from '../../../src/controller/config.ts';
import { optionRows } from '../../../src/controller/config-options.ts';
import type { Settings } from '../../../src/reconcilers/phone-number/ports.ts';

function configuration(result: ConfigurationResult): Configuration {
  if (result.kind !== 'run') throw new Error(`not accepted: ${JSON.stringify(result)}`);
  return result.configuration;
}

const standard: Configuration = {
  kubeconfig: '',
  namespace: 'trunkline-system',
  workers: 10,
  logLevel: 'info',
  accountSelector: [],
  leaderElection: { leaseName: 'trunkline', leaseMs: 30_000, renewDeadlineMs: 15_000, retryMs: 3_000 },
  twilioBaseUrl: '',
  providerTimeoutMs: 10_000,
  backoff: { firstMs: 1_000, mostMs: 60_000 },
  telemetry: { metrics: undefined, healthAddress: undefined },
  tracesEndpoint: '',
  phoneNumbers: {
    recheckMs: 300_000,
    lateCommitMs: 60_000,
    progressAfterMs: 2_000,
    proofMaxAgeMs: 10_000,
    trunkLimit: 100,
    giveUp: {
      afterMs: 900_000,
      attempts: 5,
      overMs: 120_000,
      refusals: 3,
      refusalsOverMs: 10_000,
      accountRefusedAfterMs: 900_000,
      accountUnavailableAfterMs: 3_600_000,
    },
  } satisfies Settings,
  telephonyAccounts: { probeMs: 30_000, checkMs: 600_000, deepCheckMs: 86_400_000, trunkLimit: 100 },
};

describe('readConfiguration()', () => {
  test('without anything has the figures of the design', () => {
    expect(readConfiguration([], {})).toEqual({ kind: 'run', configuration: standard, warnings: [] });
  });

  test('every option can be set, by flag and by environment, and arrives where it belongs', () => {
    const values: Readonly<Record<string, string>> = {
      kubeconfig: '/somewhere',
      namespace: 'elsewhere',
      workers: '3',
      'log-level': 'debug',
      'account-selector': 'team=voice',
      'leader-elect': 'true',
      'lease-name': 'elected',
      'lease-duration': '9s',
      'renew-deadline': '8s',
      'retry-period': '7ms',
      'twilio-base-url': 'http://127.0.0.1:1234',
      'provider-timeout': '1ms',
      'backoff-first': '2ms',
      'backoff-most': '3ms',
      'recheck-interval': '4ms',
      'late-commit': '5ms',
      'progress-after': '6ms',
      'proof-max-age': '7ms',
      'trunk-limit': '8',
      'corrupt-after': '9ms',
      'corrupt-attempts': '10',
      'corrupt-attempts-over': '11ms',
      refusals: '12',
      'refusals-over': '13ms',
      'account-refused-after': '14ms',
      'account-unavailable-after': '15ms',
      'account-probe-interval': '18ms',
      'account-check-interval': '19ms',
      'deep-check-interval': '20ms',
      'metrics-address': ':16',
      'metrics-certificate': '/tls.crt',
      'metrics-key': '/tls.key',
      'metrics-insecure': 'false',
      'traces-endpoint': 'http://collector:4318/v1/traces',
      'health-address': '127.0.0.1:17',
    };
    const want: Configuration = {
      kubeconfig: '/somewhere',
      namespace: 'elsewhere',
      workers: 3,
      logLevel: 'debug',
      accountSelector: [{ key: 'team', operator: 'In', values: ['voice'] }],
      leaderElection: { leaseName: 'elected', leaseMs: 9_000, renewDeadlineMs: 8_000, retryMs: 7 },
      twilioBaseUrl: 'http://127.0.0.1:1234',
      providerTimeoutMs: 1,
      backoff: { firstMs: 2, mostMs: 3 },
      telemetry: {
        metrics: {
          address: { host: undefined, port: 16 },
          security: { kind: 'files', certificateFile: '/tls.crt', keyFile: '/tls.key' },
        },
        healthAddress: { host: '127.0.0.1', port: 17 },
      },
      tracesEndpoint: 'http://collector:4318/v1/traces',
      phoneNumbers: {
        recheckMs: 4,
        lateCommitMs: 5,
        progressAfterMs: 6,
        proofMaxAgeMs: 7,
        trunkLimit: 8,
        giveUp: {
          afterMs: 9,
          attempts: 10,
          overMs: 11,
          refusals: 12,
          refusalsOverMs: 13,
          accountRefusedAfterMs: 14,
          accountUnavailableAfterMs: 15,
        },
      },
      telephonyAccounts: { probeMs: 18, checkMs: 19, deepCheckMs: 20, trunkLimit: 8 },
    };
    expect(Object.keys(values), 'a new option has to be added here').toEqual(optionRows.map(({ name }) => name));
    const flags = Object.entries(values).map(([name, value]) => `--${name}=${value}`);
    expect(configuration(readConfiguration(flags, {}))).toEqual(want);
    const apart = Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]);
    expect(configuration(readConfiguration(apart, {}))).toEqual(want);
    const environment = Object.fromEntries(optionRows.map((row) => [row.environment, values[row.name]]));
    expect(configuration(readConfiguration([], environment))).toEqual(want);
  });

  test.for([
    {
      name: 'a flag wins over the environment',
      why: 'it is nearer',
      args: ['--workers=2'],
      environment: { TRUNKLINE_WORKERS: '3' },
      workers: 2,
    },
    {
      name: 'the last of a repeated flag wins',
      why: 'scripts append',
      args: ['--workers=2', '--workers=4'],
      environment: {},
      workers: 4,
    },
    {
      name: 'a wrong flag that is overruled does no harm',
      why: 'scripts append',
      args: ['--workers=x', '--workers=4'],
      environment: {},
      workers: 4,
    },
    {
      name: 'an empty variable is none',
      why: 'charts leave such ones',
      args: [],
      environment: { TRUNKLINE_WORKERS: '' },
      workers: 10,
    },
  ])('$name', ({ args, environment, why, workers }) => {
    expect(configuration(readConfiguration(args, environment)).workers, why).toBe(workers);
  });

  test.for([
    { text: '250ms', milliseconds: 250 },
    { text: '90s', milliseconds: 90_000 },
    { text: '1h30m', milliseconds: 5_400_000 },
    { text: '0s', milliseconds: 0 },
    { text: '168h', milliseconds: 604_800_000 },
  ])('$text is a duration', ({ milliseconds, text }) => {
    expect(configuration(readConfiguration([`--late-commit=${text}`], {})).phoneNumbers.lateCommitMs).toBe(
      milliseconds,
    );
  });

  test.for([
    {
      args: ['--late-commit=5'],
      problem: 'Cannot use --late-commit "5": want a duration such as 250ms, 30s, 5m or 1h30m',
    },
    {
      args: ['--late-commit=-5s'],
      problem: 'Cannot use --late-commit "-5s": want a duration such as 250ms, 30s, 5m or 1h30m',
    },
    {
      args: ['--late-commit=1.5s'],
      problem: 'Cannot use --late-commit "1.5s": want a duration such as 250ms, 30s, 5m or 1h30m',
    },
    { args: ['--late-commit=169h'], problem: 'Cannot use --late-commit "169h": want at most 168h' },
    {
      args: ['--recheck-interval=0s'],
      problem: 'Cannot use --recheck-interval "0s": want at least 1ms and at most 168h',
    },
    { args: ['--workers=0'], problem: 'Cannot use --workers "0": want at least 1 and at most 1000' },
    { args: ['--workers=ten'], problem: 'Cannot use --workers "ten": want a whole number' },
    { args: ['--namespace=A_b'], problem: 'Cannot use --namespace "A_b": want the name of a namespace' },
    {
      args: ['--twilio-base-url=ftp://x'],
      problem: 'Cannot use --twilio-base-url "ftp://x": want an http or https address',
    },
    { args: ['--leader-elect=yes'], problem: 'Cannot use --leader-elect "yes": want true or false' },
    { args: ['--lease-name=A/b'], problem: 'Cannot use --lease-name "A/b": want the name of a Lease' },
    { args: ['--lease-duration=30500ms'], problem: 'Cannot use --lease-duration "30500ms": want whole seconds' },
    {
      args: ['--account-selector=team==voice,size>3'],
      problem:
        'Cannot use --account-selector "team==voice,size>3": want a label selector such as team=voice,stage in (one,two),!legacy; "size>3" is no part of one',
    },
    {
      args: ['--renew-deadline=30s'],
      problem: 'Cannot use --renew-deadline 30000ms: want less than --lease-duration, which is 30000ms',
    },
    {
      args: ['--retry-period=12500ms'],
      problem: 'Cannot use --retry-period 12500ms: want less than --renew-deadline 15000ms divided by 1.2',
    },
    {
      args: ['--provider-timeout=15s'],
      problem:
        'Cannot use --provider-timeout 15000ms: want less than --lease-duration minus --renew-deadline, which is 15000ms: a call has to end before another replica may begin',
    },
    { args: ['--workers'], problem: 'Cannot use --workers: want a value' },
    { args: ['--workers', '--refusals=3'], problem: 'Cannot use --workers: want a value' },
    { args: ['--worker=3'], problem: 'Cannot use --worker: there is no such option, see --help' },
    { args: ['--no-workers'], problem: 'Cannot use --no-workers: there is no such option, see --help' },
    { args: ['-w'], problem: 'Cannot use -w: there is no such option, see --help' },
    { args: ['start'], problem: 'Cannot use argument "start": want only flags' },
    {
      args: ['--backoff-first=2m'],
      problem: 'Cannot use --backoff-first 120000ms: want at most --backoff-most, which is 60000ms',
    },
  ])('$args is refused', ({ args, problem }) => {
    expect(readConfiguration(args, {})).toEqual({ kind: 'invalid', problems: [problem] });
  });

  test.for([
    { name: 'no lease at all without leader election', args: ['--leader-elect=false'], want: undefined },
    { name: 'one lease for an install that serves all accounts', args: [], want: 'trunkline' },
    { name: 'a lease for each selector', args: ['--account-selector=team=voice'], want: 'trunkline-d129ea65' },
    {
      name: 'the same lease for another spelling of the same selector',
      args: ['--account-selector= team == voice '],
      want: 'trunkline-d129ea65',
    },
    { name: 'another one for another selector', args: ['--account-selector=!team'], want: 'trunkline-96558005' },
    {
      name: 'the lease that is named, whatever the selector',
      args: ['--account-selector=!team', '--lease-name=one'],
      want: 'one',
    },
  ])('$name', ({ args, want }) => {
    expect(configuration(readConfiguration(args, {})).leaderElection?.leaseName).toBe(want);
  });

  test('a long timeout of providers is nobody else’s business without leader election', () => {
    const args = ['--leader-elect=false', '--provider-timeout=1m'];
    expect(configuration(readConfiguration(args, {})).providerTimeoutMs).toBe(60_000);
  });

  test('reports every problem at once, each with where it came from', () => {
    const result = readConfiguration(['--nothing=1', '--workers=0'], {
      TRUNKLINE_LOG_LEVEL: 'loud',
      TRUNKLINE_REFUSALS: '-1',
    });
    expect(result).toEqual({
      kind: 'invalid',
      problems: [
        'Cannot use --nothing: there is no such option, see --help',
        'Cannot use --workers "0": want at least 1 and at most 1000',
        'Cannot use TRUNKLINE_LOG_LEVEL "loud": want fatal, error, warn, info, debug or trace',
        'Cannot use TRUNKLINE_REFUSALS "-1": want a whole number',
      ],
    });
  });

  test('warns of an emulator and of misspelt variables, but not of what Kubernetes sets for a Service', () => {
    const result = readConfiguration(['--twilio-base-url=http://127.0.0.1:9/'], {
      TRUNKLINE_WORKER: '3',
      TRUNKLINE_SERVICE_HOST: '10.0.0.1',
      TRUNKLINE_PORT: 'tcp://10.0.0.1:80',
      TRUNKLINE_PORT_80_TCP: 'tcp://10.0.0.1:80',
    });
    expect(result).toMatchObject({
      kind: 'run',
      configuration: { twilioBaseUrl: 'http://127.0.0.1:9' },
      warnings: [
        'All calls for Twilio go to http://127.0.0.1:9: this is for tests only',
        'Environment variable TRUNKLINE_WORKER is ignored: there is no such option',
      ],
    });
  });

  test('help names every option with its default, whatever else stands on the line', () => {
    const result = readConfiguration(['--workers=0', '--help'], {});
    if (result.kind !== 'help') throw new Error('no help');
    for (const { description, environment, fallback, name } of optionRows) {
      expect(result.text).toContain(`--${name}, ${environment}${fallback === '' ? '' : ` (${fallback})`}\n`);
      expect(result.text).toContain(description);
      expect(description).toMatch(/^[A-Z].*\.$/);
    }
  });
});
