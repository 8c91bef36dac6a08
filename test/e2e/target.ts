/**
 * What the e2e suite runs against: an installed operator with replicas, somewhere. Only what differs between places is
 * here, which is how replicas come and go; everything else the suite does with kubectl, as people do.
 */
import type { SceneStage } from '../tools/scene.ts';

/** A place with Trunkline installed; the manifests of deploy/ are applied, and no replica runs at first. */
export interface Target extends AsyncDisposable {
  /** Pods run somewhere: there are nodes to drain. */
  readonly hasNodes: boolean;
  /** Where scenes play, and where what is outside the cluster can be looked at. */
  readonly stage: SceneStage;
  /** Starts or stops replicas until there are so many, all of them ready. Stopped ones are told to end. */
  scale(replicas: number): Promise<void>;
  /** Ends the replica that leads without a chance to say anything, as a node that loses power does. */
  killLeader(): Promise<void>;
  /** Replaces every replica: each old one is told to end when its successor is ready. */
  roll(): Promise<void>;
  /** The logs of all replicas there ever were, for the text of a failure. */
  logs(): Promise<string>;
}
