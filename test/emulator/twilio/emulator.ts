/**
 * Twilio emulator: a stateful Twilio on one plain http port of this machine, for tests and demos.
 *
 * Guarantees
 * - It serves trunking.twilio.com (`/v1`), routes.twilio.com (`/v2`) and api.twilio.com (`/2010-04-01`) side by side;
 *   a client only changes the origin of its requests. URLs inside trunking replies name the real host, as Twilio's do.
 * - Every request and every reply is held against Twilio's own description; see `violations`.
 * - Disposing it ends all connections at once; nothing is carried out afterwards.
 */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AccountDump, dumpAccount, dumpPhoneNumber, isAccountEmpty, type PhoneNumberDump } from './dump.ts';
import { type AppliedListener, type ExchangeContext, serve } from './exchange.ts';
import { applySeed } from './seed.ts';
import type { Seed } from './seed-schema.ts';
import { assertNoViolations, type Violation } from './violations.ts';
import { DEFAULT_SWITCHES, type TwilioSwitches } from './switches.ts';
import { FaultRegistry } from './faults.ts';
import { isAdminPath, serveAdmin } from './admin.ts';
import type { RequestRecord } from './request-log.ts';
import { World } from './world.ts';

/** How an emulator starts. */
export interface TwilioEmulatorOptions {
  /** 0, the default: a free one. */
  readonly port?: number;
  /** The default is a Twilio without accounts. */
  readonly seed?: Seed;
  /** Over the defaults. */
  readonly switches?: Partial<TwilioSwitches>;
  /** Milliseconds since 1970; the wall clock if left out. */
  readonly now?: () => number;
  /** 32 lower-case hex digits, never the same again; random if left out. */
  readonly randomHex?: () => string;
  /** Serves the delays of faults; rejects when the signal aborts. Real time if left out. */
  readonly wait?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** A running emulator. */
export interface TwilioEmulator extends AsyncDisposable {
  /** Its origin, such as `http://127.0.0.1:4600`. */
  readonly url: string;
  readonly port: number;
  /** The database, for what no API offers: a call that ends, a credential that is revoked. */
  readonly world: World;
  readonly faults: FaultRegistry;
  readonly switches: TwilioSwitches;
  /** Changes switches for requests to come; the others stay as they are. */
  setSwitches(switches: Partial<TwilioSwitches>): void;
  /** Adds to what is there. @throws ZodError or Error as `applySeed` does */
  seed(seed: Seed): void;
  /** Everything an account holds. @throws Error if there is no such account */
  dump(accountSid: string): AccountDump;
  /** True if an account has no trunk and no list, and no number is routed. @throws Error if there is no such account */
  isEmpty(accountSid: string): boolean;
  /** The number, whichever account has it. @throws Error if none has it */
  phoneNumber(e164: string): PhoneNumberDump;
  /** All requests in the order they came in, as they stand now. */
  readonly requests: readonly RequestRecord[];
  clearRequests(): void;
  /** What must never happen; see Violation. */
  readonly violations: readonly Violation[];
  clearViolations(): void;
  /** @throws Error that lists the violations, if there are any */
  assertNoViolations(): void;
  /** Hears of every POST and DELETE that took effect, before it is answered. Returns how to stop listening. */
  onApplied(listener: AppliedListener): () => void;
}

/**
 * Starts an emulator.
 * @throws Error if the port is taken; ZodError or Error if the seed is not right
 */
export async function startTwilioEmulator(options: TwilioEmulatorOptions = {}): Promise<TwilioEmulator> {
  const randomHex = options.randomHex ?? (() => randomBytes(16).toString('hex'));
  const world = new World(options.now ?? Date.now, randomHex);
  if (options.seed !== undefined) applySeed(world, options.seed);
  let switches: TwilioSwitches = { ...DEFAULT_SWITCHES, ...options.switches };
  const closing = new AbortController();
  const listeners = new Set<AppliedListener>();
  const context: ExchangeContext = {
    world,
    listeners,
    requests: [],
    violations: [],
    faults: new FaultRegistry(),
    switches: () => switches,
    wait: options.wait ?? ((milliseconds, signal) => sleep(milliseconds, undefined, { signal })),
    newRequestId: () => `RQ${randomHex()}`,
    closing: closing.signal,
  };
  const server = createServer((request, response) => {
    void (isAdminPath(request.url) ? serveAdmin : serve)(context, request, response);
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Cannot start the Twilio emulator: no port');
  const { port } = address;

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    world,
    faults: context.faults,
    get switches() {
      return switches;
    },
    setSwitches: (changes) => {
      switches = { ...switches, ...changes };
    },
    seed: (seed) => applySeed(world, seed),
    dump: (accountSid) => dumpAccount(world.account(accountSid)),
    isEmpty: (accountSid) => isAccountEmpty(world.account(accountSid)),
    phoneNumber: (e164) => findPhoneNumber(world, e164),
    get requests() {
      return context.requests.map((record) => ({ ...record }));
    },
    clearRequests: () => {
      context.requests.length = 0;
    },
    get violations() {
      return [...context.violations];
    },
    clearViolations: () => {
      context.violations.length = 0;
    },
    assertNoViolations: () => assertNoViolations(context.violations),
    onApplied: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    [Symbol.asyncDispose]: async () => {
      if (closing.signal.aborted) return;
      closing.abort();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function findPhoneNumber(world: World, e164: string): PhoneNumberDump {
  for (const account of world.accounts.values()) {
    for (const number of account.phoneNumbers.values()) {
      if (number.phoneNumber === e164) return dumpPhoneNumber(number, account.sid);
    }
  }
  throw new Error(`Cannot find number "${e164}": no account has it`);
}
