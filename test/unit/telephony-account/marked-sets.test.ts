import { expect, test } from 'vitest';
import { markOf, type Role } from '../../../src/reconcilers/phone-number/mark.ts';
import { countOf, markedUidLength, unownedSetsOf } from '../../../src/reconcilers/telephony-account/marked-sets.ts';

const roles: readonly Role[] = ['trunk', 'origination-0', 'credentials', 'acl', 'inbound', 'rule', 'outbound'];

/** Names of a whole set, as the PhoneNumber kind gives them. */
function setOf(phoneNumber: string, uid: string, ownerId = 'owner-1'): readonly string[] {
  const identity = { account: 'default', accountSid: 'AC', livekitUrl: 'https://x', ownerId, phoneNumber, uid };
  return roles.map((role) => markOf(identity, role));
}

const [living, gone, other] = ['0123abcd-1111', '89abcdef-2222', 'fedcba98-3333'];
const known = new Set([living.slice(0, markedUidLength)]);

test.for([
  { name: 'nothing at all', names: [], want: 0 },
  { name: 'a whole set of a PhoneNumber that lives', names: setOf('+15550100001', living), want: 0 },
  { name: 'a whole set whose PhoneNumber is gone', names: setOf('+15550100001', gone), want: 1 },
  { name: 'one thing left of a set', names: setOf('+15550100001', gone).slice(3, 4), want: 1 },
  {
    name: 'two numbers, and two objects of one number',
    names: [...setOf('+15550100001', gone), ...setOf('+15550100002', gone), ...setOf('+15550100001', other)],
    want: 3,
  },
  { name: 'sets of another owner', names: setOf('+15550100001', gone, 'owner-2'), want: 0 },
  { name: 'names of others', names: ['', 'our trunk', 'tl/owner-1', 'tl/owner-1/1555/89abcdef/trunk/x'], want: 0 },
])('$name: $want', ({ names, want }) => {
  expect(countOf('owner-1', unownedSetsOf(names, known))).toBe(want);
});
