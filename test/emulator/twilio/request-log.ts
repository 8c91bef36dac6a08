/**
 * Request log: what came in and what became of it.
 *
 * Guarantees
 * - No password: of the form only fields that Twilio's description knows are shown, and `Password` never.
 * - No credential: only the account it belongs to.
 */

import type { ReadRequest } from './dispatch.ts';

/** A request and what became of it. */
export interface RequestRecord {
  /** The `Twilio-Request-Id` of the answer. */
  readonly id: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Without the question mark; empty if there is none. */
  readonly query: string;
  /** SID of the account of the credential; null if the credential was refused. */
  readonly account: string | null;
  readonly form: Readonly<Record<string, string>>;
  /** Status of the answer; null while there is none, and for good if the connection was broken or left hanging. */
  readonly status: number | null;
  /** True once a POST or DELETE has taken effect, whatever the client was told. */
  readonly applied: boolean;
}

/** A record that is still being written. */
export type OpenRecord = { -readonly [Key in keyof RequestRecord]: RequestRecord[Key] };

const REDACTED = '[redacted]';

/** The record of a request that has just arrived. */
export function openRecord(id: string, request: ReadRequest, account: string | null): OpenRecord {
  const { method, path, query } = request.incoming;
  return { id, method, path, query: query.toString(), account, form: shownForm(request), status: null, applied: false };
}

function shownForm({ form, issues }: ReadRequest): Readonly<Record<string, string>> {
  const unknown = new Set(issues.filter(({ problem }) => problem === 'unknown').map(({ field }) => field));
  const show = (name: string, value: unknown) => (name === 'Password' || unknown.has(name) ? REDACTED : String(value));
  return Object.fromEntries([...form].map(([name, value]) => [name, show(name, value)]));
}
