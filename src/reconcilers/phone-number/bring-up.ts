/**
 * Bring up: makes the outside of one living PhoneNumber what its spec says.
 *
 * Reads come first, then the finalizer with the pin in one compare-and-swap, then one step at a time (`decide.ts`), and
 * the status last. A number that turns out to be somebody else's takes what was made down again.
 */
import type { OpenAccount, Pin } from '../shared/accounts.ts';
import { type Outcome, settled } from '../shared/outcome.ts';
import { ProviderError } from '../shared/verdict.ts';
import { nextStep, type Step } from './decide.ts';
import { type Desired, desiredOf } from './desired.ts';
import { createKeysOf, execute } from './execute.ts';
import { settledAt } from './memory.ts';
import { type Identity, type LeftoverKind, leftoverKinds, type NamedAdoption, type PhoneNumberSpec } from './model.ts';
import {
  claim,
  liveUidsOf,
  isHeld,
  mismatchOf,
  pinOf,
  putFinalizerBack,
  putOn,
  recordedPin,
  rivalOf,
} from './intent.ts';
import { reconcileAnnotation } from './names.ts';
import { isTrouble, namedAdoptionOf } from './named-adoption.ts';
import {
  isWrittenAhead,
  missingOn,
  previousRoutingOf,
  provenRecord,
  removalChange,
  routingChange,
} from './number-routing.ts';
import { observe, observeNumber } from './observe.ts';
import { idsOf, isAttached, type Observed } from './observed.ts';
import type { Pass } from './pass.ts';
import { type KnownRouting, preflight } from './preflight.ts';
import { removeOutside } from './remove.ts';
import { isBarred } from './rivals.ts';
import { rotationNote, rotationSettledAt, withRotation } from './rotation.ts';
import { learned, report, reportEmpty } from './report.ts';
import { parseSpec } from './spec-schema.ts';
import {
  hasIds,
  hasLostTrunk,
  mayRestore,
  routingSettledAt,
  hasNewToken,
  isUpToDate,
  lostIds,
  mayAttach,
  noteLook,
  rest,
  restOf,
} from './standing.ts';
import { progressStatus, provisioningStatus, readyStatus, recordOf, type Trouble, troubledStatus } from './status.ts';
import { showSuspended } from './suspend.ts';
import { troubleOf } from './trouble.ts';

/** The ends of a pass that changed nothing outside, and the state it works on. */
interface Work {
  readonly pass: Pass;
  readonly pin: Pin;
  readonly account: OpenAccount;
  readonly desired: Desired;
  readonly named: NamedAdoption;
}

/** One pass over a PhoneNumber that is not being deleted. */
export async function bringUp(pass: Pass): Promise<Outcome> {
  const known = recordedPin(pass);
  if (!isHeld(pass) && known !== undefined && hasIds(pass)) await putFinalizerBack(pass, known);
  const parsed = parseSpec(pass.object.spec);
  if (parsed.kind === 'invalid') {
    return await report(pass, {
      reason: 'InvalidSpec',
      message: parsed.problems.join('; '),
      stalled: true,
      handlesToken: true,
    });
  }
  if (isUpToDate(pass) || (!isHeld(pass) && isBarred(pass.object) && !hasNewToken(pass))) return settled;

  const { spec } = parsed;
  const account = await pass.dependencies.accounts.open(spec.accountName, pass.object.namespace);
  if (account.kind === 'refused') return await report(pass, { ...account, stalled: false, callsGoOn: true });
  const pin = pinOf(spec, account);
  const mismatch = isHeld(pass) && known !== undefined ? mismatchOf(known, pin) : undefined;
  if (mismatch !== undefined) return await report(pass, mismatch);
  if (account.halt !== undefined) {
    const { reason, state, end } = account.halt;
    const message = `TelephonyAccount ${account.account} ${state}: nothing is written outside until ${end}`;
    return await report(pass, { reason, message, stalled: false, callsGoOn: true });
  }
  const restMs = restOf(pass, account);
  if (restMs > 0) return { kind: 'wait', afterMs: restMs };
  const identity: Identity = { ...pin, uid: pass.object.uid };
  const wasReady = pass.object.status.firstReadyTime !== undefined;
  const desired = withRotation(desiredOf(spec, identity, account.sipHost, wasReady), pass.object);
  const named = namedAdoptionOf(pass.object, desired);
  if (isTrouble(named)) return await report(pass, named);
  return await converge({ pass, pin, account, desired, named }, spec);
}

