import { describe, expect, test } from 'vitest';
import type { Observed } from '../../../src/reconcilers/phone-number/observed.ts';
import { isUnrouted } from '../../../src/reconcilers/phone-number/number-routing.ts';
import { preflight } from '../../../src/reconcilers/phone-number/preflight.ts';
import { account, desired, inboundSet, nothing, present } from './fixtures.ts';

const number = present(nothing.number);
const on = (trunkSid: string): Observed => ({ ...nothing, number: { ...number, trunkSid } });

describe('preflight()', () => {
  const cases: readonly {
    name: string;
    why: string;
    observed: Observed;
    routing?: 'Attached' | 'Detached';
    suspended?: boolean;
    want: readonly [reason: string, stalled: boolean] | undefined;
  }[] = [
    { name: 'a free number', why: 'nothing stands in the way', observed: nothing, want: undefined },
    { name: 'our own set', why: 'it is looked at again and again', observed: inboundSet(), want: undefined },
    {
      name: 'no number',
      why: 'porting may take days',
      observed: { ...nothing, number: undefined },
      want: ['NumberNotFound', false],
    },
    {
      name: 'a hosted number',
      why: 'voice never reaches Twilio',
      observed: { ...nothing, number: { ...number, hosted: true } },
      want: ['NumberUnusable', true],
    },
    {
      name: 'a number without voice',
      why: 'it cannot ring',
      observed: { ...nothing, number: { ...number, voiceCapable: false } },
      want: ['NumberUnusable', true],
    },
    {
      name: 'a number of another region',
      why: 'our trunk does not count there',
      observed: { ...nothing, voiceRegion: 'ie1' },
      want: ['RegionMismatch', false],
    },
    {
      name: 'a number of our region',
      why: 'this is where we write',
      observed: { ...nothing, voiceRegion: 'us1' },
      want: undefined,
    },
    { name: 'a number on another trunk', why: 'it is somebody’s', observed: on('TKx'), want: ['NumberInUse', false] },
    {
      name: 'a number that was ours',
      why: 'that is not fought',
      observed: on('TKx'),
      routing: 'Attached',
      want: ['RoutingChangedElsewhere', true],
    },
    {
      name: 'a number that was ours and is nowhere now',
      why: 'a token may attach it again',
      observed: on(''),
      routing: 'Attached',
      want: undefined,
    },
    {
      name: 'an account with all its trunks',
      why: 'the create would be refused',
      observed: { ...nothing, trunkCount: 100 },
      want: ['TrunkLimit', false],
    },
    {
      name: 'an account with one trunk left',
      why: 'it is enough',
      observed: { ...nothing, trunkCount: 99 },
      want: undefined,
    },
    {
      name: 'a full account that has our trunk',
      why: 'none is made',
      observed: { ...inboundSet(), trunkCount: 100 },
      want: undefined,
    },
    {
      name: 'an inbound trunk of others',
      why: 'with two every call fails',
      observed: { ...nothing, foreignInbound: [{ ...present(inboundSet().inbound), name: 'theirs' }] },
      want: ['LiveKitNumberConflict', false],
    },
    {
      name: 'a suspended number that is routed elsewhere',
      why: 'that is what it was set free for',
      suspended: true,
      routing: 'Detached',
      observed: {
        ...inboundSet(),
        number: { ...present(nothing.number), trunkSid: `TK${'f'.repeat(32)}` },
        foreignInbound: [{ ...present(inboundSet().inbound), name: 'theirs' }],
      },
      want: undefined,
    },
    {
      name: 'a trunk that lost its mark',
      why: 'it may be somebody’s by now',
      observed: { ...inboundSet(), lostOwnership: [{ kind: 'Trunk', id: 'TKx', taken: false }] },
      want: ['OwnershipUnknown', true],
    },
    {
      name: 'a trunk with the mark of another object',
      why: 'it is that object’s',
      observed: { ...inboundSet(), number: undefined, lostOwnership: [{ kind: 'Trunk', id: 'TKx', taken: true }] },
      want: ['OwnershipTaken', true],
    },
  ];
  test.for(cases)('$name', ({ observed, routing, suspended = false, want, why }) => {
    const trouble = preflight(desired({}, { suspended }), account, observed, { routing, record: {} }, 100);
    expect(trouble && [trouble.reason, trouble.stalled], why).toEqual(want);
    if (trouble !== undefined)
      expect(trouble.message, 'names what it is about').toMatch(/\+447446466847|Twilio account|TKx/);
  });
});

describe('isUnrouted()', () => {
  test.for([
    { name: 'no URL', values: {}, want: true },
    {
      name: 'the demo that bought numbers carry',
      values: { voiceUrl: 'https://demo.twilio.com/welcome/voice/' },
      want: true,
    },
    { name: 'a URL', values: { voiceUrl: 'https://app.example.com/voice' }, want: false },
    {
      name: 'a URL that only looks like the demo',
      values: { voiceUrl: 'https://demo.twilio.com.example.com/' },
      want: false,
    },
    { name: 'a URL that cannot be read', values: { voiceUrl: 'voice' }, want: false },
    { name: 'a trunk', values: { trunkSid: 'TKx' }, want: false },
    { name: 'an application', values: { voiceApplicationSid: 'APx' }, want: false },
  ])('$name', ({ values, want }) => {
    expect(isUnrouted({ ...number, ...values })).toBe(want);
  });
});
