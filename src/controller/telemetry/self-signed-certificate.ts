/**
 * A certificate made at the start, for when nobody gave one: the connection is encrypted, but who serves it is not proven.
 *
 * Node signs, but makes no certificates; the few fields of RFC 5280 are encoded here. The key is only ever in memory.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { Certificate } from './certificate.ts';

const yearsMs = 10 * 365 * 86_400_000;
/** Clocks differ. */
const backdatedMs = 3_600_000;

/** `names` are DNS names, of which the first is the subject. `now` is in milliseconds since the Unix epoch. */
export function selfSignedCertificate(names: readonly string[], now: number): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = sequence(set(sequence(object('2.5.4.3'), element(0x0c, Buffer.from(names[0] ?? '')))));
  const algorithm = sequence(object('1.2.840.10045.4.3.2'));
  const alternatives = sequence(...names.map((name) => element(0x82, Buffer.from(name))));
  const body = sequence(
    // Version 3.
    element(0xa0, element(0x02, Buffer.from([2]))),
    serialNumber(),
    algorithm,
    subject,
    sequence(time(now - backdatedMs), time(now + yearsMs)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    element(0xa3, sequence(sequence(object('2.5.29.17'), element(0x04, alternatives)))),
  );
  const signature = sign('sha256', body, privateKey);
  const der = sequence(body, algorithm, element(0x03, Buffer.from([0]), signature));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    cert: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** DER: tag, length, content. */
function element(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const prefix = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...prefix]), content]);
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return element(0x30, ...parts);
}

function set(...parts: readonly Uint8Array[]): Buffer {
  return element(0x31, ...parts);
}

/** An object identifier such as "2.5.4.3". */
function object(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): readonly number[] {
  const digits = [value & 0x7f];
  for (let left = value >> 7; left > 0; left >>= 7) digits.unshift(0x80 | (left & 0x7f));
  return digits;
}

function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  // Positive, and without a leading zero that DER would not allow.
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return element(0x02, bytes);
}

/** RFC 5280 wants two digits for the year before 2050, and four from then on. */
function time(milliseconds: number): Buffer {
  const text = new Date(milliseconds).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return text < '2050' ? element(0x17, Buffer.from(text.slice(2))) : element(0x18, Buffer.from(text));
}
