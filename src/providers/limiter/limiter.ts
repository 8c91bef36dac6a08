/**
 * Limiter: the contract between a provider, which sends requests, and whoever decides when each may be sent.
 */

/** What a limiter knows of a request. */
export interface RequestTraits {
  /** It may change something at the provider. */
  readonly changes: boolean;
  /**
   * For how many milliseconds a failure asks to be left alone; 0 if it does not say how long. Undefined: it is about
   * something else.
   */
  readonly waitAskedBy: (failure: unknown) => number | undefined;
}

/**
 * Sends a request when it may be sent, and hands on what comes of it.
 * @throws NotSentError in place of sending it
 */
export type Limiter = <T>(send: () => Promise<T>, traits: RequestTraits) => Promise<T>;

/** Thrown in place of sending a request: it was never sent, so it may be repeated as it is. */
export class NotSentError extends Error {
  override readonly name = 'NotSentError';
  /** When it is worth trying again, in milliseconds; 0 if that is not known. */
  readonly afterMs: number;

  constructor(why: string, afterMs: number) {
    super(`not sent: ${why}`);
    this.afterMs = afterMs;
  }
}

/** Holds nothing back. */
export const atOnce: Limiter = async (send) => await send();
