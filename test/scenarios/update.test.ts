/**
 * A living number whose spec changes, or whose outside is changed by others.
 */
import { describe, expect, test } from 'vitest';
import { finalizer, intentAnnotation } from '../../src/reconcilers/phone-number/names.ts';
import { parsePhoneNumber } from '../../src/reconcilers/phone-number/schema.ts';
import type { Json } from '../fakes/merge-patch.ts';
import { condition, existing, expectGone, expectQuiet, expectReady } from '../fakes/expectations.ts';
import { outsideOf, reachOf } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { readyWorld, watchedWorld } from '../fakes/stories.ts';
import { accountSid, inboundOnly, key, phoneNumber, withOutbound, type World } from '../fakes/world.ts';

const reconcile = 'telephony.trunkline.dev/reconcile';
const foreignTrunk = `TK${'f'.repeat(32)}`;

const sipTrunk = (values: Json): Json => ({ voice: { sipTrunk: values } });

describe('an edited spec', () => {
  const cases: readonly {
    name: string;
    from: unknown;
    patch: Json;
    writes: readonly string[];
    outbound?: { addresses: readonly string[] };
  }[] = [
    {
      name: 'another agent: the rule is changed in place',
      from: inboundOnly,
      patch: sipTrunk({ dispatch: { agents: [{ agentName: 'sales' }] } }),
      writes: ['updateDispatchRule'],
    },
    {
      name: 'other callers: the inbound trunk is changed in place',
      from: inboundOnly,
      patch: sipTrunk({ inbound: { allowedAddresses: ['192.0.2.1'] } }),
      writes: ['updateInboundTrunk'],
    },
    {
      name: 'another transfer mode: the trunk is changed in place',
      from: inboundOnly,
      patch: sipTrunk({ transferMode: 'enable-all' }),
      writes: ['updateTrunk'],
    },
    {
      name: 'where calls go when nobody takes them',
      from: inboundOnly,
      patch: sipTrunk({ disasterRecoveryUrl: 'https://example.com/sorry' }),
      writes: ['updateTrunk'],
    },
    {
      name: 'encryption on: LiveKit takes it before Twilio does it',
      from: inboundOnly,
      patch: sipTrunk({ secure: true }),
      writes: ['updateInboundTrunk', 'updateOriginationUrl', 'updateTrunk'],
    },
    {
      name: 'encryption on with outbound calls: they follow last',
      from: withOutbound,
      patch: sipTrunk({ secure: true }),
      writes: ['updateInboundTrunk', 'updateOriginationUrl', 'updateTrunk', 'updateOutboundTrunk'],
      outbound: { addresses: ['192.0.2.0/24', '198.51.100.7/32'] },
    },
    {
      name: 'encryption off: the other way round',
      from: { phoneNumber, ...sipTrunk({ secure: true, outbound: { enabled: true } }) },
      patch: sipTrunk({ secure: false }),
      writes: ['updateOutboundTrunk', 'updateTrunk', 'updateOriginationUrl', 'updateInboundTrunk'],
      outbound: { addresses: [] },
    },
    {
      name: 'another place to send calls to',
      from: inboundOnly,
      patch: sipTrunk({ originationUris: ['sip:new.example.com'] }),
      writes: ['updateOriginationUrl'],
    },
    {
      name: 'nothing outside',
      from: inboundOnly,
      patch: { deletionPolicy: 'Orphan' },
      writes: [],
    },
    {
      name: 'outbound calls on',
      from: inboundOnly,
      patch: sipTrunk({ outbound: { enabled: true } }),
      writes: ['createCredentialList', 'attachCredentialList', 'createCredential', 'createOutboundTrunk'],
      outbound: { addresses: [] },
    },
    {
      name: 'outbound calls off: the whole branch goes, the secret first',
      from: withOutbound,
      patch: sipTrunk({ outbound: { enabled: false } }),
      writes: [
        'deleteLiveKitTrunk',
        'deleteCredential',
        'detachIpAccessControlList',
        'detachCredentialList',
        'deleteIpAccessControlList',
        'deleteCredentialList',
      ],
    },
    {
      name: 'other addresses: the new one comes before the old one goes',
      from: withOutbound,
      patch: sipTrunk({ outbound: { allowedCidrs: ['198.51.100.7', '203.0.113.0/28'] } }),
      writes: ['createIpAddress', 'deleteIpAddress'],
      outbound: { addresses: ['198.51.100.7/32', '203.0.113.0/28'] },
    },
    {
      name: 'no addresses any more',
      from: withOutbound,
      patch: sipTrunk({ outbound: { allowedCidrs: [] } }),
      writes: ['detachIpAccessControlList', 'deleteIpAccessControlList'],
      outbound: { addresses: [] },
    },
  ];
  test.for(cases)('$name', async ({ from, patch, writes, outbound }) => {
    const world = await readyWorld(from);
    const { inboundTrunkId, dispatchRuleId, trunkSid } = parsePhoneNumber(existing(world)).status.ids;
    world.store.editSpec(key, patch);
    await runUntilSettled(world);
    expect(world.effects.externalWrites).toEqual(writes);
    expect(world.effects.objectWrites, 'one write says that it is done').toEqual(['patchStatus']);
    expect(parsePhoneNumber(existing(world)).status.ids, 'what calls go through is never replaced').toMatchObject({
      inboundTrunkId,
      dispatchRuleId,
      trunkSid,
    });
    await expectReady(world, outbound);
  });

  test('outbound calls off a moment after they were switched on', async () => {
    const world = await readyWorld(inboundOnly);
    world.store.editSpec(key, sipTrunk({ outbound: { enabled: true, allowedCidrs: ['192.0.2.0/24'] } }));
    await runUntilSettled(world);
    world.store.editSpec(key, sipTrunk({ outbound: { enabled: false } }));
    await runUntilSettled(world);
    await expectReady(world);
  });

  test('a disaster recovery URL that the spec does not name stays, and an empty one goes', async () => {
    const world = await readyWorld({ phoneNumber, ...sipTrunk({ disasterRecoveryUrl: 'https://example.com/sorry' }) });
    const urls = () => [...world.account.trunks.values()].map(({ disasterRecoveryUrl }) => disasterRecoveryUrl);
    world.store.editSpec(key, sipTrunk({ disasterRecoveryUrl: null }));
    await runUntilSettled(world);
    expect(urls()).toEqual(['https://example.com/sorry']);
    world.store.editSpec(key, sipTrunk({ disasterRecoveryUrl: '' }));
    await runUntilSettled(world);
    expect(urls()).toEqual(['']);
    await expectReady(world);
  });

  test('a superfluous place to send calls to goes', async () => {
    const world = await readyWorld({
      phoneNumber,
      ...sipTrunk({ originationUris: ['sip:one.example.com', 'sip:two.example.com'] }),
    });
    world.store.editSpec(key, sipTrunk({ originationUris: ['sip:two.example.com'] }));
    await runUntilSettled(world);
    expect(world.effects.externalWrites).toEqual(['updateOriginationUrl', 'deleteOriginationUrl']);
    await expectReady(world);
  });

  test('an edit that is taken back leaves the number as it was', async () => {
    const world = await readyWorld(inboundOnly);
    world.store.editSpec(key, { voice: { sipTrunk: { transferMode: 'wrong' } } });
    await runUntilSettled(world);
    expect(condition(world, 'Synced')).toBe('False InvalidSpec');
    expect(reachOf(world)).toBe('answered');
    world.store.editSpec(key, { voice: { sipTrunk: { transferMode: null } } });
    await runUntilSettled(world);
    await expectReady(world);
  });
});

