// The limiter at work, on a fake clock: whatever comes and however it ends, no limit is ever broken and nobody is lost.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NotSentError, type RequestTraits } from '../../../src/providers/limiter/limiter.ts';
import { burstOf } from '../../../src/providers/limiter/limiter-state.ts';
import { RequestLimiter, type RequestLimiterOptions } from '../../../src/providers/limiter/request-limiter.ts';
import { RequestLimiters } from '../../../src/providers/limiter/request-limiters.ts';
import type { Limits } from '../../../src/reconcilers/telephony-account/model.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

class TooMany extends Error {
  readonly afterMs: number;

  constructor(afterMs: number) {
    super('too many requests');
    this.afterMs = afterMs;
  }
}

const waitAskedBy: RequestTraits['waitAskedBy'] = (failure) =>
  failure instanceof TooMany ? failure.afterMs : undefined;
const reads: RequestTraits = { changes: false, waitAskedBy };
const changes: RequestTraits = { changes: true, waitAskedBy };

/** A limiter, and a provider that answers when it is told to. */
function bench(limits: Limits, options: Partial<RequestLimiterOptions> = {}) {
  const clock = new FakeClock();
  const requestLimiter = new RequestLimiter(limits, { clock, timers: clock, ...options });
  const begun: string[] = [];
  const ended: string[] = [];
  const answers = new Map<string, PromiseWithResolvers<void>>();
  const ask = (name: string, traits: RequestTraits = reads): void => {
    const answer = Promise.withResolvers<void>();
    answers.set(name, answer);
    const send = async (): Promise<void> => {
      begun.push(name);
      await answer.promise;
    };
    requestLimiter.limiter(send, traits).then(
      () => ended.push(name),
      (error: unknown) => ended.push(`${name}: ${error instanceof Error ? error.message : String(error)}`),
    );
  };
  return {
    ask,
    begun,
    clock,
    ended,
    requestLimiter,
    answer: async (name: string) => {
      answers.get(name)?.resolve();
      // Requests begin one after the other, at a rate.
      await clock.advance(1);
    },
    fail: async (name: string, error: Error) => {
      answers.get(name)?.reject(error);
      await settle();
    },
  };
}

const oneAtATime = { maxConcurrentRequests: 1, requestsPerSecond: 1000 };

describe('RequestLimiter', () => {
  test('sends in the order in which requests came, what changes something first', async () => {
    const { answer, ask, begun } = bench(oneAtATime);
    for (const name of ['a', 'b', 'c']) ask(name);
    ask('x', changes);
    ask('y', changes);
    for (const name of ['a', 'x', 'y', 'b', 'c']) await answer(name);
    expect(begun).toEqual(['a', 'x', 'y', 'b', 'c']);
  });

  test('sends no change that waited too long, and says so; a read waits longer', async () => {
    const { answer, ask, clock, ended } = bench(oneAtATime, { changeWithinMs: 10_000, readWithinMs: 30_000 });
    ask('slow');
    ask('change', changes);
    ask('read');
    await clock.advance(9_999);
    expect(ended).toEqual([]);
    await clock.advance(1);
    expect(ended).toEqual(['change: not sent: too many requests wait before it']);
    await clock.advance(5_000);
    await answer('slow');
    await answer('read');
    expect(ended.slice(1)).toEqual(['slow', 'read']);
  });

  test('keeps nobody waiting for a pause that is longer than he may wait', async () => {
    const { ask, clock, ended, fail } = bench(oneAtATime);
    ask('first');
    ask('change', changes);
    ask('read');
    await fail('first', new TooMany(20_000));
    expect(ended).toEqual(['first: too many requests', 'change: not sent: the provider asked to wait']);
    await clock.advance(20_000);
    ask('later', changes);
    await clock.advance(0);
    expect(ended, 'the read may wait that long').toHaveLength(2);
  });

  test('tells how long the pause goes on', async () => {
    const { ask, clock, fail, requestLimiter } = bench(oneAtATime);
    ask('first');
    await fail('first', new TooMany(60_000));
    await clock.advance(10_000);
    const refusal = await requestLimiter.limiter(async () => undefined, changes).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(NotSentError);
    expect(refusal).toMatchObject({ afterMs: 50_000 });
  });

  test('asks for leave to change something at the moment of sending, and needs none to read', async () => {
    let leads = true;
    const assertMaySend = (): void => {
      if (!leads) throw new Error('the lease was lost');
    };
    const { answer, ask, begun, ended } = bench(oneAtATime, { assertMaySend });
    ask('read');
    ask('change', changes);
    ask('another read');
    leads = false;
    await answer('read');
    await answer('another read');
    expect(begun).toEqual(['read', 'another read']);
    expect(ended).toContain('change: not sent: the lease was lost');
  });

  test('closed, sends nothing more and keeps nobody waiting', async () => {
    const { answer, ask, begun, clock, ended, requestLimiter } = bench(oneAtATime);
    ask('under way');
    ask('waiting');
    requestLimiter.close('the process is stopping');
    ask('late');
    await settle();
    expect(ended.toSorted()).toEqual(['late', 'waiting'].map((name) => `${name}: not sent: the process is stopping`));
    await answer('under way');
    expect(begun).toEqual(['under way']);
    expect(clock.pendingTimers).toBe(0);
  });

  test('lets more go when the limits are raised', async () => {
    const { ask, begun, requestLimiter } = bench(oneAtATime);
    for (const name of ['a', 'b', 'c']) ask(name);
    requestLimiter.setLimits({ maxConcurrentRequests: 2, requestsPerSecond: 1000 });
    await settle();
    expect(begun).toEqual(['a', 'b']);
  });
});

