/**
 * Reconcile: the story of one pass. Level-triggered: it gets a key and never learns what woke it.
 */
import { again, type Outcome, settled } from '../shared/outcome.ts';
import { ConflictError, type KubernetesObject, type ObjectKey } from '../shared/ports.ts';
import { bringUp } from './bring-up.ts';
import { identityOf, recordedPin } from './intent.ts';
import { leftoversOfIds } from './leftovers.ts';
import { hasRecord } from './number-routing.ts';
import { Pass } from './pass.ts';
import type { Dependencies } from './ports.ts';
import { parsePhoneNumber } from './schema.ts';
import { takeDown } from './take-down.ts';

/** Looks at one PhoneNumber and does what is to be done. Throws only on defects and when the API server fails. */
export async function reconcilePhoneNumber(dependencies: Dependencies, key: ObjectKey): Promise<Outcome> {
  const { memories, store } = dependencies;
  const cached = store.cached(key);
  const mustReadLive = cached !== undefined && memories.of(cached.metadata.uid).readLive;
  const raw = mustReadLive ? await store.read(key) : cached;
  if (raw === undefined) return settled;
  const memory = memories.of(raw.metadata.uid);
  // Let go of by this process: what the cache still shows is the past.
  if (memory.released) return settled;
  const pass = new Pass(dependencies, raw, mustReadLive);
  try {
    const outcome = await (pass.object.deleting ? takeDown(pass) : bringUp(pass));
    memory.readLive = false;
    return outcome;
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    memory.readLive = true;
    return again;
  }
}

/**
 * An object is gone from the API server. When that happened without us, what it stood for is recorded: nobody will
 * remove it any more. Throws when the record cannot be written; to be called again then.
 */
export async function recordVanished(dependencies: Dependencies, raw: KubernetesObject): Promise<void> {
  const { audit, clock, memories, store } = dependencies;
  const { uid } = raw.metadata;
  const object = parsePhoneNumber(raw);
  const { released, ids: learned, isUnrouted } = memories.of(uid);
  const ids = { ...object.status.ids, ...learned };
  const { phoneNumberSid: _theirs, ...ours } = ids;
  const isOnNumber = !isUnrouted && hasRecord(object.status);
  const isOutside = isOnNumber || Object.values(ours).some((id) => id !== undefined);
  // With or without the finalizer: somebody may have taken it off first.
  if (!released && isOutside) {
    const identity = identityOf({ object });
    await store.createOrphanRecord({
      uid,
      namespace: object.namespace,
      name: object.name,
      phoneNumber: identity.phoneNumber,
      pinned: recordedPin({ object }),
      cause: 'Vanished',
      confirmedAt: `${new Date(clock.now()).toISOString().slice(0, 19)}Z`,
      items:
        object.status.leftovers.length > 0
          ? object.status.leftovers
          : leftoversOfIds(
              identity,
              ids,
              'CleanupFailed',
              'the PhoneNumber vanished before it could be removed',
              isOnNumber ? object.status : {},
            ),
    });
    audit.record('vanished', { namespace: object.namespace, name: object.name, uid, ids: ours });
  }
  memories.forget(uid);
}
