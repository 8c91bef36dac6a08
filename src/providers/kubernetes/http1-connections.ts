/**
 * HTTP/1.1 to the API server, for proxies and gateways before it that speak nothing newer: as many kept connections as there
 * are exchanges at a time.
 */
import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Credentials } from './cluster-access.ts';
import type { Incoming, Outgoing } from './exchange.ts';

/** kube-apiserver closes idle connections after 90 s; one closed just as it is used again would look like a lost write. */
const idleConnectionMs = 30_000;
/** TCP keep-alive probes find a peer that has vanished. */
const keepAliveProbeMs = 30_000;

export class Http1Connections {
  readonly #agent = new Agent({ keepAlive: true, keepAliveMsecs: keepAliveProbeMs, timeout: idleConnectionMs });

  /** @throws Error when no head of an answer comes, or the signal aborts; the server may have carried out the request */
  async send(message: Outgoing, { server, tls }: Credentials, signal: AbortSignal): Promise<Incoming> {
    const { body, headers, method, target } = message;
    const { hostname, port } = new URL(server);
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpsRequest({
        // Agents find connections by name; an address has none.
        ...(isIP(host) === 0 ? { servername: host } : {}),
        ...tls,
        host,
        port: port === '' ? 443 : port,
        path: target,
        agent: this.#agent,
        method,
        headers,
        signal,
      });
      request.once('response', resolve);
      // Once the answer has begun its reader gets the error; this listener then only keeps it from being unhandled.
      request.on('error', reject);
      request.end(body);
    });
    const { headers: heads, statusCode = 0 } = response;
    return { status: statusCode, headers: heads, body: response, isWhole: () => response.complete };
  }

  close(): void {
    this.#agent.destroy();
  }
}
