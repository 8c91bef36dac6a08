/**
 * Calls that go to a webhook: each field is owned on its own, nothing is made besides the number's routing, and what
 * somebody else put there stays.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NumberState } from '../../src/reconcilers/shared/telephony.ts';
import { condition, existing, expectGone, expectQuiet } from '../fakes/expectations.ts';
import { interrupt, interruptions, pointsOf } from '../fakes/interruptions.ts';
import { outsideOf } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { statusOf, untilCorrupted, watchedWorld } from '../fakes/stories.ts';
import { Surveyor } from '../fakes/surveyor.ts';
import { inboundOnly, key, phoneNumber, type World } from '../fakes/world.ts';

const url = 'https://calls.example.com/voice?tenant=canary-7d1';
const application = `AP${'a'.repeat(32)}`;
const foreignTrunk = `TK${'f'.repeat(32)}`;
const webhook = { url, fallbackUrl: 'https://calls.example.com/fallback', fallbackMethod: 'GET' };
const spec = { phoneNumber, voice: { webhook } };

const ours = {
  trunkSid: '',
  voiceApplicationSid: '',
  voiceUrl: url,
  voiceMethod: 'POST',
  voiceFallbackUrl: webhook.fallbackUrl,
  voiceFallbackMethod: 'GET',
};
const cleared = { trunkSid: '', voiceApplicationSid: '', voiceUrl: '', voiceFallbackUrl: '' };
/** What nobody names in these tests. */
const bystanders = {
  statusCallback: 'https://theirs.example.com/status',
  smsUrl: 'https://theirs.example.com/sms',
  smsFallbackUrl: 'https://theirs.example.com/sms-fallback',
  smsApplicationSid: `AP${'5'.repeat(32)}`,
};

const numberOf = ({ account }: World): NumberState | undefined => account.numberOf(phoneNumber);

function worldWith(change: Partial<NumberState> = {}): World {
  const world = watchedWorld();
  world.account.changeNumber(phoneNumber, { ...bystanders, ...change });
  return world;
}

const create = (world: World, more: object = {}): void =>
  void world.store.create({ ...key, spec: { ...spec, ...more } });

async function readyWith(change: Partial<NumberState> = {}, more: object = {}): Promise<World> {
  const world = worldWith(change);
  create(world, more);
  await runUntilSettled(world);
  expect(statusOf(world).phase).toBe('Ready');
  world.clock.advanceSynchronously(3_600_000);
  world.effects.log.length = 0;
  world.fenceChecks = 0;
  world.events.length = 0;
  return world;
}

async function expectRouted(world: World, routing: Partial<NumberState> = ours): Promise<void> {
  expect(statusOf(world).phase, JSON.stringify(statusOf(world).conditions)).toBe('Ready');
  expect(numberOf(world)).toMatchObject({ ...bystanders, ...routing });
  expect(outsideOf(world), 'nothing else is made').toEqual([]);
  expect(statusOf(world).routingTo).toBeUndefined();
  await expectQuiet(world);
}

async function deleted(world: World): Promise<void> {
  world.store.delete(key);
  await runUntilSettled(world);
  await expectGone(world);
}

