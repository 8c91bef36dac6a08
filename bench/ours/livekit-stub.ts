/**
 * LiveKit's SIP service in this process, as `LiveKitPort` promises it: one project with state.
 */
import type {
  DispatchRuleState,
  InboundTrunkState,
  LiveKitPort,
  OutboundTrunkState,
} from '../../src/reconcilers/shared/telephony.ts';
import { ProviderError } from '../../src/reconcilers/shared/verdict.ts';
import type { Perform } from './provider-calls.ts';

let made = 0;

function newId(prefix: string): string {
  made += 1;
  return `${prefix}${String(made).padStart(12, '0')}`;
}

/** A LiveKit project of its own. */
export function liveKitStub(perform: Perform): LiveKitPort {
  const inbound = new Map<string, InboundTrunkState>();
  const rules = new Map<string, DispatchRuleState>();
  const outbound = new Map<string, OutboundTrunkState>();
  const put = <Item extends { readonly id: string }>(all: Map<string, Item>, item: Item): Item => {
    all.set(item.id, item);
    return item;
  };
  return {
    listInboundTrunks: async () => await perform('listInboundTrunks', () => [...inbound.values()]),
    readInboundTrunk: async (id) => await perform('readInboundTrunk', () => inbound.get(id)),
    findInboundTrunks: async (phoneNumber) =>
      await perform('findInboundTrunks', () =>
        [...inbound.values()].filter(({ numbers }) => numbers.includes(phoneNumber)),
      ),
    createInboundTrunk: async (values) =>
      await perform('createInboundTrunk', () => put(inbound, { id: newId('ST_'), ...values })),
    updateInboundTrunk: async (id, values) =>
      await perform('updateInboundTrunk', () => put(inbound, { id, ...values })),
    listDispatchRules: async () => await perform('listDispatchRules', () => [...rules.values()]),
    findWildcardRules: async () => await perform('findWildcardRules', () => []),
    readDispatchRule: async (id) => await perform('readDispatchRule', () => rules.get(id)),
    createDispatchRule: async (values) =>
      await perform('createDispatchRule', () => put(rules, { id: newId('SDR_'), ...values })),
    updateDispatchRule: async (id, values) => await perform('updateDispatchRule', () => put(rules, { id, ...values })),
    deleteDispatchRule: async (id) => await perform('deleteDispatchRule', () => void rules.delete(id)),
    listOutboundTrunks: async () => await perform('listOutboundTrunks', () => [...outbound.values()]),
    readOutboundTrunk: async (id) => await perform('readOutboundTrunk', () => outbound.get(id)),
    createOutboundTrunk: async ({ authPassword: _secret, ...values }) =>
      await perform('createOutboundTrunk', () => put(outbound, { id: newId('ST_'), ...values })),
    updateOutboundTrunk: async (id, { address, encrypted, credential }) =>
      await perform('updateOutboundTrunk', () => {
        const before = existing(outbound, id);
        const { authUsername } = credential ?? before;
        return put(outbound, { ...before, address, encrypted, authUsername });
      }),
    renameInboundTrunk: async (id, name) => await perform('renameInboundTrunk', () => renamed(inbound, id, name)),
    renameDispatchRule: async (id, name) => await perform('renameDispatchRule', () => renamed(rules, id, name)),
    renameOutboundTrunk: async (id, name) => await perform('renameOutboundTrunk', () => renamed(outbound, id, name)),
    deleteTrunk: async (id) =>
      await perform('deleteTrunk', () => {
        inbound.delete(id);
        outbound.delete(id);
      }),
  };
}

function existing<Item>(all: Map<string, Item>, id: string): Item {
  const found = all.get(id);
  if (found === undefined) {
    throw new ProviderError('LiveKit', 'update', { kind: 'notFound', message: `${id} was not found` });
  }
  return found;
}

function renamed<Item extends object>(all: Map<string, Item>, id: string, name: string): void {
  all.set(id, { ...existing(all, id), name });
}
