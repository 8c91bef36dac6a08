/**
 * The fleet: what changed outside behind the operator's back is noticed by the lists of the account, repaired where it is
 * ours and proven to be gone, and reported where somebody else decided otherwise.
 */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { condition, expectQuiet, expectReady } from '../fakes/expectations.ts';
import { interrupt, interruptions } from '../fakes/interruptions.ts';
import { reachOf } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { readyWorld, statusOf } from '../fakes/stories.ts';
import { checkMs, deepLookMs, Surveyor } from '../fakes/surveyor.ts';
import { accountSid, inboundOnly, key, phoneNumber, withOutbound, type World } from '../fakes/world.ts';

const addresses = ['192.0.2.0/24', '198.51.100.7/32'];

/** Something that somebody removes by hand, with everything that Twilio or LiveKit removes with it. */
const losses: readonly { readonly what: string; readonly lose: (world: World) => void }[] = [
  {
    what: 'the trunk',
    lose: ({ account }) => {
      account.trunks.clear();
      account.changeNumber(phoneNumber, { trunkSid: '' });
    },
  },
  { what: 'the inbound trunk', lose: ({ project }) => project.inbound.clear() },
  {
    what: 'the dispatch rule',
    lose: ({ project }) => {
      for (const [id, { name }] of project.rules) if (name.startsWith('tl/')) project.rules.delete(id);
    },
  },
  { what: 'the outbound trunk', lose: ({ project }) => project.outbound.clear() },
  {
    what: 'the credential list',
    lose: ({ account }) => {
      account.credentialLists.clear();
      for (const { credentialLists } of account.trunks.values()) credentialLists.clear();
    },
  },
  {
    what: 'the list of allowed addresses',
    lose: ({ account }) => {
      account.accessLists.clear();
      for (const { accessLists } of account.trunks.values()) accessLists.clear();
    },
  },
];

/** What is broken when the story begins is broken until it is repaired: only the end counts. */
async function brokenWorld(lose: (world: World) => void): Promise<World> {
  const world = await readyWorld(withOutbound);
  world.effects.afterWrite.push(() => {
    world.violations.splice(0, world.violations.length, ...world.violations.filter((one) => !one.startsWith('Order')));
  });
  lose(world);
  return world;
}

describe.each(losses)('$what is gone', ({ lose }) => {
  test('and is there again after one survey', async () => {
    const world = await brokenWorld(lose);
    await expectQuiet(world);
    await new Surveyor(world).survey();
    await expectReady(world, { addresses });
  });

  test('and is there again once, whatever happens to any write of the repair', async () => {
    const undisturbed = await brokenWorld(lose);
    const surveyor = new Surveyor(undisturbed);
    const before = undisturbed.effects.log.filter(({ isWrite }) => isWrite).length;
    await surveyor.survey();
    const points = undisturbed.effects.log.filter(({ isWrite }) => isWrite).length - before;
    expect(points).toBeGreaterThan(1);
    for (let index = 0; index < points; index += 1) {
      for (const interruption of interruptions) {
        const world = await brokenWorld(lose);
        interrupt(world, index, interruption);
        await new Surveyor(world).survey();
        // Another process knows nothing of the first survey.
        await new Surveyor(world).survey();
        await expectReady(world, { addresses });
      }
    }
  });
});

