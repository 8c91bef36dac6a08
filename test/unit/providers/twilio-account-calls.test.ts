// Calls to one Twilio account: when "not found" is believed, and what happens to objects of another account.
import { describe, expect, test } from 'vitest';
import { AccountCalls, type Page } from '../../../src/providers/twilio/account-calls.ts';
import { FailedReply } from '../../../src/providers/twilio/http-client.ts';
import { namedListReply } from '../../../src/providers/twilio/replies.ts';
import { ProviderError } from '../../../src/reconcilers/shared/verdict.ts';

const OWN = `AC${'0'.repeat(32)}`;
const FOREIGN = `AC${'f'.repeat(32)}`;
const PROOF_VALID_MS = 30_000;

const refusal = (status: number, code: number) => new FailedReply(status, { code, message: 'says Twilio' }, {});
const notFound = refusal(404, 20_404);
const list = (sid: string, accountSid = OWN) => ({ sid, accountSid, friendlyName: null });
const lastPage = (...instances: unknown[]): Page => ({ instances, nextPage: () => undefined });

/** A bench whose probe answers with `probe`, and counts. */
function bench(probe: () => Page | Error = () => lastPage()) {
  const clock = { now: 1_000_000, probes: 0 };
  const calls = new AccountCalls({
    accountSid: OWN,
    secrets: [],
    clock: { monotonic: () => clock.now },
    proofValidMs: PROOF_VALID_MS,
    probe: async () => {
      clock.probes += 1;
      const answer = probe();
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return { calls, clock };
}

/** The value, or the verdict of the failure. */
async function outcome(call: Promise<unknown>): Promise<unknown> {
  return await call.catch((error: unknown) => {
    if (error instanceof ProviderError) return error.verdict;
    throw error;
  });
}

const read = (calls: AccountCalls, answer: unknown) =>
  outcome(
    calls.read(
      'read list',
      async () => {
        if (answer instanceof Error) throw answer;
        return answer;
      },
      namedListReply,
    ),
  );

describe('not found', () => {
  test.for([
    {
      name: 'is believed when the account is proven',
      why: 'the rule of absence',
      probe: () => lastPage(list('PN')),
      seen: undefined,
    },
    {
      name: 'is an account mismatch when the account itself is not found',
      why: 'the key of another account sees nothing of ours',
      probe: () => notFound,
      seen: { kind: 'identity', reason: 'AccountMismatch' },
    },
    {
      name: 'is an account mismatch when the numbers are of another account',
      why: 'whatever the path says, the answer is about something else',
      probe: () => lastPage(list('PN', FOREIGN)),
      seen: { kind: 'identity', reason: 'AccountMismatch' },
    },
    {
      name: 'is about the credentials when they are refused',
      why: 'a revoked key must not tick anything off',
      probe: () => refusal(401, 20_003),
      seen: { kind: 'identity', reason: 'CredentialsRefused' },
    },
    {
      name: 'is unknown when the account cannot be asked',
      why: 'no proof, no absence',
      probe: () => new FailedReply(503, '', {}),
      seen: { kind: 'unknownOutcome' },
    },
    {
      name: 'waits when the account may not be asked now',
      why: 'no proof, no absence',
      probe: () => refusal(429, 20_429),
      seen: { kind: 'rateLimited' },
    },
  ])('$name', async ({ why, probe, seen }) => {
    const { calls } = bench(probe);
    const answer = await read(calls, notFound);
    if (seen === undefined) expect(answer, why).toBeUndefined();
    else expect(answer, why).toMatchObject(seen);
  });

  test('is not even thrown before the proof: whoever deletes takes it for success', async () => {
    const { calls } = bench(() => notFound);
    const removal = calls.call('delete list', async () => {
      throw notFound;
    });
    expect(await outcome(removal)).toMatchObject({ kind: 'identity', reason: 'AccountMismatch' });
  });
});

describe('the proof', () => {
  test('counts for half a minute, from the moment it was asked for', async () => {
    const { calls, clock } = bench();
    await calls.proveAccount();
    clock.now += PROOF_VALID_MS - 1;
    await read(calls, notFound);
    expect(clock.probes).toBe(1);
    clock.now += 1;
    await read(calls, notFound);
    expect(clock.probes).toBe(2);
  });

  test('is asked for once by many at the same time, and again after it failed', async () => {
    let answer: Page | Error = refusal(500, 20_500);
    const { calls, clock } = bench(() => answer);
    const verdicts = await Promise.all([outcome(calls.proveAccount()), outcome(calls.proveAccount())]);
    expect(verdicts).toMatchObject([{ kind: 'unknownOutcome' }, { kind: 'unknownOutcome' }]);
    expect(clock.probes).toBe(1);
    answer = lastPage();
    await calls.proveAccount();
    expect(clock.probes).toBe(2);
  });

  test('ends when any call says that the credentials are refused', async () => {
    const { calls, clock } = bench();
    await calls.proveAccount();
    await read(calls, refusal(401, 20_003));
    await calls.proveAccount();
    expect(clock.probes).toBe(2);
  });

  test('is also given by a list of the numbers of the account', async () => {
    const { calls, clock } = bench();
    await calls.listAsProof('find number', async () => lastPage(), namedListReply);
    await calls.proveAccount();
    expect(clock.probes).toBe(0);
  });
});

describe('another account', () => {
  test.for([
    { name: 'takes away again what was created there', why: 'it would never be found again', undoFails: false },
    { name: 'says so when it cannot be taken away', why: 'a person has to', undoFails: true },
  ])('$name', async ({ why, undoFails }) => {
    const { calls } = bench();
    const world = new Set<string>();
    const creation = calls.create(
      'create list',
      async () => {
        world.add('CL1');
        return list('CL1', FOREIGN);
      },
      namedListReply,
      async (sid) => {
        if (undoFails) throw new FailedReply(500, '', {});
        world.delete(sid);
      },
    );
    expect(await outcome(creation), why).toEqual({
      kind: 'identity',
      reason: 'AccountMismatch',
      message: `CL1 is in account ${FOREIGN}, not in ${OWN}${undoFails ? ', and is still there' : ', and was deleted again'}`,
    });
    expect([...world]).toEqual(undoFails ? ['CL1'] : []);
  });

  test('is noticed by a read and by a list, too', async () => {
    const { calls } = bench();
    expect(await read(calls, list('CL1', FOREIGN))).toMatchObject({ reason: 'AccountMismatch' });
    const all = calls.list('list lists', async () => lastPage(list('CL1'), list('CL2', FOREIGN)), namedListReply);
    expect(await outcome(all)).toMatchObject({ reason: 'AccountMismatch' });
  });
});

describe('lists', () => {
  const chain = (pages: readonly (readonly string[])[], at = 0): Page => ({
    instances: (pages[at] ?? []).map((sid) => list(sid)),
    nextPageUrl: at + 1 < pages.length ? `https://trunking.twilio.com/?Page=${at + 1}` : undefined,
    nextPage: () => (at + 1 < pages.length ? Promise.resolve(chain(pages, at + 1)) : undefined),
  });

  test('hold the items of all pages, in order', async () => {
    const { calls } = bench();
    const all = await calls.list('list', async () => chain([['a', 'b'], [], ['c']]), namedListReply);
    expect(all).toEqual(['a', 'b', 'c'].map((sid) => ({ sid, friendlyName: '' })));
  });

  test.for([
    {
      name: 'pages that lead in a circle',
      why: 'it would never end',
      first: () => {
        const page: Page = { instances: [], nextPageUrl: 'https://same', nextPage: async () => page };
        return page;
      },
    },
    { name: 'an item without an account', why: 'nobody knows whose it is', first: () => lastPage({ sid: 'CL1' }) },
    {
      name: 'a client that throws at once',
      why: 'the SDK waits for ever then',
      first: () => {
        throw new Error('username is required');
      },
    },
  ])('end as unknown with $name', async ({ why, first }) => {
    const { calls } = bench();
    expect(await outcome(calls.list('list', async () => first(), namedListReply)), why).toMatchObject({
      kind: 'unknownOutcome',
    });
  });
});

describe('what exists already', () => {
  test.for([
    {
      name: 'is taken when it is what was asked for',
      why: 'an earlier answer was lost',
      found: 'CL1',
      code: 21_240,
      seen: 'CL1',
    },
    {
      name: 'stays refused when nothing like it is there',
      why: 'the code stands for other mistakes too',
      found: undefined,
      code: 21_240,
      seen: { kind: 'refused', code: '21240' },
    },
    {
      name: 'is not looked for after another refusal',
      why: 'a limit is not a name',
      found: 'CL1',
      code: 21_239,
      seen: { kind: 'refused', code: '21239' },
    },
  ])('$name', async ({ why, found, code, seen }) => {
    const { calls } = bench();
    const creation = calls.createOrAdopt<string>(
      '21240',
      async () => await calls.call('create list', async () => Promise.reject(refusal(400, code))),
      async () => found,
    );
    expect(await outcome(creation), why).toEqual(typeof seen === 'string' ? seen : expect.objectContaining(seen));
  });

  test.for([
    {
      name: 'an attachment that is there is success',
      why: 'it is what was wanted',
      readBack: list('CL1'),
      seen: undefined,
    },
    {
      name: 'an attachment that is not there stays refused',
      why: 'the code has many meanings',
      readBack: notFound,
      seen: { code: '21245' },
    },
    {
      name: 'an attachment that cannot be looked at is not decided',
      why: 'a read must say so',
      readBack: refusal(500, 20_500),
      seen: { kind: 'unknownOutcome' },
    },
  ])('$name', async ({ why, readBack, seen }) => {
    const { calls } = bench();
    const attachment = calls.attach('attach list', {
      send: async () => Promise.reject(refusal(400, 21_245)),
      readBack: async () => (readBack instanceof Error ? Promise.reject(readBack) : readBack),
      undo: async () => undefined,
    });
    const answer = await outcome(attachment);
    if (seen === undefined) expect(answer, why).toBeUndefined();
    else expect(answer, why).toMatchObject(seen);
  });
});
