/**
 * Dump: everything an account holds, as plain JSON for comparing and showing.
 *
 * Guarantees
 * - Stable order: the order in which things were made or attached. No times, so equal dumps mean an equal state.
 * - No password, token or key.
 */

import type { Account } from './world.ts';
import type { IncomingPhoneNumber, NumberSettings, Stored } from './resources.ts';

/** Something attached, by SID and by the name a person knows it by. */
export interface AttachmentDump {
  readonly sid: string;
  readonly name: string;
}

/** A trunk with its children and attachments. */
export interface TrunkDump {
  readonly sid: string;
  readonly friendlyName: string;
  readonly domainName: string | null;
  readonly secure: boolean;
  readonly transferMode: string;
  readonly transferCallerId: string;
  readonly cnamLookupEnabled: boolean;
  readonly disasterRecoveryUrl: string;
  readonly disasterRecoveryMethod: string;
  readonly recording: { readonly mode: string; readonly trim: string };
  readonly originationUrls: readonly {
    readonly sid: string;
    readonly friendlyName: string;
    readonly sipUrl: string;
    readonly priority: number;
    readonly weight: number;
    readonly enabled: boolean;
  }[];
  readonly credentialLists: readonly AttachmentDump[];
  readonly ipAccessControlLists: readonly AttachmentDump[];
  /** `name` is the E.164 number. */
  readonly phoneNumbers: readonly AttachmentDump[];
}

/** A number with its settings; unset is the empty string. */
export interface PhoneNumberDump extends Readonly<NumberSettings> {
  readonly sid: string;
  readonly accountSid: string;
  readonly phoneNumber: string;
  readonly trunkSid: string;
  readonly voiceCallerIdLookup: boolean;
}

/** Everything of one account. */
export interface AccountDump {
  readonly trunks: readonly TrunkDump[];
  readonly credentialLists: readonly {
    readonly sid: string;
    readonly friendlyName: string;
    readonly usernames: readonly string[];
  }[];
  readonly ipAccessControlLists: readonly {
    readonly sid: string;
    readonly friendlyName: string;
    /** Such as "192.0.2.0/24". */
    readonly addresses: readonly string[];
  }[];
  readonly phoneNumbers: readonly PhoneNumberDump[];
}

/** Dumps an account. */
export function dumpAccount(account: Account): AccountDump {
  return {
    trunks: inOrder(account.trunks, (trunk) => ({
      sid: trunk.sid,
      friendlyName: trunk.friendlyName,
      domainName: trunk.domainName,
      secure: trunk.secure,
      transferMode: trunk.transferMode,
      transferCallerId: trunk.transferCallerId,
      cnamLookupEnabled: trunk.cnamLookupEnabled,
      disasterRecoveryUrl: trunk.disasterRecoveryUrl,
      disasterRecoveryMethod: trunk.disasterRecoveryMethod,
      recording: { ...trunk.recording },
      originationUrls: inOrder(trunk.originationUrls, (url) => ({
        sid: url.sid,
        friendlyName: url.friendlyName,
        sipUrl: url.sipUrl,
        priority: url.priority,
        weight: url.weight,
        enabled: url.enabled,
      })),
      credentialLists: named(trunk.credentialLists, (sid) => account.credentialLists.get(sid)?.friendlyName),
      ipAccessControlLists: named(
        trunk.ipAccessControlLists,
        (sid) => account.ipAccessControlLists.get(sid)?.friendlyName,
      ),
      phoneNumbers: named(trunk.phoneNumbers, (sid) => account.phoneNumbers.get(sid)?.phoneNumber),
    })),
    credentialLists: inOrder(account.credentialLists, ({ sid, friendlyName, credentials }) => ({
      sid,
      friendlyName,
      usernames: inOrder(credentials, ({ username }) => username),
    })),
    ipAccessControlLists: inOrder(account.ipAccessControlLists, ({ sid, friendlyName, ipAddresses }) => ({
      sid,
      friendlyName,
      addresses: inOrder(ipAddresses, ({ ipAddress, cidrPrefixLength }) => `${ipAddress}/${cidrPrefixLength}`),
    })),
    phoneNumbers: inOrder(account.phoneNumbers, (number) => dumpPhoneNumber(number, account.sid)),
  };
}

/** Dumps a number. */
export function dumpPhoneNumber(number: IncomingPhoneNumber, accountSid: string): PhoneNumberDump {
  return {
    sid: number.sid,
    accountSid,
    phoneNumber: number.phoneNumber,
    trunkSid: number.trunkSid,
    friendlyName: number.friendlyName,
    voiceUrl: number.voiceUrl,
    voiceMethod: number.voiceMethod,
    voiceFallbackUrl: number.voiceFallbackUrl,
    voiceFallbackMethod: number.voiceFallbackMethod,
    voiceApplicationSid: number.voiceApplicationSid,
    voiceCallerIdLookup: number.voiceCallerIdLookup,
    smsUrl: number.smsUrl,
    smsMethod: number.smsMethod,
    smsFallbackUrl: number.smsFallbackUrl,
    smsFallbackMethod: number.smsFallbackMethod,
    smsApplicationSid: number.smsApplicationSid,
    statusCallback: number.statusCallback,
    statusCallbackMethod: number.statusCallbackMethod,
    voiceReceiveMode: number.voiceReceiveMode,
    emergencyStatus: number.emergencyStatus,
    emergencyAddressSid: number.emergencyAddressSid,
    identitySid: number.identitySid,
    addressSid: number.addressSid,
    bundleSid: number.bundleSid,
    apiVersion: number.apiVersion,
  };
}

/** True if nothing is left to route or to pay for but the numbers: no trunk, no list, and every number unrouted. */
export function isAccountEmpty(account: Account): boolean {
  const lists = account.credentialLists.size + account.ipAccessControlLists.size;
  return account.trunks.size + lists === 0 && [...account.phoneNumbers.values()].every(isUnrouted);
}

/** A new number points at Twilio's demo, which is as good as nowhere. */
function isUnrouted({ trunkSid, voiceApplicationSid, voiceUrl }: IncomingPhoneNumber): boolean {
  return trunkSid === '' && voiceApplicationSid === '' && /^(https?:\/\/demo\.twilio\.com\/.*)?$/.test(voiceUrl);
}

function inOrder<Item extends Stored, Shown>(
  items: ReadonlyMap<string, Item>,
  show: (item: Item) => Shown,
): readonly Shown[] {
  return [...items.values()].toSorted((a, b) => a.sequence - b.sequence).map(show);
}

function named(
  items: ReadonlyMap<string, Stored>,
  nameOf: (sid: string) => string | undefined,
): readonly AttachmentDump[] {
  return inOrder(items, ({ sid }) => ({ sid, name: nameOf(sid) ?? '' }));
}
