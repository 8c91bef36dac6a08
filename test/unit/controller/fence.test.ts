/**
 * The fence: when a write may go out.
 */
import { expect, test } from 'vitest';
import { FenceClosedError, LeaderFence, openFence } from '../../../src/controller/fence.ts';

function stage() {
  let elapsed = 0;
  const fence = new LeaderFence({ monotonic: () => elapsed });
  return { fence, at: (moment: number) => (elapsed = moment), isOpen: () => isOpen(fence) };
}

function isOpen(fence: LeaderFence): boolean {
  try {
    fence.assertSurelyLeader();
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(FenceClosedError);
    return false;
  }
}

test('is closed before the lease was ever ours', () => {
  expect(stage().isOpen()).toBe(false);
});

test('is open until the moment that was named, and not at that moment', () => {
  const { at, fence, isOpen: open } = stage();
  fence.holdUntil(100);
  at(99);
  expect(open()).toBe(true);
  at(100);
  expect(open(), 'from here on somebody else may lead').toBe(false);
  fence.holdUntil(200);
  expect([open(), fence.heldUntil]).toEqual([true, 200]);
});

test('once closed stays closed, and says why', () => {
  const { fence } = stage();
  fence.holdUntil(Number.POSITIVE_INFINITY);
  fence.close('the process is stopping');
  fence.close('something else');
  fence.holdUntil(Number.POSITIVE_INFINITY);
  expect(() => fence.assertSurelyLeader()).toThrow('Cannot write: the process is stopping');
});

test('of one that writes alone is always open', () => {
  expect(() => openFence.assertSurelyLeader()).not.toThrow();
});
