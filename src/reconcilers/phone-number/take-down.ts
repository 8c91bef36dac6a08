/**
 * Take down: removes everything outside that belongs to one PhoneNumber being deleted, or says exactly what is left.
 *
 * The table of DESIGN 3.3, row by row. What makes a force delete sound: the status `Corrupted` is written only with
 * compare-and-swap on a revision that was seen without the annotation, so any annotation found on a Corrupted object
 * was put on a corrupted object, whatever was restarted, stale or running twice in between.
 */
import { isHaltReason } from '../shared/accounts.ts';
import { type Outcome, settled } from '../shared/outcome.ts';
import type { Reason } from '../shared/reasons.ts';
import type { DrainLimit } from './drain.ts';
import { identityOf, isHeld, recordedPin } from './intent.ts';
import { leftoversOf, leftoversOfIds, type Remaining } from './leftovers.ts';
import { letGo } from './let-go.ts';
import type { Identity } from './model.ts';
import { forceDeleteAnnotation, forceDeleteByAnnotation, forceDeleteValue, retryDeleteAnnotation } from './names.ts';
import type { Pass } from './pass.ts';
import { removeOutside } from './remove.ts';
import { accountTroubleSince, budgetOf, isStuck, providersGivenUp } from './removal.ts';
import { type KnownOutside, remainingOf, withoutGone } from './remaining.ts';
import { parseDeletionPolicy, parseDrainTimeoutMs } from './spec-schema.ts';
import { corruptedStatus, deletingStatus, deletionBegunStatus, retriedStatus } from './status.ts';

/** One pass over a PhoneNumber that is being deleted. */
export async function takeDown(pass: Pass): Promise<Outcome> {
  // Without the finalizer nothing was ever created, or somebody else has let go of it already.
  if (!isHeld(pass)) return settled;
  const { phase, deletion } = pass.object.status;
  if (deletion === undefined || (phase !== 'Deleting' && phase !== 'Corrupted')) {
    const policy = parseDeletionPolicy(pass.object.spec);
    await pass.writeStatus(deletionBegunStatus(pass.object, recordedPin(pass), policy, pass.timestamp()));
  } else if (phase === 'Corrupted') {
    const outcome = await whileCorrupted(pass);
    if (outcome !== undefined) return outcome;
  }
  switch (pass.object.status.deletion?.policy) {
    case 'Delete':
      return await remove(pass);
    case 'Orphan':
      return await letGo(
        pass,
        'Orphan',
        identityOf(pass),
        leftoversOfIds(
          identityOf(pass),
          pass.ids,
          'Ready',
          'left in place by deletionPolicy Orphan',
          pass.routes.record,
        ),
      );
    default: {
      const message = 'the deletion policy is not known to this operator';
      const leftovers = leftoversOfIds(
        identityOf(pass),
        pass.ids,
        'UnknownDeletionPolicy',
        message,
        pass.routes.record,
      );
      return await becomeCorrupted(pass, { ids: pass.ids }, 'UnknownDeletionPolicy', leftovers);
    }
  }
}

/** What a person decided about a Corrupted object; `undefined` when removal starts again. */
async function whileCorrupted(pass: Pass): Promise<Outcome | undefined> {
  const { annotations, status } = pass.object;
  const force = annotations[forceDeleteAnnotation];
  if (force === forceDeleteValue) return await letGo(pass, 'ForceDelete', identityOf(pass), status.leftovers);
  if (force !== undefined && pass.memory.warnedForceValue !== force) {
    pass.memory.warnedForceValue = force;
    pass.event({
      type: 'Warning',
      reason: 'CleanupFailed',
      action: 'ForceDelete',
      note: `The annotation ${forceDeleteAnnotation} has a value that means nothing; the only one is "${forceDeleteValue}"`,
    });
  }
  const token = annotations[retryDeleteAnnotation];
  if (token === undefined || token === status.deletion?.lastHandledRetry) return settled;
  await pass.writeStatus(retriedStatus(pass.object, token, pass.timestamp()));
  // A fresh budget, of the account's clock too: whoever has just mended it must not be faster than its probe.
  pass.memory.failures.clear();
  pass.memory.accountCountedFrom = pass.dependencies.clock.monotonic();
  return undefined;
}

