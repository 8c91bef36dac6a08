/**
 * Reach: what happens to somebody who calls a number now, in any world: the number's trunk at Twilio, the trunk's
 * origination URLs, then LiveKit's objects by LiveKit's rules.
 */
import { callAt } from './livekit-matching.ts';

/**
 * `dead`: Twilio sends the call to LiveKit, and nobody of ours answers. That includes somebody else's wildcard rule, which
 * answers whatever has no rule of its own.
 */
export type Reach = 'unrouted' | 'elsewhere' | 'answered' | `dead: ${string}`;

/** Where Twilio sends calls to the number. */
export interface Route {
  /** Empty when the number is on no trunk. */
  readonly trunkSid: string;
  /** URLs of the trunk; undefined when it is nobody's that is known. */
  readonly urls: readonly { readonly enabled: boolean; readonly sipUrl: string }[] | undefined;
  /** The trunk carries a mark of the operator. */
  readonly isOurs: boolean;
  /** The host of LiveKit's SIP service: a trunk of somebody else that sends calls there is a way to us, too. */
  readonly sipHost: string;
}

/** Whose rule a rule is, is said by its mark. */
export function reachOver(number: string, route: Route, objects: Parameters<typeof callAt>[1]): Reach {
  if (route.trunkSid === '') return 'unrouted';
  const enabled = (route.urls ?? []).filter((url) => url.enabled);
  if (!route.isOurs && !enabled.some(({ sipUrl }) => sipUrl.includes(route.sipHost))) return 'elsewhere';
  if (enabled.length === 0) return 'dead: no origination URL';
  const call = callAt(number, objects);
  if (call.kind === 'failed') return `dead: ${call.why}`;
  // A rule that a person made for this trunk alone is an agent, too: it may be on its way to be adopted.
  const isForTrunk = call.rule.trunkIds.length > 0;
  return isForTrunk || call.rule.name.startsWith('tl/') ? 'answered' : "dead: somebody else's wildcard rule answers";
}
