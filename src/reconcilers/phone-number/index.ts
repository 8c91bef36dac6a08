/**
 * The PhoneNumber kind as the engine sees it.
 */
import { type Outcome, settled } from '../shared/outcome.ts';
import { ConflictError, type KubernetesObject, type ObjectKey } from '../shared/ports.ts';
import { recordedPin } from './intent.ts';
import { finalizer } from './names.ts';
import type { Dependencies } from './ports.ts';
import { reconcilePhoneNumber, recordVanished } from './reconcile.ts';
import { parsePhoneNumber, phaseOf, pinnedAccountOf } from './schema.ts';
import { accountNameOf, phoneNumberOf } from './spec-schema.ts';

export { NumberFleet } from './fleet.ts';
export { Memories } from './memory.ts';

/** What the engine calls. */
export interface PhoneNumberKind {
  readonly name: 'PhoneNumber';
  reconcile(key: ObjectKey): Promise<Outcome>;
  onDeleted(last: KubernetesObject): Promise<void>;
}

/**
 * What the kind is made of. The memories are made when this process begins to write, and no earlier: creates of the process
 * before it may still be applied for a while from then on.
 */
export interface PhoneNumberKindOptions extends Dependencies {
  /**
   * Whether this install serves the objects of an account, which need not exist; every account if not given. Objects of
   * other accounts are left to other installs: neither status nor finalizer nor record of them is touched.
   */
  readonly serves?: (accountName: string) => boolean;
}

export function phoneNumberKind({ serves, ...dependencies }: PhoneNumberKindOptions): PhoneNumberKind {
  if (serves !== undefined) return kindBesideOthers(dependencies, serves);
  return {
    name: 'PhoneNumber',
    reconcile: async (key) => await reconcilePhoneNumber(dependencies, key),
    onDeleted: async (last) => await recordVanished(dependencies, last),
  };
}

function kindBesideOthers(given: Dependencies, serves: (accountName: string) => boolean): PhoneNumberKind {
  const { accounts, memories, store } = given;
  const isServed = (object: KubernetesObject): boolean => serves(servingAccountOf(object));
  // What a pass is built on can change between its beginning and its first look at the API server or the account.
  const mustServe = (accountName: string): void => {
    if (!serves(accountName)) throw new ConflictError(`TelephonyAccount ${accountName} is served by another install`);
  };
  const dependencies: Dependencies = {
    ...given,
    store: {
      cached: (key) => store.cached(key),
      read: async (key) => {
        const live = await store.read(key);
        if (live !== undefined) mustServe(servingAccountOf(live));
        return live;
      },
      listByNumber: async (phoneNumber) => await store.listByNumber(phoneNumber),
      patchMetadata: async (object, metadata) => await store.patchMetadata(object, metadata),
      patchStatus: async (object, status) => await store.patchStatus(object, status),
      createOrphanRecord: async (record) => await store.createOrphanRecord(record),
      deleteOrphanRecord: async (uid) => await store.deleteOrphanRecord(uid),
    },
    accounts: {
      open: async (name, namespace) => {
        mustServe(name);
        return await accounts.open(name, namespace);
      },
      openPinned: (pin) => {
        mustServe(pin.account);
        return accounts.openPinned(pin);
      },
      // Also of other installs: a rival is a rival, whoever serves it.
      accountSidOf: (name) => accounts.accountSidOf(name),
      troublesOf: (pin) => accounts.troublesOf(pin),
    },
  };
  /** UIDs that were not ours when they were looked at last: by the time they vanish, their account may be gone. */
  const foreign = new Set<string>();
  return {
    name: 'PhoneNumber',
    reconcile: async (key) => {
      const cached = store.cached(key);
      if (cached !== undefined && !isServed(cached)) {
        foreign.add(cached.metadata.uid);
        memories.forget(cached.metadata.uid);
        return settled;
      }
      if (cached !== undefined) foreign.delete(cached.metadata.uid);
      return await reconcilePhoneNumber(dependencies, key);
    },
    onDeleted: async (last) => {
      if (!foreign.delete(last.metadata.uid) && isServed(last)) await recordVanished(dependencies, last);
    },
  };
}

/** The account that decides which install serves an object: where its outside is, else the one it names. */
export function servingAccountOf(raw: KubernetesObject): string {
  const object = parsePhoneNumber(raw);
  const isHeld = object.finalizers.includes(finalizer);
  return (isHeld ? recordedPin({ object })?.account : undefined) ?? accountNameOf(object.spec);
}

/** Names of the accounts an object concerns: the one its spec names and the one it is pinned to. */
export function accountNamesOf(object: KubernetesObject): readonly string[] {
  const pinned = pinnedAccountOf(object.status);
  const named = accountNameOf(object.spec);
  return pinned === undefined || pinned === named ? [named] : [named, pinned];
}

/** The number an object names, if it can be read. */
export function numbersOf(object: KubernetesObject): readonly string[] {
  const number = phoneNumberOf(object.spec);
  return number === undefined ? [] : [number];
}

/** The phase an object shows; for indexes. Before its first status it is pending. */
export function phasesOf({ status }: KubernetesObject): readonly string[] {
  return [phaseOf(status) ?? 'Pending'];
}
