/**
 * Admin: a person looks at the state and breaks things with curl, under a path that Twilio does not have.
 *
 * Guarantees
 * - Bodies are checked; a refusal lists every problem. Nothing here shows a password, token or key.
 * - There is no login: the emulator listens on this machine only.
 */

import { text } from 'node:stream/consumers';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { dumpAccount } from './dump.ts';
import type { ExchangeContext } from './exchange.ts';
import type { FaultEffect, FaultRule } from './faults.ts';

const PREFIX = '/_emulator/';

const count = z.int().nonnegative();

const EFFECT: z.ZodType<FaultEffect> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('status'),
    status: z.int().min(400).max(599),
    code: z.int().exactOptional(),
    message: z.string().exactOptional(),
    headers: z.record(z.string(), z.string()).exactOptional(),
    html: z.string().exactOptional(),
    applied: z.boolean().exactOptional(),
  }),
  z.strictObject({ kind: z.literal('delay'), milliseconds: count, when: z.enum(['before', 'after']).exactOptional() }),
  z.strictObject({ kind: z.literal('dropBefore') }),
  z.strictObject({ kind: z.literal('dropAfter') }),
  z.strictObject({ kind: z.literal('rateLimit'), retryAfterSeconds: count.exactOptional() }),
  z.strictObject({ kind: z.literal('hang'), applied: z.boolean().exactOptional() }),
  z.strictObject({ kind: z.literal('malformed'), applied: z.boolean().exactOptional() }),
  z.strictObject({
    kind: z.literal('notFoundAfterCreate'),
    milliseconds: count,
    where: z.enum(['lists', 'reads', 'both']).exactOptional(),
  }),
]);

const RULE: z.ZodType<FaultRule> = z.strictObject({
  method: z.enum(['GET', 'POST', 'DELETE']).exactOptional(),
  path: z.string().transform(toPattern).exactOptional(),
  account: z.string().exactOptional(),
  times: count.exactOptional(),
  skip: count.exactOptional(),
  effect: EFFECT,
});

/** True for a request that `serveAdmin` answers. */
export function isAdminPath(url: string | undefined): boolean {
  return url?.startsWith(PREFIX) ?? false;
}

/** Answers an admin request. Never throws. */
export async function serveAdmin(
  context: ExchangeContext,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await text(message).catch(() => undefined);
  if (body === undefined) return;
  const { status, reply } = answer(context, `${message.method} ${message.url}`, body);
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(`${JSON.stringify(reply, undefined, 2)}\n`);
}

function answer(context: ExchangeContext, operation: string, body: string): { status: number; reply: unknown } {
  switch (operation) {
    case 'GET /_emulator/state':
      return { status: 200, reply: showState(context) };
    case 'GET /_emulator/requests':
      return { status: 200, reply: context.requests };
    case 'GET /_emulator/faults':
      return { status: 200, reply: showFaults(context) };
    case 'POST /_emulator/faults': {
      const rule = parseRule(body);
      if (rule.success) context.faults.add(rule.data);
      return rule.success
        ? { status: 201, reply: showFaults(context) }
        : { status: 400, reply: { problems: rule.error.issues.map(describe) } };
    }
    case 'DELETE /_emulator/faults':
      context.faults.clear();
      return { status: 200, reply: showFaults(context) };
    default:
      return { status: 404, reply: { problems: [`no such operation: ${operation}`] } };
  }
}

function showState({ world, violations }: ExchangeContext): object {
  const accounts = [...world.accounts].map(([sid, account]) => [sid, dumpAccount(account)]);
  return { accounts: Object.fromEntries(accounts), violations };
}

function showFaults({ faults }: ExchangeContext): object {
  return faults.list().map(({ rule: { path, ...rule }, hits }) => {
    // A pattern's own source has its slashes escaped; whoever added it wrote them plainly.
    const shownPath = path === undefined ? {} : { path: path.source.replaceAll(String.raw`\/`, '/') };
    return { ...rule, ...shownPath, hits };
  });
}

function parseRule(body: string): z.ZodSafeParseResult<FaultRule> {
  return z.string().transform(toJson).pipe(RULE).safeParse(body);
}

function toJson(body: string, context: z.RefinementCtx): unknown {
  try {
    return JSON.parse(body);
  } catch {
    context.addIssue('body is not JSON');
    return z.NEVER;
  }
}

function toPattern(source: string, context: z.RefinementCtx): RegExp {
  try {
    return new RegExp(source);
  } catch {
    context.addIssue('not a regular expression');
    return z.NEVER;
  }
}

function describe({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.join('.')}: ${message}`;
}
