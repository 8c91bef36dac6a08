/**
 * Whatever cluster KUBECONFIG names. It must not have Trunkline, reach this machine, and have or pull the image. Its nodes are
 * left alone: nothing is drained.
 */
import { createTemporaryFolder } from '../tools/temporary-folder.ts';
import { openClusterTarget, variable } from './cluster-target.ts';
import type { Target } from './target.ts';

const how = 'docs/operating/e2e.md says what the suite needs';

/** @throws Error if a variable is missing or Trunkline is installed there; nothing is left then */
export async function openKubeconfigTarget(): Promise<Target> {
  const kubeconfig = variable('KUBECONFIG', how);
  const image = variable('TRUNKLINE_IMAGE', how);
  const host = variable('TRUNKLINE_E2E_HOST', how);
  await using resources = new AsyncDisposableStack();
  const { path: folder } = resources.use(await createTemporaryFolder('trunkline-e2e-'));
  const target = resources.use(
    await openClusterTarget({
      kubeconfig,
      folder,
      image,
      host,
      hasNodes: false,
      // As near as one comes without a way into the node: the object is gone at once, and its process has a second.
      killPod: async ({ name }, kubectl) => {
        await kubectl(['delete', 'pod', name, '--grace-period=1', '--wait=false']);
      },
      exportLogs: async () => await Promise.resolve(''),
    }),
  );
  const started = resources.move();
  return { ...target, [Symbol.asyncDispose]: async () => await started.disposeAsync() };
}
