/**
 * Outcome: what one reconcile of one object returns to the engine.
 *
 * Waiting is not failing: `wait` names a duration, only `retry` touches the backoff of the object.
 */
export type Outcome =
  /** Nothing to do until something changes. */
  | { readonly kind: 'settled' }
  /** The object changed under us: look again at once, with a live read. */
  | { readonly kind: 'again' }
  /** Nothing is wrong, but time has to pass. Milliseconds. */
  | { readonly kind: 'wait'; readonly afterMs: number }
  /** Something failed that may go better later; the engine picks the delay, at most `atMostMs` milliseconds. */
  | { readonly kind: 'retry'; readonly atMostMs?: number };

export const settled: Outcome = { kind: 'settled' };
export const again: Outcome = { kind: 'again' };
