/**
 * Credential lists and IP access control lists attached to a trunk. A second attach is 21245; detaching keeps the list.
 */

import type { Account } from './world.ts';
import type { ApiRequest, Handler } from './request.ts';
import type { Stored, Trunk } from './resources.ts';
import { DELETED, find, parentTrunk } from './request.ts';
import { TwilioRefusal, notFound } from './refusal.ts';
import { attachedListJson } from './trunking-json.ts';
import { listReply } from './paging.ts';

interface Kind {
  readonly collection: 'CredentialLists' | 'IpAccessControlLists';
  readonly key: string;
  readonly field: string;
  readonly attached: (trunk: Trunk) => Map<string, Stored>;
  readonly lists: (account: Account) => ReadonlyMap<string, { readonly friendlyName: string }>;
}

const CREDENTIAL_LISTS: Kind = {
  collection: 'CredentialLists',
  key: 'credential_lists',
  field: 'CredentialListSid',
  attached: (trunk) => trunk.credentialLists,
  lists: (account) => account.credentialLists,
};

const IP_ACCESS_CONTROL_LISTS: Kind = {
  collection: 'IpAccessControlLists',
  key: 'ip_access_control_lists',
  field: 'IpAccessControlListSid',
  attached: (trunk) => trunk.ipAccessControlLists,
  lists: (account) => account.ipAccessControlLists,
};

/** The four operations of one kind of attached list. */
export interface AttachedListHandlers {
  readonly list: Handler;
  readonly attach: Handler;
  readonly fetch: Handler;
  readonly detach: Handler;
}

/** /v1/Trunks/{TrunkSid}/CredentialLists */
export const trunkCredentialLists: AttachedListHandlers = handlersOf(CREDENTIAL_LISTS);

/** /v1/Trunks/{TrunkSid}/IpAccessControlLists */
export const trunkIpAccessControlLists: AttachedListHandlers = handlersOf(IP_ACCESS_CONTROL_LISTS);

function handlersOf(kind: Kind): AttachedListHandlers {
  const toJson = (request: ApiRequest, trunk: Trunk, attachment: Stored): object => {
    const friendlyName = kind.lists(request.account).get(attachment.sid)?.friendlyName ?? '';
    return attachedListJson(attachment, friendlyName, kind.collection, trunk.sid, request.account.sid);
  };
  return {
    list: (request) => {
      const trunk = parentTrunk(request);
      return listReply(request, kind.key, kind.attached(trunk).values(), (item) => toJson(request, trunk, item));
    },
    attach: (request) => {
      const trunk = parentTrunk(request);
      const sid = request.form.text(kind.field) ?? '';
      if (!kind.lists(request.account).has(sid)) throw notFound(`/${kind.collection}/${sid}`);
      if (kind.attached(trunk).has(sid)) throw new TwilioRefusal(21245, `${sid} is already attached to the trunk`);
      const attachment = request.world.newRecord(sid);
      kind.attached(trunk).set(sid, attachment);
      return { status: 201, body: toJson(request, trunk, attachment) };
    },
    fetch: (request) => {
      const trunk = parentTrunk(request);
      return { status: 200, body: toJson(request, trunk, find(request, kind.attached(trunk), 'Sid')) };
    },
    detach: (request) => {
      const trunk = parentTrunk(request);
      kind.attached(trunk).delete(find(request, kind.attached(trunk), 'Sid').sid);
      return DELETED;
    },
  };
}
