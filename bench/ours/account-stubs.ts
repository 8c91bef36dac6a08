/**
 * Accounts in this process: every name is an open account with a Twilio account and a LiveKit project of its own.
 */
import type { Accounts, OpenAccount } from '../../src/reconcilers/shared/accounts.ts';
import { accountSidOf } from '../phone-numbers.ts';
import { liveKitStub } from './livekit-stub.ts';
import { performerFor, type ProviderCallOptions } from './provider-calls.ts';
import { twilioStub } from './twilio-stub.ts';

/** Accounts that exist as soon as they are named. */
export function accountStubs(options: ProviderCallOptions): Accounts {
  const opened = new Map<string, OpenAccount>();
  const open = (account: string): OpenAccount => {
    const known = opened.get(account);
    if (known !== undefined) return known;
    const accountSid = accountSidOf(account);
    const fresh: OpenAccount = {
      kind: 'open',
      account,
      accountSid,
      livekitUrl: `https://${account}.livekit.example`,
      ownerId: 'bench',
      sipHost: `${account}.sip.livekit.example`,
      halt: undefined,
      twilio: twilioStub(accountSid, performerFor(options, account, 'Twilio')),
      livekit: liveKitStub(performerFor(options, account, 'LiveKit')),
    };
    opened.set(account, fresh);
    return fresh;
  };
  return {
    open: async (name) => await Promise.resolve(open(name)),
    openPinned: ({ account }) => open(account),
    accountSidOf,
    troublesOf: () => [],
  };
}