interface Request {
  readonly afterMs: number;
  readonly lastsMs: number;
  readonly ends: 'well' | 'badly' | number;
  readonly isChange: boolean;
}

const arbitraryRequest: fc.Arbitrary<Request> = fc.record({
  afterMs: fc.nat(400),
  lastsMs: fc.nat(3_000),
  ends: fc.oneof(
    { weight: 6, arbitrary: fc.constant('well' as const) },
    { weight: 1, arbitrary: fc.constant('badly' as const) },
    { weight: 1, arbitrary: fc.constantFrom(0, 500, 5_000, 40_000) },
  ),
  isChange: fc.boolean(),
});
const arbitraryLimits: fc.Arbitrary<Limits> = fc.record({
  maxConcurrentRequests: fc.integer({ min: 1, max: 9 }),
  requestsPerSecond: fc.integer({ min: 1, max: 40 }),
});

test('whatever comes, no limit is broken, no pause is disregarded, and everybody gets an answer', {
  timeout: 60_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      arbitraryLimits,
      fc.array(arbitraryRequest, { minLength: 1, maxLength: 60 }),
      async (limits, requests) => {
        const clock = new FakeClock();
        const { limiter } = new RequestLimiter(limits, { clock, timers: clock });
        const begun: { readonly at: number; readonly arrival: number; readonly isChange: boolean }[] = [];
        const pauses: { readonly from: number; readonly until: number }[] = [];
        let [inFlight, answered, most] = [0, 0, 0];
        const send = async ({ lastsMs, ends, isChange }: Request, arrival: number): Promise<void> => {
          begun.push({ at: clock.monotonic(), arrival, isChange });
          inFlight += 1;
          most = Math.max(most, inFlight);
          const over = Promise.withResolvers<void>();
          clock.schedule(lastsMs, over.resolve);
          await over.promise;
          inFlight -= 1;
          if (ends === 'badly') throw new Error('a failure');
          if (ends === 'well') return;
          pauses.push({ from: clock.monotonic(), until: clock.monotonic() + ends });
          throw new TooMany(ends);
        };
        for (const request of requests) {
          await clock.advance(request.afterMs);
          const arrival = clock.monotonic();
          const traits = request.isChange ? changes : reads;
          const count = (): void => void (answered += 1);
          limiter(async () => await send(request, arrival), traits).then(count, count);
        }
        await clock.advance(3_600_000);
        expect(answered).toBe(requests.length);
        expect(clock.pendingTimers, 'nothing is left').toBe(0);
        expect(most).toBeLessThanOrEqual(limits.maxConcurrentRequests);
        const moments = begun.map(({ at }) => at);
        for (const [index, from] of moments.entries()) {
          for (const [further, until] of moments.slice(index).entries()) {
            const allowed = burstOf(limits) + ((until - from) * limits.requestsPerSecond) / 1_000 + 1e-6;
            expect(further + 1).toBeLessThanOrEqual(allowed);
          }
          expect(pauses.filter((pause) => pause.from < from && from < pause.until)).toEqual([]);
        }
        for (const isChange of [true, false]) {
          const arrivals = begun.filter((one) => one.isChange === isChange).map(({ arrival }) => arrival);
          expect(arrivals, 'in the order in which they came').toEqual(arrivals.toSorted((one, other) => one - other));
        }
        for (const { at, arrival, isChange } of begun) expect(at - arrival).toBeLessThan(isChange ? 10_000 : 30_000);
      },
    ),
    { numRuns: 300 },
  );
});

