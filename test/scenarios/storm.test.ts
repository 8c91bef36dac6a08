/**
 * Many numbers at once: a storm of failures in the middle of 300 deletions, and lists that lie about 1,000 numbers
 * (review-telephony 5.8 and 5.9).
 */
import { describe, expect, test } from 'vitest';
import { parsePhoneNumber } from '../../src/reconcilers/phone-number/schema.ts';
import { outsideOf } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { watchedWorld } from '../fakes/stories.ts';
import { Surveyor } from '../fakes/surveyor.ts';
import { accountSid, key, World } from '../fakes/world.ts';

const minute = 60_000;
const numberAt = (index: number) => `+1555${String(2_000_000 + index)}`;

async function crowd(world: World, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const phoneNumber = numberAt(index);
    world.twilio.buyNumber(accountSid, phoneNumber);
    world.store.create({ ...key, name: `n${index}`, spec: { phoneNumber, voice: { sipTrunk: {} } } });
  }
  await runUntilSettled(world);
  expect(phases(world)).toEqual({ Ready: count });
  world.clock.advanceSynchronously(60 * minute);
  world.effects.log.length = 0;
  world.fenceChecks = 0;
}

function phases({ store }: World): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const object of store.all) {
    const { phase } = parsePhoneNumber(object).status;
    counts[phase] = (counts[phase] ?? 0) + 1;
  }
  return counts;
}

test('300 deletions in half an hour of 503, with the key refused in between: none is Corrupted, all are gone', async () => {
  const world = watchedWorld();
  world.twilio.trunkLimit = 1_000;
  await crowd(world, 300);
  const outage = world.effects.add({
    matches: ({ system }) => system === 'Twilio',
    verdict: { kind: 'unknownOutcome', message: 'answered with HTTP 503' },
    applied: 'never',
  });
  for (let index = 0; index < 300; index += 1) world.store.delete({ ...key, name: `n${index}` });
  const seen = new Set<string>();
  const pass = async (minutes: number): Promise<void> => {
    for (let passed = 0; passed < minutes; passed += 1) {
      await runUntilSettled(world, { horizonMs: minute });
      for (const phase of Object.keys(phases(world))) seen.add(phase);
    }
  };
  await pass(11);
  world.defaultAccount.twilioProblem = 'CredentialsRefused';
  world.effects.lift(outage);
  await pass(8);
  world.defaultAccount.twilioProblem = undefined;
  world.effects.add(outage);
  await pass(11);
  expect(world.store.all.length, 'nothing is believed gone meanwhile').toBe(300);
  world.effects.lift(outage);
  await runUntilSettled(world);
  expect([...seen]).toEqual(['Deleting']);
  expect(world.store.all).toEqual([]);
  expect([...world.store.records.keys()]).toEqual([]);
  expect(outsideOf(world)).toEqual([]);
}, 120_000);

describe('a list that answers 200 and lacks almost everything of 1,000 numbers', () => {
  const lists = [
    {
      what: 'the numbers of Twilio',
      provider: 'Twilio',
      lie: ({ account }: World) => emptied(account.numbers),
    },
    {
      what: 'the trunks of Twilio',
      provider: 'Twilio',
      lie: ({ account }: World) => emptied(account.trunks),
    },
    {
      what: 'the inbound trunks of LiveKit',
      provider: 'LiveKit',
      lie: ({ project }: World) => emptied(project.inbound),
    },
  ] as const;
  test.for(lists)(
    '$what: nothing is written, and it is over by itself',
    { timeout: 120_000 },
    async ({ lie, provider }) => {
      const world = new World();
      world.twilio.trunkLimit = 2_000;
      await crowd(world, 1_000);
      const surveyor = new Surveyor(world);
      expect(await surveyor.survey()).toEqual([]);
      const writes = () => world.effects.externalWrites.length;
      const before = writes();
      const restore = lie(world);
      const events = world.events.length;
      expect(await surveyor.survey()).toMatchObject([{ provider }]);
      expect(await surveyor.survey()).toMatchObject([{ provider }]);
      expect(writes() - before).toBe(0);
      expect(phases(world), 'a number that works goes on working').toEqual({ Ready: 1_000 });
      expect(world.events.slice(events).filter(({ reason }) => reason !== 'MassDrift')).toEqual([]);
      restore();
      expect(await surveyor.survey()).toEqual([]);
      expect(writes() - before).toBe(0);
      expect(phases(world)).toEqual({ Ready: 1_000 });
    },
  );
});

/** All but two are away until the returned function puts them back. */
function emptied<T>(map: Map<string, T>): () => void {
  const all = [...map];
  for (const [id] of all.slice(2)) map.delete(id);
  return () => {
    for (const [id, value] of all) map.set(id, value);
  };
}
