/**
 * Where the API server is and who we are there, kept fresh.
 *
 * Guarantees
 * - What was read is read again after a minute, after a refusal (401) and after a connection that could not be made.
 * - If nothing has changed, the same object comes back: who holds a connection made with it may keep using it.
 * - If reading again fails, what was read before goes on, and a warning says so.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ConnectionOptions } from 'node:tls';
import type { Clock } from '../../reconcilers/shared/ports.ts';
import type { WarningLog } from './ports.ts';

/** What a request needs besides itself. */
export interface Credentials {
  /** Always https; a path before that of the request is kept. */
  readonly server: string;
  /** PEM texts, never paths. */
  readonly tls: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>;
  /** Such as a bearer token. */
  readonly headers: Readonly<Record<string, string | string[]>>;
}

/** Service account tokens are renewed long before they expire; the same figure as client-go's. */
const keepMs = 60_000;

export class ClusterAccess {
  readonly #read: () => Promise<Credentials>;
  readonly #clock: Clock;
  readonly #log: WarningLog;
  #known: Credentials | undefined;
  #reading: Promise<Credentials> | undefined;
  #readAt = 0;

  /** `read` reads everything anew. @throws whatever it throws, from `get` and `renew`, until it has worked once */
  constructor(read: () => Promise<Credentials>, clock: Clock, log: WarningLog) {
    this.#read = read;
    this.#clock = clock;
    this.#log = log;
  }

  /** What `get` would give without reading; undefined if it would read. */
  get fresh(): Credentials | undefined {
    return this.#reading === undefined && this.#clock.monotonic() - this.#readAt <= keepMs ? this.#known : undefined;
  }

  async get(): Promise<Credentials> {
    return this.fresh ?? (await (this.#reading ?? this.#readAgain()));
  }

  /** The API server has answered 401 to `refused`. Of many that are refused at once, the first renews for all. */
  async renew(refused: Credentials): Promise<Credentials> {
    if (this.#known === refused && this.#reading === undefined) return await this.#readAgain();
    return await this.get();
  }

  /** A connection could not be made: the certificate authority, the client certificate or the address may have changed. */
  doubt(): void {
    this.#readAt = Number.NEGATIVE_INFINITY;
  }

  async #readAgain(): Promise<Credentials> {
    this.#reading = this.#readOnce();
    try {
      return await this.#reading;
    } finally {
      this.#reading = undefined;
    }
  }

  async #readOnce(): Promise<Credentials> {
    const before = this.#known;
    this.#readAt = this.#clock.monotonic();
    try {
      const read = await this.#read();
      this.#known = isDeepStrictEqual(read, before) && before !== undefined ? before : read;
      return this.#known;
    } catch (error) {
      if (before === undefined) throw error;
      this.#log.warn({ err: error }, 'credentials for the API server could not be read again');
      return before;
    }
  }
}
