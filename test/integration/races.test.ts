// The two races around the annotation, on the real API server: somebody acts exactly between two writes of the operator.
// Without the admission policies, which would refuse the first of them anyway.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ForwardedRequest } from '../tools/fault-proxy.ts';
import { type OperatorWorld, startOperatorWorld } from '../tools/operator-world.ts';
import { inboundOutside, nothingOutside, openScene, type Scene } from '../tools/scene.ts';

let stage: OperatorWorld;
let stop: (() => void) | undefined;

beforeAll(async () => {
  stage = await startOperatorWorld({ policies: false, throughApiProxy: true });
  await stage.startOperator();
});
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});
afterEach(() => {
  stop?.();
  stage.twilio.faults.clear();
});

function refuseTrunkDeletion(scene: Scene): void {
  stage.twilio.faults.add({
    method: 'DELETE',
    path: /^\/v1\/Trunks\/TK\w+$/,
    account: scene.accountSid,
    effect: { kind: 'status', status: 400, code: 21634, message: 'Trunk is used for emergency calling' },
  });
}

/** Acts once, after the API server has carried out the first request that fits and before the operator hears of it. */
function actAfter(fits: (request: ForwardedRequest) => boolean, act: () => Promise<unknown>): () => number {
  let times = 0;
  stop = stage.world.apiProxy.onForwarded(async (request) => {
    if (times > 0 || !fits(request)) return;
    times += 1;
    await act();
  });
  return () => times;
}

describe('the annotation', () => {
  test('put back between its removal and the Corrupted write forces nothing', async () => {
    const scene = await openScene(stage);
    await scene.createReady();
    refuseTrunkDeletion(scene);
    await scene.annotate('force-delete=confirmed');
    // The first patch of the object itself in a deletion that fails is the one that takes the annotation off.
    const acted = actAfter(
      ({ method, path, status }) =>
        method === 'PATCH' && status === 200 && path.includes(`/${scene.namespace}/`) && !path.includes('/status'),
      async () => await scene.annotate('force-delete=confirmed'),
    );
    await scene.requestDelete();
    const seen = await scene.waitForPhase('Corrupted');
    expect(acted()).toBe(1);
    expect(seen.metadata.annotations, 'taken off a second time').not.toHaveProperty('force-delete');
    expect((await scene.outside())['trunks']).toBe(1);
    expect(await scene.orphanRecords()).toEqual([]);
  });

  test('withdrawn before the finalizer goes keeps the object, and no record of it stays', async () => {
    const scene = await openScene(stage);
    await scene.createReady();
    refuseTrunkDeletion(scene);
    await scene.requestDelete();
    await scene.waitForPhase('Corrupted');
    // The record is written just before the finalizer goes.
    const acted = actAfter(
      ({ method, path }) => method === 'POST' && path.includes('/orphanrecords'),
      async () => await scene.annotate('force-delete-'),
    );
    await scene.annotate('force-delete=confirmed');
    await expect.poll(acted, { timeout: 20_000 }).toBe(1);
    await expect.poll(async () => await scene.orphanRecords(), { timeout: 20_000 }).toEqual([]);
    expect((await scene.read()).status.phase).toBe('Corrupted');
    stage.twilio.faults.clear();
    await scene.annotate('telephony.trunkline.dev/retry-delete=1');
    await scene.waitUntilGone();
    expect(await scene.outside()).toEqual(nothingOutside);
  });
});

describe('a lost answer of the API server', () => {
  test('to the write of the finalizer makes nothing twice', async () => {
    const scene = await openScene(stage);
    stage.world.apiProxy.faults.add({
      method: 'PATCH',
      path: new RegExp(`/namespaces/${scene.namespace}/`),
      times: 1,
      effect: { kind: 'dropReply' },
    });
    await scene.createReady();
    expect(await scene.outside()).toEqual(inboundOutside);
    await scene.requestDelete();
    await scene.waitUntilGone();
    expect(await scene.outside()).toEqual(nothingOutside);
  });
});
