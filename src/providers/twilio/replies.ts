/**
 * Replies: the fields that are used of Twilio's objects, as the SDK hands them over.
 *
 * Twilio shows what is unset as null or as an empty text, without a rule: both are the empty text here.
 */
import { z } from 'zod';

const text = z.string();
const textOrUnset = z
  .string()
  .nullish()
  .transform((value) => value ?? '');

/** Every object says whose it is. */
export const ownedReply = z.object({ sid: text, accountSid: text });

export const numberReply = z
  .object({
    sid: text,
    phoneNumber: text,
    trunkSid: textOrUnset,
    voiceApplicationSid: textOrUnset,
    voiceUrl: textOrUnset,
    voiceMethod: textOrUnset,
    voiceFallbackUrl: textOrUnset,
    voiceFallbackMethod: textOrUnset,
    statusCallback: textOrUnset,
    statusCallbackMethod: textOrUnset,
    smsApplicationSid: textOrUnset,
    smsUrl: textOrUnset,
    smsMethod: textOrUnset,
    smsFallbackUrl: textOrUnset,
    smsFallbackMethod: textOrUnset,
    capabilities: z.object({ voice: z.boolean(), sms: z.boolean() }),
    origin: textOrUnset,
  })
  .transform(({ capabilities, origin, ...number }) => ({
    ...number,
    voiceCapable: capabilities.voice,
    smsCapable: capabilities.sms,
    hosted: origin === 'hosted',
  }));

export const trunkNumberReply = z.object({ sid: text, accountSid: text, phoneNumber: text });

export const routeReply = z.object({ sid: text, accountSid: text, voiceRegion: text });

export const callReply = z.object({
  trunkSid: textOrUnset,
  direction: textOrUnset,
  phoneNumberSid: textOrUnset,
  to: textOrUnset,
  from: textOrUnset,
});

export const trunkReply = z.object({
  sid: text,
  accountSid: text,
  friendlyName: textOrUnset,
  domainName: textOrUnset,
  transferMode: text,
  secure: z.boolean(),
  disasterRecoveryUrl: textOrUnset,
});

export const originationUrlReply = z.object({
  sid: text,
  friendlyName: textOrUnset,
  sipUrl: text,
  priority: z.number(),
  weight: z.number(),
  enabled: z.boolean(),
});

export const namedListReply = z.object({ sid: text, friendlyName: textOrUnset });

export const credentialReply = z.object({ sid: text, username: text });

export const ipAddressReply = z.object({
  sid: text,
  friendlyName: textOrUnset,
  ipAddress: text,
  cidrPrefixLength: z.number(),
});
