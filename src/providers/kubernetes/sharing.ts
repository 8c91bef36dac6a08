/**
 * Sharing of equal parts between objects of JSON. The objects of one kind say mostly the same: of 3 KB per cached
 * PhoneNumber, two thirds are parts that the one before it has, too.
 *
 * Assumption: nobody changes an object that has been shared.
 */

/**
 * @returns `like` if it equals `value`; otherwise `value`, in which all parts that equal those of `like` have been replaced
 * by these. `value` is plain JSON that nobody else holds.
 */
export function share<Value>(value: Value, like: Value | undefined): Value;
export function share(value: unknown, like: unknown): unknown {
  if (Array.isArray(value)) return Array.isArray(like) ? sharedArray(value, like) : value;
  if (isRecord(value)) return isRecord(like) && !Array.isArray(like) ? sharedRecord(value, like) : value;
  return value === like ? like : value;
}

function sharedArray(value: unknown[], like: readonly unknown[]): readonly unknown[] {
  let isSame = value.length === like.length;
  for (const [index, part] of value.entries()) {
    const shared = share(part, like[index]);
    value[index] = shared;
    if (shared !== like[index]) isSame = false;
  }
  return isSame ? like : value;
}

function sharedRecord(value: Record<string, unknown>, like: Record<string, unknown>): Record<string, unknown> {
  let isSame = true;
  let names = 0;
  for (const name in value) {
    const shared = share(value[name], like[name]);
    value[name] = shared;
    if (shared !== like[name] || !Object.hasOwn(like, name)) isSame = false;
    names += 1;
  }
  return isSame && names === Object.keys(like).length ? like : value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
