/**
 * Let go: gives up what is outside without touching it, after a durable record of it was written.
 *
 * No external call is made here, ever. The record comes before the finalizer goes, and the finalizer goes with
 * compare-and-swap on exactly the read that was decided on: a confirmation withdrawn in between ends in a conflict.
 */
import { type Outcome, settled } from '../shared/outcome.ts';
import { ConflictError } from '../shared/ports.ts';
import type { Identity, Leftover } from './model.ts';
import { forceDeleteByAnnotation } from './names.ts';
import type { Pass } from './pass.ts';

/** What users of the hosted services know as the end of a force delete. */
export const closingText =
  'Phone number force deleted successfully. Please manually cleanup external resources if needed.';

/** Throws `ConflictError` when the object changed since it was read; the record is taken back then. */
export async function letGo(
  pass: Pass,
  cause: 'ForceDelete' | 'Orphan',
  identity: Identity,
  items: readonly Leftover[],
): Promise<Outcome> {
  const { audit, store } = pass.dependencies;
  const { object } = pass;
  const { uid: _uid, ...pinned } = identity;
  const confirmedBy = object.annotations[forceDeleteByAnnotation];
  await store.createOrphanRecord({
    uid: object.uid,
    namespace: object.namespace,
    name: object.name,
    phoneNumber: identity.phoneNumber,
    pinned,
    cause,
    confirmedBy: cause === 'ForceDelete' ? confirmedBy : undefined,
    confirmedAt: pass.timestamp(),
    items,
  });
  try {
    await pass.release();
  } catch (error) {
    if (error instanceof ConflictError) await takeRecordBack(pass);
    throw error;
  }
  const note =
    cause === 'ForceDelete'
      ? `${closingText} OrphanRecord ${object.uid} lists them`
      : `Let go without clean-up, as deletionPolicy Orphan asks; OrphanRecord ${object.uid} lists what stays`;
  pass.event({ type: cause === 'ForceDelete' ? 'Warning' : 'Normal', reason: 'Deleting', action: cause, note });
  audit.record(cause === 'ForceDelete' ? 'force delete' : 'orphan', {
    phoneNumber: identity.phoneNumber,
    uid: object.uid,
    confirmedBy,
    leftovers: items.map(({ kind, id }) => `${kind} ${id ?? 'unknown'}`),
  });
  return settled;
}

/** Unless the object is gone: then it was let go of before, and the record is all that is left of it. */
async function takeRecordBack({ dependencies, key, object }: Pass): Promise<void> {
  const { store } = dependencies;
  const live = await store.read(key);
  if (live?.metadata.uid === object.uid) await store.deleteOrphanRecord(object.uid);
}
