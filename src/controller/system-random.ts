/**
 * The machine's randomness.
 */
import { randomBytes } from 'node:crypto';
import type { Random } from '../reconcilers/shared/ports.ts';

export const systemRandom: Random = { bytes: (length) => randomBytes(length) };

/** For jitter: at least 0 and less than 1. Nothing secret may depend on it. */
export function randomFraction(): number {
  return Math.random();
}
