/**
 * One HTTP/2 connection to the API server.
 *
 * Guarantees
 * - It holds no more streams than the server allows; whoever comes on top of that waits for its turn.
 * - A connection that is open but dead is noticed by pings, and ends with all of its streams.
 * - When the server takes it down in order (GOAWAY), streams under way go on to their end, and no new ones begin.
 * - `UnprocessedError` is thrown only for what the server has said not to have looked at, or what was never sent.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { type Incoming, type Outgoing, UnprocessedError } from './exchange.ts';
import type { Timers } from './ports.ts';

/** In milliseconds. */
export interface ConnectionFigures {
  /** Until TLS and HTTP/2 are agreed on. */
  readonly connectWithin: number;
  readonly pingEvery: number;
  readonly pingWithin: number;
}

/** What the owner of a connection hears, each once. */
export interface ConnectionEvents {
  /** It takes no new streams any more. */
  retired(): void;
  closed(): void;
}

/** Bytes that the server may send ahead of the reader: of one stream, and of all together. */
const streamWindow = 512 * 1024;
const connectionWindow = 2 * 1024 * 1024;

export class Http2Connection {
  readonly #socket: TLSSocket;
  readonly #http2: ClientHttp2Session;
  readonly #timers: Timers;
  readonly #figures: ConnectionFigures;
  readonly #events: ConnectionEvents;
  /** Those who wait for a stream, the first one first; told whether they have got one. */
  readonly #waiting = new Set<(granted: boolean) => void>();
  #streams = 0;
  #isRetired = false;
  /** Of a GOAWAY: streams above it were not looked at. */
  #lastProcessed = Number.POSITIVE_INFINITY;
  #failure: Error | undefined;
  #cancelPing: () => void = () => undefined;

