/**
 * Exchange: one HTTP request from arrival to the end of its answer, with everything that goes wrong on the way.
 *
 * Guarantees
 * - Order: log, concurrency ceiling, faults, delay, apply, listeners, delay, answer.
 * - A request that has arrived is carried out even if its client has given up meanwhile, as on a real server.
 * - Nothing is carried out once the emulator closes.
 */

import { text } from 'node:stream/consumers';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answer, dispatch, problemsOf, type ReadRequest, readRequest, refusalReply } from './dispatch.ts';
import { appliesRequest, type FaultEffect, type FaultPlan, type FaultRegistry, type FinalEffect } from './faults.ts';
import { type OpenRecord, openRecord } from './request-log.ts';
import { errorBody, TwilioRefusal } from './refusal.ts';
import type { Account, World } from './world.ts';
import type { Method } from './operations.ts';
import type { TwilioSwitches } from './switches.ts';
import type { Violation } from './violations.ts';

/** A request that has just taken effect. */
export interface AppliedRequest {
  readonly method: Method;
  /** Twilio's path template, such as `/v1/Trunks/{Sid}`. */
  readonly template: string;
  /** Without the query. */
  readonly path: string;
  /** SID of the account of the credential. */
  readonly account: string | null;
  /** What Twilio answers, whether or not a fault keeps it from the client. */
  readonly status: number;
  readonly body: object | undefined;
}

/** Called after a request took effect; its answer waits for the returned promise. */
export type AppliedListener = (request: AppliedRequest) => void | Promise<void>;

/** What all exchanges share. */
export interface ExchangeContext {
  readonly world: World;
  readonly faults: FaultRegistry;
  readonly listeners: ReadonlySet<AppliedListener>;
  readonly requests: OpenRecord[];
  readonly violations: Violation[];
  readonly switches: () => TwilioSwitches;
  readonly wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly newRequestId: () => string;
  /** Aborted when the emulator closes. */
  readonly closing: AbortSignal;
}

interface Exchange {
  readonly context: ExchangeContext;
  readonly request: ReadRequest;
  readonly record: OpenRecord;
  readonly account: Account | undefined;
  readonly response: ServerResponse;
  readonly startedAt: number;
}

// What a real gateway gives when a test says no more than the status.
const CODE_BY_STATUS: Readonly<Record<number, number>> = {
  401: 20003,
  403: 20403,
  404: 20404,
  405: 20004,
  409: 20409,
  429: 20429,
  500: 20500,
  503: 20503,
};

/** Serves one request. Never throws: what goes wrong here is a violation. */
export async function serve(
  context: ExchangeContext,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = '', ...query] = (message.url ?? '').split('?');
  const body = await text(message).catch(() => undefined);
  if (body === undefined) return; // the client went away before it had said everything
  const request = readRequest({
    method: message.method ?? 'GET',
    path,
    query: new URLSearchParams(query.join('?')),
    body,
    contentType: message.headers['content-type'],
  });
  const account = context.world.authenticate(message.headers.authorization);
  const record = openRecord(context.newRequestId(), request, account?.sid ?? null);
  context.requests.push(record);
  const exchange = { context, request, record, account, response, startedAt: context.world.now() };
  report(exchange, 'request', problemsOf(request));
  if (account !== undefined) account.inFlight += 1;
  try {
    await answer(exchange);
  } catch (error) {
    response.destroy();
    if (!context.closing.aborted)
      report(exchange, 'emulator', [error instanceof Error ? error.message : String(error)]);
  } finally {
    if (account !== undefined) account.inFlight -= 1;
  }
}

