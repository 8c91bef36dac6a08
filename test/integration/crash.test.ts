// The real process is killed (SIGKILL) right after each external write of a create and of a delete, before it hears of it.
// After a restart there is exactly one set, or none. Somebody else's wildcard rule is there all the time, and after no write
// would a call have come to it, or to nobody.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

/** What one scene's writes are counted by: at Twilio its account, at LiveKit any, since only one scene works at a time. */
class KillAfter {
  readonly #stop: readonly (() => void)[];
  writes = 0;
  killed = false;

  constructor(scene: Scene, nth: number) {
    const count = async (): Promise<void> => {
      this.writes += 1;
      if (this.writes !== nth) return;
      this.killed = true;
      await stage.operator.kill();
    };
    this.#stop = [
      stage.twilio.onApplied(async ({ account }) => {
        if (account === scene.accountSid) await count();
      }),
      stage.world.liveKit.proxy.onForwarded(async ({ path, status }) => {
        if (/\/(Create|Update|Delete)SIP/.test(path) && status === 200) await count();
      }),
    ];
  }

  stop(): void {
    for (const stop of this.#stop) stop();
  }
}

async function newScene(): Promise<Scene> {
  return await openScene(stage, { livekitUrl: stage.world.liveKit.proxy.url });
}

/**
 * Runs `act` with a kill after the nth write, and starts the operator again.
 * @returns false when there are fewer writes
 */
async function actWithKill(
  scene: Scene,
  nth: number,
  act: () => Promise<void>,
  done: () => Promise<unknown>,
): Promise<boolean> {
  const kill = new KillAfter(scene, nth);
  await act();
  // The first wait may be in vain: a killed operator ends nothing.
  await Promise.race([stage.operator.exited(), done().catch(() => undefined)]);
  kill.stop();
  if (!kill.killed) return false;
  await stage.startOperator();
  await done();
  return true;
}

describe('a crash after each external write', { timeout: 600_000 }, () => {
  test('of a create: exactly one set', async () => {
    let nth = 0;
    let killed = true;
    while (killed) {
      nth += 1;
      const scene = await newScene();
      using watch = new ReachWatch(stage, scene);
      killed = await actWithKill(
        scene,
        nth,
        async () => await scene.apply(scene.manifest(outboundSpec)),
        async () => await scene.waitForPhase('Ready'),
      );
      expect(await scene.outside(), `killed after write ${nth} of the create`).toEqual(outboundOutside);
      expect(watch.dead, `killed after write ${nth} of the create`).toEqual([]);
      expect(watch.course).toEqual(['unrouted', 'answered']);
    }
    expect(nth, 'a create has about a dozen writes').toBeGreaterThan(10);
    stage.twilio.assertNoViolations();
  });

  test('of a delete: nothing', async () => {
    let nth = 0;
    let killed = true;
    while (killed) {
      nth += 1;
      const scene = await newScene();
      await scene.createReady(outboundSpec);
      using watch = new ReachWatch(stage, scene);
      killed = await actWithKill(
        scene,
        nth,
        async () => await scene.requestDelete(),
        async () => await scene.waitUntilGone(),
      );
      expect(await scene.outside(), `killed after write ${nth} of the delete`).toEqual(nothingOutside);
      expect(watch.dead, `killed after write ${nth} of the delete`).toEqual([]);
      expect(watch.course.at(-1)).toBe('unrouted');
      expect(await scene.orphanRecords(), 'nothing was given up').toEqual([]);
    }
    expect(nth, 'a delete has about ten writes').toBeGreaterThan(8);
    stage.twilio.assertNoViolations();
  });
});
