/**
 * Transport over HTTP/1.1 on Node's own client, with connections that are kept.
 *
 * Guarantees
 * - A request is sent once. Only after a 401, which means that it was not carried out, it is sent once more with
 *   credentials read again.
 * - A request ends by its deadline; what was cut off then may have been applied.
 */
import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { classifyReply, KubernetesError } from './classify.ts';
import type { Credentials, CredentialSource } from './credentials.ts';
import { linesOf } from './lines.ts';
import type { KubernetesReply, KubernetesRequest, KubernetesStreamRequest, KubernetesTransport } from './transport.ts';

/** kube-apiserver closes idle connections after 90 s; one closed just as it is used again would look like a lost write. */
const idleConnectionMs = 30_000;
/** TCP keep-alive probes find a peer that has vanished. */
const keepAliveProbeMs = 30_000;

interface Sending {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal | undefined;
}

export class HttpsTransport implements KubernetesTransport {
  readonly #credentials: CredentialSource;
  readonly #userAgent: string;
  readonly #deadlineMs: number;
  readonly #agent = new Agent({ keepAlive: true, keepAliveMsecs: keepAliveProbeMs, timeout: idleConnectionMs });

  /** `deadlineMs` is for requests that name none. */
  constructor(credentials: CredentialSource, userAgent: string, deadlineMs: number) {
    this.#credentials = credentials;
    this.#userAgent = userAgent;
    this.#deadlineMs = deadlineMs;
  }

  async request(request: KubernetesRequest): Promise<KubernetesReply> {
    const { method, path, query, body, contentType = 'application/json', signal } = request;
    const sending: Sending = {
      method,
      target: targetOf(path, query),
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': contentType }) },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    };
    const used = await this.#credentials.get();
    const reply = await this.#exchange(sending, used, request.deadlineMs ?? this.#deadlineMs);
    if (reply.status !== 401) return reply;
    return await this.#exchange(sending, await this.#credentials.renew(used), request.deadlineMs ?? this.#deadlineMs);
  }

  async *stream({ path, query, signal }: KubernetesStreamRequest): AsyncGenerator<string, void, undefined> {
    const sending: Sending = {
      method: 'GET',
      target: targetOf(path, query),
      headers: { accept: 'application/json' },
      body: undefined,
      signal,
    };
    const used = await this.#credentials.get();
    let response = await this.#send(sending, used);
    if (response.statusCode === 401) {
      response.destroy();
      response = await this.#send(sending, await this.#credentials.renew(used));
    }
    const { statusCode: status = 0, headers } = response;
    if (status !== 200) {
      const answer = classifyReply(`watch ${path}`, 'read', { status, headers, body: parsed(await textOf(response)) });
      if (answer.kind === 'failed') throw answer.error;
      throw new KubernetesError(`watch ${path}`, { status, reason: answer.kind, message: '', retryAfterMs: 0 });
    }
    try {
      yield* linesOf(response);
    } finally {
      // The reader may have had enough before the end.
      response.destroy();
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #exchange(sending: Sending, credentials: Credentials, deadlineMs: number): Promise<KubernetesReply> {
    const deadline = new AbortController();
    const expired = new Error(`no answer within ${deadlineMs} ms`);
    const timer = setTimeout(() => deadline.abort(expired), deadlineMs);
    const signal = sending.signal === undefined ? deadline.signal : AbortSignal.any([sending.signal, deadline.signal]);
    try {
      const response = await this.#send({ ...sending, signal }, credentials);
      const { statusCode: status = 0, headers } = response;
      return { status, headers, body: parsed(await textOf(response)) };
    } catch (error) {
      // Node's own error says no more than that something was aborted.
      throw deadline.signal.aborted ? expired : error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #send({ method, target, headers, body, signal }: Sending, credentials: Credentials): Promise<IncomingMessage> {
    const { server } = this.#credentials;
    return await new Promise((resolve, reject) => {
      const request = httpsRequest({
        ...credentials.tls,
        protocol: server.protocol,
        host: server.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: server.port === '' ? 443 : server.port,
        // Behind some gateways the API server lives below a path.
        path: `${server.pathname.replace(/\/$/, '')}${target}`,
        agent: this.#agent,
        method,
        headers: { ...headers, ...credentials.headers, 'user-agent': this.#userAgent },
        ...(signal === undefined ? {} : { signal }),
      });
      request.once('response', resolve);
      // Once the answer has begun its reader gets the error; this listener then only keeps it from being unhandled.
      request.on('error', reject);
      request.end(body);
    });
  }
}

function targetOf(path: string, query: Readonly<Record<string, string>> = {}): string {
  const search = new URLSearchParams(query).toString();
  return search === '' ? path : `${path}?${search}`;
}

async function textOf(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let body = '';
  for await (const chunk of response) body += chunk;
  return body;
}

function parsed(body: string): unknown {
  if (body === '') return undefined;
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
