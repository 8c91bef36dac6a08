// Calls and text messages that go to webhooks: under every undocumented behaviour of Twilio, and with what people set by hand.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRawClient } from '../emulator/twilio/raw-client.ts';
import { DEFAULT_SWITCHES, SWITCH_VARIANTS } from '../emulator/twilio/switches.ts';
import { type OperatorWorld, startOperatorWorld } from '../tools/operator-world.ts';
import { nothingOutside, openScene, type Scene } from '../tools/scene.ts';

let stage: OperatorWorld;

beforeAll(async () => {
  stage = await startOperatorWorld();
  await stage.startOperator();
});
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

const webhook = {
  url: 'https://calls.example.com/voice?token=canary-1d6f',
  fallbackUrl: 'https://calls.example.com/b',
};
const sms = { url: 'https://texts.example.com/sms', method: 'GET' };
const routed = { trunkSid: '', voiceApplicationSid: '', voiceUrl: webhook.url, voiceFallbackUrl: webhook.fallbackUrl };
const messages = { smsUrl: sms.url, smsMethod: 'GET', smsApplicationSid: '' };
const cleared = { trunkSid: '', voiceUrl: '', voiceFallbackUrl: '', smsUrl: '' };
const bystanders = { statusCallback: 'https://theirs.example.com/status', smsFallbackUrl: '' };

const application = `AP${'a'.repeat(32)}`;
const messageApplication = `AP${'b'.repeat(32)}`;

async function createReady(scene: Scene, spec: object = {}): Promise<void> {
  await scene.apply(scene.manifest({}, { voice: { webhook }, sms, ...spec }));
  await scene.waitForPhase('Ready');
}

async function deleted(scene: Scene): Promise<void> {
  await scene.requestDelete();
  await scene.waitUntilGone();
  expect(await scene.outside()).toEqual(nothingOutside);
  expect(await scene.orphanRecords(), 'nothing was given up').toEqual([]);
}

describe('a number with webhooks comes, goes and comes back', () => {
  test.for(SWITCH_VARIANTS)('$name', async ({ switches }) => {
    stage.twilio.setSwitches({ ...DEFAULT_SWITCHES, ...switches });
    const scene = await openScene(stage, { number: bystanders });
    const seen = () => stage.twilio.phoneNumber(scene.phoneNumber);
    await createReady(scene);
    expect(seen()).toMatchObject({ ...bystanders, ...routed, ...messages });
    expect(await scene.outside(), 'nothing else is made').toEqual(nothingOutside);
    await deleted(scene);
    expect(seen()).toMatchObject({ ...bystanders, ...cleared });
    await createReady(scene);
    expect(seen()).toMatchObject({ ...bystanders, ...routed, ...messages });
    await deleted(scene);
    stage.twilio.assertNoViolations();
  });
});

describe('a number that is taken over', () => {
  const foreignTrunk = { sid: `TK${'f'.repeat(32)}`, friendlyName: 'theirs' };
  const routes = [
    { route: 'a trunk', number: { trunkSid: foreignTrunk.sid }, trunks: [foreignTrunk], after: '' },
    { route: 'an application', number: { voiceApplicationSid: application }, trunks: [], after: application },
  ];
  const variants = (['keepsTrunk', 'clearsTrunk'] as const).flatMap((voiceUrlOnTrunkedNumber) =>
    routes.map((route) => ({ ...route, voiceUrlOnTrunkedNumber })),
  );
  test.for(variants)('from $route comes, and goes back: a voice URL $voiceUrlOnTrunkedNumber', async (variant) => {
    const { after, number, trunks, voiceUrlOnTrunkedNumber } = variant;
    stage.twilio.setSwitches({ ...DEFAULT_SWITCHES, voiceUrlOnTrunkedNumber });
    const scene = await openScene(stage, {
      number: { ...bystanders, ...number, smsApplicationSid: messageApplication },
      twilio: { trunks },
    });
    const seen = () => stage.twilio.phoneNumber(scene.phoneNumber);
    await scene.apply(scene.manifest({}, { voice: { webhook }, sms }));
    await scene.waitForReason('NumberInUse');
    expect(seen()).toMatchObject({ ...number, smsApplicationSid: messageApplication });
    await scene.kubectl(['patch', 'phonenumber', scene.name, '--type=merge', '-p={"spec":{"takeover":true}}']);
    await scene.waitForPhase('Ready');
    expect(seen()).toMatchObject({ ...bystanders, ...routed, ...messages });
    await scene.requestDelete();
    await scene.waitUntilGone();
    expect(seen()).toMatchObject({ ...bystanders, ...cleared, voiceApplicationSid: after });
    expect(seen().smsApplicationSid).toBe(messageApplication);
    stage.twilio.assertNoViolations();
  });
});

