/**
 * deploy/install.yaml: the chart as one file, for those who do not use Helm. `npm run render` writes it, and a test proves that
 * it is current.
 */
import type { Helm } from './helm.ts';
import { projectPath } from './operator-world.ts';

/** The oldest that is supported, so that nothing in the file needs a newer one. */
const kubernetes = '1.32.0';

const head = `# Trunkline as one file, for Kubernetes 1.32 and newer. Made from deploy/chart by \`npm run render\`: change that, not this.
#
#   kubectl apply --server-side -f deploy/install.yaml
#   kubectl -n trunkline-system set image deployment/trunkline trunkline=<your image>
#
# From Kubernetes 1.36 on also apply deploy/policies/stamp-1.36.yaml: it writes down who confirmed a force delete.
# Never \`kubectl delete -f\` this file: it would delete the CRDs and with them every PhoneNumber. docs/operating/install.md
# says how to uninstall.
`;

/** The whole text of the file. */
export async function renderInstall(helm: Helm): Promise<string> {
  const chart = projectPath('deploy/chart');
  const where = ['--namespace=trunkline-system', `--kube-version=${kubernetes}`];
  const { stdout } = await helm(['template', 'trunkline', chart, ...where, '--set=namespace.create=true']);
  const lines = stdout.split('\n').filter((line) => !/^# Source: |managed-by: Helm$|helm\.sh\/chart: /.test(line));
  return `${head}${lines
    .join('\n')
    .replaceAll(/\n{2,}/g, '\n')
    .trimEnd()}\n`;
}
