/**
 * Request limiters of all accounts: one for each Twilio account and each LiveKit project, whatever the account objects
 * that name it are called. Of several objects the strictest limits count.
 */
import type { Provider } from '../../reconcilers/shared/verdict.ts';
import { type Limits, usualLimits } from '../../reconcilers/telephony-account/model.ts';
import type { LimitedIdentities, RequestLimits } from '../../reconcilers/telephony-account/ports.ts';
import type { Limiter } from './limiter.ts';
import { RequestLimiter, type RequestLimiterOptions } from './request-limiter.ts';

interface Wish {
  readonly keys: readonly string[];
  readonly limits: Limits;
}

export interface RequestLimitersOptions extends Omit<RequestLimiterOptions, 'onWaited'> {
  /** As `onWaited` of one limiter, with the provider that was waited for. */
  readonly onWaited?: (provider: Provider, waitedMs: number) => void;
}

export class RequestLimiters implements RequestLimits {
  readonly #options: RequestLimitersOptions;
  readonly #limiters = new Map<string, RequestLimiter>();
  /** By name of the account object. */
  readonly #wishes = new Map<string, Wish>();
  #closedBecause: string | undefined;

  constructor(options: RequestLimitersOptions) {
    this.#options = options;
  }

  /** `identity` is the SID of a Twilio account, or the http(s) origin of a LiveKit project. */
  of(provider: Provider, identity: string): Limiter {
    return this.#limiterOf(provider, keyOf(provider, identity)).limiter;
  }

  limit(account: string, { accountSid, livekitUrl }: LimitedIdentities, limits: Limits): void {
    const keys = [
      ...(accountSid === undefined ? [] : [keyOf('Twilio', accountSid)]),
      ...(livekitUrl === undefined ? [] : [keyOf('LiveKit', livekitUrl)]),
    ];
    const before = this.#wishes.get(account);
    if (before !== undefined && isSame(before, { keys, limits })) return;
    this.#wishes.set(account, { keys, limits });
    this.#apply([...(before?.keys ?? []), ...keys]);
  }

  forget(account: string): void {
    const before = this.#wishes.get(account);
    if (!this.#wishes.delete(account)) return;
    this.#apply(before?.keys ?? []);
  }

  /** Nothing is sent any more, and nobody waits. */
  close(why: string): void {
    this.#closedBecause = why;
    for (const limiter of this.#limiters.values()) limiter.close(why);
  }

  #limiterOf(provider: Provider, key: string): RequestLimiter {
    const known = this.#limiters.get(key);
    if (known !== undefined) return known;
    const { onWaited, ...options } = this.#options;
    const fresh = new RequestLimiter(this.#limitsOf(key), {
      ...options,
      ...(onWaited === undefined ? {} : { onWaited: (waitedMs) => onWaited(provider, waitedMs) }),
    });
    if (this.#closedBecause !== undefined) fresh.close(this.#closedBecause);
    this.#limiters.set(key, fresh);
    return fresh;
  }

  #apply(keys: readonly string[]): void {
    for (const key of new Set(keys)) this.#limiters.get(key)?.setLimits(this.#limitsOf(key));
  }

  #limitsOf(key: string): Limits {
    const wishes = [...this.#wishes.values()].filter(({ keys }) => keys.includes(key)).map(({ limits }) => limits);
    if (wishes.length === 0) return usualLimits;
    return {
      maxConcurrentRequests: Math.min(...wishes.map(({ maxConcurrentRequests }) => maxConcurrentRequests)),
      requestsPerSecond: Math.min(...wishes.map(({ requestsPerSecond }) => requestsPerSecond)),
    };
  }
}

function keyOf(provider: Provider, identity: string): string {
  return `${provider} ${identity}`;
}

function isSame(one: Wish, other: Wish): boolean {
  return (
    one.keys.join() === other.keys.join() &&
    one.limits.maxConcurrentRequests === other.limits.maxConcurrentRequests &&
    one.limits.requestsPerSecond === other.limits.requestsPerSecond
  );
}