describe('RequestLimiters', () => {
  const options = () => {
    const clock = new FakeClock();
    return { clock, timers: clock };
  };
  const account = { accountSid: 'AC1', livekitUrl: 'https://one.example' };

  /** How many requests are under way at once, at most. */
  async function most(limiters: RequestLimiters, provider: 'Twilio' | 'LiveKit', identity: string): Promise<number> {
    let begun = 0;
    const never = Promise.withResolvers<void>();
    for (let index = 0; index < 30; index += 1) {
      const send = async (): Promise<void> => {
        begun += 1;
        await never.promise;
      };
      limiters
        .of(provider, identity)(send, reads)
        .catch(() => undefined);
    }
    await settle();
    limiters.close('the test is over');
    return begun;
  }

  const rate = { requestsPerSecond: 1000 };
  const cases = [
    {
      name: 'one object',
      say: (all: RequestLimiters) => all.limit('a', account, { maxConcurrentRequests: 7, ...rate }),
      want: 7,
    },
    {
      name: 'two objects that name one account: the stricter counts',
      say: (all: RequestLimiters) => {
        all.limit('a', account, { maxConcurrentRequests: 7, ...rate });
        all.limit('b', { ...account, livekitUrl: 'https://two.example' }, { maxConcurrentRequests: 3, ...rate });
      },
      want: 3,
    },
    {
      name: 'the stricter one is gone',
      say: (all: RequestLimiters) => {
        all.limit('a', account, { maxConcurrentRequests: 7, ...rate });
        all.limit('b', account, { maxConcurrentRequests: 3, ...rate });
        all.forget('b');
      },
      want: 7,
    },
    {
      name: 'the stricter one stands for another account now',
      say: (all: RequestLimiters) => {
        all.limit('a', account, { maxConcurrentRequests: 7, ...rate });
        all.limit('b', account, { maxConcurrentRequests: 3, ...rate });
        all.limit('b', { accountSid: 'AC2', livekitUrl: undefined }, { maxConcurrentRequests: 3, ...rate });
      },
      want: 7,
    },
    {
      name: 'limits that change while the limiter is in use',
      say: (all: RequestLimiters) => {
        all.limit('a', account, { maxConcurrentRequests: 7, ...rate });
        all.of('Twilio', 'AC1');
        all.limit('a', account, { maxConcurrentRequests: 2, ...rate });
      },
      want: 2,
    },
    { name: 'no object at all', say: () => undefined, want: 5 },
  ];
  test.for(cases)('$name', async ({ say, want }) => {
    const limiters = new RequestLimiters(options());
    say(limiters);
    expect(await most(limiters, 'Twilio', 'AC1')).toBe(want);
  });

  test('are one for each provider and identity', () => {
    const limiters = new RequestLimiters(options());
    expect(limiters.of('Twilio', 'AC1')).toBe(limiters.of('Twilio', 'AC1'));
    const others = [limiters.of('Twilio', 'AC2'), limiters.of('LiveKit', 'AC1')];
    expect(others).not.toContain(limiters.of('Twilio', 'AC1'));
  });

  test('say of whom each request waited, and how long', async () => {
    const clock = new FakeClock();
    const waits: [string, number][] = [];
    const onWaited = (provider: string, waitedMs: number): void => void waits.push([provider, waitedMs]);
    const limiters = new RequestLimiters({ clock, timers: clock, onWaited });
    limiters.limit('a', account, { maxConcurrentRequests: 1, ...rate });
    const limiter = limiters.of('LiveKit', account.livekitUrl);
    const first = Promise.withResolvers<void>();
    const all = [limiter(async () => await first.promise, reads), limiter(async () => undefined, reads)];
    await clock.advance(2_000);
    first.resolve();
    await clock.advance(1_000);
    await Promise.all(all);
    expect(waits).toEqual([
      ['LiveKit', 0],
      ['LiveKit', 2_000],
    ]);
  });
});
