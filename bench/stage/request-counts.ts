/**
 * Requests as the API server counts them.
 */
import type { ControlPlane } from '../../test/tools/control-plane.ts';
import { sumRequests } from '../../test/tools/request-metrics.ts';

/** Requests about PhoneNumbers so far. The loader only sends POST, DELETE, LIST and WATCH. */
export interface RequestCounts {
  /** Successful writes of the peer, to the object and to its status. */
  readonly metadataWrites: number;
  readonly statusWrites: number;
  /** Refused as outdated. */
  readonly conflicts: number;
  readonly gets: number;
  /** With the few of the loader's and the peer's own watches. */
  readonly lists: number;
}

const changes = { resource: 'phonenumbers', verbs: ['PATCH', 'PUT', 'APPLY'] };

export async function countRequests(controlPlane: ControlPlane): Promise<RequestCounts> {
  const metrics = await controlPlane.metrics();
  return {
    metadataWrites: sumRequests(metrics, { ...changes, subresource: '', code: 200 }),
    statusWrites: sumRequests(metrics, { ...changes, subresource: 'status', code: 200 }),
    conflicts: sumRequests(metrics, { ...changes, code: 409 }),
    gets: sumRequests(metrics, { resource: 'phonenumbers', verbs: ['GET'] }),
    lists: sumRequests(metrics, { resource: 'phonenumbers', verbs: ['LIST'] }),
  };
}

export function countsBetween(before: RequestCounts, after: RequestCounts): RequestCounts {
  return {
    metadataWrites: after.metadataWrites - before.metadataWrites,
    statusWrites: after.statusWrites - before.statusWrites,
    conflicts: after.conflicts - before.conflicts,
    gets: after.gets - before.gets,
    lists: after.lists - before.lists,
  };
}

const written = ['phonenumbers', 'telephonyaccounts', 'orphanrecords', 'secrets', 'events', 'namespaces'];

/** Writes of anybody to anything that the operator has to do with, but the Lease; whatever came of them. */
export async function countAllWrites(controlPlane: ControlPlane): Promise<number> {
  const metrics = await controlPlane.metrics();
  const verbs = ['POST', 'PUT', 'PATCH', 'APPLY', 'DELETE', 'DELETECOLLECTION'];
  return written.reduce((sum, resource) => sum + sumRequests(metrics, { resource, verbs }), 0);
}
