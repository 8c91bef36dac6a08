/**
 * Trunks: Elastic SIP trunks and their origination URLs.
 */
import type { Twilio } from 'twilio';
import type { TwilioPort } from '../../reconcilers/shared/telephony.ts';
import { type AccountCalls, pageSize } from './account-calls.ts';
import { originationUrlReply, trunkReply } from './replies.ts';
import { checkedSid } from './sid.ts';

type TrunkCalls = Pick<
  TwilioPort,
  | 'listTrunks'
  | 'readTrunk'
  | 'createTrunk'
  | 'updateTrunk'
  | 'deleteTrunk'
  | 'listOriginationUrls'
  | 'createOriginationUrl'
  | 'updateOriginationUrl'
  | 'deleteOriginationUrl'
>;

export function trunkCalls(client: Twilio, calls: AccountCalls): TrunkCalls {
  const { trunks } = client.trunking.v1;
  const trunk = (sid: string) => trunks(checkedSid('TK', sid));
  const urls = (trunkSid: string) => trunk(trunkSid).originationUrls;
  const url = (trunkSid: string, sid: string) => urls(trunkSid)(checkedSid('OU', sid));
  return {
    listTrunks: () => calls.list('list trunks', () => trunks.page({ pageSize }), trunkReply),
    readTrunk: (sid) => calls.read(`read trunk ${sid}`, () => trunk(sid).fetch(), trunkReply),
    createTrunk: ({ friendlyName, domainName, transferMode }) =>
      calls.create(
        `create trunk ${domainName}`,
        () => trunks.create({ friendlyName, domainName, transferMode }),
        trunkReply,
        (sid) => trunk(sid).remove(),
      ),
    updateTrunk: (sid, { transferMode }) =>
      calls.one(`update trunk ${sid}`, () => trunk(sid).update({ transferMode }), trunkReply),
    async deleteTrunk(sid) {
      await calls.call(`delete trunk ${sid}`, () => trunk(sid).remove());
    },
    listOriginationUrls: (trunkSid) =>
      calls.list(
        `list origination URLs of trunk ${trunkSid}`,
        () => urls(trunkSid).page({ pageSize }),
        originationUrlReply,
      ),
    createOriginationUrl: (trunkSid, { friendlyName, sipUrl, priority, weight, enabled }) =>
      calls.create(
        `create origination URL ${sipUrl} on trunk ${trunkSid}`,
        () => urls(trunkSid).create({ friendlyName, sipUrl, priority, weight, enabled }),
        originationUrlReply,
        (sid) => url(trunkSid, sid).remove(),
      ),
    updateOriginationUrl: (trunkSid, sid, { friendlyName, sipUrl, priority, weight, enabled }) =>
      calls.one(
        `update origination URL ${sid}`,
        () => url(trunkSid, sid).update({ friendlyName, sipUrl, priority, weight, enabled }),
        originationUrlReply,
      ),
    async deleteOriginationUrl(trunkSid, sid) {
      await calls.call(`delete origination URL ${sid}`, () => url(trunkSid, sid).remove());
    },
  };
}
