/**
 * Giving memory back: by a weak reference, which only a collection clears.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { collectGarbage } from '../../../src/controller/heap.ts';

test('what nobody refers to is collected, and the process goes on', async () => {
  const garbage = new WeakRef({ size: 1 });
  // A weak reference holds what it refers to until the present turn of the event loop ends.
  await turn();
  collectGarbage();
  await turn();
  await turn();
  expect(garbage.deref()).toBeUndefined();
});
