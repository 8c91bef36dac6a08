/**
 * Watching a kind, as a state machine without time, network or randomness of its own: `watcher.ts` drives it.
 *
 * Guarantees
 * - After every trouble the next state leads back to watching: there is no final state.
 * - Whatever casts doubt on the position in the stream (expired, a version from the future, a line that does not parse,
 *   silence although bookmarks were asked for) leads to a new list, from which missed deletions are seen. So does a server
 *   that was away: while it was, a backup may have been restored, and our position may stand for something else by now.
 * - A list begins as a stream (KEP-3157), which costs the server and us least; if anything goes wrong in it, the list is
 *   fetched in pages instead.
 * - A list is always asked for without a resource version, which means the newest: after a restored backup versions go
 *   backwards, and a list "not older than" one that we remember would wait for a version that may never come.
 *
 * The figures are those of client-go's reflector.
 */
import type { KubernetesObject } from '../../reconcilers/shared/ports.ts';
import { isOlder, type Page } from './objects.ts';

export type WatchState =
  /** A watch that first tells of all objects there are, one by one. */
  | { readonly kind: 'streaming' }
  | { readonly kind: 'listing'; readonly continueToken: string }
  | Watching
  | { readonly kind: 'pausing'; readonly forMs: number; readonly next: AfterPause };

export interface Watching {
  readonly kind: 'watching';
  readonly resourceVersion: string;
  /** When this watch began, in monotonic milliseconds. */
  readonly since: number;
  readonly heard: boolean;
  /** It follows on trouble, and nothing has been heard since. */
  readonly resumed: boolean;
}

export type AfterPause =
  | { readonly kind: 'stream' }
  | { readonly kind: 'list' }
  | { readonly kind: 'watch'; readonly resourceVersion: string };

/** What was heard. */
export type WatchInput =
  | { readonly kind: 'page'; readonly page: Page }
  | { readonly kind: 'event'; readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubernetesObject }
  /** `endsList`: all objects that there were at the start of a stream have been told of. */
  | { readonly kind: 'bookmark'; readonly resourceVersion: string; readonly endsList: boolean }
  /** The server ended the watch in order. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'trouble'; readonly trouble: Trouble }
  | { readonly kind: 'paused' };

export interface Trouble {
  /**
   * Whether the position in the stream survives. `keep`: surely. `resume`: if the server is there again at the next attempt.
   * `relist`: no.
   */
  readonly effect: 'keep' | 'resume' | 'relist';
  readonly message: string;
  /** How long the server wants to be left alone; 0 if it does not say. */
  readonly retryAfterMs: number;
}

/** What has to be done with objects: put aside while a list is incomplete, or told to the cache. */
export type Delivery =
  | { readonly kind: 'stage'; readonly objects: readonly KubernetesObject[] }
  | { readonly kind: 'unstage'; readonly object: KubernetesObject }
  /** What was put aside is all there is. */
  | { readonly kind: 'replace' }
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
  /** In this order. */
  readonly deliveries?: readonly Delivery[];
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

const pages: WatchState = { kind: 'listing', continueToken: '' };

export const initialMemory: WatchMemory = { state: { kind: 'streaming' }, troubles: { count: 0, lastAt: 0 } };

export function step({ state, troubles }: WatchMemory, input: WatchInput, moment: Moment): WatchStep {
  switch (input.kind) {
    case 'page': {
      const { continueToken, items, resourceVersion } = input.page;
      const stage: Delivery = { kind: 'stage', objects: items };
      if (continueToken !== '') return { state: { kind: 'listing', continueToken }, troubles, deliveries: [stage] };
      return { state: watching(resourceVersion, moment), troubles, deliveries: [stage, { kind: 'replace' }] };
    }
    case 'event':
      return event({ state, troubles }, input.type === 'DELETED', input.object, moment);
    case 'bookmark':
      if (state.kind === 'streaming') {
        if (!input.endsList) return { state, troubles };
        return { state: watching(input.resourceVersion, moment), troubles, deliveries: [{ kind: 'replace' }] };
      }
      return advanced({ state, troubles }, input.resourceVersion, moment);
    case 'ended':
      return ended({ state, troubles }, moment);
    case 'trouble':
      return afterTrouble({ state, troubles }, input.trouble, moment);
    case 'paused':
      return { state: afterPause(state, moment), troubles };
  }
}

