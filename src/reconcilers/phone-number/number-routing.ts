/**
 * Number routing, pure: where Twilio sends the calls and text messages of a number, whose doing that is, and what has to
 * be changed.
 *
 * Each webhook is owned on its own. What was recorded before it was sent is ours; whatever else is there belongs to
 * somebody else, who keeps it. Twilio's demo, which numbers are sold with, belongs to nobody.
 */
import type { NumberRouting, NumberState } from '../shared/telephony.ts';
import {
  type PreviousRouting,
  type RoutingRecord,
  type Webhook,
  type Webhooks,
  type WebhookSlot,
  webhookSlots,
} from './model.ts';

/** A change of a number; fields that are not named stay. */
export type NumberChange = Partial<NumberRouting>;

/** The two fields of each webhook at Twilio. */
const fields = {
  voice: { url: 'voiceUrl', method: 'voiceMethod' },
  voiceFallback: { url: 'voiceFallbackUrl', method: 'voiceFallbackMethod' },
  statusCallback: { url: 'statusCallback', method: 'statusCallbackMethod' },
  sms: { url: 'smsUrl', method: 'smsMethod' },
  smsFallback: { url: 'smsFallbackUrl', method: 'smsFallbackMethod' },
} as const satisfies Record<WebhookSlot, { url: keyof NumberRouting; method: keyof NumberRouting }>;

/** The webhook on a number; undefined if there is none or only Twilio's demo. */
function webhookOn(number: NumberRouting, slot: WebhookSlot): Webhook | undefined {
  const url = number[fields[slot].url];
  // Twilio's own default.
  return isNobodys(url) ? undefined : { url, method: number[fields[slot].method] || 'POST' };
}

function isNobodys(url: string): boolean {
  return url === '' || hostOf(url) === 'demo.twilio.com';
}

/** The webhooks of text messages alone. */
export function ofMessages({ sms, smsFallback }: Webhooks): Webhooks {
  return { ...(sms && { sms }), ...(smsFallback && { smsFallback }) };
}

/** Unrouted: no trunk, no application, and no voice URL but Twilio's demo, which console-bought numbers carry. */
export function isUnrouted({ trunkSid, voiceApplicationSid, voiceUrl }: NumberState): boolean {
  return trunkSid === '' && voiceApplicationSid === '' && isNobodys(voiceUrl);
}

/** Where Twilio sends the calls to a number, in words. */
export function routeOf({ trunkSid, voiceApplicationSid, voiceUrl }: NumberState): string {
  if (trunkSid !== '') return `trunk ${trunkSid}`;
  if (voiceApplicationSid !== '') return `application ${voiceApplicationSid}`;
  return voiceUrl === '' ? 'nowhere' : `a voice URL on ${hostOf(voiceUrl)}`;
}

/** The host of a URL, without user information and query, which may hold secrets. */
export function hostOf(url: string): string {
  return URL.parse(url)?.hostname ?? 'an unreadable address';
}