describe('a webhook', () => {
  test('is put on the number in one call and two writes, and nothing is asked of LiveKit', async () => {
    const world = worldWith();
    world.defaultAccount.livekitProblem = 'AccountUnavailable';
    create(world);
    await runUntilSettled(world);
    await expectRouted(world);
    expect(world.effects.externalWrites).toEqual(['updateNumber']);
    expect(world.effects.objectWrites).toEqual(['patchMetadata', 'patchStatus']);
    expect(world.effects.log.filter(({ system }) => system === 'LiveKit')).toEqual([]);
    expect(statusOf(world).conditions[0]?.message).toBe(
      `Calls to ${phoneNumber} go to the webhook on calls.example.com.`,
    );
  });

  test('is cleared by a deletion, also while LiveKit is away, and comes back with the same object', async () => {
    const world = await readyWith();
    world.defaultAccount.livekitProblem = 'AccountUnavailable';
    await deleted(world);
    expect(numberOf(world)).toMatchObject({ ...bystanders, ...cleared });
    expect(world.effects.externalWrites).toEqual(['updateNumber']);
    create(world);
    await runUntilSettled(world);
    await expectRouted(world);
  });

  test('that somebody has changed meanwhile survives a deletion; what is still ours is cleared', async () => {
    const world = await readyWith();
    const theirs = { voiceUrl: 'https://theirs.example.com/voice', statusCallback: 'https://theirs.example.com/new' };
    world.account.changeNumber(phoneNumber, theirs);
    await deleted(world);
    expect(numberOf(world)).toMatchObject({ ...bystanders, ...theirs, voiceFallbackUrl: '' });
  });

  test('is replaced when the spec names another one, and cleared when it names none', async () => {
    const world = await readyWith();
    world.store.editSpec(key, {
      voice: { webhook: { url: 'https://new.example.com', method: 'GET', fallbackUrl: null } },
    });
    await runUntilSettled(world);
    await expectRouted(world, { voiceUrl: 'https://new.example.com', voiceMethod: 'GET', voiceFallbackUrl: '' });
    expect(world.effects.externalWrites).toEqual(['updateNumber']);
    await deleted(world);
    expect(numberOf(world)).toMatchObject({ ...bystanders, ...cleared });
  });

  test('that is on the number already needs no takeover and becomes ours', async () => {
    const world = worldWith(ours);
    create(world);
    await runUntilSettled(world);
    await expectRouted(world);
    expect(world.effects.externalWrites).toEqual([]);
    await deleted(world);
    expect(numberOf(world)).toMatchObject(cleared);
  });

  test('keeps a number that Twilio does not find re-checked, and ends with it', async () => {
    const world = await readyWith();
    const [sid = ''] = world.account.numbers.keys();
    world.account.numbers.delete(sid);
    world.store.annotate(key, 'telephony.trunkline.dev/reconcile', '1');
    await runUntilSettled(world, { horizonMs: 60_000 });
    expect(condition(world, 'Ready')).toBe('False NumberNotFound');
    world.store.delete(key);
    await runUntilSettled(world);
    expect(world.store.all).toEqual([]);
    expect([...world.store.records.values()]).toEqual([]);
  });

  test('cannot become a trunk, whatever the API server lets through', async () => {
    const world = await readyWith();
    world.store.editSpec(key, { voice: { webhook: null, sipTrunk: {} } });
    await runUntilSettled(world);
    expect(condition(world, 'Synced')).toBe('False InvalidSpec');
    expect(condition(world, 'Ready'), 'calls go on').toBe('True Ready');
    expect(world.effects.externalWrites).toEqual([]);
    await deleted(world);
    expect(numberOf(world)).toMatchObject(cleared);
  });
});

const routes = [
  { name: 'an application', to: { voiceApplicationSid: application }, previous: { voiceApplicationSid: application } },
  { name: 'a trunk', to: { trunkSid: foreignTrunk }, previous: { trunkSid: foreignTrunk } },
  {
    name: 'another URL',
    to: { voiceUrl: 'https://user:canary-9b@theirs.example.com/voice?token=canary-9b' },
    previous: { webhooks: { voice: 'https://theirs.example.com/voice' } },
  },
  {
    name: 'a fallback of somebody else',
    to: { voiceFallbackUrl: 'https://theirs.example.com/fallback' },
    previous: { webhooks: { voiceFallback: 'https://theirs.example.com/fallback' } },
  },
] as const;

describe.each(routes)('a number with $name', ({ to, previous }) => {
  test('is refused, without anything being written and without telling what may be secret', async () => {
    const world = worldWith(to);
    create(world);
    await runUntilSettled(world, { horizonMs: 60_000 });
    expect(condition(world, 'Ready')).toBe('False NumberInUse');
    expect(world.effects.externalWrites).toEqual([]);
    expect(existing(world).metadata.finalizers ?? []).toEqual([]);
    expect(JSON.stringify([statusOf(world), world.events])).not.toContain('canary');
  });

  test('is taken over, and what that destroyed is on record without secrets', async () => {
    const world = worldWith(to);
    create(world, { takeover: true });
    await runUntilSettled(world);
    await expectRouted(world);
    expect(statusOf(world).previousRouting).toEqual(previous);
    expect(JSON.stringify(existing(world))).not.toContain('canary-9b');
    await deleted(world);
    const { voiceApplicationSid } = { voiceApplicationSid: '', ...to };
    expect(numberOf(world)).toMatchObject({ ...cleared, ...bystanders, voiceApplicationSid });
  });

  test('that gets it after the first Ready is told, not fought, and left alone by a deletion', async () => {
    const world = await readyWith({}, { takeover: true });
    world.account.changeNumber(phoneNumber, to);
    const surveyor = new Surveyor(world);
    await surveyor.survey();
    expect(condition(world, 'Synced')).toBe('False RoutingChangedElsewhere');
    world.store.annotate(key, 'telephony.trunkline.dev/reconcile', '1');
    await runUntilSettled(world);
    expect(condition(world, 'Synced')).toBe('False RoutingChangedElsewhere');
    expect(world.effects.externalWrites).toEqual([]);
    world.store.delete(key);
    await runUntilSettled(world);
    expect(world.store.all).toEqual([]);
    expect(numberOf(world)).toMatchObject({ ...bystanders, ...to });
  });
});

