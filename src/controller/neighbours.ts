/**
 * Neighbours: what else looks again when one object changes.
 *
 * - A PhoneNumber looks when its account, a Secret of that, or a rival for its number changes, and when a provider of its
 *   account has recovered.
 * - An account looks when one of its Secrets changes, when a call makes one of its providers suspect, and, for the count in
 *   its status, some time after PhoneNumbers have come or gone; at once when the last one has gone, because a deletion of
 *   the account may wait for that.
 */
import type { KubernetesObject, ObjectKey } from '../reconcilers/shared/ports.ts';
import type { Change, ChangeSource, Engine } from './engine.ts';

/** A cache that finds objects by something in them. */
interface Indexed<Index extends string> extends ChangeSource {
  byIndex(index: Index, value: string): readonly KubernetesObject[];
}

/** What is told of a provider of an account. */
interface HealthEvent {
  readonly kind: 'suspected' | 'failing' | 'recovered';
  /** `account` is the name of the account object. */
  readonly subject: { readonly account: string };
}

/** Everything that can wake something, and what an object says of others. */
export interface Neighbours {
  readonly numbers: Indexed<'account' | 'number'>;
  readonly accounts: Indexed<'secret'>;
  readonly secrets: ChangeSource;
  readonly health: { subscribe(listener: (event: HealthEvent) => void): unknown };
  readonly numberEngine: Pick<Engine, 'add'>;
  readonly accountEngine: Pick<Engine, 'add'>;
  /** The numbers that a PhoneNumber names. */
  readonly numbersOf: (number: KubernetesObject) => readonly string[];
  /** The accounts that a PhoneNumber names or is pinned to. */
  readonly accountNamesOf: (number: KubernetesObject) => readonly string[];
  /** Whether a change of an account means anything to its PhoneNumbers. */
  readonly concernsNumbers: (change: Change) => boolean;
}

/** How long a count may be behind, in milliseconds: of thousands that come together one write tells. */
const countAfterMs = 5_000;

/** From now on, for good. */
export function wakeNeighbours(all: Neighbours): void {
  const { accounts, health, numbers, secrets } = all;
  accounts.subscribe((change) => {
    const account = (change.after ?? change.before)?.metadata.name;
    if (account !== undefined && all.concernsNumbers(change)) wakeNumbers(all, numbers.byIndex('account', account));
  });
  secrets.subscribe(({ before, after }) => {
    const secret = (after ?? before)?.metadata.name;
    for (const { metadata } of secret === undefined ? [] : accounts.byIndex('secret', secret)) {
      all.accountEngine.add(accountKey(metadata.name));
      wakeNumbers(all, numbers.byIndex('account', metadata.name));
    }
  });
  health.subscribe(({ kind, subject: { account } }) => {
    if (kind === 'suspected') all.accountEngine.add(accountKey(account), { priority: 'high' });
    if (kind === 'recovered') wakeNumbers(all, numbers.byIndex('account', account));
  });
  numbers.subscribe((change) => {
    wakeRivals(all, change);
    wakeCounts(all, change);
  });
}

function wakeNumbers({ numberEngine }: Neighbours, numbers: readonly KubernetesObject[]): void {
  for (const { metadata } of numbers) {
    numberEngine.add({ namespace: metadata.namespace ?? '', name: metadata.name });
  }
}

function wakeRivals(all: Neighbours, { before, after }: Change): void {
  const object = after ?? before;
  if (object === undefined) return;
  const rivals = all.numbersOf(object).flatMap((number) => all.numbers.byIndex('number', number));
  wakeNumbers(
    all,
    rivals.filter(({ metadata }) => metadata.uid !== object.metadata.uid),
  );
}

function wakeCounts({ accountEngine, accountNamesOf, numbers }: Neighbours, { before, after }: Change): void {
  const [old, now] = [before, after].map((object) => (object === undefined ? [] : accountNamesOf(object)));
  for (const account of new Set([...(old ?? []), ...(now ?? [])])) {
    if (old?.includes(account) === now?.includes(account)) continue;
    const isLast = numbers.byIndex('account', account).length === 0;
    accountEngine.add(accountKey(account), { afterMs: isLast ? 0 : countAfterMs });
  }
}

function accountKey(name: string): ObjectKey {
  return { namespace: '', name };
}