async function answer(exchange: Exchange): Promise<void> {
  const { context, account, record, request } = exchange;
  if (account !== undefined && account.inFlight > account.limits.concurrentRequests) {
    const retryAfter = context.switches().retryAfterOnCeiling === 'present' ? { 'Retry-After': '1' } : {};
    return sendRefusal(exchange, tooManyRequests(), retryAfter);
  }
  const { method, path } = request.incoming;
  const plan = context.faults.plan({ method, path, account: record.account });
  await delay(context, plan.delayBefore);
  const applies = plan.final === undefined || appliesRequest(plan.final);
  const result = applies ? await carryOut(exchange, plan) : undefined;
  await delay(context, plan.delayAfter);
  if (plan.final !== undefined) return await fail(exchange, plan.final, result);
  if (result !== undefined) send(exchange, result.status, {}, result.body);
}

async function carryOut(exchange: Exchange, { lag }: FaultPlan): Promise<Answer> {
  const { context, request, record, account } = exchange;
  const result = dispatch(request, { world: context.world, switches: context.switches(), account, lag });
  report(exchange, 'reply', result.problems);
  if (result.applied === undefined) return result;
  record.applied = true;
  const { method, template } = result.applied;
  const { path } = request.incoming;
  const applied = { method, template, path, account: record.account, status: result.status, body: result.body };
  for (const listener of context.listeners) {
    try {
      await listener(applied);
    } catch (error) {
      report(exchange, 'emulator', [`a listener failed: ${error instanceof Error ? error.message : String(error)}`]);
    }
  }
  return result;
}

/** Ends a request as a fault says. */
async function fail(exchange: Exchange, effect: FinalEffect, result: Answer | undefined): Promise<void> {
  const { context, response } = exchange;
  switch (effect.kind) {
    case 'dropBefore':
    case 'dropAfter':
      response.socket?.resetAndDestroy();
      return;
    case 'hang':
      if (!response.closed) await once(response, 'close', { signal: context.closing });
      return;
    case 'malformed':
      return send(exchange, 200, {}, JSON.stringify(result?.body ?? { sid: '' }).slice(0, -1));
    case 'rateLimit': {
      const seconds = effect.retryAfterSeconds;
      return sendRefusal(exchange, tooManyRequests(), seconds === undefined ? {} : { 'Retry-After': String(seconds) });
    }
    case 'status':
      return sendStatus(exchange, effect);
  }
}

function sendStatus(exchange: Exchange, effect: FaultEffect & { readonly kind: 'status' }): void {
  const { status, headers = {}, html } = effect;
  if (html !== undefined) return send(exchange, status, { 'Content-Type': 'text/html', ...headers }, html);
  const code = effect.code ?? CODE_BY_STATUS[status] ?? (status < 500 ? 20001 : 20500);
  send(exchange, status, headers, errorBody(code, effect.message ?? 'Injected by a test', status));
}

function sendRefusal(exchange: Exchange, refusal: TwilioRefusal, headers: Readonly<Record<string, string>>): void {
  const { status, body } = refusalReply(refusal, exchange.context.switches());
  send(exchange, status, headers, body);
}

function send(
  { context, record, response, account, startedAt }: Exchange,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: object | string | undefined,
): void {
  if (response.destroyed) return; // the client has given up
  record.status = status;
  const sent = typeof body === 'object' ? JSON.stringify(body) : body;
  response.writeHead(status, {
    'Twilio-Request-Id': record.id,
    'Twilio-Concurrent-Requests': String(account?.inFlight ?? 1),
    'Twilio-Request-Duration': ((context.world.now() - startedAt) / 1000).toFixed(3),
    ...(sent === undefined ? {} : { 'Content-Type': 'application/json;charset=utf-8' }),
    ...(status === 401 ? { 'WWW-Authenticate': 'Basic realm="Twilio API"' } : {}),
    ...headers,
  });
  response.end(sent);
}

function tooManyRequests(): TwilioRefusal {
  return new TwilioRefusal(20429, 'Too many requests');
}

async function delay({ wait, closing }: ExchangeContext, milliseconds: number): Promise<void> {
  if (milliseconds > 0) await wait(milliseconds, closing);
  closing.throwIfAborted();
}

function report({ context, request }: Exchange, kind: Violation['kind'], problems: readonly string[]): void {
  const { method, path } = request.incoming;
  if (problems.length > 0) context.violations.push({ kind, method, path, problems });
}
