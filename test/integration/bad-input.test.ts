// What goes wrong around an object: each gives a reason of the closed list and a message with the object and the next step,
// nothing is made, and the operator goes on with the others.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OperatorWorld, startOperatorWorld } from '../tools/operator-world.ts';
import { inboundOutside, nothingOutside, openScene, operatorNamespace, type SceneOptions } from '../tools/scene.ts';

let stage: OperatorWorld;

beforeAll(async () => {
  stage = await startOperatorWorld();
  await stage.startOperator();
});
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

const canary = 'canary-5f1d9b7e';

interface Case {
  readonly name: string;
  readonly why: string;
  readonly scene: SceneOptions;
  readonly reason: string;
  readonly message: RegExp;
}
const cases: readonly Case[] = [
  {
    name: 'a key that is missing in a Secret',
    why: 'the Secret exists, so only its content can tell',
    scene: { twilioSecret: { apiKeySecret: '' } },
    reason: 'CredentialsUnavailable',
    message: /apiKeySecret/,
  },
  {
    name: 'an account that does not allow the namespace',
    why: 'the account is the trust boundary',
    scene: { account: { allowedNamespaces: { names: ['elsewhere'] } } },
    reason: 'NamespaceNotAllowed',
    message: /allowedNamespaces/,
  },
  {
    name: 'a number that another region processes',
    why: 'our trunk does not count there',
    scene: { number: { voiceRegion: 'ie1' } },
    reason: 'RegionMismatch',
    message: /in Twilio's region ie1.*set the number's inbound region to us1/,
  },
  {
    name: 'a number that is not in the account',
    why: 'it may be ported later, so it is looked up again',
    scene: { number: { phoneNumber: '+15559990000' } },
    reason: 'NumberNotFound',
    message: /is not in Twilio account AC/,
  },
  {
    name: 'a number that is routed elsewhere',
    why: 'somebody else gets its calls',
    scene: { number: { voiceUrl: 'https://calls.example.com/?token=canary-5f1d9b7e' } },
    reason: 'NumberInUse',
    message: /a voice URL on calls\.example\.com/,
  },
  {
    name: 'a number without voice',
    why: 'calls never reach it',
    scene: { number: { capabilities: { voice: false } } },
    reason: 'NumberUnusable',
    message: /cannot take voice calls/,
  },
  {
    name: 'a Twilio key that is refused',
    why: 'it was revoked, or belongs to another region',
    scene: { twilioSecret: { apiKeySecret: canary } },
    reason: 'CredentialsRefused',
    message: /Twilio/,
  },
  {
    name: 'a LiveKit secret that is refused',
    why: 'LiveKit repeats the whole token in its answer',
    scene: { livekitSecret: { apiSecret: `${canary}-with-more-than-32-characters` } },
    reason: 'CredentialsRefused',
    message: /LiveKit/,
  },
  {
    name: 'a LiveKit that is not there',
    why: 'nothing listens on port 9 of this machine',
    scene: { livekitUrl: 'http://127.0.0.1:9' },
    reason: 'AccountUnavailable',
    message: /LiveKit/,
  },
  {
    name: 'an account with no trunk left',
    why: 'the limit is 100 per account',
    scene: { twilio: { trunks: Array.from({ length: 100 }, (_, index) => ({ friendlyName: `other ${index}` })) } },
    reason: 'TrunkLimit',
    message: /100 of 100 trunks.*sub-account/,
  },
];

describe('each gives a reason, and nothing is made', () => {
  test.for(cases)('$name', async ({ scene: options, reason, message, why }) => {
    const scene = await openScene(stage, options);
    await scene.apply(scene.manifest());
    const seen = await scene.waitForReason(reason);
    expect(seen.status.conditions.find(({ type }) => type === 'Ready')?.message, why).toMatch(message);
    expect(seen.metadata.finalizers ?? [], 'without anything outside a deletion must always succeed').toEqual([]);
    const { trunks: _theirs, ...outside } = await scene.outside();
    const { trunks: _none, ...nothing } = nothingOutside;
    expect(outside).toEqual(nothing);
    await scene.kubectl(['delete', 'phonenumber', scene.name, '--timeout=20s']);
  });
});

