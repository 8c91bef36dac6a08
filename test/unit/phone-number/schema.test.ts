import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseIntent, parsePhoneNumber, storedStatus } from '../../../src/reconcilers/phone-number/schema.ts';
import {
  accountNameOf,
  parseDeletionPolicy,
  parseSpec,
  phoneNumberOf,
  secondsOf,
} from '../../../src/reconcilers/phone-number/spec-schema.ts';
import { leftoversOfIds } from '../../../src/reconcilers/phone-number/leftovers.ts';
import { identity } from './fixtures.ts';

const spec = (sipTrunk: unknown) => ({ phoneNumber: '+447446466847', voice: { sipTrunk } });
const isValid = (document: unknown) => parseSpec(document).kind === 'valid';

describe('durations', () => {
  test.for([
    { text: '90s', seconds: 90 },
    { text: '5m', seconds: 300 },
    { text: '1h30m', seconds: 5_400 },
    { text: '24h', seconds: 86_400 },
    { text: '86400s', seconds: 86_400 },
    { text: '1h1m1s', seconds: 3_661 },
  ])('$text is $seconds seconds', ({ text, seconds }) => {
    expect(secondsOf(text)).toBe(seconds);
    expect(isValid(spec({ inbound: { maxCallDuration: text } }))).toBe(true);
  });

  test.for(['', 's', '5', '1.5h', '0s', '0h0m', '24h1s', '25h', '-5s', '5m1h', '5 m', '1d', '5M', '500ms', 300])(
    '%s is none',
    (text) => {
      expect(isValid(spec({ inbound: { maxCallDuration: text } }))).toBe(false);
    },
  );
});

describe('addresses', () => {
  test.for(['192.0.2.1', '0.0.0.0/0', '255.255.255.255/32', '10.0.0.0/8'])('%s is one', (address) => {
    expect(isValid(spec({ inbound: { allowedAddresses: [address] } }))).toBe(true);
  });

  // LiveKit takes every one of these without a word, and opens the trunk to everybody for some.
  test.for([
    '*',
    '',
    '192.0.2.1/33',
    '192.0.2.256',
    '192.0.2.0/24, 198.51.100.0/24',
    '192.0.2',
    '2001:db8::1',
    '192.0.2.01',
    ' 192.0.2.1',
    'sip.example.com',
  ])('"%s" is none', (address) => {
    expect(isValid(spec({ inbound: { allowedAddresses: [address] } }))).toBe(false);
    expect(isValid(spec({ outbound: { enabled: true, allowedCidrs: [address] } }))).toBe(false);
  });
});

describe('parseSpec()', () => {
  test('fills in every default', () => {
    expect(parseSpec(spec({}))).toEqual({
      kind: 'valid',
      spec: {
        phoneNumber: '+447446466847',
        accountName: 'default',
        suspended: false,
        takeover: false,
        webhooks: {},
        sipTrunk: {
          originationUris: [],
          existingTrunkSid: undefined,
          transferMode: 'disable-all',
          secure: false,
          inbound: {
            allowedAddresses: [],
            krispEnabled: false,
            headersToAttributes: {},
            maxCallDurationSeconds: 3_600,
            ringingTimeoutSeconds: 30,
          },
          outbound: { enabled: false, allowedCidrs: [] },
          dispatch: { roomPrefix: 'call-', agents: [], hidePhoneNumber: false, attributes: {} },
        },
      },
    });
  });

  test.for([
    {
      name: 'a number without a plus',
      document: { ...spec({}), phoneNumber: '447446466847' },
      path: 'spec.phoneNumber',
    },
    { name: 'a field nobody knows', document: { ...spec({}), colour: 'red' }, path: 'spec.' },
    {
      name: 'no connection',
      document: { phoneNumber: '+447446466847', voice: {} },
      path: 'spec.voice needs exactly one',
    },
    {
      name: 'an address that is none',
      document: spec({ outbound: { allowedCidrs: ['x'] } }),
      path: 'spec.voice.sipTrunk.outbound.allowedCidrs.0',
    },
    {
      name: 'a place that is no SIP URI',
      document: spec({ originationUris: ['http://x'] }),
      path: 'spec.voice.sipTrunk.originationUris.0',
    },
    { name: 'nothing', document: undefined, path: 'spec.' },
  ])('$name: says where it is wrong', ({ document, path }) => {
    const result = parseSpec(document);
    expect(result.kind === 'invalid' ? result.problems.join() : '').toContain(path);
  });
});

