// A reverse proxy that makes faults on demand, before LiveKit (http) or the API server (https). HTTP/1.1 on both sides.
//
// Guarantees:
// - Without a fault a request and its reply pass unchanged, streams (watches) chunk by chunk.
// - An error of the upstream connection is passed on as a closed connection, never as an invented reply.
// - Towards an https upstream the certificate is verified; Authorization passes through.
import {
  Agent as HttpAgent,
  createServer as createHttpServer,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { type FaultEffect, Faults } from './faults.ts';

/** Where to forward to. */
export interface FaultProxyOptions {
  /** Such as "http://127.0.0.1:7880". */
  readonly upstream: string;
  /** PEM; needed for an https upstream. */
  readonly certificateAuthority?: string;
  /** PEM; needed for an https upstream, since the proxy then serves https too. It must be valid for 127.0.0.1. */
  readonly servingKeyPair?: { readonly key: string; readonly cert: string };
}

/** One request, as the proxy saw it. */
export interface ProxiedRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** What the upstream replied; undefined until then, or if it was never asked. */
  readonly upstreamStatus: number | undefined;
  /** What the client was given; undefined until then, or if it was given no reply. */
  readonly status: number | undefined;
}

/** A request that the upstream has carried out, just before the client hears of it. */
export interface ForwardedRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

/** Called for each forwarded request; the client gets its reply only after the promise has settled. */
export type ForwardedListener = (request: ForwardedRequest) => void | Promise<void>;

type MutableRequest = { -readonly [Key in keyof ProxiedRequest]: ProxiedRequest[Key] };

/** A running proxy; made by `startFaultProxy`. */
export class FaultProxy implements AsyncDisposable {
  readonly faults = new Faults();
  readonly #upstream: URL;
  readonly #server: Server;
  readonly #agent: HttpAgent;
  readonly #requests: MutableRequest[] = [];
  readonly #listeners = new Set<ForwardedListener>();
  readonly #streams = new Set<ServerResponse>();
  #url = '';

