/**
 * Accounts: where the outside objects of a PhoneNumber live, and who opens the two providers there.
 */
import type { Reason } from './reasons.ts';
import type { LiveKitPort, TwilioPort } from './telephony.ts';
import type { Provider, Verdict } from './verdict.ts';

/** Where the outside objects of one PhoneNumber live. Written once and never changed: deletion looks nowhere else. */
export interface Pin {
  /** Name of the TelephonyAccount. */
  readonly account: string;
  readonly accountSid: string;
  /** An http(s) origin. */
  readonly livekitUrl: string;
  readonly ownerId: string;
  readonly phoneNumber: string;
  /** The trunk of somebody else that the number is put on: nothing about it is ours but the attachment. */
  readonly existingTrunkSid?: string | undefined;
  /** Calls go to a webhook: there is no trunk, and nothing at LiveKit. Undefined: they go over a trunk. */
  readonly voice?: 'webhook' | undefined;
}

const haltReasons = ['Paused', 'MassDrift'] as const satisfies readonly Reason[];

/** Why nothing is written at an account. */
export interface Halt {
  readonly reason: (typeof haltReasons)[number];
  /** Completes "TelephonyAccount x …". */
  readonly state: string;
  /** Completes "until …". */
  readonly end: string;
}

export function isHaltReason(reason: string): boolean {
  return haltReasons.some((one) => one === reason);
}

/** A TelephonyAccount that may be used. */
export interface OpenAccount {
  readonly kind: 'open';
  readonly account: string;
  readonly accountSid: string;
  readonly livekitUrl: string;
  readonly ownerId: string;
  readonly sipHost: string;
  /** No external write at all while there is one; deletes wait and say so. */
  readonly halt: Halt | undefined;
  /** Where credentials are missing or wrong, every call of the port throws the reason. */
  readonly twilio: TwilioPort;
  readonly livekit: LiveKitPort;
}

export type AccountAnswer =
  | OpenAccount
  | { readonly kind: 'refused'; readonly reason: Reason; readonly message: string };

/** A provider that fails its probes, for one account. */
export interface ProviderTrouble {
  readonly provider: Provider;
  /** What the probes find, in the words in which calls fail meanwhile. */
  readonly verdict: Extract<Verdict, { kind: 'identity' }>;
  /**
   * Since when without a break, in milliseconds of both clocks, as far as this process knows: for `AccountUnavailable`
   * since any probe failed, for all other reasons since one of them was found.
   */
  readonly since: { readonly monotonic: number; readonly wall: number };
}

export interface Accounts {
  /** For creating and updating: the account must exist, be usable and allow the namespace. */
  open(name: string, namespace: string): Promise<AccountAnswer>;
  /** For removing: whatever is wrong, the ports say it; never another account or project than the pinned one. */
  openPinned(pin: Pin): OpenAccount;
  /** The Twilio account an account object stands for; two objects may name the same. */
  accountSidOf(name: string): string | undefined;
  /** The providers of a pinned account that fail their probes: meanwhile no call of theirs is made. */
  troublesOf(pin: Pin): readonly ProviderTrouble[];
}
