/**
 * Status of a TelephonyAccount, pure: what is wrong with it, and what to do. Nothing else sets its condition.
 */
import { type Finding, withFindings } from '../shared/conditions.ts';
import { type KubernetesObject, keyText, type ObjectKey } from '../shared/ports.ts';
import type { Reason } from '../shared/reasons.ts';
import type { Provider } from '../shared/verdict.ts';
import type { IdentityVerdict } from './health-record.ts';
import { sipHostProblem } from './resolve.ts';
import { acceptDriftAnnotation } from './names.ts';
import { parseConditions, type ParsedAccount } from './schema.ts';
import type { MassDrift } from './mass-drift.ts';

/** What is known of one provider. */
export type ProviderFinding =
  | { readonly kind: 'fine'; readonly warning?: string | undefined }
  | { readonly kind: 'failing'; readonly verdict: IdentityVerdict }
  /** It asked to wait, and has never answered anything else. */
  | { readonly kind: 'unknown' };

/** Everything that the status is made of. */
export interface AccountFindings {
  readonly name: string;
  readonly parsed: ParsedAccount;
  readonly isDeleting: boolean;
  readonly isPaused: boolean;
  /** PhoneNumbers that name the account or are pinned to it. */
  readonly users: readonly ObjectKey[];
  readonly providers: Readonly<Record<Provider, ProviderFinding>>;
  /** What to renew, such as "Secret twilio in namespace trunkline-system". */
  readonly secrets: Readonly<Record<Provider, string>>;
  readonly defaultOwnerId: string;
  /** Undefined: not known. */
  readonly trunksUsed: number | undefined;
  readonly trunkLimit: number;
  /** Undefined: not known. */
  readonly unownedSets: number | undefined;
  /** Providers whose lists lack too much. */
  readonly massDrift: readonly MassDrift[];
}

/** How many of the objects that hold an account are named. */
const mostNames = 5;

/** The Ready condition. */
export function readinessOf(findings: AccountFindings): Finding {
  const { isDeleting, isPaused, massDrift, name, parsed, providers, users } = findings;
  if (isDeleting) return ready('False', 'Deleting', heldMessage(users));
  if (parsed.kind === 'invalid') {
    return ready('False', 'AccountNotReady', `The spec is not valid: ${parsed.problems.join('; ')}; correct it`);
  }
  const wrongHost = sipHostProblem(name, parsed.account);
  if (wrongHost !== undefined) return ready('False', 'AccountNotReady', wrongHost);
  const failing = (['Twilio', 'LiveKit'] as const).flatMap((provider) => {
    const finding = providers[provider];
    return finding.kind === 'failing'
      ? [{ reason: finding.verdict.reason, message: troubleMessage(provider, finding.verdict, findings) }]
      : [];
  });
  const [first] = failing;
  if (first !== undefined) {
    return ready('False', first.reason, failing.map(({ message }) => message).join('. '));
  }
  if (Object.values(providers).some(({ kind }) => kind === 'unknown')) {
    return ready('Unknown', 'RateLimited', 'A provider asks to wait before it answers; it is asked again by itself');
  }
  if (isPaused) {
    const message =
      'spec.paused is true: nothing is written at Twilio and LiveKit, and deletions wait; set it to false to go on';
    return ready('False', 'Paused', message);
  }
  if (massDrift.length > 0) return ready('False', 'MassDrift', massDriftMessage(name, massDrift));
  const warnings = Object.values(providers).flatMap((finding) =>
    finding.kind === 'fine' ? (finding.warning ?? []) : [],
  );
  return ready('True', 'Ready', ['Both providers accept the credentials', ...warnings].join('. '));
}

/** The fields that are known; the others keep what is stored. */
export function accountStatus(
  object: KubernetesObject,
  findings: AccountFindings,
  now: string,
): Readonly<Record<string, unknown>> {
  const { defaultOwnerId, parsed, trunkLimit, trunksUsed, unownedSets, users } = findings;
  const previous = parseConditions(object);
  const generation = object.metadata.generation ?? 0;
  const token = object.metadata.annotations?.[acceptDriftAnnotation];
  return {
    ...(parsed.kind === 'valid' ? { ownerId: parsed.account.ownerId ?? defaultOwnerId } : {}),
    observedGeneration: generation,
    numbers: users.length,
    trunks: { ...(trunksUsed === undefined ? {} : { used: trunksUsed }), limit: trunkLimit },
    ...(unownedSets === undefined ? {} : { unownedSets }),
    // Handled before anything is reported.
    ...(token === undefined ? {} : { lastHandledAcceptDrift: token }),
    conditions: withFindings(previous, [readinessOf(findings)], generation, now),
  };
}

function ready(status: Finding['status'], reason: Reason, message: string): Finding {
  return { type: 'Ready', status, reason, message };
}

function heldMessage(users: readonly ObjectKey[]): string {
  const names = users.map(keyText).toSorted();
  const rest = names.length - mostNames;
  const shown = [...names.slice(0, mostNames), ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
  const count = names.length === 1 ? '1 PhoneNumber that needs it' : `${names.length} PhoneNumbers that need it`;
  return `Deletion waits for ${count}: ${shown}; delete them first`;
}

/** No id is named but the first ones: it says how to recognise the loss, not what it is in all. */
function massDriftMessage(name: string, all: readonly MassDrift[]): string {
  const lacks = all.map(({ known, missing, provider }) => {
    const rest = missing.length - mostNames;
    const named = [...missing.slice(0, mostNames), ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
    return `The lists of ${provider} lack ${missing.length} of the ${known} things that PhoneNumbers have there: ${named}`;
  });
  return (
    `${lacks.join('. ')}. Nothing is written with this account until they are there again. If they are really gone and are to ` +
    `be made again: kubectl annotate telephonyaccount ${name} ${acceptDriftAnnotation}=$(date +%s) --overwrite`
  );
}

function troubleMessage(provider: Provider, { reason, message }: IdentityVerdict, findings: AccountFindings): string {
  const said = `${provider}: ${message}`;
  switch (reason) {
    case 'CredentialsRefused':
    case 'AccountMismatch':
      return `${said}; put credentials that may do everything there into ${findings.secrets[provider]}`;
    case 'AccountUnavailable':
      return `${said}; everything that needs it waits, and it is asked again by itself`;
    case 'CredentialsUnavailable':
    case 'AccountNotFound':
      return said;
  }
}