describe('somebody else decided otherwise', () => {
  test.each([
    { to: 'nowhere', change: { trunkSid: '' } },
    { to: 'another trunk', change: { trunkSid: `TK${'e'.repeat(32)}` } },
    { to: 'a TwiML application', change: { trunkSid: '', voiceApplicationSid: `AP${'e'.repeat(32)}` } },
  ])('and routed the number to $to: it is told, not fought, and over when it is back', async ({ change }) => {
    const world = await readyWorld();
    const trunkSid = statusOf(world).ids.trunkSid ?? '';
    world.account.changeNumber(phoneNumber, change);
    const surveyor = new Surveyor(world);
    await surveyor.survey();
    expect(condition(world, 'Ready')).toBe('False RoutingChangedElsewhere');
    expect(world.effects.log.filter(({ isWrite, system }) => isWrite && system !== 'Kubernetes')).toEqual([]);
    world.account.changeNumber(phoneNumber, { trunkSid, voiceApplicationSid: '' });
    await surveyor.survey();
    await expectReady(world);
  });

  test('and took the mark off the trunk: it is told, and over when it is back', async () => {
    const world = await readyWorld();
    const [trunk] = world.account.trunks.values();
    if (trunk === undefined) throw new Error('There is no trunk');
    const surveyor = new Surveyor(world);
    world.account.trunks.set(trunk.sid, { ...trunk, friendlyName: 'mine now' });
    await surveyor.survey();
    expect(condition(world, 'Synced')).toBe('False OwnershipUnknown');
    world.account.trunks.set(trunk.sid, trunk);
    await surveyor.survey();
    await expectReady(world);
  });

  test('and put the number into an inbound trunk of their own: it is told', async () => {
    const world = await readyWorld();
    const [ours] = world.project.inbound.values();
    if (ours === undefined) throw new Error('There is no inbound trunk');
    const id = world.livekit.newId('ST_');
    world.project.inbound.set(id, { ...ours, id, name: 'mine' });
    const surveyor = new Surveyor(world);
    await surveyor.survey();
    expect(condition(world, 'Synced')).toBe('False LiveKitNumberConflict');
    world.project.inbound.delete(id);
    await surveyor.survey();
    await expectReady(world);
  });
});

describe('at LiveKit somebody changed', () => {
  test.each([
    {
      what: 'the rule, which takes the calls of another trunk',
      change: ({ project }: World) => {
        for (const [id, rule] of project.rules) {
          if (rule.name.startsWith('tl/')) project.rules.set(id, { ...rule, trunkIds: ['ST_other'] });
        }
      },
    },
    {
      what: 'the inbound trunk, which holds another number',
      change: ({ project }: World) => {
        for (const [id, trunk] of project.inbound) project.inbound.set(id, { ...trunk, numbers: ['+15550199999'] });
      },
    },
    {
      what: 'the outbound trunk, which calls elsewhere',
      change: ({ project }: World) => {
        for (const [id, trunk] of project.outbound) {
          project.outbound.set(id, { ...trunk, address: 'elsewhere.example.com' });
        }
      },
    },
  ])('$what: it is corrected by one survey', async ({ change }) => {
    const world = await brokenWorld(change);
    await new Surveyor(world).survey();
    await expectReady(world, { addresses });
  });
});

test('what the operator itself has removed is not told as lost', async () => {
  const world = await readyWorld(withOutbound);
  world.effects.fail('deleteCredentialList', { kind: 'unknownOutcome', message: 'no answer' }, 'never', 2);
  world.store.editSpec(key, { voice: { sipTrunk: { outbound: { enabled: false } } } });
  await runUntilSettled(world);
  await expectReady(world);
  expect(world.eventActions).not.toContain('Repair');
});

test('of two things with one mark the one in use stays (W4)', async () => {
  const world = await readyWorld();
  const { dispatchRuleId = '' } = statusOf(world).ids;
  const ours = world.project.rules.get(dispatchRuleId);
  if (ours === undefined) throw new Error('There is no dispatch rule');
  const id = world.livekit.newId('SDR_');
  world.project.rules.set(id, { ...ours, id, trunkIds: ['ST_other'] });
  await new Surveyor(world).survey();
  expect([world.project.rules.has(id), world.project.rules.has(dispatchRuleId)]).toEqual([false, true]);
  await expectReady(world);
});

test('a suspended number that somebody put back on its trunk is taken off again', async () => {
  const world = await readyWorld();
  const { trunkSid = '' } = statusOf(world).ids;
  world.store.editSpec(key, { suspended: true });
  await runUntilSettled(world);
  expect(statusOf(world).phase).toBe('Suspended');
  world.account.changeNumber(phoneNumber, { trunkSid });
  await new Surveyor(world).survey();
  expect(reachOf(world)).toBe('unrouted');
  expect(statusOf(world).phase).toBe('Suspended');
});

