/**
 * Label selectors: the text form of kubectl, and what Kubernetes means by it.
 */
import { describe, expect, test } from 'vitest';
import {
  canonicalSelector,
  matchesSelector,
  parseSelector,
  type Selector,
} from '../../../src/controller/config-selector.ts';

function parsed(text: string): Selector {
  const result = parseSelector(text);
  if (result.kind === 'invalid') throw new Error(result.problem);
  return result.selector;
}

describe('parseSelector()', () => {
  test.for([
    { text: '', want: [] },
    { text: '  ', want: [] },
    { text: 'team', want: [{ key: 'team', operator: 'Exists', values: [] }] },
    { text: '!team', want: [{ key: 'team', operator: 'DoesNotExist', values: [] }] },
    { text: 'team=voice', want: [{ key: 'team', operator: 'In', values: ['voice'] }] },
    { text: 'team = voice', want: [{ key: 'team', operator: 'In', values: ['voice'] }] },
    { text: 'team==voice', want: [{ key: 'team', operator: 'In', values: ['voice'] }] },
    { text: 'team!=voice', want: [{ key: 'team', operator: 'NotIn', values: ['voice'] }] },
    { text: 'team=', want: [{ key: 'team', operator: 'In', values: [''] }] },
    { text: 'team in (a, b)', want: [{ key: 'team', operator: 'In', values: ['a', 'b'] }] },
    { text: 'team notin (a,b)', want: [{ key: 'team', operator: 'NotIn', values: ['a', 'b'] }] },
    { text: 'in in (in)', want: [{ key: 'in', operator: 'In', values: ['in'] }] },
    {
      text: 'example.com/team in (a,b),!old , stage=1.0',
      want: [
        { key: 'example.com/team', operator: 'In', values: ['a', 'b'] },
        { key: 'old', operator: 'DoesNotExist', values: [] },
        { key: 'stage', operator: 'In', values: ['1.0'] },
      ],
    },
  ])('"$text" is understood', ({ text, want }) => {
    expect(parsed(text)).toEqual(want);
  });

  test.for([
    { text: 'team=voice,', wrong: '' },
    { text: ',', wrong: '' },
    { text: 'size>3', wrong: 'size>3' },
    { text: 'team in a', wrong: 'team in a' },
    { text: 'team in (a', wrong: 'team in (a' },
    { text: 'team in (a/b)', wrong: 'team in (a/b)' },
    { text: '-team', wrong: '-team' },
    { text: 'a b', wrong: 'a b' },
    { text: 'Example.com/team=x', wrong: 'Example.com/team=x' },
    { text: `team=${'x'.repeat(64)}`, wrong: `team=${'x'.repeat(64)}` },
  ])('"$text" is refused, and the wrong part is named', ({ text, wrong }) => {
    expect(parseSelector(text)).toEqual({ kind: 'invalid', problem: expect.stringContaining(`"${wrong}" is no part`) });
  });
});

describe('matchesSelector()', () => {
  test.for([
    { text: '', labels: {}, want: true, why: 'nothing is required' },
    { text: 'team=voice', labels: { team: 'voice', more: 'x' }, want: true, why: 'other labels do not matter' },
    { text: 'team=voice', labels: { team: 'sales' }, want: false, why: 'another value' },
    { text: 'team=voice', labels: {}, want: false, why: 'no such label' },
    { text: 'team!=voice', labels: {}, want: true, why: 'as in Kubernetes: no label is not that value' },
    { text: 'team notin (a,b)', labels: { team: 'b' }, want: false, why: 'one of the values' },
    { text: 'team in (a,b)', labels: { team: 'b' }, want: true, why: 'one of the values' },
    { text: 'team', labels: { team: '' }, want: true, why: 'an empty value is a value' },
    { text: '!team', labels: { team: '' }, want: false, why: 'an empty value is a value' },
    { text: '!constructor', labels: {}, want: true, why: 'every JavaScript object has one, no label does' },
    { text: 'a=1,b=2', labels: { a: '1' }, want: false, why: 'all must hold' },
  ])('"$text" for $labels: $want', ({ labels, text, want, why }) => {
    expect(matchesSelector(parsed(text), labels), why).toBe(want);
  });

  test('of selectors that share all accounts out, exactly one serves an account that does not exist', () => {
    const shares = ['shard=a', 'shard=b', 'shard notin (a,b)'].map(parsed);
    expect(shares.filter((selector) => matchesSelector(selector, {})).length).toBe(1);
    const others = ['shard', '!shard'].map(parsed);
    expect(others.filter((selector) => matchesSelector(selector, {})).length).toBe(1);
  });
});

describe('canonicalSelector()', () => {
  test('is the same for every spelling, and empty for none', () => {
    expect(canonicalSelector(parsed('b!=2, a in (y,x)'))).toBe(canonicalSelector(parsed('a in (x, y),b notin (2)')));
    expect(canonicalSelector(parsed('a in (x,y)'))).not.toBe(canonicalSelector(parsed('a in (x)')));
    expect(canonicalSelector([])).toBe('');
  });
});
