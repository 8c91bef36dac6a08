/**
 * Account calls: how every call to one Twilio account is made, checked and, if it fails, explained.
 *
 * Guarantees
 * - Whatever fails is thrown as a `ProviderError`.
 * - "Not found" is said only after the account was proven with the same credentials: the trunking API has no account in
 *   its paths, so with the key of another account everything seems to be gone (DESIGN 3.1, absence).
 * - An object of another account is an `AccountMismatch`, and one that was just created there is deleted again.
 */
import type { z } from 'zod';
import type { Clock } from '../../reconcilers/shared/ports.ts';
import { ProviderError } from '../../reconcilers/shared/verdict.ts';
import { classify, UnreadableReply } from './classify.ts';
import { ownedReply } from './replies.ts';

/** A page of the SDK, as far as it is used. */
export interface Page {
  readonly instances: readonly unknown[];
  readonly nextPageUrl?: string | undefined;
  nextPage(): Promise<Page> | undefined;
}

export interface AccountCallsOptions {
  readonly accountSid: string;
  /** Cut out of every message. */
  readonly secrets: readonly string[];
  readonly clock: Pick<Clock, 'monotonic'>;
  /** How long one proof of the account counts. */
  readonly proofValidMs: number;
  /** Any one page of the numbers of the account: every key may read it, and its path names the account. */
  readonly probe: () => Promise<Page>;
}

/** Largest page that Twilio gives (20007). */
export const pageSize = 1000;

export class AccountCalls {
  readonly #options: AccountCallsOptions;
  #provenUntil = Number.NEGATIVE_INFINITY;
  #proofUnderWay: Promise<void> | undefined;

  constructor(options: AccountCallsOptions) {
    this.#options = options;
  }

