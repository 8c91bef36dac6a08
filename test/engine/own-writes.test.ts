/**
 * Our own writes between the answer and the watch, on a fake clock.
 */
import { describe, expect, test } from 'vitest';
import { type Change, ObjectCache } from '../../src/providers/kubernetes/object-cache.ts';
import { OwnWrites } from '../../src/providers/kubernetes/own-writes.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { kubernetesObject } from '../support/kubernetes-objects.ts';
import { recordedLog } from '../support/log-lines.ts';

const key = { namespace: 'default', name: 'one' };
const version = (number: number) => kubernetesObject('one', number, {}, number);

function stage() {
  const clock = new FakeClock();
  const { log } = recordedLog();
  const cache = new ObjectCache({}, log);
  const writes = new OwnWrites(cache, clock, log);
  cache.replace([version(9)]);
  const heard: (string | undefined)[] = [];
  writes.subscribe(({ after }: Change) => heard.push(after?.metadata.resourceVersion));
  return {
    cache,
    clock,
    heard,
    writes,
    newest: () => writes.newest(key)?.metadata.resourceVersion,
    write: async (from: number, to: number) => await writes.track(version(from), async () => version(to)),
  };
}

describe('OwnWrites', () => {
  test('shows an own write at once, and others when the cache has caught up', async () => {
    const { cache, heard, newest, write } = stage();
    await write(9, 10);
    expect(newest()).toBe('10');
    cache.apply(version(10));
    expect([newest(), heard], 'whoever wrote knows').toEqual(['10', []]);
    cache.apply(version(12));
    expect([newest(), heard]).toEqual(['12', ['12']]);
  });

  test('does not fall back to an older event of somebody else', async () => {
    const { cache, heard, newest, write } = stage();
    await write(9, 100);
    cache.apply(version(99));
    expect([newest(), heard]).toEqual(['100', ['99']]);
  });

  test('knows each of several own writes when the watch shows them later', async () => {
    const { cache, heard, newest, write } = stage();
    await write(9, 10);
    await write(10, 11);
    cache.apply(version(10));
    expect([newest(), heard]).toEqual(['11', []]);
    cache.apply(version(11));
    expect(heard).toEqual([]);
  });

  test('shows what somebody else wrote later also while our next write is under way', async () => {
    const { cache, newest, write, writes } = stage();
    await write(9, 10);
    const answer = Promise.withResolvers<ReturnType<typeof version>>();
    const writing = writes.track(version(10), async () => await answer.promise);
    cache.apply(version(12));
    expect(newest()).toBe('12');
    answer.reject(new Error('conflict'));
    await expect(writing).rejects.toThrow('conflict');
  });

  test('believes the cache again when the watch does not catch up in time', async () => {
    const { clock, newest, write } = stage();
    await write(9, 10);
    await clock.advance(10_000);
    expect(newest()).toBe('10');
    await clock.advance(1);
    expect(newest(), 'a restored backup goes back for good').toBe('9');
  });

  test('knows an own write also when the watch was faster than the answer', async () => {
    const { cache, heard, writes } = stage();
    const answer = Promise.withResolvers<ReturnType<typeof version>>();
    const writing = writes.track(version(9), async () => await answer.promise);
    cache.apply(version(10));
    cache.apply(version(11));
    expect(heard, 'nobody can tell yet whose it is').toEqual([]);
    answer.resolve(version(10));
    await writing;
    expect(heard).toEqual(['11']);
  });

  test('tells of a write whose answer was lost like of anybody else’s', async () => {
    const { cache, heard, newest, writes } = stage();
    const answer = Promise.withResolvers<ReturnType<typeof version>>();
    const writing = writes.track(version(9), async () => await answer.promise);
    cache.apply(version(10));
    answer.reject(new Error('socket hang up'));
    await expect(writing).rejects.toThrow('socket hang up');
    expect([newest(), heard]).toEqual(['10', ['10']]);
  });

  test('does not bring a deleted object back, whichever comes first', async () => {
    const { cache, heard, newest, write, writes } = stage();
    await write(9, 10);
    cache.remove(version(11));
    expect([newest(), heard]).toEqual([undefined, [undefined]]);

    cache.replace([version(20)]);
    const answer = Promise.withResolvers<ReturnType<typeof version>>();
    const writing = writes.track(version(20), async () => await answer.promise);
    cache.remove(version(21));
    answer.resolve(version(21));
    await writing;
    expect(newest(), 'taking the last finalizer off is such a write').toBeUndefined();
    expect(heard).toEqual([undefined, '20', undefined]);
  });

  test('has nothing to do with a new object of the same name', async () => {
    const { cache, newest, write } = stage();
    await write(9, 10);
    cache.apply(kubernetesObject('one', 5, { uid: 'another' }));
    expect(newest()).toBe('5');
  });

  test('a write that changes nothing holds nothing back', async () => {
    const { cache, heard, write } = stage();
    await write(9, 9);
    cache.apply(version(10));
    expect(heard).toEqual(['10']);
  });
});
