/**
 * Removal calls: how each kind is removed, and how its absence is proven. `remove.ts` decides what and when.
 */
import type { OpenAccount } from '../shared/accounts.ts';
import type { NumberState } from '../shared/telephony.ts';
import { ProviderError } from '../shared/verdict.ts';
import { changeNumber } from './change-number.ts';
import { goneOr } from './execute.ts';
import type { Identity, LeftoverKind } from './model.ts';
import { type NumberChange, removalChange } from './number-routing.ts';
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
  /** Takes our IP access control lists off our trunks; once for all who need it. */
  readonly detachAccessLists: () => Promise<void>;
}

/** Takes every IP access control list off every trunk that there is to remove. */
export async function detachAccessLists(view: RemovalView, pass: Pass, { twilio }: OpenAccount): Promise<void> {
  for (const trunk of targetsOf(view.get('Trunk'))) {
    for (const list of targetsOf(view.get('IpAccessControlList'))) {
      await pass.beforeWrite();
      await goneOr(twilio.detachIpAccessControlList(trunk.id, list.id));
    }
  }
}

/** What there is to remove of a kind. */
export function targetsOf(view: KindView | undefined): readonly Target[] {
  return view?.kind === 'present' ? view.targets : [];
}

/** Removes all targets of one kind. The answer of a deletion is no proof: `proveGone` follows. */
export async function removeTargets(
  kind: LeftoverKind,
  targets: readonly Target[],
  context: RemovalContext,
): Promise<void> {
  const { view, pass } = context;
  const { twilio, livekit } = context.account;
  const trunks = targetsOf(view.get('Trunk'));
  // Found means applied: from here on a read that lacks it means that it is gone.
  if (kind !== 'NumberAttachment' && kind !== 'NumberRouting') pass.memory.unsettledCreates.delete(kind);
  for (const { id, parentId = '' } of targets) {
    await pass.beforeWrite();
    switch (kind) {
      case 'NumberAttachment':
        if (parentId !== '') await goneOr(twilio.detachNumber(parentId, id));
        break;
      case 'NumberRouting': {
        const change = leftOn(await twilio.readNumber(id), context);
        if (change !== undefined) await changeNumber(id, change, context.account, pass);
        break;
      }
      case 'Trunk':
        await emptiedOnConflict(
          () => twilio.deleteTrunk(id),
          async () => await emptyTrunk(id, context),
        );
        break;
      case 'Credential':
        await goneOr(twilio.deleteCredential(parentId, id));
        break;
      case 'CredentialList':
        // While both lists are attached Twilio asks for both; the address goes first, so that nothing opens in between.
        await context.detachAccessLists();
        for (const trunk of trunks) {
          await pass.beforeWrite();
          await goneOr(twilio.detachCredentialList(trunk.id, id));
        }
        await pass.beforeWrite();
        await goneOr(twilio.deleteCredentialList(id));
        break;
      case 'IpAccessControlList':
        await context.detachAccessLists();
        await pass.beforeWrite();
        await emptiedOnConflict(
          () => twilio.deleteIpAccessControlList(id),
          async () => await emptyAddresses(id, context),
        );
        break;
      case 'InboundTrunk':
      case 'OutboundTrunk':
        await goneOr(livekit.deleteTrunk(id));
        break;
      case 'DispatchRule':
        await goneOr(livekit.deleteDispatchRule(id));
        break;
    }
  }
}

/** What of the routing of a number is still to be taken back. */
function leftOn(
  number: NumberState | undefined,
  { identity, pass }: Pick<RemovalContext, 'identity' | 'pass'>,
): NumberChange | undefined {
  return number && removalChange(number, pass.routes, identity.voice === 'webhook');
}

/** Reads each removed target again. Throws a `conflict` for one that is still there. */
export async function proveGone(
  kind: LeftoverKind,
  targets: readonly Target[],
  context: RemovalContext,
): Promise<void> {
  const { account, pass } = context;
  await Promise.all(
    targets.map(async (target) => {
      await proveOneGone(kind, target, context);
      if (target.voiceApplicationSid !== undefined)
        await giveBack(target.id, target.voiceApplicationSid, account, pass);
    }),
  );
}

/** An application that the number had before it was attached, unless somebody routes the number by now. */
async function giveBack(numberSid: string, applicationSid: string, account: OpenAccount, pass: Pass): Promise<void> {
  const number = await account.twilio.readNumber(numberSid);
  if (number === undefined || number.trunkSid !== '' || number.voiceApplicationSid !== '') return;
  await pass.beforeWrite();
  await changeNumber(numberSid, { voiceApplicationSid: applicationSid }, account, pass);
}

async function proveOneGone(kind: LeftoverKind, { id, parentId = '' }: Target, context: RemovalContext): Promise<void> {
  const { identity } = context;
  const { livekit, twilio } = context.account;
  switch (kind) {
    case 'NumberRouting': {
      const number = await twilio.readNumber(id);
      if (number === undefined) await twilio.proveAccount();
      return mustBe(
        leftOn(number, context) === undefined,
        'Twilio',
        `${identity.phoneNumber} is still routed as this object had it`,
      );
    }
    case 'NumberAttachment': {
      const number = await twilio.readNumber(id);
      // A number that is not found is detached only if the account is still the one we think it is.
      if (number === undefined) await twilio.proveAccount();
      return mustBe(
        parentId === '' || number?.trunkSid !== parentId,
        'Twilio',
        `${identity.phoneNumber} is still on trunk ${parentId}`,
      );
    }
    case 'Trunk':
      return mustBe((await twilio.readTrunk(id)) === undefined, 'Twilio', `trunk ${id} is still there`);
    case 'Credential': {
      const credentials = await credentialsOf(twilio, parentId);
      return mustBe(!credentials.includes(id), 'Twilio', `credential ${id} is still there`);
    }
    case 'CredentialList': {
      const list = await twilio.readCredentialList(id);
      return mustBe(list === undefined, 'Twilio', `credential list ${id} is still there`);
    }
    case 'IpAccessControlList': {
      const list = await twilio.readIpAccessControlList(id);
      return mustBe(list === undefined, 'Twilio', `IP access control list ${id} is still there`);
    }
    case 'InboundTrunk':
      return mustBe(
        (await livekit.readInboundTrunk(id)) === undefined,
        'LiveKit',
        `inbound trunk ${id} is still there`,
      );
    case 'OutboundTrunk': {
      const trunk = await livekit.readOutboundTrunk(id);
      return mustBe(trunk === undefined, 'LiveKit', `outbound trunk ${id} is still there`);
    }
    case 'DispatchRule':
      return mustBe(
        (await livekit.readDispatchRule(id)) === undefined,
        'LiveKit',
        `dispatch rule ${id} is still there`,
      );
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
