/**
 * Seed: puts the state a test or a demo starts from into the world.
 *
 * Guarantees
 * - A seed can be applied more than once: an account that exists keeps what it has and gets the rest.
 */

import type { Account, AccountLimits, World } from './world.ts';
import type { IncomingPhoneNumber, Stored, Trunk } from './resources.ts';
import { type AccountSeed, type Seed, SEED } from './seed-schema.ts';
import { attachNumber } from './trunk-numbers.ts';
import { emptyTrunk } from './trunks.ts';

/**
 * Puts a seed into the world.
 * @throws ZodError if it is malformed, Error if it names something that is not there or makes something twice
 */
export function applySeed(world: World, seed: Seed): void {
  for (const description of SEED.parse(seed).accounts) {
    const { accountSid, authToken, parentAccountSid, apiKeys } = description;
    const existing = world.accounts.get(accountSid);
    const account = existing ?? world.addAccount({ accountSid, authToken, parentAccountSid });
    if (existing !== undefined && (authToken ?? parentAccountSid) !== undefined) {
      throw new Error(`Cannot seed account "${accountSid}": it exists, and keeps its token and its parent`);
    }
    for (const [key, secret] of Object.entries(apiKeys)) account.apiKeys.set(key, secret);
    account.limits = { ...account.limits, ...given(description.limits) };
    seedLists(world, account, description);
    for (const trunk of description.trunks) seedTrunk(world, account, trunk);
    for (const number of description.phoneNumbers) seedPhoneNumber(world, account, number);
    for (const call of description.calls) seedCall(world, account, call);
  }
}

function seedLists(world: World, account: Account, description: AccountSeed): void {
  for (const { sid: wanted, usernames, ...list } of description.credentialLists) {
    const credentials = usernames.map((username) => ({ ...world.newRecord(world.newSid('CR')), username }));
    const record = recordOf(world, 'CL', wanted, account.credentialLists);
    account.credentialLists.set(record.sid, { ...record, ...list, credentials: bySid(credentials) });
  }
  for (const { sid: wanted, addresses, ...list } of description.ipAccessControlLists) {
    const ipAddresses = addresses.map((range) => {
      const [ipAddress = '', prefix = '32'] = range.split('/');
      const record = world.newRecord(world.newSid('IP'));
      return { ...record, friendlyName: range, ipAddress, cidrPrefixLength: Number(prefix) };
    });
    const record = recordOf(world, 'AL', wanted, account.ipAccessControlLists);
    account.ipAccessControlLists.set(record.sid, { ...record, ...list, ipAddresses: bySid(ipAddresses) });
  }
}

function seedTrunk(world: World, account: Account, seed: AccountSeed['trunks'][number]): void {
  const { sid: wanted, originationUrls, credentialLists, ipAccessControlLists, ...settings } = seed;
  if (settings.domainName !== null && world.trunkByDomain(settings.domainName) !== undefined) {
    throw new Error(`Cannot seed trunk "${settings.domainName}": another trunk has this domain`);
  }
  const trunk: Trunk = { ...emptyTrunk(recordOf(world, 'TK', wanted, account.trunks)), ...settings };
  for (const { sid: urlSid, ...url } of originationUrls) {
    const record = recordOf(world, 'OU', urlSid, trunk.originationUrls);
    trunk.originationUrls.set(record.sid, { ...record, ...url });
  }
  const attach = (lists: ReadonlyMap<string, Stored>, sids: readonly string[], attached: Map<string, Stored>) => {
    for (const list of sids) {
      if (!lists.has(list)) throw new Error(`Cannot seed trunk "${trunk.sid}": there is no list "${list}"`);
      attached.set(list, world.newRecord(list));
    }
  };
  attach(account.credentialLists, credentialLists, trunk.credentialLists);
  attach(account.ipAccessControlLists, ipAccessControlLists, trunk.ipAccessControlLists);
  account.trunks.set(trunk.sid, trunk);
}

function seedPhoneNumber(world: World, account: Account, seed: AccountSeed['phoneNumbers'][number]): void {
  const { sid: wanted, trunkSid, friendlyName, voiceRegion, ...settings } = seed;
  for (const other of world.accounts.values()) {
    for (const number of other.phoneNumbers.values()) {
      if (number.phoneNumber === seed.phoneNumber) {
        throw new Error(`Cannot seed number "${seed.phoneNumber}": account "${other.sid}" has it`);
      }
    }
  }
  const number: IncomingPhoneNumber = {
    ...recordOf(world, 'PN', wanted, account.phoneNumbers),
    ...settings,
    friendlyName: friendlyName ?? seed.phoneNumber,
    voiceRegion,
    trunkSid: '',
    apiVersion: '2010-04-01',
    routeSid: world.newSid('QQ'),
  };
  account.phoneNumbers.set(number.sid, number);
  if (trunkSid === undefined) return;
  const trunk = account.trunks.get(trunkSid);
  if (trunk === undefined) throw new Error(`Cannot seed number "${seed.phoneNumber}": there is no trunk "${trunkSid}"`);
  attachNumber(world, account, trunk, number);
}

function seedCall(world: World, account: Account, seed: AccountSeed['calls'][number]): void {
  const { sid: wanted, trunkSid = null, phoneNumberSid = null, ...call } = seed;
  const record = recordOf(world, 'CA', wanted, account.calls);
  const live = ['queued', 'ringing', 'in-progress'].includes(call.status);
  const endedAt = live ? null : record.createdAt;
  account.calls.set(record.sid, { ...record, ...call, trunkSid, phoneNumberSid, endedAt });
}

function recordOf(
  world: World,
  prefix: string,
  wanted: string | undefined,
  taken: ReadonlyMap<string, unknown>,
): Stored {
  if (wanted !== undefined && taken.has(wanted)) throw new Error(`Cannot seed "${wanted}": it exists already`);
  return world.newRecord(wanted ?? world.newSid(prefix));
}

function bySid<Item extends Stored>(items: readonly Item[]): Map<string, Item> {
  return new Map(items.map((item) => [item.sid, item]));
}

function given(limits: AccountSeed['limits']): Partial<AccountLimits> {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}