test('lists that lag behind what was created lately mean nothing', async () => {
  const world = await readyWorld();
  world.twilio.listLagMs = 50_000;
  world.store.editSpec(key, withOutbound);
  await runUntilSettled(world, { horizonMs: 10_000 });
  await expectReady(world, { addresses });
  world.effects.log.length = 0;
  await new Surveyor(world).survey(0);
  expect(
    world.effects.log.filter(({ operation }) => operation === 'findNumber'),
    'nobody looks again',
  ).toEqual([]);
});

test('an account at rest is never written to', async () => {
  const world = await readyWorld(withOutbound);
  const surveyor = new Surveyor(world);
  for (let round = 0; round < 3; round += 1) await surveyor.survey();
  expect(world.effects.log.filter(({ isWrite }) => isWrite)).toEqual([]);
});

test('what no list shows is found within a day', async () => {
  const world = await readyWorld();
  const [trunk] = world.account.trunks.values();
  trunk?.urls.clear();
  const surveyor = new Surveyor(world);
  for (let waitedMs = 0; waitedMs <= deepLookMs; waitedMs += checkMs) {
    await surveyor.survey();
    world.violations.length = 0;
  }
  expect([...(trunk?.urls.values() ?? [])]).toHaveLength(1);
  await expectReady(world);
});

describe('lists that lack much', () => {
  const numbers = Array.from({ length: 6 }, (_, index) => `+1555010000${index}`);

  async function crowdedWorld(): Promise<World> {
    const world = await readyWorld();
    for (const number of numbers) {
      world.twilio.buyNumber(accountSid, number);
      world.store.create({ ...key, name: `n${number.slice(1)}`, spec: { ...inboundOnly, phoneNumber: number } });
    }
    await runUntilSettled(world);
    world.clock.advanceSynchronously(3_600_000);
    world.effects.log.length = 0;
    return world;
  }
  const externalWrites = ({ effects }: World) =>
    effects.log.filter(({ isWrite, system }) => isWrite && system !== 'Kubernetes').length;

  test('stop every write of the account until they are right again', async () => {
    const world = await crowdedWorld();
    const all = new Map(world.account.trunks);
    world.account.trunks.clear();
    const surveyor = new Surveyor(world);
    expect(await surveyor.survey()).toMatchObject([{ provider: 'Twilio', missing: { length: 7 } }]);
    world.store.delete({ ...key, name: 'n15550100000' });
    world.store.editSpec(key, withOutbound);
    await surveyor.survey();
    expect(externalWrites(world)).toBe(0);
    expect(condition(world, 'Synced')).toBe('False MassDrift');
    expect(condition(world, 'Synced', { ...key, name: 'n15550100000' })).toBe('False MassDrift');
    for (const [sid, trunk] of all) world.account.trunks.set(sid, trunk);
    expect(await surveyor.survey()).toEqual([]);
    expect(world.store.get({ ...key, name: 'n15550100000' })).toBeUndefined();
    expect(condition(world, 'Synced')).toBe('True Ready');
  });

  test('are not doubted because of what is being deleted', async () => {
    const world = await crowdedWorld();
    world.effects.add({
      matches: ({ operation }) => operation === 'deleteTrunk',
      verdict: { kind: 'refused', code: '21634', message: 'used for emergency calling' },
      applied: 'never',
      crashes: false,
      times: Number.POSITIVE_INFINITY,
    });
    for (const { metadata } of world.store.all) world.store.delete({ ...key, name: metadata.name });
    await runUntilSettled(world);
    expect(statusOf(world).phase).toBe('Corrupted');
    world.account.trunks.clear();
    expect(await new Surveyor(world).survey()).toEqual([]);
  });

  test('are taken at their word when a person says so', async () => {
    const world = await crowdedWorld();
    const was = new Set(world.account.trunks.keys());
    world.account.trunks.clear();
    for (const number of [phoneNumber, ...numbers]) world.account.changeNumber(number, { trunkSid: '' });
    const surveyor = new Surveyor(world);
    await surveyor.survey();
    expect(externalWrites(world)).toBe(0);
    surveyor.accept();
    expect(await surveyor.survey()).toEqual([]);
    expect([...world.account.trunks.keys()].filter((sid) => was.has(sid))).toEqual([]);
    expect([phoneNumber, ...numbers].map((number) => reachOf(world, number))).toEqual(
      [phoneNumber, ...numbers].map(() => 'answered'),
    );
  });
});

