/**
 * Event correlation: what becomes of events that come again, that resemble each other, or that come too often.
 */
import { describe, expect, test } from 'vitest';
import { EventCorrelation } from '../../src/providers/kubernetes/event-correlation.ts';
import type { EventNote } from '../../src/reconcilers/shared/ports.ts';

const minute = 60_000;
const note: EventNote = { type: 'Warning', reason: 'CleanupFailed', action: 'Delete', note: 'left' };

/** One step: an event, or "sweep" for a look at what is overdue. */
interface Step {
  readonly at: number;
  readonly event: Partial<EventNote> | 'sweep';
  readonly uid?: string;
}

/** What is written, in short: "new NOTE", or "NOTE ×COUNT". */
function written(steps: readonly Step[]): readonly string[] {
  const correlation = new EventCorrelation<string>();
  return steps.flatMap(({ at, event, uid = 'one' }) => {
    const time = { monotonic: at, now: at };
    const writes =
      event === 'sweep'
        ? correlation.overdue(time)
        : [correlation.observe(uid, { ...note, ...event }, time, (text) => text)].filter((one) => one !== undefined);
    return writes.map(({ record, series }) => (series === undefined ? `new ${record}` : `${record} ×${series.count}`));
  });
}

function times<Value>(count: number, make: (index: number) => Value): readonly Value[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

describe('EventCorrelation', () => {
  test.for<{ name: string; why: string; steps: readonly Step[]; want: readonly string[] }>([
    {
      name: 'the same again is written at its second time, and counted from then on',
      why: 'each write is a request',
      steps: times(5, (index) => ({ at: index * 1_000, event: {} })),
      want: ['new left', 'left ×2'],
    },
    {
      name: 'a series that goes on is written every half hour',
      why: 'events are kept for an hour after their last write',
      steps: times(13, (index) => [
        { at: index * 5 * minute, event: {} },
        { at: index * 5 * minute, event: 'sweep' as const },
      ]).flat(),
      want: ['new left', 'left ×2', 'left ×8'],
    },
    {
      name: 'a series that has ended is written with its last count, once',
      why: 'its count must be right in the end',
      steps: [
        ...times(4, (index) => ({ at: index, event: {} })),
        { at: 5 * minute, event: 'sweep' },
        { at: 7 * minute, event: 'sweep' },
        { at: 14 * minute, event: 'sweep' },
      ],
      want: ['new left', 'left ×2', 'left ×4'],
    },
    {
      name: 'a single event leaves nothing to write',
      why: 'the common case',
      steps: [
        { at: 0, event: {} },
        { at: 7 * minute, event: 'sweep' },
      ],
      want: ['new left'],
    },
    {
      name: 'the same after a pause of six minutes is a new event',
      why: 'it is another occasion',
      steps: [
        { at: 0, event: {} },
        { at: 6 * minute, event: {} },
      ],
      want: ['new left', 'new left'],
    },
    {
      name: 'another object, type, reason, action or note is another event',
      why: 'a person wants to see each',
      steps: [
        { at: 0, event: {} },
        { at: 0, event: {}, uid: 'two' },
        { at: 0, event: { type: 'Normal' } },
        { at: 0, event: { reason: 'Deleting' } },
        { at: 0, event: { action: 'Retry' } },
        { at: 0, event: { note: 'gone' } },
      ],
      want: ['new left', 'new left', 'new left', 'new left', 'new left', 'new gone'],
    },
    {
      name: 'from the tenth on, events that differ in their note only are combined',
      why: 'a note with a changing detail must not fill the list',
      steps: times(14, (index) => ({ at: index, event: { note: `n${index}` } })),
      want: [
        ...times(9, (index) => `new n${index}`),
        'new (combined from similar events): n9',
        '(combined from similar events): n9 ×2',
      ],
    },
    {
      name: 'after ten minutes without any they are told one by one again',
      why: 'it is another occasion',
      steps: [
        ...times(10, (index) => ({ at: index, event: { note: `n${index}` } })),
        { at: 10 * minute + 10, event: { note: 'late' } },
      ],
      want: [...times(9, (index) => `new n${index}`), 'new (combined from similar events): n9', 'new late'],
    },
    {
      name: 'an object gets 25 new events, and one more every five minutes',
      why: 'one object must not drown the others',
      steps: [
        ...times(30, (index) => ({ at: 0, event: { reason: `R${index}`, note: `n${index}` } })),
        { at: 5 * minute - 1, event: { reason: 'R', note: 'too early' } },
        { at: 5 * minute, event: { reason: 'R', note: 'in time' } },
        { at: 5 * minute, event: { reason: 'S', note: 'too soon after' } },
        { at: 5 * minute, event: { reason: 'T', note: 'other type', type: 'Normal' } },
        { at: 5 * minute, event: { note: 'other object' }, uid: 'two' },
      ],
      want: [...times(25, (index) => `new n${index}`), 'new in time', 'new other type', 'new other object'],
    },
    {
      name: 'a second time without allowance is written at the end',
      why: 'only the allowance is spent, not the count',
      steps: [
        ...times(25, (index) => ({ at: 0, event: { reason: `R${index}`, note: `n${index}` } })),
        { at: 1, event: { reason: 'R0', note: 'n0' } },
        { at: 2, event: { reason: 'R0', note: 'n0' } },
        { at: 7 * minute, event: 'sweep' },
      ],
      want: [...times(25, (index) => `new n${index}`), 'n0 ×3'],
    },
  ])('$name', ({ steps, want, why }) => {
    expect(written(steps), why).toEqual(want);
  });

  test('forgets the oldest of many thousands, and is idle when all is told', () => {
    const correlation = new EventCorrelation<string>();
    const time = { monotonic: 0, now: 0 };
    const observe = (uid: string) => correlation.observe(uid, note, time, () => uid);
    for (let index = 0; index < 5_000; index += 1) observe(`object ${index}`);
    expect(observe('object 4999')?.series?.count, 'known').toBe(2);
    expect(observe('object 0')?.series, 'forgotten').toBeUndefined();
    expect(correlation.isIdle).toBe(false);
    correlation.overdue({ monotonic: 7 * minute });
    expect(correlation.isIdle).toBe(true);
  });
});
