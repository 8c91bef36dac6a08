/**
 * Probes: whether a provider lets us do everything that we will have to do. They only read, but for one deletion of a
 * trunk that cannot be: a key without that right would look fine until the first number is deleted.
 */
import type { LiveKitPort, TwilioAccountPort } from '../shared/telephony.ts';
import { ProviderError, type Verdict } from '../shared/verdict.ts';
import type { Surveyed } from './surveys.ts';

/** What a probe found; `verdict` is undefined if nothing is wrong. */
export interface Probed {
  readonly verdict: Verdict | undefined;
  /** Undefined if the probe failed. */
  readonly seen: Surveyed | undefined;
}

type Survey = () => Promise<Surveyed | undefined>;

/**
 * `mayDelete` is false for an account that is paused: nothing is written there, not even what changes nothing. `survey`
 * answers undefined when it is not due; else it has read more than a probe would.
 */
export async function probeTwilio(port: TwilioAccountPort, mayDelete: boolean, survey: Survey): Promise<Probed> {
  const account = await probed(async () => {
    await port.proveAccount();
    return (await survey()) ?? { trunks: (await port.listTrunks()).length };
  });
  if (account.verdict !== undefined || !mayDelete) return account;
  const { verdict } = await probed(async () => {
    await port.probeDeleteRight();
    return undefined;
  });
  if (verdict === undefined) return account;
  if (verdict.kind !== 'identity') return { verdict, seen: undefined };
  return {
    verdict: { ...verdict, message: `the credentials may not delete trunks: ${verdict.message}` },
    seen: undefined,
  };
}

export async function probeLiveKit(port: LiveKitPort, survey: Survey): Promise<Probed> {
  return await probed(async () => (await survey()) ?? { trunks: (await port.listInboundTrunks()).length });
}

async function probed(probe: () => Promise<Surveyed | undefined>): Promise<Probed> {
  try {
    return { verdict: undefined, seen: await probe() };
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return { verdict: error.verdict, seen: undefined };
  }
}
