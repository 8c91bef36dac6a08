/**
 * The TelephonyAccount kind as the composition root sees it.
 */
import type { KubernetesObject } from '../shared/ports.ts';
import { parseIdentity } from './schema.ts';

export { AccountDirectory } from './account-directory.ts';

/** Names of the Secrets an account names, for an index: whoever waits for one looks again when it changes. */
export function secretNamesOf(object: KubernetesObject): readonly string[] {
  const { twilioSecret, livekitSecret } = parseIdentity(object);
  return [twilioSecret, livekitSecret].filter((name) => name !== undefined);
}
