/**
 * Sweep: looks whether what OrphanRecords list is still there, and ticks off what is gone. It only reads at the providers.
 *
 * Guarantees
 * - Gone is said after a direct read by id, or after a complete list where no id is known; whatever cannot be read is
 *   Unknown. What carries the mark of another PhoneNumber of ours now is gone from the record: that one answers for it.
 * - A record is written only when something has changed, or once a day.
 */
import type { OpenAccount, Pin } from '../shared/accounts.ts';
import { ConflictError, type KubernetesObject } from '../shared/ports.ts';
import { ProviderError } from '../shared/verdict.ts';
import { labelOf, type Marked } from './mark.ts';
import { describedWebhooks, webhooksOn } from './number-routing.ts';
import type { RecordStore } from './ports.ts';
import { type ItemState, type ItemStatus, parseRecord, type RecordItem, type SweptRecord } from './record-schema.ts';

export interface SweepDependencies {
  readonly records: RecordStore;
  readonly openPinned: (pin: Pin) => OpenAccount;
  /** A living PhoneNumber holds this number in this Twilio account, so that its routing is nobody's leftover. */
  readonly isClaimed: (pin: Pin) => boolean;
  /** RFC 3339. */
  readonly now: () => string;
}

const dayMs = 86_400_000;

/** Looks at one record. Throws what the API server throws, but for a record that has changed or is gone. */
export async function sweepRecord(
  { isClaimed, now, openPinned, records }: SweepDependencies,
  object: KubernetesObject,
): Promise<void> {
  const record = parseRecord(object);
  if (record === undefined || record.state === 'Closed') return;
  const account = openPinned(record.pinned);
  const states = await Promise.all(
    record.items.map(async (item): Promise<ItemState> => {
      if (item.kind.startsWith('Number') && isClaimed(record.pinned)) return 'Gone';
      return await stateOf(item, record, account);
    }),
  );
  const at = now();
  const items = record.items.map(({ order }, index) => ({ order, state: states[index] ?? 'Unknown', lastChecked: at }));
  const state = items.every((item) => item.state === 'Gone') ? 'Closed' : 'Open';
  if (state === record.state && !isWorthWriting(record.seen, items, at)) return;
  try {
    await records.patchOrphanRecordStatus(object, { state, items });
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
  }
}

function isWorthWriting(before: readonly ItemStatus[], after: readonly ItemStatus[], at: string): boolean {
  return after.some(({ order, state }) => {
    const known = before.find((one) => one.order === order);
    return known?.state !== state || !(Date.parse(at) - Date.parse(known.lastChecked) < dayMs);
  });
}

async function stateOf(item: RecordItem, record: SweptRecord, account: OpenAccount): Promise<ItemState> {
  try {
    return (await isLeft(item, record, account)) ? 'Present' : 'Gone';
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return 'Unknown';
  }
}

async function isLeft(item: RecordItem, record: SweptRecord, { livekit, twilio }: OpenAccount): Promise<boolean> {
  const found = async <T extends Marked>(
    read: (id: string) => Promise<T | undefined>,
    list: () => Promise<readonly T[]>,
  ): Promise<boolean> => {
    const { id } = item;
    const one = id === undefined ? (await list()).find((each) => labelOf(each).name === item.name) : await read(id);
    return one !== undefined && !isTaken(labelOf(one).name, item);
  };
  switch (item.kind) {
    case 'NumberAttachment': {
      const trunkSid = record.pinned.existingTrunkSid ?? idOf(record, 'Trunk');
      const number = await twilio.findNumber(record.pinned.phoneNumber);
      return number !== undefined && number.trunkSid !== '' && (trunkSid === undefined || number.trunkSid === trunkSid);
    }
    case 'NumberRouting': {
      const number = await twilio.findNumber(record.pinned.phoneNumber);
      const present = number === undefined ? [] : describedWebhooks(webhooksOn(number));
      // As far as a record may tell: a URL without what may be secret in it.
      return present.some((webhook) => item.name.split(', ').includes(webhook));
    }
    case 'Trunk':
      return await found(
        (id) => twilio.readTrunk(id),
        () => twilio.listTrunks(),
      );
    case 'CredentialList':
      return await found(
        (id) => twilio.readCredentialList(id),
        () => twilio.listCredentialLists(),
      );
    case 'Credential': {
      const listSid = idOf(record, 'CredentialList');
      const list =
        listSid === undefined
          ? (await twilio.listCredentialLists()).find(({ friendlyName }) => friendlyName === item.name)
          : await twilio.readCredentialList(listSid);
      if (list === undefined || isTaken(list.friendlyName, item)) return false;
      return (await twilio.listCredentials(list.sid)).some(({ sid }) => item.id === undefined || sid === item.id);
    }
    case 'IpAccessControlList':
      return await found(
        (id) => twilio.readIpAccessControlList(id),
        () => twilio.listIpAccessControlLists(),
      );
    case 'InboundTrunk':
      return await found(
        (id) => livekit.readInboundTrunk(id),
        () => livekit.listInboundTrunks(),
      );
    case 'DispatchRule':
      return await found(
        (id) => livekit.readDispatchRule(id),
        () => livekit.listDispatchRules(),
      );
    case 'OutboundTrunk':
      return await found(
        (id) => livekit.readOutboundTrunk(id),
        () => livekit.listOutboundTrunks(),
      );
  }
}

/** Renamed by a person it is still left; with the mark of another of ours it is that one's. */
function isTaken(name: string, item: RecordItem): boolean {
  return name !== item.name && name.startsWith('tl/');
}

function idOf({ items }: SweptRecord, kind: RecordItem['kind']): string | undefined {
  return items.find((item) => item.kind === kind)?.id;
}
