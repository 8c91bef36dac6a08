/**
 * Provider openings: a provider of an account object with the credentials that are in its Secret now, or why not.
 */
import type { LiveKitPort, TwilioAccountPort } from '../shared/telephony.ts';
import { Connections } from './connections.ts';
import {
  type Found,
  livekitCredentials,
  type LiveKitCredentials,
  type Secrets,
  twilioCredentials,
  type TwilioCredentials,
} from './credentials.ts';
import type { Connect, LiveKitConnection, NoticeSink, TwilioConnection } from './ports.ts';
import type { Refusal } from './refusing-ports.ts';

/** A provider that can be asked, or the reason why it cannot even be asked. */
export type Opening<Port> =
  | { readonly kind: 'open'; readonly port: Port }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export class ProviderOpenings {
  readonly #secrets: Secrets;
  readonly #notices: NoticeSink;
  readonly #twilio: Connections<TwilioConnection, TwilioAccountPort>;
  readonly #livekit: Connections<LiveKitConnection, LiveKitPort>;

  constructor(connect: Connect, secrets: Secrets, notices: NoticeSink) {
    this.#secrets = secrets;
    this.#notices = notices;
    this.#twilio = new Connections((connection) => connect.twilio(connection));
    this.#livekit = new Connections((connection) => connect.livekit(connection));
  }

  /** `secret` is the name that the account object gives, if it gives one. */
  twilio(account: string, accountSid: string, secret: string | undefined): Opening<TwilioAccountPort> {
    if (secret === undefined) return refused(namesNoSecret(account, 'twilio'));
    const found = twilioCredentials(this.#secrets, secret, accountSid);
    if (found.kind === 'unavailable') return refused(found.message);
    return { kind: 'open', port: this.twilioWith(account, accountSid, found) };
  }

  /** `url` is an http(s) origin. */
  livekit(account: string, url: string, secret: string | undefined): Opening<LiveKitPort> {
    if (secret === undefined) return refused(namesNoSecret(account, 'livekit'));
    const found = livekitCredentials(this.#secrets, secret);
    if (found.kind === 'unavailable') return refused(found.message);
    return { kind: 'open', port: this.livekitWith(account, url, found) };
  }

  twilioWith(account: string, accountSid: string, found: Found<TwilioCredentials>): TwilioAccountPort {
    const { port, isNew } = this.#twilio.open(account, { accountSid, credentials: found.credentials });
    if (isNew) this.#reportTrimmed(account, found);
    return port;
  }

  livekitWith(account: string, url: string, found: Found<LiveKitCredentials>): LiveKitPort {
    const { port, isNew } = this.#livekit.open(account, { url, credentials: found.credentials });
    if (isNew) this.#reportTrimmed(account, found);
    return port;
  }

  /** The account object is gone. */
  forget(account: string): void {
    this.#twilio.forget(account);
    this.#livekit.forget(account);
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

function namesNoSecret(account: string, part: 'twilio' | 'livekit'): string {
  return `TelephonyAccount ${account} names no Secret in spec.${part}.credentialsSecretRef; correct it`;
}

function refused(message: string): { readonly kind: 'refused'; readonly refusal: Refusal } {
  return { kind: 'refused', refusal: { kind: 'identity', reason: 'CredentialsUnavailable', message } };
}
