/**
 * Due keys: whose turn it is. Keys belong to groups (accounts), and no group can keep the others from working.
 *
 * Guarantees
 * - The higher priority goes first; within a priority groups take turns, and within a group the key that became due first
 *   goes first.
 * - Of one group at most `mostPerGroup` keys run at the same time. The keys that are over it wait, and stand in nobody's way.
 * - Every operation takes constant time, however many keys and groups there are.
 */

/** High: a person waits. Low: nobody does, as after a restart. */
export const priorities = ['high', 'normal', 'low'] as const;
export type Priority = (typeof priorities)[number];

/** A key whose turn it is. */
export interface DueKey {
  readonly key: string;
  readonly priority: Priority;
  readonly group: string;
  /** Since when it has been due. */
  readonly dueAt: number;
}

/** Of one priority. */
interface Line {
  readonly keys: Map<string, FirstInFirstOut>;
  /** Groups with due keys that may start one more. */
  readonly turns: FirstInFirstOut;
}

export class DueKeys {
  readonly #mostPerGroup: number;
  readonly #due = new Map<string, DueKey>();
  readonly #lines: Readonly<Record<Priority, Line>> = { high: emptyLine(), normal: emptyLine(), low: emptyLine() };
  readonly #running = new Map<string, number>();
  readonly #count: Record<Priority, number> = { high: 0, normal: 0, low: 0 };

  /** At least 1. */
  constructor(mostPerGroup: number) {
    this.#mostPerGroup = mostPerGroup;
  }

  get(key: string): DueKey | undefined {
    return this.#due.get(key);
  }

  /** How many keys of each priority are due. */
  get depth(): Readonly<Record<Priority, number>> {
    return { ...this.#count };
  }

  /** The key becomes due; one that is due already goes to the end of the line of its new priority. */
  add(added: DueKey): void {
    this.#remove(added.key);
    const { group, key, priority } = added;
    const { keys, turns } = this.#lines[priority];
    this.#due.set(key, added);
    this.#count[priority] += 1;
    const ofGroup = keys.get(group) ?? new FirstInFirstOut();
    keys.set(group, ofGroup);
    ofGroup.add(key);
    if (this.#mayStart(group)) turns.add(group);
  }

  /** Takes out the key whose turn it is; it counts as running until `done`. */
  take(): DueKey | undefined {
    for (const priority of priorities) {
      const { keys, turns } = this.#lines[priority];
      const group = turns.first();
      const key = group === undefined ? undefined : keys.get(group)?.first();
      const taken = key === undefined ? undefined : this.#due.get(key);
      if (group === undefined || taken === undefined) continue;
      // To the end of the line; `#remove` takes it off again if this was its last key.
      turns.delete(group);
      turns.add(group);
      this.#remove(taken.key);
      this.#running.set(group, (this.#running.get(group) ?? 0) + 1);
      if (!this.#mayStart(group)) for (const one of priorities) this.#lines[one].turns.delete(group);
      return taken;
    }
    return undefined;
  }

  /** A key of the group does not run any more. */
  done(group: string): void {
    const running = (this.#running.get(group) ?? 0) - 1;
    if (running > 0) this.#running.set(group, running);
    else this.#running.delete(group);
    for (const priority of priorities) {
      const { keys, turns } = this.#lines[priority];
      if (keys.has(group)) turns.add(group);
    }
  }

  #mayStart(group: string): boolean {
    return (this.#running.get(group) ?? 0) < this.#mostPerGroup;
  }

  #remove(key: string): void {
    const due = this.#due.get(key);
    if (due === undefined) return;
    const { group, priority } = due;
    const { keys, turns } = this.#lines[priority];
    const ofGroup = keys.get(group);
    this.#due.delete(key);
    this.#count[priority] -= 1;
    ofGroup?.delete(key);
    if (ofGroup?.isEmpty !== true) return;
    keys.delete(group);
    turns.delete(group);
  }
}

function emptyLine(): Line {
  return { keys: new Map(), turns: new FirstInFirstOut() };
}

/** A set in the order of its additions. */
class FirstInFirstOut {
  readonly #values = new Set<string>();
  /**
   * Behind everything that was deleted from the front. A new iterator would walk over these holes each time, which with ten
   * thousand keys takes longer than all else that the queue does.
   */
  readonly #cursor = this.#values.values();
  #first: string | undefined;

  get isEmpty(): boolean {
    return this.#values.size === 0;
  }

  /** Does nothing to a value that is there. */
  add(value: string): void {
    this.#values.add(value);
  }

  delete(value: string): void {
    this.#values.delete(value);
    if (this.#first === value) this.#first = undefined;
  }

  first(): string | undefined {
    if (this.#first !== undefined || this.isEmpty) return this.#first;
    // Whatever is there was added behind the cursor, so the cursor is never at its end here.
    this.#first = this.#cursor.next().value;
    return this.#first;
  }
}
