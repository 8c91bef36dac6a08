/**
 * Run until settled: a small stand-in for the engine. It wakes objects for what the watch delivers and for what their
 * outcomes ask for, moves the clock when nobody is awake, and starts the operator again after a crash.
 */
import { recordVanished, reconcilePhoneNumber } from '../../src/reconcilers/phone-number/reconcile.ts';
import { type KubernetesObject, keyText, type ObjectKey } from '../../src/reconcilers/shared/ports.ts';
import { ApiFailure, CrashError } from './effects.ts';
import { keyOf } from './fake-store.ts';
import type { World } from './world.ts';

export interface RunOptions {
  /** So much time may pass at most; objects that wait for longer are left waiting. Milliseconds. */
  readonly horizonMs?: number;
  /** More rounds than this are a loop, and an error. */
  readonly maxRounds?: number;
}

const firstBackoffMs = 1_000;
const mostBackoffMs = 60_000;

/** Every object is looked at once at least: a wake-up without a reason must do no harm. */
export async function runUntilSettled(
  world: World,
  { horizonMs = 3 * 3_600_000, maxRounds = 2_000 }: RunOptions = {},
): Promise<void> {
  const run = new Run(world);
  const deadline = world.clock.monotonic() + horizonMs;
  for (let round = 0; round < maxRounds; round += 1) {
    const isBusy = await run.round();
    throwViolations(world);
    if (isBusy) continue;
    const next = run.nextDue ?? untilNothingIsOnItsWay(world);
    if (next === undefined || next > deadline) {
      world.clock.advanceSynchronously(next === undefined ? 0 : deadline - world.clock.monotonic());
      throwViolations(world);
      return;
    }
    world.clock.advanceSynchronously(Math.max(next - world.clock.monotonic(), 0));
  }
  throw new Error(`Not settled after ${maxRounds} rounds; last: ${lastOperations(world)}`);
}

function throwViolations({ violations }: World): void {
  if (violations.length > 0) throw new Error([...new Set(violations)].join('\n'));
}

/** When requests that nobody waits for any more will all have arrived. */
function untilNothingIsOnItsWay({ clock }: World): number | undefined {
  return clock.pendingTimers === 0 ? undefined : clock.monotonic() + 60_000;
}

function lastOperations({ effects }: World): string {
  return effects.log
    .slice(-30)
    .map(({ operation }) => operation)
    .join(', ');
}

class Run {
  readonly #world: World;
  readonly #dueAt = new Map<string, number>();
  readonly #keys = new Map<string, ObjectKey>();
  readonly #failures = new Map<string, number>();
  #vanished: KubernetesObject[] = [];

  constructor(world: World) {
    this.#world = world;
    this.#wakeAll();
  }

  get nextDue(): number | undefined {
    return this.#dueAt.size === 0 ? undefined : Math.min(...this.#dueAt.values());
  }

  /** Works on everything that is due, all at the same time. Says whether there was anything to do. */
  async round(): Promise<boolean> {
    const { clock, store } = this.#world;
    const { changed, vanished } = store.deliver();
    this.#vanished.push(...vanished);
    for (const key of changed) this.#wake(key, 0);
    const now = clock.monotonic();
    const due = [...this.#dueAt].filter(([, at]) => at <= now).map(([text]) => text);
    for (const text of due) this.#dueAt.delete(text);
    try {
      await this.#recordVanished();
      const endings = await Promise.allSettled(due.map((text) => this.#reconcile(text)));
      for (const ending of endings) if (ending.status === 'rejected') throw ending.reason;
    } catch (error) {
      if (!(error instanceof CrashError)) throw error;
      this.#restart();
      return true;
    }
    return due.length > 0 || vanished.length > 0;
  }

  async #recordVanished(): Promise<void> {
    for (const last of this.#vanished) {
      try {
        await recordVanished(this.#world.dependencies, last);
      } catch (error) {
        if (!(error instanceof ApiFailure)) throw error;
        this.#wake(keyOf(last), firstBackoffMs);
        return;
      }
      this.#vanished = this.#vanished.filter((one) => one !== last);
    }
  }

  async #reconcile(text: string): Promise<void> {
    const key = this.#keys.get(text);
    if (key === undefined) return;
    try {
      const outcome = await reconcilePhoneNumber(this.#world.dependencies, key);
      if (outcome.kind === 'retry') return this.#backOff(key, outcome.atMostMs);
      if (outcome.kind === 'again') return this.#wake(key, 0);
      this.#failures.delete(text);
      if (outcome.kind === 'wait') this.#wake(key, outcome.afterMs);
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      this.#backOff(key);
    }
  }

  #backOff(key: ObjectKey, atMostMs = mostBackoffMs): void {
    const failures = (this.#failures.get(keyText(key)) ?? 0) + 1;
    this.#failures.set(keyText(key), failures);
    this.#wake(key, Math.min(firstBackoffMs * 2 ** (failures - 1), mostBackoffMs, atMostMs));
  }

  /** The earlier time wins. */
  #wake(key: ObjectKey, afterMs: number): void {
    const text = keyText(key);
    this.#keys.set(text, key);
    const at = this.#world.clock.monotonic() + afterMs;
    this.#dueAt.set(text, Math.min(at, this.#dueAt.get(text) ?? Number.POSITIVE_INFINITY));
  }

  #wakeAll(): void {
    for (const key of this.#world.store.keys) this.#wake(key, 0);
  }

  #restart(): void {
    this.#world.restart();
    this.#dueAt.clear();
    this.#failures.clear();
    this.#vanished = [];
    this.#wakeAll();
  }
}
