/**
 * What an Event (events.k8s.io/v1) looks like. Pure.
 */
import { createHash } from 'node:crypto';
import { group } from '../../reconcilers/shared/api-group.ts';
import type { EventNote, KubernetesObject } from '../../reconcilers/shared/ports.ts';
import type { EventSeries } from './event-correlation.ts';

/** One event as it is created. */
export interface NewEvent {
  readonly namespace: string;
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The API server refuses longer ones. In bytes. */
const longestNote = 1_024;
const longestName = 253;

/** `distinction` is what no other event of any process has; `now` is in milliseconds since the Unix epoch. */
export function newEvent(
  regarding: KubernetesObject,
  { action, note, reason, type }: EventNote,
  instance: string,
  now: number,
  distinction: number,
): NewEvent {
  const { metadata, apiVersion, kind } = regarding;
  // Events about cluster-scoped objects live in this one.
  const namespace = metadata.namespace ?? 'default';
  const text = [metadata.uid, instance, now, distinction].join('/');
  const suffix = `.${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
  // A name may not hold two dots in a row.
  const name = `${metadata.name.slice(0, longestName - suffix.length).replace(/[.-]+$/, '')}${suffix}`;
  const { name: objectName, namespace: objectNamespace, resourceVersion, uid } = metadata;
  const body = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace },
    eventTime: microTime(now),
    reportingController: `${group}/operator`,
    reportingInstance: instance,
    type,
    reason,
    action,
    note: shortened(note),
    regarding: { apiVersion, kind, name: objectName, namespace: objectNamespace, uid, resourceVersion },
  };
  return { namespace, name, body };
}

/** The part of an event that changes. */
export function seriesBody({ count, lastSeenAt }: EventSeries): Readonly<Record<string, unknown>> {
  return { series: { count, lastObservedTime: microTime(lastSeenAt) } };
}

/** RFC 3339 with microseconds: the API server takes nothing else for `eventTime`. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}

function shortened(note: string): string {
  const bytes = Buffer.from(note);
  if (bytes.length <= longestNote) return note;
  const ellipsis = '…';
  const cut = bytes.subarray(0, longestNote - Buffer.byteLength(ellipsis)).toString();
  // The cut may have gone through a character.
  return `${cut.replace(/\uFFFD+$/, '')}${ellipsis}`;
}