function event({ state, troubles }: WatchMemory, isGone: boolean, object: KubernetesObject, moment: Moment): WatchStep {
  if (state.kind === 'streaming') {
    // Whatever changes while the objects are told of is told of in between.
    return {
      state,
      troubles,
      deliveries: [isGone ? { kind: 'unstage', object } : { kind: 'stage', objects: [object] }],
    };
  }
  const delivery: Delivery = { kind: isGone ? 'remove' : 'apply', object };
  return advanced({ state, troubles }, object.metadata.resourceVersion, moment, delivery);
}

function advanced({ state, troubles }: WatchMemory, version: string, moment: Moment, delivery?: Delivery): WatchStep {
  if (state.kind !== 'watching') return { state, troubles };
  if (isOlder(version, state.resourceVersion)) {
    const message = `resource version went back from ${state.resourceVersion} to ${version}`;
    return pause({ state, troubles }, { effect: 'relist', message, retryAfterMs: 0 }, moment);
  }
  const next: WatchState = { ...state, resourceVersion: version, heard: true, resumed: false };
  return delivery === undefined ? { state: next, troubles } : { state: next, troubles, deliveries: [delivery] };
}

function ended({ state, troubles }: WatchMemory, moment: Moment): WatchStep {
  if (state.kind === 'streaming') {
    const message = 'list ended before all objects were told of';
    return afterTrouble({ state, troubles }, { effect: 'relist', message, retryAfterMs: 0 }, moment);
  }
  if (state.kind !== 'watching') return { state, troubles };
  if (!state.heard && moment.now - state.since < shortestWatchMs) {
    const trouble: Trouble = { effect: 'keep', message: 'watch ended at once', retryAfterMs: 0 };
    return pause({ state, troubles }, trouble, moment);
  }
  return { state: watching(state.resourceVersion, moment, state.resumed), troubles };
}

function afterTrouble(memory: WatchMemory, trouble: Trouble, moment: Moment): WatchStep {
  // Most likely the server does not stream lists: pages do not have to wait.
  if (memory.state.kind === 'streaming' && trouble.effect === 'relist') {
    return { state: pages, troubles: memory.troubles, warning: trouble.message };
  }
  return pause(memory, trouble, moment);
}

function pause({ state, troubles }: WatchMemory, trouble: Trouble, { now, fraction }: Moment): WatchStep {
  const recent = troubles.count > 0 && now - troubles.lastAt <= forgetTroublesAfterMs;
  const count = recent ? troubles.count + 1 : 1;
  const base = Math.min(longestPauseMs, firstPauseMs * 2 ** (count - 1));
  const forMs = Math.max(base * (1 + fraction), trouble.retryAfterMs);
  return {
    state: { kind: 'pausing', forMs, next: nextOf(state, trouble) },
    troubles: { count, lastAt: now },
    warning: trouble.message,
  };
}

function nextOf(state: WatchState, { effect }: Trouble): AfterPause {
  if (state.kind === 'streaming') return { kind: 'list' };
  if (state.kind !== 'watching' || effect === 'relist') return { kind: 'stream' };
  if (effect === 'resume' && state.resumed) return { kind: 'stream' };
  return { kind: 'watch', resourceVersion: state.resourceVersion };
}

function afterPause(state: WatchState, moment: Moment): WatchState {
  if (state.kind !== 'pausing' || state.next.kind === 'stream') return initialMemory.state;
  return state.next.kind === 'list' ? pages : watching(state.next.resourceVersion, moment, true);
}

function watching(resourceVersion: string, { now }: Moment, resumed = false): Watching {
  return { kind: 'watching', resourceVersion, since: now, heard: false, resumed };
}
