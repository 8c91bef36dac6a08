/**
 * Watching as a state machine: what follows from what, without time or network.
 */
import { describe, expect, test } from 'vitest';
import type { Page } from '../../src/providers/kubernetes/objects.ts';
import { step, type WatchInput, type WatchMemory } from '../../src/providers/kubernetes/watch-state.ts';
import { inputOf } from '../../src/providers/kubernetes/watch-event.ts';
import { kubernetesObject } from '../support/kubernetes-objects.ts';

const [one, two] = [kubernetesObject('one', 11), kubernetesObject('two', 12)];
const now = 1_000_000;
const calm = { count: 0, lastAt: 0 };
const watchingAt = (resourceVersion: string, heard = false, since = now - 60_000, resumed = false): WatchMemory => ({
  state: { kind: 'watching', resourceVersion, since, heard, resumed },
  troubles: calm,
});
const page = (items: Page['items'], resourceVersion: string, continueToken = ''): WatchInput => ({
  kind: 'page',
  page: { items, resourceVersion, continueToken },
});
const bookmark = (resourceVersion: string, endsList = false): WatchInput => ({
  kind: 'bookmark',
  resourceVersion,
  endsList,
});
const streaming: WatchMemory = { state: { kind: 'streaming' }, troubles: calm };
const listing = (continueToken = ''): WatchMemory => ({ state: { kind: 'listing', continueToken }, troubles: calm });
const trouble = (effect: 'keep' | 'resume' | 'relist', retryAfterMs = 0): WatchInput => ({
  kind: 'trouble',
  trouble: { effect, message: 'something', retryAfterMs },
});

