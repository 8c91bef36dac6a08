/**
 * IP access control lists and their addresses (twilio.md 2.2; codes 21235 to 21237 and 21255).
 */

import { isIPv4 } from 'node:net';
import type { ApiRequest, Handler } from './request.ts';
import type { IpAccessControlList, IpAddress } from './resources.ts';
import { DELETED, find } from './request.ts';
import { TwilioRefusal } from './refusal.ts';
import { ipAccessControlListJson, ipAddressJson } from './core-json.ts';
import { listReply } from './paging.ts';

const NAME_LENGTH = 255;

/** GET /SIP/IpAccessControlLists.json */
export const listIpAccessControlLists: Handler = (request) =>
  listReply(request, 'ip_access_control_lists', request.account.ipAccessControlLists.values(), (list) =>
    ipAccessControlListJson(list, request.account.sid),
  );

/** POST /SIP/IpAccessControlLists.json */
export const createIpAccessControlList: Handler = (request) => {
  const { account, world } = request;
  const friendlyName = readName(request, account.ipAccessControlLists.values(), undefined) ?? '';
  if (account.ipAccessControlLists.size >= account.limits.ipAccessControlLists) {
    throw new TwilioRefusal(21255, 'Maximum number of IP access control lists reached');
  }
  const record = world.newRecord(world.newSid('AL'));
  const list: IpAccessControlList = { ...record, friendlyName, onSipDomain: false, ipAddresses: new Map() };
  account.ipAccessControlLists.set(list.sid, list);
  return { status: 201, body: ipAccessControlListJson(list, account.sid) };
};

/** GET /SIP/IpAccessControlLists/{Sid}.json */
export const fetchIpAccessControlList: Handler = (request) => ({
  status: 200,
  body: ipAccessControlListJson(find(request, request.account.ipAccessControlLists, 'Sid'), request.account.sid),
});

/** POST /SIP/IpAccessControlLists/{Sid}.json */
export const updateIpAccessControlList: Handler = (request) => {
  const { account } = request;
  const list = find(request, account.ipAccessControlLists, 'Sid');
  list.friendlyName = readName(request, account.ipAccessControlLists.values(), list) ?? list.friendlyName;
  list.updatedAt = request.world.now();
  return { status: 200, body: ipAccessControlListJson(list, account.sid) };
};

/** DELETE /SIP/IpAccessControlLists/{Sid}.json: 21236 while a SIP domain uses it; for a trunk that is a switch. */
export const deleteIpAccessControlList: Handler = (request) => {
  const { account, switches } = request;
  const list = find(request, account.ipAccessControlLists, 'Sid');
  const trunks = [...account.trunks.values()].filter((trunk) => trunk.ipAccessControlLists.has(list.sid));
  if (list.onSipDomain || (trunks.length > 0 && switches.deleteListOnTrunk === 'refused')) {
    throw new TwilioRefusal(21236, 'IP access control list is still mapped and cannot be deleted');
  }
  if (list.ipAddresses.size > 0 && switches.deleteListWithMembers === 'refused') {
    throw new TwilioRefusal(20409, `IP access control list ${list.sid} still has addresses`);
  }
  for (const trunk of trunks) trunk.ipAccessControlLists.delete(list.sid);
  account.ipAccessControlLists.delete(list.sid);
  return DELETED;
};

/** GET /SIP/IpAccessControlLists/{IpAccessControlListSid}/IpAddresses.json */
export const listIpAddresses: Handler = (request) => {
  const list = parentList(request);
  return listReply(request, 'ip_addresses', list.ipAddresses.values(), (item) =>
    ipAddressJson(item, list.sid, request.account.sid),
  );
};

/** POST /SIP/IpAccessControlLists/{IpAccessControlListSid}/IpAddresses.json */
export const createIpAddress: Handler = (request) => {
  const { account, switches, world } = request;
  const list = parentList(request);
  const changes = readAddress(request, list, undefined);
  // The documentation says 100, the dictionary's text of 21237 says 25.
  if (list.ipAddresses.size >= switches.addressesPerAccessControlList) {
    throw new TwilioRefusal(21237, 'Maximum number of IP addresses in the list reached');
  }
  const address: IpAddress = { ...world.newRecord(world.newSid('IP')), ...changes };
  list.ipAddresses.set(address.sid, address);
  return { status: 201, body: ipAddressJson(address, list.sid, account.sid) };
};

/** GET /SIP/IpAccessControlLists/{IpAccessControlListSid}/IpAddresses/{Sid}.json */
export const fetchIpAddress: Handler = (request) => {
  const list = parentList(request);
  return { status: 200, body: ipAddressJson(find(request, list.ipAddresses, 'Sid'), list.sid, request.account.sid) };
};

/** POST /SIP/IpAccessControlLists/{IpAccessControlListSid}/IpAddresses/{Sid}.json */
export const updateIpAddress: Handler = (request) => {
  const list = parentList(request);
  const address = find(request, list.ipAddresses, 'Sid');
  Object.assign(address, readAddress(request, list, address), { updatedAt: request.world.now() });
  return { status: 200, body: ipAddressJson(address, list.sid, request.account.sid) };
};

/** DELETE /SIP/IpAccessControlLists/{IpAccessControlListSid}/IpAddresses/{Sid}.json */
export const deleteIpAddress: Handler = (request) => {
  const list = parentList(request);
  list.ipAddresses.delete(find(request, list.ipAddresses, 'Sid').sid);
  return DELETED;
};

function parentList(request: ApiRequest): IpAccessControlList {
  return find(request, request.account.ipAccessControlLists, 'IpAccessControlListSid');
}

function readName(
  request: ApiRequest,
  others: Iterable<{ readonly friendlyName: string }>,
  self: object | undefined,
): string | undefined {
  const friendlyName = request.form.text('FriendlyName');
  if (friendlyName === undefined) return undefined;
  if (friendlyName === '' || friendlyName.length > NAME_LENGTH) {
    throw new TwilioRefusal(21235, 'FriendlyName must be 1 to 255 characters');
  }
  for (const other of others) {
    if (other !== self && other.friendlyName === friendlyName) {
      throw new TwilioRefusal(21235, 'FriendlyName is already in use');
    }
  }
  return friendlyName;
}

function readAddress(
  request: ApiRequest,
  list: IpAccessControlList,
  self: IpAddress | undefined,
): Pick<IpAddress, 'friendlyName' | 'ipAddress' | 'cidrPrefixLength'> {
  const { form } = request;
  const friendlyName = readName(request, list.ipAddresses.values(), self) ?? self?.friendlyName ?? '';
  const ipAddress = form.text('IpAddress') ?? self?.ipAddress ?? '';
  const cidrPrefixLength = form.integer('CidrPrefixLength') ?? self?.cidrPrefixLength ?? 32;
  if (!isIPv4(ipAddress)) throw new TwilioRefusal(21235, 'IpAddress must be an IPv4 address');
  if (cidrPrefixLength < 0 || cidrPrefixLength > 32) {
    throw new TwilioRefusal(21235, 'CidrPrefixLength must be between 0 and 32');
  }
  for (const other of list.ipAddresses.values()) {
    if (other !== self && other.ipAddress === ipAddress && other.cidrPrefixLength === cidrPrefixLength) {
      throw new TwilioRefusal(21235, 'IpAddress is already in the list');
    }
  }
  return { friendlyName, ipAddress, cidrPrefixLength };
}
