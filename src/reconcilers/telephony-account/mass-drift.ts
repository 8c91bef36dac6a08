/**
 * Mass drift, pure: when lists lack so much that they are rather wrong than right (DESIGN 3.4).
 */
import type { Provider } from '../shared/verdict.ts';

/** Lists that lack too much. */
export interface MassDrift {
  readonly provider: Provider;
  readonly known: number;
  readonly missing: readonly string[];
}

/** Whether so much is missing that the lists are to be doubted. */
export function isMassDrift(missing: number, known: number): boolean {
  return missing > Math.max(5, known / 10);
}
