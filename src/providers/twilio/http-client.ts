/**
 * HTTP client: the transport under Twilio's SDK.
 *
 * Guarantees
 * - One request per call and no repetition; after the deadline the request is aborted, wherever it hangs.
 * - Whatever is not 2xx is thrown as a `FailedReply`.
 * - Credentials go to Twilio's hosts only, or to the one base URL that replaces them.
 */
import twilio from 'twilio';
import type RequestClient from 'twilio/lib/base/RequestClient.js';
import { z } from 'zod';
import type { Limiter, RequestTraits } from '../limiter/limiter.ts';
import { classify, UnreadableReply } from './classify.ts';

/** An answer that is no success. Holds what the classifier needs and nothing of the request. */
export class FailedReply extends Error {
  override readonly name = 'FailedReply';
  readonly status: number;
  /** Twilio's error code; absent when the reply does not come from Twilio itself. */
  readonly code: number | undefined;
  /** What Retry-After asks for; 0 without it. */
  readonly retryAfterMs: number;

  constructor(status: number, body: unknown, headers: unknown) {
    const { code, message, detail } = errorBody.safeParse(body).data ?? {};
    super(message ?? detail ?? '');
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs(headers);
  }
}

/** Newer products of Twilio say `detail` (RFC 9457) where the others say `message`. */
const errorBody = z.object({ code: z.number(), message: z.string().optional(), detail: z.string().optional() });
const retryHeaders = z.object({ 'retry-after': z.string(), date: z.string().optional() });

/** A date is measured against the reply's own Date, so that no clock is asked. */
function retryAfterMs(headers: unknown): number {
  const given = retryHeaders.safeParse(headers).data;
  if (given === undefined) return 0;
  const wait = given['retry-after'].trim();
  const milliseconds = /^\d{1,6}$/.test(wait) ? Number(wait) * 1000 : Date.parse(wait) - Date.parse(given.date ?? '');
  return Number.isFinite(milliseconds) ? Math.max(0, milliseconds) : 0;
}

const waitAskedBy: RequestTraits['waitAskedBy'] = (failure) => {
  const verdict = classify(failure);
  return verdict.kind === 'rateLimited' ? verdict.afterMs : undefined;
};

export interface TwilioHttpClientOptions {
  /** Deadline of one request, without the time it waits for the limiter. */
  readonly timeoutMs: number;
  /** Replaces scheme, host and port of every request, also of the absolute links in Twilio's pages. */
  readonly baseUrl: string | undefined;
  readonly limiter: Limiter;
}

export class TwilioHttpClient extends twilio.RequestClient {
  readonly #baseUrl: URL | undefined;
  readonly #limiter: Limiter;

  constructor({ timeoutMs, baseUrl, limiter }: TwilioHttpClientOptions) {
    super({ timeout: timeoutMs, autoRetry: false });
    this.#baseUrl = baseUrl === undefined ? undefined : new URL(baseUrl);
    this.#limiter = limiter;
    // The SDK's own timeout is one of idle sockets: it sees neither a slow trickle nor a proxy that hangs.
    this.axios.interceptors.request.use((config) => {
      config.signal = AbortSignal.timeout(timeoutMs);
      return config;
    });
  }

  /** Always rejects rather than throws: the SDK waits for ever on a client that throws at once. */
  override async request<T>(options: RequestClient.RequestOptions<T>) {
    const uri = this.#target(options.uri);
    try {
      return await this.#limiter(
        async () => {
          const reply = await super.request({ ...options, uri });
          if (reply.statusCode >= 200 && reply.statusCode <= 299) return reply;
          throw new FailedReply(reply.statusCode, reply.body, reply.headers);
        },
        { changes: options.method !== 'get', waitAskedBy },
      );
    } finally {
      // They hold the password and the form of the request.
      delete this.lastRequest;
      delete this.lastResponse;
    }
  }

  #target(uri: string): string {
    const url = new URL(uri);
    if (this.#baseUrl !== undefined) return new URL(`${url.pathname}${url.search}`, this.#baseUrl.origin).href;
    if (url.protocol !== 'https:' || !url.hostname.endsWith('.twilio.com')) {
      throw new UnreadableReply('A link in the reply leads away from Twilio');
    }
    return url.href;
  }
}
