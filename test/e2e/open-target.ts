// Chooses the target by TRUNKLINE_E2E: "kind", "kubeconfig", or the plain control plane if it is not set.
import { openKindTarget } from './kind-target.ts';
import { openKubeconfigTarget } from './kubeconfig-target.ts';
import { openPlainTarget } from './plain-target.ts';
import type { Target } from './target.ts';

/** @throws Error if TRUNKLINE_E2E is something else, or the target does not come up */
export async function openTarget(): Promise<Target> {
  const { TRUNKLINE_E2E: choice = '' } = process.env;
  if (choice === '') return await openPlainTarget();
  if (choice === 'kind') return await openKindTarget();
  if (choice === 'kubeconfig') return await openKubeconfigTarget();
  throw new Error(`Cannot run against TRUNKLINE_E2E "${choice}": there are "kind" and "kubeconfig"`);
}
