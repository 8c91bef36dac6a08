/**
 * Status, pure: what a PhoneNumber shows. One function per situation; nothing else sets a condition or a phase.
 *
 * A message says what failed, since when and what happens when, in absolute times; it never counts, because a count
 * would be a write per retry.
 */
import type { Pin } from '../shared/accounts.ts';
import { type Finding, withFindings } from '../shared/conditions.ts';
import type { Reason } from '../shared/reasons.ts';
import { idsOf, type Observed } from './observed.ts';
import type { DeletionStatus, Leftover, Phase, PhoneNumber, PhoneNumberStatus, Webhooks } from './model.ts';
import { hostOf } from './number-routing.ts';
import type { KnownOutside } from './remaining.ts';
import { reconcileAnnotation, retryDeleteAnnotation, rotateCredentialAnnotation } from './names.ts';

/** What a situation changes; everything else of the status stays. */
type Change = Partial<Omit<PhoneNumberStatus, 'conditions' | 'phase'>>;

function withPhase(
  object: PhoneNumber,
  now: string,
  phase: Phase,
  findings: readonly Finding[],
  change: Change,
): PhoneNumberStatus {
  return {
    ...object.status,
    ...change,
    observedGeneration: object.generation,
    phase,
    conditions: withFindings(object.status.conditions, findings, object.generation, now),
  };
}

function finding(type: string, status: Finding['status'], reason: Reason, message: string): Finding {
  return { type, status, reason, message };
}

/** The fields that a live object takes from what was observed. Nothing of a deletion belongs on a live object. */
export function recordOf(observed: Observed): Change {
  return {
    ids: idsOf(observed),
    trunkDomainName: observed.trunk?.domainName,
    originationUrlSids: observed.originationUrls.map(({ sid }) => sid),
    leftovers: [],
    deletion: undefined,
  };
}

/** What was read back from the number; without a message webhook whoever had the messages before has them again. */
function routed({ status }: PhoneNumber, webhooks: Webhooks, isSettled: boolean): Change {
  const { smsApplicationSid: _given, ...others } = status.previousRouting ?? {};
  const previousRouting = Object.keys(others).length === 0 ? undefined : others;
  return {
    routedTo: Object.keys(webhooks).length === 0 ? undefined : webhooks,
    // What may still be applied has to stay known.
    routingTo: isSettled ? undefined : status.routingTo,
    previousRouting: webhooks.sms === undefined ? previousRouting : status.previousRouting,
  };
}

/** Everything is there, the number is routed and both were read back. */
export function readyStatus(
  object: PhoneNumber,
  pinned: Pin,
  observed: Observed,
  {
    isSettled,
    outboundIsOpen,
    webhooks,
  }: { readonly isSettled: boolean; readonly outboundIsOpen: boolean; readonly webhooks: Webhooks },
  now: string,
): PhoneNumberStatus {
  const warning = outboundIsOpen
    ? ' OutboundOpenToInternet: outbound calls are restricted by the SIP credential alone; set outbound.allowedCidrs where LiveKit has fixed addresses'
    : '';
  const { equalWildcards } = observed;
  const conflict =
    equalWildcards.length > 0
      ? ` But rules of others take every call and are equal, so that LiveKit refuses every call of the project; delete all but one: ${equalWildcards.join(', ')}`
      : '';
  const calls = webhooks.voice === undefined ? 'reach LiveKit' : `go to the webhook on ${hostOf(webhooks.voice.url)}`;
  const messages = webhooks.sms === undefined ? '' : ` Text messages go to the webhook on ${hostOf(webhooks.sms.url)}.`;
  const message = `Calls to ${pinned.phoneNumber} ${calls}.${messages}${conflict}${warning}`;
  return withPhase(
    object,
    now,
    'Ready',
    [
      finding('Ready', 'True', 'Ready', message),
      finding('Synced', 'True', 'Ready', 'Everything outside is as the spec says'),
      finding('Stalled', 'False', 'Ready', ''),
      finding('Corrupted', 'False', 'Ready', ''),
    ],
    {
      ...recordOf(observed),
      ...routed(object, webhooks, isSettled),
      pinned,
      routing: 'Attached',
      firstReadyTime: object.status.firstReadyTime ?? now,
      lastHandledReconcile: object.annotations[reconcileAnnotation],
      lastHandledRotation: object.annotations[rotateCredentialAnnotation],
    },
  );
}

