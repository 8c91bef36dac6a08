/**
 * Marks: the names by which outside objects are known to be ours.
 *
 * `tl/<ownerId>/<E.164 digits>/<first 8 of UID>/<role>`. Owner and number are the identity, the UID is the fence: a
 * deletion touches only objects of its own UID. At most 59 characters; Twilio takes 64.
 */
import { createHash } from 'node:crypto';
import type { Identity } from './model.ts';

export type Role = 'trunk' | 'credentials' | 'acl' | 'inbound' | 'rule' | 'outbound' | `origination-${number}`;

export function markOf(identity: Identity, role: Role): string {
  return `tl/${identity.ownerId}/${digitsOf(identity.phoneNumber)}/${identity.uid.slice(0, 8)}/${role}`;
}

/** What a name on an outside object says about whose it is. */
export type Ownership =
  /** Our owner, number, UID and the expected role. */
  | 'ours'
  /** Our owner and number, but another PhoneNumber object of it. */
  | 'taken'
  /** No mark, or the mark of somebody else: an object we knew by id has lost its mark. */
  | 'unknown';

const markForm = /^tl\/([a-z0-9-]{1,16})\/([0-9]{1,15})\/([0-9a-f-]{8})\/([a-z]+(?:-[0-9]+)?)$/;

export function ownershipOf(name: string, identity: Identity, role: Role): Ownership {
  // Of a list of thousands most are somebody else's.
  if (!name.startsWith('tl/')) return 'unknown';
  const [, ownerId, digits, uid, markedRole] = markForm.exec(name) ?? [];
  if (ownerId !== identity.ownerId || digits !== digitsOf(identity.phoneNumber) || markedRole !== role) {
    return 'unknown';
  }
  return uid === identity.uid.slice(0, 8) ? 'ours' : 'taken';
}

/** The `attempt`-th termination domain of a trunk, counted from 0: its only unique key, which makes creating it idempotent. */
export function trunkDomainOf(identity: Identity, attempt: number): string {
  const seed = `${identity.ownerId}/${digitsOf(identity.phoneNumber)}/${identity.uid}/${attempt}`;
  return `t${createHash('sha256').update(seed).digest('hex').slice(0, 20)}.pstn.twilio.com`;
}

function digitsOf(phoneNumber: string): string {
  return phoneNumber.replace('+', '');
}
