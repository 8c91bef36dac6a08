/**
 * What the operator does at the API server, as rights. The roles of deploy/operator grant them, which a test proves.
 */
import { group } from '../../reconcilers/shared/api-group.ts';

export interface Right {
  /** The core group is empty. */
  readonly group: string;
  /** In the plural, with a subresource if it is about one. */
  readonly resource: string;
  readonly verbs: readonly string[];
  /** Empty: in the whole cluster. */
  readonly namespace: string;
}

export interface RightsOptions {
  /** Of the operator: the only one in which it reads Secrets and holds its Lease. */
  readonly namespace: string;
  /** It takes part in leader election; false if not given. */
  readonly leaderElection?: boolean;
  /** It asks the API server who may read its metrics; false if not given. */
  readonly metricsReviews?: boolean;
}

const read = ['get', 'list', 'watch'];
const create = ['create'];

export function neededRights(options: RightsOptions): readonly Right[] {
  const { leaderElection = false, metricsReviews = false, namespace } = options;
  const everywhere: readonly Omit<Right, 'namespace'>[] = [
    // remove-finalizer is the verb that the admission policy asks for.
    { group, resource: 'phonenumbers', verbs: [...read, 'patch', 'remove-finalizer'] },
    { group, resource: 'phonenumbers/status', verbs: ['patch'] },
    { group, resource: 'telephonyaccounts', verbs: [...read, 'patch'] },
    { group, resource: 'telephonyaccounts/status', verbs: ['patch'] },
    { group, resource: 'orphanrecords', verbs: ['list', 'create', 'delete'] },
    { group, resource: 'orphanrecords/status', verbs: ['patch'] },
    { group: '', resource: 'namespaces', verbs: ['get'] },
    { group: 'events.k8s.io', resource: 'events', verbs: ['create', 'patch'] },
    ...(metricsReviews
      ? [
          { group: 'authentication.k8s.io', resource: 'tokenreviews', verbs: create },
          { group: 'authorization.k8s.io', resource: 'subjectaccessreviews', verbs: create },
        ]
      : []),
  ];
  const own: readonly Omit<Right, 'namespace'>[] = [
    { group: '', resource: 'secrets', verbs: read },
    ...(leaderElection
      ? [{ group: 'coordination.k8s.io', resource: 'leases', verbs: ['get', 'create', 'patch'] }]
      : []),
  ];
  return [
    ...everywhere.map((right) => ({ ...right, namespace: '' })),
    ...own.map((right) => ({ ...right, namespace })),
  ];
}
