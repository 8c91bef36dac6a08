/**
 * Seed schema: the JSON that a test or a demo describes its starting state with.
 *
 * Whatever is left out gets Twilio's default, SIDs included; an unknown field is an error.
 */

import { isIPv4 } from 'node:net';
import { z } from 'zod';

const text = z.string().default('');
const flag = z.boolean().default(false);
const webMethod = z.enum(['GET', 'POST']).default('POST');
const e164 = z.string().regex(/^\+[1-9]\d{1,14}$/, 'must be an E.164 number');
const limit = z.int().nonnegative().optional();

const CREDENTIAL_LIST = z.strictObject({
  sid: sid('CL').optional(),
  friendlyName: z.string().min(1),
  /** A SIP domain uses it, so that deleting it is refused. */
  onSipDomain: flag,
  usernames: z.array(z.string().min(1)).default([]),
});

const IP_ACCESS_CONTROL_LIST = z.strictObject({
  sid: sid('AL').optional(),
  friendlyName: z.string().min(1),
  /** A SIP domain uses it, so that deleting it is refused. */
  onSipDomain: flag,
  /** Such as "192.0.2.0/24". */
  addresses: z.array(z.string().refine(isRange, 'must be an IPv4 address and a prefix length')).default([]),
});

const ORIGINATION_URL = z.strictObject({
  sid: sid('OU').optional(),
  friendlyName: text,
  sipUrl: z.string().regex(/^sip:\S+$/),
  priority: z.int().default(10),
  weight: z.int().default(10),
  enabled: z.boolean().default(true),
});

const TRUNK = z.strictObject({
  sid: sid('TK').optional(),
  friendlyName: text,
  domainName: z.string().endsWith('.pstn.twilio.com').nullable().default(null),
  secure: flag,
  transferMode: z.enum(['disable-all', 'enable-all', 'sip-only']).default('disable-all'),
  disasterRecoveryUrl: text,
  originationUrls: z.array(ORIGINATION_URL).default([]),
  /** SIDs of lists of the account. */
  credentialLists: z.array(sid('CL')).default([]),
  /** SIDs of lists of the account. */
  ipAccessControlLists: z.array(sid('AL')).default([]),
});

const CAPABILITIES = z.strictObject({
  voice: z.boolean().default(true),
  sms: z.boolean().default(true),
  mms: z.boolean().default(true),
  fax: flag,
});

const PHONE_NUMBER = z.strictObject({
  phoneNumber: e164,
  sid: sid('PN').optional(),
  /** The number itself if left out. */
  friendlyName: z.string().optional(),
  /** A trunk of the account; it is attached. */
  trunkSid: sid('TK').optional(),
  voiceUrl: text,
  voiceMethod: webMethod,
  voiceFallbackUrl: text,
  voiceFallbackMethod: webMethod,
  voiceApplicationSid: text,
  voiceCallerIdLookup: flag,
  smsUrl: text,
  smsMethod: webMethod,
  smsFallbackUrl: text,
  smsFallbackMethod: webMethod,
  smsApplicationSid: text,
  statusCallback: text,
  statusCallbackMethod: webMethod,
  voiceReceiveMode: z.enum(['voice', 'fax']).default('voice'),
  emergencyStatus: z.enum(['Active', 'Inactive']).default('Inactive'),
  emergencyAddressSid: text,
  identitySid: text,
  addressSid: text,
  bundleSid: text,
  capabilities: CAPABILITIES.prefault({}),
  origin: z.enum(['twilio', 'hosted']).default('twilio'),
  type: z.string().default('local'),
  beta: flag,
  /** Inbound processing region; left out: nobody ever set one. */
  voiceRegion: z.string().optional(),
});

const CALL = z.strictObject({
  sid: sid('CA').optional(),
  from: z.string(),
  to: z.string(),
  direction: z.string().default('trunking-originating'),
  status: z.string().default('in-progress'),
  trunkSid: sid('TK').optional(),
  phoneNumberSid: sid('PN').optional(),
});

const ACCOUNT = z.strictObject({
  accountSid: sid('AC'),
  /** Left out: a random one, so that only API keys get in. */
  authToken: z.string().min(1).optional(),
  /** API key SID to secret. */
  apiKeys: z.record(sid('SK'), z.string().min(1)).default({}),
  /** Makes this a sub-account. */
  parentAccountSid: sid('AC').optional(),
  /** Twilio's, where left out; a trial account has `trunks: 1`. */
  limits: z
    .strictObject({
      trunks: limit,
      originationUrlsPerTrunk: limit,
      credentialLists: limit,
      credentialsPerList: limit,
      ipAccessControlLists: limit,
      concurrentRequests: limit,
    })
    .default({}),
  credentialLists: z.array(CREDENTIAL_LIST).default([]),
  ipAccessControlLists: z.array(IP_ACCESS_CONTROL_LIST).default([]),
  trunks: z.array(TRUNK).default([]),
  phoneNumbers: z.array(PHONE_NUMBER).default([]),
  calls: z.array(CALL).default([]),
});

/** Checks a seed. */
export const SEED = z.strictObject({ accounts: z.array(ACCOUNT).default([]) });

/** A seed as it is written down. */
export type Seed = z.input<typeof SEED>;

/** An account of a seed, complete with defaults. */
export type AccountSeed = z.output<typeof ACCOUNT>;

function isRange(range: string): boolean {
  const [address = '', prefix = '', ...rest] = range.split('/');
  return isIPv4(address) && /^\d{1,2}$/.test(prefix) && Number(prefix) <= 32 && rest.length === 0;
}

function sid(prefix: string) {
  return z.string().regex(new RegExp(`^${prefix}[0-9a-f]{32}$`), `must be ${prefix} and 32 lower-case hex digits`);
}
