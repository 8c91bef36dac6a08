/**
 * Connect: LiveKit's SIP service as the core knows it, the same on LiveKit Cloud and on an own server.
 *
 * A connection is one generation of credentials. No call is repeated: the engine is the one retry layer.
 */
import { z } from 'zod';
import type { LiveKitPort } from '../../reconcilers/shared/telephony.ts';
import { ProviderError } from '../../reconcilers/shared/verdict.ts';
import { atOnce, type Limiter } from '../limiter/limiter.ts';
import {
  dispatchRule,
  inboundTrunk,
  normalisedNumber,
  outboundEncryption,
  outboundTrunk,
  rawObject,
  wildcardRule,
  withDispatchRule,
  withInboundTrunk,
} from './objects.ts';
import { SipCalls, undefinedIfNotFound } from './sip-calls.ts';
import { twirpOf } from './twirp.ts';

export interface LiveKitConnectionOptions {
  /** An http(s) or ws(s) URL of the project or server. */
  readonly url: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  /** Deadline of each request, in milliseconds. */
  readonly timeoutMs?: number;
  /** How many objects of a list are asked for at once. */
  readonly pageSize?: number;
  /** Every HTTP request goes through it; at once if left out. */
  readonly limiter?: Limiter;
}

/**
 * Makes no call.
 * @throws ProviderError `identity` when the key or the secret is empty; TypeError when `url` is no URL
 */
export function connectLiveKit({
  url,
  apiKey,
  apiSecret,
  timeoutMs = 10_000,
  pageSize = 100,
  limiter = atOnce,
}: LiveKitConnectionOptions): LiveKitPort {
  if (apiKey === '' || apiSecret === '') {
    throw new ProviderError('LiveKit', `use ${url}`, {
      kind: 'identity',
      reason: 'CredentialsUnavailable',
      message: 'the API key or its secret is empty',
    });
  }
  const calls = new SipCalls(twirpOf({ url, apiKey, apiSecret, timeoutMs, limiter }), [apiSecret], pageSize);
  return { ...inboundTrunkCalls(calls), ...dispatchRuleCalls(calls), ...outboundTrunkCalls(calls) };
}

type InboundTrunkCalls = Pick<
  LiveKitPort,
  | 'listInboundTrunks'
  | 'readInboundTrunk'
  | 'findInboundTrunks'
  | 'createInboundTrunk'
  | 'updateInboundTrunk'
  | 'renameInboundTrunk'
>;

const trunkReply = z.object({ trunk: inboundTrunk });
const rawTrunkReply = z.object({ trunk: rawObject });

function inboundTrunkCalls(calls: SipCalls): InboundTrunkCalls {
  const get = <Reply extends z.ZodType>(id: string, reply: Reply): Promise<z.output<Reply>> =>
    calls.one(`read inbound trunk ${id}`, 'GetSIPInboundTrunk', { sip_trunk_id: id }, reply);
  return {
    listInboundTrunks: () => calls.all('list inbound trunks', 'ListSIPInboundTrunk', inboundTrunk),
    readInboundTrunk: async (id) => (await undefinedIfNotFound(get(id, trunkReply)))?.trunk,
    async findInboundTrunks(phoneNumber) {
      const action = `find inbound trunks with ${phoneNumber}`;
      // Of a fleet with thousands of trunks only those that matter; LiveKit adds the trunks without any number.
      const found = await calls.matching(action, 'ListSIPInboundTrunk', { numbers: [phoneNumber] }, inboundTrunk);
      const wanted = normalisedNumber(phoneNumber);
      return found.filter(({ numbers }) => numbers.some((number) => normalisedNumber(number) === wanted));
    },
    createInboundTrunk: (values) =>
      calls.one(
        `create inbound trunk ${values.name}`,
        'CreateSIPInboundTrunk',
        { trunk: withInboundTrunk({}, values) },
        inboundTrunk,
      ),
    async updateInboundTrunk(id, values) {
      const { trunk: present } = await get(id, rawTrunkReply);
      const replace = withInboundTrunk(present, values);
      const action = `update inbound trunk ${id}`;
      return await calls.one(action, 'UpdateSIPInboundTrunk', { sip_trunk_id: id, replace }, inboundTrunk);
    },
    async renameInboundTrunk(id, name) {
      const request = { sip_trunk_id: id, update: { name } };
      await calls.one(`rename inbound trunk ${id}`, 'UpdateSIPInboundTrunk', request, inboundTrunk);
    },
  };
}

type DispatchRuleCalls = Pick<
  LiveKitPort,
  | 'listDispatchRules'
  | 'findWildcardRules'
  | 'readDispatchRule'
  | 'createDispatchRule'
  | 'updateDispatchRule'
  | 'renameDispatchRule'
  | 'deleteDispatchRule'