async function converge(work: Work, spec: PhoneNumberSpec): Promise<Outcome> {
  const { pass, pin, account, desired } = work;
  const { clock, settings } = pass.dependencies;
  const observedAt = clock.monotonic();
  let observed: Observed | undefined;
  try {
    observed =
      desired.voice === 'webhook'
        ? await observeNumber(
            desired.identity,
            account.twilio,
            () => pass.beforeCall(),
            pass.object.status.pinned === undefined,
          )
        : await observe(
            desired.identity,
            pass.ids,
            account.twilio,
            account.livekit,
            () => pass.beforeCall(),
            async () => await liveUidsOf(pass, pin),
            {
              isComplete: pass.memory.mustLook,
              named: work.named,
              wantsOutbound: desired.outbound !== undefined,
            },
          );
    noteLook(pass);
    if (hasLostTrunk(pass, observed)) pass.memory.routing = 'Detached';
    pass.memory.ids = idsOf(observed);
    const refused = preflight(desired, account, observed, routingKnownTo(pass), settings.trunkLimit);
    if (refused !== undefined) {
      // A rival comes first: its number is routed to it, and waiting for that to end is not for everybody (rivals.ts).
      const rival = isHeld(pass) ? undefined : await rivalOf(pass, pin);
      return await refuse(work, observed, observedAt, rival ?? refused);
    }
    const previous = desired.takesOver
      ? previousRoutingOf(observed.number, desired.webhooks, pass.routes.record, observed.trunk?.sid)
      : undefined;
    const written = {
      ...(previous !== undefined && { previousRouting: previous }),
      ...(Object.keys(desired.webhooks).length > 0 && { routingTo: desired.webhooks }),
    };
    if (isHeld(pass)) {
      // A finalizer that was restored or copied by hand: the pin has to be there before anything is made. So has what is
      // taken over, also when somebody allows it later.
      const isUnwritten = previous !== undefined && pass.object.status.previousRouting === undefined;
      if (recordedPin(pass) === undefined || isUnwritten) {
        await putOn(pass, pin, previous === undefined ? {} : { previousRouting: previous });
      }
    } else {
      const rival = await claim(pass, pin, written);
      if (rival !== undefined) return await report(pass, rival);
    }
    pass.reportProgress(() =>
      progressStatus(pass.object, pin, learned(pass, observed), `Preparing ${pin.phoneNumber}`, pass.timestamp()),
    );
    await forgetLost(work, observed);
    const routingWaitMs = await recordRouting(work, observed, observedAt);
    if (routingWaitMs > 0) return await waitForLateCreate(work, observed, routingWaitMs);
    let isRenewed = false;
    for (;;) {
      const step: Step = nextStep(desired, observed, {
        mayAttach: mayAttach(pass, observed),
        restores: mayRestore(pass),
        ...pass.routes,
      });
      if (step.kind === 'converged') {
        const note = rotationNote(pass, desired);
        const outcome = desired.suspended
          ? await showSuspended(pass, pin, desired, observed, observedAt)
          : await finish(work, observed, observedAt, spec);
        if (note !== undefined) pass.event(note);
        return isRenewed ? lookForLateCredential(pass, outcome) : outcome;
      }
      const waitMs = untilSettled(pass, step, observedAt);
      if (waitMs > 0) return await waitForLateCreate(work, observed, waitMs);
      const next = await advance(work, step, observed);
      if (next === undefined) return await report(pass, removalTrouble(work));
      observed = next;
      if (step.kind === 'renewCredential' && step.outboundId !== undefined) isRenewed = true;
      pass.memory.ids = idsOf(observed);
      if (isAttached(observed)) pass.memory.routing = 'Attached';
      else if (step.kind === 'detachNumber') pass.memory.routing = 'Detached';
      if (step.kind !== 'rereadNumber' && step.kind !== 'checkDuplicates') continue;
      const late = preflight(desired, account, observed, routingKnownTo(pass), Number.POSITIVE_INFINITY);
      if (late !== undefined) return await refuse(work, observed, observedAt, late);
    }
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    const isEmpty =
      error.verdict.kind === 'refused' &&
      observed !== undefined &&
      isHeld(pass) &&
      isEmptyOutside(work, observed, observedAt);
    const outcome = isEmpty
      ? await reportEmpty(pass, troubleOf(error), error)
      : await report(pass, troubleOf(error), observed, error);
    return outcome.kind === 'wait' ? rest(pass, account, outcome.afterMs) : outcome;
  }
}

/**
 * What is recorded and not there any more is forgotten before anything takes its place: whoever comes after a crash must
 * look for the new one by its mark, and wait for it.
 */
