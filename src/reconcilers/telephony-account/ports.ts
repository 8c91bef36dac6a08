/**
 * What the TelephonyAccount kind needs from outside, in its own words.
 */
import type { KubernetesObject } from '../shared/ports.ts';
import type { LiveKitPort, TwilioPort } from '../shared/telephony.ts';
import type { LiveKitCredentials, SecretData, TwilioCredentials } from './credentials.ts';
import type { Labels, Limits } from './model.ts';

/** What the API server knows about accounts. The lookups without a promise answer from caches that are in sync. */
export interface AccountLookups {
  /** The TelephonyAccount of this name. */
  account(name: string): KubernetesObject | undefined;
  /** `data` of the Secret of this name in the operator's namespace. */
  secretData(name: string): SecretData | undefined;
  /** Labels of a namespace, cached or live; undefined when it does not exist. Asked only where a selector decides. */
  namespaceLabels(name: string): Promise<Labels | undefined>;
  /** UID of the namespace kube-system. */
  kubeSystemUid(): string;
}

/** Opens the two providers. No call is made here, and nothing is thrown. */
export interface Connect {
  twilio(connection: TwilioConnection): TwilioPort;
  livekit(connection: LiveKitConnection): LiveKitPort;
}

export interface TwilioConnection {
  readonly accountSid: string;
  readonly credentials: TwilioCredentials;
  readonly limits: Limits;
}

export interface LiveKitConnection {
  /** An http(s) origin. */
  readonly url: string;
  readonly credentials: LiveKitCredentials;
  readonly limits: Limits;
}

/** Where findings go that stop nothing. Messages are constant; fields hold no secret. */
export interface NoticeSink {
  notice(message: string, fields: Readonly<Record<string, unknown>>): void;
}
