/**
 * Probes: whether a provider lets us do everything that we will have to do. They only read, but for one deletion of a
 * trunk that cannot be: a key without that right would look fine until the first number is deleted.
 */
import type { LiveKitPort, TwilioAccountPort } from '../shared/telephony.ts';
import { ProviderError, type Verdict } from '../shared/verdict.ts';
import { equalWildcards } from '../shared/wildcard-rules.ts';

/** What a probe found; `verdict` is undefined if nothing is wrong. */
export interface Probed<Seen> {
  readonly verdict: Verdict | undefined;
  /** Undefined if the probe failed. */
  readonly seen: Seen | undefined;
}

/** `mayDelete` is false for an account that is paused: nothing is written there, not even what changes nothing. */
export async function probeTwilio(port: TwilioAccountPort, mayDelete: boolean): Promise<Probed<{ trunks: number }>> {
  const account = await probed(async () => {
    await port.proveAccount();
    return { trunks: (await port.listTrunks()).length };
  });
  if (account.verdict !== undefined || !mayDelete) return account;
  const { verdict } = await probed(async () => await port.probeDeleteRight());
  if (verdict === undefined) return account;
  if (verdict.kind !== 'identity') return { verdict, seen: undefined };
  return {
    verdict: { ...verdict, message: `the credentials may not delete trunks: ${verdict.message}` },
    seen: undefined,
  };
}

export async function probeLiveKit(
  port: LiveKitPort,
): Promise<Probed<{ trunks: number; warning: string | undefined }>> {
  return await probed(async () => {
    const [trunks, wildcards] = await Promise.all([port.listInboundTrunks(), port.findWildcardRules()]);
    const equal = equalWildcards(wildcards);
    const warning =
      'Rules at LiveKit that name no trunk are equal, so that it refuses every call of the project; delete all but one: ' +
      equal.join(', ');
    return { trunks: trunks.length, warning: equal.length > 0 ? warning : undefined };
  });
}

/** Names of everything that may carry a mark. Throws what the ports throw. */
export async function listNames(twilio: TwilioAccountPort, livekit: LiveKitPort): Promise<readonly string[]> {
  const ofTwilio = Promise.all([twilio.listTrunks(), twilio.listCredentialLists(), twilio.listIpAccessControlLists()]);
  const ofLiveKit = Promise.all([
    livekit.listInboundTrunks(),
    livekit.listDispatchRules(),
    livekit.listOutboundTrunks(),
  ]);
  const [atTwilio, atLiveKit] = await Promise.all([ofTwilio, ofLiveKit]);
  return [
    ...atTwilio.flatMap((list) => list.map(({ friendlyName }) => friendlyName)),
    ...atLiveKit.flatMap((list) => list.map(({ name }) => name)),
  ];
}

async function probed<Seen>(probe: () => Promise<Seen>): Promise<Probed<Seen>> {
  try {
    return { verdict: undefined, seen: await probe() };
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return { verdict: error.verdict, seen: undefined };
  }
}
