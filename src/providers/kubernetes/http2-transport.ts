/**
 * Transport over HTTP/2: one long-lived connection for requests, another one for watches, so that neither waits for the
 * other. HTTP/1.1 where the other side speaks nothing newer.
 *
 * Guarantees
 * - Whether a request is sent again is decided in `attempts.ts`: never one that may have been carried out, unless it reads.
 * - A request ends by its deadline, whatever it waits for; what was cut off then may have been applied.
 */
import type { Clock } from '../../reconcilers/shared/ports.ts';
import { next, noRepetitions, type Outcome } from './attempts.ts';
import { classifyReply, KubernetesError } from './classify.ts';
import type { ClusterAccess, Credentials } from './cluster-access.ts';
import { chunksOf, type Incoming, type Outgoing, textOf, UnprocessedError } from './exchange.ts';
import { Http1Connections } from './http1-connections.ts';
import type { ConnectionFigures } from './http2-connection.ts';
import { Http2Lane } from './http2-lane.ts';
import { linesOf } from './lines.ts';
import type { Timers } from './ports.ts';
import type { KubernetesReply, KubernetesRequest, KubernetesStreamRequest, KubernetesTransport } from './transport.ts';
import { untilAborted } from './until-aborted.ts';

export interface Http2TransportOptions {
  readonly access: ClusterAccess;
  readonly userAgent: string;
  /** For requests that name none, in milliseconds. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly timers: Timers;
  /** 10 s for connecting, a ping every 30 s that is answered within 15 s, if not given: the figures of client-go. */
  readonly figures?: ConnectionFigures;
}

const defaultFigures: ConnectionFigures = { connectWithin: 10_000, pingEvery: 30_000, pingWithin: 15_000 };

export class Http2Transport implements KubernetesTransport {
  readonly #options: Http2TransportOptions;
  readonly #http1 = new Http1Connections();
  readonly #requests: Http2Lane;
  readonly #watches: Http2Lane;

  constructor(options: Http2TransportOptions) {
    this.#options = options;
    const { access, figures = defaultFigures, timers } = options;
    this.#requests = new Http2Lane({ access, figures, http1: this.#http1, timers });
    this.#watches = new Http2Lane({ access, figures, http1: this.#http1, timers });
  }

  async request(request: KubernetesRequest): Promise<KubernetesReply> {
    const { body, contentType = 'application/json', deadlineMs = this.#options.deadlineMs, method, signal } = request;
    const message: Outgoing = {
      method,
      target: targetOf(request.path, request.query),
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': contentType }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    };
    const ending = new AbortController();
    const cancel = this.#options.timers.schedule(deadlineMs, () =>
      ending.abort(new Error(`no answer within ${deadlineMs} ms`)),
    );
    const stop = (): void => ending.abort(signal?.reason);
    if (signal?.aborted === true) stop();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await this.#repeat(message, deadlineMs, ending.signal, async (ready, credentials) =>
        replyOf(await this.#requests.send(ready, credentials, ending.signal), ending.signal),
      );
    } finally {
      cancel();
      signal?.removeEventListener('abort', stop);
    }
  }

