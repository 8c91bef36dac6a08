/**
 * `npm run render`: writes deploy/install.yaml anew from the chart.
 */
import { writeFile } from 'node:fs/promises';
import { openHelm } from './helm.ts';
import { projectPath } from './operator-world.ts';
import { progressToStandardError } from './progress.ts';
import { renderInstall } from './render-install.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

await using folder = await createTemporaryFolder('trunkline-render-');
const helm = await openHelm(folder.path, undefined, progressToStandardError);
await writeFile(projectPath('deploy/install.yaml'), await renderInstall(helm));
process.stderr.write('written: deploy/install.yaml\n');