>;

function dispatchRuleCalls(calls: SipCalls): DispatchRuleCalls {
  // No call gets one rule. A list by ids leaves out what is not there.
  const withId = <Item extends z.ZodType>(id: string, item: Item) =>
    calls.matching(`read dispatch rule ${id}`, 'ListSIPDispatchRule', { dispatch_rule_ids: [id] }, item);
  return {
    listDispatchRules: () => calls.all('list dispatch rules', 'ListSIPDispatchRule', dispatchRule),
    async findWildcardRules() {
      // Rules without a trunk come with those of any trunk that is asked for, also of one that does not exist.
      const filter = { trunk_ids: ['ST_none'] };
      const action = 'find dispatch rules without a trunk';
      const found = await calls.matching(action, 'ListSIPDispatchRule', filter, wildcardRule);
      return found.flatMap((rule) => rule ?? []);
    },
    readDispatchRule: async (id) => (await withId(id, dispatchRule)).find((rule) => rule.id === id),
    createDispatchRule: (values) =>
      // The fields of the rule stand in the request itself, which is deprecated; the new form is refused when any two
      // rules of the project conflict, whoever made them.
      calls.one(
        `create dispatch rule ${values.name}`,
        'CreateSIPDispatchRule',
        withDispatchRule({}, values),
        dispatchRule,
      ),
    async updateDispatchRule(id, values) {
      const action = `update dispatch rule ${id}`;
      const present = (await withId(id, rawObject)).find((rule) => rule['sip_dispatch_rule_id'] === id);
      if (present === undefined) {
        throw new ProviderError('LiveKit', action, { kind: 'notFound', message: 'the dispatch rule does not exist' });
      }
      const replace = withDispatchRule(present, values);
      return await calls.one(action, 'UpdateSIPDispatchRule', { sip_dispatch_rule_id: id, replace }, dispatchRule);
    },
    async renameDispatchRule(id, name) {
      const request = { sip_dispatch_rule_id: id, update: { name } };
      await calls.one(`rename dispatch rule ${id}`, 'UpdateSIPDispatchRule', request, dispatchRule);
    },
    async deleteDispatchRule(id) {
      const request = { sip_dispatch_rule_id: id };
      await calls.one(`delete dispatch rule ${id}`, 'DeleteSIPDispatchRule', request, z.unknown());
    },
  };
}

type OutboundTrunkCalls = Pick<
  LiveKitPort,
  | 'listOutboundTrunks'
  | 'readOutboundTrunk'
  | 'createOutboundTrunk'
  | 'updateOutboundTrunk'
  | 'renameOutboundTrunk'
  | 'deleteTrunk'
>;

function outboundTrunkCalls(calls: SipCalls): OutboundTrunkCalls {
  return {
    listOutboundTrunks: () => calls.all('list outbound trunks', 'ListSIPOutboundTrunk', outboundTrunk),
    async readOutboundTrunk(id) {
      const reply = z.object({ trunk: outboundTrunk });
      const request = { sip_trunk_id: id };
      const get = calls.one(`read outbound trunk ${id}`, 'GetSIPOutboundTrunk', request, reply);
      return (await undefinedIfNotFound(get))?.trunk;
    },
    createOutboundTrunk: ({ name, numbers, address, encrypted, authUsername, authPassword }) => {
      const credential = { auth_username: authUsername, auth_password: authPassword };
      const trunk = { name, numbers, address, ...credential, ...outboundEncryption(encrypted) };
      const secrets = [authPassword];
      return calls.one(`create outbound trunk ${name}`, 'CreateSIPOutboundTrunk', { trunk }, outboundTrunk, secrets);
    },
    updateOutboundTrunk: (id, { address, encrypted, credential }) => {
      const named = credential && { auth_username: credential.authUsername, auth_password: credential.authPassword };
      const request = { sip_trunk_id: id, update: { address, ...outboundEncryption(encrypted), ...named } };
      const secrets = credential === undefined ? [] : [credential.authPassword];
      return calls.one(`update outbound trunk ${id}`, 'UpdateSIPOutboundTrunk', request, outboundTrunk, secrets);
    },
    async renameOutboundTrunk(id, name) {
      const request = { sip_trunk_id: id, update: { name } };
      await calls.one(`rename outbound trunk ${id}`, 'UpdateSIPOutboundTrunk', request, outboundTrunk);
    },
    async deleteTrunk(id) {
      await calls.one(`delete trunk ${id}`, 'DeleteSIPTrunk', { sip_trunk_id: id }, z.unknown());
    },
  };
}
