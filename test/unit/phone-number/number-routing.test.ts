import { describe, expect, test } from 'vitest';
import type { RoutingRecord, Webhooks } from '../../../src/reconcilers/phone-number/model.ts';
import {
  describedWebhooks,
  fieldsOfRecord,
  isWrittenAhead,
  type NumberChange,
  obstaclesTo,
  provenRecord,
  removalChange,
  routingChange,
} from '../../../src/reconcilers/phone-number/number-routing.ts';
import type { NumberState } from '../../../src/reconcilers/shared/telephony.ts';
import { nothing, present } from './fixtures.ts';

const bare = present(nothing.number);
const post = (url: string) => ({ url, method: 'POST' });
const [one, two, theirs] = [
  post('https://one.test/'),
  post('https://two.test/'),
  post('https://theirs.test/'),
] as const;
const application = `AP${'a'.repeat(32)}`;

describe('routingChange()', () => {
  const cases: readonly {
    name: string;
    why: string;
    number?: Partial<NumberState>;
    wanted?: Webhooks;
    record?: RoutingRecord;
    previous?: { smsApplicationSid: string };
    takesOver?: boolean;
    restores?: boolean;
    want: NumberChange | undefined;
  }[] = [
    {
      name: 'writes what is wanted on a bare number',
      why: 'nobody has it',
      wanted: { voice: one, voiceFallback: { url: 'https://b.test/', method: 'GET' } },
      want: {
        voiceUrl: one.url,
        voiceMethod: 'POST',
        voiceFallbackUrl: 'https://b.test/',
        voiceFallbackMethod: 'GET',
      },
    },
    {
      name: 'has nothing to do when it is there',
      why: 'quiet at rest, and Twilio shows its default method as nothing at times',
      number: { voiceUrl: one.url, voiceMethod: '' },
      wanted: { voice: one },
      want: undefined,
    },
    {
      name: 'corrects the method',
      why: 'a URL asked in another way is another webhook',
      number: { voiceUrl: one.url, voiceMethod: 'GET' },
      wanted: { voice: one },
      record: { routedTo: { voice: { ...one, method: 'GET' } } },
      want: { voiceUrl: one.url, voiceMethod: 'POST' },
    },
    {
      name: 'replaces Twilio’s demo',
      why: 'numbers are sold with it',
      number: { voiceUrl: 'https://demo.twilio.com/welcome/voice/' },
      wanted: { voice: one },
      want: { voiceUrl: one.url, voiceMethod: 'POST' },
    },
    {
      name: 'leaves what somebody else has',
      why: 'it is theirs',
      number: { voiceUrl: theirs.url },
      wanted: { voice: one },
      want: undefined,
    },
    {
      name: 'takes over what somebody else has',
      why: 'the spec says so',
      number: { voiceUrl: theirs.url, voiceApplicationSid: application },
      wanted: { voice: one },
      takesOver: true,
      want: { voiceUrl: one.url, voiceMethod: 'POST', voiceApplicationSid: '' },
    },
    {
      name: 'replaces what it put there before',
      why: 'the spec has changed',
      number: { voiceUrl: one.url },
      wanted: { voice: two },
      record: { routedTo: { voice: one } },
      want: { voiceUrl: two.url, voiceMethod: 'POST' },
    },
    {
      name: 'knows what was on its way as its own',
      why: 'a crash came between the write and the status',
      number: { smsUrl: one.url },
      record: { routingTo: { sms: one } },
      want: { smsUrl: '' },
    },
    {
      name: 'does not put back what somebody has cleared',
      why: 'it is told, not fought',
      wanted: { voice: one },
      record: { routedTo: { voice: one } },
      want: undefined,
    },
    {
      name: 'puts it back when a person asks for it',
      why: 'that is what the token is for',
      wanted: { voice: one },
      record: { routedTo: { voice: one } },
      restores: true,
      want: { voiceUrl: one.url, voiceMethod: 'POST' },
    },
    {
      name: 'clears its own that is not wanted any more, and nothing else',
      why: 'each is owned on its own',
      number: { voiceFallbackUrl: one.url, statusCallback: theirs.url },
      record: { routedTo: { voiceFallback: one, statusCallback: two } },
      want: { voiceFallbackUrl: '' },
    },
    {
      name: 'gives messages back with the same call',
      why: 'in between they would get lost',
      number: { smsUrl: one.url },
      record: { routedTo: { sms: one } },
      previous: { smsApplicationSid: application },
      want: { smsUrl: '', smsApplicationSid: application },
    },
    {
      name: 'does not give messages back to whom they would be taken from',
      why: 'somebody has routed them since',
      number: { smsUrl: theirs.url },
      record: { routedTo: { sms: one } },
      previous: { smsApplicationSid: application },
      want: undefined,
    },
  ];
  test.for(cases)('$name', ({ number, wanted = {}, record = {}, previous, takesOver, restores, why, want }) => {
    const permissions = { takesOver: takesOver === true, restores: restores === true };
    expect(routingChange({ ...bare, ...number }, wanted, { record, previous }, permissions), why).toEqual(want);
  });
});

