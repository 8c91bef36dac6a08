/**
 * Trunks: Elastic SIP trunks and their origination URLs.
 */
import type { Twilio } from 'twilio';
import type { TrunkSettings, TwilioAccountPort } from '../../reconcilers/shared/telephony.ts';
import { ProviderError } from '../../reconcilers/shared/verdict.ts';
import { type AccountCalls, pageSize } from './account-calls.ts';
import { originationUrlReply, trunkReply } from './replies.ts';
import { checkedSid } from './sid.ts';

type TrunkCalls = Pick<
  TwilioAccountPort,
  | 'listTrunks'
  | 'readTrunk'
  | 'createTrunk'
  | 'updateTrunk'
  | 'renameTrunk'
  | 'deleteTrunk'
  | 'listOriginationUrls'
  | 'createOriginationUrl'
  | 'updateOriginationUrl'
  | 'deleteOriginationUrl'
  | 'probeDeleteRight'
>;

/** What is not named is not sent: it stays as it is. */
function sent({ transferMode, secure, disasterRecoveryUrl }: TrunkSettings) {
  return { transferMode, secure, ...(disasterRecoveryUrl !== undefined && { disasterRecoveryUrl }) };
}

/** Of the right form, so that Twilio looks at the right and not at the form. */
const impossibleTrunk = `TK${'0'.repeat(32)}`;

export function trunkCalls(client: Twilio, calls: AccountCalls): TrunkCalls {
  const { trunks } = client.trunking.v1;
  const trunk = (sid: string) => trunks(checkedSid('TK', sid));
  const urls = (trunkSid: string) => trunk(trunkSid).originationUrls;
  const url = (trunkSid: string, sid: string) => urls(trunkSid)(checkedSid('OU', sid));
  return {
    listTrunks: () => calls.list('list trunks', () => trunks.page({ pageSize }), trunkReply),
    readTrunk: (sid) => calls.read(`read trunk ${sid}`, () => trunk(sid).fetch(), trunkReply),
    createTrunk: ({ friendlyName, domainName, ...settings }) =>
      calls.create(
        `create trunk ${domainName}`,
        () => trunks.create({ friendlyName, domainName, ...sent(settings) }),
        trunkReply,
        (sid) => trunk(sid).remove(),
      ),
    updateTrunk: (sid, settings) =>
      calls.one(`update trunk ${sid}`, () => trunk(sid).update(sent(settings)), trunkReply),
    async renameTrunk(sid, friendlyName) {
      await calls.one(`rename trunk ${sid}`, () => trunk(sid).update({ friendlyName }), trunkReply);
    },
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
    async probeDeleteRight() {
      try {
        await calls.call('delete trunks', () => trunk(impossibleTrunk).remove());
      } catch (error) {
        // Whether Twilio looks at the right or at the trunk first is documented nowhere, and a restricted key may be told
        // something else than 20404. Only a refusal of the credentials says that the right is missing.
        const kind = error instanceof ProviderError ? error.verdict.kind : undefined;
        if (kind !== 'notFound' && kind !== 'refused' && kind !== 'conflict') throw error;
      }
    },
  };
}
