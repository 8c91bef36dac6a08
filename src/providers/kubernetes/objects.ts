/**
 * Objects and their addresses at the API server, pure.
 */
import { z } from 'zod';
import type { KubernetesObject, ObjectKey } from '../../reconcilers/shared/ports.ts';

/** A kind as its URLs name it. The core group is empty. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

/** Of the whole cluster, or of one namespace. */
export function collectionPath({ group, version, plural }: Resource, namespace = ''): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return namespace === '' ? `${root}/${plural}` : `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

export function objectPath(resource: Resource, { namespace, name }: ObjectKey): string {
  return `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
}

export function keyOf({ metadata }: KubernetesObject): ObjectKey {
  return { namespace: metadata.namespace ?? '', name: metadata.name };
}

const objectSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().exactOptional(),
    uid: z.string(),
    resourceVersion: z.string(),
    generation: z.number().exactOptional(),
    creationTimestamp: z.string().exactOptional(),
    deletionTimestamp: z.string().exactOptional(),
    finalizers: z.array(z.string()).exactOptional(),
    annotations: z.record(z.string(), z.string()).exactOptional(),
    labels: z.record(z.string(), z.string()).exactOptional(),
  }),
}) satisfies z.ZodType<KubernetesObject>;

/** Without `managedFields`, which are half of most objects and nothing to us. Undefined if it is no object. */
export function parseObject(value: unknown): KubernetesObject | undefined {
  const object = objectSchema.safeParse(value).data;
  if (object === undefined) return undefined;
  const { managedFields: _managedFields, ...metadata } = object.metadata;
  return { ...object, metadata };
}

const listSchema = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().default('') }),
  items: z.array(z.unknown()).nullish(),
});

/** One page of a list. `continueToken` is empty on the last one. */
export interface Page {
  readonly items: readonly KubernetesObject[];
  readonly resourceVersion: string;
  readonly continueToken: string;
}

/** Undefined if it is no list, or holds something that is no object. */
export function parsePage(value: unknown): Page | undefined {
  const list = listSchema.safeParse(value).data;
  if (list === undefined) return undefined;
  const items = (list.items ?? []).map(parseObject);
  const objects = items.filter((item) => item !== undefined);
  if (objects.length < items.length) return undefined;
  return { items: objects, resourceVersion: list.metadata.resourceVersion, continueToken: list.metadata.continue };
}

/**
 * Below, equal to or above zero, as `one` is older than, the same as or newer than `other`. Versions of one resource are
 * decimal numbers of any length (KEP-5504). Undefined if one is not.
 */
export function compareResourceVersions(one: string, other: string): number | undefined {
  const form = /^(0|[1-9][0-9]*)$/;
  if (!form.test(one) || !form.test(other)) return undefined;
  if (one.length !== other.length) return one.length - other.length;
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** Surely older; false when it cannot be told. */
export function isOlder(one: string, other: string): boolean {
  return (compareResourceVersions(one, other) ?? 0) < 0;
}
