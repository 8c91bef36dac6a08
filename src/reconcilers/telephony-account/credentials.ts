/**
 * Credentials out of Secrets, pure.
 *
 * Guarantees: no message holds a value of a Secret, not even one whose key says that it is no secret, because people mix
 * keys up; what is returned is visible ASCII, so that no client library chokes on it and quotes it in an error.
 */

/** `data` of a Secret as the API server sends it: values in base64. */
export type SecretData = Readonly<Record<string, string>>;

/** The Secrets of one namespace. */
export interface Secrets {
  readonly namespace: string;
  /** Undefined: no such Secret. */
  readonly dataOf: (name: string) => SecretData | undefined;
}

/** User and password of Twilio's basic authentication: an API key and its secret, or the account and its token. */
export interface TwilioCredentials {
  readonly username: string;
  readonly password: string;
}

export interface LiveKitCredentials {
  readonly apiKey: string;
  readonly apiSecret: string;
}

/** A key of a Secret whose value ended with a line break, which was taken off. */
export interface TrimmedKey {
  readonly secret: string;
  readonly key: string;
}

export interface Found<T> {
  readonly kind: 'found';
  readonly credentials: T;
  readonly trimmed: readonly TrimmedKey[];
}

export interface Unavailable {
  readonly kind: 'unavailable';
  /** Names the Secret, its namespace, the key and the next step. */
  readonly message: string;
}

/**
 * Twilio's credentials: `apiKeySid` and `apiKeySecret`, else `accountSid` and `authToken`.
 *
 * A token is taken for its own account only: the token of a parent may read a sub-account's numbers while its trunk calls
 * act on the parent, so no probe would see the difference. For the same reason `apiKeySid` must be an API key.
 */
export function twilioCredentials(
  secrets: Secrets,
  name: string,
  accountSid: string,
): Found<TwilioCredentials> | Unavailable {
  const data = secrets.dataOf(name) ?? {};
  const byToken = !has(data, 'apiKeySid') && !has(data, 'apiKeySecret') && has(data, 'authToken');
  if (byToken) {
    const found = valuesOf(secrets, name, ['accountSid', 'authToken']);
    if (found.kind === 'unavailable' || found.credentials[0] === accountSid) return asTwilio(found);
    const next = "use that account's own token or, better, an API key made in it (apiKeySid and apiKeySecret)";
    return unavailable(
      secrets,
      name,
      'accountSid',
      `is not ${accountSid}, which the TelephonyAccount stands for`,
      next,
    );
  }
  const found = valuesOf(secrets, name, ['apiKeySid', 'apiKeySecret']);
  if (found.kind === 'unavailable' || /^SK[0-9a-fA-F]{32}$/.test(found.credentials[0])) return asTwilio(found);
  const next = 'put the SID of an API key there, or use the keys accountSid and authToken instead';
  return unavailable(secrets, name, 'apiKeySid', 'is not the SID of an API key (SK and 32 hex digits)', next);
}

/** LiveKit's credentials: `apiKey` and `apiSecret`. */
export function livekitCredentials(secrets: Secrets, name: string): Found<LiveKitCredentials> | Unavailable {
  const found = valuesOf(secrets, name, ['apiKey', 'apiSecret']);
  if (found.kind === 'unavailable') return found;
  const [apiKey, apiSecret] = found.credentials;
  return { ...found, credentials: { apiKey, apiSecret } };
}

type Pair = readonly [string, string];

function asTwilio(found: Found<Pair> | Unavailable): Found<TwilioCredentials> | Unavailable {
  if (found.kind === 'unavailable') return found;
  const [username, password] = found.credentials;
  return { ...found, credentials: { username, password } };
}

function valuesOf(secrets: Secrets, name: string, [first, second]: Pair): Found<Pair> | Unavailable {
  const data = secrets.dataOf(name);
  if (data === undefined) {
    return {
      kind: 'unavailable',
      message: `Secret ${name} does not exist in namespace ${secrets.namespace}; create it with the keys ${first} and ${second}`,
    };
  }
  const one = valueOf(secrets, name, data, first);
  if (one.kind === 'unavailable') return one;
  const other = valueOf(secrets, name, data, second);
  if (other.kind === 'unavailable') return other;
  return {
    kind: 'found',
    credentials: [one.credentials, other.credentials],
    trimmed: [...one.trimmed, ...other.trimmed],
  };
}

function valueOf(secrets: Secrets, name: string, data: SecretData, key: string): Found<string> | Unavailable {
  if (!has(data, key)) return unavailable(secrets, name, key, 'is missing', 'add it');
  const stored = Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  const value = stored.replace(/\r?\n$/, '');
  if (value === '') return unavailable(secrets, name, key, 'is empty', 'fill it in');
  if (!/^[\x21-\x7e]+$/.test(value)) {
    return unavailable(secrets, name, key, 'holds white space or characters that no credential has', 'write it anew');
  }
  return { kind: 'found', credentials: value, trimmed: value === stored ? [] : [{ secret: name, key }] };
}

function has(data: SecretData, key: string): boolean {
  return Object.hasOwn(data, key);
}

function unavailable({ namespace }: Secrets, name: string, key: string, state: string, next: string): Unavailable {
  return { kind: 'unavailable', message: `Key ${key} of Secret ${name} in namespace ${namespace} ${state}; ${next}` };
}
