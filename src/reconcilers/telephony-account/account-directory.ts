/**
 * Account directory: opens the two providers for a PhoneNumber, as far as its TelephonyAccount allows.
 *
 * Guarantees
 * - For removing, a port acts on exactly the pinned Twilio account or LiveKit project, or refuses every call.
 * - One provider's trouble never closes the other, when removing.
 *
 * Assumption: the lookups are in sync before the first call; an account that is not seen yet would be AccountNotFound.
 */
import type { AccountAnswer, Accounts, OpenAccount, Pin } from '../shared/accounts.ts';
import type { LiveKitPort, TwilioPort } from '../shared/telephony.ts';
import { needsLabels } from './allowed-namespaces.ts';
import { Connections } from './connections.ts';
import {
  type Found,
  livekitCredentials,
  type LiveKitCredentials,
  type Secrets,
  twilioCredentials,
  type TwilioCredentials,
  type Unavailable,
} from './credentials.ts';
import type { AccountIdentity, Limits } from './model.ts';
import type { AccountLookups, Connect, LiveKitConnection, NoticeSink, TwilioConnection } from './ports.ts';
import { refusingLiveKit, refusingTwilio, type Refusal } from './refusing-ports.ts';
import { resolve } from './resolve.ts';
import { httpOrigin, parseAccount, parseIdentity } from './schema.ts';

export interface AccountDirectoryDependencies {
  readonly lookups: AccountLookups;
  readonly connect: Connect;
  /** Where the Secrets are. */
  readonly operatorNamespace: string;
  /** Default: findings that stop nothing are dropped. */
  readonly notices?: NoticeSink;
}

export class AccountDirectory implements Accounts {
  readonly #lookups: AccountLookups;
  readonly #secrets: Secrets;
  readonly #notices: NoticeSink;
  readonly #twilio: Connections<TwilioConnection, TwilioPort>;
  readonly #livekit: Connections<LiveKitConnection, LiveKitPort>;

  constructor({ lookups, connect, operatorNamespace, notices }: AccountDirectoryDependencies) {
    this.#lookups = lookups;
    this.#secrets = { namespace: operatorNamespace, dataOf: (name) => lookups.secretData(name) };
    this.#notices = notices ?? { notice: () => undefined };
    this.#twilio = new Connections((connection) => connect.twilio(connection));
    this.#livekit = new Connections((connection) => connect.livekit(connection));
  }

  /** Throws what the lookup of a namespace throws. */
  async open(name: string, namespace: string): Promise<AccountAnswer> {
    const object = this.#lookups.account(name);
    const parsed = object === undefined ? undefined : parseAccount(object);
    const labels =
      parsed?.kind === 'valid' && needsLabels(parsed.account.allowedNamespaces, namespace)
        ? await this.#lookups.namespaceLabels(namespace)
        : undefined;
    const resolution = resolve({
      name,
      parsed,
      namespace: { name: namespace, labels },
      secrets: this.#secrets,
      defaultOwnerId: this.#lookups.kubeSystemUid().slice(0, 8),
    });
    if (resolution.kind === 'refused') return resolution;
    const { account, ownerId, twilio, livekit } = resolution;
    const { accountSid, livekitUrl, sipHost, paused, limits } = account;
    return {
      kind: 'open',
      account: name,
      accountSid,
      livekitUrl,
      ownerId,
      sipHost,
      paused,
      twilio: this.#openTwilio(name, accountSid, twilio, limits),
      livekit: this.#openLiveKit(name, livekitUrl, livekit, limits),
    };
  }

