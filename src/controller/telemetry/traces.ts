/**
 * Traces for OpenTelemetry: a span for each reconcile, with a span in it for each call to Twilio, LiveKit and the API
 * server. This module, and with it the library, is loaded only where an endpoint is configured: what is off costs nothing.
 *
 * Guarantees
 * - Nothing that is sent or answered stands in a span but its kind and its code: no arguments, so no secret and no caller.
 * - A collector that does not answer keeps nobody waiting; what it does not take is dropped, and the log says so.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Attributes,
  diag,
  DiagLogLevel,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Outcome } from '../../reconcilers/shared/outcome.ts';
import { ConflictError, type ObjectKey } from '../../reconcilers/shared/ports.ts';
import { ProviderError } from '../../reconcilers/shared/verdict.ts';
import type { Log } from '../logging.ts';
import type { Telemetry } from './telemetry.ts';

export interface TraceOptions {
  /** Where OTLP over HTTP is taken, such as http://collector:4318/v1/traces. */
  readonly endpoint: string;
  /** This replica. */
  readonly instance: string;
  readonly log: Log;
}

export interface Traces {
  /** The same telemetry, and spans besides. */
  readonly telemetry: Telemetry;
  /** Sends what is left, for two seconds at most. */
  close(): Promise<void>;
}

const exportWithinMs = 2_000;

/** To be called once per process: how the library tells of its own failures is global. */
export function withTraces(inner: Telemetry, { endpoint, instance, log }: TraceOptions): Traces {
  const complain = (problem: string): void => log.warn({ problem, endpoint }, 'traces are not delivered');
  const silent = (): void => undefined;
  diag.setLogger(
    { error: complain, warn: complain, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'trunkline', 'service.instance.id': instance }),
    spanProcessors: [
      new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: endpoint, timeoutMillis: exportWithinMs }) }),
    ],
  });
  const spans = new Spans(provider);
  return {
    close: async () => {
      try {
        await provider.shutdown();
      } catch (error) {
        complain(error instanceof Error ? error.message : String(error));
      }
    },
    telemetry: {
      ...inner,
      kind: (kind) => ({
        ...kind,
        reconcile: async (key: ObjectKey) =>
          await spans.reconcile(kind.name, key, async () => await kind.reconcile(key)),
      }),
      port: (name, port) => spans.traced(name, inner.port(name, port)),
      transport: (transport, host) => {
        const measured = inner.transport(transport, host);
        return {
          request: async (request) =>
            await spans.call(`${request.method} at the API server`, {}, async (span) => {
              const reply = await measured.request(request);
              span?.setAttribute('http.response.status_code', reply.status);
              return reply;
            }),
          stream: (request) => measured.stream(request),
          close: () => measured.close(),
        };
      },
    },
  };
}

class Spans {
  readonly #tracer;
  readonly #present = new AsyncLocalStorage<Span>();

  constructor(provider: TracerProvider) {
    this.#tracer = provider.getTracer('trunkline');
  }

  async reconcile(kind: string, { name, namespace }: ObjectKey, work: () => Promise<Outcome>): Promise<Outcome> {
    const attributes = { 'k8s.namespace.name': namespace, 'trunkline.kind': kind, 'trunkline.name': name };
    const span = this.#tracer.startSpan(`reconcile ${kind}`, { kind: SpanKind.INTERNAL, attributes }, ROOT_CONTEXT);
    return await this.#run(span, async () => {
      const outcome = await work();
      span.setAttribute('trunkline.outcome', outcome.kind);
      return outcome;
    });
  }

  /** Only within a reconcile: the lease and the watches are nobody's work. */
  async call<T>(name: string, attributes: Attributes, work: (span: Span | undefined) => Promise<T>): Promise<T> {
    const parent = this.#present.getStore();
    if (parent === undefined) return await work(undefined);
    const span = this.#tracer.startSpan(
      name,
      { kind: SpanKind.CLIENT, attributes },
      trace.setSpan(ROOT_CONTEXT, parent),
    );
    return await this.#run(span, async () => await work(span));
  }

  /** A port that has only methods which return promises. */
  traced<Port extends object>(provider: string, port: Port): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return async (...given: readonly unknown[]): Promise<unknown> =>
          await this.call(`${provider} ${String(name)}`, { 'peer.service': provider }, async () => {
            const result: unknown = await Reflect.apply(method, target, given);
            return result;
          });
      },
    });
  }

  async #run<T>(span: Span, work: () => Promise<T>): Promise<T> {
    try {
      return await this.#present.run(span, work);
    } catch (error) {
      span.setAttribute('error.type', errorTypeOf(error));
      // Deciding again on newer data is how this works, not a failure.
      if (!(error instanceof ConflictError)) span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  }
}

/** From a bounded set, and never what somebody else has written. */
function errorTypeOf(error: unknown): string {
  if (!(error instanceof ProviderError)) return error instanceof Error ? error.name : 'unknown';
  const { verdict } = error;
  switch (verdict.kind) {
    case 'identity':
      return verdict.reason;
    case 'refused':
    case 'conflict':
      return `${verdict.kind} ${verdict.code}`;
    default:
      return verdict.kind;
  }
}
