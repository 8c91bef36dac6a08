/**
 * Surveyor: reads the lists of the default account from time to time, as the account's reconcile does.
 */
import { NumberFleet } from '../../src/reconcilers/phone-number/index.ts';
import type { MassDrift } from '../../src/reconcilers/telephony-account/mass-drift.ts';
import { Surveys } from '../../src/reconcilers/telephony-account/surveys.ts';
import type { KubernetesObject } from '../../src/reconcilers/shared/ports.ts';
import { runUntilSettled } from './run-until-settled.ts';
import { accountSid, livekitUrl, type World } from './world.ts';

export const checkMs = 600_000;
export const deepLookMs = 24 * 3_600_000;

export class Surveyor {
  readonly #world: World;
  readonly #surveys: Surveys;
  /** Status of the OrphanRecords, by name. */
  readonly recordStatus = new Map<string, Readonly<Record<string, unknown>>>();
  recordWrites = 0;

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
      records: this.records,
      openPinned: (pin) => world.dependencies.accounts.openPinned(pin),
      serves: () => true,
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
    await this.#surveys.twilio(accountSid, twilio.connect(process, accountSid, fine));
    await this.#surveys.livekit(livekitUrl, livekit.connect(process, livekitUrl, fine));
    const found = [this.#surveys.massDriftOf('Twilio', accountSid), this.#surveys.massDriftOf('LiveKit', livekitUrl)];
    const drifts = found.filter((one) => one !== undefined);
    if (drifts.length === 0) delete defaultAccount.halt;
    else defaultAccount.halt = { reason: 'MassDrift', state: 'lacks much', end: 'it is there again' };
    await this.#surveys.sweepRecords(accountSid);
    await runUntilSettled(this.#world, { horizonMs: 5 * 60_000 });
    return drifts;
  }

  readonly records = {
    listOrphanRecords: async () =>
      await Promise.resolve(
        [...this.#world.store.records.values()].map((spec) => ({
          metadata: { name: spec.uid, uid: spec.uid, resourceVersion: '1' },
          spec,
          status: this.recordStatus.get(spec.uid),
        })),
      ),
    patchOrphanRecordStatus: async (record: KubernetesObject, status: Readonly<Record<string, unknown>>) => {
      this.recordWrites += 1;
      this.recordStatus.set(record.metadata.name, status);
      await Promise.resolve();
    },
  };

  accept(): void {
    this.#surveys.acceptDrift('Twilio', accountSid);
    this.#surveys.acceptDrift('LiveKit', livekitUrl);
  }
}
