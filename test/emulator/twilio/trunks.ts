/**
 * Trunks and their recording settings (twilio.md 2.1, delete rules 3.1).
 */

import type { ApiRequest, Handler } from './request.ts';
import type { Trunk } from './resources.ts';
import { DELETED, find, parentTrunk } from './request.ts';
import { TwilioRefusal } from './refusal.ts';
import { listReply } from './paging.ts';
import { trunkJson } from './trunking-json.ts';
import { claimDomain, refuseWithSubdomains } from './trunk-domain.ts';
import { detachNumber } from './trunk-numbers.ts';

const FRIENDLY_NAME_LENGTH = 64;

/** GET /v1/Trunks: no filter exists. */
export const listTrunks: Handler = (request) =>
  listReply(request, 'trunks', request.account.trunks.values(), (trunk) => trunkJson(trunk, request.account.sid));

/** POST /v1/Trunks: no field is required, not even the domain. */
export const createTrunk: Handler = (request) => {
  const { account, world } = request;
  if (account.trunks.size >= account.limits.trunks) {
    throw new TwilioRefusal(21244, `Maximum number of trunks (${account.limits.trunks}) reached`);
  }
  const changes = readTrunkForm(request, undefined);
  const trunk: Trunk = { ...emptyTrunk(world.newRecord(world.newSid('TK'))), ...changes };
  account.trunks.set(trunk.sid, trunk);
  return { status: 201, body: trunkJson(trunk, account.sid) };
};

/** GET /v1/Trunks/{Sid} */
export const fetchTrunk: Handler = (request) => ({
  status: 200,
  body: trunkJson(find(request, request.account.trunks, 'Sid'), request.account.sid),
});

/** POST /v1/Trunks/{Sid} */
export const updateTrunk: Handler = (request) => {
  const trunk = find(request, request.account.trunks, 'Sid');
  const changes = readTrunkForm(request, trunk);
  if (changes.domainName !== undefined && changes.domainName !== trunk.domainName) refuseWithSubdomains(request, trunk);
  Object.assign(trunk, changes, { updatedAt: request.world.now() });
  return { status: 200, body: trunkJson(trunk, request.account.sid) };
};

/** DELETE /v1/Trunks/{Sid}: numbers are let go, lists stay, origination URLs go with it, the domain is reserved. */
export const deleteTrunk: Handler = (request) => {
  const { account, switches, world } = request;
  const trunk = find(request, account.trunks, 'Sid');
  refuseWithSubdomains(request, trunk);
  const numbers = [...trunk.phoneNumbers.keys()].flatMap((sid) => account.phoneNumbers.get(sid) ?? []);
  if (numbers.some((number) => number.emergencyStatus === 'Active' && number.emergencyAddressSid !== '')) {
    throw new TwilioRefusal(21634, 'Trunk is used for emergency calling');
  }
  const kept = (what: string) => new TwilioRefusal(20409, `Trunk ${trunk.sid} still has ${what}`);
  if (numbers.length > 0 && switches.deleteTrunkWithNumbers === 'refused') throw kept('phone numbers');
  if (trunk.originationUrls.size > 0 && switches.deleteTrunkWithOriginationUrls === 'refused') {
    throw kept('origination URLs');
  }
  const lists = trunk.credentialLists.size + trunk.ipAccessControlLists.size;
  if (lists > 0 && switches.deleteTrunkWithLists === 'refused') throw kept('lists attached');

  for (const number of numbers) detachNumber(trunk, number, world.now());
  account.trunks.delete(trunk.sid);
  if (trunk.domainName !== null) world.reserveDomain(trunk.domainName, account.sid);
  return DELETED;
};

/** GET /v1/Trunks/{TrunkSid}/Recording */
export const fetchRecording: Handler = (request) => ({
  status: 200,
  body: { ...parentTrunk(request).recording },
});

/** POST /v1/Trunks/{TrunkSid}/Recording: the only way to change what a trunk records. */
export const updateRecording: Handler = (request) => {
  const trunk = parentTrunk(request);
  trunk.recording.mode = request.form.text('Mode') ?? trunk.recording.mode;
  trunk.recording.trim = request.form.text('Trim') ?? trunk.recording.trim;
  trunk.updatedAt = request.world.now();
  return { status: 200, body: { ...trunk.recording } };
};

/** A trunk with Twilio's defaults. */
export function emptyTrunk(record: Pick<Trunk, 'sid' | 'sequence' | 'createdAt' | 'updatedAt'>): Trunk {
  return {
    ...record,
    friendlyName: '',
    domainName: null,
    disasterRecoveryUrl: '',
    disasterRecoveryMethod: 'POST',
    transferMode: 'disable-all',
    transferCallerId: 'from-transferee',
    secure: false,
    cnamLookupEnabled: false,
    recording: { mode: 'do-not-record', trim: 'do-not-trim' },
    originationUrls: new Map(),
    credentialLists: new Map(),
    ipAccessControlLists: new Map(),
    phoneNumbers: new Map(),
  };
}

function readTrunkForm(request: ApiRequest, self: Trunk | undefined): Partial<Trunk> {
  const { form, switches } = request;
  const friendlyName = form.text('FriendlyName');
  if (friendlyName !== undefined && friendlyName.length > FRIENDLY_NAME_LENGTH) {
    throw new TwilioRefusal(switches.trunkFriendlyNameCode, 'FriendlyName must be 64 characters or less');
  }
  const disasterRecoveryUrl = form.text('DisasterRecoveryUrl');
  if (
    disasterRecoveryUrl !== undefined &&
    disasterRecoveryUrl !== '' &&
    !/^https?:\/\/\S+$/.test(disasterRecoveryUrl)
  ) {
    throw new TwilioRefusal(switches.invalidParameterCode, 'DisasterRecoveryUrl is not a valid URL');
  }
  const domainName = form.text('DomainName');
  const disasterRecoveryMethod = form.text('DisasterRecoveryMethod');
  const transferMode = form.text('TransferMode');
  const transferCallerId = form.text('TransferCallerId');
  const secure = form.flag('Secure');
  const cnamLookupEnabled = form.flag('CnamLookupEnabled');
  return {
    ...(friendlyName === undefined ? {} : { friendlyName }),
    ...(domainName === undefined ? {} : { domainName: claimDomain(request, domainName, self) }),
    ...(disasterRecoveryUrl === undefined ? {} : { disasterRecoveryUrl }),
    ...(disasterRecoveryMethod === undefined ? {} : { disasterRecoveryMethod }),
    ...(transferMode === undefined ? {} : { transferMode }),
    ...(transferCallerId === undefined ? {} : { transferCallerId }),
    ...(secure === undefined ? {} : { secure }),
    ...(cnamLookupEnabled === undefined ? {} : { cnamLookupEnabled }),
  };
}
