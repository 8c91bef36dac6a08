/**
 * SIP calls: how every call to LiveKit is made and, if it fails, explained; lists are complete.
 *
 * Guarantees: whatever fails is thrown as a `ProviderError`.
 */
import type { z } from 'zod';
import { ProviderError } from '../../reconcilers/shared/verdict.ts';
import { classify } from './classify.ts';
import { itemsReply } from './objects.ts';
import type { Json, Twirp } from './twirp.ts';

type Request = Readonly<Record<string, Json>>;

export class SipCalls {
  readonly #twirp: Twirp;
  readonly #secrets: readonly string[];
  readonly #pageSize: number;

  /** `secrets` are cut out of every message. */
  constructor(twirp: Twirp, secrets: readonly string[], pageSize: number) {
    this.#twirp = twirp;
    this.#secrets = secrets;
    this.#pageSize = pageSize;
  }

  /** Makes one call. `action` completes "Cannot … at LiveKit"; `secrets` are those that are sent with it. */
  async one<Reply extends z.ZodType>(
    action: string,
    method: string,
    request: Request,
    reply: Reply,
    secrets: readonly string[] = [],
  ): Promise<z.output<Reply>> {
    try {
      return reply.parse(await this.#twirp(method, request));
    } catch (error) {
      throw new ProviderError('LiveKit', action, classify(error, [...this.#secrets, ...secrets]));
    }
  }

  /** What a filter finds. Without `page`: an own server loses objects when both are given. */
  async matching<Item extends z.ZodType>(
    action: string,
    method: string,
    filter: Request,
    item: Item,
  ): Promise<readonly z.output<Item>[]> {
    return await this.one(action, method, filter, itemsReply(item));
  }

  /**
   * Everything there is. LiveKit Cloud gives at most `limit` objects after the id; an own server takes `limit` for a size
   * of steps and gives all of them, so more than was asked for is everything. Otherwise only a page that brings nothing
   * new ends the list: a short one may have been cut shorter than was asked for.
   */
  async all<Item extends z.ZodType<{ readonly id: string }>>(
    action: string,
    method: string,
    item: Item,
  ): Promise<readonly z.output<Item>[]> {
    const found = new Map<string, z.output<Item>>();
    let after_id = '';
    for (;;) {
      const page = { after_id, limit: this.#pageSize };
      const items = await this.one(action, method, { page }, itemsReply(item));
      const known = found.size;
      for (const one of items) found.set(one.id, one);
      const last = items.at(-1);
      if (last === undefined || found.size === known || items.length > this.#pageSize) return [...found.values()];
      after_id = last.id;
    }
  }
}

/** LiveKit has no account in its ids, so "not found" means: not in the project of this URL and key. */
export async function undefinedIfNotFound<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ProviderError && error.verdict.kind === 'notFound') return undefined;
    throw error;
  }
}
