/**
 * Remove: carries out as much of a removal as can be done in one pass, and proves each piece gone.
 *
 * What is to be removed comes from recorded ids and marks, never from the spec. Independent pieces are removed at the
 * same time; a failure of one does not stop the others. The calls in flight end before this returns.
 */
import type { OpenAccount } from '../shared/accounts.ts';
import type { Provider, Verdict } from '../shared/verdict.ts';
import { callsOf, countAgainMs, type DrainLimit, drainedAt } from './drain.ts';
import { providerOf } from './leftovers.ts';
import { settledAt } from './memory.ts';
import { type Identity, type LeftoverKind, leftoverKinds } from './model.ts';
import type { Pass } from './pass.ts';
import { giveBackNoMore } from './change-number.ts';
import { detachAccessLists, proveGone, removeTargets, targetsOf } from './removal-calls.ts';
import { attempt, type RemovalView, type Target, viewForRemoval } from './removal-view.ts';
import { isGivenUp, runnable, type StepState, type StepStates, withFailure } from './removal.ts';

/** What one pass achieved. */
export interface RemovalReport {
  readonly states: ReadonlyMap<LeftoverKind, StepState>;
  readonly view: RemovalView;
  /** Why each failed or given-up kind failed last. */
  readonly verdicts: ReadonlyMap<LeftoverKind, Verdict>;
  /** The longest wait a provider asked for; undefined when none did. Milliseconds. */
  readonly rateLimitedMs: number | undefined;
  /** Something was not found, but may still be created by an earlier call: milliseconds until that is over. */
  readonly earlyMs: number | undefined;
  /** A failure that counts happened in this pass. */
  readonly failed: boolean;
  readonly draining: Draining | undefined;
}

/** Calls in progress that are waited for. */
export interface Draining {
  /** Undefined: they could not be counted. */
  readonly calls: number | undefined;
  /** Milliseconds until they are counted again. */
  readonly againMs: number;
  /** Wall clock; they are not waited for any longer. */
  readonly until: number;
}

/** What only some removals have. */
export interface RemovalOptions {
  /** Limits the removal to these kinds. */
  readonly only?: readonly LeftoverKind[];
  /** Calls in progress may end first. */
  readonly drain?: DrainLimit;
  /** Nothing of them is waited for any more. */
  readonly givenUp?: ReadonlySet<Provider>;
}

