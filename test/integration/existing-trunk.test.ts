// Numbers on a trunk that is somebody else's, with the real LiveKit: the trunk, its URLs and its lists stay as they are.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type OperatorWorld, startOperatorWorld } from '../tools/operator-world.ts';
import { openScene, type Scene } from '../tools/scene.ts';

let stage: OperatorWorld;

beforeAll(async () => {
  stage = await startOperatorWorld();
  await stage.startOperator();
});
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});
afterEach(() => {
  stage.twilio.faults.clear();
});

const trunkSid = `TK${'0123456789abcdef'.repeat(2)}`;
const listSid = `CL${'0123456789abcdef'.repeat(2)}`;
async function sceneWithTrunk(): Promise<Scene> {
  const url = { friendlyName: 'LiveKit', sipUrl: 'sip:team.sip.livekit.cloud;transport=tls', priority: 1, weight: 1 };
  return await openScene(stage, {
    twilio: {
      trunks: [
        {
          sid: trunkSid,
          friendlyName: 'the team’s trunk',
          secure: true,
          transferMode: 'enable-all',
          originationUrls: [url],
          credentialLists: [listSid],
        },
      ],
      credentialLists: [{ sid: listSid, friendlyName: 'the team’s list' }],
    },
  });
}

/** The trunk without the numbers on it, byte for byte. */
function trunkText(scene: Scene): string {
  return JSON.stringify(scene.twilio().trunks.map(({ phoneNumbers: _numbers, ...rest }) => rest));
}

const onTrunk = { existingTrunkSid: trunkSid };

describe('a number on an existing trunk', () => {
  test('is put on it and taken off it, and the trunk stays byte for byte', async () => {
    const scene = await sceneWithTrunk();
    const before = trunkText(scene);
    await scene.createReady(onTrunk);
    expect(stage.twilio.phoneNumber(scene.phoneNumber).trunkSid).toBe(trunkSid);
    expect(await scene.livekit()).toMatchObject({ inboundTrunks: [{}], dispatchRules: [{}], outboundTrunks: [] });
    await scene.requestDelete();
    await scene.waitUntilGone();
    expect(stage.twilio.phoneNumber(scene.phoneNumber).trunkSid).toBe('');
    expect(await scene.livekit()).toEqual({ inboundTrunks: [], dispatchRules: [], outboundTrunks: [] });
    expect(trunkText(scene)).toBe(before);
    const written = stage.twilio.requests.filter(
      ({ method, path }) => method !== 'GET' && path.includes(trunkSid) && !path.includes('/PhoneNumbers'),
    );
    expect(written.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
    stage.twilio.assertNoViolations();
  });

  test('that Twilio does not detach is Corrupted with the command, and its agent still answers', async () => {
    const scene = await sceneWithTrunk();
    await scene.createReady(onTrunk);
    stage.twilio.faults.add({
      method: 'DELETE',
      path: /\/PhoneNumbers\/PN/,
      account: scene.accountSid,
      effect: { kind: 'status', status: 400, code: 21634, message: 'Number has an emergency address' },
    });
    await scene.requestDelete();
    const { status } = await scene.waitForPhase('Corrupted');
    const { sid } = stage.twilio.phoneNumber(scene.phoneNumber);
    expect(status.leftovers?.map(({ kind }) => kind)).toEqual(['NumberAttachment', 'DispatchRule', 'InboundTrunk']);
    expect(status.leftovers?.[0]?.removeCommand).toBe(
      `TWILIO_ACCOUNT_SID=${scene.accountSid} twilio api:trunking:v1:trunks:phone-numbers:remove --trunk-sid ${trunkSid} --sid ${sid}`,
    );
    expect(await scene.livekit()).toMatchObject({ inboundTrunks: [{}], dispatchRules: [{}] });
    stage.twilio.faults.clear();
    await scene.annotate('telephony.trunkline.dev/retry-delete=1');
    await scene.waitUntilGone();
  });

  test('that is unknown is refused before anything is made', async () => {
    const scene = await sceneWithTrunk();
    await scene.apply(scene.manifest({ existingTrunkSid: `TK${'f'.repeat(32)}` }));
    const refused = await scene.waitForReason('InvalidSpec');
    expect(refused.status.conditions.find(({ type }) => type === 'Ready')?.message).toContain('is no trunk of Twilio');
    expect(refused.metadata.finalizers ?? []).toEqual([]);
    await scene.requestDelete();
    await scene.waitUntilGone();
  });

  test('cannot be moved to another one', async () => {
    const scene = await sceneWithTrunk();
    await scene.createReady(onTrunk);
    const patch = JSON.stringify({ spec: { voice: { sipTrunk: { existingTrunkSid: '' } } } });
    const moved = await scene.kubectl(['patch', 'phonenumber', scene.name, '--type=merge', `-p=${patch}`], {
      allowFailure: true,
    });
    expect(moved.stderr).toContain('is immutable');
    await scene.requestDelete();
    await scene.waitUntilGone();
  });
});
