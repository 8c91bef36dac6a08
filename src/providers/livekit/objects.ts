/**
 * Objects: LiveKit's JSON read as our values, and our values written into LiveKit's JSON.
 *
 * Guarantees
 * - What is written reads back equal: unset and default values are the same thing here.
 * - Writing into an existing object keeps every field that our values do not name, also fields that only a newer server
 *   knows. (LiveKit has no update of single fields for most of what is written.)
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type {
  DispatchRuleState,
  DispatchRuleValues,
  InboundTrunkState,
  InboundTrunkValues,
  OutboundTrunkState,
  WildcardRule,
} from '../../reconcilers/shared/telephony.ts';
import type { Json } from './twirp.ts';

/** An object of LiveKit as it came, in the protocol's field names. */
export type RawObject = Readonly<Record<string, Json>>;

export const rawObject: z.ZodType<RawObject> = z.record(z.string(), z.json());

/**
 * The items of a list. Anything else than a list must not pass for an empty one: it would prove that nothing exists. What
 * is asked for by id and missing may come as null, or as an object that is empty.
 */
export function itemsReply<Item extends z.ZodType>(item: Item) {
  return z
    .union([z.object({ items: z.array(z.unknown()) }), z.strictObject({}).transform(() => ({ items: [] }))])
    .transform(({ items }) => items.filter((one) => !nothing.safeParse(one).success))
    .pipe(z.array(item));
}

const nothing = z.union([
  z.null(),
  z.strictObject({}),
  z.object({ sip_trunk_id: z.literal('') }),
  z.object({ sip_dispatch_rule_id: z.literal('') }),
]);

/** LiveKit compares numbers without blanks, hyphens and parentheses, and with a plus sign. */
export function normalisedNumber(number: string): string {
  const digits = number.replaceAll(/[\s\-()]/g, '');
  return digits === '' || digits.startsWith('+') ? digits : `+${digits}`;
}

const text = orDefault(z.string(), '');
const flag = orDefault(z.boolean(), false);
const texts = orDefault(z.array(z.string()), []);
const textMap = orDefault(z.record(z.string(), z.string()), {});
const id = z.string().min(1);

/** Such as "30s"; unset is 0. */
const seconds = orDefault(z.string().regex(/^\d+(\.\d+)?s$/), '0s').transform((duration) =>
  Number.parseFloat(duration),
);

/** Unset fields come as null or not at all. */
function orDefault<Schema extends z.ZodType>(schema: Schema, unset: z.output<Schema>) {
  return schema.nullish().transform((value) => value ?? unset);
}

const disabled = 'SIP_MEDIA_ENCRYPT_DISABLE';
const allowed = 'SIP_MEDIA_ENCRYPT_ALLOW';
const required = 'SIP_MEDIA_ENCRYPT_REQUIRE';

/** Servers keep the field of before the media settings equal to the one in them. */
const encryption = {
  media: z.object({ encryption: orDefault(z.string(), '') }).nullish(),
  media_encryption: orDefault(z.string(), ''),
} as const;

function encryptionOf(trunk: z.output<z.ZodObject<typeof encryption>>): string {
  const { encryption: value = '' } = trunk.media ?? {};
  return value === '' ? trunk.media_encryption : value;
}

function isEncrypting(value: string): boolean {
  return value === allowed || value === required;
}

/** Encryption that somebody requires stays required. */
function withEncryption(present: RawObject, accepts: boolean): RawObject {
  const before = encryptionOf(z.object(encryption).parse(present));
  if (isEncrypting(before) === accepts) return {};
  const value = accepts ? allowed : disabled;
  return { media: { ...partOf(present, 'media'), encryption: value }, media_encryption: value };
}

/** Signalling and media of an outbound trunk, as they are written. */
export function outboundEncryption(encrypted: boolean): RawObject {
  return {
    transport: encrypted ? 'SIP_TRANSPORT_TLS' : 'SIP_TRANSPORT_AUTO',
    media: { encryption: encrypted ? required : disabled },
  };
}

export const inboundTrunk = z
  .object({
    sip_trunk_id: id,
    name: text,
    numbers: texts,
    allowed_addresses: texts,
    krisp_enabled: flag,
    headers_to_attributes: textMap,
    max_call_duration: seconds,
    ringing_timeout: seconds,
    ...encryption,
  })
  .transform(
    (trunk): InboundTrunkState => ({
      id: trunk.sip_trunk_id,
      name: trunk.name,
      numbers: trunk.numbers,
      allowedAddresses: trunk.allowed_addresses,
      krispEnabled: trunk.krisp_enabled,
      headersToAttributes: trunk.headers_to_attributes,
      maxCallDurationSeconds: trunk.max_call_duration,
      ringingTimeoutSeconds: trunk.ringing_timeout,
      acceptsEncryption: isEncrypting(encryptionOf(trunk)),
    }),
  );

