/**
 * A lane to the API server: one HTTP/2 connection at a time for one sort of traffic, replaced when it ends.
 *
 * Guarantees
 * - Many that need a connection at once share one attempt to make it.
 * - Other credentials of TLS, or another address, mean another connection; streams of the old one go on to their end.
 * - A connection that the server takes down while streams are under way is replaced at once, without waiting for demand.
 * - When the other side speaks HTTP/1.1 only, the lane does so for the rest of its life.
 */
import { once } from 'node:events';
import { isIP } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import type { ClusterAccess, Credentials } from './cluster-access.ts';
import type { Incoming, Outgoing } from './exchange.ts';
import type { Http1Connections } from './http1-connections.ts';
import { type ConnectionFigures, Http2Connection } from './http2-connection.ts';
import type { Timers } from './ports.ts';
import { untilAborted } from './until-aborted.ts';

const keepAliveProbeMs = 30_000;

/** A connection, and what it was made with. */
interface Current {
  readonly credentials: Credentials;
  /** Undefined: the other side speaks HTTP/1.1. */
  readonly connecting: Promise<Http2Connection | undefined>;
  connection: Http2Connection | undefined;
}

export interface LaneOptions {
  readonly access: ClusterAccess;
  /** Closed by whoever made it. */
  readonly http1: Http1Connections;
  readonly timers: Timers;
  readonly figures: ConnectionFigures;
}

export class Http2Lane {
  readonly #options: LaneOptions;
  readonly #connections = new Set<Http2Connection>();
  readonly #closing = new AbortController();
  #current: Current | undefined;
  #isHttp1 = false;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** As `Http2Connection.send`. @throws Error also when no connection can be made */
  async send(message: Outgoing, credentials: Credentials, signal: AbortSignal): Promise<Incoming> {
    const ready = this.#ready(credentials);
    if (ready !== undefined) return await ready.send(message, signal);
    const connection = this.#isHttp1 ? undefined : await untilAborted(this.#connection(credentials), signal);
    if (connection !== undefined) return await connection.send(message, signal);
    return await this.#options.http1.send(message, credentials, signal);
  }

  /** Ends all connections at once, and attempts to make one. */
  close(): void {
    this.#closing.abort(new Error('the way to the API server was closed'));
    for (const connection of this.#connections) connection.destroy(this.#closing.signal.reason);
  }

  #ready(credentials: Credentials): Http2Connection | undefined {
    const current = this.#current;
    return current !== undefined && current.connection?.isUsable === true && isSameWay(current.credentials, credentials)
      ? current.connection
      : undefined;
  }

  async #connection(credentials: Credentials): Promise<Http2Connection | undefined> {
    const current = this.#current;
    if (current !== undefined && current.connection === undefined && isSameWay(current.credentials, credentials)) {
      return await current.connecting;
    }
    this.#current = undefined;
    current?.connection?.retire();
    return await this.#replace(credentials).connecting;
  }

  #replace(credentials: Credentials): Current {
    const replacement: Current = {
      credentials,
      connecting: this.#connect(credentials).then(
        (connection) => {
          replacement.connection = connection;
          if (connection === undefined) this.#isHttp1 = true;
          // Others have come with newer credentials meanwhile.
          else if (this.#current !== replacement) connection.retire();
          return connection;
        },
        (error: unknown) => {
          if (this.#current === replacement) this.#current = undefined;
          this.#options.access.doubt();
          throw error;
        },
      ),
      connection: undefined,
    };
    this.#current = replacement;
    return replacement;
  }

  async #connect(credentials: Credentials): Promise<Http2Connection | undefined> {
    const { figures, timers } = this.#options;
    const socket = await this.#handshake(credentials);
    if (this.#closing.signal.aborted) {
      socket.destroy();
      throw this.#closing.signal.reason;
    }
    if (socket.alpnProtocol !== 'h2') {
      socket.destroy();
      return undefined;
    }
    const connection = new Http2Connection(socket, new URL(credentials.server), timers, figures, {
      retired: () => this.#onRetired(connection),
      closed: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
    await connection.whenReady();
    return connection;
  }

  #onRetired(connection: Http2Connection): void {
    const current = this.#current;
    if (current === undefined || current.connection !== connection || this.#closing.signal.aborted) return;
    this.#current = undefined;
    if (connection.streams === 0) return;
    // Nobody waits for this attempt: whoever comes later tries again if it fails.
    this.#replace(current.credentials).connecting.catch(() => undefined);
  }

  async #handshake({ server, tls }: Credentials): Promise<TLSSocket> {
    const { figures, timers } = this.#options;
    const { hostname, port } = new URL(server);
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    this.#closing.signal.throwIfAborted();
    const socket = connectTls({
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...tls,
      host,
      port: port === '' ? 443 : Number(port),
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveProbeMs);
    const cancel = timers.schedule(figures.connectWithin, () =>
      socket.destroy(new Error(`no TLS connection within ${figures.connectWithin} ms`)),
    );
    try {
      await once(socket, 'secureConnect', { signal: this.#closing.signal });
      return socket;
    } catch (error) {
      socket.destroy();
      throw this.#closing.signal.aborted ? this.#closing.signal.reason : error;
    } finally {
      cancel();
    }
  }
}

/** A connection that was made with one serves the other, too. */
function isSameWay(one: Credentials, other: Credentials): boolean {
  return one === other || (one.server === other.server && isDeepStrictEqual(one.tls, other.tls));
}