describe('step()', () => {
  test.for([
    {
      name: 'an object of a list that streams is put aside',
      why: 'half a list would look like deletions',
      memory: streaming,
      input: { kind: 'event' as const, type: 'ADDED' as const, object: one },
      want: { ...streaming, deliveries: [{ kind: 'stage', objects: [one] }] },
    },
    {
      name: 'an object that goes while the list streams is taken off it',
      why: 'it is not there any more',
      memory: streaming,
      input: { kind: 'event' as const, type: 'DELETED' as const, object: one },
      want: { ...streaming, deliveries: [{ kind: 'unstage', object: one }] },
    },
    {
      name: 'an ordinary bookmark in a list that streams says nothing',
      why: 'more objects may come',
      memory: streaming,
      input: bookmark('20'),
      want: streaming,
    },
    {
      name: 'the bookmark at the end of the list replaces everything, and the stream goes on as a watch',
      why: 'the watch begins exactly where the list ends',
      memory: streaming,
      input: bookmark('20', true),
      want: { ...watchingAt('20', false, now), deliveries: [{ kind: 'replace' }] },
    },
    {
      name: 'a refused stream is followed by pages at once',
      why: 'the server does not stream lists',
      memory: streaming,
      input: trouble('relist'),
      want: { ...listing(), warning: 'something' },
    },
    {
      name: 'a stream that ends too early is followed by pages at once',
      why: 'half a list is no list',
      memory: streaming,
      input: { kind: 'ended' as const },
      want: { ...listing(), warning: 'list ended before all objects were told of' },
    },
    {
      name: 'a cut stream is followed by pages after a pause',
      why: 'the server is in trouble, and the stream may be what troubles it',
      memory: streaming,
      input: trouble('resume'),
      want: {
        state: { kind: 'pausing', forMs: 1_200, next: { kind: 'list' } },
        troubles: { count: 1, lastAt: now },
        warning: 'something',
      },
    },
    {
      name: 'a first page of several is put aside',
      why: 'half a list would look like deletions',
      memory: listing(),
      input: page([one], '20', 'more'),
      want: { ...listing('more'), deliveries: [{ kind: 'stage', objects: [one] }] },
    },
    {
      name: 'the last page replaces everything and starts the watch where the list ends',
      why: 'the watch must begin exactly where the list ends',
      memory: listing('more'),
      input: page([two], '20'),
      want: {
        ...watchingAt('20', false, now),
        deliveries: [{ kind: 'stage', objects: [two] }, { kind: 'replace' }],
      },
    },
    {
      name: 'an event moves the position on',
      why: 'the next watch resumes behind it',
      memory: watchingAt('10'),
      input: { kind: 'event' as const, type: 'MODIFIED' as const, object: one },
      want: { ...watchingAt('11', true), deliveries: [{ kind: 'apply', object: one }] },
    },
    {
      name: 'a deletion is told',
      why: 'the cache has to forget it',
      memory: watchingAt('10'),
      input: { kind: 'event' as const, type: 'DELETED' as const, object: one },
      want: { ...watchingAt('11', true), deliveries: [{ kind: 'remove', object: one }] },
    },
    {
      name: 'a bookmark moves the position on and tells nothing',
      why: 'a quiet kind must not fall out of the history',
      memory: watchingAt('10'),
      input: bookmark('9999999999999999999999'),
      want: watchingAt('9999999999999999999999', true),
    },
    {
      name: 'a version that goes back casts doubt on everything',
      why: 'a backup was restored under us',
      memory: watchingAt('10'),
      input: bookmark('9'),
      want: {
        state: { kind: 'pausing', forMs: 1_200, next: { kind: 'stream' } },
        troubles: { count: 1, lastAt: now },
        warning: 'resource version went back from 10 to 9',
      },
    },
    {
      name: 'an orderly end continues at once',
      why: 'the server ends each watch after some minutes',
      memory: watchingAt('10', true),
      input: { kind: 'ended' as const },
      want: watchingAt('10', false, now),
    },
    {
      name: 'an end at once without a word pauses',
      why: 'a server that closes every watch must not be flooded',
      memory: watchingAt('10', false, now - 500),
      input: { kind: 'ended' as const },
      want: {
        state: { kind: 'pausing', forMs: 1_200, next: { kind: 'watch', resourceVersion: '10' } },
        troubles: { count: 1, lastAt: now },
        warning: 'watch ended at once',
      },
    },
    {
      name: 'a server that ends every watch at once is there, so that no list is needed',
      why: 'a list would be ended, too, and costs more',
      memory: { ...watchingAt('10', false, now - 500, true), troubles: { count: 1, lastAt: now } },
      input: { kind: 'ended' as const },
      want: {
        state: { kind: 'pausing', forMs: 2_400, next: { kind: 'watch', resourceVersion: '10' } },
        troubles: { count: 2, lastAt: now },
        warning: 'watch ended at once',
      },
    },
    {
      name: 'a cut connection resumes at its position',
      why: 'a list of everything costs the server more than a watch',
      memory: watchingAt('10', true),
      input: trouble('resume'),
      want: {
        state: { kind: 'pausing', forMs: 1_200, next: { kind: 'watch', resourceVersion: '10' } },
        troubles: { count: 1, lastAt: now },
        warning: 'something',
      },
    },
    {
      name: 'a failed page starts the list from its beginning',
      why: 'the rest of a list belongs to a state that may be gone',
      memory: listing('more'),
      input: trouble('resume'),
      want: {
        state: { kind: 'pausing', forMs: 1_200, next: { kind: 'stream' } },
        troubles: { count: 1, lastAt: now },
        warning: 'something',
      },
    },
    {
      name: 'troubles in a row wait longer, up to the limit and its jitter',
      why: 'the server is in trouble, too',
      memory: { ...watchingAt('10'), troubles: { count: 9, lastAt: now - 119_000 } },
      input: trouble('relist'),
      want: {
        state: { kind: 'pausing', forMs: 45_000, next: { kind: 'stream' } },
        troubles: { count: 10, lastAt: now },
        warning: 'something',
      },
    },
    {
      name: 'after two calm minutes a trouble is a first one',
      why: 'yesterday says nothing about today',
      memory: { ...watchingAt('10'), troubles: { count: 9, lastAt: now - 121_000 } },
      input: trouble('relist'),
      want: {
        state: { kind: 'pausing', forMs: 1_200, next: { kind: 'stream' } },
        troubles: { count: 1, lastAt: now },
        warning: 'something',
      },
    },
    {
      name: 'the server may ask for a longer pause',
      why: 'it knows its load',
      memory: watchingAt('10'),
      input: trouble('resume', 7_000),
      want: {
        state: { kind: 'pausing', forMs: 7_000, next: { kind: 'watch', resourceVersion: '10' } },
        troubles: { count: 1, lastAt: now },
        warning: 'something',
      },
    },
    {
      name: 'after a pause the watch goes on at its position',
      why: 'nothing between may be missed',
      memory: {
        state: { kind: 'pausing' as const, forMs: 1, next: { kind: 'watch' as const, resourceVersion: '10' } },
        troubles: calm,
      },
      input: { kind: 'paused' as const },
      want: watchingAt('10', false, now, true),
    },
    {
      name: 'an event after a trouble shows that the position is good',
      why: 'the server goes on with the history that we know',
      memory: watchingAt('10', false, now, true),
      input: { kind: 'event' as const, type: 'MODIFIED' as const, object: one },
      want: { ...watchingAt('11', true, now), deliveries: [{ kind: 'apply', object: one }] },
    },
    {
      name: 'a server that was away for more than one attempt is asked for a new list',
      why: 'it may have come back with an older state, in which our position stands for something else',
      memory: { ...watchingAt('10', false, now, true), troubles: { count: 1, lastAt: now } },
      input: trouble('resume'),
      want: {
        state: { kind: 'pausing', forMs: 2_400, next: { kind: 'stream' } },
        troubles: { count: 2, lastAt: now },
        warning: 'something',
      },
    },
    {
      name: 'a server that has too much to do is not asked for a list on top of that',
      why: 'it is there, and it is the same',
      memory: { ...watchingAt('10', false, now, true), troubles: { count: 1, lastAt: now } },
      input: trouble('keep'),
      want: {
        state: { kind: 'pausing', forMs: 2_400, next: { kind: 'watch', resourceVersion: '10' } },
        troubles: { count: 2, lastAt: now },
        warning: 'something',
      },
    },
    {
      name: 'after a pause that followed doubt comes a new list',
      why: 'only a list shows missed deletions',
      memory: { state: { kind: 'pausing' as const, forMs: 1, next: { kind: 'stream' as const } }, troubles: calm },
      input: { kind: 'paused' as const },
      want: streaming,
    },
    {
      name: 'after a pause that followed a cut list come pages',
      why: 'the stream did not work',
      memory: { state: { kind: 'pausing' as const, forMs: 1, next: { kind: 'list' as const } }, troubles: calm },
      input: { kind: 'paused' as const },
      want: listing(),
    },
  ])('$name', ({ input, memory, want, why }) => {
    expect(step(memory, input, { now, fraction: 0.5 }), why).toEqual(want);
  });
});