/** A URL without what may hold secrets. */
function shown(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? 'an unreadable address' : `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}

/** What webhooks look like, to be told and to be searched for: never with anything secret. */
export function describedWebhooks(webhooks: Webhooks): readonly string[] {
  return webhookSlots.flatMap((slot) => {
    const webhook = webhooks[slot];
    return webhook === undefined ? [] : [`${slot} ${shown(webhook.url)}`];
  });
}

/** All webhooks on a number. */
export function webhooksOn(number: NumberRouting): Webhooks {
  return Object.fromEntries(webhookSlots.map((slot) => [slot, webhookOn(number, slot)]));
}

/** Everything that may be ours on a number. */
export function describedRecord({ routedTo = {}, routingTo = {} }: RoutingRecord): readonly string[] {
  return [...new Set([...describedWebhooks(routedTo), ...describedWebhooks(routingTo)])];
}

/** Names of the URLs at Twilio that may be ours. */
export function fieldsOfRecord({ routedTo = {}, routingTo = {} }: RoutingRecord): readonly (keyof NumberRouting)[] {
  return webhookSlots.flatMap((slot) => ((routedTo[slot] ?? routingTo[slot]) ? [fields[slot].url] : []));
}

/** Something of ours may be on the number. */
export function hasRecord({ routedTo = {}, routingTo = {} }: RoutingRecord): boolean {
  return webhookSlots.some((slot) => (routedTo[slot] ?? routingTo[slot]) !== undefined);
}

/** Every webhook that a change puts on the number is written down as on its way, so that it may be sent. */
export function isWrittenAhead(change: NumberChange, { routingTo = {} }: RoutingRecord): boolean {
  return webhookSlots.every((slot) => {
    const url = change[fields[slot].url] ?? '';
    return url === '' || isSame({ url, method: change[fields[slot].method] ?? '' }, routingTo[slot]);
  });
}

function isOurs(slot: WebhookSlot, webhook: Webhook, { routedTo = {}, routingTo = {} }: RoutingRecord): boolean {
  return isSame(webhook, routedTo[slot]) || isSame(webhook, routingTo[slot]);
}

function isSame(one: Webhook, other: Webhook | undefined): boolean {
  return one.url === other?.url && one.method === other.method;
}

/** Nothing is on its way that is not wanted as well. */
export function isAsWanted({ routingTo = {} }: RoutingRecord, wanted: Webhooks): boolean {
  return webhookSlots.every((slot) => routingTo[slot] === undefined || isSame(routingTo[slot], wanted[slot]));
}

/** What of the record the number bears out, so that something else may be sent next. */
export function provenRecord(number: NumberRouting, { routedTo = {}, routingTo = {} }: RoutingRecord): Webhooks {
  return Object.fromEntries(
    webhookSlots.flatMap((slot) => {
      const present = webhookOn(number, slot);
      const webhook = present !== undefined && isSame(present, routingTo[slot]) ? present : routedTo[slot];
      return webhook === undefined ? [] : [[slot, webhook]];
    }),
  );
}

/** Webhooks that are wanted and not there. */
export function missingOn(number: NumberRouting, wanted: Webhooks): readonly WebhookSlot[] {
  return webhookSlots.filter((slot) => {
    const webhook = wanted[slot];
    const present = webhookOn(number, slot);
    return webhook !== undefined && (present === undefined || !isSame(present, webhook));
  });
}

/** A route of somebody else in the place of one that is wanted. */
export interface Obstacle {
  /** Where it leads, in words. */
  readonly route: string;
  /** It is about calls, not about text messages. */
  readonly ofCalls: boolean;
  /** Ours was there before. */
  readonly isChange: boolean;
}

/** What is in the way of webhooks, most important first. */
export function obstaclesTo(wanted: Webhooks, number: NumberState, record: RoutingRecord): readonly Obstacle[] {
  const { trunkSid, voiceApplicationSid, smsApplicationSid } = number;
  const wasOurs = (slot: WebhookSlot) => record.routedTo?.[slot] !== undefined;
  const ofVoice = { ofCalls: true, isChange: wasOurs('voice') };
  const ofSms = { ofCalls: false, isChange: wasOurs('sms') };
  return [
    ...(wanted.voice !== undefined && trunkSid !== '' ? [{ ...ofVoice, route: `trunk ${trunkSid}` }] : []),
    ...(wanted.voice !== undefined && voiceApplicationSid !== ''
      ? [{ ...ofVoice, route: `application ${voiceApplicationSid}` }]
      : []),
    ...(wanted.sms !== undefined && smsApplicationSid !== ''
      ? [{ ...ofSms, route: `application ${smsApplicationSid} for text messages` }]
      : []),
    ...webhookSlots.flatMap((slot) => {
      const webhook = wanted[slot];
      const present = webhookOn(number, slot);
      if (webhook === undefined || present === undefined) return [];
      if (isSame(present, webhook) || isOurs(slot, present, record)) return [];
      const ofCalls = slot !== 'sms' && slot !== 'smsFallback';
      return [{ ofCalls, isChange: wasOurs(slot), route: `a ${slot} URL on ${hostOf(present.url)}` }];
    }),
  ];
}

/** What may be done to webhooks. */
export interface RoutingPermissions {
  /** Routes of others may be replaced. */
  readonly takesOver: boolean;
  /** What somebody has cleared since may be written again. */
  readonly restores: boolean;
}

/**
 * What has to be changed for the number to have the wanted webhooks, and none of ours besides; undefined if nothing. A
 * trunk is not touched by this.
 */
export function routingChange(
  number: NumberState,
  wanted: Webhooks,
  { record, previous = {} }: { readonly record: RoutingRecord; readonly previous?: PreviousRouting | undefined },
  { restores, takesOver }: RoutingPermissions,
): NumberChange | undefined {
  const change: { -readonly [Field in keyof NumberRouting]?: string } = {};
  for (const slot of webhookSlots) {
    const webhook = wanted[slot];
    const present = webhookOn(number, slot);
    const ours = present !== undefined && isOurs(slot, present, record);
    if (webhook === undefined) {
      if (ours) change[fields[slot].url] = '';
      continue;
    }
    if (present !== undefined && isSame(present, webhook)) continue;
    const isTheirs = present !== undefined && !ours;
    const isCleared = present === undefined && record.routedTo?.[slot] !== undefined;
    if ((isTheirs && !takesOver) || (isCleared && !restores)) continue;
    change[fields[slot].url] = webhook.url;
    change[fields[slot].method] = webhook.method;
  }
  if (takesOver && wanted.voice !== undefined && number.voiceApplicationSid !== '') change.voiceApplicationSid = '';
  if (takesOver && wanted.sms !== undefined && number.smsApplicationSid !== '') change.smsApplicationSid = '';
  // Without a message webhook of ours in its place, whoever had the messages before gets them again.
  const messages = applicationBefore(number, 'sms', wanted, record, previous.smsApplicationSid);
  if (messages !== undefined) change.smsApplicationSid = messages;
  return Object.keys(change).length === 0 ? undefined : change;
}

/**
 * What has to be changed for nothing of ours to be left on a number, and for the applications of before to get their
 * calls and messages again; undefined if nothing. Whoever has routed the number meanwhile keeps it. `ofCalls`: calls
 * went to our webhook, not over a trunk.
 */
export function removalChange(
  number: NumberState,
  { record, previous = {} }: { readonly record: RoutingRecord; readonly previous?: PreviousRouting | undefined },
  ofCalls: boolean,
): NumberChange | undefined {
  const clearing = routingChange(number, {}, { record, previous }, { takesOver: false, restores: false });
  const application =
    ofCalls && number.trunkSid === ''
      ? applicationBefore(number, 'voice', {}, record, previous.voiceApplicationSid)
      : undefined;
  return application === undefined ? clearing : { ...clearing, voiceApplicationSid: application };
}

/** An application to give back: nothing of ours takes its place any more, and nobody else's does. */
function applicationBefore(
  number: NumberState,
  slot: 'voice' | 'sms',
  wanted: Webhooks,
  record: RoutingRecord,
  before: string | undefined,
): string | undefined {
  const present = webhookOn(number, slot);
  const isFree = present === undefined || isOurs(slot, present, record);
  const isEmpty = number[slot === 'voice' ? 'voiceApplicationSid' : 'smsApplicationSid'] === '';
  return wanted[slot] === undefined && isFree && isEmpty ? before : undefined;
}

/** Something is put on the number; what only takes off may be done at any time, and again. */
export function putsWebhook(change: NumberChange): boolean {
  return webhookSlots.some((slot) => (change[fields[slot].url] ?? '') !== '');
}

/** The same change without giving anything back; undefined if nothing is left of it. */
export function withoutApplications(change: NumberChange): NumberChange | undefined {
  const { voiceApplicationSid: _voice, smsApplicationSid: _sms, ...rest } = change;
  return Object.keys(rest).length === 0 ? undefined : rest;
}

/**
 * What a takeover would destroy; undefined if nothing. `trunkSid` is the trunk the number is to be on: on it already there
 * is nothing to take over. A voice URL stays on a number that is put on a trunk.
 */
export function previousRoutingOf(
  number: NumberState | undefined,
  wanted: Webhooks,
  record: RoutingRecord,
  trunkSid: string | undefined,
): PreviousRouting | undefined {
  if (number === undefined) return undefined;
  const isElsewhere = number.trunkSid !== '' && number.trunkSid !== trunkSid;
  const webhooks = Object.fromEntries(
    webhookSlots.flatMap((slot) => {
      const present = webhookOn(number, slot);
      const stays = present === undefined || wanted[slot] === undefined || isOurs(slot, present, record);
      return stays || isSame(present, wanted[slot]) ? [] : [[slot, shown(present.url)]];
    }),
  );
  const previous: PreviousRouting = {
    ...(isElsewhere && { trunkSid: number.trunkSid }),
    ...(number.voiceApplicationSid !== '' && { voiceApplicationSid: number.voiceApplicationSid }),
    ...(wanted.sms !== undefined && number.smsApplicationSid !== '' && { smsApplicationSid: number.smsApplicationSid }),
    ...(Object.keys(webhooks).length > 0 && { webhooks }),
  };
  return Object.keys(previous).length === 0 ? undefined : previous;
}
