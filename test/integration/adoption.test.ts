// A number that was wired up by hand comes under the operator by the annotation `adopt`, with the real LiveKit: no call is lost.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OperatorWorld, startOperatorWorld } from '../tools/operator-world.ts';
import { ReachWatch } from '../tools/reach-watch.ts';
import { nothingOutside, openScene, type Scene } from '../tools/scene.ts';

let stage: OperatorWorld;

beforeAll(async () => {
  stage = await startOperatorWorld();
  await stage.startOperator();
});
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

interface HandMade {
  readonly scene: Scene;
  readonly wish: { readonly trunkSid: string; readonly inboundTrunkId: string; readonly dispatchRuleId: string };
}

let made = 0;

/** A number that works, made by hand: at Twilio by its seed, at LiveKit by its own SDK. */
async function handMade(otherNumbers: readonly string[] = []): Promise<HandMade> {
  made += 1;
  const trunkSid = `TK${String(made).padStart(32, '0')}`;
  const url = { friendlyName: 'LiveKit', sipUrl: 'sip:example.sip.livekit.cloud', priority: 10, weight: 10 };
  const scene = await openScene(stage, {
    number: { trunkSid },
    livekitUrl: stage.world.liveKit.proxy.url,
    twilio: { trunks: [{ sid: trunkSid, friendlyName: 'front desk', originationUrls: [url] }] },
  });
  const { sip } = stage.world.liveKit.server;
  const inbound = await sip.createSipInboundTrunk('front desk', [scene.phoneNumber, ...otherNumbers]);
  const rule = await sip.createSipDispatchRule(
    { type: 'individual', roomPrefix: 'desk-' },
    { name: 'front desk', trunkIds: [inbound.sipTrunkId] },
  );
  return {
    scene,
    wish: { trunkSid, inboundTrunkId: inbound.sipTrunkId, dispatchRuleId: rule.sipDispatchRuleId },
  };
}

function annotated(scene: Scene, wish: object): object {
  const manifest = scene.manifest() as { metadata: object };
  const annotations = { 'telephony.trunkline.dev/adopt': JSON.stringify(wish) };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}

describe('a set that was made by hand', () => {
  test('is adopted without a lost call, and taken apart with its object', async () => {
    const { scene, wish } = await handMade();
    using watch = new ReachWatch(stage, scene);
    await scene.apply(annotated(scene, wish));
    const { status } = await scene.waitForPhase('Ready');
    expect(status.twilio).toMatchObject({ trunkSid: wish.trunkSid });
    expect(status.livekit).toMatchObject({
      inboundTrunkId: wish.inboundTrunkId,
      dispatchRuleId: wish.dispatchRuleId,
    });
    expect(watch.course, 'after every single write').toEqual(['answered']);
    expect(scene.twilio().trunks).toMatchObject([{ sid: wish.trunkSid, originationUrls: [{}, {}] }]);
    await scene.requestDelete();
    await scene.waitUntilGone();
    expect(await scene.outside()).toEqual(nothingOutside);
    stage.twilio.assertNoViolations();
  });

  test('that serves another number, too, is refused and stays as it is', async () => {
    const { scene, wish } = await handMade(['+15005550009']);
    const before = JSON.stringify([scene.twilio(), await stage.world.liveKit.server.dump()]);
    await scene.apply(annotated(scene, wish));
    const { status } = await scene.waitForReason('InvalidSpec');
    expect(status.conditions.find(({ type }) => type === 'Ready')?.message).toContain(
      `InboundTrunk ${wish.inboundTrunkId} has ${scene.phoneNumber}, +15005550009 instead of ${scene.phoneNumber} alone`,
    );
    expect(JSON.stringify([scene.twilio(), await stage.world.liveKit.server.dump()])).toBe(before);
    await scene.requestDelete();
    await scene.waitUntilGone();
  });
});