test('an account that is paused is surveyed, and left alone', async () => {
  const world = await readyWorld();
  world.defaultAccount.paused = true;
  world.project.outbound.clear();
  world.account.changeNumber(phoneNumber, { trunkSid: '' });
  const surveyor = new Surveyor(world);
  await surveyor.survey();
  expect(condition(world, 'Ready')).toBe('True Ready');
  world.defaultAccount.paused = false;
  await surveyor.survey();
  expect(condition(world, 'Ready')).toBe('False RoutingChangedElsewhere');
});

describe('an OrphanRecord', () => {
  async function orphanedWorld() {
    const world = await readyWorld({ ...withOutbound, deletionPolicy: 'Orphan' });
    world.store.delete(key);
    await runUntilSettled(world);
    const [record] = world.store.records.values();
    if (record === undefined) throw new Error('There is no record');
    const surveyor = new Surveyor(world);
    const status = () => recordStatus.parse(surveyor.recordStatus.get(record.uid));
    return { world, surveyor, status, count: record.items.length };
  }
  const recordStatus = z.object({
    state: z.string(),
    items: z.array(z.object({ order: z.number(), state: z.string() })),
  });

  test('stays open while anything is left, and is closed when all is gone by hand', async () => {
    const { count, status, surveyor, world } = await orphanedWorld();
    await surveyor.survey();
    expect(status()).toEqual({
      state: 'Open',
      items: Array.from({ length: count }, (_, index) => ({ order: index + 1, state: 'Present' })),
    });
    const writes = surveyor.recordWrites;
    await surveyor.survey();
    expect(surveyor.recordWrites, 'nothing has changed').toBe(writes);
    world.account.changeNumber(phoneNumber, { trunkSid: '' });
    world.account.trunks.clear();
    world.account.credentialLists.clear();
    world.project.outbound.clear();
    await surveyor.survey();
    const gone = status().items.filter(({ state }) => state === 'Gone');
    expect([status().state, gone.length]).toEqual(['Open', 5]);
    world.account.accessLists.clear();
    world.project.inbound.clear();
    for (const [id, { name }] of world.project.rules) if (name.startsWith('tl/')) world.project.rules.delete(id);
    await surveyor.survey();
    expect(status().state).toBe('Closed');
  });

  test('is closed when a new object of the number has taken everything over', async () => {
    const { status, surveyor, world } = await orphanedWorld();
    world.store.create({ ...key, spec: withOutbound });
    await runUntilSettled(world);
    await surveyor.survey();
    expect(status().state).toBe('Closed');
  });

  test('that lists nothing is closed by the first look', async () => {
    const { status, surveyor, world } = await orphanedWorld();
    for (const [uid, record] of world.store.records) world.store.records.set(uid, { ...record, items: [] });
    await surveyor.survey();
    expect(status()).toEqual({ state: 'Closed', items: [] });
  });

  test('without the id of a list is not closed before the list is looked for by its name', async () => {
    const { status, surveyor, world } = await orphanedWorld();
    for (const [uid, record] of world.store.records) {
      const items = z.array(z.looseObject({ kind: z.string() })).parse(record.items);
      const left = items.filter(({ kind }) => kind === 'Credential');
      world.store.records.set(uid, { ...record, items: left });
    }
    await surveyor.survey();
    expect(status()).toMatchObject({ state: 'Open', items: [{ state: 'Present' }] });
    world.account.credentialLists.clear();
    await surveyor.survey();
    expect(status().state).toBe('Closed');
  });

  test('says Unknown of what cannot be read, and closes nothing', async () => {
    const { status, surveyor, world } = await orphanedWorld();
    world.account.trunks.clear();
    world.defaultAccount.livekitProblem = 'CredentialsRefused';
    await surveyor.survey();
    expect(new Set(status().items.map(({ state }) => state))).toEqual(new Set(['Gone', 'Unknown', 'Present']));
    expect(status().state).toBe('Open');
  });
});
