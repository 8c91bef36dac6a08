/**
 * Marks: the names by which outside objects are known to be ours.
 *
 * `tl/<ownerId>/<E.164 digits>/<first 8 of UID>/<role>`. Owner and number are the identity, the UID is the fence: a
 * deletion touches only objects of its own UID. At most 59 characters; Twilio takes 64.
 */
import { createHash } from 'node:crypto';
import type { Identity, LeftoverKind } from './model.ts';

export type Role = 'trunk' | 'credentials' | 'acl' | 'inbound' | 'rule' | 'outbound' | `origination-${number}`;

export function markOf(identity: Identity, role: Role): string {
  return `tl/${identity.ownerId}/${digitsOf(identity.phoneNumber)}/${shortUid(identity.uid)}/${role}`;
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
  const uid = markedUid(name, identity, role);
  if (uid === undefined) return 'unknown';
  return uid === shortUid(identity.uid) ? 'ours' : 'taken';
}

/** The UID, as far as a mark has it, of the PhoneNumber that an object of our owner, number and role stands for. */
export function markedUid(name: string, identity: Pick<Identity, 'ownerId' | 'phoneNumber'>, role: Role) {
  // Of a list of thousands most are somebody else's.
  if (!name.startsWith('tl/')) return undefined;
  const [, ownerId, digits, uid, markedRole] = markForm.exec(name) ?? [];
  const isOfOurs = ownerId === identity.ownerId && digits === digitsOf(identity.phoneNumber) && markedRole === role;
  return isOfOurs ? uid : undefined;
}

/** As much of a UID as a mark has. */
export function shortUid(uid: string): string {
  return uid.slice(0, 8);
}

/** The role of each kind's object in its mark. */
export const roleOf = {
  NumberAttachment: 'trunk',
  // A number carries no mark: it stays its owner's.
  NumberRouting: 'trunk',
  DispatchRule: 'rule',
  InboundTrunk: 'inbound',
  Trunk: 'trunk',
  OutboundTrunk: 'outbound',
  Credential: 'credentials',
  CredentialList: 'credentials',
  IpAccessControlList: 'acl',
} as const satisfies Record<LeftoverKind, Role>;

/** The mark of a kind's object; children are named after the parent through which they are ours. */
export function markOfKind(identity: Identity, kind: LeftoverKind): string {
  return markOf(identity, roleOf[kind]);
}

export type Marked =
  | { readonly sid: string; readonly friendlyName: string }
  | { readonly id: string; readonly name: string };

/** Twilio and LiveKit name the same two things differently. */
export function labelOf(object: Marked): { readonly id: string; readonly name: string } {
  return 'sid' in object ? { id: object.sid, name: object.friendlyName } : object;
}

/** The `attempt`-th termination domain of a trunk, counted from 0: its only unique key, which makes creating it idempotent. */
export function trunkDomainOf(identity: Identity, attempt: number): string {
  const seed = `${identity.ownerId}/${digitsOf(identity.phoneNumber)}/${identity.uid}/${attempt}`;
  return `t${createHash('sha256').update(seed).digest('hex').slice(0, 20)}.pstn.twilio.com`;
}

function digitsOf(phoneNumber: string): string {
  return phoneNumber.replace('+', '');
}
