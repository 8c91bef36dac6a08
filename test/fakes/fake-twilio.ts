/**
 * Fake of Twilio as `TwilioPort` promises it: stateful accounts, Twilio's cascades and the refusals the core relies on.
 */
import type {
  CallState,
  CredentialState,
  IpAddressState,
  NamedList,
  NumberState,
  OriginationUrlState,
  TrunkState,
  TwilioAccountPort,
} from '../../src/reconcilers/shared/telephony.ts';
import { ProviderError, type Verdict } from '../../src/reconcilers/shared/verdict.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import { unrouted } from '../support/unrouted-number.ts';
import type { Effects, OperatorProcess } from './effects.ts';

export interface FakeTrunk extends TrunkState {
  readonly urls: Map<string, OriginationUrlState>;
  readonly credentialLists: Set<string>;
  readonly accessLists: Set<string>;
}
export interface FakeCredential extends CredentialState {
  readonly password: string;
}
export interface FakeCredentialList extends NamedList {
  readonly credentials: Map<string, FakeCredential>;
}
export interface FakeAccessList extends NamedList {
  readonly addresses: Map<string, IpAddressState>;
}

/** One account's state. */
export class TwilioAccount {
  readonly numbers = new Map<string, NumberState>();
  readonly trunks = new Map<string, FakeTrunk>();
  readonly credentialLists = new Map<string, FakeCredentialList>();
  readonly accessLists = new Map<string, FakeAccessList>();
  /** Of all its numbers. */
  voiceRegion: string | undefined;
  readonly callsUnderWay: CallState[] = [];

  numberOf(phoneNumber: string): NumberState | undefined {
    return [...this.numbers.values()].find((number) => number.phoneNumber === phoneNumber);
  }

  /** Changes a number by hand, as somebody in the console does. */
  changeNumber(phoneNumber: string, change: Partial<NumberState>): void {
    const number = this.numberOf(phoneNumber);
    if (number === undefined) throw new Error(`There is no number ${phoneNumber}`);
    this.numbers.set(number.sid, { ...number, ...change });
  }
}

export class FakeTwilio {
  readonly accounts = new Map<string, TwilioAccount>();
  trunkLimit = 100;
  /** What was created less than this ago is missing from lists, but not from reads by id. */
  listLagMs = 0;
  /** For so long after a number was attached or something was attached to a trunk, reads show it as before. */
  attachmentLagMs = 0;
  readonly #shownFrom = new Map<string, number>();
  readonly #reservedDomains = new Set<string>();
  readonly #listedFrom = new Map<string, number>();
  readonly #clock: FakeClock;
  readonly #effects: Effects;
  #made = 0;

  constructor(clock: FakeClock, effects: Effects) {
    this.#clock = clock;
    this.#effects = effects;
  }

  account(accountSid: string): TwilioAccount {
    const known = this.accounts.get(accountSid);
    if (known !== undefined) return known;
    const fresh = new TwilioAccount();
    this.accounts.set(accountSid, fresh);
    return fresh;
  }

  /** Puts a number into an account, with Twilio's demo as its voice URL. */
  buyNumber(accountSid: string, phoneNumber: string, differing: Partial<NumberState> = {}): void {
    const sid = this.newSid('PN');
    this.account(accountSid).numbers.set(sid, {
      sid,
      phoneNumber,
      trunkSid: '',
      ...unrouted,
      voiceUrl: 'https://demo.twilio.com/welcome/voice/',
      smsUrl: 'https://demo.twilio.com/welcome/sms/reply',
      voiceCapable: true,
      smsCapable: true,
      hosted: false,
      ...differing,
    });
  }

  newSid(prefix: string): string {
    this.#made += 1;
    return `${prefix}${this.#made.toString(16).padStart(32, '0')}`;
  }

