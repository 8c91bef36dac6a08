// What the providers tell a limiter of their requests, and what becomes of requests that it does not send.
import { describe, expect, test } from 'vitest';
import { type Limiter, NotSentError, type RequestTraits } from '../../../src/providers/limiter/limiter.ts';
import { connectLiveKit } from '../../../src/providers/livekit/connect-livekit.ts';
import { FailedReply as FailedTwirp } from '../../../src/providers/livekit/twirp.ts';
import { connectTwilio } from '../../../src/providers/twilio/connect-twilio.ts';
import { FailedReply } from '../../../src/providers/twilio/http-client.ts';
import type { LiveKitPort, TwilioAccountPort } from '../../../src/reconcilers/shared/telephony.ts';
import { ProviderError } from '../../../src/reconcilers/shared/verdict.ts';

const accountSid = `AC${'0'.repeat(32)}`;
const trunkSid = `TK${'1'.repeat(32)}`;
const numberSid = `PN${'1'.repeat(32)}`;

/** Sends nothing. */
function holding() {
  const seen: RequestTraits[] = [];
  const limiter: Limiter = async (_send, traits) => {
    seen.push(traits);
    return await Promise.reject(new NotSentError('the provider asked to wait', 4_000));
  };
  const twilio = connectTwilio({
    accountSid,
    credentials: { username: `SK${'2'.repeat(32)}`, password: 'secret' },
    clock: { monotonic: () => 0 },
    limiter,
  });
  const livekit = connectLiveKit({ url: 'https://livekit.example.com', apiKey: 'key', apiSecret: 'secret', limiter });
  return { twilio, livekit, seen };
}

async function verdictOf(call: Promise<unknown>): Promise<unknown> {
  const error = await call.catch((thrown: unknown) => thrown);
  return error instanceof ProviderError ? error.verdict : error;
}

type Call = (ports: { readonly twilio: TwilioAccountPort; readonly livekit: LiveKitPort }) => Promise<unknown>;
const trunk = {
  friendlyName: 'one',
  domainName: 'one.pstn.twilio.com',
  transferMode: 'disable-all',
  secure: false,
} as const;

const calls: readonly { readonly name: string; readonly call: Call; readonly changes: boolean }[] = [
  { name: 'the account proof', call: ({ twilio }) => twilio.proveAccount(), changes: false },
  { name: 'a list of trunks', call: ({ twilio }) => twilio.listTrunks(), changes: false },
  { name: 'a number', call: ({ twilio }) => twilio.readNumber(numberSid), changes: false },
  { name: 'a new trunk', call: ({ twilio }) => twilio.createTrunk(trunk), changes: true },
  {
    name: 'a changed trunk',
    call: ({ twilio }) => twilio.updateTrunk(trunkSid, { transferMode: 'sip-only', secure: false }),
    changes: true,
  },
  { name: 'a deleted trunk', call: ({ twilio }) => twilio.deleteTrunk(trunkSid), changes: true },
  { name: 'a number that is taken off', call: ({ twilio }) => twilio.detachNumber(trunkSid, numberSid), changes: true },
  { name: 'the probe of the right to delete', call: ({ twilio }) => twilio.probeDeleteRight(), changes: true },
  { name: 'a list of inbound trunks', call: ({ livekit }) => livekit.listInboundTrunks(), changes: false },
  { name: 'an outbound trunk', call: ({ livekit }) => livekit.readOutboundTrunk('ST_1'), changes: false },
  { name: 'a deleted rule', call: ({ livekit }) => livekit.deleteDispatchRule('SDR_1'), changes: true },
  {
    name: 'a changed outbound trunk',
    call: ({ livekit }) => livekit.updateOutboundTrunk('ST_1', { address: 'a', encrypted: false }),
    changes: true,
  },
];

describe('a limiter is told', () => {
  test.for(calls)('$name: changes something is $changes', async ({ call, changes }) => {
    const { seen, ...ports } = holding();
    const verdict = await verdictOf(call(ports));
    expect(seen.map((traits) => traits.changes)).toEqual([changes]);
    expect(verdict, 'not sent is not failed').toEqual({
      kind: 'rateLimited',
      afterMs: 4_000,
      message: 'not sent: the provider asked to wait',
    });
  });

  const failures: readonly {
    readonly name: string;
    readonly twilio: Error;
    readonly livekit: Error;
    readonly waitMs: number | undefined;
  }[] = [
    {
      name: 'how long to wait, where the provider says so',
      twilio: new FailedReply(429, { code: 20_429 }, { 'retry-after': '7' }),
      livekit: new FailedTwirp(429, { code: 'resource_exhausted' }, '7'),
      waitMs: 7_000,
    },
    {
      name: 'to wait for some time, where it does not say how long',
      twilio: new FailedReply(429, { code: 20_429 }, {}),
      livekit: new FailedTwirp(429, undefined, null),
      waitMs: 0,
    },
    {
      name: 'nothing of other failures',
      twilio: new FailedReply(503, { code: 20_503 }, { 'retry-after': '7' }),
      livekit: new FailedTwirp(503, undefined, '7'),
      waitMs: undefined,
    },
  ];
  test.for(failures)('$name', async ({ twilio, livekit, waitMs }) => {
    const { seen, ...ports } = holding();
    await verdictOf(ports.twilio.listTrunks());
    await verdictOf(ports.livekit.listInboundTrunks());
    const [ofTwilio, ofLiveKit] = seen;
    expect([ofTwilio?.waitAskedBy(twilio), ofLiveKit?.waitAskedBy(livekit)]).toEqual([waitMs, waitMs]);
  });
});
