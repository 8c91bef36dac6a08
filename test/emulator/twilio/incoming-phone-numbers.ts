/**
 * Incoming phone numbers: list, fetch, update, release (twilio.md 2.2), and their inbound region (routes v2).
 *
 * Buying a number is left out on purpose: the operator never does it, so a request for it is a violation.
 */

import type { ApiRequest, Handler } from './request.ts';
import type { IncomingPhoneNumber, NumberSettings } from './resources.ts';
import type { Account } from './world.ts';
import { DELETED, find, param } from './request.ts';
import { TwilioRefusal, notFound } from './refusal.ts';
import { attachNumber, detachNumber } from './trunk-numbers.ts';
import { incomingPhoneNumberJson } from './core-json.ts';
import { listReply } from './paging.ts';
import { routeJson } from './trunking-json.ts';

const TEXT_FIELDS: Readonly<Record<keyof NumberSettings, string>> = {
  friendlyName: 'FriendlyName',
  voiceUrl: 'VoiceUrl',
  voiceMethod: 'VoiceMethod',
  voiceFallbackUrl: 'VoiceFallbackUrl',
  voiceFallbackMethod: 'VoiceFallbackMethod',
  voiceApplicationSid: 'VoiceApplicationSid',
  smsUrl: 'SmsUrl',
  smsMethod: 'SmsMethod',
  smsFallbackUrl: 'SmsFallbackUrl',
  smsFallbackMethod: 'SmsFallbackMethod',
  smsApplicationSid: 'SmsApplicationSid',
  statusCallback: 'StatusCallback',
  statusCallbackMethod: 'StatusCallbackMethod',
  voiceReceiveMode: 'VoiceReceiveMode',
  emergencyStatus: 'EmergencyStatus',
  emergencyAddressSid: 'EmergencyAddressSid',
  identitySid: 'IdentitySid',
  addressSid: 'AddressSid',
  bundleSid: 'BundleSid',
  apiVersion: 'ApiVersion',
};

const URL_FIELDS = ['VoiceUrl', 'VoiceFallbackUrl', 'SmsUrl', 'SmsFallbackUrl', 'StatusCallback'];

/** GET /IncomingPhoneNumbers.json: the PhoneNumber filter is a partial match, `*` stands for any digit. */
export const listIncomingPhoneNumbers: Handler = (request) => {
  const { account, query, switches } = request;
  const wanted = query.get('PhoneNumber');
  const pattern = wanted === null ? undefined : partialMatch(wanted);
  const friendlyName = query.get('FriendlyName');
  const beta = query.get('Beta');
  const origin = query.get('Origin');
  const matching = [...account.phoneNumbers.values()].filter(
    (number) =>
      (pattern === undefined || pattern.test(number.phoneNumber)) &&
      (friendlyName === null || number.friendlyName === friendlyName) &&
      (beta === null || String(number.beta) === beta) &&
      (origin === null || number.origin === origin),
  );
  return listReply(request, 'incoming_phone_numbers', matching, (number) =>
    incomingPhoneNumberJson(number, account.sid, switches),
  );
};

/** GET /IncomingPhoneNumbers/{Sid}.json */
export const fetchIncomingPhoneNumber: Handler = (request) => ({
  status: 200,
  body: incomingPhoneNumberJson(
    find(request, request.account.phoneNumbers, 'Sid'),
    request.account.sid,
    request.switches,
  ),
});

