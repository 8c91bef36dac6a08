/**
 * PhoneNumber specs that the CRD and the zod schema must judge alike; also sent to a real API server
 * (test/integration/crds.test.ts).
 */

/** One spec, and whether it is a good one. */
export interface SpecCase {
  readonly name: string;
  readonly why: string;
  readonly spec: unknown;
  readonly accepted: boolean;
}

const number = '+447446466847';
const minimal = { phoneNumber: number, voice: { sipTrunk: {} } };

function sipTrunk(sipTrunkSpec: unknown): unknown {
  return { phoneNumber: number, voice: { sipTrunk: sipTrunkSpec } };
}
const inbound = (values: unknown) => sipTrunk({ inbound: values });
const dispatch = (values: unknown) => sipTrunk({ dispatch: values });
const entries = (count: number, prefix: string) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, 'value']));

const existing = `TK${'0123456789abcdef'.repeat(2)}`;

/** A character outside the basic plane: one for Kubernetes, two units for JavaScript. */
export const wide = '\u{1F4DE}';

export const specCases: readonly SpecCase[] = [
  { name: 'the least that is needed', why: 'everything else has a default', spec: minimal, accepted: true },
  {
    name: 'everything at once',
    why: 'no field hinders another',
    spec: {
      phoneNumber: number,
      accountRef: { name: 'team-a.production' },
      deletionPolicy: 'Orphan',
      suspended: true,
      takeover: true,
      drainTimeout: '0s',
      voice: {
        sipTrunk: {
          originationUris: ['sip:abc.sip.livekit.cloud;transport=tcp', 'sip:user@203.0.113.7:5061'],
          transferMode: 'sip-only',
          disasterRecoveryUrl: 'https://example.com/sorry',
          inbound: {
            allowedAddresses: ['54.172.60.0/30', '203.0.113.7'],
            krispEnabled: true,
            headersToAttributes: { 'X-Customer-Id': 'customer.id' },
            maxCallDuration: '1h30m',
            ringingTimeout: '45s',
          },
          outbound: { enabled: true, allowedCidrs: ['203.0.113.0/24'] },
          dispatch: {
            roomPrefix: 'sales-',
            agents: [{ agentName: 'receptionist', metadata: '{"language":"en"}' }, { agentName: 'recorder' }],
            hidePhoneNumber: true,
            attributes: { tenant: 'a', empty: '' },
          },
        },
      },
    },
    accepted: true,
  },
  { name: 'no spec fields', why: 'a number is needed', spec: {}, accepted: false },
  { name: 'a spec that is text', why: 'it is an object', spec: 'text', accepted: false },
  { name: 'no voice', why: 'nothing says what happens to calls', spec: { phoneNumber: number }, accepted: false },
  { name: 'voice without a way', why: 'one must be chosen', spec: { phoneNumber: number, voice: {} }, accepted: false },
  {
    name: 'a trunk and a webhook',
    why: 'a call goes one way',
    spec: { phoneNumber: number, voice: { sipTrunk: {}, webhook: { url: 'https://example.com' } } },
    accepted: false,
  },
  {
    name: 'every webhook',
    why: 'calls and text messages are independent of each other',
    spec: {
      phoneNumber: number,
      voice: {
        webhook: {
          url: 'https://example.com/voice?tenant=a',
          method: 'GET',
          fallbackUrl: 'http://example.com/fallback',
          fallbackMethod: 'GET',
          statusCallbackUrl: 'https://example.com/status',
          statusCallbackMethod: 'GET',
        },
      },
      sms: {
        url: 'https://example.com/sms',
        method: 'GET',
        fallbackUrl: 'https://example.com/fallback',
        fallbackMethod: 'GET',
      },
    },
    accepted: true,
  },
  ...(
    [
      [{ url: 'https://example.com' }, true, 'everything else has a default'],
      [{}, false, 'there is nothing to ask'],
      [{ url: '' }, false, 'nobody is not a webhook'],
      [{ url: 'example.com' }, false, 'Twilio needs a whole URL (21402)'],
      [{ url: 'wss://example.com' }, false, 'Twilio asks over HTTP'],
      [{ url: 'https://example.com/a b' }, false, 'a blank is not part of a URL'],
      [{ url: 'https://example.com\n' }, false, 'a line ends there'],
      [{ url: `https://${'x'.repeat(1017)}` }, false, 'the limit is 1024'],
      [{ url: 'https://example.com', method: 'PUT' }, false, 'Twilio knows GET and POST'],
      [{ url: 'https://example.com', fallbackUrl: '' }, false, 'without one it is left out'],
      [{ url: 'https://example.com', applicationSid: 'AP1' }, false, 'it must not be taken in silence'],
    ] as const
  ).flatMap(([webhook, accepted, why]) =>
    [
      { place: 'voice.webhook', spec: { phoneNumber: number, voice: { webhook } } },
      { place: 'sms', spec: { ...minimal, sms: webhook } },
    ].map(({ place, spec }) => ({
      name: `${place} ${JSON.stringify(webhook).slice(0, 90)}`,
      why,
      spec,
      accepted,
    })),
  ),
  ...['drainTimeout', 'suspended', 'takeover', 'sms'].map((field) => ({
    name: `the field ${field} as a word that it does not know`,
    why: 'it must not be taken in silence',
    spec: { ...minimal, [field]: 'value' },
    accepted: false,
  })),
  ...(
    [
      [{ existingTrunkSid: existing }, true, 'a trunk of somebody else is named by its SID'],
      [{ existingTrunkSid: '' }, true, 'empty means a trunk of its own'],
      [{ existingTrunkSid: 'my trunk' }, false, 'only a SID names a trunk'],
      [{ existingTrunkSid: `${existing}\n` }, false, 'only a SID names a trunk'],
      [
        { existingTrunkSid: existing, outbound: { enabled: true } },
        false,
        'lists would be put on somebody else’s trunk',
      ],
      [{ existingTrunkSid: existing, outbound: { allowedCidrs: ['203.0.113.7'] } }, true, 'nothing is put on it'],
      [{ existingTrunkSid: existing, transferMode: 'enable-all' }, false, 'it would change somebody else’s trunk'],
      [
        { existingTrunkSid: existing, originationUris: ['sip:a.example.com'] },
        false,
        'it would change somebody else’s trunk',
      ],
    ] as const
  ).map(([values, accepted, why]) => ({
    name: `the trunk ${JSON.stringify(values)}`,
    why: why,
    spec: sipTrunk(values),
    accepted,
  })),
  ...(
    [
      [{ secure: true }, true, 'the default URI follows'],
      [{ secure: 'true' }, false, 'it is true or false'],
      [{ secure: true, originationUris: ['sip:a.example.com;transport=tls'] }, true, 'TLS carries the keys'],
      [{ secure: true, originationUris: ['sip:a.example.com;transport=tcp'] }, false, 'keys would go in the clear'],
      [
        { secure: true, originationUris: ['sip:a.example.com;transport=tls', 'sip:b.example.com'] },
        false,
        'so would they',
      ],
      [{ secure: true, existingTrunkSid: existing }, true, 'LiveKit’s side is the number’s own'],
      [{ disasterRecoveryUrl: 'https://example.com/sorry?line=1' }, true, 'TwiML stands at any URL'],
      [{ disasterRecoveryUrl: '' }, true, 'empty takes it away'],
      [{ disasterRecoveryUrl: 'example.com' }, false, 'Twilio needs a whole URL'],
      [{ disasterRecoveryUrl: 'https://example.com/a b' }, false, 'a blank is not part of a URL'],
      [{ disasterRecoveryUrl: `https://${'x'.repeat(1017)}` }, false, 'the limit is 1024'],
      [{ disasterRecoveryUrl: '', existingTrunkSid: existing }, false, 'it would change somebody else’s trunk'],
    ] as const
  ).map(([values, accepted, why]) => ({
    name: `the trunk ${JSON.stringify(values).slice(0, 120)}`,
    why,
    spec: sipTrunk(values),
    accepted,
  })),
  ...[
    ['+1234567', true],
    ['+123456789012345', true],
    ['+123456', false],
    ['+1234567890123456', false],
    ['447446466847', false],
    ['+0447446466847', false],
    ['+44 7446 466847', false],
    ['+447446466847\n', false],
    ['+44744646684٧', false],
    [447446466847, false],
  ].map(([phoneNumber, accepted]) => ({
    name: `the number ${JSON.stringify(phoneNumber)}`,
    why: 'only E.164 identifies a number',
    spec: { ...minimal, phoneNumber },
    accepted: accepted === true,
  })),
  {
    name: 'an account reference without a name',
    why: 'only an absent reference means the default',
    spec: { ...minimal, accountRef: {} },
    accepted: false,
  },
  {
    name: 'an account name that no object can have',
    why: 'names of objects are lower case',
    spec: { ...minimal, accountRef: { name: 'Default' } },
    accepted: false,
  },
  {
    name: 'an account name of 253 characters',
    why: 'names of objects may be that long',
    spec: { ...minimal, accountRef: { name: 'a'.repeat(253) } },
    accepted: true,
  },
  {
    name: 'an account name of 254 characters',
    why: 'names of objects end there',
    spec: { ...minimal, accountRef: { name: 'a'.repeat(254) } },
    accepted: false,
  },
  {
    name: 'a deletion policy that nobody knows',
    why: 'the operator must see it and do nothing on a guess',
    spec: { ...minimal, deletionPolicy: 'Retain' },
    accepted: true,
  },
  {
    name: 'an empty deletion policy',
    why: 'it is not a word',
    spec: { ...minimal, deletionPolicy: '' },
    accepted: false,
  },
  {
    name: 'a deletion policy of 33 characters',
    why: 'it ends at 32',
    spec: { ...minimal, deletionPolicy: 'x'.repeat(33) },
    accepted: false,
  },
  {
    name: 'a deletion policy of 32 wide characters',
    why: 'Kubernetes counts characters, not UTF-16 units',
    spec: { ...minimal, deletionPolicy: wide.repeat(32) },
    accepted: true,
  },
  ...[
    ['0s', true],
    ['24h', true],
    ['24h1s', false],
    ['5', false],
  ].map(([value, accepted]) => ({
    name: `drain timeout ${JSON.stringify(value)}`,
    why: '0s is off; a day is the most',
    spec: { ...minimal, drainTimeout: value },
    accepted: accepted === true,
  })),
  ...[
    ['1s', true],
    ['90s', true],
    ['5m', true],
    ['1h30m', true],
    ['05m', true],
    ['24h', true],
    ['23h59m60s', true],
    ['86400s', true],
    ['0s', false],
    ['0h0m', false],
    ['24h1s', false],
    ['25h', false],
    ['86401s', false],
    ['1d', false],
    ['1.5h', false],
    ['500ms', false],
    ['-1s', false],
    ['+1s', false],
    ['30', false],
    ['', false],
    ['1m1h', false],
    ['30s\n', false],
    [30, false],
  ].flatMap(([value, accepted]) =>
    ['maxCallDuration', 'ringingTimeout'].map((field) => ({
      name: `the ${field} ${JSON.stringify(value)}`,
      why: 'Go style, whole seconds, 1s to 24h',
      spec: inbound({ [field]: value }),
      accepted: accepted === true,
    })),
  ),
  ...[
    ['203.0.113.7', true],
    ['0.0.0.0/0', true],
    ['255.255.255.255/32', true],
    ['203.0.113.0/33', false],
    ['256.0.113.0', false],
    ['203.0.113.07', false],
    ['203.0.113', false],
    ['203.0.113.7,203.0.113.8', false],
    ['::1', false],
    ['example.com', false],
    ['203.0.113.7\n', false],
    ['', false],
  ].flatMap(([entry, accepted]) =>
    [{ inbound: { allowedAddresses: [entry] } }, { outbound: { allowedCidrs: [entry] } }].map((values) => ({
      name: `the ${Object.keys(values).join()} address ${JSON.stringify(entry)}`,
      why: 'one IPv4 address or CIDR range per entry, or the trunk is open to everybody',
      spec: sipTrunk(values),
      accepted: accepted === true,
    })),
  ),
  {
    name: '64 inbound addresses and 25 outbound ranges',
    why: 'these are the limits',
    spec: sipTrunk({
      inbound: { allowedAddresses: Array.from({ length: 64 }, () => '203.0.113.7') },
      outbound: { allowedCidrs: Array.from({ length: 25 }, () => '203.0.113.0/24') },
    }),
    accepted: true,
  },
  {
    name: '65 inbound addresses',
    why: 'the limit is 64',
    spec: inbound({ allowedAddresses: Array.from({ length: 65 }, () => '203.0.113.7') }),
    accepted: false,
  },
  {
    name: '26 outbound ranges',
    why: 'the limit is 25',
    spec: sipTrunk({ outbound: { allowedCidrs: Array.from({ length: 26 }, () => '203.0.113.0/24') } }),
    accepted: false,
  },
  ...[
    ['sip:abc.sip.livekit.cloud', true],
    ['sip:+44123@abc.sip.livekit.cloud:5061;transport=tls', true],
    ['sips:abc.sip.livekit.cloud', false],
    ['abc.sip.livekit.cloud', false],
    ['sip:', false],
    ['sip:abc.sip.livekit.cloud;transport=tcp ', false],
    ['sip:abc.sip.livekit.cloud?subject=x', false],
  ].map(([uri, accepted]) => ({
    name: `the origination URI ${JSON.stringify(uri)}`,
    why: 'Twilio sends calls to SIP URIs only',
    spec: sipTrunk({ originationUris: [uri] }),
    accepted: accepted === true,
  })),
  {
    name: '11 origination URIs',
    why: 'Twilio takes 10 per trunk',
    spec: sipTrunk({ originationUris: Array.from({ length: 11 }, (_, index) => `sip:host-${index}.example.com`) }),
    accepted: false,
  },
  {
    name: 'a transfer mode that Twilio does not have',
    why: 'its values are a closed list',
    spec: sipTrunk({ transferMode: 'enable-some' }),
    accepted: false,
  },
  {
    name: 'noise removal as text',
    why: 'it is true or false',
    spec: inbound({ krispEnabled: 'true' }),
    accepted: false,
  },
  ...[
    ['X-Customer-Id', true],
    ["a.!%*_+`'~-", true],
    ['x'.repeat(255), true],
    ['x'.repeat(256), false],
    ['X Customer', false],
    ['X-Customer:', false],
    ['', false],
    ['X-Kündin', false],
    ['X-Customer\n', false],
  ].map(([header, accepted]) => ({
    name: `the header name ${JSON.stringify(header).slice(0, 24)}`,
    why: 'SIP has a fixed set of characters for it',
    spec: inbound({ headersToAttributes: { [String(header)]: 'customer.id' } }),
    accepted: accepted === true,
  })),
  {
    name: 'a header that becomes an attribute without a name',
    why: 'LiveKit needs one',
    spec: inbound({ headersToAttributes: { 'X-Customer-Id': '' } }),
    accepted: false,
  },
  {
    name: '32 headers and 32 attributes',
    why: 'these are the limits',
    spec: sipTrunk({
      inbound: { headersToAttributes: entries(32, 'X-') },
      dispatch: { attributes: entries(32, 'a') },
    }),
    accepted: true,
  },
  {
    name: '33 headers',
    why: 'the limit is 32',
    spec: inbound({ headersToAttributes: entries(33, 'X-') }),
    accepted: false,
  },
  {
    name: '33 attributes',
    why: 'the limit is 32',
    spec: dispatch({ attributes: entries(33, 'a') }),
    accepted: false,
  },
  {
    name: 'an attribute without a name',
    why: 'LiveKit needs one',
    spec: dispatch({ attributes: { '': 'value' } }),
    accepted: false,
  },
  {
    name: 'an attribute name of 128 wide characters',
    why: 'Kubernetes counts characters, not UTF-16 units',
    spec: dispatch({ attributes: { [wide.repeat(128)]: wide.repeat(1024) } }),
    accepted: true,
  },
  {
    name: 'an attribute name of 129 wide characters',
    why: 'the limit is 128',
    spec: dispatch({ attributes: { [wide.repeat(129)]: 'value' } }),
    accepted: false,
  },
  {
    name: 'an empty room prefix',
    why: 'rooms of calls must be told from others',
    spec: dispatch({ roomPrefix: '' }),
    accepted: false,
  },
  {
    name: 'a room prefix of 64 wide characters',
    why: 'Kubernetes counts characters, not UTF-16 units',
    spec: dispatch({ roomPrefix: wide.repeat(64) }),
    accepted: true,
  },
  {
    name: 'an agent without a name',
    why: 'nobody could be sent',
    spec: dispatch({ agents: [{ metadata: 'x' }] }),
    accepted: false,
  },
  {
    name: 'an agent with an unknown field',
    why: 'it must not be taken in silence',
    spec: dispatch({ agents: [{ agentName: 'receptionist', name: 'x' }] }),
    accepted: false,
  },
  {
    name: 'agent metadata of 4096 wide characters',
    why: 'Kubernetes counts characters, not UTF-16 units',
    spec: dispatch({ agents: [{ agentName: 'receptionist', metadata: wide.repeat(4096) }] }),
    accepted: true,
  },
  {
    name: 'agent metadata of 4097 characters',
    why: 'the limit is 4096',
    spec: dispatch({ agents: [{ agentName: 'receptionist', metadata: 'x'.repeat(4097) }] }),
    accepted: false,
  },
  {
    name: 'nine agents',
    why: 'the limit is 8',
    spec: dispatch({ agents: Array.from({ length: 9 }, (_, index) => ({ agentName: `agent-${index}` })) }),
    accepted: false,
  },
  {
    name: 'the same agent twice',
    why: 'nothing forbids it',
    spec: dispatch({ agents: [{ agentName: 'twin' }, { agentName: 'twin' }] }),
    accepted: true,
  },
];