test('an account that does not exist is named, and its arrival wakes the number', async () => {
  const scene = await openScene(stage);
  const { stdout } = await scene.kubectl(['get', 'telephonyaccount', scene.accountName, '-o', 'json']);
  const { apiVersion, kind, spec } = JSON.parse(stdout);
  await scene.kubectl(['delete', 'telephonyaccount', scene.accountName]);
  await scene.apply(scene.manifest());
  const seen = await scene.waitForReason('AccountNotFound');
  expect(seen.status.conditions.find(({ type }) => type === 'Ready')?.message).toContain(scene.accountName);
  await scene.apply({ apiVersion, kind, metadata: { name: scene.accountName }, spec });
  await scene.waitForPhase('Ready');
});

test('a Secret that is missing is named, and its arrival wakes the number', async () => {
  const scene = await openScene(stage);
  const secret = `twilio-${scene.index}`;
  const { controlPlane } = stage.world;
  const { stdout } = await controlPlane.kubectl(['get', 'secret', secret, '-n', operatorNamespace, '-o', 'json']);
  await controlPlane.kubectl(['delete', 'secret', secret, '-n', operatorNamespace]);
  await scene.apply(scene.manifest());
  const seen = await scene.waitForReason('CredentialsUnavailable');
  expect(seen.status.conditions.find(({ type }) => type === 'Ready')?.message).toContain(
    `${secret} does not exist in namespace ${operatorNamespace}`,
  );
  const { data, type } = JSON.parse(stdout);
  const again = {
    apiVersion: 'v1',
    kind: 'Secret',
    type,
    data,
    metadata: { name: secret, namespace: operatorNamespace },
  };
  await controlPlane.kubectl(['apply', '-f', '-'], { input: JSON.stringify(again) });
  await scene.waitForPhase('Ready');
});

test('a trailing newline in a Secret is no obstacle', async () => {
  const scene = await openScene(stage);
  const { server } = stage.world.liveKit;
  const stringData = { apiKey: server.apiKey, apiSecret: `${server.apiSecret}\n` };
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `livekit-${scene.index}`, namespace: operatorNamespace },
    stringData,
  };
  await stage.world.controlPlane.kubectl(['apply', '-f', '-'], { input: JSON.stringify(secret) });
  await scene.createReady();
  expect(await scene.outside()).toEqual(inboundOutside);
});

test('an answer of Twilio that does not parse is an unknown outcome: one set in the end', async () => {
  const scene = await openScene(stage);
  stage.twilio.faults.add({
    method: 'POST',
    path: /^\/v1\/Trunks$/,
    account: scene.accountSid,
    times: 1,
    effect: { kind: 'malformed', applied: true },
  });
  await scene.createReady();
  expect(await scene.outside()).toEqual(inboundOutside);
});

test('malformed ids in a status are not believed: what they stood for is looked up by its mark', async () => {
  const scene = await openScene(stage);
  await scene.createReady();
  await scene.kubectl([
    'patch',
    'phonenumber',
    scene.name,
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({ status: { twilio: { trunkSid: 'TK/../../Accounts' }, livekit: { inboundTrunkId: '../..' } } }),
  ]);
  await scene.requestDelete();
  await scene.waitUntilGone();
  expect(await scene.outside()).toEqual(nothingOutside);
});

test('no secret is in any log, event, status or record', async () => {
  const { controlPlane } = stage.world;
  const everything = await Promise.all([
    stage.operatorLog(),
    ...['phonenumbers', 'events', 'orphanrecords', 'telephonyaccounts'].map(
      async (kind) => (await controlPlane.kubectl(['get', kind, '-A', '-o', 'json'])).stdout,
    ),
  ]);
  const text = everything.join('\n');
  expect(text).toContain('engine started');
  expect(text).not.toContain(canary);
  expect(text).not.toContain(stage.world.liveKit.server.apiSecret);
  expect(text, 'no token of LiveKit').not.toMatch(/eyJ[\w-]+\.[\w-]+/);
});
