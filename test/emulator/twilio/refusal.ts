/**
 * Refusals: how Twilio says no.
 *
 * Guarantees
 * - Every error body has exactly the four keys `code`, `message`, `more_info`, `status`.
 * - The HTTP status follows from the code; for the 212xx family it is a switch, because none was ever captured.
 */

import type { TwilioSwitches } from './switches.ts';

const STATUS_BY_CODE: ReadonlyMap<number, number> = new Map([
  [20003, 401],
  [20004, 405],
  [20403, 403],
  [20404, 404],
  [20409, 409],
  [20429, 429],
  [20500, 500],
  [20503, 503],
]);

/** The body of every Twilio error reply. */
export interface ErrorBody {
  readonly code: number;
  readonly message: string;
  readonly more_info: string;
  readonly status: number;
}

/** Thrown by a handler that refuses a request before it changed anything. */
export class TwilioRefusal extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = 'TwilioRefusal';
    this.code = code;
  }
}

/** The refusal for a resource that does not exist, in Twilio's wording. */
export function notFound(path: string): TwilioRefusal {
  return new TwilioRefusal(20404, `The requested resource ${path} was not found`);
}

/** Builds the error body of a code. */
export function errorBody(code: number, message: string, status: number): ErrorBody {
  return { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status };
}

/** The HTTP status a refusal is sent with. */
export function statusOf(code: number, switches: TwilioSwitches): number {
  if (code >= 21230 && code <= 21260) return switches.sipRefusalStatus;
  return STATUS_BY_CODE.get(code) ?? 400;
}
