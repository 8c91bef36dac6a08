/**
 * The annotation `adopt`: what a person made by hand becomes a PhoneNumber's, without a call being lost, and nothing is taken
 * that serves anybody else.
 */
import { describe, expect, test } from 'vitest';
import type { InboundTrunkState } from '../../src/reconcilers/shared/telephony.ts';
import { condition, existing, expectGone, expectQuiet } from '../fakes/expectations.ts';
import type { FakeTrunk } from '../fakes/fake-twilio.ts';
import { interrupt, interruptions, pointsOf } from '../fakes/interruptions.ts';
import { outsideOf, reachOf } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { statusOf, watchedWorld } from '../fakes/stories.ts';
import { accountSid, inboundOnly, key, phoneNumber, withOutbound, type World } from '../fakes/world.ts';

const adopt = 'telephony.trunkline.dev/adopt';
const other = '+15005550006';
const ids = {
  trunkSid: `TK${'1'.repeat(32)}`,
  inboundTrunkId: 'ST_inbound',
  outboundTrunkId: 'ST_outbound',
  dispatchRuleId: 'SDR_rule',
};
const { outboundTrunkId: _outbound, ...inboundIds } = ids;

const trunk: FakeTrunk = {
  sid: ids.trunkSid,
  accountSid,
  friendlyName: 'the front desk',
  domainName: 'front-desk.pstn.twilio.com',
  transferMode: 'disable-all',
  secure: false,
  disasterRecoveryUrl: 'https://theirs.example.com/sorry',
  urls: new Map([
    [
      'OUhand',
      {
        sid: 'OUhand',
        friendlyName: 'LiveKit',
        sipUrl: 'sip:sip.example.com',
        priority: 10,
        weight: 10,
        enabled: true,
      },
    ],
  ]),
  credentialLists: new Set(),
  accessLists: new Set(),
};
const inbound: InboundTrunkState = {
  id: ids.inboundTrunkId,
  name: 'front desk',
  numbers: [phoneNumber],
  allowedAddresses: [],
  krispEnabled: true,
  headersToAttributes: {},
  maxCallDurationSeconds: 60,
  ringingTimeoutSeconds: 20,
  acceptsEncryption: false,
};

const outbound = {
  id: ids.outboundTrunkId,
  name: 'desk out',
  numbers: [phoneNumber],
  address: trunk.domainName,
  authUsername: 'by-hand',
  authPassword: 'by-hand-secret',
  encrypted: false,
};

/** A number that somebody has wired up by hand, and that works. */
function handMade(): World {
  const world = watchedWorld();
  const { account, project } = world;
  account.trunks.set(trunk.sid, { ...trunk, urls: new Map(trunk.urls) });
  account.changeNumber(phoneNumber, { trunkSid: trunk.sid });
  project.inbound.set(inbound.id, inbound);
  project.rules.set(ids.dispatchRuleId, {
    id: ids.dispatchRuleId,
    name: 'front desk',
    trunkIds: [inbound.id],
    roomPrefix: 'desk-',
    agents: [{ agentName: 'receptionist', metadata: '' }],
    hidePhoneNumber: false,
    attributes: {},
  });
  return world;
}

function create(world: World, wish: unknown = inboundIds, spec: object = inboundOnly): void {
  world.store.create({ ...key, spec });
  world.store.annotate(key, adopt, typeof wish === 'string' ? wish : JSON.stringify(wish));
}

function byHand(world: World): string {
  const { account, project } = world;
  return JSON.stringify([
    [...account.trunks.values()].map(({ urls, ...one }) => [one, [...urls]]),
    [...account.numbers.values()],
    [...project.inbound],
    [...project.rules],
    [...project.outbound],
  ]);
}

async function expectAdopted(world: World): Promise<void> {
  expect(statusOf(world).phase, JSON.stringify(statusOf(world).conditions)).toBe('Ready');
  expect(statusOf(world).ids).toMatchObject(inboundIds);
  expect(reachOf(world)).toBe('answered');
  expect(world.account.trunks.size).toBe(1);
  expect([world.project.inbound.size, world.project.rules.size], 'and the stranger’s wildcard rule').toEqual([1, 2]);
  await expectQuiet(world);
}

