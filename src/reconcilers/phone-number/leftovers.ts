/**
 * Leftovers, pure: what a person needs to know to remove by hand what the operator could not.
 */
import type { Reason } from '../shared/reasons.ts';
import type { Provider } from '../shared/verdict.ts';
import type { Identity, KnownIds, Leftover, LeftoverKind, RoutingRecord } from './model.ts';
import { leftoverKinds } from './model.ts';
import { markOfKind } from './mark.ts';
import { describedRecord, fieldsOfRecord, hasRecord } from './number-routing.ts';

/** One thing that is left, or that could not be looked at. */
export interface Remaining {
  readonly kind: LeftoverKind;
  /** Absent when it is not known whether there is one. */
  readonly id: string | undefined;
  /** For things that live inside another: its id. */
  readonly parentId: string | undefined;
  readonly state: 'Present' | 'Unknown';
  readonly reason: Reason;
  readonly message: string;
}

/** In the order in which they should be removed; what still routes calls comes first. */
export function leftoversOf(
  identity: Identity,
  remaining: readonly Remaining[],
  record: RoutingRecord = {},
): readonly Leftover[] {
  const rings = remaining.some(({ kind }) => kind === 'NumberAttachment');
  return remaining
    .toSorted((one, other) => leftoverKinds.indexOf(one.kind) - leftoverKinds.indexOf(other.kind))
    .map(({ kind, id, parentId, state, reason, message }, index) => ({
      order: index + 1,
      provider: providerOf(kind),
      account: providerOf(kind) === 'LiveKit' ? identity.livekitUrl : identity.accountSid,
      kind,
      id,
      name: kind === 'NumberRouting' ? describedRecord(record).join(', ') : markOfKind(identity, kind),
      state,
      reason,
      message,
      risk: riskOf(kind, rings, identity),
      ...(kind === 'NumberRouting' ? routingCommands(identity, id, record) : commandsFor(identity, kind, id, parentId)),
    }));
}

/** Everything that is known by an id, without anybody having looked. */
export function leftoversOfIds(
  identity: Identity,
  ids: KnownIds,
  reason: Reason,
  message: string,
  record: RoutingRecord = {},
): readonly Leftover[] {
  const isWebhook = identity.voice === 'webhook';
  const idOf: Readonly<Record<LeftoverKind, string | undefined>> = {
    NumberAttachment: isWebhook ? undefined : ids.phoneNumberSid,
    NumberRouting: ids.phoneNumberSid,
    DispatchRule: ids.dispatchRuleId,
    InboundTrunk: ids.inboundTrunkId,
    Trunk: ids.trunkSid,
    OutboundTrunk: ids.outboundTrunkId,
    Credential: ids.credentialSid,
    CredentialList: ids.credentialListSid,
    IpAccessControlList: ids.ipAccessControlListSid,
  };
  const parentOf: Partial<Record<LeftoverKind, string | undefined>> = {
    NumberAttachment: identity.existingTrunkSid ?? ids.trunkSid,
    Credential: ids.credentialListSid,
  };
  return leftoversOf(
    identity,
    leftoverKinds.flatMap((kind) => {
      const id = idOf[kind];
      const isKnown = kind === 'NumberRouting' ? hasRecord(record) : id !== undefined;
      return !isKnown ? [] : [{ kind, id, parentId: parentOf[kind], state: 'Unknown' as const, reason, message }];
    }),
    record,
  );
}

/** Where things of a kind are. */
export function providerOf(kind: LeftoverKind): Provider {
  return kind === 'InboundTrunk' || kind === 'OutboundTrunk' || kind === 'DispatchRule' ? 'LiveKit' : 'Twilio';
}

function riskOf(kind: LeftoverKind, rings: boolean, { voice }: Identity): Leftover['risk'] {
  switch (kind) {
    case 'NumberRouting':
      return voice === 'webhook' ? 'RoutesCalls' : 'Clutter';
    case 'NumberAttachment':
      return 'RoutesCalls';
    case 'Trunk':
    case 'InboundTrunk':
    case 'DispatchRule':
      return rings ? 'RoutesCalls' : 'Billing';
    case 'Credential':
    case 'CredentialList':
    case 'OutboundTrunk':
      return 'TollFraud';
    case 'IpAccessControlList':
      return 'Clutter';
  }
}

type Commands = Pick<Leftover, 'removeCommand' | 'verifyCommand' | 'consolePath'>;

const numberProperties = 'sid,trunkSid,voiceUrl,smsUrl';

