// An HTTP/2 server over TLS that answers each request as a test says, for answers that a real API server gives only under
// great load or in trouble.
import { once } from 'node:events';
import {
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';

/** What a request gets. */
export type ScriptedAnswer =
  | { readonly kind: 'reply'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** REFUSED_STREAM: not looked at. */
  | { readonly kind: 'refuse' }
  /** GOAWAY with an error, whose last stream is the one before this: not looked at. Not for the first of a connection. */
  | { readonly kind: 'goAwayUnprocessed' }
  /** Received, and then the connection is destroyed. */
  | { readonly kind: 'cut' }
  /** Nothing, ever. */
  | { readonly kind: 'hang' };

/** A request, as the server saw it. */
export interface ScriptedRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string;
}

/** A running server; answers are taken one by one, and the last one is for all that come after it. */
export class ScriptedApiServer implements AsyncDisposable {
  readonly requests: ScriptedRequest[] = [];
  readonly #server: Http2SecureServer;
  readonly #answers: ScriptedAnswer[];
  readonly #connections = new Set<ServerHttp2Session>();
  #open = 0;
  #mostOpen = 0;

  constructor(
    keyPair: { readonly key: string; readonly cert: string },
    answers: readonly ScriptedAnswer[],
    maxConcurrentStreams: number,
  ) {
    this.#answers = [...answers];
    this.#server = createSecureServer({ ...keyPair, settings: { maxConcurrentStreams } });
    this.#server.on('session', (connection) => {
      this.#connections.add(connection);
      connection.on('error', () => {});
      connection.once('close', () => this.#connections.delete(connection));
    });
    this.#server.on('stream', (stream, headers) => {
      this.requests.push({
        method: String(headers[':method']),
        path: String(headers[':path']),
        authorization: String(headers['authorization']),
      });
      stream.on('error', () => {});
      this.#open += 1;
      this.#mostOpen = Math.max(this.#mostOpen, this.#open);
      stream.once('close', () => {
        this.#open -= 1;
      });
      // A body is part of the request.
      stream.resume().once('end', () => this.#answer(stream));
    });
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The server has no port');
    return `https://127.0.0.1:${address.port}`;
  }

  /** How many streams were open at a time, at most. */
  get mostOpen(): number {
    return this.#mostOpen;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Called once, by `startScriptedApiServer`. */
  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    for (const connection of this.#connections) connection.destroy();
    this.#server.close();
    await closed;
  }

  #answer(stream: ServerHttp2Stream): void {
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
    switch (answer?.kind) {
      case 'reply':
        stream.respond({ ':status': answer.status, ...answer.headers });
        // So that others of a burst come while this one is open.
        setTimeout(() => stream.end(JSON.stringify({ code: answer.status })), 5);
        break;
      case 'refuse':
        // NGHTTP2_REFUSED_STREAM
        stream.close(7);
        break;
      case 'goAwayUnprocessed':
        // NGHTTP2_INTERNAL_ERROR
        stream.session?.goaway(2, (stream.id ?? 0) - 2);
        break;
      case 'cut':
        stream.session?.destroy();
        break;
      default:
    }
  }
}

/** Starts a server on a free port of 127.0.0.1, for which the key pair must be valid. */
export async function startScriptedApiServer(options: {
  readonly keyPair: { readonly key: string; readonly cert: string };
  readonly answers: readonly ScriptedAnswer[];
  readonly maxConcurrentStreams?: number;
}): Promise<ScriptedApiServer> {
  const server = new ScriptedApiServer(options.keyPair, options.answers, options.maxConcurrentStreams ?? 100);
  await server.start();
  return server;
}