  /** Returns at once while an earlier proof counts. */
  async proveAccount(): Promise<void> {
    if (this.#options.clock.monotonic() < this.#provenUntil) return;
    this.#proofUnderWay ??= this.#prove().finally(() => {
      this.#proofUnderWay = undefined;
    });
    await this.#proofUnderWay;
  }

  /** Makes a call. `action` completes "Cannot … at Twilio"; `secrets` are those that are sent with this call. */
  async call<T>(action: string, send: () => Promise<T>, secrets: readonly string[] = []): Promise<T> {
    try {
      return await send();
    } catch (error) {
      const failure = this.#failure(action, error, secrets);
      if (failure.verdict.kind === 'notFound') await this.proveAccount();
      throw failure;
    }
  }

  async one<Reply extends z.ZodType>(action: string, send: () => Promise<unknown>, reply: Reply) {
    return await this.call(action, async () => this.#parse(reply, await send()));
  }

  /** Undefined for "not found" in an account that is proven. */
  async read<Reply extends z.ZodType>(action: string, send: () => Promise<unknown>, reply: Reply) {
    return await undefinedIfNotFound(this.one(action, send, reply));
  }

  /** All pages. The SDK's own `list` is not used: it waits for ever when a request cannot even be made. */
  async list<Reply extends z.ZodType>(action: string, firstPage: () => Promise<Page>, reply: Reply) {
    return await this.call(action, async () => {
      const all: z.output<Reply>[] = [];
      const visited = new Set<string | undefined>();
      let page: Page | undefined = await firstPage();
      while (page !== undefined) {
        all.push(...page.instances.map((instance) => this.#parse(reply, instance)));
        if (visited.has(page.nextPageUrl))
          throw new UnreadableReply('Pages of a list that follow each other in a circle');
        visited.add(page.nextPageUrl);
        page = await page.nextPage();
      }
      return all;
    });
  }

  /** Creates something; `undo` takes it away again if it turns out to be in another account. */
  async create<Reply extends z.ZodType>(
    action: string,
    send: () => Promise<unknown>,
    reply: Reply,
    undo: (sid: string) => Promise<unknown>,
    secrets: readonly string[] = [],
  ) {
    return await this.call(
      action,
      async () => {
        const made = await send();
        const { sid, accountSid } = ownedReply.parse(made);
        if (accountSid === this.#options.accountSid) return reply.parse(made);
        const removed = await undo(sid).then(
          () => true,
          () => false,
        );
        throw this.#mismatch(action, sid, accountSid, removed ? ', and was deleted again' : ', and is still there');
      },
      secrets,
    );
  }

  /** A list of the account's numbers, whose path names the account: a proof like the probe. */
  async listAsProof<Reply extends z.ZodType>(action: string, firstPage: () => Promise<Page>, reply: Reply) {
    const startedAt = this.#options.clock.monotonic();
    const all = await this.list(action, firstPage, reply);
    this.#noteProof(startedAt);
    return all;
  }

  /** Attaches something to a trunk. Twilio's one code for many refusals (21245) is success if it is attached after all. */
  async attach(
    action: string,
    { send, readBack, undo }: Record<'send' | 'readBack' | 'undo', () => Promise<unknown>>,
  ): Promise<void> {
    try {
      await this.create(action, send, ownedReply, undo);
    } catch (error) {
      if (!hasCode(error, '21245') || (await this.read(action, readBack, ownedReply)) === undefined) throw error;
    }
  }

  /**
   * Creates something whose name is its key. Twilio refuses a second one with a code that stands for other mistakes too,
   * so what `findExisting` finds is taken only if it is what was asked for.
   */
  async createOrAdopt<T>(
    code: string,
    create: () => Promise<T>,
    findExisting: () => Promise<T | undefined>,
  ): Promise<T> {
    try {
      return await create();
    } catch (error) {
      if (!hasCode(error, code)) throw error;
      const existing = await findExisting();
      if (existing === undefined) throw error;
      return existing;
    }
  }

  async #prove(): Promise<void> {
    const { accountSid, clock, probe } = this.#options;
    const startedAt = clock.monotonic();
    const action = `act on account ${accountSid}`;
    try {
      for (const instance of (await probe()).instances) this.#parse(ownedReply, instance);
    } catch (error) {
      const failure = this.#failure(action, error, []);
      if (failure.verdict.kind !== 'notFound') throw failure;
      throw new ProviderError('Twilio', action, {
        kind: 'identity',
        reason: 'AccountMismatch',
        message: `the credentials do not act on account ${accountSid}`,
      });
    }
    this.#noteProof(startedAt);
  }

  #noteProof(startedAt: number): void {
    this.#provenUntil = Math.max(this.#provenUntil, startedAt + this.#options.proofValidMs);
  }

  #failure(action: string, error: unknown, secrets: readonly string[]): ProviderError {
    const failure =
      error instanceof ProviderError
        ? error
        : // The cause is left out on purpose: the HTTP client's errors hold the credentials and the form.
          new ProviderError('Twilio', action, classify(error, [...this.#options.secrets, ...secrets]));
    if (failure.verdict.kind === 'identity') this.#provenUntil = Number.NEGATIVE_INFINITY;
    return failure;
  }

  #parse<Reply extends z.ZodType>(reply: Reply, instance: unknown): z.output<Reply> {
    const { sid, accountSid } = ownedReply.parse(instance);
    if (accountSid !== this.#options.accountSid) throw this.#mismatch(`use ${sid}`, sid, accountSid, '');
    return reply.parse(instance);
  }

  #mismatch(action: string, sid: string, actual: string, more: string): ProviderError {
    return new ProviderError('Twilio', action, {
      kind: 'identity',
      reason: 'AccountMismatch',
      message: `${sid} is in account ${actual}, not in ${this.#options.accountSid}${more}`,
    });
  }
}

/** "Not found", which `call` throws for a proven account only, as a value. */
export async function undefinedIfNotFound<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ProviderError && error.verdict.kind === 'notFound') return undefined;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof ProviderError && error.verdict.kind === 'refused' && error.verdict.code === code;
}
