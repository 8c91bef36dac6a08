/**
 * Account directory: opens the two providers for a PhoneNumber, as far as its TelephonyAccount allows.
 *
 * Guarantees
 * - For removing, a port acts on exactly the pinned Twilio account or LiveKit project, or refuses every call.
 * - One provider's trouble never closes the other, when removing.
 * - New credentials are used from the next opening on; calls under way end with those they began with.
 *
 * Assumption: the lookups are in sync before the first call; an account that is not seen yet would be AccountNotFound.
 */
import type { AccountAnswer, Accounts, Halt, OpenAccount, Pin, ProviderTrouble } from '../shared/accounts.ts';
import type { KubernetesObject } from '../shared/ports.ts';
import type { LiveKitPort, TwilioAccountPort, TwilioPort } from '../shared/telephony.ts';
import type { Provider } from '../shared/verdict.ts';
import type { AccountHealth, HealthSubject } from './account-health.ts';
import { needsLabels } from './allowed-namespaces.ts';
import type { Secrets } from './credentials.ts';
import type { AccountIdentity } from './model.ts';
import type { AccountLookups, Connect, NoticeSink, RequestLimits } from './ports.ts';
import { type Opening, ProviderOpenings } from './provider-openings.ts';
import { refusingLiveKit, refusingTwilio, type Refusal } from './refusing-ports.ts';
import { resolve } from './resolve.ts';
import { httpOrigin, parseAccount, parseIdentity } from './schema.ts';
import type { Surveys } from './surveys.ts';
import { type Watch, watchedLiveKit, watchedTwilio } from './watched-ports.ts';

export interface AccountDirectoryDependencies {
  readonly lookups: AccountLookups;
  readonly connect: Connect;
  /** Where the Secrets are. */
  readonly operatorNamespace: string;
  /** Default: findings that stop nothing are dropped. */
  readonly notices?: NoticeSink;
  /** Default: nobody holds requests back. */
  readonly limits?: RequestLimits;
  /** What probes find. Default: nobody probes, and every call is made. */
  readonly health?: AccountHealth;
  /** What surveys find missing. Default: nobody looks. */
  readonly surveys?: Pick<Surveys, 'massDriftOf'>;
}

/** What may stop an account as a whole. */
interface Halting extends Pick<Pin, 'accountSid' | 'livekitUrl'> {
  readonly paused: boolean;
}

/** An account object as a probe needs it: both providers with nothing before them. */
export interface InspectedAccount {
  readonly identity: AccountIdentity;
  readonly twilio: Opening<TwilioAccountPort>;
  readonly livekit: Opening<LiveKitPort>;
}

export class AccountDirectory implements Accounts {
  readonly #lookups: AccountLookups;
  readonly #secrets: Secrets;
  readonly #openings: ProviderOpenings;
  readonly #limits: RequestLimits | undefined;
  readonly #health: AccountHealth | undefined;
  readonly #surveys: AccountDirectoryDependencies['surveys'];

  constructor({ lookups, connect, operatorNamespace, notices, limits, health, surveys }: AccountDirectoryDependencies) {
    this.#lookups = lookups;
    this.#secrets = { namespace: operatorNamespace, dataOf: (name) => lookups.secretData(name) };
    this.#openings = new ProviderOpenings(connect, this.#secrets, notices ?? { notice: () => undefined });
    this.#limits = limits;
    this.#health = health;
    this.#surveys = surveys;
  }

  /** What an account marks its things with that names no ownerId and never had one. */
  get defaultOwnerId(): string {
    return this.#lookups.kubeSystemUid().slice(0, 8);
  }

  /** Throws what the lookup of a namespace throws. */
  async open(name: string, namespace: string): Promise<AccountAnswer> {
    const object = this.#lookups.account(name);
    const parsed = object === undefined ? undefined : parseAccount(object);
    const labels =
      parsed?.kind === 'valid' && needsLabels(parsed.account.allowedNamespaces, namespace)
        ? await this.#lookups.namespaceLabels(namespace)
        : undefined;
    const resolution = resolve({
      name,
      parsed,
      isDeleting: object?.metadata.deletionTimestamp !== undefined,
      namespace: { name: namespace, labels },
      secrets: this.#secrets,
      defaultOwnerId: this.defaultOwnerId,
    });
    if (resolution.kind === 'refused') return resolution;
    const { account, ownerId, twilio, livekit } = resolution;
    const { accountSid, livekitUrl, sipHost, paused, limits } = account;
    this.#limits?.limit(name, { accountSid, livekitUrl }, limits);
    return {
      kind: 'open',
      account: name,
      accountSid,
      livekitUrl,
      ownerId,
      sipHost,
      halt: this.#haltOf({ paused, accountSid, livekitUrl }),
      twilio: this.#watchedTwilio(name, accountSid, this.#openings.twilioWith(name, accountSid, twilio)),
      livekit: this.#watchedLiveKit(name, livekitUrl, this.#openings.livekitWith(name, livekitUrl, livekit)),
    };
  }

