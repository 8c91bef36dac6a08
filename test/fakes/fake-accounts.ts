/**
 * Fake of the accounts: who opens which Twilio account and which LiveKit project.
 */
import type {
  AccountAnswer,
  Accounts,
  Halt,
  OpenAccount,
  Pin,
  ProviderTrouble,
} from '../../src/reconcilers/shared/accounts.ts';
import type { IdentityReason, Provider, Verdict } from '../../src/reconcilers/shared/verdict.ts';
import type { OperatorProcess } from './effects.ts';
import type { FakeLiveKit } from './fake-livekit.ts';
import type { FakeTwilio } from './fake-twilio.ts';

const paused: Halt = { reason: 'Paused', state: 'is paused', end: 'spec.paused is false' };

export interface FakeAccount {
  accountSid: string;
  livekitUrl: string;
  ownerId: string;
  sipHost: string;
  paused: boolean;
  /** What else stops it. */
  halt?: Halt;
  allowedNamespaces: readonly string[];
  /** What every call to the provider answers, if its credentials or the provider as a whole are in trouble. */
  twilioProblem: IdentityReason | undefined;
  livekitProblem: IdentityReason | undefined;
  /** Monotonic milliseconds since when probes have found the problems; nobody probes if not given. */
  failingSince?: number;
}

export class FakeAccounts {
  /** By name of the TelephonyAccount. */
  readonly accounts = new Map<string, FakeAccount>();
  /** Every account object there ever was. */
  readonly #generations: FakeAccount[] = [];
  readonly #twilio: FakeTwilio;
  readonly #livekit: FakeLiveKit;

  constructor(twilio: FakeTwilio, livekit: FakeLiveKit) {
    this.#twilio = twilio;
    this.#livekit = livekit;
  }

  connect(process: OperatorProcess): Accounts {
    const opened = new Map<string, OpenAccount>();
    // A port is one generation of credentials: the same until the account object is another one.
    const openOnce = (pin: Pin): OpenAccount => {
      const text = `${pin.account} ${pin.accountSid} ${pin.livekitUrl} ${this.#generationOf(pin.account)}`;
      const ports = opened.get(text) ?? this.#opened(process, pin);
      opened.set(text, ports);
      const present = this.accounts.get(pin.account);
      const halt = present?.paused === true ? paused : present?.halt;
      return { ...ports, ownerId: pin.ownerId, sipHost: present?.sipHost ?? '', halt };
    };
    return {
      open: async (name, namespace): Promise<AccountAnswer> => {
        await Promise.resolve();
        const account = this.accounts.get(name);
        if (account === undefined) {
          return { kind: 'refused', reason: 'AccountNotFound', message: `TelephonyAccount ${name} does not exist` };
        }
        if (!account.allowedNamespaces.includes(namespace)) {
          return {
            kind: 'refused',
            reason: 'NamespaceNotAllowed',
            message: `TelephonyAccount ${name} does not allow namespace ${namespace}`,
          };
        }
        return openOnce({ account: name, phoneNumber: '', ...account });
      },
      openPinned: openOnce,
      accountSidOf: (name) => this.accounts.get(name)?.accountSid,
      troublesOf: ({ account }) => {
        const present = this.accounts.get(account);
        const { failingSince } = present ?? {};
        if (failingSince === undefined) return [];
        const troubleOf = (provider: Provider, reason: IdentityReason | undefined): readonly ProviderTrouble[] =>
          reason === undefined
            ? []
            : [
                {
                  provider,
                  verdict: { kind: 'identity', reason, message: reason },
                  since: { monotonic: failingSince, wall: failingSince },
                },
              ];
        return [...troubleOf('Twilio', present?.twilioProblem), ...troubleOf('LiveKit', present?.livekitProblem)];
      },
    };
  }

  #generationOf(name: string): number {
    const account = this.accounts.get(name);
    if (account !== undefined && !this.#generations.includes(account)) this.#generations.push(account);
    return account === undefined ? -1 : this.#generations.indexOf(account);
  }

  /** The pinned places and no others; what is wrong is asked at every call. */
  #opened(process: OperatorProcess, { account, accountSid, livekitUrl, ownerId }: Pin): OpenAccount {
    const reasonFor = (provider: 'twilioProblem' | 'livekitProblem'): IdentityReason | undefined => {
      const present = this.accounts.get(account);
      if (present === undefined) return 'AccountNotFound';
      const isAnother =
        provider === 'twilioProblem' ? present.accountSid !== accountSid : present.livekitUrl !== livekitUrl;
      return isAnother ? 'AccountMismatch' : present[provider];
    };
    const problem = (provider: 'twilioProblem' | 'livekitProblem') => (): Verdict | undefined => {
      const reason = reasonFor(provider);
      return reason && { kind: 'identity', reason, message: `TelephonyAccount ${account}: ${reason}` };
    };
    return {
      kind: 'open',
      account,
      accountSid,
      livekitUrl,
      ownerId,
      sipHost: '',
      halt: undefined,
      twilio: this.#twilio.connect(process, accountSid, problem('twilioProblem')),
      livekit: this.#livekit.connect(process, livekitUrl, problem('livekitProblem')),
    };
  }
}
