/**
 * Objects for tests, with only what a case cares about.
 */
import type { KubernetesObject } from '../../src/reconcilers/shared/ports.ts';

/** In namespace "default"; the UID goes by the name unless the metadata say otherwise. */
export function kubernetesObject(
  name: string,
  resourceVersion: number | string,
  metadata: Partial<KubernetesObject['metadata']> = {},
  spec: unknown = {},
): KubernetesObject {
  return {
    apiVersion: 'example.test/v1',
    kind: 'Thing',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-of-${name}`,
      resourceVersion: String(resourceVersion),
      ...metadata,
    },
    spec,
  };
}
