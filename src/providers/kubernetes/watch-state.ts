/**
 * Watching a kind, as a state machine without time, network or randomness of its own: `watcher.ts` drives it.
 *
 * Guarantees
 * - After every trouble the next state leads back to watching: there is no final state.
 * - Whatever casts doubt on the position in the stream (expired, a version from the future, a line that does not parse,
 *   silence although bookmarks were asked for) leads to a new list, from which missed deletions are seen.
 * - A list is always asked for without a resource version, which means the newest: after a restored backup versions go
 *   backwards, and a list "not older than" one that we remember would wait for a version that may never come.
 *
 * The figures are those of client-go's reflector.
 */
import type { KubernetesObject } from '../../reconcilers/shared/ports.ts';
import { isOlder, type Page } from './objects.ts';

export type WatchState =
  /** `items` are those of the pages so far. */
  | { readonly kind: 'listing'; readonly items: readonly KubernetesObject[]; readonly continueToken: string }
  | { readonly kind: 'watching'; readonly resourceVersion: string; readonly since: number; readonly heard: boolean }
  | { readonly kind: 'pausing'; readonly forMs: number; readonly next: AfterPause };

export type AfterPause = { readonly kind: 'list' } | { readonly kind: 'watch'; readonly resourceVersion: string };

/** What was heard. */
export type WatchInput =
  | { readonly kind: 'page'; readonly page: Page }
  | { readonly kind: 'event'; readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubernetesObject }
  | { readonly kind: 'bookmark'; readonly resourceVersion: string }
  /** The server ended the watch in order. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'trouble'; readonly trouble: Trouble }
  | { readonly kind: 'paused' };

/** Whether the position in the stream survives. */
export interface Trouble {
  readonly effect: 'resume' | 'relist';
  readonly message: string;
  /** How long the server wants to be left alone; 0 if it does not say. */
  readonly retryAfterMs: number;
}

/** What the cache has to be told. */
export type Delivery =
  | { readonly kind: 'replace'; readonly objects: readonly KubernetesObject[] }
  | { readonly kind: 'apply'; readonly object: KubernetesObject }
  | { readonly kind: 'remove'; readonly object: KubernetesObject };

/** Troubles in a row, and when the last one was, in monotonic milliseconds. */
export interface Troubles {
  readonly count: number;
  readonly lastAt: number;
}

/** Everything that is remembered between two steps. */
export interface WatchMemory {
  readonly state: WatchState;
  readonly troubles: Troubles;
}

export interface WatchStep extends WatchMemory {
  readonly delivery?: Delivery;
  readonly warning?: string;
}

/** What a step may know of time and chance: monotonic milliseconds, and a number from 0 to below 1. */
export interface Moment {
  readonly now: number;
  readonly fraction: number;
}

const firstPauseMs = 800;
const longestPauseMs = 30_000;
const forgetTroublesAfterMs = 120_000;
/** A watch that ends sooner without a word is no clean end but a server in trouble. */
const shortestWatchMs = 1_000;

const freshList: WatchState = { kind: 'listing', items: [], continueToken: '' };

export const initialMemory: WatchMemory = { state: freshList, troubles: { count: 0, lastAt: 0 } };

export function step({ state, troubles }: WatchMemory, input: WatchInput, moment: Moment): WatchStep {
  switch (input.kind) {
    case 'page': {
      const items = [...(state.kind === 'listing' ? state.items : []), ...input.page.items];
      const { continueToken, resourceVersion } = input.page;
      if (continueToken !== '') return { state: { kind: 'listing', items, continueToken }, troubles };
      return { state: watching(resourceVersion, moment), troubles, delivery: { kind: 'replace', objects: items } };
    }
    case 'event':
      return advanced({ state, troubles }, input.object.metadata.resourceVersion, moment, {
        kind: input.type === 'DELETED' ? 'remove' : 'apply',
        object: input.object,
      });
    case 'bookmark':
      return advanced({ state, troubles }, input.resourceVersion, moment);
    case 'ended':
      return ended({ state, troubles }, moment);
    case 'trouble':
      return pause({ state, troubles }, input.trouble, moment);
    case 'paused':
      return { state: afterPause(state, moment), troubles };
  }
}

function advanced({ state, troubles }: WatchMemory, version: string, moment: Moment, delivery?: Delivery): WatchStep {
  if (state.kind !== 'watching') return { state, troubles };
  if (isOlder(version, state.resourceVersion)) {
    const message = `resource version went back from ${state.resourceVersion} to ${version}`;
    return pause({ state, troubles }, { effect: 'relist', message, retryAfterMs: 0 }, moment);
  }
  const next: WatchState = { ...state, resourceVersion: version, heard: true };
  return delivery === undefined ? { state: next, troubles } : { state: next, troubles, delivery };
}

function ended({ state, troubles }: WatchMemory, moment: Moment): WatchStep {
  if (state.kind !== 'watching') return { state, troubles };
  if (!state.heard && moment.now - state.since < shortestWatchMs) {
    const trouble: Trouble = { effect: 'resume', message: 'watch ended at once', retryAfterMs: 0 };
    return pause({ state, troubles }, trouble, moment);
  }
  return { state: watching(state.resourceVersion, moment), troubles };
}

function pause({ state, troubles }: WatchMemory, trouble: Trouble, { now, fraction }: Moment): WatchStep {
  const recent = troubles.count > 0 && now - troubles.lastAt <= forgetTroublesAfterMs;
  const count = recent ? troubles.count + 1 : 1;
  const base = Math.min(longestPauseMs, firstPauseMs * 2 ** (count - 1));
  const forMs = Math.max(base * (1 + fraction), trouble.retryAfterMs);
  const resume = trouble.effect === 'resume' && state.kind === 'watching';
  return {
    state: {
      kind: 'pausing',
      forMs,
      next: resume ? { kind: 'watch', resourceVersion: state.resourceVersion } : { kind: 'list' },
    },
    troubles: { count, lastAt: now },
    warning: trouble.message,
  };
}

function afterPause(state: WatchState, moment: Moment): WatchState {
  if (state.kind !== 'pausing' || state.next.kind === 'list') return freshList;
  return watching(state.next.resourceVersion, moment);
}

function watching(resourceVersion: string, { now }: Moment): WatchState {
  return { kind: 'watching', resourceVersion, since: now, heard: false };
}
