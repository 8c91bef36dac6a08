/**
 * Twilio in this process, as `TwilioPort` promises it: one account with state, and any number that is asked for.
 *
 * The trunk limit, unique names and "still mapped" refusals are left out: the operator under measurement never meets
 * them. What it creates it finds again, and what it removes is gone, so every proof is a real one.
 */
import type {
  CredentialState,
  IpAddressState,
  NumberState,
  OriginationUrlState,
  TrunkState,
  TwilioPort,
} from '../../src/reconcilers/shared/telephony.ts';
import { ProviderError } from '../../src/reconcilers/shared/verdict.ts';
import type { Perform } from './provider-calls.ts';
import { unrouted } from '../../test/support/unrouted-number.ts';

interface StubTrunk {
  state: TrunkState;
  readonly urls: Map<string, OriginationUrlState>;
  readonly credentialLists: Set<string>;
  readonly accessLists: Set<string>;
}

interface StubList<Item> {
  readonly sid: string;
  readonly friendlyName: string;
  readonly items: Map<string, Item>;
}

let made = 0;

function newSid(prefix: string): string {
  made += 1;
  return `${prefix}${made.toString(16).padStart(32, '0')}`;
}

/** A Twilio account of its own. */
export function twilioStub(accountSid: string, perform: Perform): TwilioPort {
  const numbers = new Map<string, NumberState>();
  const sidOfNumber = new Map<string, string>();
  const trunks = new Map<string, StubTrunk>();
  const credentialLists = new Map<string, StubList<CredentialState>>();
  const accessLists = new Map<string, StubList<IpAddressState>>();

  const trunk = (sid: string) => existing(trunks, sid);
  const numberOf = (phoneNumber: string): NumberState => {
    const known = numbers.get(sidOfNumber.get(phoneNumber) ?? '');
    if (known !== undefined) return known;
    const fresh: NumberState = {
      sid: newSid('PN'),
      phoneNumber,
      trunkSid: '',
      ...unrouted,
      voiceCapable: true,
      smsCapable: true,
      hosted: false,
    };
    numbers.set(fresh.sid, fresh);
    sidOfNumber.set(phoneNumber, fresh.sid);
    return fresh;
  };
  const put = <Item extends { readonly sid: string }>(all: Map<string, Item>, item: Item): Item => {
    all.set(item.sid, item);
    return item;
  };
  const namesOf = (sids: Iterable<string>, lists: ReadonlyMap<string, StubList<unknown>>) =>
    [...sids].flatMap((sid) => lists.get(sid) ?? []).map(named);

  return {
    proveAccount: async () => await perform('proveAccount', () => undefined),
    findNumber: async (phoneNumber) => await perform('findNumber', () => numberOf(phoneNumber)),
    findVoiceRegion: async () => await perform('findVoiceRegion', () => undefined),
    readNumber: async (sid) => await perform('readNumber', () => numbers.get(sid)),
    listTrunkNumbers: () => perform('listTrunkNumbers', () => []),
    attachNumber: async (trunkSid, sid) =>
      await perform('attachNumber', () => {
        numbers.set(sid, { ...existing(numbers, sid), trunkSid });
      }),
    detachNumber: async (trunkSid, sid) =>
      await perform('detachNumber', () => {
        const number = existing(numbers, sid);
        if (number.trunkSid === trunkSid) numbers.set(sid, { ...number, trunkSid: '' });
      }),

    updateNumber: () => perform('updateNumber', () => undefined),
    listCallsUnderWay: () => perform('listCallsUnderWay', () => []),
    listTrunks: async () => await perform('listTrunks', () => [...trunks.values()].map(({ state }) => state)),
    readTrunk: async (sid) => await perform('readTrunk', () => trunks.get(sid)?.state),
    createTrunk: async (values) =>
      await perform('createTrunk', () => {
        const state: TrunkState = {
          sid: newSid('TK'),
          accountSid,
          ...values,
          disasterRecoveryUrl: values.disasterRecoveryUrl ?? '',
        };
        trunks.set(state.sid, { state, urls: new Map(), credentialLists: new Set(), accessLists: new Set() });
        return state;
      }),
    updateTrunk: async (sid, change) =>
      await perform('updateTrunk', () => {
        const found = trunk(sid);
        const { disasterRecoveryUrl = found.state.disasterRecoveryUrl } = change;
        found.state = { ...found.state, ...change, disasterRecoveryUrl };
        return found.state;
      }),
    renameTrunk: async (sid, friendlyName) =>
      await perform('renameTrunk', () => {
        trunk(sid).state = { ...trunk(sid).state, friendlyName };
      }),
    deleteTrunk: async (sid) => await perform('deleteTrunk', () => removed(trunks, sid)),

    listOriginationUrls: async (sid) => await perform('listOriginationUrls', () => [...trunk(sid).urls.values()]),
    createOriginationUrl: async (trunkSid, values) =>
      await perform('createOriginationUrl', () => put(trunk(trunkSid).urls, { sid: newSid('OU'), ...values })),
    updateOriginationUrl: async (trunkSid, sid, values) =>
      await perform('updateOriginationUrl', () => put(trunk(trunkSid).urls, { sid, ...values })),
    deleteOriginationUrl: async (trunkSid, sid) =>
      await perform('deleteOriginationUrl', () => removed(trunk(trunkSid).urls, sid)),

    listCredentialLists: async () =>
      await perform('listCredentialLists', () => [...credentialLists.values()].map(named)),
    readCredentialList: async (sid) => await perform('readCredentialList', () => namedOr(credentialLists.get(sid))),
    createCredentialList: async (friendlyName) =>
      await perform('createCredentialList', () =>
        named(put(credentialLists, { sid: newSid('CL'), friendlyName, items: new Map() })),
      ),
    renameCredentialList: async (sid, friendlyName) =>
      await perform('renameCredentialList', () => renamed(credentialLists, sid, friendlyName)),
    deleteCredentialList: async (sid) => await perform('deleteCredentialList', () => removed(credentialLists, sid)),
    listCredentials: async (listSid) =>
      await perform('listCredentials', () => [...existing(credentialLists, listSid).items.values()]),
    createCredential: async (listSid, { username }) =>
      await perform('createCredential', () =>
        put(existing(credentialLists, listSid).items, { sid: newSid('CR'), username }),
      ),
    deleteCredential: async (listSid, sid) =>
      await perform('deleteCredential', () => removed(existing(credentialLists, listSid).items, sid)),
    listTrunkCredentialLists: async (sid) =>
      await perform('listTrunkCredentialLists', () => namesOf(trunk(sid).credentialLists, credentialLists)),
    attachCredentialList: async (trunkSid, sid) =>
      await perform('attachCredentialList', () => void trunk(trunkSid).credentialLists.add(sid)),
    detachCredentialList: async (trunkSid, sid) =>
      await perform('detachCredentialList', () => void trunk(trunkSid).credentialLists.delete(sid)),

    listIpAccessControlLists: async () =>
      await perform('listIpAccessControlLists', () => [...accessLists.values()].map(named)),
    readIpAccessControlList: async (sid) =>
      await perform('readIpAccessControlList', () => namedOr(accessLists.get(sid))),
    createIpAccessControlList: async (friendlyName) =>
      await perform('createIpAccessControlList', () =>
        named(put(accessLists, { sid: newSid('AL'), friendlyName, items: new Map() })),
      ),
    renameIpAccessControlList: async (sid, friendlyName) =>
      await perform('renameIpAccessControlList', () => renamed(accessLists, sid, friendlyName)),
    deleteIpAccessControlList: async (sid) =>
      await perform('deleteIpAccessControlList', () => removed(accessLists, sid)),
    listIpAddresses: async (listSid) =>
      await perform('listIpAddresses', () => [...existing(accessLists, listSid).items.values()]),
    createIpAddress: async (listSid, address) =>
      await perform('createIpAddress', () =>
        put(existing(accessLists, listSid).items, { sid: newSid('IP'), ...address }),
      ),
    deleteIpAddress: async (listSid, sid) =>
      await perform('deleteIpAddress', () => removed(existing(accessLists, listSid).items, sid)),
    listTrunkIpAccessControlLists: async (sid) =>
      await perform('listTrunkIpAccessControlLists', () => namesOf(trunk(sid).accessLists, accessLists)),
    attachIpAccessControlList: async (trunkSid, sid) =>
      await perform('attachIpAccessControlList', () => void trunk(trunkSid).accessLists.add(sid)),
    detachIpAccessControlList: async (trunkSid, sid) =>
      await perform('detachIpAccessControlList', () => void trunk(trunkSid).accessLists.delete(sid)),
  };
}

function named({ sid, friendlyName }: StubList<unknown>) {
  return { sid, friendlyName };
}

function namedOr(list: StubList<unknown> | undefined) {
  return list && named(list);
}

function existing<Item>(all: ReadonlyMap<string, Item>, sid: string): Item {
  return all.get(sid) ?? notFound(sid);
}

function removed(all: Map<string, unknown>, sid: string): void {
  if (!all.delete(sid)) notFound(sid);
}

function notFound(sid: string): never {
  throw new ProviderError('Twilio', 'find', { kind: 'notFound', message: `${sid} was not found` });
}

function renamed<Item>(lists: Map<string, StubList<Item>>, sid: string, friendlyName: string): void {
  lists.set(sid, { ...existing(lists, sid), friendlyName });
}
