// Which faults a fault proxy has to make, and when: pure bookkeeping, the network is in fault-proxy.ts.
// Rules are looked at in the order in which they were added. All delays that fit are served; of the other effects the first
// one that fits decides.

/** What goes wrong. */
export type FaultEffect =
  /** The request is forwarded later. */
  | { readonly kind: 'delay'; readonly milliseconds: number }
  /** The connection is reset; nothing is forwarded. */
  | { readonly kind: 'reset' }
  /** This reply instead of the upstream's; nothing is forwarded. An object as body is sent as JSON. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: string | object;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Forwarded and carried out, then the connection is closed instead of a reply. */
  | { readonly kind: 'dropReply' }
  /** The reply begins, and after so many bytes of its body (0 if not given) the connection is closed. */
  | { readonly kind: 'cut'; readonly afterBytes?: number }
  /** Nothing is forwarded and nothing is replied until the client gives up or the proxy is closed. */
  | { readonly kind: 'hang' };

/** An effect and the requests that it hits. What is not given is not looked at. */
export interface FaultRule {
  readonly effect: FaultEffect;
  /** In upper case, such as "POST". */
  readonly method?: string;
  /** Compared with path and query, such as "/api/v1/pods?watch=true". */
  readonly path?: RegExp;
  /** After so many hits the rule is over; never if not given. */
  readonly times?: number;
  /** So many fitting requests pass unharmed first. */
  readonly skip?: number;
}

/** A fault that was added. */
export interface Fault {
  /** How many requests it has hit. */
  readonly hits: number;
  /** Ends it for requests to come. */
  remove(): void;
}

/** What is to be done with one request; `undefined` means to forward it. */
export interface Verdict {
  readonly delayMilliseconds: number;
  readonly effect: Exclude<FaultEffect, { kind: 'delay' }> | undefined;
}

interface Entry {
  readonly rule: FaultRule;
  passed: number;
  hits: number;
}

/** The faults of one proxy. */
export class Faults {
  readonly #entries = new Set<Entry>();

  /** Adds a fault for requests to come. */
  add(rule: FaultRule): Fault {
    const entry: Entry = { rule, passed: 0, hits: 0 };
    this.#entries.add(entry);
    return {
      get hits() {
        return entry.hits;
      },
      remove: () => {
        this.#entries.delete(entry);
      },
    };
  }

  /** Ends all faults. */
  clear(): void {
    this.#entries.clear();
  }

  /** Decides about a request, and counts it. Called once for each request, by the proxy. */
  judge(method: string, path: string): Verdict {
    let delayMilliseconds = 0;
    for (const entry of this.#entries) {
      if (!hits(entry, method, path)) continue;
      const { effect } = entry.rule;
      if (effect.kind !== 'delay') return { delayMilliseconds, effect };
      delayMilliseconds += effect.milliseconds;
    }
    return { delayMilliseconds, effect: undefined };
  }
}

function hits(entry: Entry, method: string, path: string): boolean {
  const { rule } = entry;
  if (rule.method !== undefined && rule.method !== method) return false;
  // `search` rather than `test`: it ignores the state that a global expression carries.
  if (rule.path !== undefined && path.search(rule.path) === -1) return false;
  if (entry.hits >= (rule.times ?? Number.POSITIVE_INFINITY)) return false;
  if (entry.passed < (rule.skip ?? 0)) {
    entry.passed += 1;
    return false;
  }
  entry.hits += 1;
  return true;
}
