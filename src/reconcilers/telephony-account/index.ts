/**
 * The TelephonyAccount kind as the engine and the composition root see it.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Outcome, settled } from '../shared/outcome.ts';
import type { KubernetesObject, ObjectKey } from '../shared/ports.ts';
import { type AccountMemories, reconcileAccount, type ReconcileDependencies } from './reconcile.ts';
import { parseIdentity } from './schema.ts';

export { AccountDirectory } from './account-directory.ts';
export { AccountHealth } from './account-health.ts';
export { Surveys } from './surveys.ts';

/** What the engine calls. */
export interface TelephonyAccountKind {
  readonly name: 'TelephonyAccount';
  reconcile(key: ObjectKey): Promise<Outcome>;
  onDeleted(last: KubernetesObject): Promise<void>;
}

export interface TelephonyAccountKindOptions extends ReconcileDependencies {
  /** Whether this install serves an account; every one if not given. Others are left to other installs. */
  readonly serves?: (accountName: string) => boolean;
}

export function telephonyAccountKind({ serves, ...dependencies }: TelephonyAccountKindOptions): TelephonyAccountKind {
  const memories: AccountMemories = new Map();
  return {
    name: 'TelephonyAccount',
    reconcile: async (key) =>
      serves?.(key.name) === false ? settled : await reconcileAccount(dependencies, memories, key),
    // The reconcile that follows finds no object, or another one of the same name.
    onDeleted: async () => await Promise.resolve(),
  };
}

/** Names of the Secrets an account names, for an index: whoever waits for one looks again when it changes. */
export function secretNamesOf(object: KubernetesObject): readonly string[] {
  const { twilioSecret, livekitSecret } = parseIdentity(object);
  return [twilioSecret, livekitSecret].filter((name) => name !== undefined);
}

/**
 * Whether a change of an account means anything to the PhoneNumbers that use it. What we write into its status means
 * nothing, and thousands of numbers need not look again for it.
 */
export function concernsNumbers(before: KubernetesObject | undefined, after: KubernetesObject | undefined): boolean {
  if (before === undefined || after === undefined || before.metadata.uid !== after.metadata.uid) return true;
  return !isDeepStrictEqual(whatNumbersUse(before), whatNumbersUse(after));
}

function whatNumbersUse({ metadata, spec }: KubernetesObject): unknown {
  return { spec, labels: metadata.labels, isDeleting: metadata.deletionTimestamp !== undefined };
}