describe('what people do', () => {
  test('a webhook that is changed by hand survives the deletion, and no secret is shown', async () => {
    stage.twilio.setSwitches(DEFAULT_SWITCHES);
    const scene = await openScene(stage, { number: bystanders });
    await createReady(scene);
    const { sid } = stage.twilio.phoneNumber(scene.phoneNumber);
    const console = createRawClient(stage.twilio.url, scene.apiKeySid, scene.apiKeySecret);
    const path = `/2010-04-01/Accounts/${scene.accountSid}/IncomingPhoneNumbers/${sid}.json`;
    await console.post(path, { VoiceUrl: 'https://theirs.example.com/?token=canary-77aa' });
    await scene.annotate('telephony.trunkline.dev/reconcile=1');
    await scene.waitForReason('RoutingChangedElsewhere');
    await scene.requestDelete();
    await scene.waitUntilGone();
    expect(stage.twilio.phoneNumber(scene.phoneNumber)).toMatchObject({
      sid,
      voiceUrl: 'https://theirs.example.com/?token=canary-77aa',
      voiceFallbackUrl: '',
      smsUrl: '',
    });
    const events = await scene.kubectl(['get', 'events', '-o', 'json']);
    for (const shown of [events.stdout, await stage.operatorLog()]) expect(shown).not.toMatch(/canary-(77aa|1d6f)/);
  });

  test('URLs change in place, and text messages come and go beside a trunk', async () => {
    const scene = await openScene(stage);
    await scene.createReady();
    const patch = async (spec: object) =>
      await scene.kubectl(['patch', 'phonenumber', scene.name, '--type=merge', `-p=${JSON.stringify({ spec })}`]);
    const synced = ['--for', 'jsonpath={.status.conditions[?(@.type=="Synced")].observedGeneration}=2'];
    await patch({ sms });
    await scene.waitUntil('text messages', ['--for', `jsonpath={.status.routedTo.sms.url}=${sms.url}`]);
    expect(stage.twilio.phoneNumber(scene.phoneNumber)).toMatchObject(messages);
    await scene.waitUntil('the new spec', synced);
    await deleted(scene);
    expect(stage.twilio.phoneNumber(scene.phoneNumber)).toMatchObject({ smsUrl: '', trunkSid: '' });
  });

  test('the way of the calls cannot be changed, and one way is needed', async () => {
    const scene = await openScene(stage);
    await createReady(scene);
    for (const voice of [{ webhook: null, sipTrunk: {} }, { sipTrunk: {} }]) {
      const patch = JSON.stringify({ spec: { voice } });
      const moved = await scene.kubectl(['patch', 'phonenumber', scene.name, '--type=merge', `-p=${patch}`], {
        allowFailure: true,
      });
      expect(moved.stderr).toMatch(/cannot change between sipTrunk and webhook|needs exactly one/);
    }
    await deleted(scene);
  });

  test('the command of a leftover really clears the number', async () => {
    const scene = await openScene(stage);
    await createReady(scene);
    stage.twilio.faults.add({
      method: 'POST',
      path: /\/IncomingPhoneNumbers\/PN/,
      account: scene.accountSid,
      effect: { kind: 'status', status: 400, code: 21634, message: 'Number has an emergency address' },
    });
    await scene.requestDelete();
    const { status } = await scene.waitForPhase('Corrupted');
    expect(status.leftovers).toMatchObject([{ kind: 'NumberRouting', risk: 'RoutesCalls' }]);
    expect(status.leftovers?.[0]?.removeCommand).toContain('--voice-url= --voice-fallback-url= --sms-url=');
    stage.twilio.faults.clear();
    await scene.annotate('telephony.trunkline.dev/retry-delete=1');
    await scene.waitUntilGone();
    expect(stage.twilio.phoneNumber(scene.phoneNumber)).toMatchObject(cleared);
  });
});