  /** `problem` is what is wrong with the credentials at the moment, if anything is. */
  connect(process: OperatorProcess, accountSid: string, problem: () => Verdict | undefined): TwilioAccountPort {
    const account = this.account(accountSid);
    const perform = async <T>(operation: string, isWrite: boolean, apply: () => T): Promise<T> =>
      await this.#effects.perform({ process, system: 'Twilio', operation, isWrite }, () => {
        const verdict = problem();
        if (verdict !== undefined) throw new ProviderError('Twilio', operation, verdict);
        return apply();
      });
    const read = async <T>(operation: string, apply: () => T) => await perform(operation, false, apply);
    const write = async <T>(operation: string, apply: () => T) => await perform(operation, true, apply);
    const listed = <T extends { readonly sid: string }>(all: Iterable<T>): readonly T[] =>
      [...all].filter(({ sid }) => (this.#listedFrom.get(sid) ?? 0) <= this.#clock.monotonic());
    const isShown = (sid: string) => (this.#shownFrom.get(sid) ?? 0) <= this.#clock.monotonic();
    const attached = (sid: string) => this.#shownFrom.set(sid, this.#clock.monotonic() + this.attachmentLagMs);
    const trunk = (sid: string) => found(account.trunks.get(sid), `trunk ${sid}`);
    const credentials = (sid: string) => found(account.credentialLists.get(sid), `credential list ${sid}`).credentials;
    const addresses = (sid: string) => found(account.accessLists.get(sid), `access control list ${sid}`).addresses;
    const isAttached = (key: 'credentialLists' | 'accessLists', sid: string) =>
      [...account.trunks.values()].some((one) => one[key].has(sid));

    return {
      proveAccount: async () => await read('proveAccount', () => undefined),
      probeDeleteRight: async () => await read('probeDeleteRight', () => undefined),
      listNumbers: async () => await read('listNumbers', () => [...account.numbers.values()]),
      findNumber: async (phoneNumber) =>
        await read('findNumber', () => {
          const number = account.numberOf(phoneNumber);
          return number && { ...number, trunkSid: isShown(number.sid) ? number.trunkSid : '' };
        }),
      findVoiceRegion: async () => await read('findVoiceRegion', () => account.voiceRegion),
      readNumber: async (sid) => await read('readNumber', () => account.numbers.get(sid)),
      listCallsUnderWay: async () => await read('listCallsUnderWay', () => [...account.callsUnderWay]),
      listTrunks: async () => await read('listTrunks', () => listed(account.trunks.values()).map(trunkState)),
      readTrunk: async (sid) =>
        await read('readTrunk', () => {
          const one = account.trunks.get(sid);
          return one && trunkState(one);
        }),
      createTrunk: async (values) =>
        await write('createTrunk', () => {
          if (account.trunks.size >= this.trunkLimit) refuse('21244', 'Maximum number of trunks reached');
          this.#claimDomain(account, values.domainName);
          const sid = this.#created('TK');
          const made: FakeTrunk = {
            sid,
            accountSid,
            ...values,
            disasterRecoveryUrl: values.disasterRecoveryUrl ?? '',
            urls: new Map(),
            credentialLists: new Set(),
            accessLists: new Set(),
          };
          account.trunks.set(sid, made);
          return trunkState(made);
        }),
      updateTrunk: async (sid, change) =>
        await write('updateTrunk', () => {
          const { disasterRecoveryUrl = trunk(sid).disasterRecoveryUrl } = change;
          const changed = { ...trunk(sid), ...change, disasterRecoveryUrl };
          account.trunks.set(sid, changed);
          return trunkState(changed);
        }),
      renameTrunk: async (sid, friendlyName) =>
        await write('renameTrunk', () => void account.trunks.set(sid, { ...trunk(sid), friendlyName })),
      deleteTrunk: async (sid) =>
        await write('deleteTrunk', () => {
          this.#reservedDomains.add(trunk(sid).domainName);
          account.trunks.delete(sid);
          for (const number of account.numbers.values()) {
            if (number.trunkSid === sid) account.numbers.set(number.sid, { ...number, trunkSid: '' });
          }
        }),
      listOriginationUrls: async (trunkSid) =>
        await read('listOriginationUrls', () => listed(trunk(trunkSid).urls.values())),
      createOriginationUrl: async (trunkSid, values) =>
        await write('createOriginationUrl', () => {
          const made = { sid: this.#created('OU'), ...values };
          trunk(trunkSid).urls.set(made.sid, made);
          return made;
        }),
      updateOriginationUrl: async (trunkSid, sid, values) =>
        await write('updateOriginationUrl', () => {
          const changed = { ...found(trunk(trunkSid).urls.get(sid), `URL ${sid}`), ...values };
          trunk(trunkSid).urls.set(sid, changed);
          return changed;
        }),
      deleteOriginationUrl: async (trunkSid, sid) =>
        await write('deleteOriginationUrl', () => removed(trunk(trunkSid).urls, sid)),
      listTrunkNumbers: async (trunkSid) =>
        await read('listTrunkNumbers', () =>
          [...account.numbers.values()]
            .filter((number) => number.trunkSid === trunk(trunkSid).sid)
            .map(({ phoneNumber }) => phoneNumber),
        ),
      attachNumber: async (trunkSid, sid) =>
        await write('attachNumber', () => {
          const number = found(account.numbers.get(sid), `number ${sid}`);
          account.numbers.set(sid, { ...number, trunkSid: trunk(trunkSid).sid, voiceApplicationSid: '' });
          attached(sid);
        }),
      detachNumber: async (trunkSid, sid) =>
        await write('detachNumber', () => {
          const number = account.numbers.get(sid);
          if (number?.trunkSid === trunkSid) account.numbers.set(sid, { ...number, trunkSid: '' });
        }),
      updateNumber: async (sid, change) =>
        await write('updateNumber', () => {
          const number = found(account.numbers.get(sid), `number ${sid}`);
          // Twilio documents it of applications only; the emulator has a switch for URLs.
          const leavesTrunk = (change.voiceApplicationSid ?? '') !== '' || (change.voiceUrl ?? '') !== '';
          account.numbers.set(sid, { ...number, ...change, ...(leavesTrunk && { trunkSid: '' }) });
        }),
      listCredentialLists: async () =>
        await read('listCredentialLists', () => listed(account.credentialLists.values()).map(namedList)),
      readCredentialList: async (sid) =>
        await read('readCredentialList', () => {
          const list = account.credentialLists.get(sid);
          return list && namedList(list);
        }),
      createCredentialList: async (friendlyName) =>
        await write('createCredentialList', () => {
          const existing = [...account.credentialLists.values()].find((list) => list.friendlyName === friendlyName);
          if (existing !== undefined) return namedList(existing);
          const made = { sid: this.#created('CL'), friendlyName, credentials: new Map<string, FakeCredential>() };
          account.credentialLists.set(made.sid, made);
          return namedList(made);
        }),
      renameCredentialList: async (sid, friendlyName) =>
        await write('renameCredentialList', () => renamed(account.credentialLists, sid, friendlyName)),
      deleteCredentialList: async (sid) =>
        await write('deleteCredentialList', () => {
          if (isAttached('credentialLists', sid)) conflict('21241', 'Credential list is still mapped');
          removed(account.credentialLists, sid);
        }),
      listCredentials: async (listSid) =>
        await read('listCredentials', () =>
          listed(credentials(listSid).values()).map(({ sid, username }) => ({ sid, username })),
        ),
      createCredential: async (listSid, { username, password }) =>
        await write('createCredential', () => {
          const sid = this.#created('CR');
          credentials(listSid).set(sid, { sid, username, password });
          return { sid, username };
        }),
      deleteCredential: async (listSid, sid) =>
        await write('deleteCredential', () => removed(credentials(listSid), sid)),
      listTrunkCredentialLists: async (trunkSid) =>
        await read('listTrunkCredentialLists', () =>
          [...trunk(trunkSid).credentialLists]
            .filter(isShown)
            .flatMap((sid) => account.credentialLists.get(sid) ?? [])
            .map(namedList),
        ),
      attachCredentialList: async (trunkSid, listSid) =>
        await write('attachCredentialList', () => {
          credentials(listSid);
          trunk(trunkSid).credentialLists.add(listSid);
          attached(listSid);
        }),
      detachCredentialList: async (trunkSid, listSid) =>
        await write('detachCredentialList', () => {
          if (!trunk(trunkSid).credentialLists.delete(listSid)) notFound(`attached list ${listSid}`);
        }),
      listIpAccessControlLists: async () =>
        await read('listIpAccessControlLists', () => listed(account.accessLists.values()).map(namedList)),
      readIpAccessControlList: async (sid) =>
        await read('readIpAccessControlList', () => {
          const list = account.accessLists.get(sid);
          return list && namedList(list);
        }),
      createIpAccessControlList: async (friendlyName) =>
        await write('createIpAccessControlList', () => {
          const existing = [...account.accessLists.values()].find((list) => list.friendlyName === friendlyName);
          if (existing !== undefined) return namedList(existing);
          const made = { sid: this.#created('AL'), friendlyName, addresses: new Map<string, IpAddressState>() };
          account.accessLists.set(made.sid, made);
          return namedList(made);
        }),
      renameIpAccessControlList: async (sid, friendlyName) =>
        await write('renameIpAccessControlList', () => renamed(account.accessLists, sid, friendlyName)),
      deleteIpAccessControlList: async (sid) =>
        await write('deleteIpAccessControlList', () => {
          if (isAttached('accessLists', sid)) conflict('21236', 'IP access control list is still mapped');
          removed(account.accessLists, sid);
        }),
      listIpAddresses: async (listSid) => await read('listIpAddresses', () => listed(addresses(listSid).values())),
      createIpAddress: async (listSid, address) =>
        await write('createIpAddress', () => {
          const made = { sid: this.#created('IP'), ...address };
          addresses(listSid).set(made.sid, made);
          return made;
        }),
      deleteIpAddress: async (listSid, sid) => await write('deleteIpAddress', () => removed(addresses(listSid), sid)),
      listTrunkIpAccessControlLists: async (trunkSid) =>
        await read('listTrunkIpAccessControlLists', () =>
          [...trunk(trunkSid).accessLists]
            .filter(isShown)
            .flatMap((sid) => account.accessLists.get(sid) ?? [])
            .map(namedList),
        ),
      attachIpAccessControlList: async (trunkSid, listSid) =>
        await write('attachIpAccessControlList', () => {
          addresses(listSid);
          trunk(trunkSid).accessLists.add(listSid);
          attached(listSid);
        }),
      detachIpAccessControlList: async (trunkSid, listSid) =>
        await write('detachIpAccessControlList', () => {
          if (!trunk(trunkSid).accessLists.delete(listSid)) notFound(`attached list ${listSid}`);
        }),
    };
  }

  #created(prefix: string): string {
    const sid = this.newSid(prefix);
    this.#listedFrom.set(sid, this.#clock.monotonic() + this.listLagMs);
    return sid;
  }

  /** A domain is unique over all accounts, and stays reserved after its trunk is gone. */
  #claimDomain(account: TwilioAccount, domainName: string): void {
    for (const other of this.accounts.values()) {
      const taken = [...other.trunks.values()].some((trunk) => trunk.domainName === domainName);
      if (taken) refuse(other === account ? '21245' : '21248', 'Trunk domain name is taken');
    }
    if (this.#reservedDomains.has(domainName)) refuse('21248', 'Trunk domain name is reserved');
  }
}

function trunkState({ urls: _urls, credentialLists: _lists, accessLists: _others, ...state }: FakeTrunk): TrunkState {
  return state;
}

function namedList({ sid, friendlyName }: NamedList): NamedList {
  return { sid, friendlyName };
}

function found<T>(value: T | undefined, what: string): T {
  return value ?? notFound(what);
}

function renamed<T extends NamedList>(map: Map<string, T>, sid: string, friendlyName: string): void {
  const before = map.get(sid) ?? notFound(sid);
  map.set(sid, { ...before, friendlyName });
}

function removed(map: Map<string, unknown>, sid: string): void {
  if (!map.delete(sid)) notFound(sid);
}

function notFound(what: string): never {
  throw new ProviderError('Twilio', 'find', { kind: 'notFound', message: `${what} was not found` });
}

function refuse(code: string, message: string): never {
  throw new ProviderError('Twilio', 'do it', { kind: 'refused', code, message });
}

function conflict(code: string, message: string): never {
  throw new ProviderError('Twilio', 'do it', { kind: 'conflict', code, message });
}
