/**
 * zod schemas of the PhoneNumber kind: the only place where its `unknown` becomes typed.
 *
 * The spec is judged as strictly as the CRD judges it (a test proves that the two agree); the status is read leniently,
 * because an unreadable field there must never stop a deletion.
 */
import { z } from 'zod';
import type { KubernetesObject } from '../shared/ports.ts';
import type { Pin } from '../shared/accounts.ts';
import type { KnownIds, Leftover, PhoneNumber, PhoneNumberSpec, PhoneNumberStatus } from './model.ts';
import { leftoverKinds } from './model.ts';
import { intentAnnotation } from './names.ts';
import { reasons } from '../shared/reasons.ts';

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
  voice: z.strictObject({ sipTrunk: sipTrunkSchema }),
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
  const { phoneNumber, accountRef, suspended, takeover, voice } = result.data;
  const { maxCallDuration, ringingTimeout, ...inbound } = voice.sipTrunk.inbound;
  return {
    kind: 'valid',
    spec: {
      phoneNumber,
      accountName: accountRef.name,
      suspended,
      takeover,
      sipTrunk: {
        ...voice.sipTrunk,
        existingTrunkSid: voice.sipTrunk.existingTrunkSid === '' ? undefined : voice.sipTrunk.existingTrunkSid,
        inbound: {
          ...inbound,
          maxCallDurationSeconds: secondsOf(maxCallDuration),
          ringingTimeoutSeconds: secondsOf(ringingTimeout),
        },
      },
    },
  };
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

export const pinSchema = z.object({
  account: z.string().min(1),
  accountSid: z.string().regex(/^AC[0-9a-fA-F]{32}$/),
  livekitUrl: z.url({ protocol: /^https?$/ }),
  ownerId: z.string().regex(/^[a-z0-9-]{1,16}$/),
  phoneNumber: z.string().regex(/^\+[1-9][0-9]{6,14}$/),
  existingTrunkSid: z
    .string()
    .regex(/^TK[0-9a-fA-F]{32}$/)
    .optional(),
});

const previousRoutingSchema = z.object({
  trunkSid: z
    .string()
    .regex(/^TK[0-9a-fA-F]{32}$/)
    .optional(),
  voiceApplicationSid: z
    .string()
    .regex(/^AP[0-9a-fA-F]{32}$/)
    .optional(),
});
const intentSchema = z.object({ previousRouting: previousRoutingSchema });

/** The pin in the intent annotation, if it is readable. */
export function parseIntent(annotation: string | undefined): Pin | undefined {
  return pinSchema.safeParse(jsonOf(annotation)).data;
}

