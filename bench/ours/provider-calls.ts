/**
 * One call to an in-process provider: how long it takes, whether it hangs, and what is told about it.
 *
 * Guarantee: a call without latency costs one turn of the microtask queue, so that a run without latency measures the
 * engine and not timers.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Provider, ProviderError } from '../../src/reconcilers/shared/verdict.ts';

export interface ProviderCallOptions {
  /** Of every call, in milliseconds. */
  readonly latencyMs: number;
  /** Name of the account whose every call ends by its deadline; empty: none. */
  readonly hangingAccount: string;
  /** The deadline of a call, in milliseconds. */
  readonly deadlineMs: number;
  /** Hears of every call that has ended; times are monotonic milliseconds. */
  readonly told?: (call: { readonly name: string; readonly from: number; readonly to: number }) => void;
}

/** Carries out one call to a provider. */
export type Perform = <T>(name: string, apply: () => T) => Promise<T>;

/** The calls of one account to one provider. */
export function performerFor(options: ProviderCallOptions, account: string, provider: Provider): Perform {
  const { deadlineMs, hangingAccount, latencyMs, told } = options;
  return async (name, apply) => {
    if (account === hangingAccount) {
      await sleep(deadlineMs);
      const message = `no answer within ${deadlineMs} ms`;
      throw new ProviderError(provider, name, { kind: 'unknownOutcome', message });
    }
    const from = performance.now();
    if (latencyMs > 0) await sleep(latencyMs);
    else await Promise.resolve();
    told?.({ name, from, to: performance.now() });
    return apply();
  };
}
