/**
 * Create → Ready: what exists in the end, in which order it comes, and how few writes it takes (DESIGN 3.2, 7).
 */
import { describe, expect, test } from 'vitest';
import { markOf } from '../../src/reconcilers/phone-number/mark.ts';
import { intentAnnotation } from '../../src/reconcilers/phone-number/names.ts';
import { condition, existing, expectQuiet, expectReady } from '../fakes/expectations.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { watchedWorld } from '../fakes/stories.ts';
import { accountSid, inboundOnly, key, livekitUrl, phoneNumber, withOutbound, type World } from '../fakes/world.ts';

const sipTrunk = (values: object) => ({ phoneNumber, voice: { sipTrunk: values } });

describe('a new PhoneNumber', () => {
  const cases = [
    { name: 'with defaults only', spec: sipTrunk({}), outbound: undefined },
    { name: 'with an agent', spec: inboundOnly, outbound: undefined },
    {
      name: 'with outbound calls from some addresses',
      spec: withOutbound,
      outbound: { addresses: ['192.0.2.0/24', '198.51.100.7/32'] },
    },
    {
      name: 'with outbound calls from anywhere',
      spec: sipTrunk({ outbound: { enabled: true } }),
      outbound: { addresses: [] },
    },
  ];
  test.for(cases)('$name becomes Ready with two writes', async ({ spec, outbound }) => {
    const world = watchedWorld();
    world.store.create({ ...key, spec });
    await runUntilSettled(world);
    expect(world.effects.objectWrites, 'the finalizer with the pin, then the status').toEqual([
      'patchMetadata',
      'patchStatus',
    ]);
    expect(world.eventActions).toEqual(['Provision']);
    await expectReady(world, outbound);
  });

  test.for([
    { name: 'inbound', spec: inboundOnly },
    { name: 'outbound', spec: withOutbound },
  ])('$name: the number is attached when everything else is there', async ({ spec }) => {
    const world = watchedWorld();
    world.store.create({ ...key, spec });
    await runUntilSettled(world);
    expect(world.effects.externalWrites.at(-1), 'a number must not ring before').toBe('attachNumber');
    expect(
      world.effects.log.slice(-3).map(({ operation }) => operation),
      'read back before it is called Ready',
    ).toEqual(['attachNumber', 'findNumber', 'patchStatus']);
  });

  test('pins where its outside lives with the finalizer, before anything is made', async () => {
    const world = watchedWorld();
    world.store.create({ ...key, spec: inboundOnly });
    let intent: string | undefined;
    world.effects.beforeWrite.push(({ operation }) => {
      if (operation === 'createTrunk') intent = existing(world).metadata.annotations?.[intentAnnotation];
    });
    await runUntilSettled(world);
    const pin = { account: 'default', accountSid, livekitUrl, ownerId: '0a1b2c3d', phoneNumber };
    expect(JSON.parse(intent ?? '{}')).toEqual(pin);
    expect(existing(world).status).toMatchObject({ pinned: pin });
  });

  test('has exactly this outside, with every value of its spec', async () => {
    const world = watchedWorld();
    const { metadata } = world.store.create({
      ...key,
      spec: sipTrunk({
        originationUris: ['sip:one.example.com', 'sip:two.example.com;transport=tls'],
        transferMode: 'sip-only',
        inbound: {
          allowedAddresses: ['192.0.2.1'],
          krispEnabled: true,
          headersToAttributes: { 'X-Tier': 'tier' },
          maxCallDuration: '1h30m',
          ringingTimeout: '45s',
        },
        outbound: { enabled: true, allowedCidrs: ['192.0.2.0/24'] },
        dispatch: {
          roomPrefix: 'desk-',
          agents: [{ agentName: 'receptionist', metadata: '{"lang":"en"}' }],
          hidePhoneNumber: true,
          attributes: { team: 'front' },
        },
      }),
    });
    await runUntilSettled(world);
    const mark = (role: Parameters<typeof markOf>[1]) =>
      markOf({ account: 'default', accountSid, livekitUrl, ownerId: '0a1b2c3d', phoneNumber, uid: metadata.uid }, role);
    const [trunk] = world.account.trunks.values();
    const [credentialList] = world.account.credentialLists.values();
    const [accessList] = world.account.accessLists.values();
    const [inbound] = world.project.inbound.values();
    const sid = expect.any(String);
    expect([...(trunk?.urls.values() ?? [])]).toEqual([
      {
        sid,
        friendlyName: mark('origination-0'),
        sipUrl: 'sip:one.example.com',
        priority: 1,
        weight: 1,
        enabled: true,
      },
      {
        sid,
        friendlyName: mark('origination-1'),
        sipUrl: 'sip:two.example.com;transport=tls',
        priority: 2,
        weight: 1,
        enabled: true,
      },
    ]);
    expect(trunk).toMatchObject({
      friendlyName: mark('trunk'),
      transferMode: 'sip-only',
      credentialLists: new Set([credentialList?.sid]),
      accessLists: new Set([accessList?.sid]),
    });
    expect([...(accessList?.addresses.values() ?? [])]).toEqual([
      { sid, friendlyName: '192.0.2.0/24', ipAddress: '192.0.2.0', cidrPrefixLength: 24 },
    ]);
    expect([...world.project.inbound.values()]).toEqual([
      {
        id: sid,
        name: mark('inbound'),
        numbers: [phoneNumber],
        allowedAddresses: ['192.0.2.1'],
        krispEnabled: true,
        headersToAttributes: { 'X-Tier': 'tier' },
        maxCallDurationSeconds: 5400,
        ringingTimeoutSeconds: 45,
        acceptsEncryption: false,
      },
    ]);
    expect([...world.project.rules.values()].filter(({ name }) => name === mark('rule'))).toEqual([
      {
        id: sid,
        name: mark('rule'),
        trunkIds: [inbound?.id],
        roomPrefix: 'desk-',
        agents: [{ agentName: 'receptionist', metadata: '{"lang":"en"}' }],
        hidePhoneNumber: true,
        attributes: { team: 'front' },
      },
    ]);
    expect([...world.project.outbound.values()]).toEqual([
      {
        id: sid,
        name: mark('outbound'),
        numbers: [phoneNumber],
        encrypted: false,
        address: trunk?.domainName,
        authUsername: [...(credentialList?.credentials.values() ?? [])][0]?.username,
        authPassword: expect.stringMatching(/^(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9]).{12,}$/),
      },
    ]);
    expect(world.account.numberOf(phoneNumber)?.trunkSid).toBe(trunk?.sid);
  });

  test('says so when outbound calls are held back by the credential alone', async () => {
    const world = watchedWorld();
    world.store.create({ ...key, spec: sipTrunk({ outbound: { enabled: true } }) });
    await runUntilSettled(world);
    expect(JSON.stringify(existing(world).status)).toContain('OutboundOpenToInternet');
  });
});

