/**
 * Ports every kind may use: time, randomness, leadership, events and the API server.
 *
 * The core never reads a clock, the environment or the network itself; what it needs comes in through these.
 */

/** Two clocks, because a wall clock may jump: durations are measured on the monotonic one. Milliseconds. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds since some fixed moment of this process; never goes back. */
  monotonic(): number;
}

export interface Random {
  /** Cryptographically strong random bytes. */
  bytes(length: number): Uint8Array;
}

/** Leader fencing (DESIGN W3): asked before each external write. */
export interface Fence {
  /** Throws when the lease is no longer surely ours. */
  assertSurelyLeader(): void;
}

/** One Kubernetes Event; best effort, never the record of anything. */
export interface EventNote {
  readonly type: 'Normal' | 'Warning';
  /** From the same closed list as condition reasons, or the name of an action. */
  readonly reason: string;
  /** What the operator did or was about to do, in one CamelCase word. */
  readonly action: string;
  readonly note: string;
}

/** Namespace and name of an object; the namespace is empty for cluster-scoped kinds. */
export interface ObjectKey {
  readonly namespace: string;
  readonly name: string;
}

export function keyText(key: ObjectKey): string {
  return key.namespace === '' ? key.name : `${key.namespace}/${key.name}`;
}

/** Any Kubernetes object as the API server sends it; only the metadata is trusted to have this form. */
export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
    readonly finalizers?: readonly string[];
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
  readonly status?: unknown;
}

/** The API server answered 409, or the object is not the one that was decided on: decide again on a live read. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError';
}

/** Where Events go. Never throws and never waits. */
export interface EventSink {
  publish(regarding: KubernetesObject, event: EventNote): void;
}
