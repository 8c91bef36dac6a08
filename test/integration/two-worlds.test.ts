// Two LiveKit servers and two Twilio accounts in one world: a wrong project and a wrong key never make anything look gone, and
// what was forgotten while a provider failed is found (review-telephony 5.2, 5.3 and 5.10).
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type OperatorWorld, startOperatorWorld } from '../tools/operator-world.ts';
import {
  inboundOutside,
  nothingOutside,
  openScene,
  operatorNamespace,
  outboundSpec,
  type Scene,
} from '../tools/scene.ts';
import { createRawClient } from '../emulator/twilio/raw-client.ts';

let stage: OperatorWorld;

beforeAll(async () => {
  stage = await startOperatorWorld({ liveKitServers: 2 });
  await stage.startOperator(['--account-check-interval=700ms']);
});
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});
afterEach(() => {
  stage.twilio.faults.clear();
});

async function retry(scene: Scene): Promise<void> {
  await scene.annotate(`telephony.trunkline.dev/retry-delete=${Date.now()}`);
  await scene.waitUntilGone();
  expect(await scene.outside()).toEqual(nothingOutside);
}

describe('a wrong project', () => {
  /** The account object as somebody restores it: it says another project, and nobody could stop that. */
  async function replaceAccount(scene: Scene, url: string): Promise<void> {
    const { controlPlane } = stage.world;
    const { stdout } = await controlPlane.kubectl(['get', 'telephonyaccount', scene.accountName, '-o', 'json']);
    const { metadata, spec, ...rest } = JSON.parse(stdout);
    await controlPlane.kubectl(['delete', 'telephonyaccount', scene.accountName, '--wait=false']);
    await controlPlane.kubectl([
      'patch',
      'telephonyaccount',
      scene.accountName,
      '--type=merge',
      '-p={"metadata":{"finalizers":null}}',
    ]);
    await controlPlane.kubectl(['wait', 'telephonyaccount', scene.accountName, '--for=delete', '--timeout=30s'], {
      allowFailure: true,
    });
    const fresh = { ...rest, status: undefined, metadata: { name: metadata.name }, spec: structuredClone(spec) };
    fresh.spec.livekit.url = url;
    await controlPlane.kubectl(['apply', '-f', '-'], { input: JSON.stringify(fresh) });
  }

  test('ends as Corrupted, its things unknown, and everything is still where it was', async () => {
    const [first, second] = stage.world.liveKits;
    if (first === undefined || second === undefined) throw new Error('The world lacks a LiveKit server');
    const scene = await openScene(stage);
    await scene.createReady();
    await replaceAccount(scene, second.server.url);
    await scene.requestDelete();
    const { status } = await scene.waitForPhase('Corrupted');
    const atLiveKit = status.leftovers?.filter(({ kind }) => /Inbound|Rule/.test(kind)) ?? [];
    expect(atLiveKit.map(({ state, reason }) => `${state} ${reason}`)).toEqual([
      'Unknown AccountMismatch',
      'Unknown AccountMismatch',
    ]);
    expect(await scene.livekit(), 'the first project').toMatchObject({ inboundTrunks: [{}], dispatchRules: [{}] });
    expect(await second.server.isEmpty()).toBe(true);
    await replaceAccount(scene, first.server.url);
    await retry(scene);
  });
});

describe('a wrong key', () => {
  test('of another account of Twilio’s ticks nothing off, and the right one ends it', async () => {
    const scene = await openScene(stage);
    const other = await openScene(stage);
    await scene.createReady();
    const applyKey = async (sid: string, secret: string) =>
      await stage.world.controlPlane.kubectl(['apply', '-f', '-'], {
        input: JSON.stringify({
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: `twilio-${scene.index}`, namespace: operatorNamespace },
          stringData: { apiKeySid: sid, apiKeySecret: secret },
        }),
      });
    const before = JSON.stringify([scene.twilio().trunks, await scene.livekit()]);
    await applyKey(other.apiKeySid, other.apiKeySecret);
    await scene.requestDelete();
    const { status } = await scene.waitForPhase('Corrupted');
    const atTwilio =
      status.leftovers?.filter(({ kind }) => /Number|Trunk$/.test(kind) && kind !== 'InboundTrunk') ?? [];
    expect(atTwilio.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
      'NumberAttachment Unknown',
      'Trunk Unknown',
    ]);
    expect(JSON.stringify([scene.twilio().trunks, await scene.livekit()]), 'a number that rings keeps its agent').toBe(
      before,
    );
    expect(await scene.outside()).toEqual(inboundOutside);
    expect(stage.twilio.isEmpty(other.accountSid)).toBe(true);
    await applyKey(scene.apiKeySid, scene.apiKeySecret);
    await retry(scene);
  });
});

