/**
 * Metrics of calls to others: the API server, Twilio and LiveKit.
 *
 * No label can take more than a bounded number of values, whatever the other side answers.
 */
import { Counter, Histogram, type Registry } from 'prom-client';
import type { Clock } from '../../reconcilers/shared/ports.ts';
import { type Provider, ProviderError } from '../../reconcilers/shared/verdict.ts';
import type { MeasuredTransport } from './telemetry.ts';

/** Those of client-go. */
const durationBuckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/** More codes of one provider than this are called "other". It names a few dozen. */
const mostCodes = 100;

type Monotonic = Pick<Clock, 'monotonic'>;

export class ApiServerMetrics {
  readonly #clock: Monotonic;
  readonly #requests: Counter<'code' | 'method' | 'host'>;
  readonly #duration: Histogram<'verb' | 'host'>;

  constructor(registry: Registry, clock: Monotonic) {
    this.#clock = clock;
    this.#requests = new Counter({
      name: 'rest_client_requests_total',
      help: 'Requests to the API server, by status code, method and host',
      labelNames: ['code', 'method', 'host'],
      registers: [registry],
    });
    this.#duration = new Histogram({
      name: 'rest_client_request_duration_seconds',
      help: 'How long requests to the API server took, without watches',
      labelNames: ['verb', 'host'],
      buckets: durationBuckets,
      registers: [registry],
    });
  }

  measured<
    Request extends { readonly method: string },
    Reply extends { readonly status: number },
    StreamRequest extends { readonly signal: AbortSignal },
  >(
    transport: MeasuredTransport<Request, Reply, StreamRequest>,
    host: string,
  ): MeasuredTransport<Request, Reply, StreamRequest> {
    const count = (method: string, code: string): void => this.#requests.inc({ code, method, host });
    return {
      request: async (request) => {
        const startedAt = this.#clock.monotonic();
        let code = noAnswer;
        try {
          const reply = await transport.request(request);
          code = String(reply.status);
          return reply;
        } finally {
          count(request.method, code);
          this.#duration.observe({ verb: request.method, host }, (this.#clock.monotonic() - startedAt) / 1_000);
        }
      },
      stream: (request) => countedStream(transport.stream(request), request.signal, (code) => count('GET', code)),
      close: () => transport.close(),
    };
  }
}

/** The word of client-go for a request that nobody answered. */
const noAnswer = '<error>';

/** Counts a watch once: when its first line or its end shows what became of it. One that we gave up is not counted. */
async function* countedStream(
  lines: AsyncIterable<string>,
  signal: AbortSignal,
  count: (code: string) => void,
): AsyncGenerator<string, void, undefined> {
  let isCounted = false;
  const once = (code: string): void => {
    if (!isCounted) count(code);
    isCounted = true;
  };
  try {
    for await (const line of lines) {
      once('200');
      yield line;
    }
    once('200');
  } catch (error) {
    if (!signal.aborted) once(statusOf(error));
    throw error;
  }
}

/** Errors of the API server carry its answer as `problem`. */
function statusOf(error: unknown): string {
  const problem: unknown = error instanceof Error ? Reflect.get(error, 'problem') : undefined;
  const status: unknown = typeof problem === 'object' && problem !== null ? Reflect.get(problem, 'status') : undefined;
  return typeof status === 'number' ? String(status) : noAnswer;
}

export class ProviderMetrics {
  readonly #clock: Monotonic;
  readonly #calls: Counter<'provider' | 'call' | 'outcome' | 'code'>;
  readonly #duration: Histogram<'provider' | 'call'>;
  readonly #waits: Histogram<'provider'>;
  readonly #codes = new Map<Provider, Set<string>>();

  constructor(registry: Registry, clock: Monotonic) {
    this.#clock = clock;
    this.#calls = new Counter({
      name: 'trunkline_provider_requests_total',
      help: 'Calls to Twilio and LiveKit, by what became of them',
      labelNames: ['provider', 'call', 'outcome', 'code'],
      registers: [registry],
    });
    this.#duration = new Histogram({
      name: 'trunkline_provider_request_duration_seconds',
      help: 'How long calls to Twilio and LiveKit took, all pages of a list together',
      labelNames: ['provider', 'call'],
      buckets: durationBuckets,
      registers: [registry],
    });
    this.#waits = new Histogram({
      name: 'trunkline_provider_wait_duration_seconds',
      help: 'How long requests to Twilio and LiveKit waited for their turn under the limits of their account',
      labelNames: ['provider'],
      buckets: durationBuckets,
      registers: [registry],
    });
  }

  /** A request waited for its turn, in milliseconds. */
  waited(provider: Provider, waitedMs: number): void {
    this.#waits.observe({ provider }, waitedMs / 1_000);
  }

  /** Of a port that has only methods, as those of Twilio and LiveKit. */
  measured<Port extends object>(provider: Provider, port: Port): Port {
    const methods = new Map<string, (...given: readonly unknown[]) => unknown>();
    return new Proxy(port, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function' || typeof name !== 'string') return value;
        const known = methods.get(name);
        if (known !== undefined) return known;
        const method = (...given: readonly unknown[]): unknown => {
          const startedAt = this.#clock.monotonic();
          // On the port itself: calls among its own methods are parts of this one.
          const result: unknown = Reflect.apply(value, target, given);
          return result instanceof Promise ? this.#watched(provider, name, startedAt, result) : result;
        };
        methods.set(name, method);
        return method;
      },
    });
  }

  async #watched(provider: Provider, call: string, startedAt: number, result: Promise<unknown>): Promise<unknown> {
    let labels = { outcome: 'ok', code: '' };
    try {
      return await result;
    } catch (error) {
      labels = this.#labelsOf(provider, error);
      throw error;
    } finally {
      this.#calls.inc({ provider, call, ...labels });
      this.#duration.observe({ provider, call }, (this.#clock.monotonic() - startedAt) / 1_000);
    }
  }

  #labelsOf(provider: Provider, error: unknown): { readonly outcome: string; readonly code: string } {
    if (!(error instanceof ProviderError)) return { outcome: 'unexpected', code: '' };
    const { verdict } = error;
    switch (verdict.kind) {
      case 'conflict':
      case 'refused':
        return { outcome: verdict.kind, code: this.#boundedCode(provider, verdict.code) };
      case 'identity':
        return { outcome: verdict.kind, code: verdict.reason };
      case 'notFound':
      case 'rateLimited':
      case 'unknownOutcome':
        return { outcome: verdict.kind, code: '' };
    }
  }

  #boundedCode(provider: Provider, code: string): string {
    const codes = this.#codes.get(provider) ?? new Set();
    this.#codes.set(provider, codes);
    if (codes.size < mostCodes && /^\w{1,40}$/.test(code)) codes.add(code);
    return codes.has(code) ? code : 'other';
  }
}
