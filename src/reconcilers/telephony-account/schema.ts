/**
 * zod schemas of the TelephonyAccount kind: the only place where its `unknown` becomes typed.
 *
 * For creating, the spec is judged as strictly as the CRD judges it; for removing, each part is read on its own, because
 * a mistake in one must not stop a deletion that does not need it.
 */
import { z } from 'zod';
import type { Condition } from '../shared/conditions.ts';
import type { KubernetesObject } from '../shared/ports.ts';
import { type AccountIdentity, type TelephonyAccount, usualLimits } from './model.ts';

const accountSid = z.string().regex(/^AC[0-9a-fA-F]{32}$/, 'is not a Twilio account SID (AC and 32 hex digits)');
const url = z
  .string()
  .max(255)
  .regex(
    /^(https?|wss?):\/\/[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?\/?$/,
    'is not an http(s) or ws(s) address without path and user, such as https://my-project.livekit.cloud',
  );
const ownerId = z.string().regex(/^[a-z0-9-]{1,16}$/, 'is not made of 1 to 16 lower-case letters, digits and hyphens');
const ownerIdSchema = z.object({ ownerId });
const secretRef = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(253)
    .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'is not the name of a Secret'),
});
const namespaceName = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'is not the name of a namespace');

const requirement = z
  .strictObject({
    key: z
      .string()
      .max(317)
      .regex(
        /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/,
        'is not the key of a label',
      ),
    operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
    values: z.array(z.string().max(63)).max(64).default([]),
  })
  .refine(
    ({ operator, values }) => (operator === 'In' || operator === 'NotIn') === values.length > 0,
    'needs values for In and NotIn, and takes none for Exists and DoesNotExist',
  );

const limits = z.strictObject({
  maxConcurrentRequests: z.int().min(1).max(100).default(usualLimits.maxConcurrentRequests),
  requestsPerSecond: z.int().min(1).max(1000).default(usualLimits.requestsPerSecond),
});

/** The spec as users write it, judged as the CRD judges it. */
export const telephonyAccountSpecSchema = z.strictObject({
  twilio: z.strictObject({
    accountSid,
    region: z.enum(['us1']).default('us1'),
    credentialsSecretRef: secretRef,
  }),
  livekit: z.strictObject({
    url,
    sipHost: z
      .string()
      .max(253)
      .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$/, 'is not a host name, without "sip:"'),
    credentialsSecretRef: secretRef,
  }),
  ownerId: ownerId.optional(),
  allowedNamespaces: z
    .strictObject({
      names: z
        .array(namespaceName)
        .max(256)
        .refine((names) => new Set(names).size === names.length, 'names a namespace twice')
        .default([]),
      selector: z
        .strictObject({
          matchLabels: z
            .record(z.string(), z.string().max(63))
            .refine((labels) => Object.keys(labels).length <= 32, 'has more than 32 labels')
            .default({}),
          matchExpressions: z.array(requirement).max(32).default([]),
        })
        .optional(),
    })
    .prefault({}),
  paused: z.boolean().default(false),
  limits: limits.prefault({}),
});

/** An account whose spec is valid, or what is wrong with it, each problem with its path and without the value. */
export type ParsedAccount =
  | { readonly kind: 'valid'; readonly account: TelephonyAccount }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

export function parseAccount({ metadata, spec, status }: KubernetesObject): ParsedAccount {
  const result = telephonyAccountSpecSchema.safeParse(spec);
  if (!result.success) {
    return {
      kind: 'invalid',
      problems: result.error.issues.map(({ path, message }) => `${['spec', ...path].join('.')} ${message}`),
    };
  }
  const { twilio, livekit, ...rest } = result.data;
  const origin = httpOrigin(livekit.url);
  if (origin === undefined) return { kind: 'invalid', problems: ['spec.livekit.url is not an address'] };
  return {
    kind: 'valid',
    account: {
      ...rest,
      name: metadata.name,
      accountSid: twilio.accountSid,
      twilioSecret: twilio.credentialsSecretRef.name,
      livekitUrl: origin,
      sipHost: livekit.sipHost,
      livekitSecret: livekit.credentialsSecretRef.name,
      // What was in force stays in force, also when the cluster's own default has changed.
      ownerId: rest.ownerId ?? ownerIdSchema.safeParse(status).data?.ownerId,
    },
  };
}

const conditionSchema = z.object({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']).catch('Unknown'),
  reason: z.string().catch(''),
  message: z.string().catch(''),
  observedGeneration: z.number().optional().catch(undefined),
  lastTransitionTime: z.string().catch(''),
});
const storedConditions = z.object({ conditions: z.array(z.unknown()).catch([]) }).catch({ conditions: [] });

const tokenSchema = z.object({ lastHandledAcceptDrift: z.string().optional().catch(undefined) });

/** The accept-drift token that was seen last. */
export function lastHandledToken({ status }: KubernetesObject): string | undefined {
  return tokenSchema.safeParse(status).data?.lastHandledAcceptDrift;
}

/** The conditions that are stored, as far as they read; never throws. */
export function parseConditions({ status }: KubernetesObject): readonly Condition[] {
  return storedConditions.parse(status).conditions.flatMap((one) => conditionSchema.safeParse(one).data ?? []);
}

const identitySchema = z.object({
  twilio: z
    .object({
      accountSid: accountSid.optional().catch(undefined),
      credentialsSecretRef: secretRef.optional().catch(undefined),
    })
    .catch({}),
  livekit: z
    .object({
      url: url.optional().catch(undefined),
      sipHost: z.string().catch(''),
      credentialsSecretRef: secretRef.optional().catch(undefined),
    })
    .catch({ sipHost: '' }),
  paused: z.boolean().catch(false),
  limits: limits.catch(usualLimits),
});

/** What can be read of an account, whatever else is wrong with it; never throws. */
export function parseIdentity({ spec }: KubernetesObject): AccountIdentity {
  const { twilio, livekit, ...rest } = identitySchema.safeParse(spec).data ?? identitySchema.parse({});
  return {
    ...rest,
    accountSid: twilio.accountSid,
    twilioSecret: twilio.credentialsSecretRef?.name,
    livekitUrl: livekit.url === undefined ? undefined : httpOrigin(livekit.url),
    livekitSecret: livekit.credentialsSecretRef?.name,
    sipHost: livekit.sipHost,
  };
}

/**
 * The http(s) origin that an http(s) or ws(s) address means: `wss://A.example/` is `https://a.example`. Undefined for
 * anything else, and for an address with a user, path, query or fragment: it may hold a secret, and none is needed.
 */
export function httpOrigin(address: string): string | undefined {
  const parsed = URL.parse(address);
  if (parsed === null) return undefined;
  const { protocol, host, username, password, pathname, search, hash } = parsed;
  if (username !== '' || password !== '' || pathname !== '/' || search !== '' || hash !== '') return undefined;
  switch (protocol) {
    case 'http:':
    case 'ws:':
      return `http://${host}`;
    case 'https:':
    case 'wss:':
      return `https://${host}`;
    default:
      return undefined;
  }
}