/** `firstFailureAt` is wall clock, as the status has it. */
export async function removeOutside(
  pass: Pass,
  identity: Identity,
  account: OpenAccount,
  firstFailureAt: number | undefined,
  { only, drain, givenUp }: RemovalOptions = {},
): Promise<RemovalReport> {
  const { clock, settings } = pass.dependencies;
  await pass.beforeCall();
  const unsettled = unsettledKinds(pass);
  const view = await viewForRemoval({
    identity,
    ids: pass.ids,
    routes: pass.routes,
    twilio: account.twilio,
    livekit: account.livekit,
    unsettled: new Set(unsettled.keys()),
  });
  const states = new Map<LeftoverKind, StepState>();
  const verdicts = new Map<LeftoverKind, Verdict>();
  let rateLimitedMs: number | undefined;
  let earlyUntil: number | undefined;
  let failed = false;
  const fail = (kind: LeftoverKind, verdict: Verdict) => {
    verdicts.set(kind, verdict);
    if (verdict.kind === 'rateLimited') {
      rateLimitedMs = Math.max(rateLimitedMs ?? 0, verdict.afterMs);
      states.set(kind, 'failed');
      return;
    }
    failed = true;
    const record = withFailure(pass.memory.failures.get(kind), verdict, clock.monotonic());
    pass.memory.failures.set(kind, record);
    const isAccountOver = verdict.kind === 'identity' && givenUp?.has(providerOf(kind)) === true;
    const isOver = isAccountOver || isGivenUp(record, firstFailureAt, clock.now(), settings.giveUp);
    states.set(kind, isOver ? 'givenUp' : 'failed');
  };

  for (const [kind, found] of view) {
    if (only !== undefined && !only.includes(kind)) continue;
    if (found.kind === 'gone') {
      pass.memory.failures.delete(kind);
      states.set(kind, 'gone');
    } else if (found.kind === 'early') {
      earlyUntil = Math.max(earlyUntil ?? 0, unsettled.get(kind) ?? 0);
      states.set(kind, 'failed');
    } else if (found.kind === 'unreadable') {
      fail(kind, found.verdict);
    } else if (found.kind === 'unmarked') {
      fail(kind, ownershipLost(found.targets));
    } else {
      const record = pass.memory.failures.get(kind);
      states.set(kind, isGivenUp(record, firstFailureAt, clock.now(), settings.giveUp) ? 'givenUp' : 'left');
      if (record !== undefined) verdicts.set(kind, record.verdict);
    }
  }

  /** A number that nothing of ours is on lacks no more than the route it had before: no reason to end as Corrupted. */
  const giveUpRestoring = () => {
    for (const kind of ['NumberAttachment', 'NumberRouting'] as const) {
      const [number] = targetsOf(view.get(kind));
      if (states.get(kind) !== 'givenUp' || number === undefined) continue;
      const isDetached = kind === 'NumberAttachment' && number.parentId === undefined;
      const application = isDetached ? number.voiceApplicationSid : number.onlyGivesBack;
      if (application === undefined) continue;
      giveBackNoMore(pass, application, verdicts.get(kind)?.message ?? '');
      verdicts.delete(kind);
      states.set(kind, 'gone');
    }
  };
  giveUpRestoring();

  /** A trunk that is deleted lets its numbers go: the other way to detach one. */
  const confirmLetGo = async () => {
    const [target] = targetsOf(view.get('NumberAttachment'));
    const number = await attempt(account.twilio.findNumber(identity.phoneNumber));
    if (number.kind === 'failed' || number.value?.trunkSid === target?.parentId) return;
    verdicts.delete('NumberAttachment');
    states.set('NumberAttachment', 'gone');
  };

  let detaching: Promise<void> | undefined;
  const context = {
    view,
    pass,
    account,
    identity,
    get rings() {
      return states.get('NumberAttachment') !== 'gone';
    },
    detachAccessLists: () => (detaching ??= detachAccessLists(view, pass, account)),
  };
  const removeOne = async (kind: LeftoverKind) => {
    const targets = targetsOf(view.get(kind));
    states.set(kind, 'removing');
    const removed = await attempt(removeTargets(kind, targets, context));
    if (removed.kind === 'failed') {
      fail(kind, removed.verdict);
      giveUpRestoring();
      return;
    }
    // What only has to come after the removal need not wait for its proof: a round trip less for each piece.
    states.set(kind, 'removed');
    if (kind === 'NumberAttachment') startDrain();
    startRunnable();
    const proven = await attempt(proveGone(kind, targets, context));
    if (proven.kind === 'failed') {
      fail(kind, proven.verdict);
      giveUpRestoring();
      return;
    }
    pass.memory.failures.delete(kind);
    verdicts.delete(kind);
    // A change of before may still be applied to the number: what answers a call has to stay until then.
    const isOnNumber = kind === 'NumberAttachment' || kind === 'NumberRouting';
    const until = isOnNumber ? unsettled.get(kind) : undefined;
    if (until !== undefined) earlyUntil = Math.max(earlyUntil ?? 0, until);
    states.set(kind, until === undefined ? 'gone' : 'failed');
  };
  const running = new Set<Promise<void>>();
  let broken: unknown;
  const run = (work: Promise<void>, onBroken: () => void) => {
    const task = work
      .catch((error: unknown) => {
        broken ??= error;
        onBroken();
      })
      .finally(() => {
        running.delete(task);
        startRunnable();
      });
    running.add(task);
  };
  let draining: Draining | undefined;
  // A number that rings, or rings again, may bring calls until it is detached.
  if (states.get('NumberAttachment') !== 'gone') pass.memory.drained = false;
  let isQuiet = drain === undefined || pass.memory.drained;
  let isCounting = false;
  /** Beside the proof that the number is off its trunk, and once in a pass. */
  const startDrain = () => {
    if (isQuiet || isCounting || drain === undefined) return;
    isCounting = true;
    run(
      countCalls(pass, account, { identity, view }, drain).then((found) => {
        draining = found;
        isQuiet = found === undefined;
      }),
      () => undefined,
    );
  };
  const startRunnable = () => {
    if (broken !== undefined) return;
    for (const kind of runnable(states)) {
      if (carriesCalls(kind, states)) startDrain();
      if (carriesCalls(kind, states) && !isQuiet) continue;
      run(removeOne(kind), () => states.set(kind, 'failed'));
    }
  };
  startRunnable();
  while (running.size > 0) await Promise.race(running);
  if (broken !== undefined) throw broken;
  if (states.get('NumberAttachment') === 'givenUp' && states.get('Trunk') === 'gone') {
    await confirmLetGo();
  }
  // While the number may still ring, another call may come.
  if (drain !== undefined && isQuiet && states.get('NumberAttachment') === 'gone') pass.memory.drained = true;
  const earlyMs = earlyUntil === undefined ? undefined : Math.max(earlyUntil - clock.monotonic(), 0);
  return { states, view, verdicts, rateLimitedMs, earlyMs, failed, draining };
}

/** It goes only when no call needs it. A number that cannot be detached loses its trunk at once: that ends the ringing. */
function carriesCalls(kind: LeftoverKind, states: StepStates): boolean {
  return (
    (kind === 'DispatchRule' || kind === 'InboundTrunk' || kind === 'Trunk') &&
    states.get('NumberAttachment') !== 'givenUp'
  );
}

/** The calls that are still waited for; undefined when there are none, or no more time for them. */
async function countCalls(
  pass: Pass,
  { twilio }: OpenAccount,
  { identity, view }: { readonly identity: Identity; readonly view: RemovalView },
  drain: DrainLimit,
): Promise<Draining | undefined> {
  const now = pass.dependencies.clock.now();
  const until = drainedAt(drain, now);
  const leftMs = until - now;
  const known = pass.ids;
  if (leftMs > 0) {
    await pass.beforeCall();
    const listed = await attempt(twilio.listCallsUnderWay());
    const trunkSids = targetsOf(view.get('Trunk')).map(({ id }) => id);
    const calls =
      listed.kind === 'failed'
        ? undefined
        : callsOf(listed.value, {
            phoneNumber: identity.phoneNumber,
            phoneNumberSid: known.phoneNumberSid,
            trunkSids,
            sharedTrunkSid: identity.existingTrunkSid,
          });
    if (calls !== 0) return { calls, againMs: Math.min(countAgainMs, leftMs), until };
  }
  return undefined;
}

/** Kinds that a create of ours may still make appear, and until when (monotonic milliseconds). */
function unsettledKinds(pass: Pass): ReadonlyMap<LeftoverKind, number> {
  const now = pass.dependencies.clock.monotonic();
  const until = leftoverKinds.map((kind): [LeftoverKind, number] => [kind, settledAt(pass, kind)]);
  return new Map(until.filter(([, moment]) => moment > now));
}

function ownershipLost(targets: readonly Target[]): Verdict {
  const ids = targets.map(({ id }) => id).join(', ');
  return {
    kind: 'refused',
    code: 'OwnershipUnknown',
    message: `${ids} does not carry the mark of this object any more`,
  };
}
