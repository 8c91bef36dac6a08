/**
 * Violations: what happened that must never happen, whatever a test is about.
 *
 * Guarantees
 * - Only methods, paths and field names are kept, never a value.
 */

/** Something that must not happen. A refusal by a business rule, such as a domain that is taken, is none. */
export interface Violation {
  /**
   * `request`: Twilio's description does not allow it; `reply`: the emulator answered against that description;
   * `emulator`: a defect of the emulator or of a listener.
   */
  readonly kind: 'request' | 'reply' | 'emulator';
  readonly method: string;
  readonly path: string;
  /** In words, one for each problem. */
  readonly problems: readonly string[];
}

/**
 * Passes if there is none.
 * @throws Error that lists all of them
 */
export function assertNoViolations(violations: readonly Violation[]): void {
  if (violations.length === 0) return;
  const lines = violations.map(
    ({ kind, method, path, problems }) => `${kind} ${method} ${path}: ${problems.join('; ')}`,
  );
  throw new Error(`Cannot accept what the Twilio emulator saw: ${lines.length} violations\n${lines.join('\n')}`);
}
