/**
 * LiveKit's rules for an incoming call, as far as they depend on the called number: which trunk takes it and which rule
 * answers. Read in LiveKit's source and compared with its own matcher; what an oracle of any world goes by.
 */

/** An inbound trunk; without numbers it takes any. */
export interface MatchedTrunk {
  readonly id: string;
  readonly numbers: readonly string[];
}

/** A dispatch rule for individual rooms without a PIN; without trunks it is a wildcard. */
export interface MatchedRule {
  readonly id: string;
  readonly name: string;
  readonly trunkIds: readonly string[];
}

/** What becomes of a call. */
export type Call =
  | { readonly kind: 'answered'; readonly rule: MatchedRule }
  | { readonly kind: 'failed'; readonly why: string };

/**
 * A trunk that names the number wins over one without numbers, and two of the same rank fail the call. Rules that name the
 * trunk win over wildcards, and two equal ones fail the call. Wildcards are always loaded: two of them break every call.
 */
export function callAt(
  number: string,
  { inbound, rules }: { readonly inbound: readonly MatchedTrunk[]; readonly rules: readonly MatchedRule[] },
): Call {
  const naming = inbound.filter(({ numbers }) => numbers.some((one) => normalised(one) === normalised(number)));
  const open = inbound.filter(({ numbers }) => numbers.length === 0);
  const [trunk, second] = naming.length > 0 ? naming : open;
  if (trunk === undefined) return { kind: 'failed', why: 'no inbound trunk' };
  if (second !== undefined) return { kind: 'failed', why: 'two inbound trunks match the number' };
  const wildcards = rules.filter(({ trunkIds }) => trunkIds.length === 0);
  if (wildcards.length > 1) return { kind: 'failed', why: 'two equal wildcard rules' };
  const own = rules.filter(({ trunkIds }) => trunkIds.includes(trunk.id));
  const [rule, other] = own.length > 0 ? own : wildcards;
  if (rule === undefined) return { kind: 'failed', why: 'no rule' };
  return other === undefined ? { kind: 'answered', rule } : { kind: 'failed', why: 'two equal rules' };
}

/** LiveKit compares numbers without blanks, hyphens and parentheses, and with a plus sign. */
function normalised(number: string): string {
  const digits = number.replaceAll(/[\s\-()]/g, '');
  return digits.startsWith('+') ? digits : `+${digits}`;
}
