/**
 * Wildcard rules: dispatch rules that take calls of any trunk. LiveKit loads all of them for every call and fails the call
 * when two are equal, whoever made them.
 */
import type { WildcardRule } from './telephony.ts';

/** Those that are equal to another one, in words; none is as it should be. */
export function equalWildcards(rules: readonly WildcardRule[]): readonly string[] {
  return rules
    .filter(({ id, condition }) => rules.some((other) => other.id !== id && other.condition === condition))
    .map(({ id, name }) => `${id} (${name})`)
    .toSorted();
}