  constructor({ upstream, certificateAuthority, servingKeyPair }: FaultProxyOptions) {
    this.#upstream = new URL(upstream);
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      this.#handle(request, response).catch(() => closeConnection(response));
    };
    if (this.#upstream.protocol === 'https:') {
      if (certificateAuthority === undefined || servingKeyPair === undefined) {
        throw new Error('Cannot proxy an https upstream without certificateAuthority and servingKeyPair');
      }
      this.#server = createHttpsServer({ ...servingKeyPair, ALPNProtocols: ['http/1.1'] }, handle);
      this.#agent = new HttpsAgent({ keepAlive: true, ca: certificateAuthority });
    } else {
      this.#server = createHttpServer(handle);
      this.#agent = new HttpAgent({ keepAlive: true });
    }
    // Only faults may close a connection: an idle one that is closed just as it is used again would look like one.
    this.#server.keepAliveTimeout = 0;
    // A watch is one request that lasts for minutes.
    this.#server.requestTimeout = 0;
  }

  /** The proxy's own address, such as "https://127.0.0.1:23456". */
  get url(): string {
    return this.#url;
  }

  /** All requests so far, in the order of their arrival. */
  get requests(): readonly ProxiedRequest[] {
    return this.#requests;
  }

  /** Forgets the requests so far. */
  clearRequests(): void {
    this.#requests.length = 0;
  }

  /**
   * Calls `listener` after the upstream has replied and before the client gets the reply. Crash tests kill the operator
   * there: its request was carried out, and it never learns so.
   * @returns a function that ends it
   */
  onForwarded(listener: ForwardedListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Closes the connections of all replies under way, which are the watches. @returns how many */
  cutStreams(): number {
    const streams = [...this.#streams];
    for (const response of streams) closeConnection(response);
    return streams.length;
  }

  /** Listens on a free port of 127.0.0.1. Called once, by `startFaultProxy`. */
  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The proxy has no port');
    this.#url = `${this.#upstream.protocol}//127.0.0.1:${address.port}`;
    this.#server.unref();
  }

  /** Closes all connections and the port. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '/' } = request;
    const record: MutableRequest = { method, path, upstreamStatus: undefined, status: undefined };
    this.#requests.push(record);
    // A client that goes away in the middle is an everyday event here.
    response.on('error', () => {});
    const { delayMilliseconds, effect } = this.faults.judge(method, path);
    if (delayMilliseconds > 0) await sleep(delayMilliseconds, undefined, { ref: false });
    if (response.destroyed) return;
    switch (effect?.kind) {
      case 'hang':
        return;
      case 'reset':
        resetConnection(response);
        return;
      case 'status':
        record.status = effect.status;
        replyInstead(response, effect);
        return;
      default:
        await this.#forward(request, response, record, effect);
    }
  }

  async #forward(
    request: IncomingMessage,
    response: ServerResponse,
    record: MutableRequest,
    effect: Extract<FaultEffect, { kind: 'dropReply' | 'cut' }> | undefined,
  ): Promise<void> {
    const reply = await this.#askUpstream(request, response);
    const status = reply.statusCode ?? 0;
    record.upstreamStatus = status;
    for (const listener of this.#listeners) {
      await listener({ method: record.method, path: record.path, status });
    }
    if (effect?.kind === 'dropReply') {
      reply.destroy();
      closeConnection(response);
      return;
    }
    record.status = status;
    response.writeHead(status, withoutConnectionHeaders(reply.headers));
    // The headers of a watch arrive long before its first event.
    response.flushHeaders();
    this.#streams.add(response);
    response.once('close', () => this.#streams.delete(response));
    await passBody(reply, response, effect?.kind === 'cut' ? (effect.afterBytes ?? 0) : Number.POSITIVE_INFINITY);
  }

  async #askUpstream(request: IncomingMessage, response: ServerResponse): Promise<IncomingMessage> {
    const send = this.#upstream.protocol === 'https:' ? httpsRequest : httpRequest;
    const forwarded = send(new URL(this.#upstream), {
      agent: this.#agent,
      method: request.method,
      path: request.url,
      headers: withoutConnectionHeaders(request.headers),
    });
    const replied = once(forwarded, 'response');
    // Before the reply an error fails `replied`, later one comes with the reply's body.
    forwarded.on('error', () => {});
    // When our client is gone the upstream must see that too; a reply that has ended is not harmed by it.
    response.once('close', () => {
      if (!response.writableFinished) forwarded.destroy();
    });
    request.pipe(forwarded);
    const [reply] = await replied;
    return reply;
  }
}

/**
 * Starts a proxy on a free port of 127.0.0.1.
 * @throws Error if an https upstream comes without certificates
 */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = new FaultProxy(options);
  await proxy.start();
  return proxy;
}

/** Passes a body on as it comes, and closes the client's connection after `limit` bytes. */
async function passBody(reply: IncomingMessage, response: ServerResponse, limit: number): Promise<void> {
  let left = limit;
  const cut = (): void => {
    reply.destroy();
    // Unlike `destroy`, this sends what was written so far.
    response.socket?.destroySoon();
  };
  if (left <= 0) {
    cut();
    return;
  }
  for await (const chunk of reply) {
    const part: Buffer = chunk.subarray(0, Math.min(chunk.length, left));
    left -= part.length;
    if (!response.write(part) && !response.destroyed) await drainedOrClosed(response);
    if (left <= 0) {
      cut();
      return;
    }
  }
  response.end();
}

async function drainedOrClosed(response: ServerResponse): Promise<void> {
  // A long body would otherwise leave a listener behind for each of its chunks.
  const over = new AbortController();
  const { signal } = over;
  await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
  over.abort();
}

function replyInstead(
  response: ServerResponse,
  { status, body = '', headers = {} }: Extract<FaultEffect, { kind: 'status' }>,
): void {
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json', ...headers });
  response.end(isText ? body : JSON.stringify(body));
}

function closeConnection(response: ServerResponse): void {
  response.socket?.destroy();
}

/** A TLS socket cannot send a reset of its own; for the client a close before the reply is the same error. */
function resetConnection(response: ServerResponse): void {
  const { socket } = response;
  if (socket instanceof TLSSocket) socket.destroy();
  else socket?.resetAndDestroy();
}

/** These headers concern one connection, and each side of the proxy has its own. */
function withoutConnectionHeaders(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  const { connection: _connection, 'keep-alive': _keepAlive, ...rest } = headers;
  return rest;
}
