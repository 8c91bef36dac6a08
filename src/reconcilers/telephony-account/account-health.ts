/**
 * Account health: which providers of which account objects fail their probes, and since when.
 *
 * Guarantees
 * - One provider's trouble is never that of the other, nor that of another account object: two objects that name one
 *   Twilio account may have different credentials.
 * - Listeners hear once of each beginning and end, and once of each suspicion until the next probe.
 *
 * It is forgotten with the process: then each trouble begins anew, so that nothing is given up too early.
 */
import type { ProviderTrouble } from '../shared/accounts.ts';
import type { Clock } from '../shared/ports.ts';
import type { Provider, Verdict } from '../shared/verdict.ts';
import {
  afterFailedCall,
  afterProbe,
  type HealthRecord,
  type Moment,
  troubleIn,
  unknownHealth,
} from './health-record.ts';

/** Whose health it is. */
export interface HealthSubject {
  /** Name of the account object. */
  readonly account: string;
  readonly provider: Provider;
  /** SID of the Twilio account, or origin of the LiveKit project, that it stands for. */
  readonly identity: string;
}

export interface HealthEvent {
  /** Suspected: a probe is wanted, at once. */
  readonly kind: 'suspected' | 'failing' | 'recovered';
  readonly subject: HealthSubject;
}

/** How long after a probe no call can make a provider suspect, in milliseconds. */
const quietMs = 5_000;

export class AccountHealth {
  readonly #clock: Clock;
  readonly #records = new Map<string, HealthRecord>();
  readonly #listeners = new Set<(event: HealthEvent) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls the listener for every event from now on. @returns a function that ends it */
  subscribe(listener: (event: HealthEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** A probe has ended; undefined: nothing is wrong. */
  probed(subject: HealthSubject, verdict: Verdict | undefined): void {
    this.#change(subject, (before, now) => afterProbe(before, verdict, now));
  }

  /** A call has failed. */
  callFailed(subject: HealthSubject, verdict: Verdict): void {
    this.#change(subject, (before, now) => afterFailedCall(before, verdict, now, quietMs));
  }

  /** Whether a call has failed since the last probe, in a way that only a probe can judge. */
  isSuspected(subject: HealthSubject): boolean {
    return this.#recordOf(subject).suspected;
  }

  troubleOf(subject: HealthSubject): ProviderTrouble | undefined {
    return troubleIn(this.#recordOf(subject), subject.provider);
  }

  #recordOf(subject: HealthSubject): HealthRecord {
    return this.#records.get(keyOf(subject)) ?? unknownHealth;
  }

  #change(subject: HealthSubject, step: (before: HealthRecord, now: Moment) => HealthRecord): void {
    const before = this.#recordOf(subject);
    const after = step(before, { monotonic: this.#clock.monotonic(), wall: this.#clock.now() });
    this.#records.set(keyOf(subject), after);
    const kind = eventOf(before, after);
    if (kind === undefined) return;
    for (const listener of this.#listeners) listener({ kind, subject });
  }
}

function keyOf({ account, provider, identity }: HealthSubject): string {
  return `${account} ${provider} ${identity}`;
}

function eventOf(before: HealthRecord, after: HealthRecord): HealthEvent['kind'] | undefined {
  if (after.suspected && !before.suspected) return 'suspected';
  if ((after.failing === undefined) === (before.failing === undefined)) return undefined;
  return after.failing === undefined ? 'recovered' : 'failing';
}
