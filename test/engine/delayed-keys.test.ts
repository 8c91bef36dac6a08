/**
 * Keys with due times, against a sorted list.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DelayedKeys } from '../../src/controller/delayed-keys.ts';

test('gives keys out in the order of their due times, however often these change', () => {
  const command = fc.oneof(
    { weight: 5, arbitrary: fc.record({ key: fc.nat(30), dueAt: fc.nat(100) }) },
    fc.record({ until: fc.nat(100) }),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 100 }), (commands) => {
      const keys = new DelayedKeys();
      let model: { key: string; dueAt: number }[] = [];
      for (const one of [...commands, { until: 100 }]) {
        if ('until' in one) {
          const due = model.filter(({ dueAt }) => dueAt <= one.until);
          expect(keys.removeDue(one.until)).toEqual(due.toSorted((a, b) => a.dueAt - b.dueAt).map(({ key }) => key));
          model = model.filter(({ dueAt }) => dueAt > one.until);
        } else {
          const key = String(one.key);
          keys.set(key, one.dueAt);
          // The same time again changes nothing, not even the place among equals.
          if (model.some((entry) => entry.key === key && entry.dueAt === one.dueAt)) continue;
          model = [...model.filter((entry) => entry.key !== key), { key, dueAt: one.dueAt }];
        }
        expect(keys.earliest()).toBe(model.length === 0 ? undefined : Math.min(...model.map(({ dueAt }) => dueAt)));
        for (const { dueAt, key } of model) expect(keys.dueAt(key)).toBe(dueAt);
      }
    }),
  );
});
