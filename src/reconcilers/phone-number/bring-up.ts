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
import { createKeyOf, execute } from './execute.ts';
import { settledAt } from './memory.ts';
import { type Identity, type LeftoverKind, leftoverKinds, type PhoneNumberSpec } from './model.ts';
import { finalizer, intentAnnotation, reconcileAnnotation } from './names.ts';
import { idsOf, observe } from './observe.ts';
import type { Observed } from './observed.ts';
import type { Pass } from './pass.ts';
import { isUnrouted, preflight } from './preflight.ts';
import { removeOutside } from './remove.ts';
import { isBarred, rivalTrouble } from './rivals.ts';
import { accountNameOf, parseIntent, parsePhoneNumber, parseSpec, phoneNumberOf } from './schema.ts';
import { provisioningStatus, readyStatus, recordOf, type Trouble, troubledStatus } from './status.ts';
import { troubleOf } from './trouble.ts';

/** The ends of a pass that changed nothing outside, and the state it works on. */
interface Work {
  readonly pass: Pass;
  readonly pin: Pin;
  readonly account: OpenAccount;
  readonly desired: Desired;
}

/** One pass over a PhoneNumber that is not being deleted. */
export async function bringUp(pass: Pass): Promise<Outcome> {
  const known = pass.object.status.pinned ?? parseIntent(pass.object.annotations[intentAnnotation]);
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
  if (account.paused) {
    const message = `TelephonyAccount ${account.account} is paused: nothing is written outside until spec.paused is false`;
    return await report(pass, { reason: 'Paused', message, stalled: false, callsGoOn: true });
  }
  const identity: Identity = { ...pin, uid: pass.object.uid };
  return await converge({ pass, pin, account, desired: desiredOf(spec, identity, account.sipHost) }, spec);
}