async function remove(pass: Pass): Promise<Outcome> {
  const { accounts, clock, settings } = pass.dependencies;
  const identity = identityOf(pass);
  const account = accounts.openPinned(identity);
  const firstFailure = pass.object.status.deletion?.firstFailureTime;
  if (account.halt !== undefined) {
    const { reason, state, end } = account.halt;
    const message = `TelephonyAccount ${identity.account} ${state}: removal goes on when ${end}`;
    // Nobody could do anything meanwhile: afterwards there is as much time as at the beginning.
    pass.memory.failures.clear();
    pass.memory.isHalted = true;
    await pass.writeStatus(deletingStatus(pass.object, { ids: pass.ids }, reason, message, {}, pass.timestamp()));
    return { kind: 'wait', afterMs: settings.recheckMs };
  }
  pass.reportProgress(() => {
    const wasHalted = pass.object.status.conditions.some(({ reason }) => isHaltReason(reason));
    // What is told of the deletion stays told while it is tried again: else each try would cost two writes.
    if (!wasHalted) return { ...pass.object.status, ids: pass.ids };
    const message = 'The number is being detached and everything behind it removed';
    return deletingStatus(
      pass.object,
      { ids: pass.ids },
      'Deleting',
      message,
      pass.object.status.deletion ?? {},
      pass.timestamp(),
    );
  });
  if (pass.memory.isHalted) pass.memory.accountCountedFrom = clock.monotonic();
  pass.memory.isHalted = false;
  const firstFailureAt = firstFailure === undefined ? undefined : Date.parse(firstFailure);
  const givenUp = providersGivenUp(
    accounts.troublesOf(identity),
    clock.monotonic(),
    pass.memory.accountCountedFrom,
    settings.giveUp,
  );
  const drainedSince = pass.object.status.deletion?.drainingSince;
  const drain: DrainLimit = {
    timeoutMs: parseDrainTimeoutMs(pass.object.spec),
    since: drainedSince === undefined ? undefined : Date.parse(drainedSince),
  };
  const removal = await removeOutside(pass, identity, account, firstFailureAt, { drain, givenUp });
  const known = withoutGone(pass.ids, removal.states);
  pass.memory.ids = known.ids;
  pass.memory.isUnrouted = removal.states.get('NumberRouting') === 'gone';
  if ([...removal.states.values()].every((state) => state === 'gone')) return await finishDeletion(pass, identity);

  const remaining = remainingOf(removal);
  if (isStuck(removal.states)) {
    return await becomeCorrupted(pass, known, 'CleanupFailed', leftoversOf(identity, remaining, pass.routes.record));
  }
  const since = firstFailure ?? (removal.failed ? pass.timestamp() : undefined);
  const failing = remaining.filter(({ kind }) => removal.verdicts.has(kind));
  const { reason, message } = deletingMessage(pass, failing, since, removal);
  const times = {
    firstFailureTime: since,
    drainingSince: drainedSince ?? (removal.draining === undefined ? undefined : pass.timestamp()),
  };
  await pass.writeStatus(deletingStatus(pass.object, known, reason, message, times, pass.timestamp()));
  if (removal.failed && firstFailure === undefined) {
    pass.event({ type: 'Warning', reason, action: 'Delete', note: message });
  }
  if (removal.failed) return { kind: 'retry' };
  if (removal.draining !== undefined) return { kind: 'wait', afterMs: removal.draining.againMs };
  const waitMs = Math.max(removal.rateLimitedMs ?? 0, removal.earlyMs ?? 0);
  // A rate limit without a wish of the provider's: the engine's backoff decides.
  return waitMs > 0 ? { kind: 'wait', afterMs: waitMs } : { kind: 'retry' };
}

