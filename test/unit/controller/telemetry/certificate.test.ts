/**
 * The certificate of /metrics: one that is made is a real one, and one that is replaced is noticed.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Certificate, CertificateWatch } from '../../../../src/controller/telemetry/certificate.ts';
import { selfSignedCertificate } from '../../../../src/controller/telemetry/self-signed-certificate.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { recordedLog } from '../../../support/log-lines.ts';

const hour = 3_600_000;
const day = 24 * hour;

describe('selfSignedCertificate()', () => {
  test.for([
    { name: 'before 2050', why: 'years have two digits', now: Date.UTC(2026, 8, 1, 12), year: 2036 },
    { name: 'beyond 2050', why: 'years have four digits from then on', now: Date.UTC(2045, 0, 31), year: 2055 },
  ])('makes one that OpenSSL reads, for a time that ends $name', ({ now, why, year }) => {
    const names = ['trunkline-0', 'localhost', `${'long.'.repeat(40)}example`];
    const { cert, key } = selfSignedCertificate(names, now);
    const read = new X509Certificate(cert);
    expect(read.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(read.verify(read.publicKey), 'signed by itself').toBe(true);
    expect(read.subject).toBe('CN=trunkline-0');
    expect(read.subjectAltName).toBe(names.map((name) => `DNS:${name}`).join(', '));
    expect(read.validFromDate.getTime()).toBe(now - hour);
    expect([read.validToDate.getTime(), read.validToDate.getUTCFullYear()], why).toEqual([now + 3_650 * day, year]);
  });

  test('makes another one each time', () => {
    const [one, other] = [0, 0].map((now) => new X509Certificate(selfSignedCertificate(['a'], now).cert));
    expect(one?.serialNumber).not.toBe(other?.serialNumber);
    expect(one?.fingerprint256).not.toBe(other?.fingerprint256);
  });
});

test('a replaced certificate is noticed within ten seconds, and one that cannot be used is not taken', async () => {
  const clock = new FakeClock();
  const { lines, log } = recordedLog();
  const used: string[] = [];
  const counted = { read: 0, refused: 0 };
  let stored: Certificate | undefined = { cert: 'one', key: 'key of one' };
  const watch = new CertificateWatch({
    read: async () => {
      if (stored === undefined) throw new Error('Cannot use certificate "tls.crt": it is half written');
      return stored;
    },
    current: stored,
    timers: clock,
    log,
    observer: { certificateRead: () => (counted.read += 1), certificateRefused: () => (counted.refused += 1) },
    onChange: ({ cert }) => used.push(cert),
  });
  await clock.advance(10_000);
  expect(used, 'nothing changed').toEqual([]);
  stored = undefined;
  await clock.advance(10_000);
  stored = { cert: 'two', key: 'key of two' };
  await clock.advance(20_000);
  expect(used).toEqual(['two']);
  expect(counted).toEqual({ read: 4, refused: 1 });
  expect(lines().map(({ msg }) => msg)).toEqual(['certificate not read: the one before stays', 'certificate replaced']);
  watch[Symbol.dispose]();
  expect(clock.pendingTimers).toBe(0);
});
