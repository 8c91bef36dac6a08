import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LeftoverKind, leftoverKinds } from '../../../src/reconcilers/phone-number/model.ts';
import {
  budgetOf,
  type FailureRecord,
  isGivenUp,
  isStuck,
  providersGivenUp,
  runnable,
  type StepState,
  withFailure,
} from '../../../src/reconcilers/phone-number/removal.ts';
import type { Provider, Verdict } from '../../../src/reconcilers/shared/verdict.ts';
import { settings } from '../../fakes/world.ts';

type States = readonly (readonly [LeftoverKind, StepState])[];
/** Of a number without webhooks. */
const all = (state: StepState): States =>
  leftoverKinds.filter((kind) => kind !== 'NumberRouting').map((kind) => [kind, state] as const);
const minute = 60_000;

describe('runnable()', () => {
  const cases: readonly { name: string; why: string; states: States; want: readonly LeftoverKind[] }[] = [
    {
      name: 'begins with the number and with the outbound trunk',
      why: 'a call in between would reach dead air; outbound calls have nothing to do with it',
      states: all('left'),
      want: ['NumberAttachment', 'OutboundTrunk'],
    },
    {
      name: 'takes webhooks off the number at once',
      why: 'nothing else needs them',
      states: [...all('left'), ['NumberRouting', 'left']],
      want: ['NumberAttachment', 'NumberRouting', 'OutboundTrunk'],
    },
    {
      name: 'goes on with the rule once the number is quiet',
      why: 'what answers goes before what carries',
      states: [...all('left'), ['NumberAttachment', 'gone']],
      want: ['DispatchRule', 'OutboundTrunk'],
    },
    {
      name: 'does not go past a number that was not detached in this pass',
      why: 'it may still ring',
      states: [...all('left'), ['NumberAttachment', 'failed']],
      want: ['OutboundTrunk'],
    },
    {
      name: 'does not go past a rule that failed',
      why: 'it will be tried again, and a trunk without a rule would be a stranger’s',
      states: [...all('left'), ['NumberAttachment', 'gone'], ['DispatchRule', 'failed']],
      want: ['OutboundTrunk'],
    },
    {
      name: 'goes past a rule that was given up',
      why: 'no call can arrive any more, and what costs money has to go',
      states: [...all('left'), ['NumberAttachment', 'gone'], ['DispatchRule', 'givenUp']],
      want: ['InboundTrunk', 'OutboundTrunk'],
    },
    {
      name: 'takes the trunk first when detaching was given up',
      why: 'deleting the trunk is the other way to stop the ringing',
      states: [...all('left'), ['NumberAttachment', 'givenUp']],
      want: ['Trunk', 'OutboundTrunk'],
    },
    {
      name: 'keeps the agent while a number that was given up still has its trunk',
      why: 'dead air or a stranger would be worse',
      states: [...all('gone'), ['NumberAttachment', 'givenUp'], ['Trunk', 'givenUp'], ['DispatchRule', 'left']],
      want: [],
    },
    {
      name: 'removes the agent once that trunk is gone',
      why: 'nothing rings any more',
      states: [...all('gone'), ['NumberAttachment', 'givenUp'], ['DispatchRule', 'left'], ['InboundTrunk', 'left']],
      want: ['DispatchRule'],
    },
    {
      name: 'removes the secret before the list it is in',
      why: 'it dies early',
      states: [...all('left'), ['OutboundTrunk', 'gone']],
      want: ['NumberAttachment', 'Credential'],
    },
    {
      name: 'removes the credentials before the addresses',
      why: 'the fence stays as long as there is something behind it',
      states: [...all('gone'), ['Credential', 'left'], ['CredentialList', 'left'], ['IpAccessControlList', 'left']],
      want: ['Credential'],
    },
    {
      name: 'removes both lists at the same time once the credentials are gone',
      why: 'an empty list opens nothing',
      states: [...all('gone'), ['CredentialList', 'left'], ['IpAccessControlList', 'left']],
      want: ['CredentialList', 'IpAccessControlList'],
    },
    {
      name: 'does not wait for the proof of what answers the number',
      why: 'no call can arrive any more; each piece would cost another round trip',
      states: [...all('left'), ['NumberAttachment', 'gone'], ['DispatchRule', 'removed']],
      want: ['InboundTrunk', 'OutboundTrunk'],
    },
    {
      name: 'waits for the proof that the number is detached',
      why: 'a detach that did not take effect would leave a number that rings without an agent',
      states: [...all('left'), ['NumberAttachment', 'removed']],
      want: ['OutboundTrunk'],
    },
    {
      name: 'waits for the proof that the trunk of a ringing number is gone',
      why: 'until then calls need their agent',
      states: [...all('gone'), ['NumberAttachment', 'givenUp'], ['Trunk', 'removed'], ['DispatchRule', 'left']],
      want: [],
    },
    {
      name: 'starts nothing twice',
      why: 'a removal that is under way is not tried beside itself',
      states: [...all('gone'), ['OutboundTrunk', 'removing'], ['Credential', 'left']],
      want: [],
    },
    { name: 'has nothing to do when all is gone', why: 'the end', states: all('gone'), want: [] },
    {
      name: 'takes a kind that was not looked at for gone',
      why: 'a partial removal looks at a part only',
      states: [['IpAccessControlList', 'left']],
      want: ['IpAccessControlList'],
    },
  ];
  test.for(cases)('$name', ({ states, want, why }) => {
    expect(runnable(new Map(states)).toSorted(), why).toEqual(want.toSorted());
  });

  test('reaches everything when nothing fails, and the number before what answers it', () => {
    fc.assert(
      fc.property(fc.subarray([...leftoverKinds]), fc.infiniteStream(fc.nat()), (left, choices) => {
        const states = new Map<LeftoverKind, StepState>(left.map((kind) => [kind, 'left']));
        for (let options = runnable(states); options.length > 0; options = runnable(states)) {
          const chosen = options[choices.next().value % options.length];
          if (chosen === undefined) break;
          if (chosen === 'DispatchRule' || chosen === 'InboundTrunk' || chosen === 'Trunk') {
            expect(states.get('NumberAttachment') ?? 'gone').toBe('gone');
          }
          states.set(chosen, 'gone');
        }
        expect([...states.values()].every((state) => state === 'gone')).toBe(true);
      }),
    );
  }, 30_000);
});

