/**
 * Preflight: why nothing may be made for a number, decided before anything is changed. Pure.
 *
 * Each refusal names the object and the next step.
 */
import type { OpenAccount } from '../shared/accounts.ts';
import type { Desired } from './desired.ts';
import type { Identity, PhoneNumberStatus, PreviousRouting } from './model.ts';
import type { Observed } from './observed.ts';
import type { Trouble } from './status.ts';

/** Each of Twilio's regions has its own configuration of a number; this is the one that we write (US1). */
const accountRegion = 'us1';

export function preflight(
  { identity, suspended, takesOver }: Pick<Desired, 'identity' | 'suspended' | 'takesOver'>,
  account: OpenAccount,
  observed: Observed,
  routing: PhoneNumberStatus['routing'],
  trunkLimit: number,
): Trouble | undefined {
  const { number, trunk } = observed;
  const name = identity.phoneNumber;
  const lost = observed.lostOwnership[0];
  if (lost !== undefined) {
    return {
      reason: lost.taken ? 'OwnershipTaken' : 'OwnershipUnknown',
      message: lost.taken
        ? `${lost.kind} ${lost.id} now belongs to another PhoneNumber object of ${name}; nothing is written`
        : `${lost.kind} ${lost.id} no longer carries the mark of this object; give it back its name or remove it`,
      stalled: true,
    };
  }
  if (number === undefined) {
    return {
      reason: 'NumberNotFound',
      message: `${name} is not in Twilio account ${account.accountSid}; buy or port it there, or name another account`,
      stalled: false,
    };
  }
  if (number.hosted || !number.voiceCapable) {
    const why = number.hosted ? 'is a hosted number, which carries SMS only' : 'cannot take voice calls';
    return { reason: 'NumberUnusable', message: `${name} ${why}; use another number`, stalled: true };
  }
  if (observed.voiceRegion !== undefined && observed.voiceRegion !== accountRegion) {
    return {
      reason: 'RegionMismatch',
      message:
        `Calls to ${name} are processed in Twilio's region ${observed.voiceRegion}, where a trunk of ${accountRegion} does not ` +
        `count; set the number's inbound region to ${accountRegion}`,
      stalled: false,
    };
  }
  if (observed.trunkIsBorrowed && trunk === undefined) {
    return {
      reason: 'InvalidSpec',
      message:
        `spec.voice.sipTrunk.existingTrunkSid ${identity.existingTrunkSid} is no trunk of Twilio account ` +
        `${account.accountSid}; correct it in a new object, or name the account that has the trunk`,
      stalled: false,
    };
  }
  if (trunk === undefined && observed.trunkCount >= trunkLimit) {
    return {
      reason: 'TrunkLimit',
      message:
        `Twilio account ${account.accountSid} has ${observed.trunkCount} of ${trunkLimit} trunks; remove one, have the limit ` +
        'raised, put several numbers on one trunk (voice.sipTrunk.existingTrunkSid), or put this number into a sub-account ' +
        'with a TelephonyAccount of its own',
      stalled: false,
    };
  }
  // Whoever has the number or its calls meanwhile: it matters when the number is to be attached again.
  if (suspended) return undefined;
  const elsewhere = takesOver ? undefined : routedElsewhere(identity, observed, routing);
  return elsewhere ?? numberConflict(identity, account, observed);
}

/** Unrouted: no trunk, no application, and no voice URL but Twilio's demo, which console-bought numbers carry. */
export function isUnrouted({ trunkSid, voiceApplicationSid, voiceUrl }: NonNullable<Observed['number']>): boolean {
  return trunkSid === '' && voiceApplicationSid === '' && (voiceUrl === '' || hostOf(voiceUrl) === 'demo.twilio.com');
}

/** What attaching the number to our trunk would destroy; undefined if nothing. A voice URL stays on the number. */
export function previousRoutingOf({ number, trunk }: Observed): PreviousRouting | undefined {
  if (number === undefined || (trunk !== undefined && number.trunkSid === trunk.sid)) return undefined;
  const { trunkSid, voiceApplicationSid } = number;
  if (trunkSid === '' && voiceApplicationSid === '') return undefined;
  return {
    ...(trunkSid === '' ? {} : { trunkSid }),
    ...(voiceApplicationSid === '' ? {} : { voiceApplicationSid }),
  };
}

/** Where Twilio sends the calls to a number, in words. */
export function routeOf({ trunkSid, voiceApplicationSid, voiceUrl }: NonNullable<Observed['number']>): string {
  if (trunkSid !== '') return `trunk ${trunkSid}`;
  if (voiceApplicationSid !== '') return `application ${voiceApplicationSid}`;
  return voiceUrl === '' ? 'nowhere' : `a voice URL on ${hostOf(voiceUrl)}`;
}

function routedElsewhere(
  identity: Identity,
  observed: Observed,
  routing: PhoneNumberStatus['routing'],
): Trouble | undefined {
  const { number, trunk } = observed;
  if (number === undefined || (trunk !== undefined && number.trunkSid === trunk.sid) || isUnrouted(number))
    return undefined;
  const where = routeOf(number);
  return routing === 'Attached'
    ? {
        reason: 'RoutingChangedElsewhere',
        message: `${identity.phoneNumber} was routed to ${where} by somebody else; that is not fought. Unroute it and set a new reconcile annotation to attach it again`,
        stalled: true,
      }
    : {
        reason: 'NumberInUse',
        message: `${identity.phoneNumber} is routed to ${where}; unroute it at Twilio first, or set spec.takeover to true to replace that`,
        stalled: false,
      };
}

function numberConflict(identity: Identity, account: OpenAccount, { foreignInbound }: Observed): Trouble | undefined {
  if (foreignInbound.length === 0) return undefined;
  const trunks = foreignInbound.map(({ id, name }) => (name === '' ? id : `${id} (${name})`)).join(', ');
  return {
    reason: 'LiveKitNumberConflict',
    message: `${identity.phoneNumber} is already in LiveKit inbound trunk ${trunks} at ${account.livekitUrl}; with two, every call fails. Remove the number from it or delete it`,
    stalled: false,
  };
}

/** The host of a URL, without user information and query, which may hold secrets. */
function hostOf(url: string): string {
  return URL.parse(url)?.hostname ?? 'an unreadable address';
}
