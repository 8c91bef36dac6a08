/**
 * What the options say about the endpoints. Pure.
 */
import type { Options } from '../config-options.ts';
import { isLoopback, type ListenAddress } from './address.ts';
import type { MetricsEndpoint, MetricsSecurity } from './server.ts';

type TelemetryOptions = Pick<
  Options,
  'metrics-address' | 'metrics-certificate' | 'metrics-key' | 'metrics-insecure' | 'health-address'
>;

/** Undefined: off. */
export interface TelemetrySettings {
  readonly metrics: MetricsEndpoint | undefined;
  readonly healthAddress: ListenAddress | undefined;
}

export function telemetrySettings(options: TelemetryOptions): TelemetrySettings {
  const { 'health-address': healthAddress, 'metrics-address': address } = options;
  return {
    healthAddress,
    metrics: address === undefined ? undefined : { address, security: securityOf(options) },
  };
}

function securityOf(options: TelemetryOptions): MetricsSecurity {
  const { 'metrics-certificate': certificateFile, 'metrics-insecure': insecure, 'metrics-key': keyFile } = options;
  if (insecure) return { kind: 'insecure' };
  return certificateFile === '' ? { kind: 'selfSigned' } : { kind: 'files', certificateFile, keyFile };
}

/** Options that contradict each other, each as a sentence. */
export function telemetryProblems(options: TelemetryOptions): readonly string[] {
  const { 'metrics-certificate': certificate, 'metrics-insecure': insecure, 'metrics-key': key } = options;
  const address = options['metrics-address'];
  return [
    ...(certificate === '' || key !== ''
      ? []
      : [`Cannot use --metrics-certificate "${certificate}": want --metrics-key, too`]),
    ...(key === '' || certificate !== '' ? [] : [`Cannot use --metrics-key "${key}": want --metrics-certificate, too`]),
    ...(!insecure || address === undefined || isLoopback(address)
      ? []
      : [
          `Cannot use --metrics-insecure "true": want a loopback address, while --metrics-address is "${shown(address)}"`,
        ]),
    ...(insecure && certificate !== ''
      ? ['Cannot use --metrics-insecure "true": want no --metrics-certificate with it']
      : []),
  ];
}

function shown({ host = '', port }: ListenAddress): string {
  return `${host}:${port}`;
}
