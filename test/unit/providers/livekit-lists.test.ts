// Lists of LiveKit are complete, whichever way the server takes a page.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { outboundTrunk } from '../../../src/providers/livekit/objects.ts';
import { SipCalls } from '../../../src/providers/livekit/sip-calls.ts';
import type { Twirp } from '../../../src/providers/livekit/twirp.ts';

const pageRequest = z.object({ page: z.object({ after_id: z.string(), limit: z.number() }) });

/** A server with objects of these ids; `cap` is how many it gives at once, whatever is asked for. */
function serverOf(ids: readonly string[], cap: (limit: number) => number) {
  const asked = { times: 0 };
  const twirp: Twirp = async (_method, request) => {
    asked.times += 1;
    const { after_id, limit } = pageRequest.parse(request).page;
    const rest = ids.toSorted().filter((id) => id > after_id);
    return { items: rest.slice(0, cap(limit)).map((id) => ({ sip_trunk_id: id, address: 'a' })) };
  };
  return { twirp, asked };
}

const servers = [
  { name: 'LiveKit Cloud, where the limit is one', cap: (limit: number) => limit },
  { name: 'an own server, where the limit is a step', cap: () => Number.POSITIVE_INFINITY },
  { name: 'a server that gives less than was asked for', cap: (limit: number) => Math.max(1, Math.floor(limit / 3)) },
];

describe.for(servers)('$name', ({ cap }) => {
  test('gives everything', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 10 }),
        async (ids, pageSize) => {
          const { twirp, asked } = serverOf(ids, cap);
          const all = await new SipCalls(twirp, [], pageSize).all('list', 'ListSIPOutboundTrunk', outboundTrunk);
          expect(all.map(({ id }) => id)).toEqual(ids.toSorted());
          expect(asked.times).toBeLessThanOrEqual(ids.length + 2);
        },
      ),
    );
  });
});

test.for([
  { name: 'nothing', count: 0, calls: 1, why: 'nothing comes after nothing' },
  { name: 'a full page or less', count: 100, calls: 2, why: 'the server may have cut it shorter than was asked for' },
  { name: 'more than was asked for', count: 101, calls: 1, why: 'only a server that does not page does so' },
])('an own server is asked $calls times for $name', async ({ count, calls, why }) => {
  const ids = Array.from({ length: count }, (_, index) => `ST_${String(index).padStart(4, '0')}`);
  const { twirp, asked } = serverOf(ids, () => Number.POSITIVE_INFINITY);
  expect(await new SipCalls(twirp, [], 100).all('list', 'ListSIPOutboundTrunk', outboundTrunk)).toHaveLength(count);
  expect(asked.times, why).toBe(calls);
});

const sameAgain: Twirp = async () => ({ items: [{ sip_trunk_id: 'ST_1', address: 'a' }] });

test('a server that gives the same page again ends the list', async () => {
  expect(await new SipCalls(sameAgain, [], 10).all('list', 'ListSIPOutboundTrunk', outboundTrunk)).toHaveLength(1);
});
