/**
 * Report: how a pass over a living object ends when something stands in the way, and what it may write of what it knows.
 */
import type { Pin } from '../shared/accounts.ts';
import { type Outcome, settled } from '../shared/outcome.ts';
import type { ProviderError } from '../shared/verdict.ts';
import { isHeld, recordedPin, takeFinalizerOff } from './intent.ts';
import type { Observed } from './observed.ts';
import type { Pass } from './pass.ts';
import { type Trouble, troubledStatus } from './status.ts';

const nothingKnown = {
  ids: {},
  originationUrlSids: [],
  trunkDomainName: undefined,
  routing: undefined,
  previousRouting: undefined,
  routedTo: undefined,
  routingTo: undefined,
} as const;

/** Ends a pass with what stands in the way. */
export async function report(
  pass: Pass,
  trouble: Trouble,
  observed?: Observed,
  error?: ProviderError,
): Promise<Outcome> {
  if (isHeld(pass)) await tell(pass, trouble, recordedPin(pass), learned(pass, observed));
  else await tell(pass, trouble, undefined, nothingKnown);
  return outcomeOf(pass, trouble, error);
}

/**
 * The same when nothing of ours is outside: the finalizer goes, too. The status forgets first, because ids without a
 * finalizer mean that somebody took it off.
 */
export async function reportEmpty(pass: Pass, trouble: Trouble, error?: ProviderError): Promise<Outcome> {
  pass.memory.ids = {};
  pass.memory.routing = undefined;
  await tell(pass, trouble, undefined, nothingKnown);
  await takeFinalizerOff(pass);
  return outcomeOf(pass, trouble, error);
}

async function tell(
  pass: Pass,
  trouble: Trouble,
  pinned: Pin | undefined,
  known: Parameters<typeof troubledStatus>[2],
): Promise<void> {
  const before = pass.object.status.conditions.find(({ type }) => type === 'Synced')?.reason;
  await pass.writeStatus(troubledStatus(pass.object, pinned, known, trouble, pass.timestamp()));
  if (before === trouble.reason) return;
  pass.event({ type: 'Warning', reason: trouble.reason, action: 'Provision', note: trouble.message });
}

function outcomeOf(pass: Pass, trouble: Trouble, error: ProviderError | undefined): Outcome {
  if (trouble.stalled) return settled;
  if (trouble.reason === 'RemovalFailed') return { kind: 'retry' };
  const verdict = error?.verdict;
  const { recheckMs } = pass.dependencies.settings;
  if (verdict === undefined) return { kind: 'wait', afterMs: recheckMs };
  // A definite refusal would only be repeated, and put the finalizer on and take it off again each time.
  if (verdict.kind === 'refused') return { kind: 'wait', afterMs: recheckMs };
  return verdict.kind === 'rateLimited' && verdict.afterMs > 0
    ? { kind: 'wait', afterMs: verdict.afterMs }
    : { kind: 'retry' };
}

/** What may be written of an object that is not done: ids that are known, also of creates in this very pass. */
export function learned(pass: Pass, observed: Observed | undefined) {
  const { trunkDomainName, originationUrlSids } = pass.object.status;
  return {
    ids: pass.ids,
    routing: pass.routing,
    trunkDomainName: observed?.trunk?.domainName ?? trunkDomainName,
    originationUrlSids: observed?.originationUrls.map(({ sid }) => sid) ?? originationUrlSids,
  };
}