describe('isStuck()', () => {
  const cases: readonly { name: string; why: string; states: States; want: boolean }[] = [
    { name: 'not when all is gone', why: 'that is the good end', states: all('gone'), want: false },
    { name: 'not while something can be tried', why: 'it may succeed', states: all('left'), want: false },
    {
      name: 'not while something will be tried again',
      why: 'only what is given up counts',
      states: [...all('gone'), ['Trunk', 'givenUp'], ['OutboundTrunk', 'failed']],
      want: false,
    },
    {
      name: 'when the last thing is given up',
      why: 'nothing is left to try',
      states: [...all('gone'), ['Trunk', 'givenUp']],
      want: true,
    },
    {
      name: 'when the rest is blocked by what is given up',
      why: 'it must stay',
      states: [
        ...all('left'),
        ['NumberAttachment', 'givenUp'],
        ['Trunk', 'givenUp'],
        ['OutboundTrunk', 'givenUp'],
        ['Credential', 'givenUp'],
        ['CredentialList', 'givenUp'],
        ['IpAccessControlList', 'givenUp'],
      ],
      want: true,
    },
  ];
  test.for(cases)('$name', ({ states, want, why }) => {
    expect(isStuck(new Map(states)), why).toBe(want);
  });
});

const refused: Verdict = { kind: 'refused', code: '21634', message: 'no' };
const otherwise: Verdict = { kind: 'refused', code: '21403', message: 'no' };
const noAnswer: Verdict = { kind: 'unknownOutcome', message: 'no answer' };
const conflict: Verdict = { kind: 'conflict', code: '20409', message: 'busy' };
const unauthorised = { kind: 'identity', reason: 'CredentialsRefused', message: '401' } as const;
const unavailable = { kind: 'identity', reason: 'AccountUnavailable', message: '503' } as const;

/** Failures at these seconds. */
function failures(...attempts: readonly (readonly [verdict: Verdict, second: number])[]): FailureRecord {
  let record: FailureRecord | undefined;
  for (const [verdict, second] of attempts) record = withFailure(record, verdict, second * 1_000);
  if (record === undefined) throw new Error('No failures');
  return record;
}
const every = (verdict: Verdict, ...seconds: readonly number[]) =>
  failures(...seconds.map((one) => [verdict, one] as const));

