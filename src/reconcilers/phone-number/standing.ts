/**
 * Standing: where an object stands before anything outside is looked at.
 */
import type { OpenAccount } from '../shared/accounts.ts';
import type { Outcome } from '../shared/outcome.ts';
import { isHeld } from './intent.ts';
import type { Desired } from './desired.ts';
import type { PhoneNumber, Webhooks } from './model.ts';
import { adoptAnnotation, reconcileAnnotation, rotateCredentialAnnotation } from './names.ts';
import type { Observed } from './observed.ts';
import type { Pass } from './pass.ts';
import { hasRecord, isAsWanted, isUnrouted } from './number-routing.ts';
import { hasNewRotation } from './rotation.ts';

/** The status knows of something of ours outside. */
export function hasIds({ object }: Pass): boolean {
  const { phoneNumberSid: _theirs, ...ours } = object.status.ids;
  return Object.values(ours).some((id) => id !== undefined) || hasRecord(object.status);
}

export function hasNewToken({ object }: Pass): boolean {
  const token = object.annotations[reconcileAnnotation];
  return token !== undefined && token !== object.status.lastHandledReconcile;
}

/** Nothing has changed since everything was as desired, and no snapshot says otherwise. */
export function isUpToDate(pass: Pass): boolean {
  const isAsked = hasNewToken(pass) || hasNewRotation(pass.object);
  return isHeld(pass) && !pass.memory.mustLook && isSynced(pass.object) && !isAsked;
}

/** The status says that everything is as the spec wants it. */
export function isSynced({ generation, status }: PhoneNumber): boolean {
  const synced = status.conditions.find(({ type }) => type === 'Synced');
  return (
    ((status.phase === 'Ready' && status.routing === 'Attached') ||
      (status.phase === 'Suspended' && status.routing === 'Detached')) &&
    synced?.status === 'True' &&
    synced.observedGeneration === generation
  );
}

/** Everything was read: what asked for that is answered. */
export function noteLook({ dependencies, memory }: Pass): void {
  memory.mustLook = false;
  memory.lookedAt = dependencies.clock.monotonic();
}

/**
 * Recorded ids that a pass has not found, of things that are wanted: of what is not, the operator may have removed it
 * itself and not have written that down yet. A credential goes with its list, or is in force no more.
 */
export function lostIds({ memory, object }: Pass, desired: Desired): readonly string[] {
  if (desired.voice === 'webhook') return [];
  const { outbound } = desired;
  const { trunkSid, inboundTrunkId, dispatchRuleId, outboundTrunkId, credentialListSid, ipAccessControlListSid } =
    object.status.ids;
  const wanted = [
    trunkSid,
    inboundTrunkId,
    dispatchRuleId,
    ...(outbound === undefined ? [] : [outboundTrunkId, credentialListSid]),
    ...(outbound === undefined || outbound.addresses.length === 0 ? [] : [ipAccessControlListSid]),
  ];
  const seen = new Set(Object.values(memory.ids));
  return wanted.flatMap((id) => (id === undefined || seen.has(id) ? [] : [id]));
}

/**
 * The trunk that the number was attached to is gone, by a direct read, and took the attachment with it: nobody has routed
 * the number elsewhere, and it may be attached to the trunk that takes its place.
 */
export function hasLostTrunk({ object }: Pass, { number, trunk, trunkIsBorrowed }: Observed): boolean {
  const { ids, routing } = object.status;
  return (
    routing === 'Attached' &&
    !trunkIsBorrowed &&
    ids.trunkSid !== undefined &&
    // The recorded one is read by its id, and kept if it is there.
    ids.trunkSid !== trunk?.sid &&
    number !== undefined &&
    isUnrouted(number)
  );
}

/** Monotonic milliseconds from which on nothing that was sent before can change the number's webhooks any more. */
export function routingSettledAt({ memory, routes }: Pass, webhooks: Webhooks): number {
  const sent = memory.unsettledCreates.get('NumberRouting') ?? Number.NEGATIVE_INFINITY;
  return isAsWanted(routes.record, webhooks) ? sent : Math.max(sent, memory.foundSettledAt);
}

/** Webhooks that are gone may be put back: somebody asks for it, or it was a late answer to us that took them away. */
export function mayRestore(pass: Pass): boolean {
  return hasNewToken(pass) || pass.memory.unsettledCreates.has('NumberRouting');
}

/** A number that was attached and is not any more was taken off by somebody: only a person's token attaches it again. */
export function mayAttach(pass: Pass, { number }: Observed): boolean {
  return pass.routing !== 'Attached' || (hasNewToken(pass) && number !== undefined && isUnrouted(number));
}

/**
 * Asks nobody before then, whatever wakes the object: a provider's answer holds. Only an edit of the object, a new token
 * or other credentials ask again before.
 */
export function rest({ dependencies, memory, object }: Pass, account: OpenAccount, afterMs: number): Outcome {
  const until = dependencies.clock.monotonic() + afterMs;
  const { twilio, livekit } = account;
  memory.rest = {
    until,
    generation: object.generation,
    tokens: tokensOf(object),
    twilio,
    livekit,
  };
  return { kind: 'wait', afterMs };
}

/** What people have asked for besides the spec. */
function tokensOf({ annotations }: PhoneNumber): string {
  const names = [adoptAnnotation, reconcileAnnotation, rotateCredentialAnnotation];
  return JSON.stringify(names.map((name) => annotations[name]));
}

/** Milliseconds of rest that are left. */
export function restOf({ dependencies, memory, object }: Pass, { twilio, livekit }: OpenAccount): number {
  const known = memory.rest;
  const holds =
    known?.generation === object.generation &&
    known.tokens === tokensOf(object) &&
    // A port is one generation of credentials.
    known.twilio === twilio &&
    known.livekit === livekit;
  return holds ? known.until - dependencies.clock.monotonic() : 0;
}
