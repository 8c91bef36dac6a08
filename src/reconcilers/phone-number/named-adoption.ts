/**
 * Named adoption, pure: objects that a person made, named by their ids in the annotation `adopt`, become those of a
 * PhoneNumber. It ends at the first Ready, as a takeover does.
 *
 * Guarantees
 * - Nothing is taken that serves anybody else: the trunk has this number and no other, an inbound or outbound trunk holds
 *   this number and no other, a rule takes the calls of the adopted inbound trunk and of no other.
 * - A rule of others is not left beside one of ours: LiveKit fails every call that two equal rules take.
 * - Nothing that carries a mark of somebody else is taken, and nothing into a role that is filled.
 * - All or nothing: one refusal, and nothing is touched.
 */
import type { Claims, MarkedObjects } from './adoption.ts';
import type { Desired } from './desired.ts';
import { labelOf, type Marked, ownershipOf, roleOf } from './mark.ts';
import type { Identity, KnownIds, NamedAdoption, PhoneNumber } from './model.ts';
import { adoptAnnotation } from './names.ts';
import { idFieldOf } from './observed.ts';
import { parseNamedAdoption } from './schema.ts';
import type { Trouble } from './status.ts';

/** What a person wants adopted, or why it cannot be read. Nothing any more once the number was Ready. */
export function namedAdoptionOf({ annotations, status }: PhoneNumber, desired: Desired): NamedAdoption | Trouble {
  const text = annotations[adoptAnnotation];
  if (text === undefined || status.firstReadyTime !== undefined) return {};
  if (desired.voice === 'webhook' || desired.identity.existingTrunkSid !== undefined) {
    return refusal('needs voice.sipTrunk with a trunk of its own');
  }
  return (
    parseNamedAdoption(text) ??
    refusal('is not JSON such as {"trunkSid":"TK…","inboundTrunkId":"ST_…","dispatchRuleId":"SDR_…"}')
  );
}

export function isTrouble(wish: NamedAdoption | Trouble): wish is Trouble {
  return 'reason' in wish;
}

/** Why nothing is adopted; correct the annotation, or take it away to have everything made. */
export function refusal(why: string): Trouble {
  return {
    reason: 'InvalidSpec',
    message: `The annotation ${adoptAnnotation} ${why}; nothing is touched`,
    stalled: true,
  };
}

/** What is there of what a person names. */
export interface NamedObjects extends MarkedObjects {
  /** E.164, of the trunk that is named. */
  readonly numbersOnTrunk: readonly string[];
}

/** Everything that speaks against it, in words; empty if it may be adopted. `claims` are of PhoneNumbers that are no more. */
export function problemsOf(
  wish: NamedAdoption,
  { claims, identity, ids, wantsOutbound }: NamedAdoptionContext,
  objects: NamedObjects,
): readonly string[] {
  const { phoneNumber } = identity;
  const problems: string[] = [];
  const check = <T extends Marked>(
    kind: keyof typeof checked,
    all: readonly T[],
    wrong: (object: T) => string | undefined,
  ): void => {
    const field = idFieldOf[kind];
    const id = wish[checked[kind]];
    if (id === undefined || ids[field] === id) return;
    const known = ids[field];
    if (known !== undefined) return void problems.push(`${kind} ${id}: this number has ${known} already`);
    const object = all.find((one) => labelOf(one).id === id);
    if (object === undefined) return void problems.push(`${kind} ${id} is not there`);
    const { name } = labelOf(object);
    const isStrangers =
      name.startsWith('tl/') && ownershipOf(name, identity, roleOf[kind]) !== 'ours' && !claims.has(id);
    const why = isStrangers ? `carries the mark ${name}` : wrong(object);
    if (why !== undefined) problems.push(`${kind} ${id} ${why}`);
  };
  const holds = (numbers: readonly string[]): string | undefined =>
    numbers.length === 1 && numbers[0] === phoneNumber
      ? undefined
      : `has ${numbers.length === 0 ? 'no number of its own' : numbers.join(', ')} instead of ${phoneNumber} alone`;
  check('Trunk', objects.trunks, () => holds(objects.numbersOnTrunk));
  check('InboundTrunk', objects.inbounds, ({ id, numbers }) => {
    // With a rule of ours beside it, two would be equal, and every call would fail.
    const rule = objects.rules.find(
      ({ id: ruleId, trunkIds }) => trunkIds.includes(id) && ruleId !== wish.dispatchRuleId,
    );
    const isOurs = rule === undefined || ownershipOf(rule.name, identity, 'rule') === 'ours' || claims.has(rule.id);
    return isOurs ? holds(numbers) : `has its calls taken by DispatchRule ${rule.id}, which has to be adopted, too`;
  });
  check('OutboundTrunk', objects.outbounds, ({ numbers }) =>
    wantsOutbound ? holds(numbers) : 'would be removed, since spec.voice.sipTrunk.outbound is not enabled',
  );
  const inbound = ids.inboundTrunkId ?? wish.inboundTrunkId;
  check('DispatchRule', objects.rules, ({ trunkIds }) =>
    trunkIds.length === 1 && trunkIds[0] === inbound
      ? undefined
      : `takes calls of ${trunkIds.length === 0 ? 'every trunk' : trunkIds.join(', ')} instead of the adopted inbound trunk alone`,
  );
  return problems;
}

const checked = {
  Trunk: 'trunkSid',
  InboundTrunk: 'inboundTrunkId',
  OutboundTrunk: 'outboundTrunkId',
  DispatchRule: 'dispatchRuleId',
} as const satisfies Partial<Record<keyof typeof idFieldOf, keyof NamedAdoption>>;

export interface NamedAdoptionContext {
  readonly identity: Identity;
  readonly ids: KnownIds;
  readonly claims: Claims;
  readonly wantsOutbound: boolean;
}
