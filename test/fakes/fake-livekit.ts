/**
 * Fake of LiveKit's SIP service as `LiveKitPort` promises it: it takes duplicates without a word, refuses a second
 * inbound trunk for a number, and answers every deletion with success.
 */
import type {
  DispatchRuleState,
  InboundTrunkState,
  LiveKitPort,
  OutboundTrunkState,
} from '../../src/reconcilers/shared/telephony.ts';
import { ProviderError, type Verdict } from '../../src/reconcilers/shared/verdict.ts';
import type { Effects, OperatorProcess } from './effects.ts';

export interface FakeOutboundTrunk extends OutboundTrunkState {
  readonly authPassword: string;
}

/** One project's state. */
export class LiveKitProject {
  readonly inbound = new Map<string, InboundTrunkState>();
  readonly rules = new Map<string, DispatchRuleState>();
  readonly outbound = new Map<string, FakeOutboundTrunk>();
}

export class FakeLiveKit {
  readonly projects = new Map<string, LiveKitProject>();
  readonly #effects: Effects;
  #made = 0;

  constructor(effects: Effects) {
    this.#effects = effects;
  }

  project(url: string): LiveKitProject {
    const known = this.projects.get(url);
    if (known !== undefined) return known;
    const fresh = new LiveKitProject();
    this.projects.set(url, fresh);
    return fresh;
  }

  newId(prefix: string): string {
    this.#made += 1;
    return `${prefix}${String(this.#made).padStart(12, '0')}`;
  }

  /** `problem` is what is wrong with the credentials at the moment, if anything is. */
  connect(process: OperatorProcess, url: string, problem: () => Verdict | undefined): LiveKitPort {
    const { inbound, rules, outbound } = this.project(url);
    const perform = async <T>(operation: string, isWrite: boolean, apply: () => T): Promise<T> =>
      await this.#effects.perform({ process, system: 'LiveKit', operation, isWrite }, () => {
        const verdict = problem();
        if (verdict !== undefined) throw new ProviderError('LiveKit', operation, verdict);
        return apply();
      });
    const read = async <T>(operation: string, apply: () => T) => await perform(operation, false, apply);
    const write = async <T>(operation: string, apply: () => T) => await perform(operation, true, apply);
    return {
      listInboundTrunks: async () => await read('listInboundTrunks', () => [...inbound.values()]),
      readInboundTrunk: async (id) => await read('readInboundTrunk', () => inbound.get(id)),
      findInboundTrunks: async (phoneNumber) =>
        await read('findInboundTrunks', () =>
          [...inbound.values()].filter(({ numbers }) => numbers.includes(phoneNumber)),
        ),
      createInboundTrunk: async (values) =>
        await write('createInboundTrunk', () => {
          const holder = [...inbound.values()].find(({ numbers }) =>
            numbers.some((one) => values.numbers.includes(one)),
          );
          if (holder !== undefined) {
            throw new ProviderError('LiveKit', 'create inbound trunk', {
              kind: 'refused',
              code: 'invalid_argument',
              message: 'Conflicting inbound SIP trunks',
            });
          }
          const made = { id: this.newId('ST_'), ...values };
          inbound.set(made.id, made);
          return made;
        }),
      updateInboundTrunk: async (id, values) => await write('updateInboundTrunk', () => changed(inbound, id, values)),
      listDispatchRules: async () => await read('listDispatchRules', () => [...rules.values()]),
      findWildcardRules: async () =>
        await read('findWildcardRules', () =>
          [...rules.values()]
            .filter(({ trunkIds }) => trunkIds.length === 0)
            .map(({ id, name }) => ({ id, name, condition: 'any call' })),
        ),
      readDispatchRule: async (id) => await read('readDispatchRule', () => rules.get(id)),
      createDispatchRule: async (values) =>
        await write('createDispatchRule', () => {
          const made = { id: this.newId('SDR_'), ...values };
          rules.set(made.id, made);
          return made;
        }),
      updateDispatchRule: async (id, values) => await write('updateDispatchRule', () => changed(rules, id, values)),
      deleteDispatchRule: async (id) => await write('deleteDispatchRule', () => void rules.delete(id)),
      listOutboundTrunks: async () => await read('listOutboundTrunks', () => [...outbound.values()].map(outboundState)),
      readOutboundTrunk: async (id) =>
        await read('readOutboundTrunk', () => {
          const one = outbound.get(id);
          return one && outboundState(one);
        }),
      createOutboundTrunk: async (values) =>
        await write('createOutboundTrunk', () => {
          const made = { id: this.newId('ST_'), ...values };
          outbound.set(made.id, made);
          return outboundState(made);
        }),
      updateOutboundTrunk: async (id, change) =>
        await write('updateOutboundTrunk', () => {
          const { credential, ...rest } = change;
          return outboundState(changed(outbound, id, { ...rest, ...credential }));
        }),
      renameInboundTrunk: async (id, name) =>
        await write('renameInboundTrunk', () => void changed(inbound, id, { name })),
      renameDispatchRule: async (id, name) =>
        await write('renameDispatchRule', () => void changed(rules, id, { name })),
      renameOutboundTrunk: async (id, name) =>
        await write('renameOutboundTrunk', () => void changed(outbound, id, { name })),
      deleteTrunk: async (id) =>
        await write('deleteLiveKitTrunk', () => {
          inbound.delete(id);
          outbound.delete(id);
        }),
    };
  }
}

function outboundState({ authPassword: _secret, ...state }: FakeOutboundTrunk): OutboundTrunkState {
  return state;
}

function changed<T extends object>(all: Map<string, T>, id: string, change: Partial<T>): T {
  const before = all.get(id);
  if (before === undefined) {
    throw new ProviderError('LiveKit', 'update', { kind: 'notFound', message: `${id} was not found` });
  }
  const after = { ...before, ...change };
  all.set(id, after);
  return after;
}
