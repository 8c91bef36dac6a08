import { describe, expect, test } from 'vitest';
import { isAllowed, needsLabels } from '../../../src/reconcilers/telephony-account/allowed-namespaces.ts';
import type { LabelRequirement, LabelSelector } from '../../../src/reconcilers/telephony-account/model.ts';

function selector(
  matchExpressions: readonly LabelRequirement[],
  matchLabels: Record<string, string> = {},
): LabelSelector {
  return { matchLabels, matchExpressions };
}

const tier = (operator: LabelRequirement['operator'], ...values: string[]) =>
  selector([{ key: 'tier', operator, values }]);

interface Case {
  name: string;
  why: string;
  names?: string[];
  selector?: LabelSelector;
  labels?: Record<string, string>;
  want: boolean;
}

const cases: readonly Case[] = [
  { name: 'nobody by default', why: 'an account is opened on purpose', labels: {}, want: false },
  { name: 'by name', why: 'the plain way', names: ['team-b', 'team-a'], want: true },
  { name: 'not by a part of a name', why: 'team-ab is somebody else', names: ['team-ab'], want: false },
  {
    name: 'by an empty selector',
    why: 'in Kubernetes it matches everything',
    selector: selector([]),
    labels: {},
    want: true,
  },
  {
    name: 'not by a selector when the namespace is unknown',
    why: 'nothing is known to match',
    selector: selector([]),
    want: false,
  },
  {
    name: 'by name although the selector does not match',
    why: 'the two are a union',
    names: ['team-a'],
    selector: tier('Exists'),
    labels: {},
    want: true,
  },
  {
    name: 'by a label',
    why: 'the plain selector',
    selector: selector([], { tier: 'gold' }),
    labels: { tier: 'gold', x: 'y' },
    want: true,
  },
  {
    name: 'not by another value',
    why: 'the value counts',
    selector: selector([], { tier: 'gold' }),
    labels: { tier: 'tin' },
    want: false,
  },
  {
    name: 'only when all requirements hold',
    why: 'they are joined by and',
    selector: selector([{ key: 'x', operator: 'Exists', values: [] }], { tier: 'gold' }),
    labels: { tier: 'gold' },
    want: false,
  },
  {
    name: 'In, one of them',
    why: 'the operator',
    selector: tier('In', 'gold', 'tin'),
    labels: { tier: 'tin' },
    want: true,
  },
  { name: 'In, none of them', why: 'the operator', selector: tier('In', 'gold'), labels: { tier: 'tin' }, want: false },
  {
    name: 'In without the label',
    why: 'no value is in no list',
    selector: tier('In', 'gold'),
    labels: {},
    want: false,
  },
  {
    name: 'NotIn, one of them',
    why: 'the operator',
    selector: tier('NotIn', 'gold'),
    labels: { tier: 'gold' },
    want: false,
  },
  {
    name: 'NotIn without the label',
    why: 'Kubernetes counts it as not in',
    selector: tier('NotIn', 'gold'),
    labels: {},
    want: true,
  },
  {
    name: 'Exists, with an empty value',
    why: 'an empty value is a value',
    selector: tier('Exists'),
    labels: { tier: '' },
    want: true,
  },
  { name: 'Exists, absent', why: 'the operator', selector: tier('Exists'), labels: {}, want: false },
  { name: 'DoesNotExist, absent', why: 'the operator', selector: tier('DoesNotExist'), labels: {}, want: true },
  {
    name: 'DoesNotExist, present',
    why: 'the operator',
    selector: tier('DoesNotExist'),
    labels: { tier: 'x' },
    want: false,
  },
  {
    name: 'a label called like a method is absent',
    why: 'every object has a constructor',
    selector: selector([{ key: 'constructor', operator: 'Exists', values: [] }]),
    labels: {},
    want: false,
  },
];

describe('isAllowed()', () => {
  test.for(cases)('$name', ({ names = [], selector: by, labels, want, why }) => {
    expect(isAllowed({ names, selector: by }, 'team-a', labels), why).toBe(want);
  });
});

test('labels are asked for only where they decide', () => {
  const by = selector([]);
  expect(needsLabels({ names: ['team-a'], selector: by }, 'team-a'), 'the name decides').toBe(false);
  expect(needsLabels({ names: [] }, 'team-a'), 'no selector').toBe(false);
  expect(needsLabels({ names: ['team-b'], selector: by }, 'team-a'), 'the selector decides').toBe(true);
});
