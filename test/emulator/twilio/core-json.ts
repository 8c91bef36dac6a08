/**
 * The JSON of api.twilio.com/2010-04-01: snake_case, RFC-2822 dates, relative URIs.
 */

import type { TwilioSwitches } from './switches.ts';
import type {
  Call,
  Credential,
  CredentialList,
  IncomingPhoneNumber,
  IpAccessControlList,
  IpAddress,
  Stored,
} from './resources.ts';

function rfc2822(time: number): string {
  return new Date(time).toUTCString().replace('GMT', '+0000');
}

function dates(record: Stored): object {
  return { date_created: rfc2822(record.createdAt), date_updated: rfc2822(record.updatedAt) };
}

function accountUri(accountSid: string): string {
  return `/2010-04-01/Accounts/${accountSid}`;
}

/** A credential list. */
export function credentialListJson(list: CredentialList, accountSid: string): object {
  const uri = `${accountUri(accountSid)}/SIP/CredentialLists/${list.sid}`;
  return {
    sid: list.sid,
    account_sid: accountSid,
    friendly_name: list.friendlyName,
    ...dates(list),
    subresource_uris: { credentials: `${uri}/Credentials.json` },
    uri: `${uri}.json`,
  };
}

/** A credential: Twilio never returns the password. */
export function credentialJson(credential: Credential, listSid: string, accountSid: string): object {
  return {
    sid: credential.sid,
    account_sid: accountSid,
    credential_list_sid: listSid,
    username: credential.username,
    ...dates(credential),
    uri: `${accountUri(accountSid)}/SIP/CredentialLists/${listSid}/Credentials/${credential.sid}.json`,
  };
}

/** An IP access control list. */
export function ipAccessControlListJson(list: IpAccessControlList, accountSid: string): object {
  const uri = `${accountUri(accountSid)}/SIP/IpAccessControlLists/${list.sid}`;
  return {
    sid: list.sid,
    account_sid: accountSid,
    friendly_name: list.friendlyName,
    ...dates(list),
    subresource_uris: { ip_addresses: `${uri}/IpAddresses.json` },
    uri: `${uri}.json`,
  };
}

/** An address of an IP access control list. */
export function ipAddressJson(address: IpAddress, listSid: string, accountSid: string): object {
  return {
    sid: address.sid,
    account_sid: accountSid,
    friendly_name: address.friendlyName,
    ip_address: address.ipAddress,
    cidr_prefix_length: address.cidrPrefixLength,
    ip_access_control_list_sid: listSid,
    ...dates(address),
    uri: `${accountUri(accountSid)}/SIP/IpAccessControlLists/${listSid}/IpAddresses/${address.sid}.json`,
  };
}

/**
 * The routing settings both families show. An unset value comes back as the empty string or as null, without a rule
 * that the examples would follow, so the mixture is a switch.
 */
export function smsAndVoiceJson(number: IncomingPhoneNumber, switches: TwilioSwitches): object {
  const show = (value: string, inExamples: '' | null): string | null => {
    if (value !== '') return value;
    if (switches.unsetValues === 'asExamples') return inExamples;
    return switches.unsetValues === 'null' ? null : '';
  };
  return {
    voice_url: show(number.voiceUrl, null),
    voice_method: number.voiceMethod,
    voice_fallback_url: show(number.voiceFallbackUrl, null),
    voice_fallback_method: number.voiceFallbackMethod,
    voice_caller_id_lookup: number.voiceCallerIdLookup,
    voice_application_sid: show(number.voiceApplicationSid, ''),
    sms_url: show(number.smsUrl, ''),
    sms_method: number.smsMethod,
    sms_fallback_url: show(number.smsFallbackUrl, ''),
    sms_fallback_method: number.smsFallbackMethod,
    sms_application_sid: show(number.smsApplicationSid, ''),
    status_callback: show(number.statusCallback, ''),
    status_callback_method: number.statusCallbackMethod,
  };
}

function orNull(value: string): string | null {
  return value === '' ? null : value;
}

/** A number of the account. */
export function incomingPhoneNumberJson(
  number: IncomingPhoneNumber,
  accountSid: string,
  switches: TwilioSwitches,
): object {
  return {
    sid: number.sid,
    account_sid: accountSid,
    friendly_name: number.friendlyName,
    phone_number: number.phoneNumber,
    ...smsAndVoiceJson(number, switches),
    voice_receive_mode: number.voiceReceiveMode,
    trunk_sid: orNull(number.trunkSid),
    address_sid: orNull(number.addressSid),
    address_requirements: 'none',
    api_version: number.apiVersion,
    beta: number.beta,
    capabilities: { ...number.capabilities },
    ...dates(number),
    identity_sid: orNull(number.identitySid),
    origin: number.origin,
    status: 'in-use',
    type: number.type,
    emergency_status: number.emergencyStatus,
    emergency_address_sid: orNull(number.emergencyAddressSid),
    emergency_address_status: number.emergencyAddressSid === '' ? 'unregistered' : 'registered',
    bundle_sid: orNull(number.bundleSid),
    uri: `${accountUri(accountSid)}/IncomingPhoneNumbers/${number.sid}.json`,
  };
}

/** A call. The specification says that `trunk_sid` is empty until the call has ended, so for live calls it is a switch. */
export function callJson(call: Call, accountSid: string, switches: TwilioSwitches): object {
  const uri = `${accountUri(accountSid)}/Calls/${call.sid}`;
  const ended = call.endedAt !== null;
  const subresources = ['notifications', 'recordings', 'payments', 'events', 'siprec', 'streams', 'transcriptions'];
  return {
    sid: call.sid,
    account_sid: accountSid,
    ...dates(call),
    parent_call_sid: null,
    to: call.to,
    to_formatted: call.to,
    from: call.from,
    from_formatted: call.from,
    phone_number_sid: call.phoneNumberSid,
    status: call.status,
    start_time: rfc2822(call.createdAt),
    end_time: call.endedAt === null ? null : rfc2822(call.endedAt),
    duration: call.endedAt === null ? null : String(Math.round((call.endedAt - call.createdAt) / 1000)),
    price: null,
    price_unit: 'USD',
    direction: call.direction,
    answered_by: null,
    api_version: '2010-04-01',
    forwarded_from: null,
    group_sid: null,
    caller_name: null,
    queue_time: '0',
    trunk_sid: ended || switches.liveCallTrunkSid === 'set' ? call.trunkSid : null,
    uri: `${uri}.json`,
    subresource_uris: Object.fromEntries(
      subresources.map((name) => [name, `${uri}/${name.charAt(0).toUpperCase()}${name.slice(1)}.json`]),
    ),
  };
}
