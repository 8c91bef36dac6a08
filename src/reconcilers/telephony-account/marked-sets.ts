/**
 * Marked sets, pure: what the names of outside objects say about whose they are.
 *
 * The form of the mark is that of the PhoneNumber kind (`tl/<ownerId>/<digits>/<first 8 of UID>/<role>`); a test holds the
 * two against each other.
 */

const markForm = /^tl\/([a-z0-9-]{1,16})\/([0-9]{1,15})\/([0-9a-f-]{8})\/[a-z]+(?:-[0-9]+)?$/;

/** Length of the part of a UID that stands in a mark. */
export const markedUidLength = 8;

/** Everything of one number and UID. */
export interface MarkedSet {
  readonly ownerId: string;
  /** Number and UID, as the mark has them. */
  readonly set: string;
}

/** The sets that carry the UID of no PhoneNumber, each once. */
export function unownedSetsOf(names: readonly string[], knownUids: ReadonlySet<string>): readonly MarkedSet[] {
  const sets = new Map<string, MarkedSet>();
  for (const name of names) {
    const [, ownerId, digits, uid = ''] = markForm.exec(name) ?? [];
    if (ownerId === undefined || knownUids.has(uid)) continue;
    const set = `${digits} ${uid}`;
    sets.set(`${ownerId} ${set}`, { ownerId, set });
  }
  return [...sets.values()];
}

/** How many of them are one owner's. */
export function countOf(ownerId: string, sets: readonly MarkedSet[]): number {
  return new Set(sets.filter((one) => one.ownerId === ownerId).map(({ set }) => set)).size;
}
