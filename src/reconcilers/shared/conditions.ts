/**
 * Conditions, pure: the time is an argument.
 *
 * `lastTransitionTime` moves only when `status` changes (Kubernetes API conventions); unknown types that others wrote
 * are kept.
 */

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number | undefined;
  readonly lastTransitionTime: string;
}

/** A condition without its bookkeeping. */
export type Finding = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** The previous conditions with the findings put in. `now` is an RFC 3339 time. */
export function withFindings(
  previous: readonly Condition[],
  findings: readonly Finding[],
  observedGeneration: number,
  now: string,
): readonly Condition[] {
  const next = findings.map((finding) => {
    const before = previous.find(({ type }) => type === finding.type);
    // The CRD's default carries the epoch as its time: the first real write has to replace it.
    const unchanged = before?.status === finding.status && !before.lastTransitionTime.startsWith('1970-');
    return { ...finding, observedGeneration, lastTransitionTime: unchanged ? before.lastTransitionTime : now };
  });
  const foreign = previous.filter(({ type }) => !findings.some((finding) => finding.type === type));
  return [...next, ...foreign];
}