  openPinned(pin: Pin): OpenAccount {
    const { account, accountSid, livekitUrl, ownerId } = pin;
    const object = this.#lookups.account(account);
    const pinned = { kind: 'open', account, accountSid, livekitUrl, ownerId } as const;
    if (object === undefined) {
      this.#twilio.forget(account);
      this.#livekit.forget(account);
      const message = `TelephonyAccount ${account} does not exist; create it again for Twilio account ${accountSid} and LiveKit project ${livekitUrl}`;
      const refusal = { kind: 'identity', reason: 'AccountNotFound', message } as const;
      return {
        ...pinned,
        sipHost: '',
        paused: false,
        twilio: refusingTwilio(refusal),
        livekit: refusingLiveKit(refusal),
      };
    }
    const found = parseIdentity(object);
    return {
      ...pinned,
      sipHost: found.sipHost,
      paused: found.paused,
      twilio: this.#pinnedTwilio(pin, found),
      livekit: this.#pinnedLiveKit(pin, found),
    };
  }

  accountSidOf(name: string): string | undefined {
    const object = this.#lookups.account(name);
    return object === undefined ? undefined : parseIdentity(object).accountSid;
  }

  #pinnedTwilio({ account, accountSid }: Pin, found: AccountIdentity): TwilioPort {
    if (found.accountSid !== accountSid) {
      return refusingTwilio(mismatch(account, 'Twilio account', found.accountSid, accountSid));
    }
    if (found.twilioSecret === undefined) return refusingTwilio(namesNoSecret(account, 'twilio'));
    const credentials = twilioCredentials(this.#secrets, found.twilioSecret, accountSid);
    if (credentials.kind === 'unavailable') return refusingTwilio(withoutCredentials(credentials));
    return this.#openTwilio(account, accountSid, credentials, found.limits);
  }

  #pinnedLiveKit({ account, livekitUrl }: Pin, found: AccountIdentity): LiveKitPort {
    const url = httpOrigin(livekitUrl);
    if (url === undefined || found.livekitUrl !== url) {
      return refusingLiveKit(mismatch(account, 'LiveKit project', found.livekitUrl, livekitUrl));
    }
    if (found.livekitSecret === undefined) return refusingLiveKit(namesNoSecret(account, 'livekit'));
    const credentials = livekitCredentials(this.#secrets, found.livekitSecret);
    if (credentials.kind === 'unavailable') return refusingLiveKit(withoutCredentials(credentials));
    return this.#openLiveKit(account, url, credentials, found.limits);
  }

  #openTwilio(account: string, accountSid: string, found: Found<TwilioCredentials>, limits: Limits): TwilioPort {
    const { port, isNew } = this.#twilio.open(account, { accountSid, credentials: found.credentials, limits });
    if (isNew) this.#reportTrimmed(account, found);
    return port;
  }

  #openLiveKit(account: string, url: string, found: Found<LiveKitCredentials>, limits: Limits): LiveKitPort {
    const { port, isNew } = this.#livekit.open(account, { url, credentials: found.credentials, limits });
    if (isNew) this.#reportTrimmed(account, found);
    return port;
  }

  #reportTrimmed(account: string, { trimmed }: Found<unknown>): void {
    for (const { secret, key } of trimmed) {
      this.#notices.notice('A Secret holds a value that ends with a line break, which was ignored', {
        account,
        namespace: this.#secrets.namespace,
        secret,
        key,
      });
    }
  }
}

function mismatch(account: string, what: string, now: string | undefined, pinned: string): Refusal {
  return {
    kind: 'identity',
    reason: 'AccountMismatch',
    message: `TelephonyAccount ${account} stands for ${what} ${now ?? '(unreadable)'}, but what is to be removed was made in ${pinned}; create the account object for that one again`,
  };
}

function namesNoSecret(account: string, part: 'twilio' | 'livekit'): Refusal {
  return {
    kind: 'identity',
    reason: 'CredentialsUnavailable',
    message: `TelephonyAccount ${account} names no Secret in spec.${part}.credentialsSecretRef; correct it`,
  };
}

function withoutCredentials({ message }: Unavailable): Refusal {
  return { kind: 'identity', reason: 'CredentialsUnavailable', message };
}
