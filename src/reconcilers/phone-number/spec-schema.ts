/**
 * zod schemas of a PhoneNumber's spec, judged as strictly as the CRD judges it (a test proves that the two agree).
 */
import { z } from 'zod';
import type { PhoneNumberSpec, SipTrunkSpec, Webhook, Webhooks } from './model.ts';

/** Go style, whole seconds, at most 24 h: `90s`, `5m`, `1h30m`. */
const durationForm = /^([0-9]{1,2}h)?([0-9]{1,4}m)?([0-9]{1,5}s)?$/;
const dayInSeconds = 86_400;

/** Whole seconds of a Go-style duration that matches `durationForm`. */
export function secondsOf(text: string): number {
  const [, hours = '0h', minutes = '0m', seconds = '0s'] = durationForm.exec(text) ?? [];
  return Number.parseInt(hours) * 3600 + Number.parseInt(minutes) * 60 + Number.parseInt(seconds);
}

function duration(fallback: string, leastSeconds: number) {
  return z
    .string()
    .min(2)
    .max(16)
    .regex(durationForm, 'is not a duration such as 30s, 5m or 1h30m')
    .refine(
      (text) => secondsOf(text) >= leastSeconds && secondsOf(text) <= dayInSeconds,
      `is not between ${leastSeconds}s and 24h`,
    )
    .default(fallback);
}

/**
 * One IPv4 address or CIDR: Twilio's signalling is IPv4 only, its IP access control lists take nothing else, and LiveKit
 * opens a trunk to everybody when an entry holds a list.
 */
const addressForm =
  /^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\/(3[0-2]|[12]?[0-9]))?$/;
const address = z.string().max(18).regex(addressForm, 'is not one IPv4 address or CIDR, one per entry');

