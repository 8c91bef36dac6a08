/**
 * Credential lists: user names and passwords for outbound calls, and the trunks that ask for them.
 */
import type { Twilio } from 'twilio';
import type { TwilioPort } from '../../reconcilers/shared/telephony.ts';
import { type AccountCalls, pageSize } from './account-calls.ts';
import { credentialReply, namedListReply } from './replies.ts';
import { checkedSid } from './sid.ts';

type CredentialListCalls = Pick<
  TwilioPort,
  | 'listCredentialLists'
  | 'readCredentialList'
  | 'createCredentialList'
  | 'renameCredentialList'
  | 'deleteCredentialList'
  | 'listCredentials'
  | 'createCredential'
  | 'deleteCredential'
  | 'listTrunkCredentialLists'
  | 'attachCredentialList'
  | 'detachCredentialList'
>;

/** A name that exists, among other mistakes. */
const nameTakenCode = '21240';

export function credentialListCalls(client: Twilio, calls: AccountCalls): CredentialListCalls {
  const lists = client.sip.credentialLists;
  const list = (sid: string) => lists(checkedSid('CL', sid));
  const credential = (listSid: string, sid: string) => list(listSid).credentials(checkedSid('CR', sid));
  const onTrunk = (trunkSid: string) => client.trunking.v1.trunks(checkedSid('TK', trunkSid)).credentialsLists;
  const listCredentialLists = () => calls.list('list credential lists', () => lists.page({ pageSize }), namedListReply);
  return {
    listCredentialLists,
    readCredentialList: (sid) => calls.read(`read credential list ${sid}`, () => list(sid).fetch(), namedListReply),
    createCredentialList: (friendlyName) =>
      calls.createOrAdopt(
        nameTakenCode,
        () =>
          calls.create(
            `create credential list ${friendlyName}`,
            () => lists.create({ friendlyName }),
            namedListReply,
            (sid) => list(sid).remove(),
          ),
        async () => (await listCredentialLists()).find((existing) => existing.friendlyName === friendlyName),
      ),
    async renameCredentialList(sid, friendlyName) {
      await calls.one(`rename credential list ${sid}`, () => list(sid).update({ friendlyName }), namedListReply);
    },
    async deleteCredentialList(sid) {
      await calls.call(`delete credential list ${sid}`, () => list(sid).remove());
    },
    listCredentials: (listSid) =>
      calls.list(
        `list credentials of credential list ${listSid}`,
        () => list(listSid).credentials.page({ pageSize }),
        credentialReply,
      ),
    // Never adopted: the password of one that exists is unknown.
    createCredential: (listSid, { username, password }) =>
      calls.create(
        `create credential ${username} in credential list ${listSid}`,
        () => list(listSid).credentials.create({ username, password }),
        credentialReply,
        (sid) => credential(listSid, sid).remove(),
        [password],
      ),
    async deleteCredential(listSid, sid) {
      await calls.call(`delete credential ${sid}`, () => credential(listSid, sid).remove());
    },
    listTrunkCredentialLists: (trunkSid) =>
      calls.list(
        `list credential lists of trunk ${trunkSid}`,
        () => onTrunk(trunkSid).page({ pageSize }),
        namedListReply,
      ),
    attachCredentialList: (trunkSid, listSid) =>
      calls.attach(`attach credential list ${listSid} to trunk ${trunkSid}`, {
        send: () => onTrunk(trunkSid).create({ credentialListSid: checkedSid('CL', listSid) }),
        readBack: () => onTrunk(trunkSid)(listSid).fetch(),
        undo: () => onTrunk(trunkSid)(listSid).remove(),
      }),
    async detachCredentialList(trunkSid, listSid) {
      await calls.call(`detach credential list ${listSid} from trunk ${trunkSid}`, () =>
        onTrunk(trunkSid)(checkedSid('CL', listSid)).remove(),
      );
    },
  };
}
