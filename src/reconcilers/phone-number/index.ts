/**
 * The PhoneNumber kind as the engine sees it.
 */
import type { Outcome } from '../shared/outcome.ts';
import type { KubernetesObject, ObjectKey } from '../shared/ports.ts';
import { Memories } from './memory.ts';
import type { Dependencies } from './ports.ts';
import { reconcilePhoneNumber, recordVanished } from './reconcile.ts';
import { accountNameOf, parsePhoneNumber, phoneNumberOf } from './schema.ts';

/** What the engine calls. */
export interface PhoneNumberKind {
  readonly name: 'PhoneNumber';
  reconcile(key: ObjectKey): Promise<Outcome>;
  onDeleted(last: KubernetesObject): Promise<void>;
}

/** Made once, when the process starts: creates of an earlier process may still be applied for a while from now on. */
export function phoneNumberKind(given: Omit<Dependencies, 'memories'>): PhoneNumberKind {
  const memories = new Memories(given.clock.monotonic(), given.settings.lateCommitMs);
  const dependencies: Dependencies = { ...given, memories };
  return {
    name: 'PhoneNumber',
    reconcile: async (key) => await reconcilePhoneNumber(dependencies, key),
    onDeleted: async (last) => await recordVanished(dependencies, last),
  };
}

/** Names of the accounts an object concerns: the one its spec names and the one it is pinned to. */
export function accountNamesOf(object: KubernetesObject): readonly string[] {
  const pinned = parsePhoneNumber(object).status.pinned?.account;
  const named = accountNameOf(object.spec);
  return pinned === undefined || pinned === named ? [named] : [named, pinned];
}

/** The number an object names, if it can be read. */
export function numbersOf(object: KubernetesObject): readonly string[] {
  const number = phoneNumberOf(object.spec);
  return number === undefined ? [] : [number];
}
