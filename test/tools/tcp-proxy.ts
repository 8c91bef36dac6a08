// A TCP proxy that makes faults of the network: resets, connections that are open but dead, and slow readers. It does not look
// into what passes, so TLS and HTTP/2 go end to end.
//
// Guarantees: without a fault, bytes and half-closes pass in both directions; a fault hits the connections that the call names
// and no later one, unless it says so.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
}

/** A running proxy; made by `startTcpProxy`. */
export class TcpProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #deadOnArrival = false;
  #accepted = 0;

  constructor(upstream: { readonly host: string; readonly port: number }) {
    // A connection that one side has ended may still carry what the other side says.
    this.#server = createServer({ allowHalfOpen: true }, (client) => {
      this.#accepted += 1;
      client.on('error', () => client.destroy());
      if (this.#deadOnArrival) {
        client.resume().once('end', () => client.destroy());
        this.#keep({ client, upstream: client });
        return;
      }
      const pair = { client, upstream: connect({ ...upstream, allowHalfOpen: true }) };
      pair.upstream.on('error', () => client.destroy());
      this.#keep(pair);
      client.pipe(pair.upstream);
      pair.upstream.pipe(client);
    });
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The proxy has no port');
    return address.port;
  }

  /** Connections that were accepted so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Connections that are open, dead ones included. */
  get open(): number {
    return this.#pairs.size;
  }

  /** Resets all connections (RST). */
  reset(): void {
    for (const { client, upstream } of this.#pairs) {
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    }
  }

  /** All connections stay open, and nothing passes any more: no byte, no end, no reset, in neither direction. */
  freeze(): void {
    for (const { client, upstream } of this.#pairs) {
      for (const socket of [client, upstream]) {
        socket.unpipe();
        socket.removeAllListeners('end');
        socket.pause();
      }
    }
  }

  /** The client reads nothing until `flow`: the upstream sees a slow reader. Client to upstream passes. */
  clog(): void {
    for (const { client, upstream } of this.#pairs) upstream.unpipe(client).pause();
  }

  /** Ends `clog`. */
  flow(): void {
    for (const { client, upstream } of this.#pairs) upstream.pipe(client);
  }

  /** Connections to come are accepted and lead nowhere, until this is called with false. */
  acceptDead(dead: boolean): void {
    this.#deadOnArrival = dead;
  }

  /** Listens on a free port. Called once, by `startTcpProxy`. */
  async start(host: string): Promise<void> {
    this.#server.listen(0, host);
    await once(this.#server, 'listening');
    this.#server.unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.ref();
    this.#server.close();
    for (const { client, upstream } of this.#pairs) {
      client.destroy();
      upstream.destroy();
    }
    await closed;
  }

  #keep(pair: Pair): void {
    this.#pairs.add(pair);
    const end = (): void => {
      this.#pairs.delete(pair);
      pair.client.destroy();
      pair.upstream.destroy();
    };
    pair.client.once('close', end);
    pair.upstream.once('close', end);
  }
}

/** Starts a proxy before a port of 127.0.0.1, on a free port of it or of another address of this machine. */
export async function startTcpProxy(port: number, host = '127.0.0.1'): Promise<TcpProxy> {
  const proxy = new TcpProxy({ host: '127.0.0.1', port });
  await proxy.start(host);
  return proxy;
}
