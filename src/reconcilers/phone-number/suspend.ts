/**
 * Suspend: the end of a pass over a number that is kept off its trunk. Everything behind it stays, so that it is back in
 * seconds.
 */
import type { Pin } from '../shared/accounts.ts';
import type { Desired } from './desired.ts';
import { type Outcome, settled } from '../shared/outcome.ts';
import { settledAt } from './memory.ts';
import type { Observed } from './observed.ts';
import type { Pass } from './pass.ts';
import { routeOf } from './number-routing.ts';
import { routingSettledAt } from './standing.ts';
import { suspendedStatus } from './status.ts';

/**
 * `observedAt` is when the pass began to read, in monotonic milliseconds: an attach whose answer was lost may still be
 * applied, and is undone by a later pass.
 */
export async function showSuspended(
  pass: Pass,
  pin: Pin,
  { webhooks }: Desired,
  observed: Observed,
  observedAt: number,
): Promise<Outcome> {
  const { clock } = pass.dependencies;
  const attachment = pin.voice === 'webhook' ? Number.NEGATIVE_INFINITY : settledAt(pass, 'NumberAttachment');
  const settledMoment = Math.max(attachment, routingSettledAt(pass, webhooks));
  const isSettled = settledMoment <= observedAt;
  const waitMs = Math.max(settledMoment - clock.monotonic(), 1);
  const wasSuspended = pass.object.status.phase === 'Suspended';
  const where = observed.number === undefined ? 'nowhere' : routeOf(observed.number);
  const calls =
    (pin.voice === 'webhook'
      ? `Calls to ${pin.phoneNumber} do not go to the webhook: it is kept off the number, and Twilio routes it to ${where}. `
      : `Calls to ${pin.phoneNumber} do not reach LiveKit: the number is kept off its trunk, and Twilio routes it to ${where}. `) +
    'Set spec.suspended to false to take calls again';
  const later = isSettled
    ? ''
    : `. It is looked at again at ${pass.timestamp(clock.now() + waitMs)}: an earlier attach may still take effect`;
  const message = `${calls}${later}`;
  await pass.writeStatus(
    suspendedStatus(pass.object, pin, observed, { isSettled, message, webhooks }, pass.timestamp()),
  );
  if (!wasSuspended) pass.event({ type: 'Normal', reason: 'Suspended', action: 'Suspend', note: calls });
  return isSettled ? settled : { kind: 'wait', afterMs: waitMs };
}
