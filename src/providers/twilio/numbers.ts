/**
 * Numbers: the account's incoming phone numbers, where they are routed, and the calls that are under way.
 */
import type { Twilio } from 'twilio';
import type { TwilioAccountPort } from '../../reconcilers/shared/telephony.ts';
import { ProviderError } from '../../reconcilers/shared/verdict.ts';
import { type AccountCalls, pageSize, undefinedIfNotFound } from './account-calls.ts';
import { callReply, numberReply, routeReply, trunkNumberReply } from './replies.ts';
import { checkedSid } from './sid.ts';

type NumberCalls = Pick<
  TwilioAccountPort,
  | 'listNumbers'
  | 'findNumber'
  | 'readNumber'
  | 'findVoiceRegion'
  | 'listTrunkNumbers'
  | 'attachNumber'
  | 'detachNumber'
  | 'updateNumber'
  | 'listCallsUnderWay'
>;

export function numberCalls(client: Twilio, calls: AccountCalls): NumberCalls {
  const numbers = client.incomingPhoneNumbers;
  const onTrunk = (trunkSid: string) => client.trunking.v1.trunks(checkedSid('TK', trunkSid)).phoneNumbers;
  return {
    listNumbers: () => calls.listAsProof('list numbers', () => numbers.page({ pageSize }), numberReply),
    async findNumber(phoneNumber) {
      // Twilio filters by parts of the number, so the answer may hold others.
      const similar = await calls.listAsProof(
        `find number ${phoneNumber}`,
        () => numbers.page({ phoneNumber, pageSize }),
        numberReply,
      );
      return similar.find((number) => number.phoneNumber === phoneNumber);
    },
    readNumber: (sid) => calls.read(`read number ${sid}`, () => numbers(checkedSid('PN', sid)).fetch(), numberReply),
    async findVoiceRegion(phoneNumber) {
      const { phoneNumbers } = client.routes.v2;
      try {
        const send = () => phoneNumbers(phoneNumber).fetch();
        return (await calls.read(`find the region of ${phoneNumber}`, send, routeReply))?.voiceRegion;
      } catch (error) {
        // A restricted key may lack this API alone, and its trouble is not the account's.
        if (error instanceof ProviderError && error.verdict.kind !== 'rateLimited') return undefined;
        throw error;
      }
    },
    async listTrunkNumbers(trunkSid) {
      const listed = await calls.list(
        `list numbers of trunk ${trunkSid}`,
        () => onTrunk(trunkSid).page({ pageSize }),
        trunkNumberReply,
      );
      return listed.map(({ phoneNumber }) => phoneNumber);
    },
    attachNumber: (trunkSid, numberSid) =>
      calls.attach(`attach number ${numberSid} to trunk ${trunkSid}`, {
        send: () => onTrunk(trunkSid).create({ phoneNumberSid: checkedSid('PN', numberSid) }),
        readBack: () => onTrunk(trunkSid)(numberSid).fetch(),
        undo: () => onTrunk(trunkSid)(numberSid).remove(),
      }),
    async updateNumber(numberSid, change) {
      const applications = [change.voiceApplicationSid, change.smsApplicationSid];
      for (const sid of applications) if (sid !== undefined && sid !== '') checkedSid('AP', sid);
      await calls.call(`change the routing of number ${numberSid}`, () =>
        numbers(checkedSid('PN', numberSid)).update(change),
      );
    },
    async listCallsUnderWay() {
      const listed = await Promise.all(
        (['ringing', 'in-progress'] as const).map((status) =>
          calls.list(`list calls that are ${status}`, () => client.calls.page({ status, pageSize }), callReply),
        ),
      );
      return listed.flat();
    },
    async detachNumber(trunkSid, numberSid) {
      // The path names both, so a number that is on another trunk is simply not found.
      await undefinedIfNotFound(
        calls.call(`detach number ${numberSid} from trunk ${trunkSid}`, () =>
          onTrunk(trunkSid)(checkedSid('PN', numberSid)).remove(),
        ),
      );
    },
  };
}