describe('inputOf()', () => {
  const status = (code: number, reason: string, message = 'said the server') =>
    JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code, reason, message } });
  test.for([
    {
      name: 'an event',
      why: 'managedFields are half of an object and nothing to us',
      line: JSON.stringify({
        type: 'ADDED',
        object: { ...one, metadata: { ...one.metadata, managedFields: [{ manager: 'x' }] } },
      }),
      want: { kind: 'event', type: 'ADDED', object: one },
    },
    {
      name: 'a bookmark, which has no name',
      why: 'it is no object',
      line: JSON.stringify({ type: 'BOOKMARK', object: { kind: 'Thing', metadata: { resourceVersion: '30' } } }),
      want: { kind: 'bookmark', resourceVersion: '30', endsList: false },
    },
    {
      name: 'the bookmark at the end of a list that streamed',
      why: 'only its annotation tells it from others',
      line: JSON.stringify({
        type: 'BOOKMARK',
        object: {
          kind: 'Thing',
          metadata: { resourceVersion: '30', annotations: { 'k8s.io/initial-events-end': 'true' } },
        },
      }),
      want: { kind: 'bookmark', resourceVersion: '30', endsList: true },
    },
    { name: '410 in the stream', why: 'history is gone', line: status(410, 'Expired'), want: 'relist' },
    {
      name: '429 in the stream',
      why: 'the position is still good',
      line: status(429, 'TooManyRequests'),
      want: 'keep',
    },
    {
      name: '500 in the stream',
      why: 'the position is still good',
      line: status(500, 'InternalError'),
      want: 'resume',
    },
    {
      name: 'a version from the future',
      why: 'a backup was restored',
      line: status(504, 'Timeout', 'Timeout: Too large resource version: 900, current: 20'),
      want: 'relist',
    },
    { name: 'an error without a code', why: 'nobody knows what it means', line: status(0, ''), want: 'relist' },
    { name: 'half a line', why: 'an event may be lost', line: '{"type":"ADD', want: 'relist' },
    { name: 'JSON of another kind', why: 'an event may be lost', line: '{"kind":"Status"}', want: 'relist' },
    { name: 'an unknown type', why: 'it may be a change', line: '{"type":"MOVED","object":{}}', want: 'relist' },
    {
      name: 'an event without an object',
      why: 'it was a change',
      line: '{"type":"ADDED","object":{}}',
      want: 'relist',
    },
  ])('$name', ({ line, want, why }) => {
    const input = inputOf('watch things', line);
    if (typeof want === 'string') expect(input, why).toMatchObject({ kind: 'trouble', trouble: { effect: want } });
    else expect(input, why).toEqual(want);
  });
});
