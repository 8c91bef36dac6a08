/**
 * Standing: where an object stands before anything outside is looked at.
 */
import type { OpenAccount } from '../shared/accounts.ts';
import type { Outcome } from '../shared/outcome.ts';
import { isHeld } from './intent.ts';
import { reconcileAnnotation } from './names.ts';
import type { Observed } from './observed.ts';
import type { Pass } from './pass.ts';
import { isUnrouted } from './preflight.ts';

/** The status knows of something of ours outside. */
export function hasIds({ object }: Pass): boolean {
  const { phoneNumberSid: _theirs, ...ours } = object.status.ids;
  return Object.values(ours).some((id) => id !== undefined);
}

export function hasNewToken({ object }: Pass): boolean {
  const token = object.annotations[reconcileAnnotation];
  return token !== undefined && token !== object.status.lastHandledReconcile;
}

/** Nothing has changed since everything was as desired. */
export function isUpToDate(pass: Pass): boolean {
  const { status, generation } = pass.object;
  const synced = status.conditions.find(({ type }) => type === 'Synced');
  return (
    isHeld(pass) &&
    ((status.phase === 'Ready' && status.routing === 'Attached') ||
      (status.phase === 'Suspended' && status.routing === 'Detached')) &&
    synced?.status === 'True' &&
    synced.observedGeneration === generation &&
    !hasNewToken(pass)
  );
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
    token: object.annotations[reconcileAnnotation],
    twilio,
    livekit,
  };
  return { kind: 'wait', afterMs };
}

/** Milliseconds of rest that are left. */
export function restOf({ dependencies, memory, object }: Pass, { twilio, livekit }: OpenAccount): number {
  const known = memory.rest;
  const holds =
    known?.generation === object.generation &&
    known.token === object.annotations[reconcileAnnotation] &&
    // A port is one generation of credentials.
    known.twilio === twilio &&
    known.livekit === livekit;
  return holds ? known.until - dependencies.clock.monotonic() : 0;
}
