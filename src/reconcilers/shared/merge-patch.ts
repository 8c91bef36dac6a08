/**
 * JSON merge patch (RFC 7396): the difference between what is stored and what should be.
 */
import { isDeepStrictEqual } from 'node:util';

type Json = Readonly<Record<string, unknown>>;

/**
 * The patch that turns `stored` into `wanted`, for the keys that `wanted` names; a value of `undefined` removes the key.
 * Keys that `wanted` does not name stay as they are: a newer operator may have written them. Empty means no difference.
 */
export function mergePatch(stored: Json, wanted: Json): Record<string, unknown> {
  const patch: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(wanted)) {
    const before = stored[key];
    if (value === undefined) {
      if (before !== undefined) patch[key] = null;
    } else if (isPlainObject(value)) {
      const inner = mergePatch(isPlainObject(before) ? before : {}, value);
      const isReplaced = before !== undefined && !isPlainObject(before);
      if (isReplaced || Object.keys(inner).length > 0) patch[key] = inner;
    } else if (Array.isArray(value) ? !isSameList(before, value) : before !== value) {
      patch[key] = value;
    }
  }
  return patch;
}

function isPlainObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Lists are compared as they would be sent. `stored` is plain JSON already. */
function isSameList(stored: unknown, wanted: readonly unknown[]): boolean {
  return isDeepStrictEqual(stored, JSON.parse(JSON.stringify(wanted)));
}
