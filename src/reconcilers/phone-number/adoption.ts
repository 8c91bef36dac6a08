/**
 * Adoption: objects of our owner and number whose PhoneNumber is no more get the mark of the one that is.
 *
 * So a restored cluster (new UIDs, no status), a renamed object, a move to another namespace and a re-create after a force
 * delete come back with everything that is there. Guarantees
 * - Only an object that no PhoneNumber stands for, by a live list that was asked after the object was read. UIDs do not
 *   come back, so the answer stays true.
 * - Only into a role for which our own status has no id: what is known is never exchanged.
 * - Nothing is recorded before it carries our mark, so that an interrupted adoption begins again.
 */
import type { OpenAccount } from '../shared/accounts.ts';
import type {
  DispatchRuleState,
  InboundTrunkState,
  NamedList,
  OutboundTrunkState,
  TrunkState,
} from '../shared/telephony.ts';
import { labelOf, type Marked, markedUid, markOfKind, roleOf, shortUid } from './mark.ts';
import type { Identity, KnownIds } from './model.ts';
import type { Duplicate } from './observed.ts';

/** UIDs of all PhoneNumber objects of the number, by a live list. */
export type LiveUids = () => Promise<readonly string[]>;

/** Ids of objects without our mark that may be taken as ours. */
export type Claims = ReadonlySet<string>;

export const noClaims: Claims = new Set();

/** Everything that may carry a mark, as it was read. */
export interface MarkedObjects {
  readonly trunks: readonly TrunkState[];
  readonly credentialLists: readonly NamedList[];
  readonly accessLists: readonly NamedList[];
  readonly inbounds: readonly InboundTrunkState[];
  readonly rules: readonly DispatchRuleState[];
  readonly outbounds: readonly OutboundTrunkState[];
}

/** Asks for the living UIDs only if something of another UID is there. Throws what the list throws. */
export async function readClaims(
  identity: Identity,
  ids: KnownIds,
  objects: MarkedObjects,
  liveUids: LiveUids,
): Promise<Claims> {
  const candidates = candidatesOf(identity, ids, objects);
  return candidates.length === 0 ? noClaims : claimsOf(identity, candidates, await liveUids());
}

interface Candidate {
  readonly id: string;
  /** As far as its mark has it. */
  readonly uid: string;
}

/** Objects of our owner and number with the UID of another PhoneNumber, in roles for which no id is known. */
function candidatesOf(identity: Identity, ids: KnownIds, objects: MarkedObjects): readonly Candidate[] {
  const inRole = (kind: Duplicate['kind'], known: string | undefined, all: readonly Marked[]) =>
    known === undefined
      ? all.map(labelOf).flatMap(({ id, name }) => {
          const uid = markedUid(name, identity, roleOf[kind]);
          return uid === undefined || uid === shortUid(identity.uid) ? [] : [{ id, uid }];
        })
      : [];
  return [
    ...inRole('Trunk', ids.trunkSid, objects.trunks),
    ...inRole('CredentialList', ids.credentialListSid, objects.credentialLists),
    ...inRole('IpAccessControlList', ids.ipAccessControlListSid, objects.accessLists),
    ...inRole('InboundTrunk', ids.inboundTrunkId, objects.inbounds),
    ...inRole('DispatchRule', ids.dispatchRuleId, objects.rules),
    ...inRole('OutboundTrunk', ids.outboundTrunkId, objects.outbounds),
  ];
}

function claimsOf(identity: Identity, candidates: readonly Candidate[], liveUids: readonly string[]): Claims {
  const living = new Set([...liveUids, identity.uid].map(shortUid));
  return new Set(candidates.filter(({ uid }) => !living.has(uid)).map(({ id }) => id));
}

/** Puts our mark on an object, and changes nothing else of it. Throws what the ports throw. */
export async function putMarkOn({ kind, id }: Duplicate, identity: Identity, account: OpenAccount): Promise<string> {
  const { twilio, livekit } = account;
  const name = markOfKind(identity, kind);
  switch (kind) {
    case 'Trunk':
      await twilio.renameTrunk(id, name);
      break;
    case 'CredentialList':
      await twilio.renameCredentialList(id, name);
      break;
    case 'IpAccessControlList':
      await twilio.renameIpAccessControlList(id, name);
      break;
    case 'InboundTrunk':
      await livekit.renameInboundTrunk(id, name);
      break;
    case 'OutboundTrunk':
      await livekit.renameOutboundTrunk(id, name);
      break;
    case 'DispatchRule':
      await livekit.renameDispatchRule(id, name);
      break;
  }
  return name;
}