describe('a partial removal that fails', () => {
  test('is RemovalFailed and never Corrupted, calls go on, and it ends when it can', async () => {
    const world = await readyWorld(withOutbound);
    const stuck = world.effects.fail('deleteCredentialList', { kind: 'refused', code: '21403', message: 'no' });
    world.store.editSpec(key, sipTrunk({ outbound: { enabled: false } }));
    await runUntilSettled(world);
    expect(condition(world, 'Synced')).toBe('False RemovalFailed');
    expect(condition(world, 'Ready')).toBe('True Ready');
    expect(condition(world, 'Corrupted')).toBe('False RemovalFailed');
    expect(world.project.outbound.size, 'what can go is gone').toBe(0);
    expect(parsePhoneNumber(existing(world)).status.ids.credentialListSid, 'not forgotten').toBeDefined();
    world.store.annotate(key, 'force-delete', 'confirmed');
    await runUntilSettled(world, { horizonMs: 600_000 });
    expect(existing(world).metadata.finalizers, 'nothing is let go of on a living object').toContain(finalizer);
    world.store.annotate(key, 'force-delete', undefined);
    world.effects.lift(stuck);
    await runUntilSettled(world);
    await expectReady(world);
  });

  test('and a deletion then finds what the spec no longer names', async () => {
    const world = await readyWorld(withOutbound);
    const stuck = world.effects.fail('deleteCredentialList', { kind: 'refused', code: '21403', message: 'no' });
    world.store.editSpec(key, sipTrunk({ outbound: { enabled: false } }));
    await runUntilSettled(world, { horizonMs: 60_000 });
    world.effects.lift(stuck);
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
  });
});

