// Helm as a person runs it, with a home of its own, so that nobody's plugins, repositories and credentials matter.
import { join } from 'node:path';
import type { Progress } from './progress.ts';
import { ensureRealParts } from './real-parts.ts';
import { type CommandResult, runCommand } from './run-command.ts';

/** Runs helm. @throws Error with its output if it fails, unless `allowFailure` is set */
export type Helm = (args: readonly string[], options?: { readonly allowFailure?: boolean }) => Promise<CommandResult>;

/**
 * Finds or builds helm. `folder` is an existing one for its home; without a kubeconfig it reaches no cluster.
 * @throws Error if helm can neither be found nor built
 */
export async function openHelm(folder: string, kubeconfig?: string, progress?: Progress): Promise<Helm> {
  const { helm } = await ensureRealParts({ parts: ['helm'], ...(progress !== undefined && { progress }) });
  const env = {
    ...process.env,
    HELM_CACHE_HOME: join(folder, 'helm-cache'),
    HELM_CONFIG_HOME: join(folder, 'helm-config'),
    HELM_DATA_HOME: join(folder, 'helm-data'),
    KUBECONFIG: kubeconfig ?? join(folder, 'no-kubeconfig'),
  };
  return async (args, { allowFailure = false } = {}) => {
    const result = await runCommand(helm.path, args, { env });
    if (result.code !== 0 && !allowFailure) {
      throw new Error(`helm ${args.join(' ')} ended with code ${result.code}: ${result.stderr}${result.stdout}`);
    }
    return result;
  };
}
