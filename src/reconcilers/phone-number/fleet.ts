/**
 * Fleet: compares snapshots of an account with what its PhoneNumbers know, and has those look again that it concerns.
 *
 * Guarantees
 * - An object is compared only when nothing it created can be missing from the lists by being too new.
 * - Nothing is decided here: an object that looks again reads directly, and repairs only what such a read says is gone.
 * - Sub-resources, which no list of the account shows, are read again once in `deepLookMs` for each trunk of ours, spread
 *   evenly, also after a restart.
 */
import type { OpenAccount, Pin } from '../shared/accounts.ts';
import type { Clock, KubernetesObject, ObjectKey } from '../shared/ports.ts';
import type { Comparison, Fleet, LiveKitSnapshot, TwilioSnapshot } from '../shared/snapshot.ts';
import type { Provider } from '../shared/verdict.ts';
import { type Drift, driftAtLiveKit, driftAtTwilio, indexLiveKit, indexTwilio } from './drift.ts';
import type { Memories, ObjectMemory } from './memory.ts';
import type { Identity, PhoneNumber } from './model.ts';
import { finalizer } from './names.ts';
import { parseRecord } from './record-schema.ts';
import { parsePhoneNumber } from './schema.ts';
import { phoneNumberOf } from './spec-schema.ts';
import { isSynced } from './standing.ts';
import type { RecordStore } from './ports.ts';
import { sweepRecord } from './sweep.ts';

export interface FleetOptions {
  /** All PhoneNumbers this install serves, from the cache. */
  readonly numbers: () => Iterable<KubernetesObject>;
  readonly memories: Memories;
  readonly clock: Clock;
  /** Each trunk of ours is read whole once in this time, in milliseconds. */
  readonly deepLookMs: number;
  /** Has an object reconciled. */
  readonly wake: (key: ObjectKey) => void;
  readonly records: RecordStore;
  readonly openPinned: (pin: Pin) => OpenAccount;
  /** Whether this install serves an account. */
  readonly serves: (accountName: string) => boolean;
  /** Lets others go on: comparing thousands of objects takes long. */
  readonly breathe: () => Promise<void>;
}

/** How many records are looked at in one sweep; the others have their turn in the next ones. */
const recordsAtOnce = 20;

/** How many objects are compared without a pause. */
const atOnce = 200;

