/**
 * TelephonyAccount as plain data: which Twilio account and which LiveKit project PhoneNumbers may use, and from where.
 */

/** One TelephonyAccount whose spec is valid. */
export interface TelephonyAccount {
  readonly name: string;
  readonly accountSid: string;
  /** Name of a Secret in the operator's namespace. */
  readonly twilioSecret: string;
  /** An http(s) origin. */
  readonly livekitUrl: string;
  readonly sipHost: string;
  /** Name of a Secret in the operator's namespace. */
  readonly livekitSecret: string;
  /** What the spec names, else what was in force before; undefined: the default of the cluster. */
  readonly ownerId: string | undefined;
  readonly allowedNamespaces: AllowedNamespaces;
  readonly paused: boolean;
  readonly limits: Limits;
}

/** How hard one provider may be worked. */
export interface Limits {
  readonly maxConcurrentRequests: number;
  readonly requestsPerSecond: number;
}

/** Those of an account object that names none. */
export const usualLimits: Limits = { maxConcurrentRequests: 8, requestsPerSecond: 20 };

/** The union of both; empty allows no namespace. */
export interface AllowedNamespaces {
  readonly names: readonly string[];
  /** Kubernetes label selector: all requirements must hold, so one without any matches every namespace. */
  readonly selector?: LabelSelector | undefined;
}

export interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly LabelRequirement[];
}

export interface LabelRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values: readonly string[];
}

export type Labels = Readonly<Record<string, string>>;

/**
 * What removing needs to know of an account. Each part is read on its own: one that does not read is undefined and
 * hinders only what needs it.
 */
export interface AccountIdentity {
  readonly accountSid: string | undefined;
  readonly twilioSecret: string | undefined;
  /** An http(s) origin. */
  readonly livekitUrl: string | undefined;
  readonly livekitSecret: string | undefined;
  readonly sipHost: string;
  readonly paused: boolean;
  readonly limits: Limits;
}
