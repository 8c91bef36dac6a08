/**
 * The fleet in figures, pure: how many PhoneNumbers are in which phase, what is left, and since when something is stuck.
 *
 * The status is read leniently: it may have been written by a newer operator.
 */
import type { KubernetesObject } from '../../reconcilers/shared/ports.ts';

/** Words of the PhoneNumber kind, which the controller does not know. */
export interface FleetWords {
  readonly phases: readonly string[];
  readonly risks: readonly string[];
  /** Ours: with it on an object there may be something outside. */
  readonly finalizer: string;
}

export interface Fleet {
  /** All phases; whatever else stands there counts as "Unknown". */
  readonly phases: ReadonlyMap<string, number>;
  /** Leftovers of all objects by risk, likewise. */
  readonly leftovers: ReadonlyMap<string, number>;
  /** The oldest of each, in milliseconds since the Unix epoch; undefined if there is none. */
  readonly corruptedSince: number | undefined;
  readonly deletingSince: number | undefined;
  /** Has our finalizer, was never Ready and is not kept from it on purpose. */
  readonly creatingSince: number | undefined;
}

const unknown = 'Unknown';

export function fleetOf(objects: readonly KubernetesObject[], words: FleetWords): Fleet {
  const phases = new Map([...words.phases, unknown].map((phase) => [phase, 0]));
  const leftovers = new Map([...words.risks, unknown].map((risk) => [risk, 0]));
  let corruptedSince: number | undefined;
  let deletingSince: number | undefined;
  let creatingSince: number | undefined;
  for (const { metadata, status } of objects) {
    const phase = textIn(status, 'phase');
    count(phases, phase);
    for (const leftover of listIn(status, 'leftovers')) count(leftovers, textIn(leftover, 'risk'));
    const { creationTimestamp, deletionTimestamp, finalizers = [] } = metadata;
    if (phase === 'Corrupted') corruptedSince = earlier(corruptedSince, trueSince(status, 'Corrupted'));
    else if (!finalizers.includes(words.finalizer)) continue;
    else if (deletionTimestamp !== undefined) deletingSince = earlier(deletingSince, deletionTimestamp);
    else if (phase !== 'Suspended' && textIn(status, 'firstReadyTime') === '')
      creatingSince = earlier(creatingSince, creationTimestamp);
  }
  return { phases, leftovers, corruptedSince, deletingSince, creatingSince };
}

function count(counts: Map<string, number>, word: string): void {
  const known = counts.has(word) ? word : unknown;
  counts.set(known, (counts.get(known) ?? 0) + 1);
}

function earlier(one: number | undefined, timestamp: string | undefined): number | undefined {
  const other = Date.parse(timestamp ?? '');
  if (Number.isNaN(other)) return one;
  return one === undefined ? other : Math.min(one, other);
}

/** Since when a condition has been true. */
function trueSince(status: unknown, type: string): string | undefined {
  const condition = listIn(status, 'conditions').find(
    (one) => textIn(one, 'type') === type && textIn(one, 'status') === 'True',
  );
  return condition === undefined ? undefined : textIn(condition, 'lastTransitionTime');
}

function textIn(value: unknown, field: string): string {
  const text = fieldOf(value, field);
  return typeof text === 'string' ? text : '';
}

function listIn(value: unknown, field: string): readonly unknown[] {
  const list = fieldOf(value, field);
  return Array.isArray(list) ? list : [];
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, field) : undefined;
}