describe('a credential that was forgotten while Twilio failed', () => {
  const failing = { kind: 'status', status: 500, code: 20500, message: 'Internal Server Error' } as const;
  const mapped = { kind: 'status', status: 400, code: 21241, message: 'Credential list is still mapped' } as const;

  /** Outbound calls were switched off while nothing of them could be removed. */
  async function switchedOff(): Promise<Scene> {
    const scene = await openScene(stage);
    await scene.createReady(outboundSpec);
    for (const path of [/\/Credentials\//, /\/CredentialLists\/CL\w+\.json/, /\/IpAccessControlLists\//]) {
      stage.twilio.faults.add({ method: 'DELETE', path, account: scene.accountSid, effect: failing });
    }
    await scene.kubectl([
      'patch',
      'phonenumber',
      scene.name,
      '--type=merge',
      '-p={"spec":{"voice":{"sipTrunk":{"outbound":{"enabled":false,"allowedCidrs":[]}}}}}',
    ]);
    await scene.waitUntil('a removal that fails', [
      '--for',
      'jsonpath={.status.conditions[?(@.type=="Synced")].reason}=RemovalFailed',
    ]);
    expect((await scene.read()).status.phase, 'calls go on').toBe('Ready');
    return scene;
  }

  test('is gone once Twilio lets go of its list after two tries', async () => {
    const scene = await switchedOff();
    stage.twilio.faults.clear();
    const path = /\/CredentialLists\/CL\w+\.json/;
    stage.twilio.faults.add({ method: 'DELETE', path, account: scene.accountSid, times: 2, effect: mapped });
    await scene.requestDelete();
    await scene.waitUntilGone();
    expect(await scene.outside()).toEqual(nothingOutside);
    expect(await scene.orphanRecords()).toEqual([]);
  });

  test('is named as toll fraud, let go of without a call, and ticked off once it is removed by hand', async () => {
    const scene = await switchedOff();
    await scene.requestDelete();
    const { status } = await scene.waitForPhase('Corrupted');
    const fraud = status.leftovers?.filter(({ risk }) => risk === 'TollFraud').map(({ kind }) => kind);
    expect(fraud).toEqual(['Credential', 'CredentialList']);
    stage.twilio.clearRequests();
    await scene.annotate('force-delete=confirmed');
    await scene.waitUntilGone();
    // The account's probe asks for the deletion of a trunk that cannot be.
    const applied = stage.twilio.requests.filter(
      (one) => one.account === scene.accountSid && one.method !== 'GET' && one.status !== 404,
    );
    expect(applied).toEqual([]);
    const [record] = await scene.orphanRecords();
    expect(record?.spec).toMatchObject({ cause: 'ForceDelete', items: status.leftovers });

    stage.twilio.faults.clear();
    const console = createRawClient(stage.twilio.url, scene.apiKeySid, scene.apiKeySecret);
    const root = `/2010-04-01/Accounts/${scene.accountSid}/SIP`;
    for (const { sid } of scene.twilio().credentialLists) await console.delete(`${root}/CredentialLists/${sid}.json`);
    for (const { sid } of scene.twilio().ipAccessControlLists) {
      await console.delete(`${root}/IpAccessControlLists/${sid}.json`);
    }
    await stage.world.controlPlane.kubectl([
      'wait',
      'orphanrecord',
      String(record?.spec['uid']),
      '--for=jsonpath={.status.state}=Closed',
      '--timeout=40s',
    ]);
    expect(stage.twilio.isEmpty(scene.accountSid)).toBe(true);
  });
});
