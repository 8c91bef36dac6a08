/**
 * One Lease (coordination.k8s.io/v1): what leader election is decided by.
 *
 * Guarantees
 * - Every write is a compare-and-swap; what others put on the object (labels, owners) stays.
 * - Each call ends by its deadline. A write that was cut off then may have been carried out.
 */
import { z } from 'zod';
import { ConflictError, keyText, type ObjectKey } from '../../reconcilers/shared/ports.ts';
import { classifyReply, classifyThrown, type Intent, KubernetesError } from './classify.ts';
import { collectionPath, objectPath, parseObject, type Resource } from './objects.ts';
import type { KubernetesReply, KubernetesRequest, KubernetesTransport } from './transport.ts';

const leases: Resource = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };
const fieldManager = 'trunkline';

/** What a Lease says, in our own words. */
export interface LeaseContent {
  /** Empty: free. */
  readonly holder: string;
  /** Whole seconds, above zero; undefined if it names none. */
  readonly durationSeconds: number | undefined;
  /** Milliseconds since the Unix epoch, by the holder's clock; 0 if unreadable. */
  readonly acquiredAt: number;
  readonly renewedAt: number;
  readonly transitions: number;
}

/** As the API server has it. */
export interface VersionedLease extends LeaseContent {
  readonly resourceVersion: string;
}

export class KubernetesLease {
  readonly #transport: KubernetesTransport;
  readonly #key: ObjectKey;
  readonly #deadlineMs: number;

  /** `deadlineMs` is for each call. */
  constructor(transport: KubernetesTransport, key: ObjectKey, deadlineMs: number) {
    this.#transport = transport;
    this.#key = key;
    this.#deadlineMs = deadlineMs;
  }

  /** Undefined if there is none. @throws KubernetesError */
  async read(): Promise<VersionedLease | undefined> {
    return await this.#send('read', 'read', { method: 'GET', path: objectPath(leases, this.#key) });
  }

  /** @throws ConflictError when there is one already; KubernetesError otherwise */
  async create(content: LeaseContent): Promise<VersionedLease> {
    const { name, namespace } = this.#key;
    const lease = await this.#send('create', 'create', {
      method: 'POST',
      path: collectionPath(leases, namespace),
      query: { fieldManager },
      body: {
        apiVersion: `${leases.group}/${leases.version}`,
        kind: 'Lease',
        metadata: { name, namespace },
        spec: specOf(content),
      },
    });
    if (lease === undefined) throw new ConflictError(`Cannot ${this.#action('create')}: there is one already`);
    return lease;
  }

  /** @throws ConflictError when it has changed or is gone; KubernetesError otherwise */
  async update({ resourceVersion, ...content }: VersionedLease): Promise<VersionedLease> {
    const lease = await this.#send('patch', 'change', {
      method: 'PATCH',
      path: objectPath(leases, this.#key),
      query: { fieldManager },
      contentType: 'application/merge-patch+json',
      body: { metadata: { resourceVersion }, spec: specOf(content) },
    });
    if (lease === undefined) throw new ConflictError(`Cannot ${this.#action('patch')}: it is gone`);
    return lease;
  }

  #action(verb: string): string {
    return `${verb} leases "${keyText(this.#key)}"`;
  }

  /** Undefined if there is none, or, for a create, if there is one. */
  async #send(verb: string, intent: Intent, request: KubernetesRequest): Promise<VersionedLease | undefined> {
    const action = this.#action(verb);
    let reply: KubernetesReply;
    try {
      reply = await this.#transport.request({ ...request, deadlineMs: this.#deadlineMs });
    } catch (error) {
      throw classifyThrown(action, error);
    }
    const answer = classifyReply(action, intent, reply);
    switch (answer.kind) {
      case 'absent':
      case 'exists':
        return undefined;
      case 'conflict':
        throw new ConflictError(`Cannot ${action}: ${answer.message}`);
      case 'failed':
        throw answer.error;
      case 'done':
        return leaseOf(action, answer.body);
    }
  }
}

const time = z
  .string()
  .transform((text) => Date.parse(text))
  .refine((milliseconds) => !Number.isNaN(milliseconds))
  .catch(0);

/** All of it is optional, and may be written by anybody. */
const specSchema = z
  .object({
    holderIdentity: z.string().catch(''),
    leaseDurationSeconds: z.int().min(1).optional().catch(undefined),
    acquireTime: time,
    renewTime: time,
    leaseTransitions: z.int().min(0).catch(0),
  })
  .catch({ holderIdentity: '', leaseDurationSeconds: undefined, acquireTime: 0, renewTime: 0, leaseTransitions: 0 });

function leaseOf(action: string, body: unknown): VersionedLease {
  const object = parseObject(body);
  if (object === undefined) {
    const message = 'the answer is not what Kubernetes would say';
    throw new KubernetesError(action, { status: undefined, reason: '', message, retryAfterMs: 0 });
  }
  const { acquireTime, holderIdentity, leaseDurationSeconds, leaseTransitions, renewTime } = specSchema.parse(
    object.spec ?? {},
  );
  return {
    holder: holderIdentity,
    durationSeconds: leaseDurationSeconds,
    acquiredAt: acquireTime,
    renewedAt: renewTime,
    transitions: leaseTransitions,
    resourceVersion: object.metadata.resourceVersion,
  };
}

function specOf({ acquiredAt, durationSeconds, holder, renewedAt, transitions }: LeaseContent) {
  return {
    holderIdentity: holder,
    leaseDurationSeconds: durationSeconds,
    acquireTime: microTime(acquiredAt),
    renewTime: microTime(renewedAt),
    leaseTransitions: transitions,
  };
}

/** RFC 3339 with six digits of a second, the only form that the API server takes here. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}