async function converge(work: Work, spec: PhoneNumberSpec): Promise<Outcome> {
  const { pass, pin, account, desired } = work;
  const { clock, settings } = pass.dependencies;
  const observedAt = clock.monotonic();
  let observed: Observed | undefined;
  if (isHeld(pass)) {
    const progress = `Preparing ${pin.phoneNumber}`;
    pass.reportProgress(() =>
      provisioningStatus(pass.object, pin, learned(pass, observed), progress, pass.timestamp()),
    );
  }
  try {
    observed = await observe(desired.identity, pass.ids, account.twilio, account.livekit, () => pass.beforeCall());
    pass.memory.ids = idsOf(observed);
    const refusal = preflight(desired.identity, account, observed, routingOf(pass), settings.trunkLimit);
    if (refusal !== undefined) return await refuse(work, observed, observedAt, refusal);
    if (!isHeld(pass)) {
      const rival = await claim(work);
      if (rival !== undefined) return await report(pass, rival);
      const progress = `Preparing ${pin.phoneNumber}`;
      pass.reportProgress(() =>
        provisioningStatus(pass.object, pin, learned(pass, observed), progress, pass.timestamp()),
      );
    }
    for (;;) {
      const step: Step = nextStep(desired, observed, mayAttach(pass, observed));
      if (step.kind === 'converged') return await finish(work, observed, spec);
      const waitMs = untilSettled(pass, step, observedAt);
      if (waitMs > 0) return await waitForLateCreate(work, observed, waitMs);
      const next = await advance(work, step, observed);
      if (next === undefined) return await report(pass, removalTrouble(work));
      observed = next;
      pass.memory.ids = idsOf(observed);
      if (observed.trunk !== undefined && observed.number?.trunkSid === observed.trunk.sid)
        pass.memory.routing = 'Attached';
      if (step.kind !== 'rereadNumber' && step.kind !== 'checkDuplicates') continue;
      const late = preflight(desired.identity, account, observed, routingOf(pass), Number.POSITIVE_INFINITY);
      if (late !== undefined) return await refuse(work, observed, observedAt, late);
    }
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    if (
      error.verdict.kind === 'refused' &&
      observed !== undefined &&
      isHeld(pass) &&
      isEmptyOutside(pass, observed, observedAt)
    ) {
      await takeFinalizerOff(pass);
    }
    return await report(pass, troubleOf(error), observed, error);
  }
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
  const { states } = await removeOutside(pass, identity, account, undefined, kinds);
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
async function finish(work: Work, observed: Observed, spec: PhoneNumberSpec): Promise<Outcome> {
  const { pass, pin } = work;
  if (observed.trunk === undefined || observed.number?.trunkSid !== observed.trunk.sid) {
    return await report(
      pass,
      {
        reason: 'RoutingChangedElsewhere',
        message:
          `${pin.phoneNumber} was taken off its trunk by somebody else, so calls do not reach LiveKit; ` +
          `kubectl annotate -n ${pass.object.namespace} phonenumber ${pass.object.name} ${reconcileAnnotation}=$(date +%s) --overwrite attaches it again`,
        stalled: true,
        handlesToken: true,
      },
      observed,
    );
  }
  const { outbound } = spec.sipTrunk;
  const wasReady = pass.object.status.phase === 'Ready';
  await pass.writeStatus(
    readyStatus(pass.object, pin, observed, outbound.enabled && outbound.allowedCidrs.length === 0, pass.timestamp()),
  );
  if (!wasReady) {
    pass.event({
      type: 'Normal',
      reason: 'Ready',
      action: 'Provision',
      note: `${pin.phoneNumber} is attached to trunk ${observed.trunk.sid}`,
    });
  }
  return settled;
}

/** A refusal: what was made before the number was attached comes down again, and the finalizer with it. */
async function refuse(work: Work, observed: Observed, observedAt: number, refusal: Trouble): Promise<Outcome> {
  const { pass, account, desired } = work;
  if (!isHeld(pass)) return await report(pass, refusal, observed);
  if (isEmptyOutside(pass, observed, observedAt)) {
    await takeFinalizerOff(pass);
    return await report(pass, refusal);
  }
  const ours = refusal.reason === 'OwnershipTaken' || refusal.reason === 'OwnershipUnknown';
  if (routingOf(pass) === 'Attached' || ours) {
    return await report(pass, { ...refusal, handlesToken: true }, observed);
  }
  const removal = await removeOutside(pass, desired.identity, account, undefined);
  if ([...removal.states.values()].every((state) => state === 'gone')) {
    pass.memory.ids = {};
    await takeFinalizerOff(pass);
    return await report(pass, refusal);
  }
  await report(pass, refusal, observed);
  const waitMs = removal.earlyMs ?? removal.rateLimitedMs;
  return waitMs === undefined ? { kind: 'retry' } : { kind: 'wait', afterMs: waitMs };
}

/** Takes the number for this object: nobody else has it, then finalizer and pin in one compare-and-swap. */
async function claim({ pass, pin }: Work): Promise<Trouble | undefined> {
  const { accounts, memories, store } = pass.dependencies;
  return await memories.claiming(`${pin.accountSid} ${pin.phoneNumber}`, async () => {
    const named = await store.listByNumber(pin.phoneNumber);
    const rivals = named
      .map(parsePhoneNumber)
      .filter(
        ({ status, spec }) =>
          (status.pinned?.accountSid ?? accounts.accountSidOf(accountNameOf(spec))) === pin.accountSid,
      );
    const trouble = rivalTrouble(pass.object, rivals);
    if (trouble !== undefined) return trouble;
    await pass.patchMetadata({
      finalizers: [...pass.object.finalizers, finalizer],
      annotations: { [intentAnnotation]: JSON.stringify(pin) },
    });
    // Nothing of this object existed before: no earlier process can have created anything for it.
    pass.memory.foundSettledAt = Number.NEGATIVE_INFINITY;
    return undefined;
  });
}

/** Somebody took the finalizer off a living object: without it a deletion would leave everything behind. */
async function putFinalizerBack(pass: Pass, pin: Pin): Promise<void> {
  await pass.patchMetadata({
    finalizers: [...pass.object.finalizers, finalizer],
    annotations: { [intentAnnotation]: JSON.stringify(pin) },
  });
  pass.event({
    type: 'Warning',
    reason: 'Provisioning',
    action: 'RestoreFinalizer',
    note: `The finalizer ${finalizer} had been removed and was put back; without it a deletion would leave everything behind`,
  });
}

/** Nothing of ours is outside. */
async function takeFinalizerOff(pass: Pass): Promise<void> {
  await pass.patchMetadata({
    finalizers: pass.object.finalizers.filter((name) => name !== finalizer),
    annotations: { [intentAnnotation]: null },
  });
  pass.memory.ids = {};
}

/** Every role is proven absent: not observed, and no create can still make it appear. */
function isEmptyOutside(pass: Pass, observed: Observed, observedAt: number): boolean {
  const { trunk, inbound, rule, outbound, credentialList, ipAccessControlList } = observed;
  const found = [trunk, inbound, rule, outbound, credentialList, ipAccessControlList].some((one) => one !== undefined);
  if (found || observed.duplicates.length > 0 || observed.lostOwnership.length > 0) return false;
  return leftoverKinds.every((kind) => settledAt(pass.memory, pass.ids, kind) <= observedAt);
}

function untilSettled(pass: Pass, step: Step, observedAt: number): number {
  const key = createKeyOf(step);
  if (key === undefined) return 0;
  const moment = settledAt(pass.memory, pass.ids, key);
  // The read that lacked it has to have begun after that moment.
  return moment <= observedAt ? 0 : Math.max(moment - pass.dependencies.clock.monotonic(), 1);
}

async function waitForLateCreate({ pass, pin }: Work, observed: Observed, waitMs: number): Promise<Outcome> {
  const until = pass.timestamp(pass.dependencies.clock.now() + waitMs);
  const message = `Waits until ${until}: something created earlier may still appear, and nothing is created twice`;
  await pass.writeStatus(provisioningStatus(pass.object, pin, recordOf(observed), message, pass.timestamp()));
  return { kind: 'wait', afterMs: waitMs };
}

/** Ends a pass with what stands in the way; the pin stays only while the finalizer does. */
async function report(pass: Pass, trouble: Trouble, observed?: Observed, error?: ProviderError): Promise<Outcome> {
  const { status, annotations } = pass.object;
  const pinned = isHeld(pass) ? (status.pinned ?? parseIntent(annotations[intentAnnotation])) : undefined;
  const before = status.conditions.find(({ type }) => type === 'Synced')?.reason;
  const known = isHeld(pass)
    ? learned(pass, observed)
    : { ids: {}, originationUrlSids: [], trunkDomainName: undefined, routing: undefined };
  await pass.writeStatus(troubledStatus(pass.object, pinned, known, trouble, pass.timestamp()));
  if (before !== trouble.reason) {
    pass.event({ type: 'Warning', reason: trouble.reason, action: 'Provision', note: trouble.message });
  }
  if (trouble.stalled) return settled;
  if (trouble.reason === 'RemovalFailed') return { kind: 'retry' };
  const verdict = error?.verdict;
  // A definite refusal would only be repeated, and put the finalizer on and take it off again each time.
  if (verdict === undefined || verdict.kind === 'refused')
    return { kind: 'wait', afterMs: pass.dependencies.settings.recheckMs };
  return verdict.kind === 'rateLimited' && verdict.afterMs > 0
    ? { kind: 'wait', afterMs: verdict.afterMs }
    : { kind: 'retry' };
}

/** What may be written of an object that is not done: ids that are known, also of creates in this very pass. */
function learned(pass: Pass, observed: Observed | undefined) {
  const { trunkDomainName, originationUrlSids } = pass.object.status;
  return {
    ids: pass.ids,
    routing: routingOf(pass),
    trunkDomainName: observed?.trunk?.domainName ?? trunkDomainName,
    originationUrlSids: observed?.originationUrls.map(({ sid }) => sid) ?? originationUrlSids,
  };
}

function isHeld(pass: Pass): boolean {
  return pass.object.finalizers.includes(finalizer);
}

function hasIds(pass: Pass): boolean {
  const { phoneNumberSid: _theirs, ...ours } = pass.object.status.ids;
  return Object.values(ours).some((id) => id !== undefined);
}

function hasNewToken({ object }: Pass): boolean {
  const token = object.annotations[reconcileAnnotation];
  return token !== undefined && token !== object.status.lastHandledReconcile;
}

/** Nothing has changed since everything was as desired. */
function isUpToDate(pass: Pass): boolean {
  const { status, generation } = pass.object;
  const synced = status.conditions.find(({ type }) => type === 'Synced');
  return (
    isHeld(pass) &&
    status.phase === 'Ready' &&
    synced?.status === 'True' &&
    synced.observedGeneration === generation &&
    status.routing === 'Attached' &&
    !hasNewToken(pass)
  );
}

function routingOf(pass: Pass): 'Attached' | 'Detached' | undefined {
  return pass.memory.routing ?? pass.object.status.routing;
}

/** A number that was attached and is not any more was taken off by somebody: only a person's token attaches it again. */
function mayAttach(pass: Pass, { number }: Observed): boolean {
  return routingOf(pass) !== 'Attached' || (hasNewToken(pass) && number !== undefined && isUnrouted(number));
}

function pinOf(spec: PhoneNumberSpec, account: OpenAccount): Pin {
  return {
    account: account.account,
    accountSid: account.accountSid,
    livekitUrl: account.livekitUrl,
    ownerId: account.ownerId,
    phoneNumber: phoneNumberOf(spec) ?? spec.phoneNumber,
  };
}

function mismatchOf(known: Pin, pin: Pin): Trouble | undefined {
  const differing = (['accountSid', 'livekitUrl', 'ownerId', 'phoneNumber'] as const).filter(
    (field) => known[field] !== pin[field],
  );
  if (differing.length === 0) return undefined;
  const list = differing.map((field) => `${field} ${pin[field]} instead of ${known[field]}`).join(', ');
  return {
    reason: 'AccountMismatch',
    message: `TelephonyAccount ${pin.account} now has ${list}; what was made stays where it is. Put the account back, or delete this object first`,
    stalled: true,
  };
}