/** Everything is there but the number, which is kept off its trunk or webhook. `isSettled`: it surely stays off. */
export function suspendedStatus(
  object: PhoneNumber,
  pinned: Pin,
  observed: Observed,
  {
    isSettled,
    message,
    webhooks,
  }: { readonly isSettled: boolean; readonly message: string; readonly webhooks: Webhooks },
  now: string,
): PhoneNumberStatus {
  return withPhase(
    object,
    now,
    'Suspended',
    [
      finding('Ready', 'False', 'Suspended', message),
      finding('Synced', isSettled ? 'True' : 'False', 'Suspended', message),
      finding('Stalled', 'False', 'Suspended', ''),
      finding('Corrupted', 'False', 'Suspended', ''),
    ],
    {
      ...recordOf(observed),
      ...routed(object, webhooks, isSettled),
      pinned,
      routing: 'Detached',
      lastHandledReconcile: object.annotations[reconcileAnnotation],
      lastHandledRotation: object.annotations[rotateCredentialAnnotation],
    },
  );
}

/** Work goes on: a pass that takes long, or one that waits. */
export function provisioningStatus(
  object: PhoneNumber,
  pinned: Pin,
  known: Change,
  message: string,
  now: string,
): PhoneNumberStatus {
  const wasReady = isReady(object) && known.routing !== 'Detached';
  return withPhase(
    object,
    now,
    wasReady ? 'Ready' : 'Provisioning',
    [
      ...(wasReady ? [] : [finding('Ready', 'False', 'Provisioning', message)]),
      finding('Synced', 'False', 'Provisioning', message),
      finding('Stalled', 'False', 'Provisioning', ''),
      finding('Corrupted', 'False', 'Provisioning', ''),
    ],
    { deletion: undefined, leftovers: [], ...known, pinned },
  );
}

/** Failures that are tried again by themselves. */
const triedAgain: readonly string[] = ['ProviderError', 'RateLimited', 'RemovalFailed'] satisfies readonly Reason[];

/** A pass that takes long. A failure that is tried again stays told: else each try would cost two writes. */
export function progressStatus(
  object: PhoneNumber,
  pinned: Pin,
  known: Change,
  message: string,
  now: string,
): PhoneNumberStatus {
  const synced = object.status.conditions.find(({ type }) => type === 'Synced');
  const isTold =
    synced?.status === 'False' && synced.observedGeneration === object.generation && triedAgain.includes(synced.reason);
  return isTold ? { ...object.status, ...known, pinned } : provisioningStatus(object, pinned, known, message, now);
}

/** What stands in the way of a live object. */
export interface Trouble {
  readonly reason: Reason;
  readonly message: string;
  /** Only a person can change it: kstatus' Stalled. */
  readonly stalled: boolean;
  /** A number that works keeps working: only the update is stuck, not the calls. */
  readonly callsGoOn?: boolean;
  /** The token was looked at and cannot help. */
  readonly handlesToken?: boolean;
  /** Everything but the number is as desired, the credential too. */
  readonly handlesRotation?: boolean;
}

/** Something refuses, fails or is missing. `pinned` is absent when nothing of ours exists outside. */
export function troubledStatus(
  object: PhoneNumber,
  pinned: Pin | undefined,
  known: Change,
  trouble: Trouble,
  now: string,
): PhoneNumberStatus {
  const { reason, message, stalled } = trouble;
  const stillReady = trouble.callsGoOn === true && isReady(object) && known.routing !== 'Detached';
  const transient = reason === 'ProviderError' || reason === 'RateLimited' || reason === 'Provisioning';
  const handled =
    trouble.handlesToken === true ? object.annotations[reconcileAnnotation] : object.status.lastHandledReconcile;
  return withPhase(
    object,
    now,
    stillReady ? 'Ready' : transient ? 'Provisioning' : 'Failed',
    [
      ...(stillReady ? [] : [finding('Ready', 'False', reason, message)]),
      finding('Synced', 'False', reason, message),
      finding('Stalled', stalled ? 'True' : 'False', reason, stalled ? message : ''),
      finding('Corrupted', 'False', reason, ''),
    ],
    {
      deletion: undefined,
      leftovers: [],
      ...known,
      pinned,
      lastHandledReconcile: handled,
      ...(trouble.handlesRotation === true && { lastHandledRotation: object.annotations[rotateCredentialAnnotation] }),
    },
  );
}

