/**
 * SIP credential lists and their credentials (twilio.md 2.2; codes 21239 to 21243).
 *
 * Guarantees
 * - A password is checked against Twilio's rule and then forgotten: no reply, log or dump can contain one.
 */

import type { ApiRequest, Handler } from './request.ts';
import type { Credential, CredentialList } from './resources.ts';
import { DELETED, find } from './request.ts';
import { TwilioRefusal } from './refusal.ts';
import { credentialJson, credentialListJson } from './core-json.ts';
import { listReply } from './paging.ts';

const LIST_NAME_LENGTH = 64;
const USERNAME_LENGTH = 32;
const PASSWORD_LENGTH = 12;

/** GET /SIP/CredentialLists.json */
export const listCredentialLists: Handler = (request) =>
  listReply(request, 'credential_lists', request.account.credentialLists.values(), (list) =>
    credentialListJson(list, request.account.sid),
  );

/** POST /SIP/CredentialLists.json: the friendly name is unique in the account, a natural create-once key. */
export const createCredentialList: Handler = (request) => {
  const { account, world } = request;
  const friendlyName = readListName(request, undefined);
  if (account.credentialLists.size >= account.limits.credentialLists) {
    throw new TwilioRefusal(21239, `Maximum number of credential lists (${account.limits.credentialLists}) reached`);
  }
  const record = world.newRecord(world.newSid('CL'));
  const list: CredentialList = { ...record, friendlyName, onSipDomain: false, credentials: new Map() };
  account.credentialLists.set(list.sid, list);
  return { status: 201, body: credentialListJson(list, account.sid) };
};

/** GET /SIP/CredentialLists/{Sid}.json */
export const fetchCredentialList: Handler = (request) => ({
  status: 200,
  body: credentialListJson(find(request, request.account.credentialLists, 'Sid'), request.account.sid),
});

/** POST /SIP/CredentialLists/{Sid}.json */
export const updateCredentialList: Handler = (request) => {
  const list = find(request, request.account.credentialLists, 'Sid');
  list.friendlyName = readListName(request, list);
  list.updatedAt = request.world.now();
  return { status: 200, body: credentialListJson(list, request.account.sid) };
};

/** DELETE /SIP/CredentialLists/{Sid}.json: 21241 while a SIP domain uses it; for a trunk that is a switch. */
export const deleteCredentialList: Handler = (request) => {
  const { account, switches } = request;
  const list = find(request, account.credentialLists, 'Sid');
  const trunks = [...account.trunks.values()].filter((trunk) => trunk.credentialLists.has(list.sid));
  if (list.onSipDomain || (trunks.length > 0 && switches.deleteListOnTrunk === 'refused')) {
    throw new TwilioRefusal(21241, 'Credential list is still mapped and cannot be deleted');
  }
  if (list.credentials.size > 0 && switches.deleteListWithMembers === 'refused') {
    throw new TwilioRefusal(20409, `Credential list ${list.sid} still has credentials`);
  }
  for (const trunk of trunks) trunk.credentialLists.delete(list.sid);
  account.credentialLists.delete(list.sid);
  return DELETED;
};

/** GET /SIP/CredentialLists/{CredentialListSid}/Credentials.json */
export const listCredentials: Handler = (request) => {
  const list = parentList(request);
  return listReply(request, 'credentials', list.credentials.values(), (item) =>
    credentialJson(item, list.sid, request.account.sid),
  );
};

/** POST /SIP/CredentialLists/{CredentialListSid}/Credentials.json */
export const createCredential: Handler = (request) => {
  const { account, form, switches, world } = request;
  const list = parentList(request);
  const username = form.text('Username') ?? '';
  const refuse = (message: string) => new TwilioRefusal(switches.invalidCredentialCode, message);
  if (username === '' || username.length > USERNAME_LENGTH) throw refuse('Username must be 1 to 32 characters');
  if ([...list.credentials.values()].some((other) => other.username === username)) {
    throw refuse('Username is already in the credential list');
  }
  refuseWeakPassword(request);
  if (list.credentials.size >= account.limits.credentialsPerList) {
    throw new TwilioRefusal(21242, `Maximum number of credentials (${account.limits.credentialsPerList}) reached`);
  }
  const credential: Credential = { ...world.newRecord(world.newSid('CR')), username };
  list.credentials.set(credential.sid, credential);
  return { status: 201, body: credentialJson(credential, list.sid, account.sid) };
};

/** GET /SIP/CredentialLists/{CredentialListSid}/Credentials/{Sid}.json */
export const fetchCredential: Handler = (request) => {
  const list = parentList(request);
  return { status: 200, body: credentialJson(find(request, list.credentials, 'Sid'), list.sid, request.account.sid) };
};

/** POST /SIP/CredentialLists/{CredentialListSid}/Credentials/{Sid}.json: only the password can change. */
export const updateCredential: Handler = (request) => {
  const list = parentList(request);
  const credential = find(request, list.credentials, 'Sid');
  if (request.form.text('Password') !== undefined) refuseWeakPassword(request);
  credential.updatedAt = request.world.now();
  return { status: 200, body: credentialJson(credential, list.sid, request.account.sid) };
};

/** DELETE /SIP/CredentialLists/{CredentialListSid}/Credentials/{Sid}.json */
export const deleteCredential: Handler = (request) => {
  const list = parentList(request);
  list.credentials.delete(find(request, list.credentials, 'Sid').sid);
  return DELETED;
};

function parentList(request: ApiRequest): CredentialList {
  return find(request, request.account.credentialLists, 'CredentialListSid');
}

function readListName(request: ApiRequest, self: CredentialList | undefined): string {
  const friendlyName = request.form.text('FriendlyName') ?? '';
  if (friendlyName === '' || friendlyName.length > LIST_NAME_LENGTH) {
    throw new TwilioRefusal(21240, 'FriendlyName must be 1 to 64 characters');
  }
  for (const other of request.account.credentialLists.values()) {
    if (other !== self && other.friendlyName === friendlyName) {
      throw new TwilioRefusal(21240, 'FriendlyName is used by another credential list');
    }
  }
  return friendlyName;
}

function refuseWeakPassword(request: ApiRequest): void {
  const password = request.form.text('Password') ?? '';
  const strong =
    password.length >= PASSWORD_LENGTH && /\d/.test(password) && /[a-z]/.test(password) && /[A-Z]/.test(password);
  if (strong) return;
  throw new TwilioRefusal(
    request.switches.invalidCredentialCode,
    'Password must have at least 12 characters, a digit and mixed case',
  );
}
