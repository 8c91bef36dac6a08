import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergePatch } from '../../../src/reconcilers/shared/merge-patch.ts';
import { applyMergePatch, isObject, type Json } from '../../fakes/merge-patch.ts';

describe('mergePatch()', () => {
  test.for<{ name: string; stored: Json; wanted: Json; want: Json }>([
    { name: 'nothing to do', stored: { a: 1, b: { c: [1] } }, wanted: { a: 1, b: { c: [1] } }, want: {} },
    { name: 'changes a value', stored: { a: 1 }, wanted: { a: 2 }, want: { a: 2 } },
    { name: 'adds a value', stored: {}, wanted: { a: 2 }, want: { a: 2 } },
    { name: 'removes what is named without a value', stored: { a: 1 }, wanted: { a: undefined }, want: { a: null } },
    { name: 'removes nothing that is not there', stored: {}, wanted: { a: undefined }, want: {} },
    { name: 'keeps what is not named', stored: { a: 1, newer: true }, wanted: { a: 1 }, want: {} },
    { name: 'looks inside', stored: { a: { b: 1, c: 2 } }, wanted: { a: { b: 3 } }, want: { a: { b: 3 } } },
    { name: 'replaces lists as a whole', stored: { a: [1, 2] }, wanted: { a: [1] }, want: { a: [1] } },
    {
      name: 'compares lists as they are sent',
      stored: { a: [{ b: 1 }] },
      wanted: { a: [{ b: 1, c: undefined }] },
      want: {},
    },
    { name: 'replaces a text by an object', stored: { a: 'x' }, wanted: { a: { b: 1 } }, want: { a: { b: 1 } } },
    { name: 'replaces a text by an empty object', stored: { a: 'x' }, wanted: { a: {} }, want: { a: {} } },
    { name: 'replaces a list by an object', stored: { a: [1] }, wanted: { a: { b: 1 } }, want: { a: { b: 1 } } },
  ])('$name', ({ stored, wanted, want }) => {
    expect(mergePatch(stored, wanted)).toEqual(want);
  });

  const key = fc.constantFrom('a', 'b', 'c');
  const { stored, wanted } = fc.letrec((tie) => ({
    leaf: fc.oneof(
      fc.integer({ max: 2 }),
      fc.constantFrom('x', 'y'),
      fc.boolean(),
      fc.array(fc.integer({ max: 1 }), { maxLength: 2 }),
    ),
    stored: fc.dictionary(key, fc.oneof({ maxDepth: 2 }, tie('leaf'), tie('stored'))),
    wanted: fc.dictionary(key, fc.oneof({ maxDepth: 2 }, tie('leaf'), fc.constant(undefined), tie('wanted'))),
  })) as unknown as { stored: fc.Arbitrary<Json>; wanted: fc.Arbitrary<Json> };

  /** For the keys that are named, all the way down. */
  function expectNamed(after: unknown, named: Json): void {
    for (const [name, value] of Object.entries(named)) {
      const result = isObject(after) ? after[name] : undefined;
      if (isObject(value)) expectNamed(result, value);
      else expect(result).toEqual(value);
    }
  }

  test('applied to what is stored gives what is wanted, and what is not named stays', () => {
    fc.assert(
      fc.property(stored, wanted, (before, named) => {
        const patch = mergePatch(before, named);
        const after = applyMergePatch(before, patch) as Json;
        expectNamed(after, named);
        for (const name of Object.keys(before)) if (!(name in named)) expect(after[name]).toEqual(before[name]);
        expect(mergePatch(after, named), 'a second one has nothing to do').toEqual({});
      }),
    );
  }, 30_000);
});
