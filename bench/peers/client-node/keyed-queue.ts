/**
 * A queue as people write it beside client-node's informer: each key waits once, and runs in one worker at a time. What
 * fails comes back after a second.
 */
export class KeyedQueue {
  readonly #reconcile: (key: string) => Promise<void>;
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();
  #idle: number;

  constructor(workers: number, reconcile: (key: string) => Promise<void>) {
    this.#idle = workers;
    this.#reconcile = reconcile;
  }

  add(key: string): void {
    this.#waiting.add(key);
    if (this.#idle > 0) void this.#work();
  }

  async #work(): Promise<void> {
    this.#idle -= 1;
    for (let key = this.#take(); key !== undefined; key = this.#take()) {
      this.#running.add(key);
      try {
        await this.#reconcile(key);
      } catch {
        const again = key;
        setTimeout(() => this.add(again), 1_000);
      }
      this.#running.delete(key);
    }
    this.#idle += 1;
  }

  #take(): string | undefined {
    for (const key of this.#waiting) {
      if (this.#running.has(key)) continue;
      this.#waiting.delete(key);
      return key;
    }
    return undefined;
  }
}
