/**
 * Test emulator: an emulator with known accounts, a clock that stands still, and clients, for the emulator's own tests.
 */

import { createRawClient, type RawClient } from './raw-client.ts';
import { createSdkClient } from './sdk-client.ts';
import { startTwilioEmulator, type TwilioEmulator, type TwilioEmulatorOptions } from './emulator.ts';
import type { Seed } from './seed-schema.ts';

/** A SID of the form `xx` and 32 hex digits, different for every `number`. */
export function sidOf(prefix: string, number: number): string {
  return prefix + String(number).padStart(32, '0');
}

export const OWN = sidOf('AC', 1);
export const FOREIGN = sidOf('AC', 2);
export const SUB = sidOf('AC', 3);
export const TOKEN = 'token-of-the-test';
export const API_KEY = sidOf('SK', 1);
export const NUMBERS = ['+15005550001', '+15005550002', '+15005550003'] as const;
export const NUMBER_SIDS = [sidOf('PN', 1), sidOf('PN', 2), sidOf('PN', 3)] as const;
export const CORE = `/2010-04-01/Accounts/${OWN}`;
/** As strong as Twilio wants it, and found by no accident. */
export const PASSWORD = 'CanaryPassword77';

const SEED: Seed = {
  accounts: [
    {
      accountSid: OWN,
      authToken: TOKEN,
      apiKeys: { [API_KEY]: TOKEN },
      phoneNumbers: NUMBERS.map((phoneNumber, index) => ({ phoneNumber, sid: sidOf('PN', index + 1) })),
    },
    { accountSid: FOREIGN, authToken: TOKEN },
    { accountSid: SUB, authToken: TOKEN, parentAccountSid: OWN },
  ],
};

/** An emulator and who talks to it. */
export interface TestEmulator extends AsyncDisposable {
  readonly emulator: TwilioEmulator;
  readonly api: RawClient;
  readonly foreignApi: RawClient;
  readonly sub: RawClient;
  readonly sdk: ReturnType<typeof createSdkClient>;
  /** Milliseconds since 1970, as the emulator sees it. */
  readonly clock: { now: number };
}

/** Starts one. */
export async function startTestEmulator(options: TwilioEmulatorOptions = {}): Promise<TestEmulator> {
  const clock = { now: Date.UTC(2026, 0, 31, 12) };
  const emulator = await startTwilioEmulator({ seed: SEED, now: () => clock.now, ...options });
  const { url } = emulator;
  return {
    emulator,
    clock,
    api: createRawClient(url, OWN, TOKEN),
    foreignApi: createRawClient(url, FOREIGN, TOKEN),
    sub: createRawClient(url, SUB, TOKEN),
    sdk: createSdkClient(url, { accountSid: OWN, username: API_KEY, password: TOKEN, timeout: 5_000 }),
    [Symbol.asyncDispose]: async () => await emulator[Symbol.asyncDispose](),
  };
}