describe('what a deletion and indexes read of a spec that may not parse', () => {
  test.for([
    { name: 'nothing', document: undefined, policy: 'unreadable', number: undefined, account: 'default' },
    {
      name: 'junk',
      document: { deletionPolicy: 7, phoneNumber: 7, accountRef: 7 },
      policy: 'unreadable',
      number: undefined,
      account: 'default',
    },
    { name: 'no policy', document: spec(7), policy: 'Delete', number: '+447446466847', account: 'default' },
    {
      name: 'a policy',
      document: { deletionPolicy: 'Recycle', accountRef: { name: 'a' } },
      policy: 'Recycle',
      number: undefined,
      account: 'a',
    },
  ])('$name', ({ document, policy, number, account }) => {
    expect(parseDeletionPolicy(document)).toBe(policy);
    expect(phoneNumberOf(document)).toBe(number);
    expect(accountNameOf(document)).toBe(account);
  });
});

describe('parseIntent()', () => {
  const { uid: _uid, ...pin } = identity;
  test.for([
    { name: 'a pin', text: JSON.stringify(pin), want: pin },
    { name: 'nothing', text: undefined, want: undefined },
    { name: 'no JSON', text: '{', want: undefined },
    { name: 'another account form', text: JSON.stringify({ ...pin, accountSid: '../x' }), want: undefined },
    { name: 'another address form', text: JSON.stringify({ ...pin, livekitUrl: 'file:///etc' }), want: undefined },
    { name: 'an owner that cannot be one', text: JSON.stringify({ ...pin, ownerId: 'A/b' }), want: undefined },
    { name: 'a piece missing', text: JSON.stringify({ ...pin, ownerId: undefined }), want: undefined },
  ])('$name', ({ text, want }) => {
    expect(parseIntent(text)).toEqual(want);
  });
});

describe('parsePhoneNumber()', () => {
  const metadata = { name: 'a', namespace: 'b', uid: 'c', resourceVersion: '1' };

  test('never throws, whatever the status is', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (status, document) => {
        const { status: parsed } = parsePhoneNumber({ metadata, spec: document, status });
        expect(typeof parsed.phase).toBe('string');
        for (const [field, id] of Object.entries(parsed.ids))
          expect(id, field).toMatch(/^(PN|TK|CL|CR|AL)[0-9a-fA-F]{32}$|^(ST|SDR)_[0-9A-Za-z]+$/);
      }),
    );
  }, 30_000);

  test('keeps what can be read beside what cannot', () => {
    const { status, malformedIds } = parsePhoneNumber({
      metadata,
      status: {
        phase: 7,
        conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: 'x' }, { type: 'Ready', status: 'Maybe' }, 7],
        pinned: { account: 'x' },
        routing: 'Sideways',
        twilio: {
          trunkSid: `TK${'a'.repeat(32)}`,
          credentialSid: '../../x',
          originationUrlSids: ['x'],
          trunkDomainName: 7,
        },
        livekit: { inboundTrunkId: 'ST_1', dispatchRuleId: 'ST_1' },
        leftovers: [{ kind: 'Trunk' }],
        deletion: { policy: 'Delete', firstFailureTime: 'yesterday' },
      },
    });
    expect(status).toMatchObject({
      phase: 'Pending',
      conditions: [{ type: 'Ready', status: 'True' }],
      ids: { trunkSid: `TK${'a'.repeat(32)}`, inboundTrunkId: 'ST_1' },
      originationUrlSids: [],
      leftovers: [],
      deletion: { policy: 'Delete' },
    });
    expect([status.pinned, status.routing, status.trunkDomainName, status.deletion?.firstFailureTime]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(malformedIds.toSorted()).toEqual(['credentialSid', 'dispatchRuleId']);
  });

  test('reads what storedStatus() writes', () => {
    const ids = { trunkSid: `TK${'a'.repeat(32)}`, inboundTrunkId: 'ST_1', phoneNumberSid: `PN${'b'.repeat(32)}` };
    const { uid: _uid, ...pinned } = identity;
    const { status } = parsePhoneNumber({
      metadata,
      status: {
        ...storedStatus({
          phase: 'Corrupted',
          conditions: [],
          pinned,
          routing: 'Attached',
          firstReadyTime: undefined,
          lastHandledReconcile: '1',
          ids,
          trunkDomainName: 'x.pstn.twilio.com',
          originationUrlSids: [`OU${'c'.repeat(32)}`],
          leftovers: leftoversOfIds(identity, ids, 'CleanupFailed', 'no'),
          deletion: { policy: 'Delete', firstFailureTime: '2026-01-01T00:00:00Z', lastHandledRetry: '2' },
        }),
      },
    });
    expect(status).toEqual({
      phase: 'Corrupted',
      conditions: [],
      pinned,
      routing: 'Attached',
      lastHandledReconcile: '1',
      ids,
      trunkDomainName: 'x.pstn.twilio.com',
      originationUrlSids: [`OU${'c'.repeat(32)}`],
      leftovers: leftoversOfIds(identity, ids, 'CleanupFailed', 'no'),
      deletion: { policy: 'Delete', firstFailureTime: '2026-01-01T00:00:00Z', lastHandledRetry: '2' },
    });
  });
});
