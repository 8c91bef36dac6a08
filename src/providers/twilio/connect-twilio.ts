/**
 * Connect: Twilio as the core knows it, over Twilio's own SDK.
 *
 * A connection is one generation of credentials: whoever gets new ones makes a new connection. The SDK's retries are
 * off, since the engine is the one retry layer. HTTP_PROXY, TWILIO_CA_BUNDLE and NODE_EXTRA_CA_CERTS work as in the SDK.
 */
import twilio from 'twilio';
import type { Clock } from '../../reconcilers/shared/ports.ts';
import type { TwilioAccountPort } from '../../reconcilers/shared/telephony.ts';
import { type IdentityReason, ProviderError } from '../../reconcilers/shared/verdict.ts';
import { atOnce, type Limiter } from '../limiter/limiter.ts';
import { AccountCalls } from './account-calls.ts';
import { credentialListCalls } from './credential-lists.ts';
import { TwilioHttpClient } from './http-client.ts';
import { ipAccessControlListCalls } from './ip-access-control-lists.ts';
import { numberCalls } from './numbers.ts';
import { isSid } from './sid.ts';
import { trunkCalls } from './trunks.ts';

export interface TwilioConnectionOptions {
  /** The account that every object must be in. */
  readonly accountSid: string;
  /** An API key and its secret, or the account's own SID and auth token. */
  readonly credentials: { readonly username: string; readonly password: string };
  /** Takes the place of scheme, host and port of all Twilio APIs, for emulators. */
  readonly baseUrl?: string;
  /** Deadline of each HTTP request, in milliseconds. A list makes one request per 1000 objects. */
  readonly timeoutMs?: number;
  /** How long one proof of the account counts, in milliseconds. */
  readonly proofValidMs?: number;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Every HTTP request goes through it; at once if left out. */
  readonly limiter?: Limiter;
}

/**
 * Makes no call.
 * @throws ProviderError `identity` when the credentials cannot be those of the account: one of them is empty, or they are
 * the SID and auth token of another account. Such a token would reach a sub-account's numbers, but the trunks of its own.
 */
export function connectTwilio({
  accountSid,
  credentials: { username, password },
  baseUrl,
  timeoutMs = 10_000,
  proofValidMs = 30_000,
  clock,
  limiter = atOnce,
}: TwilioConnectionOptions): TwilioAccountPort {
  if (!isSid('AC', accountSid)) throw unusable(accountSid, 'AccountMismatch', 'this is no SID of an account');
  if (username === '' || password === '') {
    throw unusable(accountSid, 'CredentialsUnavailable', 'the user name or the password is empty');
  }
  if (username.startsWith('AC') && username !== accountSid) {
    throw unusable(
      accountSid,
      'AccountMismatch',
      'the auth token is that of another account; use an API key of this one',
    );
  }
  const client = twilio(username, password, {
    accountSid,
    httpClient: new TwilioHttpClient({ timeoutMs, baseUrl, limiter }),
    autoRetry: false,
    // Not undefined: the environment would redirect every call then.
    region: '',
    edge: '',
  });
  const calls = new AccountCalls({
    accountSid,
    secrets: [password, Buffer.from(`${username}:${password}`).toString('base64')],
    clock,
    proofValidMs,
    probe: () => client.incomingPhoneNumbers.page({ pageSize: 1 }),
  });
  return {
    proveAccount: () => calls.proveAccount(),
    ...numberCalls(client, calls),
    ...trunkCalls(client, calls),
    ...credentialListCalls(client, calls),
    ...ipAccessControlListCalls(client, calls),
  };
}

function unusable(accountSid: string, reason: IdentityReason, message: string): ProviderError {
  return new ProviderError('Twilio', `act on account ${accountSid}`, { kind: 'identity', reason, message });
}