function deletingMessage(
  pass: Pass,
  failing: readonly Remaining[],
  since: string | undefined,
  removal: Awaited<ReturnType<typeof removeOutside>>,
): { readonly reason: Reason; readonly message: string } {
  const { clock, settings } = pass.dependencies;
  const [first] = failing;
  if (!removal.failed && removal.draining !== undefined) {
    const { calls, until } = removal.draining;
    const what =
      calls === undefined ? 'calls in progress, which cannot be counted now,' : `${calls} call(s) in progress`;
    return {
      reason: 'Draining',
      message: `The number is off its trunk; waits for ${what} to end, until ${pass.timestamp(until)} at most`,
    };
  }
  if (!removal.failed && removal.earlyMs !== undefined) {
    const until = pass.timestamp(clock.now() + removal.earlyMs);
    return {
      reason: 'Deleting',
      message: `Waits until ${until}: something created earlier may still appear, and nothing is left behind`,
    };
  }
  if (!removal.failed || first === undefined || since === undefined) {
    return {
      reason: removal.rateLimitedMs === undefined ? 'Deleting' : 'RateLimited',
      message: 'Removal goes on; a provider asked to wait',
    };
  }
  const ends = [...removal.verdicts].map(([kind, verdict]) => {
    const record = pass.memory.failures.get(kind);
    const accountSince = record && accountTroubleSince(record);
    const from = accountSince === undefined ? Date.parse(since) : clock.now() - (clock.monotonic() - accountSince);
    return from + budgetOf(verdict, settings.giveUp);
  });
  const corruptAt = pass.timestamp(Math.max(...ends));
  const what = failing
    .map(({ kind, id, message }) => `${kind}${id === undefined ? '' : ` ${id}`}: ${message}`)
    .join('; ');
  return {
    reason: first.reason === 'CleanupFailed' ? 'RemovalFailed' : first.reason,
    message: `Cannot remove ${what}. Failing since ${since}; it is tried again, and the object becomes Corrupted at ${corruptAt} or once the refusal is definite`,
  };
}

/** Every role is proven absent: the finalizer goes, and with it the object. */
async function finishDeletion(pass: Pass, identity: Identity): Promise<Outcome> {
  // An earlier process may have ended between the record of a confirmation since withdrawn and the finalizer.
  const wasCorrupted = pass.object.status.deletion?.lastHandledRetry !== undefined;
  if (wasCorrupted) await pass.dependencies.store.deleteOrphanRecord(pass.object.uid);
  await pass.release();
  pass.event({
    type: 'Normal',
    reason: 'Deleting',
    action: 'Delete',
    note: `Everything behind ${identity.phoneNumber} is removed; the number itself stays in Twilio account ${identity.accountSid}`,
  });
  return settled;
}

async function becomeCorrupted(
  pass: Pass,
  known: KnownOutside,
  reason: Reason,
  leftovers: ReturnType<typeof leftoversOf>,
): Promise<Outcome> {
  if (pass.object.annotations[forceDeleteAnnotation] !== undefined) {
    await pass.patchMetadata({ annotations: { [forceDeleteAnnotation]: null, [forceDeleteByAnnotation]: null } });
    pass.event({
      type: 'Warning',
      reason,
      action: 'IgnoreForceDelete',
      note: `The annotation ${forceDeleteAnnotation} was there before the object became Corrupted and was removed; read status.leftovers, then set it again if you mean it`,
    });
  }
  await pass.writeStatus(corruptedStatus(pass.object, known, reason, leftovers, pass.timestamp()));
  const message = pass.object.status.conditions.find(({ type }) => type === 'Corrupted')?.message ?? '';
  pass.event({ type: 'Warning', reason, action: 'Corrupted', note: message });
  pass.dependencies.audit.record('corrupted', {
    leftovers: leftovers.map(({ kind, id }) => `${kind} ${id ?? '?'}`),
    reason,
  });
  return settled;
}