export function withInboundTrunk(present: RawObject, trunk: InboundTrunkValues): RawObject {
  return {
    ...present,
    name: trunk.name,
    numbers: trunk.numbers,
    allowed_addresses: trunk.allowedAddresses,
    krisp_enabled: trunk.krispEnabled,
    headers_to_attributes: trunk.headersToAttributes,
    max_call_duration: durationOf(trunk.maxCallDurationSeconds),
    ringing_timeout: durationOf(trunk.ringingTimeoutSeconds),
    ...withEncryption(present, trunk.acceptsEncryption),
  };
}

function durationOf(wholeSeconds: number): string | null {
  return wholeSeconds === 0 ? null : `${wholeSeconds}s`;
}

/** The password that comes with it is left where it is. */
export const outboundTrunk = z
  .object({
    sip_trunk_id: id,
    name: text,
    numbers: texts,
    address: text,
    auth_username: text,
    transport: text,
    ...encryption,
  })
  .transform((trunk): OutboundTrunkState => {
    const isOverTls = trunk.transport === 'SIP_TRANSPORT_TLS';
    const isRequired = encryptionOf(trunk) === required;
    return {
      id: trunk.sip_trunk_id,
      name: trunk.name,
      numbers: trunk.numbers,
      address: trunk.address,
      authUsername: trunk.auth_username,
      encrypted: isOverTls === isRequired ? isRequired : 'partly',
    };
  });

const agent = z.object({ agent_name: text, metadata: text });

export const dispatchRule = z
  .object({
    sip_dispatch_rule_id: id,
    name: text,
    trunk_ids: texts,
    // A rule of another kind has no prefix of its own room.
    rule: z.object({ dispatch_rule_individual: z.object({ room_prefix: text }).nullish() }).nullish(),
    room_config: z.object({ agents: orDefault(z.array(agent), []) }).nullish(),
    hide_phone_number: flag,
    attributes: textMap,
  })
  .transform(
    (rule): DispatchRuleState => ({
      id: rule.sip_dispatch_rule_id,
      name: rule.name,
      trunkIds: rule.trunk_ids,
      roomPrefix: rule.rule?.dispatch_rule_individual?.room_prefix ?? '',
      agents: (rule.room_config?.agents ?? []).map(({ agent_name, metadata }) => ({ agentName: agent_name, metadata })),
      hidePhoneNumber: rule.hide_phone_number,
      attributes: rule.attributes,
    }),
  );

const pinned = z.object({ pin: text }).nullish();

/** A rule for calls of any trunk; undefined for one that names trunks. */
export const wildcardRule = z
  .object({
    sip_dispatch_rule_id: id,
    name: text,
    trunk_ids: texts,
    numbers: texts,
    inbound_numbers: texts,
    rule: z
      .object({ dispatch_rule_direct: pinned, dispatch_rule_individual: pinned, dispatch_rule_callee: pinned })
      .nullish(),
  })
  .transform((found): WildcardRule | undefined => {
    if (found.trunk_ids.length > 0) return undefined;
    const {
      dispatch_rule_direct: direct,
      dispatch_rule_individual: individual,
      dispatch_rule_callee: callee,
    } = found.rule ?? {};
    const pin = (direct ?? individual ?? callee)?.pin ?? '';
    // Only the hash of a PIN: it lets callers in.
    const secret = pin === '' ? '' : createHash('sha256').update(pin).digest('hex');
    const condition = JSON.stringify([secret, found.numbers.toSorted(), found.inbound_numbers.toSorted()]);
    return { id: found.sip_dispatch_rule_id, name: found.name, condition };
  });

export function withDispatchRule(present: RawObject, rule: DispatchRuleValues): RawObject {
  const individual = partOf(partOf(present, 'rule'), 'dispatch_rule_individual');
  const config = partOf(present, 'room_config');
  const presentAgents = rawAgents.safeParse(config['agents']).data ?? [];
  const agents = rule.agents.map(({ agentName, metadata }) => ({
    ...presentAgents.find((one) => one['agent_name'] === agentName),
    agent_name: agentName,
    metadata,
  }));
  return {
    ...present,
    name: rule.name,
    trunk_ids: rule.trunkIds,
    rule: { dispatch_rule_individual: { ...individual, room_prefix: rule.roomPrefix } },
    hide_phone_number: rule.hidePhoneNumber,
    attributes: rule.attributes,
    room_config: agents.length === 0 && Object.keys(config).length === 0 ? null : { ...config, agents },
  };
}

const rawAgents = z.array(rawObject);

function partOf(whole: RawObject, field: string): RawObject {
  return rawObject.safeParse(whole[field]).data ?? {};
}
