import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../../src/reconcilers/shared/verdict.ts';
import { AccountHealth, type HealthSubject } from '../../../src/reconcilers/telephony-account/account-health.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const twilio: HealthSubject = { account: 'default', provider: 'Twilio', identity: 'AC1' };
const others: readonly HealthSubject[] = [
  { ...twilio, provider: 'LiveKit' },
  { ...twilio, account: 'second' },
  { ...twilio, identity: 'AC2' },
];

const refused: Verdict = { kind: 'identity', reason: 'CredentialsRefused', message: 'Authenticate (20003)' };
const missing: Verdict = { kind: 'identity', reason: 'CredentialsUnavailable', message: 'no Secret' };
const silent: Verdict = { kind: 'unknownOutcome', message: 'no answer in time' };
const tooMany: Verdict = { kind: 'rateLimited', afterMs: 0, message: 'too many' };
const definite: Verdict = { kind: 'refused', code: '20001', message: 'no' };

const start = Date.UTC(2026, 0, 1);

function bench() {
  const clock = new FakeClock(start);
  const health = new AccountHealth(clock);
  const events: string[] = [];
  health.subscribe(({ kind, subject: { account, provider } }) => events.push(`${kind} ${account} ${provider}`));
  return {
    clock,
    events,
    health,
    /** One probe a minute. */
    probe: (...verdicts: readonly (Verdict | undefined)[]) => {
      for (const verdict of verdicts) {
        clock.advanceSynchronously(60_000);
        health.probed(twilio, verdict);
      }
    },
    /** Reason and since when, in minutes. */
    trouble: () => {
      const trouble = health.troubleOf(twilio);
      return trouble && [trouble.verdict.reason, trouble.since.monotonic / 60_000];
    },
  };
}

describe('since when a provider fails', () => {
  const cases: readonly {
    readonly name: string;
    readonly why: string;
    readonly probes: readonly (Verdict | undefined)[];
    readonly want: readonly [string, number] | undefined;
  }[] = [
    { name: 'never probed', why: 'nothing is known', probes: [], want: undefined },
    { name: 'fine', why: 'nothing is wrong', probes: [undefined], want: undefined },
    {
      name: 'refused',
      why: 'the first probe counts',
      probes: [undefined, refused, refused],
      want: ['CredentialsRefused', 2],
    },
    { name: 'fine again', why: 'it is over', probes: [refused, undefined], want: undefined },
    {
      name: 'refused anew',
      why: 'a break ends it',
      probes: [refused, undefined, refused],
      want: ['CredentialsRefused', 3],
    },
    { name: 'silent', why: 'no answer', probes: [silent, silent], want: ['AccountUnavailable', 1] },
    {
      name: 'a refusal that is none of us',
      why: 'it answers, but not as it should',
      probes: [definite],
      want: ['AccountUnavailable', 1],
    },
    {
      name: 'silent after refused',
      why: 'it has not worked since the beginning; the longer time begins there',
      probes: [refused, silent],
      want: ['AccountUnavailable', 1],
    },
    {
      name: 'refused after silent',
      why: 'the shorter time must not have begun when nothing was refused',
      probes: [silent, silent, refused, refused],
      want: ['CredentialsRefused', 3],
    },
    {
      name: 'refused for another reason',
      why: 'still ours to mend',
      probes: [missing, refused],
      want: ['CredentialsRefused', 1],
    },
    {
      name: 'refused, silent, refused',
      why: 'only what is unbroken counts',
      probes: [refused, silent, refused],
      want: ['CredentialsRefused', 3],
    },
    {
      name: 'asked to wait while it fails',
      why: 'nothing new is known',
      probes: [refused, tooMany],
      want: ['CredentialsRefused', 1],
    },
    {
      name: 'asked to wait while it is fine',
      why: 'nothing new is known',
      probes: [undefined, tooMany],
      want: undefined,
    },
  ];
  test.for(cases)('$name', ({ probes, want, why }) => {
    const { probe, trouble } = bench();
    probe(...probes);
    expect(trouble(), why).toEqual(want);
  });

  test('is told on both clocks', () => {
    const { health, probe } = bench();
    probe(refused);
    expect(health.troubleOf(twilio)).toEqual({
      provider: 'Twilio',
      verdict: refused,
      since: { monotonic: 60_000, wall: start + 60_000 },
    });
  });

  test('keeps the first words as long as the reason stays', () => {
    const { health, probe } = bench();
    probe(silent, { ...silent, message: 'no answer (ECONNRESET)' });
    expect(health.troubleOf(twilio)?.verdict.message, 'each new word would be a write per object').toBe(silent.message);
  });

  test('is nobody else’s trouble', () => {
    const { health, probe } = bench();
    probe(refused);
    expect(others.map((subject) => health.troubleOf(subject))).toEqual([undefined, undefined, undefined]);
  });
});

describe('listeners', () => {
  test('hear once of each beginning and end', () => {
    const { events, probe } = bench();
    probe(undefined, refused, silent, refused, undefined, undefined, silent);
    expect(events).toEqual(['failing default Twilio', 'recovered default Twilio', 'failing default Twilio']);
  });

  test('hear nothing any more after they have gone', () => {
    const { health, probe } = bench();
    const heard: unknown[] = [];
    health.subscribe((event) => heard.push(event))();
    probe(refused);
    expect(heard).toEqual([]);
  });
});

describe('a call that fails', () => {
  const suspected = 'suspected default Twilio';
  test.for([
    { name: 'refused credentials', verdict: refused, want: [suspected], why: 'they may be everybody’s' },
    { name: 'no answer', verdict: silent, want: [suspected], why: 'it may be down for all' },
    { name: 'a definite refusal', verdict: definite, want: [], why: 'it is about this object' },
    { name: 'a wish to wait', verdict: tooMany, want: [], why: 'the limiter waits' },
    {
      name: 'not found',
      verdict: { kind: 'notFound', message: 'gone' } as const,
      want: [],
      why: 'the provider answers',
    },
  ])('$name', ({ verdict, want, why }) => {
    const { events, health } = bench();
    health.callFailed(twilio, verdict);
    expect(events, why).toEqual(want);
    expect(health.isSuspected(twilio)).toBe(want.length > 0);
    expect(health.troubleOf(twilio), 'the probe decides').toBeUndefined();
  });

  test('asks for one probe, and for the next one only after that', () => {
    const { clock, events, health } = bench();
    health.callFailed(twilio, refused);
    health.callFailed(twilio, refused);
    health.probed(twilio, undefined);
    expect(health.isSuspected(twilio)).toBe(false);
    health.callFailed(twilio, refused);
    expect(events, 'the probe was fine: it is the object’s own trouble').toEqual([suspected]);
    clock.advanceSynchronously(5_000);
    health.callFailed(twilio, refused);
    expect(events).toEqual([suspected, suspected]);
  });

  test('asks for nothing while the provider fails anyway', () => {
    const { clock, events, health, probe } = bench();
    probe(refused);
    clock.advanceSynchronously(60_000);
    health.callFailed(twilio, refused);
    expect(events).toEqual(['failing default Twilio']);
  });
});
