/**
 * Twirp: one call to LiveKit's SIP service, as JSON over HTTP.
 *
 * LiveKit's SDK makes the token and no more: its client lacks some calls and fields that are needed here (reading one
 * trunk, the longest call of an inbound trunk, the address of an outbound one), repeats creates in other regions, and
 * drops fields of servers newer than itself, which a replacement would then wipe.
 *
 * Guarantees: one request per call, no redirects, and the deadline covers the whole reply.
 */
import { AccessToken } from 'livekit-server-sdk';
import { z } from 'zod';
import type { Limiter, RequestTraits } from '../limiter/limiter.ts';
import { classify } from './classify.ts';

export interface TwirpOptions {
  /** An http(s) or ws(s) URL; its path is ignored, as LiveKit's own clients do. */
  readonly url: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  /** Deadline of one request, without the time it waits for the limiter. */
  readonly timeoutMs: number;
  readonly limiter: Limiter;
}

/** An answer that is no success. */
export class FailedReply extends Error {
  override readonly name = 'FailedReply';
  readonly status: number;
  /** Twirp's error code; absent when the answer is not a Twirp error. */
  readonly code: string | undefined;
  /** What Retry-After asks for; 0 without it. */
  readonly retryAfterMs: number;

  constructor(status: number, error: z.output<typeof twirpError> | undefined, retryAfter: string | null) {
    super(error?.msg ?? '');
    this.status = status;
    this.code = error?.code;
    this.retryAfterMs = retryAfter !== null && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) * 1000 : 0;
  }
}

const twirpError = z.object({ code: z.string(), msg: z.string().optional() });

export type Json = string | number | boolean | null | readonly Json[] | { readonly [field: string]: Json };

/** Field names are those of the protocol: snake case. */
export type Twirp = (method: string, request: Readonly<Record<string, Json>>) => Promise<unknown>;

/** Throws a `FailedReply`, or whatever `fetch` and `JSON.parse` throw. */
export function twirpOf({ url, apiKey, apiSecret, timeoutMs, limiter }: TwirpOptions): Twirp {
  const origin = new URL(url.replace(/^ws/, 'http')).origin;
  const send: Twirp = async (method, request) => {
    const token = new AccessToken(apiKey, apiSecret, { ttl: '10m' });
    token.addSIPGrant({ admin: true });
    const reply = await fetch(`${origin}/twirp/livekit.SIP/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${await token.toJwt()}` },
      body: JSON.stringify(request),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await reply.text();
    if (reply.status === 200) return JSON.parse(text);
    throw new FailedReply(
      reply.status,
      twirpError.safeParse(parsedOrNothing(text)).data,
      reply.headers.get('retry-after'),
    );
  };
  return (method, request) =>
    limiter(() => send(method, request), { changes: !/^(?:List|Get)/.test(method), waitAskedBy });
}

const waitAskedBy: RequestTraits['waitAskedBy'] = (failure) => {
  const verdict = classify(failure);
  return verdict.kind === 'rateLimited' ? verdict.afterMs : undefined;
};

/** Proxies and older servers answer errors in plain text or HTML. */
function parsedOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
