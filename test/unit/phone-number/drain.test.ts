import { describe, expect, test } from 'vitest';
import { callsOf, drainedAt } from '../../../src/reconcilers/phone-number/drain.ts';
import type { CallState } from '../../../src/reconcilers/shared/telephony.ts';

const ours = { phoneNumber: '+447446466847', phoneNumberSid: 'PN1', trunkSids: ['TK1'] };
const caller = '+15550100';
/** An inbound call as Twilio shows it while it goes on. */
const inbound: CallState = {
  trunkSid: '',
  direction: 'trunking-originating',
  phoneNumberSid: 'PN1',
  to: ours.phoneNumber,
  from: caller,
};

describe('callsOf()', () => {
  const cases: readonly { name: string; why: string; call: Partial<CallState>; counts: boolean }[] = [
    { name: 'a call to the number', why: 'it would be cut', call: {}, counts: true },
    {
      name: 'one that names our trunk',
      why: 'Twilio knows it already',
      call: { trunkSid: 'TK1', direction: 'inbound', phoneNumberSid: '', to: '', from: '' },
      counts: true,
    },
    { name: 'one that names another trunk', why: 'it goes another way', call: { trunkSid: 'TK2' }, counts: false },
    {
      name: 'one from the number',
      why: 'an agent called somebody',
      call: { direction: 'trunking-terminating', phoneNumberSid: '', to: caller, from: ours.phoneNumber },
      counts: true,
    },
    {
      name: 'one whose number stands in a SIP URI',
      why: 'trunks show it so',
      call: { phoneNumberSid: '', to: 'sip:+447446466847@example.sip.livekit.cloud;transport=tcp' },
      counts: true,
    },
    {
      name: 'one whose number is escaped in a SIP URI',
      why: 'a plus may be written as %2B',
      call: { phoneNumberSid: '', to: 'sips:%2b447446466847@example.com' },
      counts: true,
    },
    {
      name: 'one to a longer number',
      why: 'it is somebody else’s',
      call: { phoneNumberSid: 'PN2', to: `${ours.phoneNumber}1` },
      counts: false,
    },
    {
      name: 'a call by the API from the number',
      why: 'no trunk carries it',
      call: { direction: 'outbound-api', from: ours.phoneNumber, to: caller },
      counts: false,
    },
    {
      name: 'a call of another number of the account',
      why: 'it is not ours',
      call: { phoneNumberSid: 'PN2', to: '+447446466848' },
      counts: false,
    },
  ];
  test.for(cases)('$name: $counts', ({ call, counts, why }) => {
    expect(callsOf([{ ...inbound, ...call }], ours), why).toBe(counts ? 1 : 0);
  });

  test('of the calls on a trunk that numbers share, only those of this number count', () => {
    const shared = { ...ours, trunkSids: [], sharedTrunkSid: 'TK9' };
    const mine = { ...inbound, trunkSid: 'TK9' };
    const other = { ...mine, phoneNumberSid: 'PN2', to: '+447446466848' };
    const elsewhere = { ...mine, trunkSid: 'TK8' };
    expect(callsOf([mine, other, elsewhere, inbound], shared)).toBe(2);
  });

  test('a number whose SID is not known matches no call that has none', () => {
    const call = { ...inbound, phoneNumberSid: '', to: caller };
    expect(callsOf([call], { ...ours, phoneNumberSid: undefined })).toBe(0);
  });
});

describe('drainedAt()', () => {
  test.for([
    { name: 'begins with the first look, at a whole second', since: undefined, want: 1_060_000 },
    { name: 'is kept across looks', since: 1_000_000, want: 1_060_000 },
  ])('$name', ({ since, want }) => {
    expect(drainedAt({ timeoutMs: 60_000, since }, 1_000_400)).toBe(want);
  });
});
