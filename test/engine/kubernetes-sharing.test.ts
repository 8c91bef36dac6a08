/**
 * Sharing of equal parts: what it must never change, and what it must do.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { share } from '../../src/providers/kubernetes/sharing.ts';

describe('share()', () => {
  test('changes nothing that can be seen, whatever it shares with', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (value, like) => {
        const before = structuredClone(like);
        expect(share(structuredClone(value), like)).toEqual(value);
        expect(like).toEqual(before);
      }),
    );
  });

  test('gives back what equals as it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(share(structuredClone(value), value)).toBe(value);
      }),
    );
  });

  test.for([
    { name: 'a part more', why: 'it is another object', value: { a: 1, b: 2 }, like: { a: 1 } },
    { name: 'a part less', why: 'it is another object', value: { a: 1 }, like: { a: 1, b: 2 } },
    { name: 'an element less', why: 'it is another list', value: [1], like: [1, 2] },
    { name: 'nothing instead of a list', why: 'they print alike', value: {}, like: [] },
    { name: 'an empty part instead of none', why: 'both read as nothing', value: { a: null }, like: { b: null } },
  ])('tells $name from an equal object', ({ like, value, why }) => {
    expect(share<unknown>(structuredClone(value), like), why).not.toBe(like);
  });

  test('holds the equal parts of different objects once', () => {
    const like = { spec: { voice: { sipTrunk: {} } }, status: { phase: 'Ready', conditions: [{ type: 'Ready' }] } };
    const shared = share(
      { spec: { voice: { sipTrunk: {} } }, status: { phase: 'Failed', conditions: [{ type: 'Ready' }] } },
      like,
    );
    expect(shared.spec).toBe(like.spec);
    expect(shared.status.conditions).toBe(like.status.conditions);
    expect(shared.status.phase).toBe('Failed');
  });
});