function jsonOf(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Forms of provider ids. Twilio's SDK puts ids into paths unescaped, so nothing else may reach it. */
const idForms = {
  phoneNumberSid: /^PN[0-9a-fA-F]{32}$/,
  trunkSid: /^TK[0-9a-fA-F]{32}$/,
  credentialListSid: /^CL[0-9a-fA-F]{32}$/,
  credentialSid: /^CR[0-9a-fA-F]{32}$/,
  ipAccessControlListSid: /^AL[0-9a-fA-F]{32}$/,
  inboundTrunkId: /^ST_[0-9A-Za-z]{1,64}$/,
  outboundTrunkId: /^ST_[0-9A-Za-z]{1,64}$/,
  dispatchRuleId: /^SDR_[0-9A-Za-z]{1,64}$/,
} as const satisfies Record<keyof KnownIds, RegExp>;

const condition = z.object({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().default(''),
  message: z.string().default(''),
  observedGeneration: z.number().optional(),
  lastTransitionTime: z.string(),
});
const leftover = z.object({
  order: z.number(),
  provider: z.enum(['Twilio', 'LiveKit']),
  account: z.string(),
  kind: z.enum(leftoverKinds),
  id: z.string().optional(),
  name: z.string(),
  state: z.enum(['Present', 'Unknown']),
  reason: z.enum(reasons),
  message: z.string(),
  risk: z.enum(['RoutesCalls', 'TollFraud', 'Billing', 'Clutter']),
  removeCommand: z.string(),
  verifyCommand: z.string(),
  consolePath: z.string(),
}) satisfies z.ZodType<Leftover>;

/** Entries that do not read are dropped: a forged or newer status must not stop the operator. */
function readableOf<T>(schema: z.ZodType<T>) {
  return z
    .array(z.unknown())
    .catch([])
    .transform((items) => items.flatMap((item) => schema.safeParse(item).data ?? []));
}
const text = z.string().optional().catch(undefined);
const texts = z.record(z.string(), z.unknown()).catch({});

const statusSchema = z.object({
  phase: z.string().catch('Pending'),
  conditions: readableOf(condition),
  pinned: pinSchema.optional().catch(undefined),
  routing: z.enum(['Attached', 'Detached']).optional().catch(undefined),
  previousRouting: previousRoutingSchema.optional().catch(undefined),
  firstReadyTime: text,
  lastHandledReconcile: text,
  lastHandledRotation: text,
  twilio: texts,
  livekit: texts,
  leftovers: readableOf(leftover),
  deletion: z
    .object({
      policy: z.string(),
      drainingSince: z.iso.datetime().optional().catch(undefined),
      firstFailureTime: z.iso.datetime().optional().catch(undefined),
      lastHandledRetry: text,
    })
    .optional()
    .catch(undefined),
});

const originationUrlSidsSchema = z.array(z.string().regex(/^OU[0-9a-fA-F]{32}$/));

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The phase a status names, whatever it is called; for indexes, as `pinnedAccountOf`. */
export function phaseOf(status: unknown): string | undefined {
  const phase = isObject(status) && 'phase' in status ? status.phase : undefined;
  return typeof phase === 'string' ? phase : undefined;
}

/**
 * The account a status names as its pin, whether or not the rest of the pin reads; for indexes, which ask at every change
 * of every object.
 */
export function pinnedAccountOf(status: unknown): string | undefined {
  const pinned = isObject(status) && 'pinned' in status ? status.pinned : undefined;
  const account = isObject(pinned) && 'account' in pinned ? pinned.account : undefined;
  return typeof account === 'string' ? account : undefined;
}

/** A PhoneNumber as read from the API server; never throws. */
export function parsePhoneNumber(object: KubernetesObject): PhoneNumber {
  const { metadata } = object;
  const { twilio, livekit, ...status } = statusSchema.parse(isObject(object.status) ? object.status : {});
  const stored = { ...twilio, ...livekit };
  const ids: Record<string, string> = {};
  const malformedIds: string[] = [];
  for (const [field, form] of Object.entries(idForms)) {
    const id = stored[field];
    // Shown as the trunk that the number is on; an id among ours would say that it is ours to remove.
    if (field === 'trunkSid' && id === status.pinned?.existingTrunkSid) continue;
    if (typeof id === 'string' && form.test(id)) ids[field] = id;
    else if (id !== undefined) malformedIds.push(field);
  }
  const sids = originationUrlSidsSchema.safeParse(twilio['originationUrlSids']);
  const parsed: PhoneNumberStatus = {
    ...status,
    // Until a status has it, it stands in the intent.
    previousRouting:
      status.previousRouting ??
      intentSchema.safeParse(jsonOf(metadata.annotations?.[intentAnnotation])).data?.previousRouting,
    ids,
    originationUrlSids: sids.success ? sids.data : [],
    trunkDomainName: typeof twilio['trunkDomainName'] === 'string' ? twilio['trunkDomainName'] : undefined,
  };
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    generation: metadata.generation ?? 0,
    creationTimestamp: metadata.creationTimestamp ?? '',
    deleting: metadata.deletionTimestamp !== undefined,
    finalizers: metadata.finalizers ?? [],
    annotations: metadata.annotations ?? {},
    spec: object.spec,
    status: parsed,
    malformedIds,
  };
}

/** The status as it is stored; the other way round of `parsePhoneNumber`. */
export function storedStatus(status: PhoneNumberStatus): Record<string, unknown> {
  const { ids, trunkDomainName, originationUrlSids, ...rest } = status;
  return {
    ...rest,
    twilio: {
      phoneNumberSid: ids.phoneNumberSid,
      trunkSid: ids.trunkSid ?? status.pinned?.existingTrunkSid,
      trunkDomainName,
      originationUrlSids,
      credentialListSid: ids.credentialListSid,
      credentialSid: ids.credentialSid,
      ipAccessControlListSid: ids.ipAccessControlListSid,
    },
    livekit: {
      inboundTrunkId: ids.inboundTrunkId,
      outboundTrunkId: ids.outboundTrunkId,
      dispatchRuleId: ids.dispatchRuleId,
    },
  };
}
