/**
 * Fixed names of the PhoneNumber kind: what users type and what stands in the cluster.
 */

import { group } from '../shared/api-group.ts';

/** The write-ahead intent: it is on the object before anything outside is created. */
export const finalizer = `${group}/cleanup`;

/** The user's key, unprefixed on purpose; the only value is `confirmed`. */
export const forceDeleteAnnotation = 'force-delete';
export const forceDeleteValue = 'confirmed';

/** Any new value starts the deletion of a Corrupted object again. */
export const retryDeleteAnnotation = `${group}/retry-delete`;
/** Any new value looks at everything again. */
export const reconcileAnnotation = `${group}/reconcile`;
/** Any new value replaces the SIP credential of outbound calls. */
export const rotateCredentialAnnotation = `${group}/rotate-credential`;
/** Ids of objects that a person made and that become this number's; read until the first Ready. */
export const adoptAnnotation = `${group}/adopt`;
/** Ours: pin and record until the first status write copies them. */
export const intentAnnotation = `${group}/intent`;
/** Who confirmed, stamped by the API server where it can (Kubernetes 1.36 and later). */
export const forceDeleteByAnnotation = `${group}/force-delete-by`;
