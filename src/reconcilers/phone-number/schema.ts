/**
 * zod schemas of the PhoneNumber kind besides its spec: the only place where its `unknown` becomes typed.
 *
 * The status is read leniently, because an unreadable field there must never stop a deletion.
 */
import { z } from 'zod';
import type { KubernetesObject } from '../shared/ports.ts';
import type { Pin } from '../shared/accounts.ts';
import type { KnownIds, Leftover, NamedAdoption, PhoneNumber, PhoneNumberStatus } from './model.ts';
import { leftoverKinds, webhookSlots } from './model.ts';
import { intentAnnotation } from './names.ts';
import { reasons } from '../shared/reasons.ts';

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
  voice: z.literal('webhook').optional(),
});

const webhook = z.object({ url: z.string(), method: z.string() });
const webhooksSchema = z.partialRecord(z.enum(webhookSlots), webhook);

const previousRoutingSchema = z.object({
  trunkSid: z
    .string()
    .regex(/^TK[0-9a-fA-F]{32}$/)
    .optional(),
  voiceApplicationSid: z
    .string()
    .regex(/^AP[0-9a-fA-F]{32}$/)
    .optional(),
  smsApplicationSid: z
    .string()
    .regex(/^AP[0-9a-fA-F]{32}$/)
    .optional(),
  webhooks: z.partialRecord(z.enum(webhookSlots), z.string()).optional().catch(undefined),
});
const intentSchema = z.object({
  previousRouting: previousRoutingSchema.optional().catch(undefined),
  routingTo: webhooksSchema.optional().catch(undefined),
});

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

const namedAdoptionSchema = z.strictObject({
  trunkSid: z.string().regex(idForms.trunkSid).optional(),
  inboundTrunkId: z.string().regex(idForms.inboundTrunkId).optional(),
  outboundTrunkId: z.string().regex(idForms.outboundTrunkId).optional(),
  dispatchRuleId: z.string().regex(idForms.dispatchRuleId).optional(),
});

/** The ids in an `adopt` annotation, if it is readable. */
export function parseNamedAdoption(annotation: string): NamedAdoption | undefined {
  return namedAdoptionSchema.safeParse(jsonOf(annotation)).data;
}

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
  observedGeneration: z.number().optional().catch(undefined),
  phase: z.string().catch('Pending'),
  conditions: readableOf(condition),
  pinned: pinSchema.optional().catch(undefined),
  routing: z.enum(['Attached', 'Detached']).optional().catch(undefined),
  previousRouting: previousRoutingSchema.optional().catch(undefined),
  routedTo: webhooksSchema.optional().catch(undefined),
  routingTo: webhooksSchema.optional().catch(undefined),
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
  const intent = intentSchema.safeParse(jsonOf(metadata.annotations?.[intentAnnotation])).data;
  const parsed: PhoneNumberStatus = {
    ...status,
    // Until a status has it, it stands in the intent; what is taken over is recorded before the first Ready only.
    previousRouting:
      status.previousRouting ?? (status.firstReadyTime === undefined ? intent?.previousRouting : undefined),
    routingTo: status.pinned === undefined ? (status.routingTo ?? intent?.routingTo) : status.routingTo,
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