describe('a webhook that somebody has cleared', () => {
  test.for([
    { what: 'the voice URL', change: { voiceUrl: '' }, ready: 'False RoutingChangedElsewhere' },
    { what: 'the fallback URL', change: { voiceFallbackUrl: '' }, ready: 'True Ready' },
  ])('$what is told, and comes back with a reconcile token', async ({ change, ready }) => {
    const world = await readyWith();
    world.account.changeNumber(phoneNumber, change);
    const surveyor = new Surveyor(world);
    await surveyor.survey();
    await surveyor.survey();
    expect(condition(world, 'Ready')).toBe(ready);
    expect(condition(world, 'Synced')).toBe('False RoutingChangedElsewhere');
    expect(world.effects.externalWrites, 'not fought').toEqual([]);
    world.store.annotate(key, 'telephony.trunkline.dev/reconcile', '1');
    await runUntilSettled(world);
    await expectRouted(world);
  });
});

test('a suspended number has no webhook, and gets it back', async () => {
  const world = await readyWith({ voiceApplicationSid: application }, { takeover: true });
  world.store.editSpec(key, { suspended: true });
  await runUntilSettled(world);
  expect(statusOf(world).phase).toBe('Suspended');
  expect(numberOf(world)).toMatchObject({ ...bystanders, ...cleared });
  await expectQuiet(world);
  world.store.editSpec(key, { suspended: false });
  await runUntilSettled(world);
  await expectRouted(world);
  world.store.editSpec(key, { suspended: true });
  await runUntilSettled(world);
  await deleted(world);
  expect(numberOf(world)?.voiceApplicationSid, 'given back for good only').toBe(application);
});

test('suspending does not wait for a change whose answer was lost, and undoes it when it comes late', async () => {
  const world = await readyWith();
  const verdict = { kind: 'unknownOutcome', message: 'no answer in time' } as const;
  world.effects.fail('updateNumber', verdict, 45_000, 1);
  world.store.editSpec(key, { voice: { webhook: { url: 'https://new.example.com' } } });
  await runUntilSettled(world, { horizonMs: 5_000 });
  world.store.editSpec(key, { suspended: true });
  await runUntilSettled(world, { horizonMs: 5_000 });
  expect(numberOf(world), 'calls are to stop now').toMatchObject(cleared);
  await runUntilSettled(world);
  expect(statusOf(world).phase).toBe('Suspended');
  expect(numberOf(world)).toMatchObject(cleared);
  await expectQuiet(world);
});

test('a second object of the number waits, and touches nothing', async () => {
  const world = await readyWith();
  world.store.create({ namespace: 'default', name: 'second', spec: inboundOnly });
  await runUntilSettled(world, { horizonMs: 60_000 });
  expect(condition(world, 'Ready', { namespace: 'default', name: 'second' })).toBe('False NumberInUse');
  expect(world.effects.externalWrites).toEqual([]);
});

