/**
 * Trunk domains: the one unique key a trunk has (twilio.md 1.2, 2.1; codes 21245, 21247, 21248).
 *
 * Guarantees
 * - A domain is live on one trunk over all accounts, and reserved for 30 days after that trunk was deleted.
 * - A dotted sub-domain needs its parent domain in the same account or in that account's parent.
 */

import type { ApiRequest } from './request.ts';
import type { Trunk } from './resources.ts';
import { TwilioRefusal } from './refusal.ts';

const SUFFIX = '.pstn.twilio.com';
const LABELS = /^[a-z0-9-]+(\.[a-z0-9-]+)*$/;
const ACCOUNT_SID = /^ac[0-9a-f]{32}$/;

/** The domain to store for a requested one, or a refusal. `self` is the trunk being renamed. */
export function claimDomain(request: ApiRequest, requested: string, self: Trunk | undefined): string | null {
  if (requested === '') return null;
  const domain = requested.toLowerCase();
  if (domain === self?.domainName) return domain;
  const labels = domain.slice(0, -SUFFIX.length);
  if (!domain.endsWith(SUFFIX) || !LABELS.test(labels)) {
    throw new TwilioRefusal(21245, `Trunk domain name must contain letters, digits and - and end with pstn.twilio.com`);
  }
  const first = labels.split('.')[0] ?? '';
  if (ACCOUNT_SID.test(first) && first !== request.account.sid.toLowerCase()) {
    throw new TwilioRefusal(21245, 'Trunk domain name must not be the SID of another account');
  }
  refuseTaken(request, domain);
  refuseWithoutParent(request, labels);
  return domain;
}

function refuseTaken(request: ApiRequest, domain: string): void {
  const taken = request.world.trunkByDomain(domain);
  if (taken !== undefined) {
    // The dictionary splits it: an own duplicate is a validation error, anybody else's is "taken".
    if (taken.account === request.account) throw new TwilioRefusal(21245, 'Trunk domain name is used by another trunk');
    throw new TwilioRefusal(21248, 'Trunk domain name is already taken');
  }
  const reserved = request.world.reservationOf(domain);
  if (reserved === undefined) return;
  const own = reserved.accountSid === request.account.sid;
  if (own && request.switches.ownDeletedDomain === 'reusable') return;
  throw new TwilioRefusal(21248, 'Trunk domain name is already taken');
}

function refuseWithoutParent(request: ApiRequest, labels: string): void {
  const dot = labels.indexOf('.');
  if (dot < 0) return;
  const owner = request.world.trunkByDomain(labels.slice(dot + 1) + SUFFIX)?.account.sid;
  if (owner !== undefined && (owner === request.account.sid || owner === request.account.parentSid)) return;
  throw new TwilioRefusal(21247, 'Trunk sub-domain needs a trunk with its parent domain');
}

/** Refuses to give up a domain that other trunks have sub-domains of. */
export function refuseWithSubdomains(request: ApiRequest, trunk: Trunk): void {
  if (trunk.domainName === null) return;
  const suffix = `.${trunk.domainName}`;
  for (const account of request.world.accounts.values()) {
    for (const other of account.trunks.values()) {
      if (other.domainName?.endsWith(suffix)) {
        throw new TwilioRefusal(21247, 'Trunk domain has sub-domains that are in use');
      }
    }
  }
}
