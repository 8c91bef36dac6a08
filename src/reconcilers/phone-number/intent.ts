/**
 * Intent: the finalizer and the pin, which are on an object before anything of it is outside (DESIGN W2).
 *
 * Both come and go together in one compare-and-swap, so that whoever finds the finalizer knows where to look.
 */
import type { OpenAccount, Pin } from '../shared/accounts.ts';
import type { Identity, PhoneNumber, PhoneNumberSpec, PreviousRouting, Webhooks } from './model.ts';
import { finalizer, intentAnnotation } from './names.ts';
import type { Pass } from './pass.ts';
import { rivalTrouble } from './rivals.ts';
import { parseIntent, parsePhoneNumber } from './schema.ts';
import { accountNameOf, phoneNumberOf } from './spec-schema.ts';
import type { Trouble } from './status.ts';

/** Something of the object may be outside. */
export function isHeld(pass: Pass): boolean {
  return pass.object.finalizers.includes(finalizer);
}

/** The pin as far as it is written down. */
export function recordedPin({ object }: { readonly object: PhoneNumber }): Pin | undefined {
  return object.status.pinned ?? parseIntent(object.annotations[intentAnnotation]);
}

/**
 * Where to look. A finalizer without a readable pin (restored or copied by hand) names no account that could be trusted:
 * then every call is refused, and the object ends as Corrupted instead of being believed empty.
 */
export function identityOf({ object }: { readonly object: PhoneNumber }): Identity {
  const pin = recordedPin({ object }) ?? {
    account: accountNameOf(object.spec),
    accountSid: 'unknown',
    livekitUrl: 'unknown',
    ownerId: 'unknown',
    phoneNumber: phoneNumberOf(object.spec) ?? 'unknown',
  };
  return { ...pin, uid: object.uid };
}

/** Takes the number for this object: nobody else has it, then finalizer and pin in one compare-and-swap. */
export async function claim(pass: Pass, pin: Pin, written: WriteAhead): Promise<Trouble | undefined> {
  const { memories } = pass.dependencies;
  return await memories.claiming(`${pin.accountSid} ${pin.phoneNumber}`, async () => {
    const trouble = await rivalOf(pass, pin);
    if (trouble !== undefined) return trouble;
    await putOn(pass, pin, written);
    // Nothing of this object existed before: no earlier process can have created anything for it.
    pass.memory.foundSettledAt = Number.NEGATIVE_INFINITY;
    return undefined;
  });
}

/** What stands in the way among all objects that name the number in the same Twilio account, by a live look. */
export async function rivalOf(pass: Pass, pin: Pin): Promise<Trouble | undefined> {
  const { accounts, store } = pass.dependencies;
  const named = (await store.listByNumber(pin.phoneNumber)).map(parsePhoneNumber);
  return rivalTrouble(
    pass.object,
    named.filter(
      ({ status, spec }) =>
        (status.pinned?.accountSid ?? accounts.accountSidOf(accountNameOf(spec))) === pin.accountSid,
    ),
  );
}

/** UIDs of all PhoneNumbers that name the number, in whatever account and namespace, by a live look. */
export async function liveUidsOf({ dependencies }: Pass, { phoneNumber }: Pin): Promise<readonly string[]> {
  return (await dependencies.store.listByNumber(phoneNumber)).map(({ metadata }) => metadata.uid);
}

/** Somebody took the finalizer off a living object: without it a deletion would leave everything behind. */
export async function putFinalizerBack(pass: Pass, pin: Pin): Promise<void> {
  await putOn(pass, pin);
  pass.event({
    type: 'Warning',
    reason: 'Provisioning',
    action: 'RestoreFinalizer',
    note: `The finalizer ${finalizer} had been removed and was put back; without it a deletion would leave everything behind`,
  });
}

/** What is written down with the pin before anything is done. */
export interface WriteAhead {
  /** What wiring up destroys. */
  readonly previousRouting?: PreviousRouting | undefined;
  /** What is put on the number. */
  readonly routingTo?: Webhooks | undefined;
}

/** Finalizer, pin and what goes with it; a finalizer that is there already stays as it is. */
export async function putOn(pass: Pass, pin: Pin, written: WriteAhead = {}): Promise<void> {
  const { previousRouting, routingTo } = pass.object.status;
  await pass.patchMetadata({
    finalizers: isHeld(pass) ? pass.object.finalizers : [...pass.object.finalizers, finalizer],
    annotations: { [intentAnnotation]: JSON.stringify({ ...pin, previousRouting, routingTo, ...written }) },
  });
}

/** Nothing of ours is outside, and the status says so. */
export async function takeFinalizerOff(pass: Pass): Promise<void> {
  await pass.patchMetadata({
    finalizers: pass.object.finalizers.filter((name) => name !== finalizer),
    annotations: { [intentAnnotation]: null },
  });
}

export function pinOf({ phoneNumber, sipTrunk }: PhoneNumberSpec, account: OpenAccount): Pin {
  const { accountSid, livekitUrl, ownerId } = account;
  const where = { account: account.account, accountSid, livekitUrl, ownerId, phoneNumber };
  if (sipTrunk === undefined) return { ...where, voice: 'webhook' };
  const { existingTrunkSid } = sipTrunk;
  return existingTrunkSid === undefined ? where : { ...where, existingTrunkSid };
}

/** An account or a trunk that disagrees with the pin is never followed. */
export function mismatchOf(known: Pin, pin: Pin): Trouble | undefined {
  if (known.voice !== pin.voice) {
    return {
      reason: 'InvalidSpec',
      message: `spec.voice had ${known.voice ?? 'sipTrunk'} when the number was wired up, and that cannot be changed: delete this object and create another one`,
      stalled: true,
      callsGoOn: true,
    };
  }
  if (known.existingTrunkSid !== pin.existingTrunkSid) {
    return {
      reason: 'InvalidSpec',
      message: `spec.voice.sipTrunk.existingTrunkSid was ${known.existingTrunkSid ?? 'empty'} when the number was wired up, and cannot be changed: delete this object and create another one`,
      stalled: true,
      callsGoOn: true,
    };
  }
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
