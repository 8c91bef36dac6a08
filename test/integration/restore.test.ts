// Scenario 5 of review-telephony.md on real servers: the objects of a cluster are lost, a new one gets the manifests only.
// New UIDs, no status, the same ownerId: everything comes back with the same SIDs, and nothing is made or detached.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OperatorWorld, startOperatorWorld } from '../tools/operator-world.ts';
import { openScene, outboundOutside, outboundSpec, type Scene } from '../tools/scene.ts';

let stage: OperatorWorld;

beforeAll(async () => {
  stage = await startOperatorWorld();
  await stage.startOperator();
});
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

/** The objects go without the operator, as if their etcd were lost. */
async function loseObjects(scene: Scene): Promise<void> {
  await stage.operator.kill();
  const names = (await scene.kubectl(['get', 'phonenumbers', '-o', 'name'])).stdout.trim().split('\n');
  await scene.kubectl(['delete', ...names, '--wait=false']);
  for (const name of names) {
    await scene.kubectl(['patch', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
  }
}

/** Calls that create or take away, at both providers, from now on. */
function watchHarm(scene: Scene): { readonly harm: string[]; readonly renames: string[]; readonly stop: () => void } {
  const harm: string[] = [];
  const renames: string[] = [];
  const stops = [
    stage.twilio.onApplied(async ({ account, method, path }) => {
      const isChange = method === 'POST' && /\/(TK|OU|CL|AL)\w{32}(\.json)?$/.test(path);
      if (account !== scene.accountSid || method === 'GET') return;
      (isChange ? renames : harm).push(`${method} ${path}`);
    }),
    stage.world.liveKit.proxy.onForwarded(async ({ path }) => {
      if (/\/(Create|Delete)SIP/.test(path)) harm.push(path);
      if (path.includes('/UpdateSIP')) renames.push(path);
    }),
  ];
  return { harm, renames, stop: () => stops.forEach((stop) => stop()) };
}

test('a number with outbound calls comes back as it was', async () => {
  const scene = await openScene(stage, { livekitUrl: stage.world.liveKit.proxy.url });
  await scene.createReady(outboundSpec);
  const before = await scene.read();
  await loseObjects(scene);
  const { harm, renames, stop } = watchHarm(scene);
  await scene.apply(scene.manifest(outboundSpec));
  await stage.startOperator();
  const after = await scene.waitForPhase('Ready');
  stop();
  expect(after.metadata.uid).not.toBe(before.metadata.uid);
  expect(after.status.twilio).toEqual(before.status.twilio);
  expect(after.status.livekit).toEqual(before.status.livekit);
  expect(harm).toEqual([]);
  expect(renames.length, 'else nothing was watched').toBeGreaterThan(0);
  expect(await scene.outside()).toEqual(outboundOutside);
  // The marks are ours again: a deletion finds everything, and nothing is left.
  await scene.requestDelete();
  await scene.waitUntilGone();
  expect(Object.values(await scene.outside()).every((count) => count === 0)).toBe(true);
});

test('fifty numbers come back together', async () => {
  const numbers = Array.from({ length: 50 }, (_, index) => `+1555200${String(1_000 + index)}`);
  const scene = await openScene(stage, {
    livekitUrl: stage.world.liveKit.proxy.url,
    twilio: { phoneNumbers: numbers.map((phoneNumber) => ({ phoneNumber })) },
  });
  const manifests = numbers.map((phoneNumber, index) => ({
    ...scene.manifest({}, { phoneNumber }),
    metadata: { name: `number-${index}`, namespace: scene.namespace },
  }));
  const allReady = async () =>
    await scene.kubectl(['wait', 'phonenumbers', '--all', '--for=jsonpath={.status.phase}=Ready', '--timeout=60s']);
  const ids = async () => {
    const { stdout } = await scene.kubectl(['get', 'phonenumbers', '-o', 'json']);
    return JSON.parse(stdout).items.map(({ metadata, status }: Record<string, Record<string, unknown>>) => [
      metadata?.['name'],
      status?.['twilio'],
      status?.['livekit'],
    ]);
  };
  await scene.apply(...manifests);
  await allReady();
  const before = await ids();
  await loseObjects(scene);
  const { harm, renames, stop } = watchHarm(scene);
  await scene.apply(...manifests);
  await stage.startOperator();
  await allReady();
  stop();
  expect(await ids()).toEqual(before);
  expect(harm).toEqual([]);
  expect(renames.length, 'else nothing was watched').toBeGreaterThan(0);
});
