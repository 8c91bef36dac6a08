/**
 * Trouble, pure: what a provider's failed call means for a living object.
 */
import type { Reason } from '../shared/reasons.ts';
import type { ProviderError, Verdict } from '../shared/verdict.ts';
import type { Trouble } from './status.ts';

/** Twilio: maximum number of trunks of the account. */
const trunkLimitCode = '21244';

export function troubleOf(error: ProviderError): Trouble {
  return { reason: reasonOf(error.verdict), message: error.message, stalled: false, callsGoOn: true };
}

export function reasonOf(verdict: Verdict): Reason {
  switch (verdict.kind) {
    case 'identity':
      return verdict.reason;
    case 'rateLimited':
      return 'RateLimited';
    case 'refused':
      return verdict.code === trunkLimitCode ? 'TrunkLimit' : 'ProviderError';
    case 'notFound':
    case 'conflict':
    case 'unknownOutcome':
      return 'ProviderError';
  }
}
