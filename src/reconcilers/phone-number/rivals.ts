/**
 * Rivals, pure: two PhoneNumber objects that name the same number of the same Twilio account.
 *
 * The holder of our finalizer wins; without one the oldest. The loser touches nothing. A loser whose rival lives in
 * another namespace is never promoted by itself: else somebody could wait for a number to be applied again.
 */
import type { PhoneNumber } from './model.ts';
import { finalizer } from './names.ts';
import type { Trouble } from './status.ts';

/** What stands in the way of `self` among all objects that name its number in the same Twilio account. */
export function rivalTrouble(self: PhoneNumber, others: readonly PhoneNumber[]): Trouble | undefined {
  const rivals = others.filter(({ uid }) => uid !== self.uid);
  const holder = rivals.find(({ finalizers }) => finalizers.includes(finalizer));
  // One that waits in vain must not keep others from the number for ever.
  const older = rivals.find((rival) => !rival.deleting && !isBarred(rival) && isOlder(rival, self));
  const winner = holder ?? older;
  if (winner === undefined) return undefined;
  const near = winner.namespace === self.namespace;
  return {
    reason: 'NumberInUse',
    message: near
      ? `PhoneNumber ${winner.name} in this namespace has the number already; delete one of the two`
      : 'The number is in use by another PhoneNumber; once it is free, edit or re-create this object',
    stalled: !near,
    // Else a token set while waiting would be a way to wait after all.
    handlesToken: true,
  };
}

/** Whether an earlier pass found a rival in another namespace, and nobody has edited the object since. */
export function isBarred({ status, generation }: PhoneNumber): boolean {
  return status.conditions.some(
    ({ type, status: state, reason, observedGeneration }) =>
      type === 'Stalled' && state === 'True' && reason === 'NumberInUse' && observedGeneration === generation,
  );
}

/** Creation times have whole seconds, so the UID breaks ties. */
function isOlder(one: PhoneNumber, other: PhoneNumber): boolean {
  const left = `${one.creationTimestamp} ${one.uid}`;
  return left < `${other.creationTimestamp} ${other.uid}`;
}
