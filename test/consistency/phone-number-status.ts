/**
 * A PhoneNumber status in which every field is set: none of them may be pruned by a CRD.
 */
import type { PhoneNumberStatus } from '../../src/reconcilers/phone-number/model.ts';

const hex = '0123456789abcdef0123456789abcdef';

const everyWebhook = {
  voice: { url: 'https://a.example.com/voice', method: 'POST' },
  voiceFallback: { url: 'https://a.example.com/voice-fallback', method: 'GET' },
  statusCallback: { url: 'https://a.example.com/status', method: 'POST' },
  sms: { url: 'https://a.example.com/sms', method: 'POST' },
  smsFallback: { url: 'https://a.example.com/sms-fallback', method: 'GET' },
};

export const fullStatus: Required<PhoneNumberStatus> = {
  observedGeneration: 3,
  phase: 'Corrupted',
  conditions: [
    {
      type: 'Ready',
      status: 'False',
      reason: 'CleanupFailed',
      message: 'Cannot_remove_everything',
      observedGeneration: 3,
      lastTransitionTime: '2026-01-01T00:00:00.000Z',
    },
    {
      type: 'Corrupted',
      status: 'True',
      reason: 'CleanupFailed',
      message: 'one item is left',
      observedGeneration: 3,
      lastTransitionTime: '2026-01-01T00:00:00.000Z',
    },
  ],
  pinned: {
    account: 'default',
    accountSid: `AC${hex}`,
    livekitUrl: 'https://example.livekit.cloud',
    ownerId: '0123abcd',
    phoneNumber: '+447446466847',
    existingTrunkSid: `TK${'f'.repeat(32)}`,
    voice: 'webhook',
  },
  routing: 'Detached',
  firstReadyTime: '2026-01-01T00:00:00.000Z',
  lastHandledReconcile: 'token-1',
  lastHandledRotation: 'token-2',
  ids: {
    phoneNumberSid: `PN${hex}`,
    trunkSid: `TK${hex}`,
    credentialListSid: `CL${hex}`,
    credentialSid: `CR${hex}`,
    ipAccessControlListSid: `AL${hex}`,
    inboundTrunkId: 'ST_inbound',
    outboundTrunkId: 'ST_outbound',
    dispatchRuleId: 'SDR_rule',
  },
  trunkDomainName: 't0123456789abcdef0123.pstn.twilio.com',
  originationUrlSids: [`OU${hex}`],
  leftovers: [
    {
      order: 1,
      provider: 'Twilio',
      account: `AC${hex}`,
      kind: 'Trunk',
      id: `TK${hex}`,
      name: 'tl/0123abcd/447446466847/62438ef0/trunk',
      state: 'Present',
      reason: 'ProviderError',
      message: 'Twilio answers 500',
      risk: 'RoutesCalls',
      removeCommand: 'remove it',
      verifyCommand: 'look for it',
      consolePath: 'Elastic SIP Trunking > Trunks',
    },
  ],
  previousRouting: {
    trunkSid: `TK${'9'.repeat(32)}`,
    voiceApplicationSid: `AP${'9'.repeat(32)}`,
    smsApplicationSid: `AP${'8'.repeat(32)}`,
    webhooks: {
      voice: 'https://before.example.com/voice',
      voiceFallback: 'https://before.example.com/voice-fallback',
      statusCallback: 'https://before.example.com/status',
      sms: 'https://before.example.com/sms',
      smsFallback: 'https://before.example.com/sms-fallback',
    },
  },
  routedTo: everyWebhook,
  routingTo: everyWebhook,
  deletion: {
    policy: 'Delete',
    firstFailureTime: '2026-01-01T00:00:00.000Z',
    drainingSince: '2026-01-01T00:00:00.000Z',
    lastHandledRetry: 'token-2',
  },
};