const headerToken = /^[A-Za-z0-9.!%*_+`'~-]{1,255}$/;
const sipUri = /^sip:([A-Za-z0-9._~+-]+@)?[A-Za-z0-9.-]+(:[0-9]{1,5})?(;[A-Za-z0-9=._-]+)*$/;

const sipTrunkShape = z.strictObject({
  existingTrunkSid: z
    .string()
    .regex(/^(TK[0-9a-fA-F]{32})?$/, 'is not the SID of a Twilio trunk: TK and 32 hex digits')
    .default(''),
  originationUris: z
    .array(z.string().max(255).regex(sipUri, 'is not a SIP URI such as sip:abc.sip.livekit.cloud;transport=tcp'))
    .max(10)
    .default([]),
  transferMode: z.enum(['disable-all', 'enable-all', 'sip-only']).default('disable-all'),
  secure: z.boolean().default(false),
  disasterRecoveryUrl: z
    .string()
    .max(1024)
    .regex(/^(https?:\/\/[!-~]+)?$/, 'is not an http(s) URL')
    .optional(),
  inbound: z
    .strictObject({
      allowedAddresses: z.array(address).max(64).default([]),
      krispEnabled: z.boolean().default(false),
      headersToAttributes: z
        .record(z.string().regex(headerToken, 'is not a SIP header name'), z.string().min(1).max(255))
        .refine((map) => Object.keys(map).length <= 32, 'has more than 32 entries')
        .default({}),
      maxCallDuration: duration('1h', 1),
      ringingTimeout: duration('30s', 1),
    })
    .prefault({}),
  outbound: z
    .strictObject({ enabled: z.boolean().default(false), allowedCidrs: z.array(address).max(25).default([]) })
    .prefault({}),
  dispatch: z
    .strictObject({
      roomPrefix: z.string().min(1).max(64).default('call-'),
      agents: z
        .array(
          z.strictObject({
            agentName: z.string().min(1).max(128),
            metadata: z.string().max(4096).default(''),
          }),
        )
        .max(8)
        .default([]),
      hidePhoneNumber: z.boolean().default(false),
      attributes: z
        .record(z.string().min(1).max(128), z.string().max(1024))
        .refine((map) => Object.keys(map).length <= 32, 'has more than 32 entries')
        .default({}),
    })
    .prefault({}),
});

/** Each is a setting of the trunk, and an existing one stays as it is. */
const sipTrunkSchema = sipTrunkShape
  .refine(
    ({ existingTrunkSid, outbound }) => existingTrunkSid === '' || !outbound.enabled,
    'cannot have outbound calls together with existingTrunkSid: they need lists on the trunk, which stays as it is',
  )
  .refine(
    ({ existingTrunkSid, originationUris, transferMode, disasterRecoveryUrl }) =>
      existingTrunkSid === '' ||
      (originationUris.length === 0 && transferMode === 'disable-all' && disasterRecoveryUrl === undefined),
    'cannot set originationUris, transferMode or disasterRecoveryUrl together with existingTrunkSid: set them on the trunk yourself',
  )
  .refine(
    ({ secure, originationUris }) => !secure || originationUris.every((uri) => uri.includes(';transport=tls')),
    'is secure, so each of its originationUris needs ;transport=tls',
  );

const webhookUrl = z
  .string()
  .max(1024)
  .regex(/^https?:\/\/[!-~]+$/, 'is not an http(s) URL');
const webhookMethod = z.enum(['GET', 'POST']).default('POST');

const smsSchema = z.strictObject({
  url: webhookUrl,
  method: webhookMethod,
  fallbackUrl: webhookUrl.optional(),
  fallbackMethod: webhookMethod,
});

const webhookSchema = smsSchema.extend({
  statusCallbackUrl: webhookUrl.optional(),
  statusCallbackMethod: webhookMethod,
});

/** The spec as users write it, judged as the CRD judges it. */
export const phoneNumberSpecSchema = z.strictObject({
  phoneNumber: z
    .string()
    .max(16)
    .regex(/^\+[1-9][0-9]{6,14}$/, 'is not an E.164 number such as +447446466847'),
  accountRef: z
    .strictObject({
      name: z
        .string()
        .min(1)
        .max(253)
        .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/),
    })
    .prefault({ name: 'default' }),
  // Any word: a policy the operator does not know must be seen, so that nothing is done on a guess.
  deletionPolicy: z.string().min(1).max(32).default('Delete'),
  suspended: z.boolean().default(false),
  drainTimeout: duration('5m', 0),
  takeover: z.boolean().default(false),
  voice: z
    .strictObject({ sipTrunk: sipTrunkSchema.optional(), webhook: webhookSchema.optional() })
    .refine(
      ({ sipTrunk, webhook }) => (sipTrunk === undefined) !== (webhook === undefined),
      'needs exactly one of sipTrunk and webhook',
    ),
  sms: smsSchema.optional(),
});

/** A spec that parses, or the problems of one that does not, each with its path. */
export type ParsedSpec =
  | { readonly kind: 'valid'; readonly spec: PhoneNumberSpec }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

export function parseSpec(spec: unknown): ParsedSpec {
  const result = phoneNumberSpecSchema.safeParse(spec);
  if (!result.success) {
    return {
      kind: 'invalid',
      problems: result.error.issues.map((issue) => `spec.${issue.path.join('.')} ${issue.message}`),
    };
  }
  const { phoneNumber, accountRef, suspended, takeover, voice, sms } = result.data;
  return {
    kind: 'valid',
    spec: {
      phoneNumber,
      accountName: accountRef.name,
      suspended,
      takeover,
      sipTrunk: voice.sipTrunk && sipTrunkOf(voice.sipTrunk),
      webhooks: webhooksOf(voice.webhook, sms),
    },
  };
}

function sipTrunkOf({ existingTrunkSid, inbound, ...values }: z.infer<typeof sipTrunkSchema>): SipTrunkSpec {
  const { maxCallDuration, ringingTimeout, ...rest } = inbound;
  return {
    ...values,
    existingTrunkSid: existingTrunkSid === '' ? undefined : existingTrunkSid,
    inbound: {
      ...rest,
      maxCallDurationSeconds: secondsOf(maxCallDuration),
      ringingTimeoutSeconds: secondsOf(ringingTimeout),
    },
  };
}

function webhooksOf(
  voice: z.infer<typeof webhookSchema> | undefined,
  sms: z.infer<typeof smsSchema> | undefined,
): Webhooks {
  const named = {
    voice: webhookOf(voice?.url, voice?.method),
    voiceFallback: webhookOf(voice?.fallbackUrl, voice?.fallbackMethod),
    statusCallback: webhookOf(voice?.statusCallbackUrl, voice?.statusCallbackMethod),
    sms: webhookOf(sms?.url, sms?.method),
    smsFallback: webhookOf(sms?.fallbackUrl, sms?.fallbackMethod),
  };
  return Object.fromEntries(Object.entries(named).filter(([, webhook]) => webhook !== undefined));
}

function webhookOf(url: string | undefined, method: string | undefined): Webhook | undefined {
  return url === undefined || method === undefined ? undefined : { url, method };
}

// Schemas stand outside of the functions: zod compiles each schema that it is given, and these are read thousands of times.
const deletionPolicySchema = z.object({ deletionPolicy: z.string().default('Delete') });
const drainTimeoutSchema = z.object({ drainTimeout: phoneNumberSpecSchema.shape.drainTimeout });
const numberSchema = z.object({ phoneNumber: z.string() });
const accountRefSchema = z.object({ accountRef: z.object({ name: z.string() }) });

/** `spec.deletionPolicy`, read on its own: the rest of the spec may not parse, and a deletion must not depend on it. */
export function parseDeletionPolicy(spec: unknown): string {
  const result = deletionPolicySchema.safeParse(spec);
  return result.success ? result.data.deletionPolicy : 'unreadable';
}

/**
 * `spec.drainTimeout` in milliseconds, read on its own like the policy. A spec that cannot be read waits as long as one
 * that says nothing.
 */
export function parseDrainTimeoutMs(spec: unknown): number {
  const { data } = drainTimeoutSchema.safeParse(spec);
  return secondsOf(data?.drainTimeout ?? drainTimeoutSchema.parse({}).drainTimeout) * 1_000;
}

/** The number a spec names, or nothing; for indexes over objects whose spec may not parse. */
export function phoneNumberOf(spec: unknown): string | undefined {
  return numberSchema.safeParse(spec).data?.phoneNumber;
}

/** The account a spec names. */
export function accountNameOf(spec: unknown): string {
  return accountRefSchema.safeParse(spec).data?.accountRef.name ?? 'default';
}