  async *stream({ path, query, signal }: KubernetesStreamRequest): AsyncGenerator<string, void, undefined> {
    const target = targetOf(path, query);
    const message: Outgoing = { method: 'GET', target, headers: { accept: 'application/json' }, body: undefined };
    const { incoming, reply } = await this.#repeat(message, this.#options.deadlineMs, signal, async (ready, used) => {
      const answer = await this.#watches.send(ready, used, signal);
      const { headers, status } = answer;
      if (status === 200) return { status, headers, incoming: answer, reply: undefined };
      return { status, headers, incoming: undefined, reply: await replyOf(answer, signal) };
    });
    if (incoming === undefined) throw refusalOf(`watch ${path}`, reply);
    yield* linesOf(chunksOf(incoming, signal));
  }

  close(): void {
    this.#requests.close();
    this.#watches.close();
    this.#http1.close();
  }

  /** Sends until `attempts.ts` has had enough. @throws whatever the last attempt threw, or the signal's reason */
  async #repeat<Answer extends Head>(
    message: Outgoing,
    deadlineMs: number,
    signal: AbortSignal,
    send: (message: Outgoing, credentials: Credentials) => Promise<Answer>,
  ): Promise<Answer> {
    const { access, clock } = this.#options;
    const until = clock.monotonic() + deadlineMs;
    let credentials = access.fresh ?? (await untilAborted(access.get(), signal));
    let repetitions = noRepetitions;
    for (;;) {
      signal.throwIfAborted();
      const sent = await this.#once(message, credentials, signal, send);
      const step = next(message.method, outcomeOf(sent), repetitions, until - clock.monotonic());
      if (step.kind === 'again') {
        const before = credentials;
        credentials = await untilAborted(step.renew ? access.renew(before) : access.get(), signal);
        // The same credentials would be refused again.
        if (!step.renew || credentials !== before) {
          if (step.afterMs > 0) await this.#pause(step.afterMs, signal);
          repetitions = step.repetitions;
          continue;
        }
      }
      if (sent.kind === 'failed') throw sent.error;
      return sent.answer;
    }
  }

  async #once<Answer>(
    message: Outgoing,
    credentials: Credentials,
    signal: AbortSignal,
    send: (message: Outgoing, credentials: Credentials) => Promise<Answer>,
  ): Promise<Sent<Answer>> {
    // Behind some gateways the API server lives below a path.
    const prefix = new URL(credentials.server).pathname.replace(/\/$/, '');
    const headers = { ...message.headers, ...credentials.headers, 'user-agent': this.#options.userAgent };
    try {
      return {
        kind: 'answered',
        answer: await send({ ...message, target: `${prefix}${message.target}`, headers }, credentials),
      };
    } catch (error) {
      // Node's own error says no more than that something was aborted.
      return { kind: 'failed', error: signal.aborted ? signal.reason : error };
    }
  }

  async #pause(forMs: number, signal: AbortSignal): Promise<void> {
    const over = Promise.withResolvers<void>();
    const onAbort = (): void => over.reject(signal.reason);
    const cancel = this.#options.timers.schedule(forMs, over.resolve);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await over.promise;
    } finally {
      cancel();
      signal.removeEventListener('abort', onAbort);
    }
  }
}

/** What every answer begins with. */
type Head = Pick<KubernetesReply, 'status' | 'headers'>;

type Sent<Answer> =
  | { readonly kind: 'answered'; readonly answer: Answer }
  | { readonly kind: 'failed'; readonly error: unknown };

function outcomeOf(sent: Sent<Head>): Outcome {
  if (sent.kind === 'failed') return { kind: sent.error instanceof UnprocessedError ? 'unprocessed' : 'lost' };
  const { headers, status } = sent.answer;
  const seconds = Number(headers['retry-after'] ?? Number.NaN);
  return { kind: 'reply', status, retryAfterMs: seconds >= 0 ? seconds * 1000 : undefined };
}

async function replyOf(incoming: Incoming, signal: AbortSignal): Promise<KubernetesReply> {
  const { headers, status } = incoming;
  return { status, headers, body: parsed(await textOf(incoming, signal)) };
}

function refusalOf(action: string, reply: KubernetesReply): KubernetesError {
  const answer = classifyReply(action, 'read', reply);
  if (answer.kind === 'failed') return answer.error;
  return new KubernetesError(action, { status: reply.status, reason: answer.kind, message: '', retryAfterMs: 0 });
}

function targetOf(path: string, query: Readonly<Record<string, string>> = {}): string {
  const search = new URLSearchParams(query).toString();
  return search === '' ? path : `${path}?${search}`;
}

function parsed(body: string): unknown {
  if (body === '') return undefined;
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