describe('a creation that takes its time', () => {
  test('shows Provisioning with what is known before it goes on', async () => {
    const world = watchedWorld();
    world.effects.latencyMs = 900;
    world.store.create({ ...key, spec: withOutbound });
    const shown: unknown[] = [];
    world.effects.afterWrite.push(({ operation }) => {
      if (operation === 'patchStatus') shown.push(existing(world).status);
    });
    await runUntilSettled(world);
    expect(shown[0], 'a person who looks after two seconds sees what goes on').toMatchObject({
      phase: 'Provisioning',
      pinned: { accountSid },
    });
    expect(shown.length).toBeGreaterThan(3);
    world.effects.latencyMs = 0;
    await expectReady(world, { addresses: ['192.0.2.0/24', '198.51.100.7/32'] });
  });

  test('asks the API server again before it writes outside after ten seconds', async () => {
    const world = watchedWorld();
    world.effects.latencyMs = 9_000;
    world.store.create({ ...key, spec: withOutbound });
    await runUntilSettled(world);
    world.effects.latencyMs = 0;
    await expectReady(world, { addresses: ['192.0.2.0/24', '198.51.100.7/32'] });
  });
});

describe('what providers do to a creation', () => {
  test.for([
    { name: 'a while', afterMs: 7_000, why: 'the wish of the provider is granted' },
    { name: 'an unsaid while', afterMs: 0, why: 'then the backoff decides' },
  ])('waits when it has to for $name', async ({ afterMs, why }) => {
    const world = watchedWorld();
    world.effects.fail('createDispatchRule', { kind: 'rateLimited', afterMs, message: 'slow down' }, 'never', 2);
    world.store.create({ ...key, spec: inboundOnly });
    await runUntilSettled(world);
    expect(world.clock.monotonic(), why).toBeGreaterThanOrEqual(2 * afterMs);
    await expectReady(world);
  });

  test('takes the next domain when its own is reserved', async () => {
    const world = watchedWorld();
    world.store.create({ ...key, spec: withOutbound });
    await runUntilSettled(world);
    const [before] = world.account.trunks.values();
    // By hand: number off, trunk away; its domain stays reserved for weeks.
    const twilio = world.dependencies.accounts.openPinned({
      account: 'default',
      accountSid,
      livekitUrl,
      ownerId: '0a1b2c3d',
      phoneNumber,
    }).twilio;
    world.fenceChecks += 1;
    await twilio.deleteTrunk(before?.sid ?? '');
    world.clock.advanceSynchronously(120_000);
    world.store.annotate(key, 'telephony.trunkline.dev/reconcile', '1');
    await runUntilSettled(world);
    const [after] = world.account.trunks.values();
    expect(after?.domainName).not.toBe(before?.domainName);
    await expectReady(world, { addresses: ['192.0.2.0/24', '198.51.100.7/32'] });
  });

  test('takes its trunk for its own when the domain turns out to be taken by it', async () => {
    const world = watchedWorld();
    world.twilio.listLagMs = 65_000;
    world.effects.fail('createTrunk', { kind: 'unknownOutcome', message: 'no answer' }, 'atOnce', 1);
    world.effects.onTheWay = (operation) => {
      // The list shows it just after it was looked for.
      if (operation === 'createTrunk' && world.account.trunks.size > 0) world.clock.advanceSynchronously(9_000);
      return undefined;
    };
    world.store.create({ ...key, spec: inboundOnly });
    await runUntilSettled(world);
    expect(world.effects.externalWrites.filter((name) => name === 'createTrunk')).toHaveLength(2);
    world.clock.advanceSynchronously(65_000);
    await expectReady(world);
  });

  test('finds a trunk that lists do not show yet', async () => {
    const world = watchedWorld();
    world.twilio.listLagMs = 20_000;
    world.store.create({ ...key, spec: inboundOnly });
    world.effects.fail('createOriginationUrl', { kind: 'unknownOutcome', message: 'no answer' }, 'never', 1);
    await runUntilSettled(world);
    world.clock.advanceSynchronously(20_000);
    await expectReady(world);
  });

  test('does not attach over and over what reads do not show yet', async () => {
    const world = watchedWorld();
    world.twilio.attachmentLagMs = 5_000;
    world.store.create({ ...key, spec: withOutbound });
    await runUntilSettled(world, { maxRounds: 100 });
    const attaching = world.effects.externalWrites.filter((name) => name.startsWith('attach'));
    expect(attaching.length, 'three things to attach, each tried again only after a backoff').toBeLessThan(15);
    await expectReady(world, { addresses: ['192.0.2.0/24', '198.51.100.7/32'] });
  });

  test('attaches a number once it can', async () => {
    const world = watchedWorld();
    world.store.create({ ...key, spec: inboundOnly });
    const lost = world.effects.fail('attachNumber', { kind: 'unknownOutcome', message: 'no answer' });
    await runUntilSettled(world, { horizonMs: 600_000 });
    expect(condition(world, 'Ready')).toBe('False ProviderError');
    world.effects.lift(lost);
    await runUntilSettled(world);
    await expectReady(world);
  });
});

