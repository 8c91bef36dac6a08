/**
 * Ports of an account that cannot be opened: every call fails with the reason, and nothing is ever sent.
 */
import type { LiveKitPort, TwilioAccountPort } from '../shared/telephony.ts';
import { type Provider, ProviderError, type Verdict } from '../shared/verdict.ts';

/** Why a provider cannot be used at all. */
export type Refusal = Extract<Verdict, { kind: 'identity' }>;

function refuser(provider: Provider, refusal: Refusal) {
  return (action: string) => async (): Promise<never> => {
    throw new ProviderError(provider, action, refusal);
  };
}

export function refusingTwilio(refusal: Refusal): TwilioAccountPort {
  const refuse = refuser('Twilio', refusal);
  return {
    listNumbers: refuse('list numbers'),
    proveAccount: refuse('prove the account'),
    probeDeleteRight: refuse('delete trunks'),
    findNumber: refuse('find the number'),
    readNumber: refuse('read the number'),
    findVoiceRegion: refuse('find the region of the number'),
    listCallsUnderWay: refuse('list calls under way'),
    listTrunks: refuse('list trunks'),
    readTrunk: refuse('read the trunk'),
    createTrunk: refuse('create the trunk'),
    updateTrunk: refuse('update the trunk'),
    renameTrunk: refuse('rename the trunk'),
    deleteTrunk: refuse('delete the trunk'),
    listOriginationUrls: refuse('list origination URLs'),
    createOriginationUrl: refuse('create the origination URL'),
    updateOriginationUrl: refuse('update the origination URL'),
    deleteOriginationUrl: refuse('delete the origination URL'),
    listTrunkNumbers: refuse('list numbers of the trunk'),
    attachNumber: refuse('attach the number'),
    detachNumber: refuse('detach the number'),
    updateNumber: refuse('change the routing of the number'),
    listCredentialLists: refuse('list credential lists'),
    readCredentialList: refuse('read the credential list'),
    createCredentialList: refuse('create the credential list'),
    renameCredentialList: refuse('rename the credential list'),
    deleteCredentialList: refuse('delete the credential list'),
    listCredentials: refuse('list credentials'),
    createCredential: refuse('create the credential'),
    deleteCredential: refuse('delete the credential'),
    listTrunkCredentialLists: refuse('list credential lists of the trunk'),
    attachCredentialList: refuse('attach the credential list'),
    detachCredentialList: refuse('detach the credential list'),
    listIpAccessControlLists: refuse('list IP access control lists'),
    readIpAccessControlList: refuse('read the IP access control list'),
    createIpAccessControlList: refuse('create the IP access control list'),
    renameIpAccessControlList: refuse('rename the IP access control list'),
    deleteIpAccessControlList: refuse('delete the IP access control list'),
    listIpAddresses: refuse('list IP addresses'),
    createIpAddress: refuse('create the IP address'),
    deleteIpAddress: refuse('delete the IP address'),
    listTrunkIpAccessControlLists: refuse('list IP access control lists of the trunk'),
    attachIpAccessControlList: refuse('attach the IP access control list'),
    detachIpAccessControlList: refuse('detach the IP access control list'),
  };
}

export function refusingLiveKit(refusal: Refusal): LiveKitPort {
  const refuse = refuser('LiveKit', refusal);
  return {
    listInboundTrunks: refuse('list inbound trunks'),
    readInboundTrunk: refuse('read the inbound trunk'),
    findInboundTrunks: refuse('find inbound trunks of the number'),
    createInboundTrunk: refuse('create the inbound trunk'),
    updateInboundTrunk: refuse('update the inbound trunk'),
    listDispatchRules: refuse('list dispatch rules'),
    findWildcardRules: refuse('find dispatch rules without a trunk'),
    readDispatchRule: refuse('read the dispatch rule'),
    createDispatchRule: refuse('create the dispatch rule'),
    updateDispatchRule: refuse('update the dispatch rule'),
    deleteDispatchRule: refuse('delete the dispatch rule'),
    listOutboundTrunks: refuse('list outbound trunks'),
    readOutboundTrunk: refuse('read the outbound trunk'),
    createOutboundTrunk: refuse('create the outbound trunk'),
    renameInboundTrunk: refuse('rename the inbound trunk'),
    renameDispatchRule: refuse('rename the dispatch rule'),
    renameOutboundTrunk: refuse('rename the outbound trunk'),
    updateOutboundTrunk: refuse('update the outbound trunk'),
    deleteTrunk: refuse('delete the trunk'),
  };
}
