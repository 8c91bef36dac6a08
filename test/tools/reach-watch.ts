/**
 * Reach watch: asks after every write of the operator, before it hears of the answer, what happens to somebody who calls
 * the number of a scene. By the same rules as the worlds in memory (`test/support/reach.ts`), on the real LiveKit.
 */
import { z } from 'zod';
import { type Reach, reachOver, type Route } from '../support/reach.ts';
import type { OperatorWorld } from './operator-world.ts';
import type { Scene } from './scene.ts';

const trunk = z.object({ sipTrunkId: z.string(), numbers: z.array(z.string()).default([]) });
const rule = z.object({
  sipDispatchRuleId: z.string(),
  name: z.string().default(''),
  trunkIds: z.array(z.string()).default([]),
});

/** A write, and what became of calls with it. */
export interface Seen {
  readonly write: string;
  readonly reach: Reach;
}

/** Watches until it is disposed. The scene has to reach LiveKit through the stage's proxy. */
export class ReachWatch implements Disposable {
  readonly seen: Seen[] = [];
  readonly #stop: readonly (() => void)[];
  readonly #scene: Scene;

  constructor(stage: OperatorWorld, scene: Scene) {
    this.#scene = scene;
    this.#stop = [
      stage.twilio.onApplied(async ({ account, method, path }) => {
        if (account === scene.accountSid) await this.#look(`${method} ${path}`);
      }),
      stage.world.liveKit.proxy.onForwarded(async ({ path, status }) => {
        if (/\/(Create|Update|Delete)SIP/.test(path) && status === 200) await this.#look(path);
      }),
    ];
  }

  /** What happens to a call now. */
  async reach(): Promise<Reach> {
    const { phoneNumber, stage } = this.#scene;
    // Two systems are not read at one moment: what changed in between is looked at again.
    for (;;) {
      const before = this.#route();
      const { inboundTrunks, dispatchRules } = await stage.world.liveKit.server.dump();
      if (JSON.stringify(this.#route()) !== JSON.stringify(before)) continue;
      return reachOver(phoneNumber, before, {
        inbound: inboundTrunks
          .map((one) => trunk.parse(one))
          .map(({ sipTrunkId, ...rest }) => ({ id: sipTrunkId, ...rest })),
        rules: dispatchRules
          .map((one) => rule.parse(one))
          .map(({ sipDispatchRuleId, ...rest }) => ({ id: sipDispatchRuleId, ...rest })),
      });
    }
  }

  /** The writes after which a call would have been lost, or answered by somebody else. */
  get dead(): readonly Seen[] {
    return this.seen.filter(({ reach }) => reach.startsWith('dead'));
  }

  /** What became of calls, in order and without repetitions. */
  get course(): readonly Reach[] {
    return this.seen.map(({ reach }) => reach).filter((reach, index, all) => reach !== all[index - 1]);
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stop) stop();
  }

  async #look(write: string): Promise<void> {
    this.seen.push({ write, reach: await this.reach() });
  }

  #route(): Route {
    const { phoneNumber, stage } = this.#scene;
    const { trunkSid } = stage.twilio.phoneNumber(phoneNumber);
    const found = this.#scene.twilio().trunks.find(({ sid }) => sid === trunkSid);
    return {
      trunkSid,
      urls: found?.originationUrls,
      isOurs: found?.friendlyName.startsWith('tl/') === true,
      sipHost: 'example.sip.livekit.cloud',
    };
  }
}

/** A rule of somebody else that answers every call without a rule of its own. */
export async function addForeignWildcard(stage: OperatorWorld): Promise<void> {
  await stage.world.liveKit.server.sip.createSipDispatchRule(
    { type: 'individual', roomPrefix: 'foreign-' },
    { name: 'somebody else' },
  );
}
