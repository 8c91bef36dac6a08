/** What the peers of the bench write: the same as the operator writes, or the comparison is none. */
import { describe, expect, test } from 'vitest';
import {
  accountOf,
  deletingChange,
  heldMetadata,
  manifestOf,
  nameOf,
  readyStatusOf,
} from '../../../bench/phone-numbers.ts';
import type { Observed } from '../../../src/reconcilers/phone-number/observed.ts';
import { finalizer, intentAnnotation } from '../../../src/reconcilers/phone-number/names.ts';
import { parseIntent, parsePhoneNumber, storedStatus } from '../../../src/reconcilers/phone-number/schema.ts';
import { parseSpec } from '../../../src/reconcilers/phone-number/spec-schema.ts';
import { deletionBegunStatus, readyStatus } from '../../../src/reconcilers/phone-number/status.ts';
import { mergePatch } from '../../../src/reconcilers/shared/merge-patch.ts';

const now = '2026-01-02T03:04:05Z';

function stored(index: number, options: { outbound?: boolean }, status?: unknown, generation = 1) {
  const { metadata, spec } = manifestOf(index, options);
  const held = { ...metadata, ...heldMetadata(index, options), uid: 'u', resourceVersion: '1', generation };
  return parsePhoneNumber({ metadata: held, spec, ...(status === undefined ? {} : { status }) });
}

/** Everything outside, with the ids that the status of the bench names. */
function observedAs({ livekit, twilio }: ReturnType<typeof readyStatusOf>): Observed {
  const { credentialListSid, credentialSid, ipAccessControlListSid } = twilio;
  return {
    number: { sid: twilio.phoneNumberSid, trunkSid: twilio.trunkSid },
    trunk: { sid: twilio.trunkSid, domainName: twilio.trunkDomainName },
    originationUrls: twilio.originationUrlSids.map((sid) => ({ sid })),
    credentialList: credentialListSid === undefined ? undefined : { sid: credentialListSid },
    credentials: credentialSid === undefined ? [] : [{ sid: credentialSid, username: 'name' }],
    ipAccessControlList: ipAccessControlListSid === undefined ? undefined : { sid: ipAccessControlListSid },
    inbound: { id: livekit.inboundTrunkId },
    outbound: livekit.outboundTrunkId === undefined ? undefined : { id: livekit.outboundTrunkId, authUsername: 'name' },
    rule: { id: livekit.dispatchRuleId },
    adoptions: [],
    lostOwnership: [],
    equalWildcards: [],
  } as unknown as Observed;
}

/** Over the wire: what is undefined is not there. */
function sent(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

describe.for([
  { name: 'with outbound calls', outbound: true },
  { name: 'with inbound calls only', outbound: false },
])('a number $name', ({ outbound }) => {
  const index = 4_711;
  const written = readyStatusOf(index, { outbound }, 1, now);

  test('has a spec that the operator takes', () => {
    const parsed = parseSpec(manifestOf(index, { outbound }).spec);
    expect(parsed).toMatchObject({
      kind: 'valid',
      spec: { accountName: accountOf(index), sipTrunk: { outbound: { enabled: outbound } } },
    });
  });

  test('is held as the operator holds it', () => {
    const { annotations, finalizers } = heldMetadata(index, { outbound });
    expect(finalizers).toEqual([finalizer]);
    expect(parseIntent(annotations[intentAnnotation])).toEqual(written.pinned);
  });

  test('gets the status that the operator writes, field by field', () => {
    const status = readyStatus(
      stored(index, { outbound }),
      written.pinned,
      observedAs(written),
      { isSettled: true, outboundIsOpen: false, webhooks: {} },
      now,
    );
    expect(written).toEqual(sent(storedStatus(status)));
  });

  test('begins its deletion as the operator does', () => {
    const object = stored(index, { outbound }, written, 2);
    const status = deletionBegunStatus(object, written.pinned, 'Delete', now);
    expect(deletingChange(2, now)).toEqual(sent(mergePatch(written, storedStatus(status))));
  });
});

test('an account never holds more trunks than Twilio allows', () => {
  const perAccount = new Map<string, number>();
  for (let index = 0; index < 2_000; index += 1) {
    const account = accountOf(index);
    perAccount.set(account, (perAccount.get(account) ?? 0) + 1);
  }
  expect(Math.max(...perAccount.values())).toBeLessThan(100);
});

test('names sort as their indexes do', () => {
  expect([nameOf(10), nameOf(9), nameOf(100_000)].toSorted()).toEqual([nameOf(9), nameOf(10), nameOf(100_000)]);
});
