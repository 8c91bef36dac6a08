/**
 * Request: what a handler gets and what it gives back.
 *
 * Guarantees
 * - Fields of the form have passed the OpenAPI check before a handler sees them, so reading one as a number or a flag
 *   cannot meet another type.
 * - A field that was sent empty is the empty string, which is different from a field that was not sent.
 */

import type { Account, World } from './world.ts';
import type { Trunk } from './resources.ts';
import type { TwilioSwitches } from './switches.ts';
import { notFound } from './refusal.ts';

/** A value of a form field after its type was read off the OpenAPI file. */
export type FormValue = string | number | boolean;

/** The fields of a urlencoded body. */
export class Form {
  readonly #values: ReadonlyMap<string, FormValue>;

  constructor(values: ReadonlyMap<string, FormValue>) {
    this.#values = values;
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name);
    return value === undefined ? undefined : String(value);
  }

  integer(name: string): number | undefined {
    const value = this.#values.get(name);
    return typeof value === 'number' ? value : undefined;
  }

  flag(name: string): boolean | undefined {
    const value = this.#values.get(name);
    return typeof value === 'boolean' ? value : undefined;
  }
}

/** One request, authenticated and checked. */
export interface ApiRequest {
  readonly world: World;
  readonly switches: TwilioSwitches;
  /** The account whose resources the path names; on trunking that of the credential. */
  readonly account: Account;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly form: Form;
  /** Ages below which an injected lag hides a thing: from lists, and from a read by SID. Zero: nothing is hidden. */
  readonly lag: { readonly lists: number; readonly reads: number };
}

/** A successful answer; `body` is absent for 204. */
export interface Reply {
  readonly status: number;
  readonly body?: object;
}

/** Answers one request, or throws a TwilioRefusal before it has changed anything. */
export type Handler = (request: ApiRequest) => Reply;

/** The value of a path parameter. */
export function param(request: ApiRequest, name: string): string {
  return request.params[name] ?? '';
}

/** True for a thing so young that an injected lag hides it. */
export function isHidden(request: ApiRequest, createdAt: number, lag: number): boolean {
  return lag > 0 && request.world.now() - createdAt < lag;
}

/** The record a path parameter names, or 404/20404. */
export function find<Item extends { readonly createdAt: number }>(
  request: ApiRequest,
  items: ReadonlyMap<string, Item>,
  name: string,
): Item {
  const item = items.get(param(request, name));
  if (item === undefined || isHidden(request, item.createdAt, request.lag.reads)) throw notFound(request.path);
  return item;
}

/** The trunk a sub-resource path names, or 404/20404. */
export function parentTrunk(request: ApiRequest): Trunk {
  return find(request, request.account.trunks, 'TrunkSid');
}

/** The answer to a delete. */
export const DELETED: Reply = { status: 204 };
