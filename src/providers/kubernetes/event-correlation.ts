/**
 * Event correlation, pure: which events are written, counted or dropped, by the rules of client-go.
 *
 * - The same event again within six minutes is no new one: the first becomes a series (`tools/events`). The series is
 *   written at its second event, every half hour, and when it ends.
 * - From the tenth on, events about one object that differ only in their note are one series, "combined from similar
 *   events", until ten minutes pass without any (`tools/record`).
 * - Of each type (Normal, Warning) an object gets 25 new events, and one more every five minutes (`tools/record`).
 *
 * Times are monotonic milliseconds, except where a series names its last one.
 */
import type { EventNote } from '../../reconcilers/shared/ports.ts';

/** How often an event was seen, and last when, in milliseconds since the Unix epoch. */
export interface EventSeries {
  readonly count: number;
  readonly lastSeenAt: number;
}

/** What is to be written: a new event, or a known one's series. `Item` is whatever stands for one event. */
export interface EventWrite<Item> {
  readonly record: Item;
  readonly series: EventSeries | undefined;
}

export interface EventTime {
  readonly monotonic: number;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

export const seriesEndsAfterMs = 360_000;
const seriesWrittenEveryMs = 1_800_000;
const similarWithinMs = 600_000;
const mostSimilar = 10;
const burst = 25;
const refillEveryMs = 300_000;
/** Of each kind of memory; the oldest is forgotten. */
const mostRemembered = 4_096;

interface Known<Item> {
  readonly record: Item;
  readonly series: EventSeries;
  /** Monotonic. */
  readonly seenAt: number;
  /** As the API server has it. */
  readonly written: { readonly count: number; readonly at: number };
}

export class EventCorrelation<Item> {
  readonly #known = new Map<string, Known<Item>>();
  readonly #similar = new Map<string, { readonly notes: ReadonlySet<string>; readonly seenAt: number }>();
  readonly #allowances = new Map<string, { readonly left: number; readonly at: number }>();

  /** Nothing is remembered that `overdue` would still have to look at. */
  get isIdle(): boolean {
    return this.#known.size === 0;
  }

  /** `record` is asked for an event that is new. @returns what is to be written now, if anything */
  observe(
    uid: string,
    event: EventNote,
    time: EventTime,
    record: (note: string) => Item,
  ): EventWrite<Item> | undefined {
    const { action, reason, type } = event;
    const similar = JSON.stringify([uid, type, reason, action]);
    const isCombined = this.#isCombined(similar, event.note, time.monotonic);
    const key = isCombined ? similar : JSON.stringify([uid, type, reason, action, event.note]);
    const known = this.#known.get(key);
    if (known !== undefined && time.monotonic - known.seenAt < seriesEndsAfterMs) {
      return this.#again(key, known, `${type} ${uid}`, time);
    }
    if (!this.#isAllowed(`${type} ${uid}`, time.monotonic)) return undefined;
    const note = isCombined ? `(combined from similar events): ${event.note}` : event.note;
    const made: Known<Item> = {
      record: record(note),
      series: { count: 1, lastSeenAt: time.now },
      seenAt: time.monotonic,
      written: { count: 1, at: time.monotonic },
    };
    remember(this.#known, key, made);
    return { record: made.record, series: undefined };
  }

  /** What has to be written without a new event; to be called every `seriesEndsAfterMs`. */
  overdue({ monotonic }: Pick<EventTime, 'monotonic'>): readonly EventWrite<Item>[] {
    const writes: EventWrite<Item>[] = [];
    for (const [key, { record, seenAt, series, written }] of this.#known) {
      const isOver = monotonic - seenAt >= seriesEndsAfterMs;
      if (isOver) this.#known.delete(key);
      if (series.count === written.count || (!isOver && monotonic - written.at < seriesWrittenEveryMs)) continue;
      writes.push({ record, series });
      if (!isOver) {
        this.#known.set(key, { record, series, seenAt, written: { count: series.count, at: monotonic } });
      }
    }
    return writes;
  }

  #again(key: string, known: Known<Item>, allowance: string, time: EventTime): EventWrite<Item> | undefined {
    const { record, written } = known;
    const series = { count: known.series.count + 1, lastSeenAt: time.now };
    const isWritten = written.count === 1 && this.#isAllowed(allowance, time.monotonic);
    const at = time.monotonic;
    remember(this.#known, key, {
      record,
      series,
      seenAt: at,
      written: isWritten ? { count: series.count, at } : written,
    });
    return isWritten ? { record, series } : undefined;
  }

  #isCombined(similar: string, note: string, monotonic: number): boolean {
    const before = this.#similar.get(similar);
    const notes = before === undefined || monotonic - before.seenAt > similarWithinMs ? [] : [...before.notes];
    const now = new Set([...notes, note]);
    const isCombined = now.size >= mostSimilar;
    // Which of them are remembered does not matter, as long as there is room for one more.
    remember(this.#similar, similar, { notes: isCombined ? new Set(notes) : now, seenAt: monotonic });
    return isCombined;
  }

  /** Takes one from the allowance. */
  #isAllowed(allowance: string, monotonic: number): boolean {
    const { at, left } = this.#allowances.get(allowance) ?? { left: burst, at: monotonic };
    const now = Math.min(burst, left + (monotonic - at) / refillEveryMs);
    remember(this.#allowances, allowance, { left: now >= 1 ? now - 1 : now, at: monotonic });
    return now >= 1;
  }
}

function remember<Value>(memory: Map<string, Value>, key: string, value: Value): void {
  memory.delete(key);
  memory.set(key, value);
  for (const [oldest] of memory) {
    if (memory.size <= mostRemembered) return;
    memory.delete(oldest);
  }
}
