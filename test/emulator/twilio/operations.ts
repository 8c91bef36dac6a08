/**
 * Operations: the table of everything the emulator answers.
 *
 * Guarantees
 * - A template is spelled as in Twilio's OpenAPI files, so the same string finds the handler and the schema.
 * - A path that is in no row is not emulated: it is answered with 404 and recorded as a violation.
 */

import type { Handler } from './request.ts';
import * as calls from './calls.ts';
import * as credentials from './credential-lists.ts';
import * as addresses from './ip-access-control-lists.ts';
import * as numbers from './incoming-phone-numbers.ts';
import * as originationUrls from './origination-urls.ts';
import * as trunkNumbers from './trunk-numbers.ts';
import * as trunks from './trunks.ts';
import { trunkCredentialLists, trunkIpAccessControlLists } from './trunk-lists.ts';

/** The methods Twilio's REST API uses. */
export type Method = 'GET' | 'POST' | 'DELETE';

/** One emulated operation. */
export interface Operation {
  readonly method: Method;
  readonly template: string;
  readonly handle: Handler;
}

/** What the table says about a request. */
export type Match =
  | { readonly kind: 'found'; readonly operation: Operation; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'otherMethod' }
  | { readonly kind: 'unknownPath' };

type Row = readonly [template: string, handlers: Partial<Record<Method, Handler>>];

const ACCOUNT = '/2010-04-01/Accounts/{AccountSid}';
const TRUNK = '/v1/Trunks/{TrunkSid}';
const CREDENTIALS = `${ACCOUNT}/SIP/CredentialLists/{CredentialListSid}/Credentials`;
const ADDRESSES = `${ACCOUNT}/SIP/IpAccessControlLists/{IpAccessControlListSid}/IpAddresses`;

const ROWS: readonly Row[] = [
  ['/v1/Trunks', { GET: trunks.listTrunks, POST: trunks.createTrunk }],
  ['/v1/Trunks/{Sid}', { GET: trunks.fetchTrunk, POST: trunks.updateTrunk, DELETE: trunks.deleteTrunk }],
  [`${TRUNK}/Recording`, { GET: trunks.fetchRecording, POST: trunks.updateRecording }],
  [
    `${TRUNK}/OriginationUrls`,
    { GET: originationUrls.listOriginationUrls, POST: originationUrls.createOriginationUrl },
  ],
  [
    `${TRUNK}/OriginationUrls/{Sid}`,
    {
      GET: originationUrls.fetchOriginationUrl,
      POST: originationUrls.updateOriginationUrl,
      DELETE: originationUrls.deleteOriginationUrl,
    },
  ],
  [`${TRUNK}/CredentialLists`, { GET: trunkCredentialLists.list, POST: trunkCredentialLists.attach }],
  [`${TRUNK}/CredentialLists/{Sid}`, { GET: trunkCredentialLists.fetch, DELETE: trunkCredentialLists.detach }],
  [`${TRUNK}/IpAccessControlLists`, { GET: trunkIpAccessControlLists.list, POST: trunkIpAccessControlLists.attach }],
  [
    `${TRUNK}/IpAccessControlLists/{Sid}`,
    { GET: trunkIpAccessControlLists.fetch, DELETE: trunkIpAccessControlLists.detach },
  ],
  [`${TRUNK}/PhoneNumbers`, { GET: trunkNumbers.listTrunkNumbers, POST: trunkNumbers.attachTrunkNumber }],
  [`${TRUNK}/PhoneNumbers/{Sid}`, { GET: trunkNumbers.fetchTrunkNumber, DELETE: trunkNumbers.detachTrunkNumber }],
  ['/v2/PhoneNumbers/{PhoneNumber}', { GET: numbers.fetchRoute }],
  [`${ACCOUNT}/IncomingPhoneNumbers.json`, { GET: numbers.listIncomingPhoneNumbers }],
  [
    `${ACCOUNT}/IncomingPhoneNumbers/{Sid}.json`,
    {
      GET: numbers.fetchIncomingPhoneNumber,
      POST: numbers.updateIncomingPhoneNumber,
      DELETE: numbers.releaseIncomingPhoneNumber,
    },
  ],
  [`${ACCOUNT}/Calls.json`, { GET: calls.listCalls }],
  [
    `${ACCOUNT}/SIP/CredentialLists.json`,
    { GET: credentials.listCredentialLists, POST: credentials.createCredentialList },
  ],
  [
    `${ACCOUNT}/SIP/CredentialLists/{Sid}.json`,
    {
      GET: credentials.fetchCredentialList,
      POST: credentials.updateCredentialList,
      DELETE: credentials.deleteCredentialList,
    },
  ],
  [`${CREDENTIALS}.json`, { GET: credentials.listCredentials, POST: credentials.createCredential }],
  [
    `${CREDENTIALS}/{Sid}.json`,
    { GET: credentials.fetchCredential, POST: credentials.updateCredential, DELETE: credentials.deleteCredential },
  ],
  [
    `${ACCOUNT}/SIP/IpAccessControlLists.json`,
    { GET: addresses.listIpAccessControlLists, POST: addresses.createIpAccessControlList },
  ],
  [
    `${ACCOUNT}/SIP/IpAccessControlLists/{Sid}.json`,
    {
      GET: addresses.fetchIpAccessControlList,
      POST: addresses.updateIpAccessControlList,
      DELETE: addresses.deleteIpAccessControlList,
    },
  ],
  [`${ADDRESSES}.json`, { GET: addresses.listIpAddresses, POST: addresses.createIpAddress }],
  [
    `${ADDRESSES}/{Sid}.json`,
    { GET: addresses.fetchIpAddress, POST: addresses.updateIpAddress, DELETE: addresses.deleteIpAddress },
  ],
];

/** Every emulated operation. */
export const OPERATIONS: readonly Operation[] = ROWS.flatMap(([template, handlers]) =>
  (Object.entries(handlers) as [Method, Handler][]).map(([method, handle]) => ({ method, template, handle })),
);

const PATTERNS: readonly { readonly template: string; readonly pattern: RegExp }[] = ROWS.map(([template]) => ({
  template,
  pattern: new RegExp(`^${template.replaceAll('.', String.raw`\.`).replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+?)')}$`),
}));

/** Finds the operation of a request; parameters are percent-decoded. */
export function matchOperation(method: string, path: string): Match {
  for (const { template, pattern } of PATTERNS) {
    const groups = pattern.exec(path);
    if (groups === null) continue;
    const operation = OPERATIONS.find((one) => one.template === template && one.method === method);
    if (operation === undefined) return { kind: 'otherMethod' };
    const params = Object.entries(groups.groups ?? {}).map(([name, value]) => [name, decode(value)]);
    return { kind: 'found', operation, params: Object.fromEntries(params) };
  }
  return { kind: 'unknownPath' };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a stray percent sign names nothing, and is then not found
  }
}
