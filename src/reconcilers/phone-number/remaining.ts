/**
 * Remaining, pure: what a removal left, and which ids a status may forget.
 */
import type { Remaining } from './leftovers.ts';
import { type KnownIds, type LeftoverKind, leftoverKinds, type RoutingRecord } from './model.ts';
import type { KindView, RemovalView } from './removal-view.ts';
import type { StepStates } from './removal.ts';
import { reasonOf } from './trouble.ts';
import type { Verdict } from '../shared/verdict.ts';

/** The parts of a removal's report that say what is left. */
export interface RemovalResult {
  readonly states: StepStates;
  readonly view: RemovalView;
  readonly verdicts: ReadonlyMap<LeftoverKind, Verdict>;
}

/** One entry per thing that is left or could not be looked at. */
export function remainingOf({ states, view, verdicts }: RemovalResult): readonly Remaining[] {
  return leftoverKinds.flatMap((kind) => {
    const state = states.get(kind) ?? 'gone';
    const found = view.get(kind);
    if (state === 'gone' || found === undefined) return [];
    return thingsOf(found).map(({ id, parentId, isSeen }) => ({
      kind,
      id,
      parentId,
      state: isSeen ? ('Present' as const) : ('Unknown' as const),
      ...whyLeft(found, verdicts.get(kind)),
    }));
  });
}

interface Thing {
  readonly id: string | undefined;
  readonly parentId: string | undefined;
  readonly isSeen: boolean;
}

function thingsOf(view: KindView): readonly Thing[] {
  switch (view.kind) {
    case 'present':
    case 'unmarked':
      return view.targets.map(({ id, parentId }) => ({ id, parentId, isSeen: true }));
    case 'unreadable':
      return [{ id: view.knownId, parentId: undefined, isSeen: false }];
    case 'early':
      return [{ id: undefined, parentId: undefined, isSeen: false }];
    case 'gone':
      return [];
  }
}

function whyLeft(view: KindView, verdict: Verdict | undefined): Pick<Remaining, 'reason' | 'message'> {
  if (view.kind === 'unmarked') {
    return {
      reason: 'OwnershipUnknown',
      message:
        "it no longer carries the mark of this object, so it may be somebody else's; give it back its name or remove it by hand",
    };
  }
  if (verdict === undefined)
    return { reason: 'CleanupFailed', message: 'it has to stay until what comes before it is removed' };
  const reason = reasonOf(verdict);
  return { reason: verdict.kind === 'identity' ? reason : 'CleanupFailed', message: verdict.message };
}

const idFields: Readonly<Record<LeftoverKind, keyof KnownIds | undefined>> = {
  // The number itself stays, and so does what is known of it.
  NumberAttachment: undefined,
  NumberRouting: undefined,
  DispatchRule: 'dispatchRuleId',
  InboundTrunk: 'inboundTrunkId',
  Trunk: 'trunkSid',
  OutboundTrunk: 'outboundTrunkId',
  Credential: 'credentialSid',
  CredentialList: 'credentialListSid',
  IpAccessControlList: 'ipAccessControlListSid',
};

/** What a status says of the outside; what it does not name stays. */
export interface KnownOutside extends RoutingRecord {
  readonly ids: KnownIds;
}

/** An id leaves the status only after its absence is proven, and so does what was put on the number. */
export function withoutGone(ids: KnownIds, states: StepStates): KnownOutside {
  const gone = leftoverKinds.flatMap((kind) => (states.get(kind) === 'gone' ? (idFields[kind] ?? []) : []));
  return {
    ids: { ...ids, ...Object.fromEntries(gone.map((field) => [field, undefined])) },
    ...(states.get('NumberRouting') === 'gone' && { routedTo: undefined, routingTo: undefined }),
  };
}