describe('isGivenUp()', () => {
  const cases: readonly {
    name: string;
    why: string;
    record: FailureRecord | undefined;
    /** Minutes since the first failure. */
    age: number | undefined;
    want: boolean;
  }[] = [
    { name: 'not without a failure', why: 'nothing was tried', record: undefined, age: 60, want: false },
    {
      name: 'not in the pass that failed first',
      why: 'it is not written down yet',
      record: every(refused, 0, 5, 11),
      age: undefined,
      want: false,
    },
    {
      name: 'a refusal thrice over ten seconds',
      why: 'it is definite',
      record: every(refused, 0, 5, 10),
      age: 0.2,
      want: true,
    },
    { name: 'not twice', why: 'once may be a mistake of theirs', record: every(refused, 0, 60), age: 1, want: false },
    {
      name: 'not thrice within ten seconds',
      why: 'something may just be under way',
      record: every(refused, 0, 1, 9),
      age: 0.2,
      want: false,
    },
    {
      name: 'not when another refusal came in between',
      why: 'they must be the same',
      record: failures([refused, 0], [otherwise, 10], [refused, 20], [refused, 21]),
      age: 1,
      want: false,
    },
    {
      name: 'not when a lost answer came in between',
      why: 'they must follow each other',
      record: failures([refused, 0], [noAnswer, 10], [refused, 20], [refused, 25]),
      age: 1,
      want: false,
    },
    {
      name: 'a conflict never by repeating',
      why: 'something else depends on it',
      record: every(conflict, 0, 60, 100),
      age: 2,
      want: false,
    },
    {
      name: 'refused credentials never by repeating',
      why: 'the account is the trouble',
      record: every(unauthorised, 0, 60, 100),
      age: 2,
      want: false,
    },
    {
      name: 'any failure after fifteen minutes',
      why: 'the budget',
      record: every(noAnswer, 0, 30, 60, 90, 120),
      age: 15,
      want: true,
    },
    {
      name: 'not before fifteen minutes',
      why: 'the budget',
      record: every(noAnswer, 0, 30, 60, 90, 600),
      age: 14.9,
      want: false,
    },
    {
      name: 'not with fewer than five failures in this process',
      why: 'a long break alone ends nothing',
      record: every(noAnswer, 0, 60, 120, 180),
      age: 600,
      want: false,
    },
    {
      name: 'not with five failures within two minutes',
      why: 'a long break alone ends nothing',
      record: every(noAnswer, 0, 10, 20, 30, 119),
      age: 600,
      want: false,
    },
    {
      name: 'refused credentials after fifteen minutes',
      why: 'somebody has to mend them',
      record: every(unauthorised, 0, 30, 60, 90, 900),
      age: 15,
      want: true,
    },
    {
      name: 'credentials that have been refused for less, however long something else had failed before',
      why: 'the account has a clock of its own',
      record: failures(
        [noAnswer, 0],
        [unavailable, 60],
        [unavailable, 600],
        [unauthorised, 900],
        [unauthorised, 1_780],
      ),
      age: 600,
      want: false,
    },
    {
      name: 'credentials that were refused before and after an outage',
      why: 'nobody has mended them',
      record: failures(
        [unauthorised, 0],
        [unavailable, 60],
        [unavailable, 600],
        [unavailable, 800],
        [unauthorised, 900],
      ),
      age: 15,
      want: true,
    },
    {
      name: 'credentials that worked in between begin anew',
      why: 'somebody has mended them',
      record: failures(
        [unauthorised, 0],
        [unauthorised, 60],
        [noAnswer, 600],
        [unauthorised, 800],
        [unauthorised, 900],
      ),
      age: 15,
      want: false,
    },
    {
      name: 'a provider that does not answer only after an hour',
      why: 'incidents last long',
      record: every(unavailable, 0, 30, 60, 90, 3_599),
      age: 600,
      want: false,
    },
    {
      name: 'and then it, too',
      why: 'not for ever',
      record: every(unavailable, 0, 30, 60, 90, 3_600),
      age: 60,
      want: true,
    },
  ];
  test.for(cases)('$name', ({ record, age, want, why }) => {
    const now = Date.UTC(2026, 0, 1);
    const firstFailureAt = age === undefined ? undefined : now - age * minute;
    expect(isGivenUp(record, firstFailureAt, now, settings.giveUp), why).toBe(want);
  });
});

describe('providersGivenUp()', () => {
  const since = { monotonic: 1_000_000, wall: 0 };
  const trouble = (provider: Provider, verdict: Extract<Verdict, { kind: 'identity' }>) => ({
    provider,
    verdict,
    since,
  });
  test.for<{ name: string; why: string; after: number; countedFrom?: number; want: readonly Provider[] }>([
    { name: 'none before its time', why: 'it may be over any minute', after: 14.9, want: [] },
    { name: 'one that refuses', why: 'somebody has to mend it', after: 15, want: ['Twilio'] },
    { name: 'one that is away, later', why: 'incidents last long', after: 60, want: ['Twilio', 'LiveKit'] },
    {
      name: 'none for what was while nobody could act',
      why: 'the account was paused',
      after: 60,
      countedFrom: 50,
      want: [],
    },
  ])('$name', ({ after, countedFrom = -1, want, why }) => {
    const troubles = [trouble('Twilio', unauthorised), trouble('LiveKit', unavailable)];
    const at = (minutes: number) => since.monotonic + minutes * minute;
    expect([...providersGivenUp(troubles, at(after), at(countedFrom), settings.giveUp)], why).toEqual(want);
  });
});

test.for([
  { name: 'any failure', verdict: noAnswer, want: 15 * minute },
  { name: 'a refusal', verdict: refused, want: 15 * minute },
  { name: 'refused credentials', verdict: unauthorised, want: 15 * minute },
  { name: 'a provider that does not answer', verdict: unavailable, want: 60 * minute },
])('budgetOf() $name', ({ verdict, want }) => {
  expect(budgetOf(verdict, settings.giveUp)).toBe(want);
});

test('withFailure() counts all failures, and the same refusals in a row', () => {
  expect(failures([noAnswer, 1], [refused, 2], [refused, 4])).toEqual({
    attempts: 3,
    firstAt: 1_000,
    lastAt: 4_000,
    verdict: refused,
    sameRefusals: 2,
    refusedSince: 2_000,
  });
});