  /** `socket` has agreed on h2. */
  constructor(socket: TLSSocket, server: URL, timers: Timers, figures: ConnectionFigures, events: ConnectionEvents) {
    this.#socket = socket;
    this.#timers = timers;
    this.#figures = figures;
    this.#events = events;
    this.#http2 = connect(server, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: streamWindow },
    });
    this.#http2.on('error', (error) => {
      this.#failure ??= error;
    });
    this.#http2.on('goaway', (code, lastStreamId) => {
      this.#lastProcessed = Math.min(this.#lastProcessed, lastStreamId);
      if (code !== constants.NGHTTP2_NO_ERROR) this.#failure ??= new Error(`the server ended the connection (${code})`);
      this.#retire();
    });
    this.#http2.on('close', () => {
      this.#cancelPing();
      this.#retire();
      events.closed();
    });
    this.#http2.on('remoteSettings', () => this.#admit());
    this.#schedulePing();
  }

  /** Ends when the server has told its settings. @throws Error when it does not in time */
  async whenReady(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const { connectWithin } = this.#figures;
      const cancel = this.#timers.schedule(connectWithin, () =>
        this.destroy(new Error(`no HTTP/2 settings within ${connectWithin} ms`)),
      );
      this.#http2.once('remoteSettings', () => {
        cancel();
        resolve();
      });
      this.#http2.once('close', () => {
        cancel();
        reject(this.#failure ?? new Error('the connection was closed'));
      });
    });
    this.#http2.setLocalWindowSize(connectionWindow);
  }

  /** It takes new streams. */
  get isUsable(): boolean {
    return !this.#isRetired;
  }

  get streams(): number {
    return this.#streams;
  }

  /**
   * Sends a request as soon as the server allows another stream. An abort after the head of the answer must be made by
   * destroying the body.
   * @throws UnprocessedError when the server surely does nothing
   * @throws Error when no head of an answer comes, or the signal's reason when it aborts
   */
  async send(message: Outgoing, signal: AbortSignal): Promise<Incoming> {
    await this.#acquire(signal);
    let stream: ClientHttp2Stream;
    try {
      const { body, headers, method, target } = message;
      stream = this.#http2.request(
        { ':method': method, ':path': target, ...headers },
        { endStream: body === undefined },
      );
    } catch (error) {
      this.#release();
      throw new UnprocessedError('the connection has ended', { cause: error });
    }
    stream.once('close', () => this.#release());
    // Whoever reads the body gets the error; this listener then only keeps it from being unhandled.
    stream.on('error', () => undefined);
    if (message.body !== undefined) stream.end(message.body);
    return await this.#head(stream, signal);
  }

  /** Streams under way go on; no new ones begin. */
  retire(): void {
    this.#retire();
    this.#http2.close();
  }

  destroy(reason: Error): void {
    this.#failure ??= reason;
    this.#retire();
    this.#http2.destroy(reason);
    this.#socket.destroy();
  }

  async #head(stream: ClientHttp2Stream, signal: AbortSignal): Promise<Incoming> {
    return await new Promise((resolve, reject) => {
      const onAbort = (): void => {
        reject(signal.reason);
        stream.close(constants.NGHTTP2_CANCEL);
      };
      const onClose = (): void => {
        signal.removeEventListener('abort', onAbort);
        reject(this.#lossOf(stream));
      };
      signal.addEventListener('abort', onAbort, { once: true });
      stream.once('close', onClose);
      stream.once('response', (headers) => {
        signal.removeEventListener('abort', onAbort);
        stream.off('close', onClose);
        const isWhole = (): boolean => stream.rstCode === constants.NGHTTP2_NO_ERROR;
        resolve({ status: headers[':status'] ?? 0, headers, body: stream, isWhole });
      });
      if (signal.aborted) onAbort();
    });
  }

  /** Of a stream that was closed before its answer. */
  #lossOf(stream: ClientHttp2Stream): Error {
    const { id, rstCode } = stream;
    const never = id === undefined || id > this.#lastProcessed;
    if (never || rstCode === constants.NGHTTP2_REFUSED_STREAM) {
      return new UnprocessedError('the server refused the stream', { cause: this.#failure });
    }
    return this.#failure ?? stream.errored ?? new Error(`the stream was closed (${rstCode})`);
  }

  async #acquire(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#isRetired) throw new UnprocessedError('the connection has ended', { cause: this.#failure });
    if (this.#waiting.size === 0 && this.#streams < this.#mostStreams) {
      this.#streams += 1;
      return;
    }
    const turn = Promise.withResolvers<boolean>();
    const onAbort = (): void => {
      this.#waiting.delete(turn.resolve);
      turn.reject(signal.reason);
    };
    this.#waiting.add(turn.resolve);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (!(await turn.promise)) throw new UnprocessedError('the connection has ended', { cause: this.#failure });
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #release(): void {
    this.#streams -= 1;
    this.#admit();
  }

  #admit(): void {
    for (const grant of this.#waiting) {
      if (this.#streams >= this.#mostStreams) return;
      this.#streams += 1;
      this.#waiting.delete(grant);
      grant(true);
    }
  }

  get #mostStreams(): number {
    return this.#http2.destroyed ? 0 : (this.#http2.remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY);
  }

  #retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    for (const grant of this.#waiting) grant(false);
    this.#waiting.clear();
    this.#events.retired();
  }

  #schedulePing(): void {
    this.#cancelPing = this.#timers.schedule(this.#figures.pingEvery, () => {
      // It has ended in order, but the other side does not let go.
      if (this.#http2.destroyed) {
        this.#socket.destroy();
        return;
      }
      const { pingWithin } = this.#figures;
      this.#cancelPing = this.#timers.schedule(pingWithin, () =>
        this.destroy(new Error(`the connection is dead: no answer to a ping within ${pingWithin} ms`)),
      );
      this.#http2.ping((error) => {
        this.#cancelPing();
        if (error === null) this.#schedulePing();
      });
    });
  }
}
