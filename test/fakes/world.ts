/**
 * A world in memory: clock, API server, Twilio, LiveKit, accounts, and the operator's present process.
 *
 * It starts with one account, one number in it, and a wildcard rule of somebody else at LiveKit, which answers every
 * call that arrives there without a rule of its own.
 */
import { Memories } from '../../src/reconcilers/phone-number/memory.ts';
import type { Dependencies, Settings } from '../../src/reconcilers/phone-number/ports.ts';
import type { EventNote, ObjectKey } from '../../src/reconcilers/shared/ports.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { CrashError, Effects, OperatorProcess } from './effects.ts';
import { type FakeAccount, FakeAccounts } from './fake-accounts.ts';
import { FakeLiveKit, type LiveKitProject } from './fake-livekit.ts';
import { FakeStore, keyOf } from './fake-store.ts';
import { FakeTwilio, type TwilioAccount } from './fake-twilio.ts';

export const phoneNumber = '+447446466847';
export const accountSid = `AC${'a'.repeat(32)}`;
export const livekitUrl = 'https://livekit.example.com';
export const key: ObjectKey = { namespace: 'default', name: 'reception' };

const minute = 60_000;

/** The figures of DESIGN 3.3. */
export const settings: Settings = {
  recheckMs: 5 * minute,
  lateCommitMs: minute,
  progressAfterMs: 2_000,
  proofMaxAgeMs: 10_000,
  trunkLimit: 100,
  giveUp: {
    afterMs: 15 * minute,
    attempts: 5,
    overMs: 2 * minute,
    refusals: 3,
    refusalsOverMs: 10_000,
    accountRefusedAfterMs: 15 * minute,
    accountUnavailableAfterMs: 60 * minute,
  },
};

/** What a person writes for calls to reach one agent. */
export const inboundOnly = {
  phoneNumber,
  voice: { sipTrunk: { dispatch: { agents: [{ agentName: 'receptionist' }] } } },
};
export const withOutbound = {
  phoneNumber,
  voice: { sipTrunk: { outbound: { enabled: true, allowedCidrs: ['192.0.2.0/24', '198.51.100.7'] } } },
};

export class World {
  readonly clock = new FakeClock();
  readonly effects = new Effects(this.clock);
  readonly store = new FakeStore(this.clock, this.effects);
  readonly twilio = new FakeTwilio(this.clock, this.effects);
  readonly livekit = new FakeLiveKit(this.effects);
  readonly accounts = new FakeAccounts(this.twilio, this.livekit);
  readonly events: (EventNote & { readonly name: string })[] = [];
  readonly audits: string[] = [];
  /** How often the operator made sure that it leads, less the external writes it made since (`oracles.ts`). */
  fenceChecks = 0;
  /** What oracles found wrong; `runUntilSettled` throws it. */
  readonly violations: string[] = [];
  process = new OperatorProcess();
  dependencies: Dependencies;
  #randomBytes = 0;

  constructor() {
    this.addAccount('default');
    this.twilio.buyNumber(accountSid, phoneNumber);
    const rule = { roomPrefix: '', agents: [], hidePhoneNumber: false, attributes: {} };
    const id = this.livekit.newId('SDR_');
    this.project.rules.set(id, { id, name: 'somebody else', trunkIds: [], ...rule });
    this.dependencies = this.#connect();
  }

  get account(): TwilioAccount {
    return this.twilio.account(accountSid);
  }

  get project(): LiveKitProject {
    return this.livekit.project(livekitUrl);
  }

  /** Which operation each event told about, oldest first. */
  get eventActions(): readonly string[] {
    return this.events.map(({ action }) => action);
  }

  addAccount(name: string, differing: Partial<FakeAccount> = {}): FakeAccount {
    const account: FakeAccount = {
      accountSid,
      livekitUrl,
      ownerId: '0a1b2c3d',
      sipHost: 'sip.example.com',
      paused: false,
      allowedNamespaces: ['default', 'other'],
      twilioProblem: undefined,
      livekitProblem: undefined,
      ...differing,
    };
    this.accounts.accounts.set(name, account);
    return account;
  }

  /** The account everything of a test is in, unless it says otherwise. */
  get defaultAccount(): FakeAccount {
    return this.accounts.accounts.get('default') ?? this.addAccount('default');
  }

  /** The operator starts again: nothing is remembered, and the cache begins with a list. */
  restart(): void {
    this.store.relist();
    this.takeOver();
  }

  /** Another process that stood by takes over: it remembers nothing, and its cache is as far behind as it is. */
  takeOver(): void {
    this.process.isAlive = false;
    this.process = new OperatorProcess();
    this.dependencies = this.#connect();
  }

  #connect(): Dependencies {
    const { process } = this;
    return {
      store: this.store.connect(process),
      accounts: this.accounts.connect(process),
      events: {
        publish: (regarding, event) => this.events.push({ ...event, name: keyOf(regarding).name }),
      },
      clock: this.clock,
      random: {
        bytes: (length) => {
          this.#randomBytes += 1;
          return new Uint8Array(length).fill(this.#randomBytes % 256);
        },
      },
      fence: {
        assertSurelyLeader: () => {
          if (!process.isAlive) throw new CrashError('The process is dead');
          this.fenceChecks += 1;
        },
      },
      memories: new Memories(this.clock.monotonic(), settings.lateCommitMs),
      settings,
      audit: { record: (action) => this.audits.push(action) },
    };
  }
}