/** POST /IncomingPhoneNumbers/{Sid}.json: checks everything first, so that a refusal changes nothing. */
export const updateIncomingPhoneNumber: Handler = (request) => {
  const { account, form, switches, world } = request;
  const number = find(request, account.phoneNumbers, 'Sid');
  refuseBadUrls(request, number);
  const target = moveTarget(request);
  const trunkSid = form.text('TrunkSid');
  const trunk = trunkSid === undefined || trunkSid === '' ? undefined : target.trunks.get(trunkSid);
  if (trunkSid === '' && switches.emptyTrunkSid === 'refused') {
    throw new TwilioRefusal(switches.invalidParameterCode, 'TrunkSid is not a valid SID');
  }
  if (trunkSid !== undefined && trunkSid !== '' && trunk === undefined) throw notFound(`/v1/Trunks/${trunkSid}`);

  for (const [key, field] of Object.entries(TEXT_FIELDS) as [keyof NumberSettings, string][]) {
    number[key] = form.text(field) ?? number[key];
  }
  number.voiceCallerIdLookup = form.flag('VoiceCallerIdLookup') ?? number.voiceCallerIdLookup;
  const current = account.trunks.get(number.trunkSid);
  const leavesTrunk =
    trunkSid === '' ||
    target !== account ||
    (form.text('VoiceApplicationSid') ?? '') !== '' ||
    ((form.text('VoiceUrl') ?? '') !== '' && switches.voiceUrlOnTrunkedNumber === 'clearsTrunk');
  if (trunk !== undefined) attachNumber(world, account, trunk, number);
  else if (current !== undefined && leavesTrunk) detachNumber(current, number, world.now());
  if (target !== account) {
    account.phoneNumbers.delete(number.sid);
    target.phoneNumbers.set(number.sid, number);
  }
  number.updatedAt = world.now();
  return { status: 200, body: incomingPhoneNumberJson(number, target.sid, switches) };
};

/** DELETE /IncomingPhoneNumbers/{Sid}.json releases the number for good. */
export const releaseIncomingPhoneNumber: Handler = (request) => {
  const { account, switches, world } = request;
  const number = find(request, account.phoneNumbers, 'Sid');
  const trunk = account.trunks.get(number.trunkSid);
  if (trunk !== undefined && switches.releaseNumberOnTrunk === 'refused') {
    throw new TwilioRefusal(20409, `Phone number ${number.sid} is on trunk ${trunk.sid}`);
  }
  if (trunk !== undefined) detachNumber(trunk, number, world.now());
  account.phoneNumbers.delete(number.sid);
  return DELETED;
};

/** GET /v2/PhoneNumbers/{PhoneNumber}: a number whose region nobody ever set is us1 or unknown, which is a switch. */
export const fetchRoute: Handler = (request) => {
  const wanted = param(request, 'PhoneNumber');
  const number = [...request.account.phoneNumbers.values()].find((item) => item.phoneNumber === wanted);
  if (number === undefined) throw notFound(request.path);
  if (number.voiceRegion === undefined && request.switches.routesWithoutRegion === 'notFound') {
    throw notFound(request.path);
  }
  return { status: 200, body: routeJson(number, request.account.sid) };
};

function partialMatch(filter: string): RegExp {
  return new RegExp(filter.replaceAll(/[^0-9*]/g, String.raw`\$&`).replaceAll('*', '[0-9]'));
}

function refuseBadUrls(request: ApiRequest, number: IncomingPhoneNumber): void {
  const { form } = request;
  for (const field of URL_FIELDS) {
    const url = form.text(field) ?? '';
    if (url !== '' && !/^https?:\/\/[^\s/]+\S*$/i.test(url)) throw new TwilioRefusal(21402, `${field} is not valid`);
  }
  const voiceUrl = form.text('VoiceUrl') ?? number.voiceUrl;
  const smsUrl = form.text('SmsUrl') ?? number.smsUrl;
  if ((form.text('VoiceFallbackUrl') ?? '') !== '' && voiceUrl === '') {
    throw new TwilioRefusal(21405, 'VoiceFallbackUrl needs a VoiceUrl');
  }
  if ((form.text('SmsFallbackUrl') ?? '') !== '' && smsUrl === '') {
    throw new TwilioRefusal(21406, 'SmsFallbackUrl needs an SmsUrl');
  }
}

/** The account a number is moved to: only between an account and its own parent or child. */
function moveTarget(request: ApiRequest): Account {
  const { account, world } = request;
  const sid = request.form.text('AccountSid') ?? account.sid;
  const target = world.accounts.get(sid);
  const related =
    target === account || target?.parentSid === account.sid || (target !== undefined && account.parentSid === sid);
  if (target === undefined || !related) throw new TwilioRefusal(20403, `Account ${sid} is not accessible`);
  return target;
}
