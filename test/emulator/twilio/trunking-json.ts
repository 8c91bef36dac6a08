/**
 * The JSON of trunking.twilio.com and routes.twilio.com: snake_case, ISO-8601 dates, absolute URLs of the real hosts.
 */

import type { TwilioSwitches } from './switches.ts';
import type { IncomingPhoneNumber, OriginationUrl, Stored, Trunk } from './resources.ts';
import { smsAndVoiceJson } from './core-json.ts';

const TRUNKS_URL = 'https://trunking.twilio.com/v1/Trunks';

function isoDate(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

function dates(record: Stored): object {
  return { date_created: isoDate(record.createdAt), date_updated: isoDate(record.updatedAt) };
}

/** A trunk; `auth_type` follows from what is attached, and empty means that it takes no termination traffic. */
export function trunkJson(trunk: Trunk, accountSid: string): object {
  const url = `${TRUNKS_URL}/${trunk.sid}`;
  const authTypes = [
    ...(trunk.ipAccessControlLists.size > 0 ? ['IP_ACL'] : []),
    ...(trunk.credentialLists.size > 0 ? ['CREDENTIAL_LIST'] : []),
  ];
  return {
    sid: trunk.sid,
    account_sid: accountSid,
    domain_name: trunk.domainName,
    disaster_recovery_method: trunk.disasterRecoveryMethod,
    disaster_recovery_url: trunk.disasterRecoveryUrl === '' ? null : trunk.disasterRecoveryUrl,
    friendly_name: trunk.friendlyName,
    secure: trunk.secure,
    cnam_lookup_enabled: trunk.cnamLookupEnabled,
    symmetric_rtp_enabled: false,
    recording: { ...trunk.recording },
    transfer_mode: trunk.transferMode,
    transfer_caller_id: trunk.transferCallerId,
    auth_type: authTypes.join(','),
    auth_type_set: authTypes,
    ...dates(trunk),
    url,
    links: {
      origination_urls: `${url}/OriginationUrls`,
      credential_lists: `${url}/CredentialLists`,
      ip_access_control_lists: `${url}/IpAccessControlLists`,
      phone_numbers: `${url}/PhoneNumbers`,
    },
  };
}

/** An origination URL of a trunk. */
export function originationUrlJson(item: OriginationUrl, trunkSid: string, accountSid: string): object {
  return {
    sid: item.sid,
    account_sid: accountSid,
    trunk_sid: trunkSid,
    weight: item.weight,
    priority: item.priority,
    enabled: item.enabled,
    sip_url: item.sipUrl,
    friendly_name: item.friendlyName,
    ...dates(item),
    url: `${TRUNKS_URL}/${trunkSid}/OriginationUrls/${item.sid}`,
  };
}

/** A credential list or IP access control list, as the trunk shows it. */
export function attachedListJson(
  attachment: Stored,
  friendlyName: string,
  collection: 'CredentialLists' | 'IpAccessControlLists',
  trunkSid: string,
  accountSid: string,
): object {
  return {
    sid: attachment.sid,
    account_sid: accountSid,
    trunk_sid: trunkSid,
    friendly_name: friendlyName,
    ...dates(attachment),
    url: `${TRUNKS_URL}/${trunkSid}/${collection}/${attachment.sid}`,
  };
}

/** A number, as its trunk shows it. */
export function trunkNumberJson(number: IncomingPhoneNumber, accountSid: string, switches: TwilioSwitches): object {
  return {
    sid: number.sid,
    account_sid: accountSid,
    trunk_sid: number.trunkSid,
    phone_number: number.phoneNumber,
    friendly_name: number.friendlyName,
    api_version: number.apiVersion,
    beta: number.beta,
    address_requirements: 'none',
    capabilities: { voice: number.capabilities.voice, sms: number.capabilities.sms, mms: number.capabilities.mms },
    ...smsAndVoiceJson(number, switches),
    ...dates(number),
    url: `${TRUNKS_URL}/${number.trunkSid}/PhoneNumbers/${number.sid}`,
    links: {
      phone_number: `https://api.twilio.com/2010-04-01/Accounts/${accountSid}/IncomingPhoneNumbers/${number.sid}`,
    },
  };
}

/** The inbound region of a number, as routes.twilio.com shows it. */
export function routeJson(number: IncomingPhoneNumber, accountSid: string): object {
  return {
    phone_number: number.phoneNumber,
    url: `https://routes.twilio.com/v2/PhoneNumbers/${number.phoneNumber}`,
    sid: number.routeSid,
    account_sid: accountSid,
    friendly_name: number.friendlyName,
    voice_region: number.voiceRegion ?? 'us1',
    ...dates(number),
  };
}