test('a set that was made by hand becomes ours: nothing is created but our URL, and no call is lost', async () => {
  const world = handMade();
  const answers: string[] = [];
  world.effects.afterWrite.push(({ system }) => {
    if (system !== 'Kubernetes') answers.push(reachOf(world));
  });
  create(world);
  await runUntilSettled(world);
  await expectAdopted(world);
  expect(world.effects.externalWrites.filter((name) => /create|attach|detach|delete/i.test(name))).toEqual([
    'createOriginationUrl',
  ]);
  expect(new Set(answers), 'before it is marked the agent is somebody else’s').not.toContain('unrouted');
  const [adopted] = world.account.trunks.values();
  expect(adopted).toMatchObject({
    domainName: trunk.domainName,
    disasterRecoveryUrl: trunk.disasterRecoveryUrl,
    friendlyName: expect.stringMatching(/^tl\//),
  });
  expect([...(adopted?.urls.keys() ?? [])], 'what people set on it stays').toContain('OUhand');
  expect(world.project.inbound.get(inbound.id)).toMatchObject({ krispEnabled: false, maxCallDurationSeconds: 3600 });
});

test('an outbound trunk comes along, with a credential of its own', async () => {
  const world = handMade();
  world.project.outbound.set(outbound.id, outbound);
  create(world, ids, withOutbound);
  await runUntilSettled(world);
  expect(statusOf(world).phase).toBe('Ready');
  expect(statusOf(world).ids).toMatchObject(ids);
  expect([...world.project.outbound.values()]).toMatchObject([{ id: ids.outboundTrunkId, address: trunk.domainName }]);
  await expectQuiet(world);
});

test('a part of a set is adopted, and the rest made', async () => {
  const world = handMade();
  world.project.rules.delete(ids.dispatchRuleId);
  // Without a rule the wildcard of somebody else answers, and goes on to do so until there is one.
  world.effects.afterWrite.length = 0;
  create(world, { trunkSid: ids.trunkSid, inboundTrunkId: ids.inboundTrunkId });
  await runUntilSettled(world);
  expect(statusOf(world).phase).toBe('Ready');
  expect(statusOf(world).ids).toMatchObject({ trunkSid: ids.trunkSid, inboundTrunkId: ids.inboundTrunkId });
  expect(reachOf(world)).toBe('answered');
});

test('what was adopted is taken apart like everything that is ours', async () => {
  const world = handMade();
  create(world);
  await runUntilSettled(world);
  world.store.delete(key);
  await runUntilSettled(world);
  await expectGone(world);
  expect([world.account.trunks.size, world.project.inbound.size, world.project.rules.size]).toEqual([0, 0, 1]);
});

test('after the first Ready the annotation means nothing', async () => {
  const world = handMade();
  create(world);
  await runUntilSettled(world);
  world.store.annotate(key, adopt, JSON.stringify({ trunkSid: `TK${'2'.repeat(32)}` }));
  await runUntilSettled(world);
  await expectAdopted(world);
});

describe('nothing is touched', () => {
  const mark = (owner: string) => `tl/${owner}/447446466847/01234567`;
  const cases: readonly {
    name: string;
    why: string;
    spoil?: (world: World) => void;
    wish?: unknown;
    spec?: object;
    message: string;
  }[] = [
    { name: 'when it is no JSON', why: 'nothing is done on a guess', wish: 'TK1', message: 'is not JSON' },
    { name: 'when it names an unknown role', why: 'it would be lost', wish: { trunk: 'x' }, message: 'is not JSON' },
    { name: 'when an id is none', why: 'it goes into a path', wish: { trunkSid: 'TK1/..' }, message: 'is not JSON' },
    {
      name: 'when there is no such trunk',
      why: 'another would be made, and the old one forgotten',
      wish: { ...inboundIds, trunkSid: `TK${'3'.repeat(32)}` },
      message: `Trunk TK${'3'.repeat(32)} is not there`,
    },
    {
      name: 'when another number is on the trunk, too',
      why: 'it would be cut off by a deletion',
      spoil: ({ twilio }) => twilio.buyNumber(accountSid, other, { trunkSid: ids.trunkSid }),
      message: `has ${phoneNumber}, ${other} instead of`,
    },
    {
      name: 'when the number is not on the trunk',
      why: 'an idle trunk is waiting for somebody else',
      spoil: ({ account }) => account.changeNumber(phoneNumber, { trunkSid: '' }),
      message: 'has no number of its own instead of',
    },
    {
      name: 'when the inbound trunk holds other numbers',
      why: 'they would lose their agent',
      spoil: ({ project }) => project.inbound.set(inbound.id, { ...inbound, numbers: [phoneNumber, other] }),
      message: `has ${phoneNumber}, ${other} instead of`,
    },
    {
      name: 'when the inbound trunk takes calls to any number',
      why: 'so would they',
      spoil: ({ project }) => project.inbound.set(inbound.id, { ...inbound, numbers: [] }),
      message: 'has no number of its own',
    },
    {
      name: 'when the rule answers other trunks',
      why: 'so would they',
      spoil: ({ project }) => {
        const rule = project.rules.get(ids.dispatchRuleId);
        if (rule) project.rules.set(rule.id, { ...rule, trunkIds: [inbound.id, 'ST_other'] });
      },
      message: 'takes calls of ST_inbound, ST_other instead of',
    },
    {
      name: 'when a rule of the inbound trunk is not named',
      why: 'two equal rules make every call fail',
      wish: { trunkSid: ids.trunkSid, inboundTrunkId: ids.inboundTrunkId },
      message: 'has its calls taken by DispatchRule SDR_rule, which has to be adopted, too',
    },
    {
      name: 'when the rule is of a trunk that is not adopted',
      why: 'two trunks for the number make every call fail',
      wish: { trunkSid: ids.trunkSid, dispatchRuleId: ids.dispatchRuleId },
      message: 'takes calls of ST_inbound instead of',
    },
    {
      name: 'when the trunk is marked by another owner',
      why: 'another install answers for it',
      spoil: ({ account }) => account.trunks.set(trunk.sid, { ...trunk, friendlyName: `${mark('another')}/trunk` }),
      message: `carries the mark ${mark('another')}/trunk`,
    },
    {
      name: 'when outbound calls are off',
      why: 'the adopted trunk would be removed at once',
      wish: ids,
      spoil: ({ project }) => project.outbound.set(outbound.id, outbound),
      message: 'would be removed',
    },
    {
      name: 'when calls go to a webhook',
      why: 'there is nothing to adopt',
      spec: { phoneNumber, voice: { webhook: { url: 'https://a.example.com' } } },
      message: 'needs voice.sipTrunk with a trunk of its own',
    },
    {
      name: 'when the number is on an existing trunk',
      why: 'that one stays as it is',
      spec: { phoneNumber, voice: { sipTrunk: { existingTrunkSid: ids.trunkSid } } },
      message: 'needs voice.sipTrunk with a trunk of its own',
    },
  ];
  test.for(cases)('$name', async ({ message, spec, spoil, why, wish }) => {
    const world = handMade();
    spoil?.(world);
    const before = byHand(world);
    create(world, wish, spec);
    await runUntilSettled(world);
    expect(condition(world, 'Ready'), why).toBe('False InvalidSpec');
    expect(statusOf(world).conditions[0]?.message).toContain(message);
    expect(byHand(world)).toBe(before);
    expect(existing(world).metadata.finalizers ?? []).toEqual([]);
    world.store.delete(key);
    await runUntilSettled(world);
    expect(world.store.all).toEqual([]);
    expect(byHand(world)).toBe(before);
  });

  test('by another object of the number; and a corrected annotation is followed at once', async () => {
    const world = handMade();
    create(world, { ...inboundIds, trunkSid: `TK${'3'.repeat(32)}` });
    await runUntilSettled(world);
    world.store.annotate(key, adopt, JSON.stringify(inboundIds));
    await runUntilSettled(world);
    await expectAdopted(world);
  });
});

const story = handMade();
const points = await pointsOf(story, () => create(story));

describe('an adoption that is interrupted', () => {
  test.for(points.flatMap((point) => interruptions.map((one) => ({ ...point, interruption: one, what: one.name }))))(
    '$what $operation ends with the same set, and a deletion with none',
    async ({ index, interruption }) => {
      const world = handMade();
      create(world);
      interrupt(world, index, interruption);
      await runUntilSettled(world);
      await expectAdopted(world);
      world.store.delete(key);
      await runUntilSettled(world);
      await expectGone(world);
      expect(outsideOf(world)).toEqual([]);
    },
  );
});
