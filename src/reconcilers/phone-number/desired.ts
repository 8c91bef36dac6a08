/**
 * Desired: what should exist outside for one PhoneNumber, computed from its spec and its account. Pure.
 */
import type {
  DispatchRuleValues,
  InboundTrunkValues,
  OriginationUrlValues,
  TrunkSettings,
} from '../shared/telephony.ts';
import { markOf } from './mark.ts';
import type { Identity, PhoneNumberSpec, SipTrunkSpec, Webhooks } from './model.ts';
import { ofMessages } from './number-routing.ts';

interface DesiredNumber {
  readonly identity: Identity;
  /** Calls are kept from where they go otherwise. */
  readonly suspended: boolean;
  /** Routing that is on the number already may be replaced. */
  readonly takesOver: boolean;
  /** On the number itself; those of calls only while it is not suspended. */
  readonly webhooks: Webhooks;
}

/** Calls go to a webhook: nothing is there but the number. */
export interface DesiredWebhook extends DesiredNumber {
  readonly voice: 'webhook';
}

/** Calls go over a trunk to LiveKit. */
export interface DesiredSipTrunk extends DesiredNumber {
  readonly voice: 'sipTrunk';
  readonly trunk: TrunkSettings;
  /** In order of preference. */
  readonly originationUrls: readonly OriginationUrlValues[];
  readonly inbound: InboundTrunkValues;
  /** The rule's trunk id is known only once the inbound trunk exists. */
  readonly rule: Omit<DispatchRuleValues, 'trunkIds'>;
  /** Absent: no outbound calls, and whatever made them possible has to go. */
  readonly outbound: DesiredOutbound | undefined;
}

export type Desired = DesiredWebhook | DesiredSipTrunk;

export interface DesiredOutbound {
  readonly addresses: readonly DesiredAddress[];
  readonly encrypted: boolean;
  /** What the user name of the credential in force begins with (`rotation.ts`); undefined: whatever it is. */
  readonly usernamePrefix?: string | undefined;
}

export interface DesiredAddress {
  readonly ipAddress: string;
  readonly cidrPrefixLength: number;
}

/** `wasReady`: calls have reached LiveKit before; from then on nothing is taken over. */
export function desiredOf(spec: PhoneNumberSpec, identity: Identity, sipHost: string, wasReady = false): Desired {
  const { sipTrunk, suspended, takeover, webhooks } = spec;
  const number: DesiredNumber = {
    identity,
    suspended,
    takesOver: takeover && !wasReady,
    webhooks: suspended ? ofMessages(webhooks) : webhooks,
  };
  return sipTrunk === undefined
    ? { ...number, voice: 'webhook' }
    : { ...number, ...trunkOf(sipTrunk, identity, sipHost) };
}

function trunkOf(
  { inbound, outbound, dispatch, transferMode, secure, disasterRecoveryUrl, originationUris }: SipTrunkSpec,
  identity: Identity,
  sipHost: string,
): Omit<DesiredSipTrunk, keyof DesiredNumber> {
  const uris = originationUris.length > 0 ? originationUris : [`sip:${sipHost};transport=${secure ? 'tls' : 'tcp'}`];
  return {
    voice: 'sipTrunk',
    trunk: { transferMode, secure, ...(disasterRecoveryUrl !== undefined && { disasterRecoveryUrl }) },
    // Priority, not weight, orders fallbacks; Twilio tries the lowest first.
    originationUrls: uris.map((sipUrl, index) => ({
      friendlyName: markOf(identity, `origination-${index}`),
      sipUrl,
      priority: index + 1,
      weight: 1,
      enabled: true,
    })),
    inbound: {
      name: markOf(identity, 'inbound'),
      numbers: [identity.phoneNumber],
      ...inbound,
      acceptsEncryption: secure,
    },
    rule: { name: markOf(identity, 'rule'), ...dispatch },
    outbound: outbound.enabled ? { addresses: outbound.allowedCidrs.map(addressOf), encrypted: secure } : undefined,
  };
}

function addressOf(cidr: string): DesiredAddress {
  const [ipAddress = cidr, prefix = '32'] = cidr.split('/');
  return { ipAddress, cidrPrefixLength: Number.parseInt(prefix) };
}
