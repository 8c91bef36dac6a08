import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { markOf, ownershipOf, type Role, trunkDomainOf } from '../../../src/reconcilers/phone-number/mark.ts';
import type { Identity } from '../../../src/reconcilers/phone-number/model.ts';
import { identity } from './fixtures.ts';

const roles: readonly Role[] = [
  'trunk',
  'credentials',
  'acl',
  'inbound',
  'rule',
  'outbound',
  'origination-0',
  'origination-9',
];
const anyIdentity = fc.record({
  account: fc.constant('default'),
  accountSid: fc.constant(identity.accountSid),
  livekitUrl: fc.constant(identity.livekitUrl),
  ownerId: fc.stringMatching(/^[a-z0-9-]{1,16}$/),
  phoneNumber: fc.stringMatching(/^\+[1-9][0-9]{6,14}$/),
  uid: fc.uuid(),
}) satisfies fc.Arbitrary<Identity>;

describe('markOf()', () => {
  test('is readable in the consoles', () => {
    expect(markOf(identity, 'trunk')).toBe('tl/owner/447446466847/12345678/trunk');
  });

  test('fits into 64 characters, whatever owner and number are', () => {
    fc.assert(
      fc.property(anyIdentity, fc.constantFrom(...roles), (one, role) => {
        expect(markOf(one, role).length).toBeLessThanOrEqual(64);
      }),
    );
  }, 30_000);

  test('is ours for the same identity and role, and for nobody else', () => {
    fc.assert(
      fc.property(
        anyIdentity,
        anyIdentity,
        fc.constantFrom(...roles),
        fc.constantFrom(...roles),
        (one, other, role, another) => {
          expect(ownershipOf(markOf(one, role), one, role)).toBe('ours');
          const isSame = one.ownerId === other.ownerId && one.phoneNumber === other.phoneNumber;
          const isOurs = isSame && one.uid.slice(0, 8) === other.uid.slice(0, 8);
          if (!isOurs) expect(ownershipOf(markOf(one, role), other, role)).not.toBe('ours');
          if (role !== another) expect(ownershipOf(markOf(one, role), one, another)).toBe('unknown');
        },
      ),
    );
  }, 30_000);
});

describe('ownershipOf()', () => {
  test.for([
    { name: 'tl/owner/447446466847/12345678/trunk', want: 'ours' },
    { name: 'tl/owner/447446466847/ffffffff/trunk', want: 'taken' },
    { name: 'tl/another/447446466847/12345678/trunk', want: 'unknown' },
    { name: 'tl/owner/447446466848/12345678/trunk', want: 'unknown' },
    { name: 'tl/owner/447446466847/12345678/rule', want: 'unknown' },
    { name: 'tl/owner/447446466847/12345678/trunk ', want: 'unknown' },
    { name: 'xtl/owner/447446466847/12345678/trunk', want: 'unknown' },
    { name: 'tl/owner/447446466847/1234567/trunk', want: 'unknown' },
    { name: 'Front desk', want: 'unknown' },
    { name: '', want: 'unknown' },
  ])('"$name" is $want', ({ name, want }) => {
    expect(ownershipOf(name, identity, 'trunk')).toBe(want);
  });
});

describe('trunkDomainOf()', () => {
  test('is the same every time, and another one for every attempt and every object', () => {
    const domains = [0, 1, 2, 3, 4].map((attempt) => trunkDomainOf(identity, attempt));
    expect(domains[0]).toBe(trunkDomainOf(identity, 0));
    expect(new Set([...domains, trunkDomainOf({ ...identity, uid: 'another' }, 0)]).size).toBe(6);
    for (const domain of domains) expect(domain).toMatch(/^t[0-9a-f]{20}\.pstn\.twilio\.com$/);
  });
});
