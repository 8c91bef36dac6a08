/**
 * What every section gets.
 */
import type { Progress } from '../../test/tools/progress.ts';
import type { World } from '../../test/tools/world.ts';
import type { Settings } from '../options.ts';
import type { Built } from '../stage/build.ts';

export interface Bench {
  readonly world: World;
  readonly built: Built;
  readonly settings: Settings;
  readonly progress: Progress;
}
