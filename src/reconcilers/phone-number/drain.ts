/**
 * Drain, pure: which calls a deletion waits for, and for how long (DESIGN 3.3).
 *
 * The number is off its trunk already, so no new call comes; those in progress would be cut when what carries them goes.
 */
import type { CallState } from '../shared/telephony.ts';

/** Calls are counted again after this many milliseconds. */
export const countAgainMs = 10_000;

/** Whose calls are counted. */
export interface Drained {
  /** E.164. */
  readonly phoneNumber: string;
  readonly phoneNumberSid: string | undefined;
  /** Trunks of this number alone: every call on them counts. */
  readonly trunkSids: readonly string[];
  /** A trunk that other numbers are on, too: of its calls those of this number count. */
  readonly sharedTrunkSid?: string | undefined;
}

/** How many of the calls that are under way in the account go over the trunks. */
export function callsOf(calls: readonly CallState[], drained: Drained): number {
  return calls.filter((call) => isOurs(call, drained)).length;
}

/** Twilio names the trunk of a call only when the call ends; until then its direction and its number tell. */
function isOurs(call: CallState, { phoneNumber, phoneNumberSid, trunkSids, sharedTrunkSid }: Drained): boolean {
  if (call.trunkSid !== '' && call.trunkSid !== sharedTrunkSid) return trunkSids.includes(call.trunkSid);
  if (call.trunkSid === '' && !call.direction.startsWith('trunking-')) return false;
  const isNumber = phoneNumberSid !== undefined && call.phoneNumberSid === phoneNumberSid;
  return isNumber || [call.to, call.from].some((address) => userOf(address) === phoneNumber);
}

/** The number in an address: the address itself, or the user of a SIP URI such as `sip:+15550100@example.com`. */
function userOf(address: string): string {
  const [, user = address] = /^sips?:([^@;]+)@/i.exec(address) ?? [];
  return user.replace(/^%2b/i, '+');
}

/** How long a drain may go on. */
export interface DrainLimit {
  /** 0: calls are not waited for. */
  readonly timeoutMs: number;
  /** Wall clock, when calls were waited for first; undefined: not yet. */
  readonly since: number | undefined;
}

/** When calls are not waited for any more; both wall clock. The first second counts as whole, as the status has it. */
export function drainedAt({ timeoutMs, since }: DrainLimit, now: number): number {
  return (since ?? Math.floor(now / 1_000) * 1_000) + timeoutMs;
}