function routingCommands(identity: Identity, id: string | undefined, record: RoutingRecord): Commands {
  const { accountSid, phoneNumber } = identity;
  const twilio = `TWILIO_ACCOUNT_SID=${accountSid} twilio api:core:incoming-phone-numbers`;
  const flags = fieldsOfRecord(record).map(
    (field) => ` --${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}=`,
  );
  return {
    removeCommand: `${twilio}:update --sid ${id ?? '<sid of the number>'}${flags.join('')}`,
    verifyCommand: `${twilio}:list --phone-number ${phoneNumber} --properties ${numberProperties}`,
    consolePath: `Twilio Console > Phone Numbers > Manage > Active numbers > ${phoneNumber} > Voice and messaging configuration`,
  };
}

/** Commands of twilio-cli and of LiveKit's lk. A deletion by lk succeeds for any id, so only its list verifies. */
function commandsFor(
  identity: Identity,
  kind: Exclude<LeftoverKind, 'NumberRouting'>,
  id: string | undefined,
  parentId: string | undefined,
): Commands {
  const mark = markOfKind(identity, kind);
  const sid = id ?? `<sid of ${mark}>`;
  const twilio = (command: string) => `TWILIO_ACCOUNT_SID=${identity.accountSid} twilio api:${command}`;
  const livekit = (command: string) => `LIVEKIT_URL=${identity.livekitUrl} lk sip ${command}`;
  const elastic = 'Twilio Console > Elastic SIP Trunking > Manage';
  switch (kind) {
    case 'NumberAttachment': {
      const trunk = parentId ?? identity.existingTrunkSid ?? `<sid of ${mark}>`;
      return {
        removeCommand: twilio(
          `trunking:v1:trunks:phone-numbers:remove --trunk-sid ${trunk} --sid ${id ?? '<sid of the number>'}`,
        ),
        verifyCommand: twilio(
          `core:incoming-phone-numbers:list --phone-number ${identity.phoneNumber} --properties sid,trunkSid`,
        ),
        consolePath: `Twilio Console > Phone Numbers > Manage > Active numbers > ${identity.phoneNumber} > Voice configuration`,
      };
    }
    case 'Trunk':
      return {
        removeCommand: twilio(`trunking:v1:trunks:remove --sid ${sid}`),
        verifyCommand: twilio('trunking:v1:trunks:list --properties sid,friendlyName'),
        consolePath: `${elastic} > Trunks > ${mark}`,
      };
    case 'Credential': {
      const list = parentId ?? `<sid of ${mark}>`;
      return {
        removeCommand: twilio(
          `core:sip:credential-lists:credentials:remove --credential-list-sid ${list} --sid ${id ?? '<sid>'}`,
        ),
        verifyCommand: twilio(`core:sip:credential-lists:credentials:list --credential-list-sid ${list}`),
        consolePath: `${elastic} > Credential lists > ${mark}`,
      };
    }
    case 'CredentialList':
      return {
        removeCommand: twilio(`core:sip:credential-lists:remove --sid ${sid}`),
        verifyCommand: twilio('core:sip:credential-lists:list --properties sid,friendlyName'),
        consolePath: `${elastic} > Credential lists > ${mark}`,
      };
    case 'IpAccessControlList':
      return {
        removeCommand: twilio(`core:sip:ip-access-control-lists:remove --sid ${sid}`),
        verifyCommand: twilio('core:sip:ip-access-control-lists:list --properties sid,friendlyName'),
        consolePath: `${elastic} > IP access control lists > ${mark}`,
      };
    case 'InboundTrunk':
      return {
        removeCommand: livekit(`inbound delete ${id ?? `<id of ${mark}>`}`),
        verifyCommand: livekit('inbound list'),
        consolePath: `LiveKit Cloud > Telephony > SIP trunks > Inbound > ${mark}`,
      };
    case 'OutboundTrunk':
      return {
        removeCommand: livekit(`outbound delete ${id ?? `<id of ${mark}>`}`),
        verifyCommand: livekit('outbound list'),
        consolePath: `LiveKit Cloud > Telephony > SIP trunks > Outbound > ${mark}`,
      };
    case 'DispatchRule':
      return {
        removeCommand: livekit(`dispatch delete ${id ?? `<id of ${mark}>`}`),
        verifyCommand: livekit('dispatch list'),
        consolePath: `LiveKit Cloud > Telephony > Dispatch rules > ${mark}`,
      };
  }
}