async function forgetLost({ desired, pass, pin }: Work, observed: Observed): Promise<void> {
  const lost = lostIds(pass, desired);
  if (lost.length === 0) return;
  const note = `${lost.join(', ')} of ${pin.phoneNumber} cannot be found any more; it is made again`;
  await pass.writeStatus(provisioningStatus(pass.object, pin, learned(pass, observed), note, pass.timestamp()));
  pass.event({ type: 'Warning', reason: 'Provisioning', action: 'Repair', note });
}

function routingKnownTo({ routes, routing }: Pass): KnownRouting {
  return { routing, record: routes.record };
}

/**
 * What is put on the number is written down first, so that whoever comes after a crash knows it as ours. Answers how many
 * milliseconds that has to wait: what was sent before may still be applied, and has to stay known until then.
 */
async function recordRouting({ desired, pass, pin }: Work, observed: Observed, observedAt: number): Promise<number> {
  const { number } = observed;
  if (number === undefined) return 0;
  const { record } = pass.routes;
  const permissions = { takesOver: desired.takesOver, restores: mayRestore(pass) };
  const change = routingChange(number, desired.webhooks, pass.routes, permissions);
  if (change === undefined || isWrittenAhead(change, record)) return 0;
  const moment = settledAt(pass, 'NumberRouting');
  if (moment > observedAt) return Math.max(moment - pass.dependencies.clock.monotonic(), 1);
  const known = {
    ...learned(pass, observed),
    routedTo: provenRecord(number, record),
    routingTo: desired.webhooks,
  };
  const message = `Changing where ${pin.phoneNumber} is routed`;
  await pass.writeStatus(provisioningStatus(pass.object, pin, known, message, pass.timestamp()));
  return 0;
}

/** A credential that an earlier process asked for may still appear beside the one in force, and has to go then. */
function lookForLateCredential({ dependencies, memory }: Pass, outcome: Outcome): Outcome {
  const waitMs = memory.foundSettledAt - dependencies.clock.monotonic();
  if (waitMs <= 0 || outcome.kind !== settled.kind) return outcome;
  memory.mustLook = true;
  return { kind: 'wait', afterMs: waitMs };
}

/** One step; `undefined` when a partial removal did not end in this pass. */
async function advance(
  { pass, account, desired }: Work,
  step: Step,
  observed: Observed,
): Promise<Observed | undefined> {
  switch (step.kind) {
    case 'removeOutbound': {
      const kinds = ['OutboundTrunk', 'Credential', 'CredentialList', 'IpAccessControlList'] as const;
      if (!(await removePart(pass, desired.identity, account, kinds))) return undefined;
      return { ...observed, outbound: undefined, credentials: [], credentialList: undefined, ...withoutAddresses };
    }
    case 'removeIpAccessControlList':
      if (!(await removePart(pass, desired.identity, account, ['IpAccessControlList']))) return undefined;
      return { ...observed, ...withoutAddresses };
    case 'converged':
      return observed;
    default:
      return await execute(step, desired, observed, account, pass);
  }
}

const withoutAddresses = { ipAccessControlList: undefined, ipAddresses: [], attachedIpAccessControlLists: [] } as const;

async function removePart(
  pass: Pass,
  identity: Identity,
  account: OpenAccount,
  kinds: readonly LeftoverKind[],
): Promise<boolean> {
  const { states } = await removeOutside(pass, identity, account, undefined, { only: kinds });
  return [...states.values()].every((state) => state === 'gone');
}

function removalTrouble({ pin }: Work): Trouble {
  return {
    reason: 'RemovalFailed',
    message: `Cannot remove what the spec of ${pin.phoneNumber} no longer asks for; it is tried again`,
    stalled: false,
    callsGoOn: true,
  };
}

