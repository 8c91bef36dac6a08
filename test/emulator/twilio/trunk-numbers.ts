/**
 * Numbers on a trunk: the same fact as `trunk_sid` of the number, seen from the other side.
 *
 * Guarantees
 * - `attachNumber` and `detachNumber` are the only places that change which trunk a number is on, so both views agree.
 */

import type { Handler } from './request.ts';
import type { IncomingPhoneNumber, Trunk } from './resources.ts';
import type { Account, World } from './world.ts';
import { DELETED, find, parentTrunk } from './request.ts';
import { TwilioRefusal, notFound } from './refusal.ts';
import { listReply } from './paging.ts';
import { trunkNumberJson } from './trunking-json.ts';

/** Puts a number on a trunk, takes it off another one, and drops its voice application. */
export function attachNumber(world: World, account: Account, trunk: Trunk, number: IncomingPhoneNumber): void {
  const previous = account.trunks.get(number.trunkSid);
  if (previous !== undefined && previous !== trunk) detachNumber(previous, number, world.now());
  if (!trunk.phoneNumbers.has(number.sid)) trunk.phoneNumbers.set(number.sid, world.newRecord(number.sid));
  number.trunkSid = trunk.sid;
  // "Setting a trunk_sid will automatically delete your voice_application_sid and vice versa."
  number.voiceApplicationSid = '';
  number.updatedAt = world.now();
}

/** Takes a number off a trunk; the number itself stays. */
export function detachNumber(trunk: Trunk, number: IncomingPhoneNumber, now: number): void {
  trunk.phoneNumbers.delete(number.sid);
  number.trunkSid = '';
  number.updatedAt = now;
}

/** GET /v1/Trunks/{TrunkSid}/PhoneNumbers */
export const listTrunkNumbers: Handler = (request) => {
  const { account, switches } = request;
  const trunk = parentTrunk(request);
  return listReply(request, 'phone_numbers', trunk.phoneNumbers.values(), (attachment) => {
    const number = account.phoneNumbers.get(attachment.sid);
    return number === undefined ? {} : trunkNumberJson(number, account.sid, switches);
  });
};

/** POST /v1/Trunks/{TrunkSid}/PhoneNumbers */
export const attachTrunkNumber: Handler = (request) => {
  const { account, switches, world } = request;
  const trunk = parentTrunk(request);
  const sid = request.form.text('PhoneNumberSid') ?? '';
  const number = account.phoneNumbers.get(sid);
  if (number === undefined) throw notFound(`/PhoneNumbers/${sid}`);
  const taken = (where: string) => new TwilioRefusal(21245, `Phone number ${sid} is already on ${where} trunk`);
  if (number.trunkSid === trunk.sid && switches.attachNumberTwice === 'refused') throw taken('this');
  if (number.trunkSid !== '' && number.trunkSid !== trunk.sid && switches.attachNumberOfAnotherTrunk === 'refused') {
    throw taken('another');
  }
  attachNumber(world, account, trunk, number);
  return { status: 201, body: trunkNumberJson(number, account.sid, switches) };
};

/** GET /v1/Trunks/{TrunkSid}/PhoneNumbers/{Sid} */
export const fetchTrunkNumber: Handler = (request) => {
  const { account, switches } = request;
  const trunk = parentTrunk(request);
  const number = account.phoneNumbers.get(find(request, trunk.phoneNumbers, 'Sid').sid);
  if (number === undefined) throw notFound(request.path);
  return { status: 200, body: trunkNumberJson(number, account.sid, switches) };
};

/** DELETE /v1/Trunks/{TrunkSid}/PhoneNumbers/{Sid} */
export const detachTrunkNumber: Handler = (request) => {
  const trunk = parentTrunk(request);
  const number = request.account.phoneNumbers.get(find(request, trunk.phoneNumbers, 'Sid').sid);
  if (number === undefined) throw notFound(request.path);
  detachNumber(trunk, number, request.world.now());
  return DELETED;
};
