/**
 * Small pure parts of the Kubernetes provider: lines out of chunks, versions, addresses.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { linesOf } from '../../src/providers/kubernetes/lines.ts';
import {
  collectionPath,
  compareResourceVersions,
  isOlder,
  objectPath,
} from '../../src/providers/kubernetes/objects.ts';

describe('linesOf()', () => {
  test('gives the same lines however the bytes are cut', async () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => `x${text.replaceAll('\n', '')}`);
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 12 }), async (lines, cuts) => {
        const text = lines.map((one) => `${one}\n`).join('');
        const bytes = Buffer.from(text);
        const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b);
        const starts = [0, ...places];
        const chunks = starts.map((start, index) => bytes.subarray(start, starts[index + 1] ?? bytes.length));
        const got: string[] = [];
        for await (const one of linesOf(from(chunks))) got.push(one);
        expect(got).toEqual(bytes.toString().split('\n').slice(0, -1));
      }),
    );
  });

  test('leaves out empty lines and an unfinished last one', async () => {
    const got: string[] = [];
    for await (const one of linesOf(from([Buffer.from('a\n\nb'), Buffer.from('\nc')]))) got.push(one);
    expect(got).toEqual(['a', 'b']);
  });
});

async function* from(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const chunk of chunks) {
    await Promise.resolve();
    yield chunk;
  }
}

describe('compareResourceVersions()', () => {
  test('orders numbers of any length as numbers', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n }), fc.bigInt({ min: 0n }), (one, other) => {
        const want = one < other ? -1 : one > other ? 1 : 0;
        expect(Math.sign(compareResourceVersions(String(one), String(other)) ?? Number.NaN)).toBe(want);
        expect(isOlder(String(one), String(other))).toBe(one < other);
      }),
    );
  });

  test.for([
    { name: 'a word', why: 'some servers use other forms', one: 'abc' },
    { name: 'nothing', why: 'an object that was never stored', one: '' },
    { name: 'leading zeros', why: 'they would be longer and yet less', one: '007' },
  ])('does not order $name', ({ one, why }) => {
    expect(compareResourceVersions(one, '5'), why).toBeUndefined();
    expect(isOlder(one, '5'), 'what cannot be told is not claimed').toBe(false);
  });
});

test('paths name group, namespace and object', () => {
  const things = { group: 'example.test', version: 'v1', plural: 'things' };
  const secrets = { group: '', version: 'v1', plural: 'secrets' };
  expect(collectionPath(things)).toBe('/apis/example.test/v1/things');
  expect(collectionPath(secrets, 'trunkline-system')).toBe('/api/v1/namespaces/trunkline-system/secrets');
  expect(objectPath(things, { namespace: '', name: 'a b/..' })).toBe('/apis/example.test/v1/things/a%20b%2F..');
});
