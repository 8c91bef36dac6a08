/**
 * Dispatch: from the text of a request to Twilio's answer, without network, faults or time.
 *
 * Guarantees
 * - Every request is read against Twilio's description, and every answer of a handler is checked against it.
 * - An answer that is not `applied` has changed nothing.
 * - Order of refusals: credentials, path, method, account of the path, fields, then the rules of the resource.
 */

import { Form, type FormValue, type Reply } from './request.ts';
import { type Match, matchOperation, type Operation } from './operations.ts';
import { checkReply, checkRequest, type Issue } from './openapi.ts';
import { errorBody, notFound, statusOf, TwilioRefusal } from './refusal.ts';
import type { Account, World } from './world.ts';
import type { TwilioSwitches } from './switches.ts';

/** A request as it came in. */
export interface Incoming {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly contentType: string | undefined;
  readonly body: string;
}

/** What the operation table and Twilio's description say about a request, before anything is done. */
export interface ReadRequest {
  readonly incoming: Incoming;
  readonly match: Match;
  readonly issues: readonly Issue[];
  readonly form: ReadonlyMap<string, FormValue>;
}

/** What an answer depends on besides the request. */
export interface DispatchContext {
  readonly world: World;
  readonly switches: TwilioSwitches;
  /** The account of the credential; undefined if the credential is wrong. */
  readonly account: Account | undefined;
  /** See ApiRequest. */
  readonly lag: { readonly lists: number; readonly reads: number };
}

/** Twilio's answer. */
export interface Answer extends Reply {
  /** The operation, when the request was a POST or DELETE that took effect. */
  readonly applied: Operation | undefined;
  /** What is wrong with the answer, in words. */
  readonly problems: readonly string[];
}

/** Reads a request: which operation it is, and what Twilio's description does not allow about it. */
export function readRequest(incoming: Incoming): ReadRequest {
  const { method, path, query, contentType, body } = incoming;
  const match = matchOperation(method, path);
  if (match.kind !== 'found') return { incoming, match, issues: [], form: new Map() };
  const checked = checkRequest(match.operation, { params: match.params, query, contentType, body });
  return { incoming, match, ...checked };
}

/** What is wrong with a request, in words; empty for one that Twilio's description allows. */
export function problemsOf(request: ReadRequest): readonly string[] {
  if (request.match.kind === 'unknownPath') return ['no such path, or one that is not emulated'];
  if (request.match.kind === 'otherMethod') return ['no such method for this path, or one that is not emulated'];
  return request.issues.map(({ message }) => message);
}

/**
 * Answers a request and carries it out.
 * @throws whatever a defective handler throws; a refusal is an answer
 */
export function dispatch(request: ReadRequest, context: DispatchContext): Answer {
  const { incoming, match } = request;
  const { world, switches, lag } = context;
  try {
    if (context.account === undefined) throw new TwilioRefusal(20003, 'Authenticate');
    if (match.kind === 'unknownPath') throw notFound(incoming.path);
    if (match.kind === 'otherMethod') throw new TwilioRefusal(20004, 'Method not allowed');
    const { operation, params } = match;
    const account = accountOfPath(params['AccountSid'], context.account, context, incoming.path);
    refuseIssues(request, operation, switches);
    const { path, query } = incoming;
    const reply = operation.handle({
      world,
      switches,
      account,
      path,
      params,
      query,
      lag,
      form: new Form(request.form),
    });
    const applied = operation.method === 'GET' ? undefined : operation;
    return { ...reply, applied, problems: checkReply(operation, reply.status, reply.body) };
  } catch (error) {
    if (error instanceof TwilioRefusal) return { ...refusalReply(error, switches), applied: undefined, problems: [] };
    throw error;
  }
}

/** The reply that a refusal is sent as. */
export function refusalReply(refusal: TwilioRefusal, switches: TwilioSwitches): Reply {
  const status = statusOf(refusal.code, switches);
  return { status, body: errorBody(refusal.code, refusal.message, status) };
}

/** Trunking paths name no account: the credential alone decides. A v2010 path may name its own or a sub-account. */
function accountOfPath(sid: string | undefined, own: Account, context: DispatchContext, path: string): Account {
  const account = sid === undefined ? own : context.world.accounts.get(sid);
  if (account !== undefined && (account === own || account.parentSid === own.sid)) return account;
  throw context.switches.foreignAccountPath === 404 ? notFound(path) : new TwilioRefusal(20003, 'Authenticate');
}

function refuseIssues(request: ReadRequest, operation: Operation, switches: TwilioSwitches): void {
  for (const issue of request.issues) {
    const refusal = refusalOf(issue, operation, switches, request.incoming.path);
    if (refusal !== undefined) throw refusal;
  }
}

function refusalOf(
  { place, problem, field }: Issue,
  operation: Operation,
  switches: TwilioSwitches,
  path: string,
): TwilioRefusal | undefined {
  if (place === 'path') return notFound(path);
  if (place === 'body') return new TwilioRefusal(20001, 'Content type is not supported');
  if (problem === 'unknown') {
    if (place === 'query' || switches.unknownFormFields === 'ignored') return undefined;
    return new TwilioRefusal(20001, `Unknown parameter ${field}`);
  }
  if (problem === 'missing') return new TwilioRefusal(20001, `Missing required parameter ${field} in the post body`);
  return new TwilioRefusal(invalidCode(place, field, operation, switches), `Invalid parameter ${field}`);
}

function invalidCode(place: 'query' | 'form', field: string, operation: Operation, switches: TwilioSwitches): number {
  if (field === 'PageSize') return 20007;
  if (place === 'form' && field.endsWith('Sid')) return 20423;
  if (field.endsWith('Method') && operation.template.includes('/IncomingPhoneNumbers/')) return 21403;
  return switches.invalidParameterCode;
}
