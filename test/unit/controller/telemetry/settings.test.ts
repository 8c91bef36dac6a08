/**
 * Addresses, and what the options say about the endpoints.
 */
import { describe, expect, test } from 'vitest';
import { isLoopback, parseListenAddress } from '../../../../src/controller/telemetry/address.ts';
import { telemetryProblems, telemetrySettings } from '../../../../src/controller/telemetry/settings.ts';

describe('parseListenAddress()', () => {
  test.for([
    { text: ':8443', why: 'all addresses', want: { host: undefined, port: 8443 }, loopback: false },
    { text: '127.0.0.1:0', why: 'any free port', want: { host: '127.0.0.1', port: 0 }, loopback: true },
    { text: '127.1.2.3:1', why: 'all of 127/8 is loopback', want: { host: '127.1.2.3', port: 1 }, loopback: true },
    { text: '[::1]:8080', why: 'IPv6 in brackets', want: { host: '::1', port: 8080 }, loopback: true },
    { text: 'localhost:8080', why: 'a name', want: { host: 'localhost', port: 8080 }, loopback: true },
    { text: '0.0.0.0:65535', why: 'all of IPv4', want: { host: '0.0.0.0', port: 65_535 }, loopback: false },
    {
      text: '127.0.0.1.evil.org:80',
      why: 'not loopback',
      want: { host: '127.0.0.1.evil.org', port: 80 },
      loopback: false,
    },
  ])('reads $text: $why', ({ text, want, loopback }) => {
    expect(parseListenAddress(text)).toEqual(want);
    expect(isLoopback(want)).toBe(loopback);
  });

  test.for(['8443', ':', ':70000', '::1:8080', 'a b:1', ':80/metrics', ''])('does not read "%s"', (text) => {
    expect(parseListenAddress(text)).toBeUndefined();
  });
});

const off = {
  'metrics-address': undefined,
  'metrics-certificate': '',
  'metrics-key': '',
  'metrics-insecure': false,
  'health-address': undefined,
};
const everywhere = { host: undefined, port: 8443 };
const here = { host: '127.0.0.1', port: 8443 };
const files = { 'metrics-certificate': 'tls.crt', 'metrics-key': 'tls.key' };

describe('telemetrySettings()', () => {
  test.for([
    { name: 'nothing', why: 'both endpoints are off by default', options: {}, want: {} },
    { name: 'an address for probes', why: 'alone', options: { 'health-address': here }, want: { healthAddress: here } },
    {
      name: 'an address for metrics',
      why: 'without files a certificate is made',
      options: { 'metrics-address': everywhere },
      want: { metrics: { address: everywhere, security: { kind: 'selfSigned' } } },
    },
    {
      name: 'files',
      why: 'the certificate of somebody who can prove it',
      options: { 'metrics-address': everywhere, ...files },
      want: {
        metrics: { address: everywhere, security: { kind: 'files', certificateFile: 'tls.crt', keyFile: 'tls.key' } },
      },
    },
    {
      name: 'no security',
      why: 'only when it is asked for',
      options: { 'metrics-address': here, 'metrics-insecure': true },
      want: { metrics: { address: here, security: { kind: 'insecure' } } },
    },
  ])('$name: $why', ({ options, want }) => {
    expect(telemetrySettings({ ...off, ...options })).toEqual({
      healthAddress: undefined,
      metrics: undefined,
      ...want,
    });
    expect(telemetryProblems({ ...off, ...options })).toEqual([]);
  });
});

describe('telemetryProblems()', () => {
  test.for([
    {
      name: 'a certificate without its key',
      options: { 'metrics-certificate': 'tls.crt' },
      want: 'Cannot use --metrics-certificate "tls.crt": want --metrics-key, too',
    },
    {
      name: 'a key without its certificate',
      options: { 'metrics-key': 'tls.key' },
      want: 'Cannot use --metrics-key "tls.key": want --metrics-certificate, too',
    },
    {
      name: 'no security on all addresses',
      options: { 'metrics-insecure': true, 'metrics-address': everywhere },
      want: 'Cannot use --metrics-insecure "true": want a loopback address, while --metrics-address is ":8443"',
    },
    {
      name: 'no security with a certificate',
      options: { 'metrics-insecure': true, 'metrics-address': here, ...files },
      want: 'Cannot use --metrics-insecure "true": want no --metrics-certificate with it',
    },
  ])('refuses $name', ({ options, want }) => {
    expect(telemetryProblems({ ...off, ...options })).toEqual([want]);
  });
});
