/**
 * Calls of an account, read only: tests seed them, the operator counts them while it drains a number.
 */

import type { Call } from './resources.ts';
import type { Handler } from './request.ts';
import { callJson } from './core-json.ts';
import { listReply } from './paging.ts';

const TIME_FILTERS: readonly (readonly [string, (call: Call) => number | null])[] = [
  ['StartTime', (call) => call.createdAt],
  ['EndTime', (call) => call.endedAt],
];

/** GET /Calls.json with Twilio's filters; Status, To and From are exact matches. */
export const listCalls: Handler = (request) => {
  const { account, query, switches } = request;
  const status = query.get('Status');
  const to = query.get('To');
  const from = query.get('From');
  const matching = [...account.calls.values()].filter(
    (call) =>
      (status === null || call.status === status) &&
      (to === null || call.to === to) &&
      (from === null || call.from === from) &&
      !query.has('ParentCallSid') && // no seeded call has a parent
      TIME_FILTERS.every(([name, time]) => matchesTime(query, name, time(call))),
  );
  return listReply(request, 'calls', matching, (call) => callJson(call, account.sid, switches));
};

/** `Name` is a day, `Name<` and `Name>` are inclusive ends, as a day or as a time. */
function matchesTime(query: URLSearchParams, name: string, time: number | null): boolean {
  const day = query.get(name);
  const until = query.get(`${name}<`);
  const since = query.get(`${name}>`);
  if (day === null && until === null && since === null) return true;
  if (time === null) return false;
  return (
    (day === null || new Date(time).toISOString().startsWith(day.slice(0, 10))) &&
    (until === null || time <= Date.parse(until)) &&
    (since === null || time >= Date.parse(since))
  );
}
