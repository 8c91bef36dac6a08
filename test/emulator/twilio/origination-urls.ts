/**
 * Origination URLs of a trunk: where inbound calls go (twilio.md 2.1; at most ten, 21249).
 */

import type { ApiRequest, Handler } from './request.ts';
import type { OriginationUrl } from './resources.ts';
import { DELETED, find, parentTrunk } from './request.ts';
import { TwilioRefusal } from './refusal.ts';
import { listReply } from './paging.ts';
import { originationUrlJson } from './trunking-json.ts';

const MAX_16_BIT = 65535;

/** GET /v1/Trunks/{TrunkSid}/OriginationUrls */
export const listOriginationUrls: Handler = (request) => {
  const trunk = parentTrunk(request);
  return listReply(request, 'origination_urls', trunk.originationUrls.values(), (item) =>
    originationUrlJson(item, trunk.sid, request.account.sid),
  );
};

/** POST /v1/Trunks/{TrunkSid}/OriginationUrls: all five fields are required. */
export const createOriginationUrl: Handler = (request) => {
  const { account, world } = request;
  const trunk = parentTrunk(request);
  if (trunk.originationUrls.size >= account.limits.originationUrlsPerTrunk) {
    throw new TwilioRefusal(
      21249,
      `Maximum number of origination URIs (${account.limits.originationUrlsPerTrunk}) reached`,
    );
  }
  const changes = readForm(request);
  const item: OriginationUrl = {
    ...world.newRecord(world.newSid('OU')),
    friendlyName: '',
    sipUrl: '',
    weight: 10,
    priority: 10,
    enabled: true,
    ...changes,
  };
  trunk.originationUrls.set(item.sid, item);
  return { status: 201, body: originationUrlJson(item, trunk.sid, account.sid) };
};

/** GET /v1/Trunks/{TrunkSid}/OriginationUrls/{Sid} */
export const fetchOriginationUrl: Handler = (request) => {
  const trunk = parentTrunk(request);
  const item = find(request, trunk.originationUrls, 'Sid');
  return { status: 200, body: originationUrlJson(item, trunk.sid, request.account.sid) };
};

/** POST /v1/Trunks/{TrunkSid}/OriginationUrls/{Sid} */
export const updateOriginationUrl: Handler = (request) => {
  const trunk = parentTrunk(request);
  const item = find(request, trunk.originationUrls, 'Sid');
  Object.assign(item, readForm(request), { updatedAt: request.world.now() });
  return { status: 200, body: originationUrlJson(item, trunk.sid, request.account.sid) };
};

/** DELETE /v1/Trunks/{TrunkSid}/OriginationUrls/{Sid} */
export const deleteOriginationUrl: Handler = (request) => {
  const trunk = parentTrunk(request);
  trunk.originationUrls.delete(find(request, trunk.originationUrls, 'Sid').sid);
  return DELETED;
};

function readForm(request: ApiRequest): Partial<OriginationUrl> {
  const { form, switches } = request;
  const refuse = (message: string): never => {
    throw new TwilioRefusal(switches.invalidParameterCode, message);
  };
  const weight = form.integer('Weight');
  const priority = form.integer('Priority');
  const enabled = form.flag('Enabled');
  const friendlyName = form.text('FriendlyName');
  const sipUrl = form.text('SipUrl');
  if (weight !== undefined && (weight < 1 || weight > MAX_16_BIT)) refuse('Weight must be between 1 and 65535');
  if (priority !== undefined && (priority < 0 || priority > MAX_16_BIT)) refuse('Priority must be between 0 and 65535');
  if (friendlyName !== undefined && friendlyName.length > 64) refuse('FriendlyName must be 64 characters or less');
  // `sips:` is documented as not supported: secure origination is `sip:` with `;transport=tls`.
  if (sipUrl !== undefined && !/^sip:[^\s]+$/i.test(sipUrl)) refuse('SipUrl must be a sip: URI');
  return {
    ...(weight === undefined ? {} : { weight }),
    ...(priority === undefined ? {} : { priority }),
    ...(enabled === undefined ? {} : { enabled }),
    ...(friendlyName === undefined ? {} : { friendlyName }),
    ...(sipUrl === undefined ? {} : { sipUrl }),
  };
}
