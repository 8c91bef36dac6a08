// A new SIP credential by annotation token on real servers: calls to the number go on at every write, and one credential is
// left, also when the operator is killed after each of the three external writes.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OperatorWorld, startOperatorWorld } from '../tools/operator-world.ts';
import { ReachWatch } from '../tools/reach-watch.ts';
import { openScene, outboundOutside, outboundSpec, type Scene } from '../tools/scene.ts';

let stage: OperatorWorld;

beforeAll(async () => {
  stage = await startOperatorWorld();
  await stage.startOperator();
});
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

/** The user name that LiveKit calls with. */
async function usernameInForce(scene: Scene): Promise<string> {
  const [outbound] = (await scene.livekit()).outboundTrunks;
  return String(outbound?.['authUsername']);
}

/** Kills the operator once LiveKit or Twilio applied a write whose path matches, before it hears of it. */
function killAfter(writes: RegExp): { readonly killed: Promise<void>; readonly stop: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const kill = async (method: string, path: string): Promise<void> => {
    if (!writes.test(`${method} ${path}`)) return;
    await stage.operator.kill();
    resolve();
  };
  const stops = [
    stage.twilio.onApplied(async ({ method, path }) => await kill(method, path)),
    stage.world.liveKit.proxy.onForwarded(async ({ path }) => await kill('POST', path)),
  ];
  return { killed: promise, stop: () => stops.forEach((stop) => stop()) };
}

test.for([
  { name: 'undisturbed', killedAfter: undefined },
  { name: 'killed after the credential was made', killedAfter: /^POST .*\/Credentials\.json$/ },
  { name: 'killed after LiveKit was set to it', killedAfter: /UpdateSIPOutboundTrunk$/ },
  { name: 'killed after the old one was deleted', killedAfter: /^DELETE .*\/Credentials\/CR\w{32}\.json$/ },
])('a rotation $name ends with one new credential, and calls go on', async ({ killedAfter }) => {
  const scene = await openScene(stage, { livekitUrl: stage.world.liveKit.proxy.url });
  await scene.createReady(outboundSpec);
  const before = await usernameInForce(scene);
  using watch = new ReachWatch(stage, scene);
  const kill = killedAfter === undefined ? undefined : killAfter(killedAfter);
  await scene.annotate('telephony.trunkline.dev/rotate-credential=1');
  if (kill !== undefined) {
    await kill.killed;
    kill.stop();
    await stage.startOperator();
  }
  await scene.waitUntil('handled', ['--for', 'jsonpath={.status.lastHandledRotation}=1']);
  const after = await usernameInForce(scene);
  expect(after).not.toBe(before);
  expect(scene.twilio().credentialLists.flatMap(({ usernames }) => usernames)).toEqual([after]);
  expect(await scene.outside()).toEqual(outboundOutside);
  expect(watch.course).toEqual(['answered']);
  stage.twilio.assertNoViolations();
});
