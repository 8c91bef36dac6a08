/**
 * Resolve: a TelephonyAccount as stored → an account that may be used from a namespace, or why not. Pure.
 *
 * Each refusal names the object and the next step. A namespace that may not use an account learns nothing of its
 * Secrets.
 */
import type { Reason } from '../shared/reasons.ts';
import { isAllowed } from './allowed-namespaces.ts';
import {
  type Found,
  livekitCredentials,
  type LiveKitCredentials,
  type Secrets,
  twilioCredentials,
  type TwilioCredentials,
} from './credentials.ts';
import type { Labels, TelephonyAccount } from './model.ts';
import type { ParsedAccount } from './schema.ts';

export interface Question {
  readonly name: string;
  /** Undefined: no such object. */
  readonly parsed: ParsedAccount | undefined;
  /** Somebody has asked for its deletion. */
  readonly isDeleting: boolean;
  /** Labels are needed only where `needsLabels` says so; undefined also for a namespace that does not exist. */
  readonly namespace: { readonly name: string; readonly labels: Labels | undefined };
  /** The Secrets of the operator's namespace. */
  readonly secrets: Secrets;
  /** Eight hex digits of the UID of kube-system. */
  readonly defaultOwnerId: string;
}

export type Resolution =
  | {
      readonly kind: 'usable';
      readonly account: TelephonyAccount;
      readonly ownerId: string;
      readonly twilio: Found<TwilioCredentials>;
      readonly livekit: Found<LiveKitCredentials>;
    }
  | Refused;

interface Refused {
  readonly kind: 'refused';
  readonly reason: Reason;
  readonly message: string;
}

/** What an account is to a namespace. */
export function resolve({ name, parsed, isDeleting, namespace, secrets, defaultOwnerId }: Question): Resolution {
  const subject = `TelephonyAccount ${name}`;
  if (parsed === undefined) {
    return refused('AccountNotFound', `${subject} does not exist; create it, or name another one in spec.accountRef`);
  }
  if (parsed.kind === 'invalid') {
    return refused('AccountNotReady', `${subject} is not valid: ${parsed.problems.join('; ')}; correct it`);
  }
  const { account } = parsed;
  if (!isAllowed(account.allowedNamespaces, namespace.name, namespace.labels)) {
    return refused(
      'NamespaceNotAllowed',
      `Namespace ${namespace.name} may not use ${subject}; have it added to spec.allowedNamespaces there, or name another account`,
    );
  }
  if (isDeleting) {
    return refused('AccountNotReady', `${subject} is being deleted and takes nothing new; use another one`);
  }
  const wrongHost = sipHostProblem(name, account);
  if (wrongHost !== undefined) return refused('AccountNotReady', wrongHost);
  const twilio = twilioCredentials(secrets, account.twilioSecret, account.accountSid);
  if (twilio.kind === 'unavailable') return refused('CredentialsUnavailable', twilio.message);
  const livekit = livekitCredentials(secrets, account.livekitSecret);
  if (livekit.kind === 'unavailable') return refused('CredentialsUnavailable', livekit.message);
  return { kind: 'usable', account, ownerId: account.ownerId ?? defaultOwnerId, twilio, livekit };
}

function refused(reason: Reason, message: string): Refused {
  return { kind: 'refused', reason, message };
}

/**
 * LiveKit Cloud answers SIP at another host than its API, and a trunk that points at the API host makes every call fail
 * with 404 (livekit/sip issue 583). Elsewhere any host may be right.
 */
export function sipHostProblem(
  name: string,
  { livekitUrl, sipHost }: Pick<TelephonyAccount, 'livekitUrl' | 'sipHost'>,
): string | undefined {
  const apiHost = URL.parse(livekitUrl)?.hostname ?? '';
  if (!apiHost.endsWith('.livekit.cloud')) return undefined;
  const host = sipHost.toLowerCase().replace(/:[0-9]+$/, '');
  if (host.endsWith('.sip.livekit.cloud')) return undefined;
  const state = host === apiHost ? 'is the host of the API' : 'does not end with .sip.livekit.cloud';
  return `spec.livekit.sipHost of TelephonyAccount ${name} ${state}, so calls would not arrive; set it to the host of the SIP URI in the settings of the LiveKit project, such as abc123.sip.livekit.cloud`;
}
