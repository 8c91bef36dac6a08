/**
 * Preflight: why nothing may be made for a number, decided before anything is changed. Pure.
 *
 * Each refusal names the object and the next step.
 */
import type { OpenAccount } from '../shared/accounts.ts';
import type { Desired } from './desired.ts';
import type { Identity, PhoneNumberStatus, RoutingRecord } from './model.ts';
import { refusal } from './named-adoption.ts';
import { isUnrouted, obstaclesTo, routeOf } from './number-routing.ts';
import type { Observed } from './observed.ts';
import type { Trouble } from './status.ts';

/** Each of Twilio's regions has its own configuration of a number; this is the one that we write (US1). */
const accountRegion = 'us1';

/** What the object says of the number's routing. */
export interface KnownRouting {
  readonly routing: PhoneNumberStatus['routing'];
  readonly record: RoutingRecord;
}

export function preflight(
  desired: Pick<Desired, 'identity' | 'suspended' | 'takesOver' | 'voice' | 'webhooks'>,
  account: OpenAccount,
  observed: Observed,
  known: KnownRouting,
  trunkLimit: number,
): Trouble | undefined {
  const { identity, suspended, takesOver, voice, webhooks } = desired;
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
  const [problem] = observed.adoptionProblems;
  if (problem !== undefined) return refusal(`cannot be followed: ${problem}`);
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
  if (webhooks.sms !== undefined && !number.smsCapable) {
    return {
      reason: 'NumberUnusable',
      message: `${name} cannot take text messages; remove spec.sms, or use another number`,
      stalled: true,
      callsGoOn: true,
    };
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
  if (voice === 'sipTrunk' && trunk === undefined && observed.trunkCount >= trunkLimit) {
    return {
      reason: 'TrunkLimit',
      message:
        `Twilio account ${account.accountSid} has ${observed.trunkCount} of ${trunkLimit} trunks; remove one, have the limit ` +
        'raised, put several numbers on one trunk (voice.sipTrunk.existingTrunkSid), or put this number into a sub-account ' +
        'with a TelephonyAccount of its own',
      stalled: false,
    };
  }
  const obstacle = takesOver ? undefined : webhookObstacle(identity, desired, number, known.record);
  // Whoever has the number or its calls meanwhile: it matters when the number is to be attached again.
  if (suspended || voice === 'webhook') return obstacle;
  const elsewhere = takesOver ? undefined : routedElsewhere(identity, observed, known.routing);
  return elsewhere ?? numberConflict(identity, account, observed) ?? obstacle;
}

/** A route of somebody else where a webhook is wanted. */
function webhookObstacle(
  { phoneNumber }: Identity,
  { voice, webhooks }: Pick<Desired, 'voice' | 'webhooks'>,
  number: NonNullable<Observed['number']>,
  record: RoutingRecord,
): Trouble | undefined {
  const [first] = obstaclesTo(webhooks, number, record);
  if (first === undefined) return undefined;
  const callsGoOn = !first.ofCalls || voice === 'sipTrunk';
  return first.isChange
    ? { ...changedElsewhere(phoneNumber, first.route), callsGoOn }
    : { ...inUse(phoneNumber, first.route), callsGoOn };
}

function changedElsewhere(phoneNumber: string, route: string): Trouble {
  return {
    reason: 'RoutingChangedElsewhere',
    message: `${phoneNumber} was routed to ${route} by somebody else; that is not fought. Unroute it and set a new reconcile annotation to attach it again`,
    stalled: true,
  };
}

function inUse(phoneNumber: string, route: string): Trouble {
  return {
    reason: 'NumberInUse',
    message: `${phoneNumber} is routed to ${route}; unroute it at Twilio first, or set spec.takeover to true to replace that`,
    stalled: false,
  };
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
  return routing === 'Attached' ? changedElsewhere(identity.phoneNumber, where) : inUse(identity.phoneNumber, where);
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