describe('routing changed by somebody else', () => {
  const elsewhere: readonly { name: string; act: (world: World) => void; reach: string }[] = [
    {
      name: 'put on another trunk',
      act: ({ account }) => account.changeNumber(phoneNumber, { trunkSid: foreignTrunk }),
      reach: 'elsewhere',
    },
    {
      name: 'taken off its trunk',
      act: ({ account }) => account.changeNumber(phoneNumber, { trunkSid: '' }),
      reach: 'unrouted',
    },
  ];
  test.for(elsewhere)('$name: is reported and not fought', async ({ act, reach }) => {
    const world = await readyWorld(inboundOnly);
    const before = outsideOf(world);
    act(world);
    world.store.editSpec(key, { deletionPolicy: 'Delete' });
    await runUntilSettled(world, { horizonMs: 3_600_000 });
    expect(condition(world, 'Ready')).toBe('False RoutingChangedElsewhere');
    expect(condition(world, 'Stalled')).toBe('True RoutingChangedElsewhere');
    expect(reachOf(world)).toBe(reach);
    expect(outsideOf(world), 'it may come back').toEqual(before);
    expect(world.effects.externalWrites).toEqual([]);
    world.restart();
    await runUntilSettled(world, { horizonMs: 3_600_000 });
    expect(reachOf(world), 'also not by an operator that starts again').toBe(reach);
    await expectQuiet(world);
  });

  test('is quiet also while the providers are slow', async () => {
    const world = await readyWorld(inboundOnly);
    world.account.changeNumber(phoneNumber, { trunkSid: '' });
    world.store.editSpec(key, { deletionPolicy: 'Delete' });
    world.effects.latencyMs = 1_100;
    await runUntilSettled(world, { horizonMs: 3_600_000, maxRounds: 50 });
    expect(world.effects.objectWrites.length).toBe(1);
    await expectQuiet(world);
  });

  test('a reconcile token attaches a number that is unrouted', async () => {
    const world = await readyWorld(inboundOnly);
    world.account.changeNumber(phoneNumber, { trunkSid: '' });
    world.store.annotate(key, reconcile, '1');
    await runUntilSettled(world);
    await expectReady(world);
  });

  test('a token is used up on a number that is routed elsewhere', async () => {
    const world = await readyWorld(inboundOnly);
    world.account.changeNumber(phoneNumber, { trunkSid: foreignTrunk });
    world.store.annotate(key, reconcile, '1');
    await runUntilSettled(world);
    expect(reachOf(world)).toBe('elsewhere');
    world.account.changeNumber(phoneNumber, { trunkSid: '' });
    await runUntilSettled(world);
    expect(reachOf(world), 'an old wish must not act later').toBe('unrouted');
    world.store.annotate(key, reconcile, '2');
    await runUntilSettled(world);
    await expectReady(world);
  });

  test('a number that was given away and came back is attached when nothing of it was left', async () => {
    const world = await readyWorld(inboundOnly);
    world.account.numbers.clear();
    world.account.trunks.clear();
    world.project.inbound.clear();
    world.project.rules.clear();
    world.store.editSpec(key, { deletionPolicy: 'Delete' });
    await runUntilSettled(world, { horizonMs: 60_000 });
    expect(condition(world, 'Ready')).toBe('False NumberNotFound');
    expect(existing(world).metadata.finalizers).toEqual([]);
    world.twilio.buyNumber(accountSid, phoneNumber);
    await runUntilSettled(world);
    await expectReady(world);
  });
});