describe('an account in trouble', () => {
  test.for([
    { name: 'does not exist', break: (world: World) => world.accounts.accounts.clear(), reason: 'AccountNotFound' },
    {
      name: 'does not allow the namespace',
      break: (world: World) => {
        world.defaultAccount.allowedNamespaces = [];
      },
      reason: 'NamespaceNotAllowed',
    },
    {
      name: 'is paused',
      break: (world: World) => {
        world.defaultAccount.paused = true;
      },
      reason: 'Paused',
    },
    {
      name: 'has refused credentials at Twilio',
      break: (world: World) => {
        world.defaultAccount.twilioProblem = 'CredentialsRefused';
      },
      reason: 'CredentialsRefused',
    },
    {
      name: 'has no credentials for LiveKit',
      break: (world: World) => {
        world.defaultAccount.livekitProblem = 'CredentialsUnavailable';
      },
      reason: 'CredentialsUnavailable',
    },
  ])('$name: nothing is made and the finalizer stays off, until it is right', async ({ break: spoil, reason }) => {
    const world = watchedWorld();
    spoil(world);
    world.store.create({ ...key, spec: inboundOnly });
    await runUntilSettled(world, { horizonMs: 900_000 });
    expect(condition(world, 'Ready')).toBe(`False ${reason}`);
    expect(existing(world).metadata.finalizers, 'a deletion must not need the account').toEqual([]);
    expect(world.effects.externalWrites).toEqual([]);
    await expectQuiet(world);
    world.addAccount('default');
    await runUntilSettled(world);
    await expectReady(world);
  });
});
