/**
 * SIDs: checked before they become part of a path, which the SDK neither checks nor encodes.
 */
import { ProviderError } from '../../reconcilers/shared/verdict.ts';

/** The kinds of SIDs that get into paths or forms. */
export type SidPrefix = 'AC' | 'AL' | 'AP' | 'CL' | 'CR' | 'IP' | 'OU' | 'PN' | 'TK';

/** Two letters and 32 hexadecimal digits. */
export function isSid(prefix: SidPrefix, text: string): boolean {
  return text.startsWith(prefix) && /^[A-Z]{2}[0-9a-fA-F]{32}$/.test(text);
}

/**
 * The SID, if it is one.
 * @throws ProviderError `refused` with Twilio's code for an invalid SID: it can name nothing
 */
export function checkedSid(prefix: SidPrefix, text: string): string {
  if (isSid(prefix, text)) return text;
  const shown = text.slice(0, 40);
  throw new ProviderError('Twilio', `name "${shown}"`, {
    kind: 'refused',
    code: '20423',
    message: `"${shown}" is no SID of the kind ${prefix} (20423)`,
  });
}
