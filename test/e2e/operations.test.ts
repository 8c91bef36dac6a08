/**
 * What a platform engineer does to an installed operator while numbers come and go: replicas that die and are replaced, an
 * upgrade, a namespace that is deleted, a new installation over objects that wait, and the orderly end.
 */
import { readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { projectPath } from '../tools/operator-world.ts';
import { inboundOutside, nothingOutside, openScene, operatorNamespace, type Scene } from '../tools/scene.ts';
import { openTarget } from './open-target.ts';
import type { Target } from './target.ts';

let target: Target;

beforeAll(async () => {
  target = await openTarget();
  await target.scale(2);
});
afterAll(async () => {
  await target?.[Symbol.asyncDispose]();
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') process.stderr.write(await target.logs());
  target.stage.twilio.faults.clear();
  target.stage.twilio.assertNoViolations();
});

async function kubectl(args: readonly string[], allowFailure = false) {
  return await target.stage.world.controlPlane.kubectl(args, { allowFailure });
}

let made = 0;

/** One account with many numbers, all Ready. */
async function openFleet(count: number): Promise<Scene> {
  const numbers = Array.from({ length: count }, () => `+1666${String(1_000_000 + (made += 1))}`);
  const scene = await openScene(target.stage, {
    twilio: { phoneNumbers: numbers.map((phoneNumber) => ({ phoneNumber })) },
    account: { limits: { maxConcurrentRequests: 20, requestsPerSecond: 1_000 } },
  });
  const objects = numbers.map((phoneNumber, index) => ({
    ...scene.manifest({}, { phoneNumber }),
    metadata: { name: `number-${index}`, namespace: scene.namespace },
  }));
  await scene.apply(...objects);
  await scene.kubectl(['wait', 'phonenumbers', '--all', '--for=condition=Ready', '--timeout=90s']);
  return scene;
}

async function phonesIn(scene: Scene): Promise<readonly string[]> {
  const { stdout } = await scene.kubectl(['get', 'phonenumbers', '-o', 'name']);
  return stdout.split('\n').filter((line) => line !== '');
}

const patience = { timeout: 40_000, interval: 200 };

test('the leader is killed, and the other replica takes apart what is deleted meanwhile', async () => {
  const scene = await openScene(target.stage);
  await scene.createReady();
  await target.killLeader();
  await scene.requestDelete();
  await scene.waitUntilGone();
  expect(await scene.outside()).toEqual(nothingOutside);
  await target.scale(2);
});

test('an upgrade in the middle of 50 deletions finishes them all and leaves nothing', {
  timeout: 240_000,
}, async () => {
  const scene = await openFleet(50);
  const trunks = scene.twilio().trunks.length;
  expect(trunks).toBe(50);
  // Half of the trunks can be deleted by the old replicas, the rest only by the new ones.
  target.stage.twilio.faults.add({
    method: 'DELETE',
    path: /^\/v1\/Trunks\/TK\w+$/,
    account: scene.accountSid,
    skip: 25,
    effect: { kind: 'status', status: 503 },
  });
  await scene.kubectl(['delete', 'phonenumbers', '--all', '--wait=false']);
  await expect.poll(async () => (await phonesIn(scene)).length, patience).toBe(25);
  await target.roll();
  expect((await phonesIn(scene)).length, 'the upgrade was in the middle').toBe(25);
  target.stage.twilio.faults.clear();
  await scene.kubectl(['wait', 'phonenumbers', '--all', '--for=delete', '--timeout=90s']);
  expect(await phonesIn(scene)).toEqual([]);
  expect(target.stage.twilio.isEmpty(scene.accountSid)).toBe(true);
  expect(await target.stage.world.liveKit.server.isEmpty()).toBe(true);
  expect(await scene.orphanRecords(), 'nothing was given up').toEqual([]);
});

test('a namespace is deleted with numbers that work, one that waits and one that is being deleted', async () => {
  const scene = await openFleet(3);
  const [first = ''] = await phonesIn(scene);
  await scene.apply({ ...scene.manifest({}, { phoneNumber: '+15559999999' }) });
  await scene.waitForReason('NumberNotFound');
  await scene.kubectl(['delete', first, '--wait=false']);
  await kubectl(['delete', 'namespace', scene.namespace, '--timeout=90s']);
  expect(target.stage.twilio.isEmpty(scene.accountSid)).toBe(true);
  expect(await target.stage.world.liveKit.server.isEmpty()).toBe(true);
});

test('a node is drained of one replica at a time, and numbers go on being taken apart', async ({ skip }) => {
  skip(!target.hasNodes, 'processes have no nodes');
  const scene = await openScene(target.stage);
  await scene.createReady();
  const { stdout } = await kubectl(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}']);
  // The only node: the evicted replica has nowhere to go, so the budget has to keep the other one.
  const drain = ['drain', stdout, '--ignore-daemonsets', '--pod-selector=app.kubernetes.io/name=trunkline'];
  const drained = await kubectl([...drain, '--timeout=20s'], true);
  expect(drained.stderr).toContain("violate the pod's disruption budget");
  await scene.requestDelete();
  await scene.waitUntilGone();
  expect(await scene.outside()).toEqual(nothingOutside);
  await kubectl(['uncordon', stdout]);
  await target.scale(2);
});

describe('the operator is taken away and comes back', () => {
  /** Files of the installation without the namespace: credentials are in it. */
  const files = readdirSync(projectPath('deploy/operator')).flatMap((name) =>
    name === 'namespace.yaml' ? [] : ['-f', projectPath(`deploy/operator/${name}`)],
  );

  test('and finishes what was asked for in its absence', async () => {
    const deleted = await openScene(target.stage);
    await deleted.createReady();
    const created = await openScene(target.stage);
    await target.scale(0);
    await kubectl(['delete', ...files]);

    await deleted.requestDelete();
    await created.apply(created.manifest());
    const { metadata, status } = await deleted.read();
    expect([metadata.finalizers, status.phase], 'it waits').toEqual([['telephony.trunkline.dev/cleanup'], 'Ready']);
    expect(await deleted.outside(), 'and calls are still answered').toEqual(inboundOutside);
    expect(await created.outside()).toEqual(nothingOutside);

    await kubectl(['apply', ...files]);
    await target.scale(2);
    await Promise.all([deleted.waitUntilGone(), created.waitForPhase('Ready')]);
    expect(await deleted.outside()).toEqual(nothingOutside);
    expect(await created.outside()).toEqual(inboundOutside);
    await created.requestDelete();
    await created.waitUntilGone();
  });
});

// The last one: nothing is installed afterwards.
test('uninstalled in the order of the README, nothing is left, inside or outside', async () => {
  const scene = await openScene(target.stage);
  await scene.createReady();
  const crds = ['phonenumbers', 'telephonyaccounts', 'orphanrecords'].map((name) => `${name}.telephony.trunkline.dev`);
  const tooEarly = await kubectl(['delete', 'crd', ...crds, '--timeout=10s'], true);
  expect(tooEarly.stderr, 'who starts at the wrong end loses nothing').toContain('unwires every number');
  expect(await scene.outside()).toEqual(inboundOutside);

  await kubectl(['delete', 'phonenumbers', '--all', '--all-namespaces', '--timeout=40s']);
  await kubectl(['delete', 'telephonyaccounts', '--all', '--timeout=40s']);
  expect(await scene.outside()).toEqual(nothingOutside);
  await target.scale(0);
  const uninstall = 'telephony.trunkline.dev/uninstall=confirmed';
  await kubectl(['annotate', 'crd', '-l', 'app.kubernetes.io/part-of=trunkline', uninstall]);
  for (const folder of ['deploy/policies', 'deploy/operator', 'crds']) {
    await kubectl(['delete', '-f', projectPath(folder), '--timeout=40s']);
  }
  const kinds = 'crd,clusterrole,clusterrolebinding,validatingadmissionpolicy,mutatingadmissionpolicy';
  const left = await kubectl(['get', kinds, '-l', 'app.kubernetes.io/part-of=trunkline', '-o', 'name']);
  expect(left.stdout).toBe('');
  expect((await kubectl(['get', 'namespace', operatorNamespace], true)).stderr).toContain('NotFound');
});
