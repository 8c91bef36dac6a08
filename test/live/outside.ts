/**
 * What the live test has outside: reached as the operator reaches it, and swept by its marks.
 *
 * Guarantee: nothing is ever touched but what carries a mark of this run, and the one number.
 */
import { connectLiveKit } from '../../src/providers/livekit/connect-livekit.ts';
import { connectTwilio } from '../../src/providers/twilio/connect-twilio.ts';
import type { LiveKitPort, TwilioAccountPort } from '../../src/reconcilers/shared/telephony.ts';
import type { LiveSettings } from './settings.ts';

export interface Outside {
  readonly twilio: TwilioAccountPort;
  readonly livekit: LiveKitPort;
  readonly phoneNumber: string;
  /** With it begins the name of everything of this run. */
  readonly mark: string;
}

export function connectOutside(settings: LiveSettings, ownerId: string): Outside {
  const { accountSid, apiKeySecret, apiKeySid, livekitApiKey, livekitApiSecret, livekitUrl, phoneNumber } = settings;
  return {
    twilio: connectTwilio({
      accountSid,
      credentials: { username: apiKeySid, password: apiKeySecret },
      ...(settings.twilioBaseUrl !== undefined && { baseUrl: settings.twilioBaseUrl }),
      clock: { monotonic: () => performance.now() },
    }),
    livekit: connectLiveKit({ url: livekitUrl, apiKey: livekitApiKey, apiSecret: livekitApiSecret }),
    phoneNumber,
    mark: `tl/${ownerId}/`,
  };
}

/** Everything of this run that is there, each with the command that removes it. */
export async function findLeft({ livekit, mark, twilio }: Outside): Promise<readonly string[]> {
  const [trunks, lists, accessLists, inbounds, rules, outbounds] = await Promise.all([
    twilio.listTrunks(),
    twilio.listCredentialLists(),
    twilio.listIpAccessControlLists(),
    livekit.listInboundTrunks(),
    livekit.listDispatchRules(),
    livekit.listOutboundTrunks(),
  ]);
  const named = (all: readonly { readonly sid: string; readonly friendlyName: string }[], command: string) =>
    all
      .filter(({ friendlyName }) => friendlyName.startsWith(mark))
      .map(({ sid }) => `twilio api:${command} --sid ${sid}`);
  const called = (all: readonly { readonly id: string; readonly name: string }[], command: string) =>
    all.filter(({ name }) => name.startsWith(mark)).map(({ id }) => `lk sip ${command} ${id}`);
  return [
    ...named(trunks, 'trunking:v1:trunks:remove'),
    ...named(lists, 'core:sip:credential-lists:remove'),
    ...named(accessLists, 'core:sip:ip-access-control-lists:remove'),
    ...called(inbounds, 'inbound delete'),
    ...called(rules, 'dispatch delete'),
    ...called(outbounds, 'outbound delete'),
  ];
}

/** Removes everything of this run. Throws what a provider throws; to be called again then. */
export async function sweep(outside: Outside): Promise<void> {
  const { livekit, mark, phoneNumber, twilio } = outside;
  const number = await twilio.findNumber(phoneNumber);
  for (const { friendlyName, sid } of await twilio.listTrunks()) {
    if (!friendlyName.startsWith(mark)) continue;
    if (number?.trunkSid === sid) await twilio.detachNumber(sid, number.sid);
    for (const list of await twilio.listTrunkCredentialLists(sid)) await twilio.detachCredentialList(sid, list.sid);
    for (const list of await twilio.listTrunkIpAccessControlLists(sid)) {
      await twilio.detachIpAccessControlList(sid, list.sid);
    }
    for (const url of await twilio.listOriginationUrls(sid)) await twilio.deleteOriginationUrl(sid, url.sid);
    await twilio.deleteTrunk(sid);
  }
  for (const { friendlyName, sid } of await twilio.listCredentialLists()) {
    if (!friendlyName.startsWith(mark)) continue;
    for (const credential of await twilio.listCredentials(sid)) await twilio.deleteCredential(sid, credential.sid);
    await twilio.deleteCredentialList(sid);
  }
  for (const { friendlyName, sid } of await twilio.listIpAccessControlLists()) {
    if (!friendlyName.startsWith(mark)) continue;
    for (const address of await twilio.listIpAddresses(sid)) await twilio.deleteIpAddress(sid, address.sid);
    await twilio.deleteIpAccessControlList(sid);
  }
  for (const { id, name } of await livekit.listDispatchRules()) {
    if (name.startsWith(mark)) await livekit.deleteDispatchRule(id);
  }
  const trunks = [...(await livekit.listInboundTrunks()), ...(await livekit.listOutboundTrunks())];
  for (const { id, name } of trunks) if (name.startsWith(mark)) await livekit.deleteTrunk(id);
}
