/**
 * IP access control lists: the addresses from which a trunk takes outbound calls.
 */
import type { Twilio } from 'twilio';
import type { TwilioPort } from '../../reconcilers/shared/telephony.ts';
import { type AccountCalls, pageSize } from './account-calls.ts';
import { ipAddressReply, namedListReply } from './replies.ts';
import { checkedSid } from './sid.ts';

type IpAccessControlListCalls = Pick<
  TwilioPort,
  | 'listIpAccessControlLists'
  | 'readIpAccessControlList'
  | 'createIpAccessControlList'
  | 'renameIpAccessControlList'
  | 'deleteIpAccessControlList'
  | 'listIpAddresses'
  | 'createIpAddress'
  | 'deleteIpAddress'
  | 'listTrunkIpAccessControlLists'
  | 'attachIpAccessControlList'
  | 'detachIpAccessControlList'
>;

/** A name or an address that exists, among other mistakes. */
const takenCode = '21235';

export function ipAccessControlListCalls(client: Twilio, calls: AccountCalls): IpAccessControlListCalls {
  const lists = client.sip.ipAccessControlLists;
  const list = (sid: string) => lists(checkedSid('AL', sid));
  const address = (listSid: string, sid: string) => list(listSid).ipAddresses(checkedSid('IP', sid));
  const onTrunk = (trunkSid: string) => client.trunking.v1.trunks(checkedSid('TK', trunkSid)).ipAccessControlLists;
  const listIpAccessControlLists = () =>
    calls.list('list IP access control lists', () => lists.page({ pageSize }), namedListReply);
  const listIpAddresses = (listSid: string) =>
    calls.list(
      `list addresses of IP access control list ${listSid}`,
      () => list(listSid).ipAddresses.page({ pageSize }),
      ipAddressReply,
    );
  return {
    listIpAccessControlLists,
    readIpAccessControlList: (sid) =>
      calls.read(`read IP access control list ${sid}`, () => list(sid).fetch(), namedListReply),
    createIpAccessControlList: (friendlyName) =>
      calls.createOrAdopt(
        takenCode,
        () =>
          calls.create(
            `create IP access control list ${friendlyName}`,
            () => lists.create({ friendlyName }),
            namedListReply,
            (sid) => list(sid).remove(),
          ),
        async () => (await listIpAccessControlLists()).find((existing) => existing.friendlyName === friendlyName),
      ),
    async renameIpAccessControlList(sid, friendlyName) {
      const action = `rename IP access control list ${sid}`;
      await calls.one(action, () => list(sid).update({ friendlyName }), namedListReply);
    },
    async deleteIpAccessControlList(sid) {
      await calls.call(`delete IP access control list ${sid}`, () => list(sid).remove());
    },
    listIpAddresses,
    createIpAddress: (listSid, { friendlyName, ipAddress, cidrPrefixLength }) =>
      calls.createOrAdopt(
        takenCode,
        () =>
          calls.create(
            `create address ${ipAddress}/${cidrPrefixLength} in IP access control list ${listSid}`,
            () => list(listSid).ipAddresses.create({ friendlyName, ipAddress, cidrPrefixLength }),
            ipAddressReply,
            (sid) => address(listSid, sid).remove(),
          ),
        async () =>
          (await listIpAddresses(listSid)).find(
            (existing) =>
              existing.friendlyName === friendlyName &&
              existing.ipAddress === ipAddress &&
              existing.cidrPrefixLength === cidrPrefixLength,
          ),
      ),
    async deleteIpAddress(listSid, sid) {
      await calls.call(`delete address ${sid} of IP access control list ${listSid}`, () =>
        address(listSid, sid).remove(),
      );
    },
    listTrunkIpAccessControlLists: (trunkSid) =>
      calls.list(
        `list IP access control lists of trunk ${trunkSid}`,
        () => onTrunk(trunkSid).page({ pageSize }),
        namedListReply,
      ),
    attachIpAccessControlList: (trunkSid, listSid) =>
      calls.attach(`attach IP access control list ${listSid} to trunk ${trunkSid}`, {
        send: () => onTrunk(trunkSid).create({ ipAccessControlListSid: checkedSid('AL', listSid) }),
        readBack: () => onTrunk(trunkSid)(listSid).fetch(),
        undo: () => onTrunk(trunkSid)(listSid).remove(),
      }),
    async detachIpAccessControlList(trunkSid, listSid) {
      await calls.call(`detach IP access control list ${listSid} from trunk ${trunkSid}`, () =>
        onTrunk(trunkSid)(checkedSid('AL', listSid)).remove(),
      );
    },
  };
}
