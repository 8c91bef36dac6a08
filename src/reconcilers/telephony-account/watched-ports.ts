/**
 * Watched ports: what their calls say of the provider is told to `AccountHealth`, and while that says that the provider
 * fails its probes, no call is made. So thousands of objects do not go on asking a provider that refuses all of them.
 */
import type { ProviderTrouble } from '../shared/accounts.ts';
import type { LiveKitPort, TwilioPort } from '../shared/telephony.ts';
import { ProviderError, type Verdict } from '../shared/verdict.ts';
import { refusingLiveKit, refusingTwilio } from './refusing-ports.ts';

export interface Watch {
  /** Asked before each call. */
  readonly trouble: () => ProviderTrouble | undefined;
  /** Told of each call that was made and failed. */
  readonly callFailed: (verdict: Verdict) => void;
}

export function watchedTwilio(port: TwilioPort, watch: Watch): TwilioPort {
  return watched(port, watch, ({ verdict }) => refusingTwilio(verdict));
}

export function watchedLiveKit(port: LiveKitPort, watch: Watch): LiveKitPort {
  return watched(port, watch, ({ verdict }) => refusingLiveKit(verdict));
}

/** Of a port that has only methods which return promises. */
function watched<Port extends object>(port: Port, watch: Watch, refusing: (trouble: ProviderTrouble) => Port): Port {
  return new Proxy(port, {
    get: (target, name) => {
      if (typeof Reflect.get(target, name) !== 'function') return Reflect.get(target, name);
      return async (...given: readonly unknown[]): Promise<unknown> => {
        const trouble = watch.trouble();
        if (trouble !== undefined) return await call(refusing(trouble), name, given);
        try {
          return await call(target, name, given);
        } catch (error) {
          if (error instanceof ProviderError) watch.callFailed(error.verdict);
          throw error;
        }
      };
    },
  });
}

/** On the port itself: calls among its own methods are parts of this one. */
async function call(port: object, name: string | symbol, given: readonly unknown[]): Promise<unknown> {
  const method: unknown = Reflect.get(port, name);
  if (typeof method !== 'function') throw new TypeError(`Cannot call ${String(name)}: it is no method of the port`);
  const result: unknown = Reflect.apply(method, port, given);
  return await result;
}
