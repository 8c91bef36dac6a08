// What changed behind the operator's back at the real LiveKit server and at the Twilio emulator is found by a resync.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connectTwilio } from '../../src/providers/twilio/connect-twilio.ts';
import { type OperatorWorld, startOperatorWorld } from '../tools/operator-world.ts';
import { openScene, type Scene } from '../tools/scene.ts';

let stage: OperatorWorld;
const flags = ['--account-check-interval=1s'];

beforeAll(async () => {
  stage = await startOperatorWorld();
  await stage.startOperator(flags);
});
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});
afterEach(() => {
  stage.twilio.faults.clear();
});

/** Twilio as a person in the console uses it. */
function consoleOf({ accountSid, apiKeySecret, apiKeySid }: Scene) {
  return connectTwilio({
    accountSid,
    credentials: { username: apiKeySid, password: apiKeySecret },
    baseUrl: stage.twilio.url,
    clock: { monotonic: () => performance.now() },
  });
}

const hasOutbound = { outbound: { enabled: true, allowedCidrs: ['192.0.2.0/24'] } };

async function outsideOf(scene: Scene) {
  return JSON.stringify([scene.twilio().trunks, await scene.livekit()]);
}

describe('a resync', () => {
  test('makes a trunk again that somebody deleted, on another domain, with LiveKit calling that', async () => {
    const scene = await openScene(stage);
    await scene.createReady(hasOutbound);
    const [before] = scene.twilio().trunks;
    const twilio = consoleOf(scene);
    await twilio.detachNumber(before?.sid ?? '', stage.twilio.phoneNumber(scene.phoneNumber).sid);
    await twilio.deleteTrunk(before?.sid ?? '');
    await expect.poll(() => stage.twilio.phoneNumber(scene.phoneNumber).trunkSid, { timeout: 20_000 }).toMatch(/^TK/);
    const { status } = await scene.waitForPhase('Ready');
    const [after] = scene.twilio().trunks;
    expect(after?.sid).toBe(status.twilio?.['trunkSid']);
    expect(after?.domainName).not.toBe(before?.domainName);
    const [outbound] = (await scene.livekit()).outboundTrunks;
    expect(outbound?.['address']).toBe(after?.domainName);
    const usernames = scene.twilio().credentialLists.flatMap((list) => list.usernames);
    expect(usernames).toEqual([outbound?.['authUsername']]);
    await scene.requestDelete();
    await scene.waitUntilGone();
    expect(await scene.livekit()).toEqual({ inboundTrunks: [], dispatchRules: [], outboundTrunks: [] });
    expect(scene.twilio().trunks).toEqual([]);
    stage.twilio.assertNoViolations();
  });

  test('makes again what somebody deleted at LiveKit', async () => {
    const scene = await openScene(stage);
    await scene.createReady();
    const { sip } = stage.world.liveKit.server;
    const { inboundTrunks, dispatchRules } = await scene.livekit();
    await sip.deleteSipDispatchRule(String(dispatchRules[0]?.['sipDispatchRuleId']));
    await sip.deleteSipTrunk(String(inboundTrunks[0]?.['sipTrunkId']));
    await expect.poll(async () => (await scene.livekit()).dispatchRules.length, { timeout: 20_000 }).toBe(1);
    const { status } = await scene.waitUntil('Synced', ['--for=condition=Synced']);
    const now = await scene.livekit();
    expect(now.inboundTrunks.map((one) => one['sipTrunkId'])).toEqual([status.livekit?.['inboundTrunkId']]);
    expect(now.dispatchRules[0]?.['trunkIds']).toEqual([status.livekit?.['inboundTrunkId']]);
    await scene.requestDelete();
    await scene.waitUntilGone();
  });

  test('tells of a number that somebody took off its trunk, and takes it as it is', async () => {
    const scene = await openScene(stage);
    await scene.createReady();
    const [trunk] = scene.twilio().trunks;
    const { sid } = stage.twilio.phoneNumber(scene.phoneNumber);
    await consoleOf(scene).detachNumber(trunk?.sid ?? '', sid);
    await scene.waitForReason('RoutingChangedElsewhere');
    expect(stage.twilio.phoneNumber(scene.phoneNumber).trunkSid).toBe('');
    await consoleOf(scene).attachNumber(trunk?.sid ?? '', sid);
    await scene.waitForReason('Ready');
    await scene.requestDelete();
    await scene.waitUntilGone();
  });

  test('closes the OrphanRecord of what was let go once everything is removed by hand', async () => {
    const scene = await openScene(stage);
    await scene.createReady({}, { deletionPolicy: 'Orphan' });
    const [trunk] = scene.twilio().trunks;
    const { dispatchRules, inboundTrunks } = await scene.livekit();
    await scene.requestDelete();
    await scene.waitUntilGone();
    const [record] = await scene.orphanRecords();
    expect(record?.spec).toMatchObject({ cause: 'Orphan', phoneNumber: scene.phoneNumber });
    const waitFor = async (state: string, item: string) =>
      await scene.kubectl([
        'wait',
        'orphanrecord',
        String(record?.spec['uid']),
        `--for=jsonpath={.status.${item}}=${state}`,
        '--timeout=40s',
      ]);
    await waitFor('Present', 'items[0].state');
    const twilio = consoleOf(scene);
    await twilio.detachNumber(trunk?.sid ?? '', stage.twilio.phoneNumber(scene.phoneNumber).sid);
    await waitFor('Gone', 'items[0].state');
    await twilio.deleteTrunk(trunk?.sid ?? '');
    const { sip } = stage.world.liveKit.server;
    await sip.deleteSipDispatchRule(String(dispatchRules[0]?.['sipDispatchRuleId']));
    await sip.deleteSipTrunk(String(inboundTrunks[0]?.['sipTrunkId']));
    await waitFor('Closed', 'state');
  });

  test('writes nothing at rest', async () => {
    const scene = await openScene(stage);
    await scene.createReady(hasOutbound);
    const before = [await outsideOf(scene), (await scene.read()).metadata.resourceVersion];
    const lists = () =>
      stage.twilio.requests.filter(
        ({ account, path }) => account === scene.accountSid && path.endsWith('/IncomingPhoneNumbers.json'),
      ).length;
    const read = lists();
    await expect.poll(lists, { timeout: 20_000 }).toBeGreaterThan(read + 5);
    expect([await outsideOf(scene), (await scene.read()).metadata.resourceVersion]).toEqual(before);
    await scene.requestDelete();
    await scene.waitUntilGone();
  });

  test('stops everything when much is gone at once, until a person says that it is', async () => {
    const numbers = [1, 2].map((index) => `+1555300000${index}`);
    const scene = await openScene(stage, { twilio: { phoneNumbers: numbers.map((phoneNumber) => ({ phoneNumber })) } });
    const manifests = numbers.map((phoneNumber, index) => ({
      ...scene.manifest(hasOutbound, { phoneNumber }),
      metadata: { name: `n${index}`, namespace: scene.namespace },
    }));
    await scene.apply(...manifests);
    await scene.kubectl(['wait', 'phonenumber', 'n0', 'n1', '--for=condition=Ready', '--timeout=40s']);
    const { server } = stage.world.liveKit;
    // So that no survey sees a half of it.
    await stage.operator.stop();
    const { dispatchRules, inboundTrunks, outboundTrunks } = await server.dump();
    for (const rule of dispatchRules) await server.sip.deleteSipDispatchRule(String(rule['sipDispatchRuleId']));
    for (const trunk of [...inboundTrunks, ...outboundTrunks]) {
      await server.sip.deleteSipTrunk(String(trunk['sipTrunkId']));
    }
    await stage.startOperator(flags);
    const ready = ['--for', 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}=MassDrift', '--timeout=40s'];
    await scene.kubectl(['wait', 'telephonyaccount', scene.accountName, ...ready]);
    await scene.kubectl(['delete', 'phonenumber', 'n1', '--wait=false']);
    const synced = ['--for', 'jsonpath={.status.conditions[?(@.type=="Synced")].reason}=MassDrift', '--timeout=40s'];
    await scene.kubectl(['wait', 'phonenumber', 'n1', ...synced]);
    expect(await server.isEmpty()).toBe(true);
    await scene.kubectl([
      'annotate',
      'telephonyaccount',
      scene.accountName,
      'telephony.trunkline.dev/accept-drift=1',
      '--overwrite',
    ]);
    await scene.kubectl(['wait', 'phonenumber', 'n1', '--for=delete', '--timeout=40s']);
    await expect.poll(async () => (await server.dump()).outboundTrunks.length, { timeout: 20_000 }).toBe(1);
    await scene.kubectl(['wait', 'phonenumber', 'n0', '--for=condition=Synced', '--timeout=40s']);
    await scene.kubectl(['delete', 'phonenumber', 'n0', '--timeout=40s']);
    expect(await server.isEmpty()).toBe(true);
  });
});
