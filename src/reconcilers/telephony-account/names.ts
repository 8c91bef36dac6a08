/**
 * Fixed names of the TelephonyAccount kind.
 */
import { group } from '../shared/api-group.ts';

/** While it is on an account, PhoneNumbers that need it can still be taken apart. */
export const inUseFinalizer = `${group}/in-use`;

/** A new value while MassDrift stops the account: what its lists lack is really gone. */
export const acceptDriftAnnotation = `${group}/accept-drift`;