describe('removalChange()', () => {
  const record = { routedTo: { voice: one } };
  const previous = { voiceApplicationSid: application };
  test.for<{
    name: string;
    why: string;
    number: Partial<NumberState>;
    ofCalls: boolean;
    want: NumberChange | undefined;
  }>([
    {
      name: 'clears and gives back',
      why: 'calls find whoever had them before',
      number: { voiceUrl: one.url },
      ofCalls: true,
      want: { voiceUrl: '', voiceApplicationSid: application },
    },
    {
      name: 'gives back what was suspended',
      why: 'it is off the number already',
      number: {},
      ofCalls: true,
      want: { voiceApplicationSid: application },
    },
    {
      name: 'leaves a number that somebody put on a trunk',
      why: 'an application would take it off there',
      number: { voiceUrl: one.url, trunkSid: 'TK1' },
      ofCalls: true,
      want: { voiceUrl: '' },
    },
    {
      name: 'leaves a number that somebody has routed',
      why: 'it is theirs',
      number: { voiceUrl: theirs.url },
      ofCalls: true,
      want: undefined,
    },
    {
      name: 'leaves calls alone that go over a trunk',
      why: 'the attachment answers for them',
      number: {},
      ofCalls: false,
      want: undefined,
    },
  ])('$name', ({ number, ofCalls, want, why }) => {
    expect(removalChange({ ...bare, ...number }, { record, previous }, ofCalls), why).toEqual(want);
  });
});

test('obstaclesTo() names the most important route first, and whether ours was there before', () => {
  const number = { ...bare, trunkSid: 'TK1', voiceUrl: theirs.url, smsApplicationSid: application };
  const routes = obstaclesTo({ voice: one, sms: one }, number, { routedTo: { voice: two } });
  expect(routes).toEqual([
    { route: 'trunk TK1', ofCalls: true, isChange: true },
    { route: `application ${application} for text messages`, ofCalls: false, isChange: false },
    { route: 'a voice URL on theirs.test', ofCalls: true, isChange: true },
  ]);
});

test('isWrittenAhead() lets nothing be sent that a crash would make a stranger’s', () => {
  const change = { voiceUrl: one.url, voiceMethod: 'POST' };
  expect(isWrittenAhead(change, { routingTo: { voice: one } })).toBe(true);
  expect(isWrittenAhead(change, { routedTo: { voice: one } }), 'it may come after the record was cleared').toBe(false);
  expect(isWrittenAhead({ voiceUrl: '' }, {}), 'nothing is never anybody’s').toBe(true);
});

test('provenRecord() keeps what the number bears out of what was on its way', () => {
  const record = { routedTo: { voice: one, sms: one }, routingTo: { voice: two, sms: two } };
  expect(provenRecord({ ...bare, voiceUrl: two.url }, record)).toEqual({ voice: two, sms: one });
});

test('what is told of webhooks has no user and no query', () => {
  const secret = post('https://user:canary@one.test:8443/voice?token=canary#canary');
  expect(describedWebhooks({ voice: secret, sms: post('no URL') })).toEqual([
    'voice https://one.test:8443/voice',
    'sms an unreadable address',
  ]);
  expect(fieldsOfRecord({ routedTo: { voice: secret }, routingTo: { smsFallback: one } })).toEqual([
    'voiceUrl',
    'smsFallbackUrl',
  ]);
});
