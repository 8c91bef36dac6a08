import { describe, expect, test } from 'vitest';
import { leftoversOf, leftoversOfIds } from '../../../src/reconcilers/phone-number/leftovers.ts';
import { type KnownIds, type LeftoverKind, leftoverKinds } from '../../../src/reconcilers/phone-number/model.ts';
import { identity } from './fixtures.ts';

const ids: Required<KnownIds> = {
  phoneNumberSid: 'PN1',
  trunkSid: 'TK1',
  credentialListSid: 'CL1',
  credentialSid: 'CR1',
  ipAccessControlListSid: 'AL1',
  inboundTrunkId: 'ST_in',
  outboundTrunkId: 'ST_out',
  dispatchRuleId: 'SDR_1',
};
const twilio = (command: string) => `TWILIO_ACCOUNT_SID=${identity.accountSid} twilio api:${command}`;
const lk = (command: string) => `LIVEKIT_URL=https://livekit.example.com lk sip ${command}`;
const one = (kind: LeftoverKind, id: string | undefined, parentId?: string) =>
  leftoversOf(identity, [{ kind, id, parentId, state: 'Present', reason: 'CleanupFailed', message: 'no' }])[0];

describe('leftoversOfIds()', () => {
  test('says of each thing how to remove it by hand, in the order to do it', () => {
    const leftovers = leftoversOfIds(identity, ids, 'Ready', 'left in place');
    expect(leftovers.map(({ kind }) => kind)).toEqual(leftoverKinds.filter((kind) => kind !== 'NumberRouting'));
    expect(leftovers.map(({ order }) => order)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(leftovers.map(({ removeCommand }) => removeCommand)).toEqual([
      twilio('trunking:v1:trunks:phone-numbers:remove --trunk-sid TK1 --sid PN1'),
      lk('dispatch delete SDR_1'),
      lk('inbound delete ST_in'),
      twilio('trunking:v1:trunks:remove --sid TK1'),
      lk('outbound delete ST_out'),
      twilio('core:sip:credential-lists:credentials:remove --credential-list-sid CL1 --sid CR1'),
      twilio('core:sip:credential-lists:remove --sid CL1'),
      twilio('core:sip:ip-access-control-lists:remove --sid AL1'),
    ]);
    expect(leftovers.map(({ verifyCommand }) => verifyCommand)).toEqual([
      twilio('core:incoming-phone-numbers:list --phone-number +447446466847 --properties sid,trunkSid'),
      lk('dispatch list'),
      lk('inbound list'),
      twilio('trunking:v1:trunks:list --properties sid,friendlyName'),
      lk('outbound list'),
      twilio('core:sip:credential-lists:credentials:list --credential-list-sid CL1'),
      twilio('core:sip:credential-lists:list --properties sid,friendlyName'),
      twilio('core:sip:ip-access-control-lists:list --properties sid,friendlyName'),
    ]);
    expect(leftovers.map(({ account }) => account)).toEqual(
      leftovers.map(({ provider }) => (provider === 'LiveKit' ? identity.livekitUrl : identity.accountSid)),
    );
    for (const { consolePath } of leftovers) expect(consolePath).toMatch(/^(Twilio Console|LiveKit Cloud) > /);
  });

  test('knows nothing of what has no id', () => {
    expect(leftoversOfIds(identity, {}, 'Ready', '')).toEqual([]);
  });
});

describe('leftoversOf()', () => {
  test.for<{ kind: LeftoverKind; command: string }>([
    { kind: 'Trunk', command: twilio('trunking:v1:trunks:remove --sid <sid of tl/owner/447446466847/12345678/trunk>') },
    { kind: 'InboundTrunk', command: lk('inbound delete <id of tl/owner/447446466847/12345678/inbound>') },
    {
      kind: 'Credential',
      command: twilio(
        'core:sip:credential-lists:credentials:remove --credential-list-sid <sid of tl/owner/447446466847/12345678/credentials> --sid <sid>',
      ),
    },
  ])('$kind without a known id is told by its mark', ({ kind, command }) => {
    expect(one(kind, undefined)).toMatchObject({ removeCommand: command });
    expect(one(kind, undefined)?.id).toBeUndefined();
  });

  test('what routes calls is a risk as long as the number rings', () => {
    const risks = (kinds: readonly LeftoverKind[]) =>
      leftoversOf(
        identity,
        kinds.map((kind) => ({
          kind,
          id: 'x',
          parentId: undefined,
          state: 'Present',
          reason: 'CleanupFailed',
          message: '',
        })),
      ).map(({ kind, risk }) => `${kind} ${risk}`);
    expect(risks(['Trunk', 'NumberAttachment'])).toEqual(['NumberAttachment RoutesCalls', 'Trunk RoutesCalls']);
    expect(
      risks(['Trunk', 'DispatchRule', 'CredentialList', 'OutboundTrunk', 'Credential', 'IpAccessControlList']),
    ).toEqual([
      'DispatchRule Billing',
      'Trunk Billing',
      'OutboundTrunk TollFraud',
      'Credential TollFraud',
      'CredentialList TollFraud',
      'IpAccessControlList Clutter',
    ]);
  });
});
