/**
 * Faults: what goes wrong between a client and Twilio, on demand.
 *
 * Guarantees
 * - A fault hits the requests its rule matches, after `skip` of them and at most `times` times; then it is spent.
 * - Faults are taken in the order they were added: delays add up, and the first effect that ends a request decides it.
 * - Whether the request was applied is part of each effect, so a test always knows the true state behind a lost reply.
 */

/** What happens to a request. */
export type FaultEffect =
  | {
      /** Another answer, such as 500, 503, or an HTML 502 of a gateway. */
      readonly kind: 'status';
      readonly status: number;
      readonly code?: number;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
      /** Sent as text/html instead of Twilio's JSON error. */
      readonly html?: string;
      /** True: the request is applied all the same. Default false. */
      readonly applied?: boolean;
    }
  /** Slow: before the request is applied (default), or between applying and answering. */
  | { readonly kind: 'delay'; readonly milliseconds: number; readonly when?: 'before' | 'after' }
  /** The connection breaks and nothing was applied. */
  | { readonly kind: 'dropBefore' }
  /** The request is applied, then the connection breaks instead of the reply: the lost 201. */
  | { readonly kind: 'dropAfter' }
  /** 429/20429; Twilio says such a request was never processed. */
  | { readonly kind: 'rateLimit'; readonly retryAfterSeconds?: number }
  /** No answer until the emulator closes or the client gives up. */
  | { readonly kind: 'hang'; readonly applied?: boolean }
  /** A 200 whose body does not parse. */
  | { readonly kind: 'malformed'; readonly applied?: boolean }
  /** Eventual consistency: what is younger than this is missing from lists, answers 404 to a read, or both (default). */
  | {
      readonly kind: 'notFoundAfterCreate';
      readonly milliseconds: number;
      readonly where?: 'lists' | 'reads' | 'both';
    };

/** Which requests a fault hits, and what it does to them. */
export interface FaultRule {
  readonly method?: string;
  /** Tested against the path without its query. */
  readonly path?: RegExp;
  /** The account of the credential. */
  readonly account?: string;
  /** How many requests are hit; default all. */
  readonly times?: number;
  /** How many matching requests pass first; default none. */
  readonly skip?: number;
  readonly effect: FaultEffect;
}

/** A fault in force. */
export interface FaultHandle {
  /** Requests hit so far. */
  readonly hits: number;
  remove(): void;
}

/** What a request is matched by. */
export interface FaultTarget {
  readonly method: string;
  readonly path: string;
  readonly account: string | null;
}

/** Effects that decide how a request ends. */
export type FinalEffect = Exclude<FaultEffect, { readonly kind: 'delay' | 'notFoundAfterCreate' }>;

/** Everything that will go wrong with one request. */
export interface FaultPlan {
  readonly delayBefore: number;
  readonly delayAfter: number;
  readonly lag: { readonly lists: number; readonly reads: number };
  readonly final: FinalEffect | undefined;
}

interface ActiveFault {
  readonly rule: FaultRule;
  seen: number;
  hits: number;
}

/** All faults in force. */
export class FaultRegistry {
  readonly #active = new Set<ActiveFault>();

  /** Puts a fault in force. */
  add(rule: FaultRule): FaultHandle {
    const fault: ActiveFault = { rule, seen: 0, hits: 0 };
    this.#active.add(fault);
    return {
      get hits() {
        return fault.hits;
      },
      remove: () => {
        this.#active.delete(fault);
      },
    };
  }

  /** Every fault in force, spent ones too, in the order they were added. */
  list(): readonly { readonly rule: FaultRule; readonly hits: number }[] {
    return [...this.#active].map(({ rule, hits }) => ({ rule, hits }));
  }

  /** Removes every fault. */
  clear(): void {
    this.#active.clear();
  }

  /** Decides what goes wrong with a request, and counts it. */
  plan(target: FaultTarget): FaultPlan {
    let delayBefore = 0;
    let delayAfter = 0;
    let lag = { lists: 0, reads: 0 };
    let final: FinalEffect | undefined;
    for (const fault of this.#active) {
      const { effect } = fault.rule;
      const ends = effect.kind !== 'delay' && effect.kind !== 'notFoundAfterCreate';
      if ((ends && final !== undefined) || !hit(fault, target)) continue;
      if (effect.kind === 'delay') {
        if (effect.when === 'after') delayAfter += effect.milliseconds;
        else delayBefore += effect.milliseconds;
      } else if (effect.kind === 'notFoundAfterCreate') {
        lag = {
          lists: effect.where === 'reads' ? lag.lists : Math.max(lag.lists, effect.milliseconds),
          reads: effect.where === 'lists' ? lag.reads : Math.max(lag.reads, effect.milliseconds),
        };
      } else {
        final = effect;
      }
    }
    return { delayBefore, delayAfter, lag, final };
  }
}

/** Whether an effect leaves the request applied; one that does not is never handed to the handlers. */
export function appliesRequest(effect: FinalEffect): boolean {
  switch (effect.kind) {
    case 'dropAfter':
      return true;
    case 'status':
    case 'hang':
    case 'malformed':
      return effect.applied ?? false;
    case 'dropBefore':
    case 'rateLimit':
      return false;
  }
}

function hit(fault: ActiveFault, target: FaultTarget): boolean {
  const { rule } = fault;
  if (rule.method !== undefined && rule.method.toUpperCase() !== target.method) return false;
  if (rule.account !== undefined && rule.account !== target.account) return false;
  if (rule.path !== undefined && target.path.search(rule.path) < 0) return false;
  if (fault.hits >= (rule.times ?? Number.POSITIVE_INFINITY)) return false;
  fault.seen += 1;
  if (fault.seen <= (rule.skip ?? 0)) return false;
  fault.hits += 1;
  return true;
}