export class NumberFleet implements Fleet {
  readonly #options: FleetOptions;
  readonly #startedAt: number;
  /** Monotonic milliseconds, by name of the record. */
  readonly #sweptAt = new Map<string, number>();

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#startedAt = options.clock.monotonic();
  }

  async compareTwilio(accountSid: string, snapshot: TwilioSnapshot): Promise<Comparison> {
    const index = indexTwilio(snapshot);
    return await this.#compare('Twilio', accountSid, snapshot.startedAt, (identity, { status }) =>
      driftAtTwilio(identity, status, index),
    );
  }

  async compareLiveKit(livekitUrl: string, snapshot: LiveKitSnapshot): Promise<Comparison> {
    const index = indexLiveKit(snapshot);
    return await this.#compare('LiveKit', livekitUrl, snapshot.startedAt, (identity, { status }) =>
      driftAtLiveKit(identity, status, index),
    );
  }

  async sweepRecords(accountSid: string): Promise<void> {
    const { clock, openPinned, records, serves } = this.#options;
    const open = (await records.listOrphanRecords()).filter((object) => {
      const record = parseRecord(object);
      return record?.state !== 'Closed' && record?.pinned.accountSid === accountSid && serves(record.pinned.account);
    });
    for (const name of this.#sweptAt.keys()) {
      if (!open.some(({ metadata }) => metadata.name === name)) this.#sweptAt.delete(name);
    }
    const lastOf = ({ metadata }: KubernetesObject) => this.#sweptAt.get(metadata.name) ?? Number.NEGATIVE_INFINITY;
    const next = open.toSorted((one, other) => lastOf(one) - lastOf(other) || 0).slice(0, recordsAtOnce);
    for (const object of next) {
      this.#sweptAt.set(object.metadata.name, clock.monotonic());
      await sweepRecord(
        {
          records,
          openPinned,
          isClaimed: (pin) => this.#isClaimed(pin),
          now: () => `${new Date(clock.now()).toISOString().slice(0, 19)}Z`,
        },
        object,
      );
    }
  }

  #isClaimed({ accountSid, phoneNumber }: Pin): boolean {
    for (const raw of this.#options.numbers()) {
      if (pinnedTo(raw.status).Twilio === accountSid && isAlive(raw) && phoneNumberOf(raw.spec) === phoneNumber)
        return true;
    }
    return false;
  }

  wakeAll(identity: string): void {
    for (const { metadata, status } of this.#options.numbers()) {
      const pinned = pinnedTo(status);
      if (pinned.Twilio === identity || pinned.LiveKit === identity) this.#options.wake(keyOf(metadata));
    }
  }

  async #compare(
    provider: Provider,
    where: string,
    startedAt: number,
    driftOf: (identity: Identity, object: PhoneNumber) => Drift,
  ): Promise<Comparison> {
    const { breathe, memories, numbers, wake } = this.#options;
    let known = 0;
    const missing: string[] = [];
    const contradicted: { readonly key: ObjectKey; readonly memory: ObjectMemory; readonly text: string }[] = [];
    let count = 0;
    for (const raw of numbers()) {
      if (pinnedTo(raw.status)[provider] !== where || !isAlive(raw)) continue;
      count += 1;
      if (count % atOnce === 0) await breathe();
      const memory = memories.of(raw.metadata.uid);
      if ([...memory.unsettledCreates.values()].some((until) => until > startedAt)) continue;
      const object = parsePhoneNumber(raw);
      if (object.status.pinned === undefined) continue;
      const drift = driftOf({ ...object.status.pinned, uid: object.uid }, object);
      known += drift.known.length;
      missing.push(...drift.missing);
      const text = drift.findings.join('; ');
      const isNews = text !== (memory.contradictions.get(provider) ?? '') || (text !== '' && isSynced(object));
      if (isNews || (provider === 'Twilio' && this.#isDue(object, memory))) {
        contradicted.push({ key: keyOf(raw.metadata), memory, text });
      }
    }
    return {
      known,
      missing,
      lookAgain: () => {
        for (const { key, memory, text } of contradicted) {
          memory.contradictions.set(provider, text);
          memory.mustLook = true;
          wake(key);
        }
      },
    };
  }

  /** Somebody else's trunk has nothing of ours but the number, and lists show that. */
  #isDue({ status, uid }: PhoneNumber, { lookedAt }: ObjectMemory): boolean {
    const { clock, deepLookMs } = this.#options;
    if (status.pinned?.existingTrunkSid !== undefined || status.ids.trunkSid === undefined) return false;
    const last = lookedAt ?? this.#startedAt - fractionOf(uid) * deepLookMs;
    return clock.monotonic() - last >= deepLookMs;
  }
}

/** From 0 to 1, evenly: UIDs are random. */
function fractionOf(uid: string): number {
  return (Number.parseInt(uid.slice(0, 8), 16) || 0) / 0x1_0000_0000;
}

function isAlive({ metadata }: KubernetesObject): boolean {
  return metadata.deletionTimestamp === undefined && metadata.finalizers?.includes(finalizer) === true;
}

/** As far as the pin reads: of thousands of objects most are somewhere else. */
function pinnedTo(status: unknown): Partial<Record<Provider, unknown>> {
  const pinned: unknown = isObject(status) ? Reflect.get(status, 'pinned') : undefined;
  if (!isObject(pinned)) return {};
  return { Twilio: Reflect.get(pinned, 'accountSid'), LiveKit: Reflect.get(pinned, 'livekitUrl') };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function keyOf({ name, namespace = '' }: KubernetesObject['metadata']): ObjectKey {
  return { namespace, name };
}
