/**
 * Surveyor: reads the lists of the default account from time to time, as the account's reconcile does.
 */
import { NumberFleet } from '../../src/reconcilers/phone-number/index.ts';
import type { MassDrift } from '../../src/reconcilers/telephony-account/mass-drift.ts';
import { Surveys } from '../../src/reconcilers/telephony-account/surveys.ts';
import { runUntilSettled } from './run-until-settled.ts';
import { accountSid, livekitUrl, type World } from './world.ts';

export const checkMs = 600_000;
export const deepLookMs = 24 * 3_600_000;

export class Surveyor {
  readonly #world: World;
  readonly #surveys: Surveys;

  /** Part of the operator's present process: after a restart there is another one. */
  constructor(world: World) {
    this.#world = world;
    const fleet = new NumberFleet({
      numbers: () => world.store.all,
      memories: world.dependencies.memories,
      clock: world.clock,
      deepLookMs,
      // `runUntilSettled` looks at everything once.
      wake: () => undefined,
      breathe: async () => await Promise.resolve(),
    });
    const uids = () => new Set(world.store.all.map(({ metadata }) => metadata.uid.slice(0, 8)));
    this.#surveys = new Surveys({ fleet, clock: world.clock, settings: { checkMs, probeMs: 30_000 }, knownUids: uids });
  }

  /** Later: reads the lists and says what stops the account, and whoever is to look again does. */
  async survey(afterMs = checkMs): Promise<readonly MassDrift[]> {
    const { clock, defaultAccount, process, livekit, twilio } = this.#world;
    clock.advanceSynchronously(afterMs);
    const fine = () => undefined;
    await this.#surveys.twilio(accountSid, twilio.connect(process, accountSid, fine), defaultAccount.paused);
    await this.#surveys.livekit(livekitUrl, livekit.connect(process, livekitUrl, fine), defaultAccount.paused);
    const found = [this.#surveys.massDriftOf('Twilio', accountSid), this.#surveys.massDriftOf('LiveKit', livekitUrl)];
    const drifts = found.filter((one) => one !== undefined);
    if (drifts.length === 0) delete defaultAccount.halt;
    else defaultAccount.halt = { reason: 'MassDrift', state: 'lacks much', end: 'it is there again' };
    await runUntilSettled(this.#world, { horizonMs: 5 * 60_000 });
    return drifts;
  }

  accept(): void {
    this.#surveys.acceptDrift('Twilio', accountSid);
    this.#surveys.acceptDrift('LiveKit', livekitUrl);
  }
}