describe('a webhook that Twilio does not let go of', () => {
  async function corruptedWorld(): Promise<World> {
    const world = await readyWith();
    world.effects.fail('updateNumber', { kind: 'refused', code: '21634', message: 'emergency address' });
    world.store.delete(key);
    expect(await untilCorrupted(world, 600_000)).toBeDefined();
    return world;
  }

  test('makes the object Corrupted, with the command, and without the secret part', async () => {
    const world = await corruptedWorld();
    const { leftovers, conditions } = statusOf(world);
    const sid = numberOf(world)?.sid;
    expect(leftovers.map(({ kind, id, name, risk }) => ({ kind, id, name, risk }))).toEqual([
      {
        kind: 'NumberRouting',
        id: sid,
        name: 'voice https://calls.example.com/voice, voiceFallback https://calls.example.com/fallback',
        risk: 'RoutesCalls',
      },
    ]);
    expect(leftovers[0]?.removeCommand).toContain(`:update --sid ${sid} --voice-url= --voice-fallback-url=`);
    expect(conditions.find(({ type }) => type === 'Corrupted')?.message).toContain('CALLS MAY STILL ARRIVE');
    expect(JSON.stringify([leftovers, conditions, world.events])).not.toContain('canary');
  });

  test('is on record after a force delete, until it is off the number or another object has it', async () => {
    const world = await corruptedWorld();
    const { uid } = existing(world).metadata;
    world.store.annotate(key, 'force-delete', 'confirmed');
    await runUntilSettled(world);
    expect(world.store.all).toEqual([]);
    expect(world.store.records.get(uid)).toMatchObject({ cause: 'ForceDelete', items: [{ kind: 'NumberRouting' }] });
    const surveyor = new Surveyor(world);
    await surveyor.survey();
    expect(surveyor.recordStatus.get(uid)).toMatchObject({ state: 'Open', items: [{ state: 'Present' }] });
    world.account.changeNumber(phoneNumber, { voiceUrl: '', voiceFallbackUrl: '' });
    await surveyor.survey();
    expect(surveyor.recordStatus.get(uid)).toMatchObject({ state: 'Closed', items: [{ state: 'Gone' }] });
  });

  test('comes off when it is tried again', async () => {
    const world = await corruptedWorld();
    world.effects.faults.length = 0;
    world.store.annotate(key, 'telephony.trunkline.dev/retry-delete', '1');
    await runUntilSettled(world);
    await expectGone(world);
    expect(numberOf(world)).toMatchObject(cleared);
  });
});

test('a route of before that cannot be given back is told, and keeps nobody from letting go', async () => {
  const world = await readyWith({ voiceApplicationSid: application }, { takeover: true });
  world.store.editSpec(key, { suspended: true });
  await runUntilSettled(world);
  world.effects.fail('updateNumber', { kind: 'unknownOutcome', message: 'no answer in time' });
  world.store.delete(key);
  await runUntilSettled(world);
  await expectGone(world);
  expect(world.eventActions).toContain('RestoreRouting');
  expect(numberOf(world)).toMatchObject(cleared);
});

test('a deletion while Twilio refuses the credentials ends as Corrupted, and nobody knows what is on the number', async () => {
  const world = await readyWith();
  world.defaultAccount.twilioProblem = 'CredentialsRefused';
  world.store.delete(key);
  expect(await untilCorrupted(world, 20 * 60_000)).toBeGreaterThanOrEqual(15 * 60_000);
  expect(statusOf(world).leftovers).toMatchObject([
    {
      kind: 'NumberRouting',
      state: 'Unknown',
      reason: 'CredentialsRefused',
      risk: 'RoutesCalls',
      id: numberOf(world)?.sid,
    },
  ]);
  world.defaultAccount.twilioProblem = undefined;
  world.store.annotate(key, 'telephony.trunkline.dev/retry-delete', '1');
  await runUntilSettled(world);
  await expectGone(world);
  expect(numberOf(world)).toMatchObject(cleared);
});

test.for([
  { policy: 'Orphan', state: 'gone' },
  { policy: 'Keep', state: 'Corrupted' },
])('deletionPolicy $policy leaves the webhook and says so', async ({ policy, state }) => {
  const world = await readyWith({}, { deletionPolicy: policy });
  world.store.delete(key);
  await runUntilSettled(world);
  expect(numberOf(world)).toMatchObject(ours);
  const [record] = world.store.records.values();
  const items = state === 'gone' ? record?.items : statusOf(world).leftovers;
  expect(items).toMatchObject([{ kind: 'NumberRouting', risk: 'RoutesCalls' }]);
});

test('an object that vanishes leaves a record of its webhook', async () => {
  const world = await readyWith();
  world.effects.beforeWrite.length = 0;
  world.effects.afterWrite.length = 0;
  world.store.setFinalizers(key, []);
  world.store.delete(key);
  await runUntilSettled(world);
  expect([...world.store.records.values()]).toMatchObject([{ cause: 'Vanished', items: [{ kind: 'NumberRouting' }] }]);
});

