/**
 * World: all accounts with everything in them, and what is unique over all of Twilio.
 *
 * Guarantees
 * - Ids and the creation order come from one place, so a page token stays valid when its object is deleted.
 * - Time and randomness are injected; nothing here reads the wall clock.
 *
 * It knows nothing about HTTP, JSON shapes or rules of a single resource.
 */

import type { Call, CredentialList, IncomingPhoneNumber, IpAccessControlList, Stored, Trunk } from './resources.ts';

/** How long the domain of a deleted trunk stays reserved (support article 51034176439707). */
export const DOMAIN_RESERVATION_MS = 30 * 24 * 60 * 60 * 1000;

/** Limits of one account (twilio.md 2.4); a trial account has `trunks: 1`. */
export interface AccountLimits {
  readonly trunks: number;
  readonly originationUrlsPerTrunk: number;
  readonly credentialLists: number;
  readonly credentialsPerList: number;
  readonly ipAccessControlLists: number;
  /** Requests in flight above this get 429/20429. Twilio publishes no figure. */
  readonly concurrentRequests: number;
}

const DEFAULT_LIMITS: AccountLimits = {
  trunks: 100,
  originationUrlsPerTrunk: 10,
  credentialLists: 100,
  credentialsPerList: 1000,
  ipAccessControlLists: 1000,
  concurrentRequests: Number.POSITIVE_INFINITY,
};

/** How an account is described by a test; whatever is left out is made up. */
export interface AccountDescription {
  readonly accountSid?: string | undefined;
  readonly authToken?: string | undefined;
  /** API key SID to secret. */
  readonly apiKeys?: Readonly<Record<string, string>> | undefined;
  readonly limits?: Partial<AccountLimits> | undefined;
  /** Makes this a sub-account: the parent's credentials reach its v2010 resources. */
  readonly parentAccountSid?: string | undefined;
}

/** An account and everything in it. */
export interface Account {
  readonly sid: string;
  readonly parentSid: string | undefined;
  readonly authToken: string;
  /** API key SID to secret; deleting one revokes it. */
  readonly apiKeys: Map<string, string>;
  limits: AccountLimits;
  readonly trunks: Map<string, Trunk>;
  readonly credentialLists: Map<string, CredentialList>;
  readonly ipAccessControlLists: Map<string, IpAccessControlList>;
  readonly phoneNumbers: Map<string, IncomingPhoneNumber>;
  readonly calls: Map<string, Call>;
  /** Requests that have arrived and are not answered yet. */
  inFlight: number;
}

interface ReservedDomain {
  readonly accountSid: string;
  readonly until: number;
}

/** The whole emulated database. */
export class World {
  readonly accounts = new Map<string, Account>();
  readonly reservedDomains = new Map<string, ReservedDomain>();
  readonly now: () => number;
  readonly #randomHex: () => string;
  #sequence = 0;

  constructor(now: () => number, randomHex: () => string) {
    this.now = now;
    this.#randomHex = randomHex;
  }

  /** A new SID: two letters and 32 lower-case hex digits. */
  newSid(prefix: string): string {
    return prefix + this.#randomHex();
  }

  /** The common part of a new record. */
  newRecord(sid: string): Stored {
    const now = this.now();
    this.#sequence += 1;
    return { sid, sequence: this.#sequence, createdAt: now, updatedAt: now };
  }

  addAccount(description: AccountDescription): Account {
    const account: Account = {
      sid: description.accountSid ?? this.newSid('AC'),
      parentSid: description.parentAccountSid,
      authToken: description.authToken ?? this.#randomHex(),
      apiKeys: new Map(Object.entries(description.apiKeys ?? {})),
      limits: { ...DEFAULT_LIMITS, ...description.limits },
      trunks: new Map(),
      credentialLists: new Map(),
      ipAccessControlLists: new Map(),
      phoneNumbers: new Map(),
      calls: new Map(),
      inFlight: 0,
    };
    if (this.accounts.has(account.sid)) throw new Error(`Cannot add account "${account.sid}": it exists already`);
    this.accounts.set(account.sid, account);
    return account;
  }

  /** The account of a SID; for tests and seeds, which know their accounts. */
  account(sid: string): Account {
    const account = this.accounts.get(sid);
    if (account === undefined) throw new Error(`Cannot find account "${sid}"`);
    return account;
  }

  /** The account a Basic credential belongs to: `AC:token` or `SK:secret`. */
  authenticate(authorization: string | undefined): Account | undefined {
    const encoded = /^Basic\s+(\S+)$/i.exec(authorization ?? '')?.[1];
    if (encoded === undefined) return undefined;
    const decoded = Buffer.from(encoded, 'base64').toString('utf8');
    const colon = decoded.indexOf(':');
    const username = decoded.slice(0, colon);
    const password = decoded.slice(colon + 1);
    if (colon < 0 || password === '') return undefined;
    if (username.startsWith('AC')) {
      const account = this.accounts.get(username);
      return account?.authToken === password ? account : undefined;
    }
    return [...this.accounts.values()].find((account) => account.apiKeys.get(username) === password);
  }

  /** The live trunk with a domain, over all accounts: domains are unique over all of Twilio. */
  trunkByDomain(domainName: string): { account: Account; trunk: Trunk } | undefined {
    for (const account of this.accounts.values()) {
      for (const trunk of account.trunks.values()) {
        if (trunk.domainName === domainName) return { account, trunk };
      }
    }
    return undefined;
  }

  /** Who holds the 30-day reservation of a domain, if anybody does now. */
  reservationOf(domainName: string): ReservedDomain | undefined {
    const reserved = this.reservedDomains.get(domainName);
    return reserved !== undefined && reserved.until > this.now() ? reserved : undefined;
  }

  reserveDomain(domainName: string, accountSid: string): void {
    this.reservedDomains.set(domainName, { accountSid, until: this.now() + DOMAIN_RESERVATION_MS });
  }
}
