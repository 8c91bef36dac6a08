/**
 * What follows on one attempt to carry out a request, pure.
 *
 * Guarantees
 * - What may have been carried out is never repeated. Surely not carried out is what the server refused to look at: with
 *   401, with 429, or by closing the stream or the connection unprocessed (RFC 9113, 8.7).
 * - A read is also repeated after a 5xx whose Retry-After asks for it, as client-go does.
 * - Nothing is repeated beyond the deadline: the last answer counts then.
 */

/** How one attempt ended. */
export type Outcome =
  /** `retryAfterMs` is undefined if the answer has no Retry-After. */
  | { readonly kind: 'reply'; readonly status: number; readonly retryAfterMs: number | undefined }
  /** No answer; the server surely did nothing. */
  | { readonly kind: 'unprocessed' }
  /** No answer, or not all of it; the server may have done everything. */
  | { readonly kind: 'lost' };

/** Repetitions so far. */
export interface Repetitions {
  readonly renewals: number;
  readonly waits: number;
  readonly resends: number;
}

export type Next =
  | { readonly kind: 'end' }
  /** Again after a pause, which may be 0; first with renewed credentials if `renew` says so. */
  | { readonly kind: 'again'; readonly afterMs: number; readonly renew: boolean; readonly repetitions: Repetitions };

export const noRepetitions: Repetitions = { renewals: 0, waits: 0, resends: 0 };

/** The figure of client-go. */
const mostWaits = 10;
/** A server that is taking its connections down one after the other may refuse one request several times. */
const mostResends = 5;

/** `remainingMs` is the time until the deadline. */
export function next(method: string, outcome: Outcome, so: Repetitions, remainingMs: number): Next {
  switch (outcome.kind) {
    case 'lost':
      return { kind: 'end' };
    case 'unprocessed':
      if (so.resends >= mostResends) return { kind: 'end' };
      return { kind: 'again', afterMs: 0, renew: false, repetitions: { ...so, resends: so.resends + 1 } };
    case 'reply': {
      const { retryAfterMs, status } = outcome;
      if (status === 401 && so.renewals === 0) {
        return { kind: 'again', afterMs: 0, renew: true, repetitions: { ...so, renewals: 1 } };
      }
      const mayRepeat = status === 429 || (status >= 500 && method === 'GET');
      if (!mayRepeat || retryAfterMs === undefined || so.waits >= mostWaits || retryAfterMs >= remainingMs) {
        return { kind: 'end' };
      }
      return { kind: 'again', afterMs: retryAfterMs, renew: false, repetitions: { ...so, waits: so.waits + 1 } };
    }
  }
}
