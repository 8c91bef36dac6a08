// Create and delete on real servers: the end state of Twilio and LiveKit, the order, and what it costs at the API server.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type OperatorWorld, startOperatorWorld } from '../tools/operator-world.ts';
import { inboundOutside, nothingOutside, openScene, outboundOutside, outboundSpec } from '../tools/scene.ts';

let stage: OperatorWorld;

beforeAll(async () => {
  stage = await startOperatorWorld();
  // Two writes are promised for passes under two seconds; this machine may be slower.
  await stage.startOperator(['--progress-after=1m']);
});
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});
afterEach(() => {
  stage.twilio.assertNoViolations();
});

const writes = { resource: 'phonenumbers', verbs: ['PATCH', 'PUT', 'APPLY'] };

describe('a number with inbound calls', () => {
  test('becomes Ready and is taken apart with two successful writes each', async () => {
    const scene = await openScene(stage);
    const { controlPlane } = stage.world;
    const before = await controlPlane.countRequests({ ...writes, code: 200 });
    await scene.kubectl(['create', '-f', '-'], { input: JSON.stringify(scene.manifest()) });
    const ready = await scene.waitForPhase('Ready');
    expect(await controlPlane.countRequests({ ...writes, code: 200 }), 'create').toBe(before + 2);
    expect(await scene.outside()).toEqual(inboundOutside);

    const [trunk] = scene.twilio().trunks;
    expect(trunk).toMatchObject({
      transferMode: 'disable-all',
      secure: false,
      originationUrls: [
        { sipUrl: 'sip:example.sip.livekit.cloud;transport=tcp', priority: 1, weight: 1, enabled: true },
      ],
      phoneNumbers: [{ name: scene.phoneNumber }],
    });
    const { inboundTrunks, dispatchRules } = await scene.livekit();
    expect(inboundTrunks).toMatchObject([
      { numbers: [scene.phoneNumber], maxCallDuration: '3600s', ringingTimeout: '30s' },
    ]);
    expect(dispatchRules).toMatchObject([
      {
        trunkIds: [inboundTrunks[0]?.['sipTrunkId']],
        rule: { dispatchRuleIndividual: { roomPrefix: 'call-' } },
        roomConfig: { agents: [{ agentName: 'receptionist' }] },
      },
    ]);
    expect(ready.status).toMatchObject({
      routing: 'Attached',
      twilio: { trunkSid: trunk?.sid, trunkDomainName: trunk?.domainName },
      livekit: {
        inboundTrunkId: inboundTrunks[0]?.['sipTrunkId'],
        dispatchRuleId: dispatchRules[0]?.['sipDispatchRuleId'],
      },
    });

    await scene.kubectl(['delete', 'phonenumber', scene.name, '--timeout=40s']);
    expect(await controlPlane.countRequests({ ...writes, code: 200 }), 'delete').toBe(before + 4);
    expect(await scene.outside()).toEqual(nothingOutside);
    expect(stage.twilio.isEmpty(scene.accountSid)).toBe(true);
    expect(stage.twilio.phoneNumber(scene.phoneNumber).accountSid, 'the number stays with its owner').toBe(
      scene.accountSid,
    );
  });

  test('is attached only after everything that answers its calls is there', async () => {
    const scene = await openScene(stage);
    const order: string[] = [];
    const stop = stage.twilio.onApplied(async ({ path }) => {
      if (!path.includes('/PhoneNumbers') || stage.twilio.phoneNumber(scene.phoneNumber).trunkSid === '') return;
      order.push(JSON.stringify(await scene.outside()));
    });
    await scene.createReady();
    stop();
    expect(order).toEqual([JSON.stringify(inboundOutside)]);
    await scene.requestDelete();
    await scene.waitUntilGone();
  });

  test('at rest nothing is written and nothing is asked', async () => {
    const scene = await openScene(stage);
    await scene.createReady();
    const { resourceVersion } = (await scene.read()).metadata;
    stage.twilio.clearRequests();
    await scene.annotate('unrelated=1');
    await scene.annotate('unrelated=2');
    const later = await scene.read();
    expect(later.metadata.resourceVersion).not.toBe(resourceVersion);
    expect(stage.twilio.requests.filter(({ account }) => account === scene.accountSid)).toEqual([]);
    await scene.requestDelete();
    await scene.waitUntilGone();
  });
});

