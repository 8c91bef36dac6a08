/**
 * Health: what the probes of the pod answer.
 *
 * - Ready: the caches are in sync and the process is not about to end. A replica without the lease is ready too: a
 *   Deployment that replaces one pod after the other would wait for ever otherwise.
 * - Alive: the watches are fresh and the lease is ours while we lead. Never a provider: a restart repairs none of them.
 */
import type { Clock } from '../reconcilers/shared/ports.ts';

export interface Health {
  ready(): boolean;
  /** What a restart might repair, each as a sentence; empty: alive. */
  alive(): readonly string[];
}

/**
 * A watch tells of itself every minute (bookmarks), and has given up a silent connection twice by then. Shorter would
 * restart the process while an API server is replaced. Milliseconds.
 */
export const staleAfterMs = 300_000;

/** How long after its end a lease may look held before the process counts as stuck, in milliseconds. */
const lostGraceMs = 1_000;

export class OperatorHealth implements Health {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #watches = new Map<string, () => number>();
  #leadingUntil: () => number | undefined = () => undefined;
  #ready = false;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  setReady(ready: boolean): void {
    this.#ready = ready;
  }

  /** Who tells until when the lease is ours, in monotonic milliseconds; undefined while we do not lead. */
  setLeading(until: () => number | undefined): void {
    this.#leadingUntil = until;
  }

  /** `heardAt` tells when the watch was heard of last, in monotonic milliseconds. */
  watch(name: string, heardAt: () => number): void {
    this.#watches.set(name, heardAt);
  }

  /** Milliseconds since each watch was heard of last. */
  watchAges(): ReadonlyMap<string, number> {
    const now = this.#clock.monotonic();
    return new Map([...this.#watches].map(([name, heardAt]) => [name, now - heardAt()]));
  }

  ready(): boolean {
    return this.#ready;
  }

  alive(): readonly string[] {
    const stale = [...this.watchAges()]
      .filter(([, ageMs]) => ageMs > staleAfterMs)
      .map(([name, ageMs]) => `the watch of ${name} has been silent for ${Math.floor(ageMs / 1_000)} s`);
    const overMs = this.#clock.monotonic() - (this.#leadingUntil() ?? Number.POSITIVE_INFINITY);
    return overMs > lostGraceMs
      ? [...stale, `the lease ran out ${Math.floor(overMs / 1_000)} s ago and the process has not ended`]
      : stale;
  }
}
