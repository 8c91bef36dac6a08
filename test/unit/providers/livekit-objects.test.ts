// LiveKit's JSON and our values: what is written reads back equal, and nothing else is touched.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  dispatchRule,
  inboundTrunk,
  itemsReply,
  normalisedNumber,
  outboundTrunk,
  withDispatchRule,
  withInboundTrunk,
} from '../../../src/providers/livekit/objects.ts';

const name = fc.string();
// zod leaves this one key out, in the specs of our objects as well.
const key = fc.string().filter((text) => text !== '__proto__');
const textMap = fc.dictionary(key, fc.string(), { noNullPrototype: true });
const seconds = fc.integer({ min: 0, max: 86_400 });
const inboundValues = fc.record({
  name,
  numbers: fc.array(name),
  allowedAddresses: fc.array(name),
  krispEnabled: fc.boolean(),
  headersToAttributes: textMap,
  maxCallDurationSeconds: seconds,
  ringingTimeoutSeconds: seconds,
  acceptsEncryption: fc.boolean(),
});
const ruleValues = fc.record({
  name,
  trunkIds: fc.array(name),
  roomPrefix: name,
  agents: fc.uniqueArray(fc.record({ agentName: name, metadata: name }, { noNullPrototype: true }), {
    selector: ({ agentName }) => agentName,
  }),
  hidePhoneNumber: fc.boolean(),
  attributes: textMap,
});

/** What people, or a newer server, have set besides. */
const extras = {
  metadata: 'theirs',
  auth_password: 'theirs',
  media: { media_timeout: '7s' },
  field_of_2030: [1, { a: null }],
};
const extraRule = {
  ...extras,
  rule: { dispatch_rule_individual: { room_prefix: 'old-', pin: '1234', no_randomness: true } },
  room_config: {
    empty_timeout: 7,
    agents: [
      { agent_name: 'kept', metadata: 'old', restart_policy: 'JRP_NEVER', attributes: { a: 'b' } },
      { agent_name: 'dropped', metadata: '' },
    ],
  },
};

describe('an inbound trunk', () => {
  test('reads back equal, new or changed', () => {
    fc.assert(
      fc.property(inboundValues, fc.constantFrom({}, extras), (values, present) => {
        const json: unknown = JSON.parse(
          JSON.stringify({ ...withInboundTrunk(present, values), sip_trunk_id: 'ST_1' }),
        );
        expect(inboundTrunk.parse(json)).toStrictEqual({ id: 'ST_1', ...values });
        expect(json).toMatchObject(present);
      }),
    );
  });
});

describe('a dispatch rule', () => {
  test('reads back equal, new or changed', () => {
    fc.assert(
      fc.property(ruleValues, fc.constantFrom({}, extras, extraRule), (values, present) => {
        const written = { ...withDispatchRule(present, values), sip_dispatch_rule_id: 'SDR_1' };
        const json: unknown = JSON.parse(JSON.stringify(written));
        expect(dispatchRule.parse(json)).toStrictEqual({ id: 'SDR_1', ...values });
      }),
    );
  });

  test('keeps what is set besides, also inside the room and of an agent that stays', () => {
    const values = {
      name: 'rule',
      trunkIds: ['ST_1'],
      roomPrefix: 'call-',
      agents: [{ agentName: 'kept', metadata: 'new' }],
      hidePhoneNumber: false,
      attributes: {},
    };
    expect(withDispatchRule(extraRule, values)).toMatchObject({
      ...extras,
      rule: { dispatch_rule_individual: { room_prefix: 'call-', pin: '1234', no_randomness: true } },
      room_config: {
        empty_timeout: 7,
        agents: [{ agent_name: 'kept', metadata: 'new', restart_policy: 'JRP_NEVER', attributes: { a: 'b' } }],
      },
    });
  });

  test('of another kind is no rule of ours, and becomes one', () => {
    const direct = { sip_dispatch_rule_id: 'SDR_1', rule: { dispatch_rule_direct: { room_name: 'one' } } };
    const read = dispatchRule.parse(direct);
    expect(read).toMatchObject({ roomPrefix: '', trunkIds: [], agents: [] });
    expect(withDispatchRule(direct, { ...read, roomPrefix: 'call-' })['rule']).toEqual({
      dispatch_rule_individual: { room_prefix: 'call-' },
    });
  });
});

test('an outbound trunk is read without its password', () => {
  const json = { sip_trunk_id: 'ST_1', address: 'a.pstn.twilio.com', auth_username: 'user', auth_password: 'secret' };
  expect(outboundTrunk.parse(json)).toStrictEqual({
    id: 'ST_1',
    name: '',
    numbers: [],
    address: 'a.pstn.twilio.com',
    authUsername: 'user',
    encrypted: false,
  });
});

describe('a list', () => {
  const item = { sip_trunk_id: 'ST_1', address: 'a' };
  test.for([
    { name: 'of nothing is empty', why: 'the usual empty list', reply: { items: [] }, ids: [] },
    { name: 'that leaves out its empty field is empty', why: 'JSON of the protocol may do so', reply: {}, ids: [] },
    {
      name: 'leaves out what is null',
      why: 'the protocol allows it for missing ids',
      reply: { items: [null, item] },
      ids: ['ST_1'],
    },
    {
      name: 'leaves out empty objects',
      why: 'so do servers',
      reply: { items: [{}, { sip_trunk_id: '' }, item] },
      ids: ['ST_1'],
    },
  ])('$name', ({ why, reply, ids }) => {
    expect(
      itemsReply(outboundTrunk)
        .parse(reply)
        .map(({ id }) => id),
      why,
    ).toEqual(ids);
  });

  test.for([
    {
      name: 'an answer about something else',
      why: 'a wrong server would prove that nothing exists',
      reply: { ok: true },
    },
    { name: 'null instead of items', why: 'the same', reply: { items: null } },
    { name: 'an object without an id', why: 'it would be lost', reply: { items: [{ sipTrunkId: 'ST_1' }] } },
    { name: 'a field of another type', why: 'it would read as unset', reply: { items: [{ ...item, numbers: 'x' }] } },
    { name: 'no object', why: 'it is no answer', reply: 'OK' },
  ])('is not read from $name', ({ why, reply }) => {
    expect(itemsReply(outboundTrunk).safeParse(reply).success, why).toBe(false);
  });
});

test.for([
  { number: '+15550100001', same: '+15550100001', why: 'the usual form' },
  { number: '15550100001', same: '+15550100001', why: 'LiveKit adds the plus sign' },
  { number: '+1 (555) 010-0001', same: '+15550100001', why: 'LiveKit drops what people write between digits' },
  { number: '', same: '', why: 'no number is not "+"' },
])('number "$number" is the same as "$same"', ({ number, same, why }) => {
  expect(normalisedNumber(number), why).toBe(same);
});
