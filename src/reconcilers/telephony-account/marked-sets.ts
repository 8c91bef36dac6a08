/**
 * Marked sets, pure: what the names of outside objects say about whose they are.
 *
 * The form of the mark is that of the PhoneNumber kind (`tl/<ownerId>/<digits>/<first 8 of UID>/<role>`); a test holds the
 * two against each other.
 */

const markForm = /^tl\/([a-z0-9-]{1,16})\/([0-9]{1,15})\/([0-9a-f-]{8})\/[a-z]+(?:-[0-9]+)?$/;

/** Length of the part of a UID that stands in a mark. */
export const markedUidLength = 8;

/** How many sets carry our owner's mark and the UID of no PhoneNumber. Everything of one number and UID is one set. */
export function unownedSetsOf(names: readonly string[], ownerId: string, knownUids: ReadonlySet<string>): number {
  const sets = new Set<string>();
  for (const name of names) {
    const [, owner, digits, uid = ''] = markForm.exec(name) ?? [];
    if (owner === ownerId && !knownUids.has(uid)) sets.add(`${digits} ${uid}`);
  }
  return sets.size;
}
