/**
 * The routing of a number that nobody has touched, as Twilio shows it.
 */
import type { NumberRouting } from '../../src/reconcilers/shared/telephony.ts';

export const unrouted: NumberRouting = {
  voiceApplicationSid: '',
  voiceUrl: '',
  voiceMethod: 'POST',
  voiceFallbackUrl: '',
  voiceFallbackMethod: 'POST',
  statusCallback: '',
  statusCallbackMethod: 'POST',
  smsApplicationSid: '',
  smsUrl: '',
  smsMethod: 'POST',
  smsFallbackUrl: '',
  smsFallbackMethod: 'POST',
};
