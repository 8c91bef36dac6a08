/**
 * Keys with due times: a binary heap, so that ten thousand waiting objects cost nothing until they are due.
 *
 * A changed due time leaves its old heap entry behind; such an entry is dropped when it comes up.
 */

interface Entry {
  readonly key: string;
  readonly dueAt: number;
  /** Equal due times keep the order in which they were set. */
  readonly sequence: number;
}

export class DelayedKeys {
  readonly #current = new Map<string, Entry>();
  readonly #heap: Entry[] = [];
  #sequence = 0;

  dueAt(key: string): number | undefined {
    return this.#current.get(key)?.dueAt;
  }

  /** Sets or changes when a key is due. */
  set(key: string, dueAt: number): void {
    if (this.#current.get(key)?.dueAt === dueAt) return;
    this.#sequence += 1;
    const entry = { key, dueAt, sequence: this.#sequence };
    this.#current.set(key, entry);
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1);
  }

  /** The earliest due time, if any key waits. */
  earliest(): number | undefined {
    return this.#peek()?.dueAt;
  }

  /** Takes out all keys due at `now`, the earliest first. */
  removeDue(now: number): readonly string[] {
    const due: string[] = [];
    for (let first = this.#peek(); first !== undefined && first.dueAt <= now; first = this.#peek()) {
      this.#pop();
      this.#current.delete(first.key);
      due.push(first.key);
    }
    return due;
  }

  #peek(): Entry | undefined {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (this.#current.get(first.key) === first) return first;
      this.#pop();
    }
    return undefined;
  }

  #pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(start: number): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfLater(parent, index)) return;
      index = parent;
    }
  }

  #sink(start: number): void {
    let index = start;
    for (;;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      const child = this.#isLater(left, right) ? right : left;
      if (!this.#swapIfLater(index, child)) return;
      index = child;
    }
  }

  #swapIfLater(upper: number, lower: number): boolean {
    const [above, below] = [this.#heap[upper], this.#heap[lower]];
    if (above === undefined || below === undefined || !this.#isLater(upper, lower)) return false;
    this.#heap[upper] = below;
    this.#heap[lower] = above;
    return true;
  }

  #isLater(one: number, other: number): boolean {
    const [first, second] = [this.#heap[one], this.#heap[other]];
    if (first === undefined || second === undefined) return false;
    return first.dueAt > second.dueAt || (first.dueAt === second.dueAt && first.sequence > second.sequence);
  }
}
