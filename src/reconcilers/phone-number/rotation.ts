/**
 * Rotation: a new SIP credential for outbound calls, asked for by a token in an annotation.
 *
 * The user name of a credential begins with a digest of the token it was made for, and LiveKit names the one in force. So
 * what is desired is a state ("the one in force was made for the present token"), each value rotates once whatever is
 * interrupted, and a status that is lost rotates nothing again.
 */
import { createHash } from 'node:crypto';
import type { EventNote, Random } from '../shared/ports.ts';
import type { Step } from './decide.ts';
import type { Desired } from './desired.ts';
import type { PhoneNumber } from './model.ts';
import { rotateCredentialAnnotation } from './names.ts';
import type { Pass } from './pass.ts';

/** The token was not acted on yet. */
export function hasNewRotation({ annotations, status }: PhoneNumber): boolean {
  const token = annotations[rotateCredentialAnnotation];
  return token !== undefined && token !== status.lastHandledRotation;
}

/** The same with a credential that was made for the present token, if there is a token. */
export function withRotation(desired: Desired, { annotations }: PhoneNumber): Desired {
  const token = annotations[rotateCredentialAnnotation];
  if (desired.voice === 'webhook' || desired.outbound === undefined || token === undefined) return desired;
  return { ...desired, outbound: { ...desired.outbound, usernamePrefix: usernamePrefixOf(token) } };
}

/** Of the token alone: a restored object has another UID and the same token. */
function usernamePrefixOf(token: string): string {
  return `r${createHash('sha256').update(token).digest('hex').slice(0, 10)}`;
}

/** A user name that was never used before; at most 32 characters (Twilio 21243). */
export function newUsername(prefix: string | undefined, random: Random): string {
  const length = prefix === undefined ? 12 : 8;
  return `${prefix ?? 't'}${Buffer.from(random.bytes(length)).toString('hex')}`;
}

/**
 * Monotonic milliseconds before which nothing is rotated: a credential that an earlier process asked for may still appear
 * and would be left over. A repair does not wait, because nobody can call until it is done.
 */
export function rotationSettledAt({ memory, object }: Pass, step: Step): number {
  const rotates = step.kind === 'renewCredential' && step.outboundId !== undefined && hasNewRotation(object);
  return rotates ? memory.foundSettledAt : Number.NEGATIVE_INFINITY;
}

/** What is to be told once everything is as desired and the token is not handled yet. */
export function rotationNote({ object }: Pass, desired: Desired): EventNote | undefined {
  const { identity } = desired;
  const outbound = desired.voice === 'webhook' ? undefined : desired.outbound;
  if (!hasNewRotation(object)) return undefined;
  const named = { reason: 'RotateCredential', action: 'RotateCredential' };
  return outbound === undefined
    ? {
        ...named,
        type: 'Warning',
        note: `There is no SIP credential to rotate: outbound calls of ${identity.phoneNumber} are not enabled`,
      }
    : {
        ...named,
        type: 'Normal',
        note: `Outbound calls of ${identity.phoneNumber} use a new SIP credential, and the one before is deleted`,
      };
}
