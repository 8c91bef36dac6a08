/**
 * What all sections run on: a real API server with the custom resource definitions and the operator's rights.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OPERATOR } from '../../test/tools/control-plane-files.ts';
import type { Progress } from '../../test/tools/progress.ts';
import { startWorld, type World } from '../../test/tools/world.ts';

/** A file or folder of the project. */
export function projectPath(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

/** The usual three writes are updates, which the operator has no right to: it only patches. */
const updateRights = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'bench-update' },
      rules: [
        {
          apiGroups: ['telephony.trunkline.dev'],
          resources: ['phonenumbers', 'phonenumbers/status'],
          verbs: ['update'],
        },
      ],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'bench-update' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'bench-update' },
      subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: OPERATOR.user }],
    },
  ],
};

/** Starts a world without any controller of its own. @param liveKitServers for a whole operator; 0 if not given */
export async function startBenchWorld(progress: Progress, liveKitServers = 0): Promise<World> {
  const world = await startWorld({ liveKitServers, controllerManager: false, progress });
  try {
    await world.applyManifests(['deploy/operator/namespace.yaml', 'crds', 'deploy/operator'].map(projectPath));
    await world.controlPlane.kubectl(['apply', '-f', '-'], { input: JSON.stringify(updateRights) });
    await mkdir(join(world.folder, 'peers'));
    return world;
  } catch (error) {
    await world[Symbol.asyncDispose]();
    throw error;
  }
}