/** Everything is as desired, but for the number when it may not be attached. */
async function finish(work: Work, observed: Observed, observedAt: number, spec: PhoneNumberSpec): Promise<Outcome> {
  const { pass, pin, desired } = work;
  const isRouted = desired.voice === 'webhook' || isAttached(observed);
  const [cleared] = observed.number === undefined ? [] : missingOn(observed.number, desired.webhooks);
  if (!isRouted || cleared !== undefined) {
    const what = isRouted ? `had its ${cleared} webhook cleared` : 'was taken off its trunk';
    const isAway = !isRouted || cleared === 'voice';
    return await report(
      pass,
      {
        reason: 'RoutingChangedElsewhere',
        message:
          `${pin.phoneNumber} ${what} by somebody else${isAway ? ', so calls do not get to where they should' : ''}; ` +
          `kubectl annotate -n ${pass.object.namespace} phonenumber ${pass.object.name} ${reconcileAnnotation}=$(date +%s) --overwrite attaches it again`,
        stalled: true,
        callsGoOn: !isAway,
        handlesToken: true,
        handlesRotation: true,
      },
      observed,
    );
  }
  const outbound = spec.sipTrunk?.outbound;
  const outboundIsOpen = outbound?.enabled === true && outbound.allowedCidrs.length === 0;
  const { webhooks } = desired;
  const settledMoment = routingSettledAt(pass, webhooks);
  const isSettled = settledMoment <= observedAt;
  const wasReady = pass.object.status.phase === 'Ready';
  await pass.writeStatus(
    readyStatus(pass.object, pin, observed, { isSettled, outboundIsOpen, webhooks }, pass.timestamp()),
  );
  if (!wasReady) {
    pass.event({
      type: 'Normal',
      reason: 'Ready',
      action: 'Provision',
      note:
        observed.trunk === undefined
          ? `${pin.phoneNumber} is routed to its webhook`
          : `${pin.phoneNumber} is attached to trunk ${observed.trunk.sid}`,
    });
  }
  if (isSettled) {
    pass.memory.unsettledCreates.delete('NumberRouting');
    return settled;
  }
  pass.memory.mustLook = true;
  return { kind: 'wait', afterMs: Math.max(settledMoment - pass.dependencies.clock.monotonic(), 1) };
}

/** A refusal: what was made before the number was attached comes down again, and the finalizer with it. */
async function refuse(work: Work, observed: Observed, observedAt: number, refusal: Trouble): Promise<Outcome> {
  const { pass, account, desired } = work;
  if (!isHeld(pass)) return await report(pass, refusal, observed);
  if (isEmptyOutside(work, observed, observedAt)) return await reportEmpty(pass, refusal);
  const ours = refusal.reason === 'OwnershipTaken' || refusal.reason === 'OwnershipUnknown';
  // What is kept for a number that is to come back is not taken down because the number is away.
  if (pass.routing === 'Attached' || desired.suspended || ours) {
    return await report(pass, { ...refusal, handlesToken: true }, observed);
  }
  pass.reportProgress(() => troubledStatus(pass.object, work.pin, learned(pass, observed), refusal, pass.timestamp()));
  const removal = await removeOutside(pass, desired.identity, account, undefined);
  if ([...removal.states.values()].every((state) => state === 'gone')) return await reportEmpty(pass, refusal);
  await report(pass, refusal, observed);
  const waitMs = Math.max(removal.earlyMs ?? 0, removal.rateLimitedMs ?? 0);
  return waitMs > 0 && !removal.failed ? { kind: 'wait', afterMs: waitMs } : { kind: 'retry' };
}

/** Every role is proven absent: not observed, and no create can still make it appear. */
function isEmptyOutside({ pass, pin }: Pick<Work, 'pass' | 'pin'>, observed: Observed, observedAt: number): boolean {
  const { trunk, inbound, rule, outbound, credentialList, ipAccessControlList } = observed;
  const ownTrunk = observed.trunkIsBorrowed ? undefined : trunk;
  const found = [ownTrunk, inbound, rule, outbound, credentialList, ipAccessControlList].some(
    (one) => one !== undefined,
  );
  if (found || observed.duplicates.length > 0 || observed.lostOwnership.length > 0) return false;
  const { number } = observed;
  const isRouted = number !== undefined && removalChange(number, pass.routes, pin.voice === 'webhook') !== undefined;
  if (isRouted) return false;
  return leftoverKinds.every((kind) => settledAt(pass, kind) <= observedAt);
}

function untilSettled(pass: Pass, step: Step, observedAt: number): number {
  const moment = Math.max(rotationSettledAt(pass, step), ...createKeysOf(step).map((key) => settledAt(pass, key)));
  // The read that lacked it has to have begun after that moment.
  return moment <= observedAt ? 0 : Math.max(moment - pass.dependencies.clock.monotonic(), 1);
}

async function waitForLateCreate({ pass, pin }: Work, observed: Observed, waitMs: number): Promise<Outcome> {
  const until = pass.timestamp(pass.dependencies.clock.now() + waitMs);
  const message = `Waits until ${until}: something created earlier may still appear, and nothing is created twice`;
  await pass.writeStatus(provisioningStatus(pass.object, pin, recordOf(observed), message, pass.timestamp()));
  return { kind: 'wait', afterMs: waitMs };
}