  openPinned(pin: Pin): OpenAccount {
    const { account, accountSid, livekitUrl, ownerId } = pin;
    const object = this.#lookups.account(account);
    const { identity, twilio, livekit } = object === undefined ? this.#missing(pin) : this.#pinned(pin, object);
    return {
      kind: 'open',
      account,
      accountSid,
      livekitUrl,
      ownerId,
      sipHost: identity?.sipHost ?? '',
      halt: this.#haltOf({ paused: identity?.paused ?? false, accountSid, livekitUrl }),
      twilio: this.#portOf(subjectOf(pin, 'Twilio'), twilio, refusingTwilio, (port) =>
        this.#watchedTwilio(account, accountSid, port),
      ),
      livekit: this.#portOf(subjectOf(pin, 'LiveKit'), livekit, refusingLiveKit, (port) =>
        this.#watchedLiveKit(account, subjectOf(pin, 'LiveKit').identity, port),
      ),
    };
  }

  accountSidOf(name: string): string | undefined {
    const object = this.#lookups.account(name);
    return object === undefined ? undefined : parseIdentity(object).accountSid;
  }

  troublesOf(pin: Pin): readonly ProviderTrouble[] {
    // What shows without a call is noticed when it is opened.
    this.openPinned(pin);
    const providers: readonly Provider[] = ['Twilio', 'LiveKit'];
    return providers.flatMap((provider) => this.#health?.troubleOf(subjectOf(pin, provider)) ?? []);
  }

  /** For probes. */
  inspect(object: KubernetesObject): InspectedAccount {
    const { name } = object.metadata;
    const identity = this.#identityOf(object);
    const { accountSid, twilioSecret, livekitUrl, livekitSecret } = identity;
    return {
      identity,
      twilio:
        accountSid === undefined
          ? refused(unreadable(name, 'spec.twilio.accountSid'))
          : this.#openings.twilio(name, accountSid, twilioSecret),
      livekit:
        livekitUrl === undefined
          ? refused(unreadable(name, 'spec.livekit.url'))
          : this.#openings.livekit(name, livekitUrl, livekitSecret),
    };
  }

  /** The account object is gone. */
  forget(name: string): void {
    this.#openings.forget(name);
    this.#limits?.forget(name);
  }

  #haltOf({ accountSid, livekitUrl, paused }: Halting): Halt | undefined {
    if (paused) return { reason: 'Paused', state: 'is paused', end: 'spec.paused is false' };
    const drifts = [
      this.#surveys?.massDriftOf('Twilio', accountSid),
      this.#surveys?.massDriftOf('LiveKit', httpOrigin(livekitUrl)),
    ];
    if (drifts.every((drift) => drift === undefined)) return undefined;
    return {
      reason: 'MassDrift',
      state: 'lacks much of what PhoneNumbers have there',
      end: 'its lists are right again or somebody accepts the loss, as its Ready condition says',
    };
  }

  #missing({ account, accountSid, livekitUrl }: Pin) {
    this.forget(account);
    const message = `TelephonyAccount ${account} does not exist; create it again for Twilio account ${accountSid} and LiveKit project ${livekitUrl}`;
    const nothing = refused({ kind: 'identity', reason: 'AccountNotFound', message });
    return { identity: undefined, twilio: nothing, livekit: nothing };
  }

  /** As far as the account object stands for what is pinned. */
  #pinned({ account, accountSid, livekitUrl }: Pin, object: KubernetesObject): InspectedAccount {
    const identity = this.#identityOf(object);
    const url = httpOrigin(livekitUrl);
    return {
      identity,
      twilio:
        identity.accountSid === accountSid
          ? this.#openings.twilio(account, accountSid, identity.twilioSecret)
          : refused(mismatch(account, 'Twilio account', identity.accountSid, accountSid)),
      livekit:
        url !== undefined && identity.livekitUrl === url
          ? this.#openings.livekit(account, url, identity.livekitSecret)
          : refused(mismatch(account, 'LiveKit project', identity.livekitUrl, livekitUrl)),
    };
  }

  #identityOf(object: KubernetesObject): AccountIdentity {
    const identity = parseIdentity(object);
    this.#limits?.limit(object.metadata.name, identity, identity.limits);
    return identity;
  }

  /** The port to use. What refuses it counts like a failed probe: none is made as long as it does. */
  #portOf<Given, Port>(
    subject: HealthSubject,
    opening: Opening<Given>,
    refusing: (refusal: Refusal) => Port,
    watched: (port: Given) => Port,
  ): Port {
    if (opening.kind === 'open') return watched(opening.port);
    this.#health?.probed(subject, opening.refusal);
    return refusing(opening.refusal);
  }

  #watchedTwilio(account: string, identity: string, port: TwilioPort): TwilioPort {
    const watch = this.#watch({ account, provider: 'Twilio', identity });
    return watch === undefined ? port : watchedTwilio(port, watch);
  }

  #watchedLiveKit(account: string, identity: string, port: LiveKitPort): LiveKitPort {
    const watch = this.#watch({ account, provider: 'LiveKit', identity });
    return watch === undefined ? port : watchedLiveKit(port, watch);
  }

  #watch(subject: HealthSubject): Watch | undefined {
    const health = this.#health;
    if (health === undefined) return undefined;
    return {
      trouble: () => health.troubleOf(subject),
      callFailed: (verdict) => health.callFailed(subject, verdict),
    };
  }
}

function subjectOf({ account, accountSid, livekitUrl }: Pin, provider: Provider): HealthSubject {
  const identity = provider === 'Twilio' ? accountSid : (httpOrigin(livekitUrl) ?? livekitUrl);
  return { account, provider, identity };
}

function refused(refusal: Refusal): { readonly kind: 'refused'; readonly refusal: Refusal } {
  return { kind: 'refused', refusal };
}

function mismatch(account: string, what: string, now: string | undefined, pinned: string): Refusal {
  return {
    kind: 'identity',
    reason: 'AccountMismatch',
    message: `TelephonyAccount ${account} stands for ${what} ${now ?? '(unreadable)'}, but what is to be removed was made in ${pinned}; create the account object for that one again`,
  };
}

function unreadable(account: string, field: string): Refusal {
  return {
    kind: 'identity',
    reason: 'AccountMismatch',
    message: `${field} of TelephonyAccount ${account} does not read; correct it`,
  };
}