describe('marks changed by somebody else', () => {
  const renamed = (world: World, friendlyName: string) => {
    for (const trunk of world.account.trunks.values()) world.account.trunks.set(trunk.sid, { ...trunk, friendlyName });
  };
  test.for([
    { name: 'no mark', friendlyName: 'Front desk', reason: 'OwnershipUnknown' },
    {
      name: 'the mark of another PhoneNumber',
      friendlyName: 'tl/0a1b2c3d/447446466847/ffffffff/trunk',
      reason: 'OwnershipTaken',
    },
  ])('$name: nothing is written', async ({ friendlyName, reason }) => {
    const world = await readyWorld(inboundOnly);
    renamed(world, friendlyName);
    world.store.editSpec(key, sipTrunk({ transferMode: 'enable-all' }));
    await runUntilSettled(world);
    expect(condition(world, 'Synced')).toBe(`False ${reason}`);
    expect(world.effects.externalWrites).toEqual([]);
    await expectQuiet(world);
  });
});

describe('a finalizer that somebody took off a living object', () => {
  test.for([
    { name: 'alone', status: {} },
    { name: 'with the annotations, as kubectl replace does', status: {} },
  ])('$name is put back before anything else', async ({ name }) => {
    const world = await readyWorld(inboundOnly);
    world.store.setFinalizers(key, []);
    if (name !== 'alone') world.store.annotate(key, intentAnnotation, undefined);
    await runUntilSettled(world);
    expect(world.eventActions).toContain('RestoreFinalizer');
    expect(world.effects.externalWrites).toEqual([]);
    await expectReady(world);
    world.store.delete(key);
    await runUntilSettled(world);
    await expectGone(world);
  });

  test('and then deleted it before anybody could: what is left is recorded', async () => {
    const world = await readyWorld(withOutbound);
    const { uid } = existing(world).metadata;
    const left = outsideOf(world);
    world.store.setFinalizers(key, []);
    world.store.delete(key);
    await runUntilSettled(world);
    expect(outsideOf(world)).toEqual(left);
    expect(world.store.records.get(uid)).toMatchObject({
      cause: 'Vanished',
      phoneNumber,
      pinned: { accountSid },
      namespace: key.namespace,
      name: key.name,
    });
    expect(
      world.store.records.get(uid)?.items.map((item) => (item as { kind: string }).kind),
      'a record without the things is of no use',
    ).toEqual([
      'NumberAttachment',
      'DispatchRule',
      'InboundTrunk',
      'Trunk',
      'OutboundTrunk',
      'Credential',
      'CredentialList',
      'IpAccessControlList',
    ]);
    expect(world.audits).toContain('vanished');
  });
});

describe('an object that was restored', () => {
  test.for(['Corrupted', 'Deleting'])('alive with phase %s is looked at anew', async (phase) => {
    const world = await readyWorld(inboundOnly);
    world.store.writeStatus(key, { phase, deletion: { policy: 'Delete', firstFailureTime: '2020-01-01T00:00:00Z' } });
    await runUntilSettled(world);
    expect(parsePhoneNumber(existing(world)).status.deletion).toBeUndefined();
    await expectReady(world);
  });

  test('with the finalizer but without a pin gets the pin before anything is made', async () => {
    const world = watchedWorld();
    world.store.create({ ...key, spec: inboundOnly, finalizers: [finalizer] });
    let intent: string | undefined;
    world.effects.beforeWrite.push(({ operation }) => {
      if (operation === 'createTrunk') intent = existing(world).metadata.annotations?.[intentAnnotation];
    });
    await runUntilSettled(world);
    expect(intent).toContain(accountSid);
    await expectReady(world);
  });
});