/** Whether calls reached LiveKit when the object was looked at last. */
export function isReady(object: PhoneNumber): boolean {
  return object.status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

/** The first write of a deletion: the policy is taken from the spec here, and the spec is never read again. */
export function deletionBegunStatus(
  object: PhoneNumber,
  pinned: Pin | undefined,
  policy: string,
  now: string,
): PhoneNumberStatus {
  const message = 'The number is being detached and everything behind it removed';
  return withPhase(object, now, 'Deleting', deletingFindings('Deleting', message), {
    pinned,
    leftovers: [],
    deletion: {
      policy,
      firstFailureTime: undefined,
      drainingSince: undefined,
      lastHandledRetry: object.status.deletion?.lastHandledRetry,
    },
  });
}

function deletingFindings(reason: Reason, message: string): readonly Finding[] {
  return [
    finding('Ready', 'False', reason, message),
    finding('Synced', 'False', reason, message),
    finding('Stalled', 'False', reason, ''),
    finding('Corrupted', 'False', reason, ''),
  ];
}

/** A deletion that goes on: it waits, or something failed and is tried again. A time that is not named is forgotten. */
export function deletingStatus(
  object: PhoneNumber,
  known: KnownOutside,
  reason: Reason,
  message: string,
  { firstFailureTime, drainingSince }: Pick<DeletionStatus, 'firstFailureTime' | 'drainingSince'>,
  now: string,
): PhoneNumberStatus {
  return withPhase(object, now, 'Deleting', deletingFindings(reason, message), {
    ...known,
    deletion: {
      policy: object.status.deletion?.policy ?? '',
      firstFailureTime,
      drainingSince,
      lastHandledRetry: object.status.deletion?.lastHandledRetry,
    },
  });
}

/** A person asked to try again: a fresh deletion, written before any external call. */
export function retriedStatus(object: PhoneNumber, token: string, now: string): PhoneNumberStatus {
  const message = 'Removal was started again by the retry-delete annotation';
  return withPhase(object, now, 'Deleting', deletingFindings('Deleting', message), {
    leftovers: [],
    // Named, although absent: what is not named would stay as it is stored.
    deletion: {
      policy: object.status.deletion?.policy ?? '',
      firstFailureTime: undefined,
      drainingSince: undefined,
      lastHandledRetry: token,
    },
  });
}

/** Taking apart failed. The retry token that is there now counts as handled: it was put on before. */
export function corruptedStatus(
  object: PhoneNumber,
  known: KnownOutside,
  reason: Reason,
  leftovers: readonly Leftover[],
  now: string,
): PhoneNumberStatus {
  const message = corruptedMessage(object, reason, leftovers);
  return withPhase(
    object,
    now,
    'Corrupted',
    [
      finding('Ready', 'False', reason, message),
      finding('Synced', 'False', reason, message),
      finding('Stalled', 'True', reason, message),
      finding('Corrupted', 'True', reason, message),
    ],
    {
      ...known,
      leftovers,
      deletion: {
        policy: object.status.deletion?.policy ?? '',
        firstFailureTime: object.status.deletion?.firstFailureTime,
        lastHandledRetry: object.annotations[retryDeleteAnnotation],
      },
    },
  );
}

function corruptedMessage(object: PhoneNumber, reason: Reason, leftovers: readonly Leftover[]): string {
  const where = `-n ${object.namespace} phonenumber ${object.name}`;
  const calls = leftovers.some(({ kind, risk }) => kind.startsWith('Number') && risk === 'RoutesCalls')
    ? 'CALLS MAY STILL ARRIVE at this number. '
    : '';
  const what =
    reason === 'UnknownDeletionPolicy'
      ? `The deletion policy "${object.status.deletion?.policy ?? ''}" is not known to this operator, so nothing was touched. `
      : '';
  const left = leftovers.map(({ kind, id, state }) => `${kind} ${id ?? 'without a known id'} (${state})`).join(', ');
  return (
    `${calls}${what}Left behind: ${left === '' ? 'nothing known' : left}; status.leftovers has the commands to remove each. ` +
    `Ways out: remove the cause or the leftovers, then kubectl annotate ${where} ${retryDeleteAnnotation}=$(date +%s) --overwrite; ` +
    `or give them up: kubectl annotate ${where} force-delete=confirmed`
  );
}
