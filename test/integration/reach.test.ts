// After every single write of the operator: a call to the number is answered by our agent, goes where it went before, or
// nowhere. Never by somebody else's wildcard rule, which is there all the time, and never by nobody.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type OperatorWorld, startOperatorWorld } from '../tools/operator-world.ts';
import { addForeignWildcard, ReachWatch } from '../tools/reach-watch.ts';
import { nothingOutside, openScene, outboundOutside, outboundSpec, type Scene } from '../tools/scene.ts';

let stage: OperatorWorld;

beforeAll(async () => {
  stage = await startOperatorWorld();
  await addForeignWildcard(stage);
  await stage.startOperator();
});
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});
afterEach(() => {
  stage.twilio.faults.clear();
  stage.world.liveKit.proxy.faults.clear();
});

async function newScene(): Promise<Scene> {
  return await openScene(stage, { livekitUrl: stage.world.liveKit.proxy.url });
}

async function patchUntilSynced(scene: Scene, spec: object, generation: number): Promise<void> {
  await scene.kubectl(['patch', 'phonenumber', scene.name, '--type=merge', `-p=${JSON.stringify({ spec })}`]);
  await scene.waitUntil(`generation ${generation}`, [
    '--for',
    `jsonpath={.status.conditions[?(@.type=="Synced")].observedGeneration}=${generation}`,
  ]);
  await scene.waitUntil('Synced', ['--for=condition=Synced']);
}

test('the watch sees what it is there for', async () => {
  const scene = await newScene();
  await scene.createReady();
  using watch = new ReachWatch(stage, scene);
  expect(await watch.reach()).toBe('answered');
  const { server } = stage.world.liveKit;
  const [rule] = (await scene.livekit()).dispatchRules;
  await server.sip.deleteSipDispatchRule(String(rule?.['sipDispatchRuleId']));
  expect(await watch.reach()).toBe("dead: somebody else's wildcard rule answers");
  const [inbound] = (await scene.livekit()).inboundTrunks;
  await server.sip.deleteSipTrunk(String(inbound?.['sipTrunkId']));
  expect(await watch.reach()).toBe('dead: no inbound trunk');
  await scene.requestDelete();
  await scene.waitUntilGone();
});

describe('calls', () => {
  test('are answered from the attach to the detach, through every change in between', async () => {
    const scene = await newScene();
    using watch = new ReachWatch(stage, scene);
    await scene.createReady(outboundSpec);
    const trunk = (values: object) => ({ voice: { sipTrunk: values } });
    await patchUntilSynced(scene, trunk({ secure: true, disasterRecoveryUrl: 'https://example.com/sorry' }), 2);
    expect(scene.twilio().trunks).toMatchObject([
      {
        secure: true,
        disasterRecoveryUrl: 'https://example.com/sorry',
        originationUrls: [{ sipUrl: 'sip:example.sip.livekit.cloud;transport=tls' }],
      },
    ]);
    expect(await scene.livekit()).toMatchObject({
      inboundTrunks: [{ media: { encryption: 'SIP_MEDIA_ENCRYPT_ALLOW' } }],
      outboundTrunks: [{ transport: 'SIP_TRANSPORT_TLS', media: { encryption: 'SIP_MEDIA_ENCRYPT_REQUIRE' } }],
    });
    await patchUntilSynced(scene, trunk({ secure: false, transferMode: 'enable-all' }), 3);
    expect(scene.twilio().trunks).toMatchObject([{ secure: false, transferMode: 'enable-all' }]);
    const inbound = { maxCallDuration: '30m', krispEnabled: true, allowedAddresses: ['54.172.60.0/30'] };
    const dispatch = { agents: [{ agentName: 'night-shift' }], attributes: { tenant: 'a' } };
    await patchUntilSynced(scene, trunk({ inbound, dispatch, outbound: { enabled: false } }), 4);
    await scene.requestDelete();
    await scene.waitUntilGone();
    expect(watch.dead).toEqual([]);
    expect(watch.course).toEqual(['unrouted', 'answered', 'unrouted']);
    expect(watch.seen.length, 'there were writes to look at').toBeGreaterThan(25);
    expect(await scene.outside()).toEqual(nothingOutside);
    stage.twilio.assertNoViolations();
  });

  test('stay safe when the answer to every create and attach is lost', async () => {
    const scene = await newScene();
    using watch = new ReachWatch(stage, scene);
    const lostAtTwilio = [
      /\/Trunks$/,
      /\/OriginationUrls$/,
      /\/PhoneNumbers$/,
      /\/CredentialLists\.json$/,
      /\/Credentials\.json$/,
      /\/Trunks\/TK\w+\/CredentialLists$/,
      /\/IpAccessControlLists\.json$/,
      /\/IpAddresses\.json$/,
      /\/Trunks\/TK\w+\/IpAccessControlLists$/,
    ].map((path) => {
      const rule = { method: 'POST', path, account: scene.accountSid, times: 1 };
      return stage.twilio.faults.add({ ...rule, effect: { kind: 'dropAfter' } });
    });
    const lostAtLiveKit = ['CreateSIPInboundTrunk', 'CreateSIPDispatchRule', 'CreateSIPOutboundTrunk'].map((method) =>
      stage.world.liveKit.proxy.faults.add({ path: new RegExp(method), times: 1, effect: { kind: 'dropReply' } }),
    );
    await scene.createReady(outboundSpec);
    expect([...lostAtTwilio, ...lostAtLiveKit].map(({ hits }) => hits)).toEqual(Array.from({ length: 12 }, () => 1));
    expect(watch.dead).toEqual([]);
    expect(watch.course).toEqual(['unrouted', 'answered']);
    expect(await scene.outside()).toEqual(outboundOutside);
    await scene.requestDelete();
    await scene.waitUntilGone();
    expect(watch.dead).toEqual([]);
    expect(await scene.outside()).toEqual(nothingOutside);
  });

  test('to a number that Twilio does not detach are answered until the number is Corrupted, and after', async () => {
    const scene = await newScene();
    await scene.createReady(outboundSpec);
    using watch = new ReachWatch(stage, scene);
    const refused = { kind: 'status', status: 400, code: 21634, message: 'Number has an emergency address' } as const;
    for (const path of [/\/PhoneNumbers\/PN/, /\/v1\/Trunks\/TK\w+$/]) {
      stage.twilio.faults.add({ method: 'DELETE', path, account: scene.accountSid, effect: refused });
    }
    await scene.requestDelete();
    const { status } = await scene.waitForPhase('Corrupted');
    const { sid, trunkSid } = stage.twilio.phoneNumber(scene.phoneNumber);
    expect(status.leftovers?.[0]?.removeCommand).toBe(
      `TWILIO_ACCOUNT_SID=${scene.accountSid} twilio api:trunking:v1:trunks:phone-numbers:remove --trunk-sid ${trunkSid} --sid ${sid}`,
    );
    expect((await scene.livekit()).outboundTrunks, 'no secret is left').toEqual([]);
    expect(scene.twilio().credentialLists).toEqual([]);
    expect(watch.dead).toEqual([]);
    expect(await watch.reach()).toBe('answered');
    stage.twilio.faults.clear();
    await scene.annotate('telephony.trunkline.dev/retry-delete=1');
    await scene.waitUntilGone();
    expect(watch.dead).toEqual([]);
  });
});
