/**
 * What looks again when something else changes: PhoneNumbers and TelephonyAccounts, in caches as the operator has them.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import type { AddOptions } from '../../src/controller/work-queue.ts';
import { wakeNeighbours } from '../../src/controller/neighbours.ts';
import { ObjectCache } from '../../src/providers/kubernetes/object-cache.ts';
import type { KubernetesObject } from '../../src/reconcilers/shared/ports.ts';
import { kubernetesObject } from '../support/kubernetes-objects.ts';
import { recordedLog } from '../support/log-lines.ts';

/** What a PhoneNumber or an account says in these tests. */
interface Says {
  readonly accounts?: readonly string[];
  readonly number?: string;
  readonly secret?: string;
}

const saysOf = ({ spec }: KubernetesObject): Says => spec as Says;
const accountsOf = (object: KubernetesObject) => saysOf(object).accounts ?? [];
const numbersOf = (object: KubernetesObject) => saysOf(object).number ?? [];

let version = 0;
const made = (name: string, says: Says, metadata: Partial<KubernetesObject['metadata']> = {}): KubernetesObject => {
  version += 1;
  return kubernetesObject(name, version, metadata, says);
};
const number = (name: string, account: string, phoneNumber = name) =>
  made(name, { accounts: [account], number: phoneNumber });
const account = (name: string, secret = 'secret') => made(name, { secret });

function bench() {
  const { log } = recordedLog();
  const numbers = new ObjectCache({ account: accountsOf, number: (one) => [numbersOf(one)].flat() }, log);
  const accounts = new ObjectCache({ secret: (one) => [saysOf(one).secret ?? []].flat() }, log);
  const secrets = new ObjectCache({}, log);
  const woken: string[] = [];
  const note = (kind: string) => ({
    add: (key: { readonly name: string }, { afterMs = 0, priority }: AddOptions = {}) => {
      woken.push(
        [kind, key.name, ...(afterMs > 0 ? [`in ${afterMs} ms`] : []), ...(priority ? [priority] : [])].join(' '),
      );
    },
  });
  const listeners: Parameters<Parameters<typeof wakeNeighbours>[0]['health']['subscribe']>[0][] = [];
  numbers.replace([number('one', 'a'), number('two', 'a'), number('three', 'b')]);
  accounts.replace([account('a'), account('b', 'other'), account('c')]);
  secrets.replace([]);
  wakeNeighbours({
    numbers,
    accounts,
    secrets,
    health: { subscribe: (listener) => listeners.push(listener) },
    numberEngine: note('number'),
    accountEngine: note('account'),
    numbersOf: (object) => [numbersOf(object)].flat(),
    accountNamesOf: accountsOf,
    concernsNumbers: ({ after }) => after?.metadata.labels?.['unimportant'] !== 'yes',
  });
  return {
    numbers,
    accounts,
    secrets,
    woken,
    tell: (kind: 'suspected' | 'failing' | 'recovered', name: string) => {
      for (const listener of listeners) listener({ kind, subject: { account: name } });
    },
  };
}

let world: ReturnType<typeof bench>;

beforeEach(() => {
  world = bench();
});

describe('a change', () => {
  const cases: readonly {
    readonly name: string;
    readonly why: string;
    readonly change: () => void;
    readonly woken: readonly string[];
  }[] = [
    {
      name: 'of an account wakes its numbers',
      why: 'what they may do goes by it',
      change: () => world.accounts.apply(account('a')),
      woken: ['number one', 'number two'],
    },
    {
      name: 'of an account that means nothing to numbers wakes none',
      why: 'our own status must not wake thousands',
      change: () => world.accounts.apply(made('a', {}, { labels: { unimportant: 'yes' } })),
      woken: [],
    },
    {
      name: 'of a Secret wakes the accounts that name it, and their numbers',
      why: 'new credentials are tried at once',
      change: () => world.secrets.apply(made('secret', {})),
      woken: ['account a', 'number one', 'number two', 'account c'],
    },
    {
      name: 'of a Secret that is new or gone counts too',
      why: 'it may have been missing',
      change: () => {
        world.secrets.apply(made('other', {}));
        world.secrets.replace([]);
      },
      woken: ['account b', 'number three', 'account b', 'number three'],
    },
    {
      name: 'of a number wakes its rivals, and not itself',
      why: 'a rival waits for it',
      change: () => {
        world.numbers.apply(number('rival', 'a', 'one'));
      },
      woken: ['number one', 'account a in 5000 ms'],
    },
    {
      name: 'of a number that stays where it is wakes no account',
      why: 'the count is the same',
      change: () => world.numbers.apply(number('one', 'a')),
      woken: [],
    },
    {
      name: 'of the account of a number is counted at both',
      why: 'it was pinned to another one',
      change: () => world.numbers.apply(made('one', { accounts: ['a', 'b'], number: 'one' })),
      woken: ['account b in 5000 ms'],
    },
    {
      name: 'to one number less is counted some time later',
      why: 'of thousands one write tells',
      change: () => world.numbers.remove(number('one', 'a')),
      woken: ['account a in 5000 ms'],
    },
    {
      name: 'to no number at all is told at once',
      why: 'the deletion of the account may wait for it',
      change: () => world.numbers.remove(number('three', 'b')),
      woken: ['account b'],
    },
    {
      name: 'for the worse that a call shows wakes the account',
      why: 'only a probe can tell whether it is everybody’s',
      change: () => world.tell('suspected', 'a'),
      woken: ['account a high'],
    },
    {
      name: 'for the worse that a probe shows wakes nobody',
      why: 'everybody finds out by himself, and waits',
      change: () => world.tell('failing', 'a'),
      woken: [],
    },
    {
      name: 'for the better wakes the numbers',
      why: 'they waited for it',
      change: () => world.tell('recovered', 'a'),
      woken: ['number one', 'number two'],
    },
  ];
  test.for(cases)('$name', ({ change, woken, why }) => {
    change();
    expect(world.woken, why).toEqual(woken);
  });
});
