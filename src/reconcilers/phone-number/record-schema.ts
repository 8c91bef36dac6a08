/**
 * zod schema of an OrphanRecord, as far as a sweep reads it. What does not read is left alone.
 */
import { z } from 'zod';
import type { Pin } from '../shared/accounts.ts';
import type { KubernetesObject } from '../shared/ports.ts';
import { type LeftoverKind, leftoverKinds } from './model.ts';
import { pinSchema } from './schema.ts';

export const itemStates = ['Present', 'Unknown', 'Gone'] as const;
export type ItemState = (typeof itemStates)[number];

/** One thing that was left. */
export interface RecordItem {
  readonly order: number;
  readonly kind: LeftoverKind;
  readonly id?: string | undefined;
  /** Its mark. */
  readonly name: string;
}

/** What a sweep saw of an item. */
export interface ItemStatus {
  readonly order: number;
  readonly state: ItemState;
  /** RFC 3339. */
  readonly lastChecked: string;
}

export interface SweptRecord {
  readonly pinned: Pin;
  readonly items: readonly RecordItem[];
  readonly state: string;
  readonly seen: readonly ItemStatus[];
}

const recordSchema = z.object({
  spec: z.object({
    pinned: pinSchema,
    items: z.array(
      z.object({ order: z.number(), kind: z.enum(leftoverKinds), id: z.string().optional(), name: z.string() }),
    ),
  }),
  status: z
    .object({
      state: z.string().catch('Open'),
      items: z.array(z.object({ order: z.number(), state: z.enum(itemStates), lastChecked: z.string() })).catch([]),
    })
    .catch({ state: 'Open', items: [] }),
});

/** Undefined for a record that a newer operator wrote, or that says nothing of where its items are. */
export function parseRecord({ spec, status }: KubernetesObject): SweptRecord | undefined {
  const { data } = recordSchema.safeParse({ spec, status });
  return data && { ...data.spec, state: data.status.state, seen: data.status.items };
}
