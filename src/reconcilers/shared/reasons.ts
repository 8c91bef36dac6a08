/**
 * Reasons of conditions, events and leftovers: a closed list, the same for every kind (docs/reference/conditions.md).
 */

/** Why a condition has the status it has: a closed list, see docs/reference/conditions.md. */
export const reasons = [
  'Ready',
  'Provisioning',
  'Suspended',
  'NumberInUse',
  'NumberNotFound',
  'NumberUnusable',
  'LiveKitNumberConflict',
  'TrunkLimit',
  'RegionMismatch',
  'InvalidSpec',
  'AccountNotFound',
  'NamespaceNotAllowed',
  'AccountNotReady',
  'CredentialsUnavailable',
  'CredentialsRefused',
  'AccountMismatch',
  'AccountUnavailable',
  'Paused',
  'MassDrift',
  'RateLimited',
  'ProviderError',
  'RoutingChangedElsewhere',
  'OwnershipUnknown',
  'OwnershipTaken',
  'RemovalFailed',
  'Draining',
  'Deleting',
  'CleanupFailed',
  'UnknownDeletionPolicy',
] as const;
export type Reason = (typeof reasons)[number];
