/**
 * Change number: changes of the number itself, whose answers may be lost like any other.
 */
import type { OpenAccount } from '../shared/accounts.ts';
import { ProviderError } from '../shared/verdict.ts';
import { type NumberChange, withoutApplications } from './number-routing.ts';
import type { Pass } from './pass.ts';

/** A change of the number whose answer was lost may still be applied, even after it was undone. */
export async function mayComeLate(
  { dependencies, memory }: Pass,
  key: 'NumberAttachment' | 'NumberRouting',
  change: () => Promise<void>,
): Promise<void> {
  try {
    await change();
  } catch (error) {
    const until = dependencies.clock.monotonic() + dependencies.settings.lateCommitMs;
    if (mayBeApplied(error)) memory.unsettledCreates.set(key, until);
    throw error;
  }
}

/**
 * Changes where the number is routed. An application of before that Twilio refuses to give it back to is left out: nothing
 * else may fail for it. Answers what was changed.
 */
export async function changeNumber(
  phoneNumberSid: string,
  change: NumberChange,
  { twilio }: OpenAccount,
  pass: Pass,
): Promise<{ readonly change: NumberChange }> {
  try {
    await mayComeLate(pass, 'NumberRouting', () => twilio.updateNumber(phoneNumberSid, change));
    return { change };
  } catch (error) {
    const application = change.voiceApplicationSid || change.smsApplicationSid;
    if (application === undefined || application === '' || !isRefused(error)) throw error;
    giveBackNoMore(pass, application, error.verdict.message);
    const rest = withoutApplications(change);
    if (rest === undefined) return { change: {} };
    await pass.beforeWrite();
    await mayComeLate(pass, 'NumberRouting', () => twilio.updateNumber(phoneNumberSid, rest));
    return { change: rest };
  }
}

function isRefused(error: unknown): error is ProviderError {
  return error instanceof ProviderError && (error.verdict.kind === 'refused' || error.verdict.kind === 'notFound');
}

/** Nothing is held up for the sake of a route of before. */
export function giveBackNoMore(pass: Pass, applicationSid: string, why: string): void {
  pass.memory.cannotGiveBack = true;
  pass.event({
    type: 'Warning',
    reason: 'Deleting',
    action: 'RestoreRouting',
    note: `The number is not given back to application ${applicationSid}, which had it before: ${why}`,
  });
}

/** The outcome is not known: it may be carried out, now or later. */
export function mayBeApplied(error: unknown): boolean {
  return !(error instanceof ProviderError) || error.verdict.kind === 'unknownOutcome';
}