describe('a suspended number', () => {
  test('is off its trunk while everything behind it stays, and back when it is resumed', async () => {
    const scene = await openScene(stage);
    await scene.createReady();
    const before = await scene.livekit();
    const trunkSid = stage.twilio.phoneNumber(scene.phoneNumber).trunkSid;
    const set = async (suspended: boolean) =>
      await scene.kubectl([
        'patch',
        'phonenumber',
        scene.name,
        '--type=merge',
        `-p={"spec":{"suspended":${suspended}}}`,
      ]);
    await set(true);
    const suspended = await scene.waitForPhase('Suspended');
    expect(suspended.status).toMatchObject({ routing: 'Detached' });
    expect(stage.twilio.phoneNumber(scene.phoneNumber).trunkSid).toBe('');
    expect(await scene.livekit()).toEqual(before);
    await set(false);
    await scene.waitForPhase('Ready');
    expect(stage.twilio.phoneNumber(scene.phoneNumber).trunkSid).toBe(trunkSid);
    await scene.requestDelete();
    await scene.waitUntilGone();
    expect(await scene.outside()).toEqual(nothingOutside);
  });
});

describe('a number with outbound calls', () => {
  test('gets lists, a credential that LiveKit knows and an address range, and all of it goes again', async () => {
    const scene = await openScene(stage);
    await scene.createReady(outboundSpec);
    expect(await scene.outside()).toEqual(outboundOutside);
    const { trunks, credentialLists, ipAccessControlLists } = scene.twilio();
    const { outboundTrunks } = await scene.livekit();
    expect(outboundTrunks).toMatchObject([
      { address: trunks[0]?.domainName, authUsername: credentialLists[0]?.usernames[0], numbers: [scene.phoneNumber] },
    ]);
    expect(trunks[0]?.credentialLists).toMatchObject([{ sid: credentialLists[0]?.sid }]);
    expect(trunks[0]?.ipAccessControlLists).toMatchObject([{ sid: ipAccessControlLists[0]?.sid }]);
    expect(ipAccessControlLists[0]?.addresses).toEqual(['192.0.2.0/24']);
    await scene.requestDelete();
    await scene.waitUntilGone();
    expect(await scene.outside()).toEqual(nothingOutside);
  });

  test('switched off again it keeps inbound calls and loses the whole branch', async () => {
    const scene = await openScene(stage);
    await scene.createReady(outboundSpec);
    const before = scene.twilio().trunks[0]?.sid;
    await scene.apply(scene.manifest());
    await scene.waitUntil('generation 2 synced', [
      '--for',
      'jsonpath={.status.conditions[?(@.type=="Synced")].observedGeneration}=2',
    ]);
    await scene.waitUntil('Synced', ['--for=condition=Synced']);
    expect(await scene.outside()).toEqual(inboundOutside);
    expect(scene.twilio().trunks[0]?.sid).toBe(before);
    await scene.requestDelete();
    await scene.waitUntilGone();
  });
});

describe('a changed spec', () => {
  test('changes the agent in place: the rule keeps its id', async () => {
    const scene = await openScene(stage);
    await scene.createReady();
    const [before] = (await scene.livekit()).dispatchRules;
    await scene.apply(scene.manifest({ dispatch: { agents: [{ agentName: 'night-shift' }] } }));
    await scene.waitUntil('generation 2 synced', [
      '--for',
      'jsonpath={.status.conditions[?(@.type=="Synced")].observedGeneration}=2',
    ]);
    await scene.waitUntil('Synced', ['--for=condition=Synced']);
    expect((await scene.livekit()).dispatchRules).toMatchObject([
      { sipDispatchRuleId: before?.['sipDispatchRuleId'], roomConfig: { agents: [{ agentName: 'night-shift' }] } },
    ]);
    await scene.requestDelete();
    await scene.waitUntilGone();
  });
});

test('a namespace is deleted with its numbers, and nothing stays outside', async () => {
  const scene = await openScene(stage);
  await scene.createReady(outboundSpec);
  await stage.world.controlPlane.kubectl(['delete', 'namespace', scene.namespace, '--timeout=50s']);
  expect(await scene.outside()).toEqual(nothingOutside);
});