const before = { voiceApplicationSid: application };
const moved = { voice: { webhook: { url: 'https://new.example.com/voice' } } };
const movedRouting = { ...ours, voiceUrl: 'https://new.example.com/voice' };
const stories = [
  {
    story: 'the create',
    begin: async () => await Promise.resolve(worldWith(before)),
    act: (world: World) => create(world, { takeover: true }),
    after: ours,
  },
  {
    story: 'the change of the URL',
    begin: async () => await readyWith(before, { takeover: true }),
    act: (world: World) => world.store.editSpec(key, moved),
    after: movedRouting,
  },
  {
    story: 'the deletion',
    begin: async () => await readyWith(before, { takeover: true }),
    act: (world: World) => world.store.delete(key),
    after: undefined,
  },
];
const cases = (
  await Promise.all(
    stories.map(async (story) => {
      const world = await story.begin();
      const points = await pointsOf(world, () => story.act(world));
      expect(
        points.map(({ operation }) => operation.split(' ')[0]),
        'it is about that',
      ).toContain('updateNumber');
      return points.flatMap((point) => interruptions.map((interruption) => ({ ...story, ...point, interruption })));
    }),
  )
).flat();

describe('whatever interrupts it', () => {
  test.for(cases.map((one) => ({ ...one, what: one.interruption.name })))(
    '$what $operation of $story: it ends as it should, and a deletion gives everything back',
    async ({ act, after, begin, index, interruption }) => {
      const world = await begin();
      interrupt(world, index, interruption);
      act(world);
      await runUntilSettled(world);
      if (after !== undefined) {
        await expectRouted(world, after);
        await deleted(world);
      }
      await expectGone(world);
      expect(numberOf(world)).toMatchObject({ ...bystanders, ...cleared, voiceApplicationSid: application });
    },
  );

  test('in any order, nothing of ours is left on the number once it is deleted, and nothing of others is lost', async () => {
    const urls = ['https://one.example.com', 'https://two.example.com'];
    const act = fc.oneof(
      fc.record({ kind: fc.constant('edit' as const), url: fc.constantFrom(...urls) }),
      fc.record({
        kind: fc.constant('fault' as const),
        operation: fc.constantFrom('updateNumber', 'findNumber', 'readNumber', 'patchStatus', 'patchMetadata'),
        applied: fc.constantFrom<'never' | 'atOnce' | number>('never', 'atOnce', 5_000, 45_000),
        crashes: fc.boolean(),
      }),
      fc.record({ kind: fc.constantFrom('suspend', 'resume', 'restart', 'wait', 'token') }),
      fc.record({ kind: fc.constant('theirs' as const), url: fc.constantFrom('', 'https://theirs.example.com') }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 8 }), async (acts) => {
        const world = worldWith();
        create(world);
        for (const one of acts) {
          if (one.kind === 'edit' && 'url' in one) world.store.editSpec(key, { voice: { webhook: { url: one.url } } });
          else if (one.kind === 'theirs' && 'url' in one)
            world.account.changeNumber(phoneNumber, { voiceUrl: one.url });
          else if (one.kind === 'suspend') world.store.editSpec(key, { suspended: true });
          else if (one.kind === 'resume') world.store.editSpec(key, { suspended: false });
          else if (one.kind === 'restart') world.restart();
          else if (one.kind === 'token')
            world.store.annotate(key, 'telephony.trunkline.dev/reconcile', `${acts.length}`);
          else if (one.kind === 'fault' && 'operation' in one) {
            const { applied, crashes, operation } = one;
            const verdict = { kind: 'unknownOutcome', message: 'no answer in time' } as const;
            world.effects.add({
              matches: (effect) => effect.operation === operation,
              verdict,
              applied,
              crashes,
              times: 1,
            });
          }
          await runUntilSettled(world, { horizonMs: 20_000 });
        }
        const theirs = numberOf(world)?.voiceUrl === 'https://theirs.example.com';
        world.store.delete(key);
        await runUntilSettled(world);
        expect(world.store.all).toEqual([]);
        expect(numberOf(world)).toMatchObject({ ...bystanders, voiceFallbackUrl: '' });
        const left = numberOf(world)?.voiceUrl;
        // A write that was on its way may come after theirs, and is ours to take back then.
        expect(theirs ? ['https://theirs.example.com', ''] : ['', 'https://demo.twilio.com/welcome/voice/']).toContain(
          left,
        );
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});
