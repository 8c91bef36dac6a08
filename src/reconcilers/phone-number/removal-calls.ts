/**
 * Removal calls: how each kind is removed, and how its absence is proven. `remove.ts` decides what and when.
 */
import type { OpenAccount } from '../shared/accounts.ts';
import { ProviderError } from '../shared/verdict.ts';
import { goneOr } from './execute.ts';
import type { Identity, LeftoverKind } from './model.ts';
import type { Pass } from './pass.ts';
import type { KindView, RemovalView, Target } from './removal-view.ts';

/** Where and for whom something is removed. */
export interface RemovalContext {
  readonly view: RemovalView;
  readonly pass: Pass;
  readonly account: OpenAccount;
  readonly identity: Identity;
  /** The number may still be on our trunk. */
  readonly rings: boolean;
}

/** What there is to remove of a kind. */
export function targetsOf(view: KindView | undefined): readonly Target[] {
  return view?.kind === 'present' ? view.targets : [];
}

/** Removes all targets of one kind and reads each of them again: a deletion's own answer is no proof. */
export async function removeAndProve(
  kind: LeftoverKind,
  targets: readonly Target[],
  context: RemovalContext,
): Promise<void> {
  const { view, pass, identity } = context;
  const { twilio, livekit } = context.account;
  const trunks = targetsOf(view.get('Trunk'));
  // Found means applied: from here on a read that lacks it means that it is gone.
  if (kind !== 'NumberAttachment') pass.memory.unsettledCreates.delete(kind);
  for (const { id, parentId = '' } of targets) {
    await pass.beforeWrite();
    switch (kind) {
      case 'NumberAttachment': {
        await goneOr(twilio.detachNumber(parentId, id));
        const number = await twilio.readNumber(id);
        // A number that is not found is detached only if the account is still the one we think it is.
        if (number === undefined) await twilio.proveAccount();
        mustBe(number?.trunkSid !== parentId, 'Twilio', `${identity.phoneNumber} is still on trunk ${parentId}`);
        break;
      }
      case 'Trunk':
        await emptiedOnConflict(
          () => twilio.deleteTrunk(id),
          async () => await emptyTrunk(id, context),
        );
        mustBe((await twilio.readTrunk(id)) === undefined, 'Twilio', `trunk ${id} is still there`);
        break;
      case 'Credential':
        await goneOr(twilio.deleteCredential(parentId, id));
        mustBe(!(await credentialsOf(twilio, parentId)).includes(id), 'Twilio', `credential ${id} is still there`);
        break;
      case 'CredentialList':
        // While both lists are attached Twilio asks for both; the address goes first, so that nothing opens in between.
        for (const trunk of trunks) {
          for (const list of targetsOf(view.get('IpAccessControlList'))) {
            await goneOr(twilio.detachIpAccessControlList(trunk.id, list.id));
            await pass.beforeWrite();
          }
          await goneOr(twilio.detachCredentialList(trunk.id, id));
          await pass.beforeWrite();
        }
        await goneOr(twilio.deleteCredentialList(id));
        mustBe((await twilio.readCredentialList(id)) === undefined, 'Twilio', `credential list ${id} is still there`);
        break;
      case 'IpAccessControlList':
        for (const trunk of trunks) {
          await goneOr(twilio.detachIpAccessControlList(trunk.id, id));
          await pass.beforeWrite();
        }
        await emptiedOnConflict(
          () => twilio.deleteIpAccessControlList(id),
          async () => await emptyAddresses(id, context),
        );
        mustBe(
          (await twilio.readIpAccessControlList(id)) === undefined,
          'Twilio',
          `IP access control list ${id} is still there`,
        );
        break;
      case 'InboundTrunk':
        await goneOr(livekit.deleteTrunk(id));
        mustBe((await livekit.readInboundTrunk(id)) === undefined, 'LiveKit', `inbound trunk ${id} is still there`);
        break;
      case 'OutboundTrunk':
        await goneOr(livekit.deleteTrunk(id));
        mustBe((await livekit.readOutboundTrunk(id)) === undefined, 'LiveKit', `outbound trunk ${id} is still there`);
        break;
      case 'DispatchRule':
        await goneOr(livekit.deleteDispatchRule(id));
        mustBe((await livekit.readDispatchRule(id)) === undefined, 'LiveKit', `dispatch rule ${id} is still there`);
        break;
    }
  }
}

/** A list that is gone has no credentials. */
async function credentialsOf(twilio: OpenAccount['twilio'], listSid: string): Promise<readonly string[]> {
  try {
    return (await twilio.listCredentials(listSid)).map(({ sid }) => sid);
  } catch (error) {
    if (error instanceof ProviderError && error.verdict.kind === 'notFound') return [];
    throw error;
  }
}

/** The deletion was answered with success, yet a read says otherwise: not definite, to be tried again. */
function mustBe(gone: boolean, provider: 'Twilio' | 'LiveKit', message: string): void {
  if (!gone) throw new ProviderError(provider, 'prove the removal', { kind: 'conflict', code: 'StillThere', message });
}

/**
 * Twilio documents nowhere whether a parent goes with its children. Where it refuses, they go first, and then it is tried
 * once more.
 */
async function emptiedOnConflict(remove: () => Promise<void>, empty: () => Promise<void>): Promise<void> {
  try {
    await goneOr(remove());
  } catch (error) {
    if (!(error instanceof ProviderError) || error.verdict.kind !== 'conflict') throw error;
    await empty();
    await goneOr(remove());
  }
}

async function emptyTrunk(trunkSid: string, { account: { twilio }, pass, rings }: RemovalContext): Promise<void> {
  // A number that may still ring needs the way to its agent until the trunk itself is gone.
  const urls = rings ? [] : await twilio.listOriginationUrls(trunkSid);
  for (const { sid } of urls) {
    await pass.beforeWrite();
    await goneOr(twilio.deleteOriginationUrl(trunkSid, sid));
  }
  await pass.beforeWrite();
}

async function emptyAddresses(listSid: string, { account: { twilio }, pass }: RemovalContext): Promise<void> {
  for (const { sid } of await twilio.listIpAddresses(listSid)) {
    await pass.beforeWrite();
    await goneOr(twilio.deleteIpAddress(listSid, sid));
  }
  await pass.beforeWrite();
}
