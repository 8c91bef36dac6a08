/**
 * Surveys: from time to time all lists of a Twilio account and of a LiveKit project are read, whatever number of account
 * objects stand for it and however many PhoneNumbers are in it.
 *
 * What they are for: has something vanished or changed behind our back (`Fleet`), how many trunks are there, is something
 * marked as ours that no PhoneNumber stands for.
 *
 * Mass-drift brake (DESIGN 3.4): lists that lack more than `max(5, 10 %)` of what PhoneNumbers know there are rather wrong
 * than right. Then nobody looks again, and nothing is written at accounts that use the provider, until the lists are right
 * or a person accepts the loss. It is forgotten with the process; the first survey of the next one finds it again, and
 * until then nobody looks because of a survey.
 */
import type { Clock } from '../shared/ports.ts';
import type { Comparison, Fleet } from '../shared/snapshot.ts';
import type { LiveKitPort, TwilioAccountPort } from '../shared/telephony.ts';
import type { Provider } from '../shared/verdict.ts';
import { equalWildcards } from '../shared/wildcard-rules.ts';
import { type MarkedSet, unownedSetsOf } from './marked-sets.ts';
import { isMassDrift, type MassDrift } from './mass-drift.ts';
import type { AccountSettings } from './ports.ts';

/** What one provider's lists showed. */
export interface Surveyed {
  readonly trunks: number;
  /** What is wrong there, although calls of ours are accepted. */
  readonly warning?: string | undefined;
}

/** What is remembered of one account or project. */
interface SurveyRecord {
  /** Monotonic. */
  dueAt: number;
  unowned: readonly MarkedSet[] | undefined;
  massDrift: MassDrift | undefined;
  /** There was a survey since the last sweep of OrphanRecords. */
  mustSweep: boolean;
  /** Ids that a person knows to be gone. */
  accepted: ReadonlySet<string>;
}

export interface SurveyDependencies {
  readonly fleet: Fleet;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly settings: Pick<AccountSettings, 'checkMs' | 'probeMs'>;
  /** The first eight characters of the UID of every PhoneNumber there is, from the cache. */
  readonly knownUids: () => ReadonlySet<string>;
}

export class Surveys {
  readonly #dependencies: SurveyDependencies;
  readonly #records = new Map<string, SurveyRecord>();

  constructor(dependencies: SurveyDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Reads all lists if that is due, and has those PhoneNumbers look again that it concerns. The account has to be proven
   * just before: an empty list does not say whose it is. Undefined: it is not due. Throws what the port throws; then it
   * stays due.
   */
  async twilio(accountSid: string, port: TwilioAccountPort): Promise<Surveyed | undefined> {
    return await this.#survey('Twilio', accountSid, async (startedAt) => {
      const [numbers, trunks, credentialLists, ipAccessControlLists] = await Promise.all([
        port.listNumbers(),
        port.listTrunks(),
        port.listCredentialLists(),
        port.listIpAccessControlLists(),
      ]);
      const snapshot = { startedAt, numbers, trunks, credentialLists, ipAccessControlLists };
      return {
        names: [trunks, credentialLists, ipAccessControlLists].flatMap((list) =>
          list.map(({ friendlyName }) => friendlyName),
        ),
        surveyed: { trunks: trunks.length },
        comparison: await this.#dependencies.fleet.compareTwilio(accountSid, snapshot),
      };
    });
  }

  /** As `twilio`. */
  async livekit(url: string, port: LiveKitPort): Promise<Surveyed | undefined> {
    return await this.#survey('LiveKit', url, async (startedAt) => {
      const [inboundTrunks, dispatchRules, outboundTrunks, wildcards] = await Promise.all([
        port.listInboundTrunks(),
        port.listDispatchRules(),
        port.listOutboundTrunks(),
        port.findWildcardRules(),
      ]);
      const snapshot = { startedAt, inboundTrunks, dispatchRules, outboundTrunks };
      const equal = equalWildcards(wildcards);
      const warning =
        'Rules at LiveKit that name no trunk are equal, so that it refuses every call of the project; delete all but one: ' +
        equal.join(', ');
      return {
        names: [inboundTrunks, dispatchRules, outboundTrunks].flatMap((list) => list.map(({ name }) => name)),
        surveyed: { trunks: inboundTrunks.length, warning: equal.length > 0 ? warning : undefined },
        comparison: await this.#dependencies.fleet.compareLiveKit(url, snapshot),
      };
    });
  }

  /** Undefined: lists and PhoneNumbers agree, or nobody has compared them yet. */
  massDriftOf(provider: Provider, identity: string | undefined): MassDrift | undefined {
    return identity === undefined ? undefined : this.#records.get(keyOf(provider, identity))?.massDrift;
  }

  /** Sets with a mark whose PhoneNumber is no more, of whatever owner. Undefined: not known. */
  unownedOf(provider: Provider, identity: string | undefined): readonly MarkedSet[] | undefined {
    return identity === undefined ? undefined : this.#records.get(keyOf(provider, identity))?.unowned;
  }

  /**
   * A person knows that what the lists lack is gone: the next survey, which is due at once, has it made again. @returns
   * whether there was anything to accept
   */
  acceptDrift(provider: Provider, identity: string | undefined): boolean {
    const record = identity === undefined ? undefined : this.#records.get(keyOf(provider, identity));
    if (record?.massDrift === undefined) return false;
    record.accepted = new Set([...record.accepted, ...record.massDrift.missing]);
    record.dueAt = this.#dependencies.clock.monotonic();
    return true;
  }

  /** After each survey of a Twilio account, its OrphanRecords. Throws what the API server throws; then it is still due. */
  async sweepRecords(accountSid: string | undefined): Promise<void> {
    const record = accountSid === undefined ? undefined : this.#records.get(keyOf('Twilio', accountSid));
    if (accountSid === undefined || record?.mustSweep !== true) return;
    await this.#dependencies.fleet.sweepRecords(accountSid);
    record.mustSweep = false;
  }

  async #survey(
    provider: Provider,
    identity: string,
    read: (startedAt: number) => Promise<{
      readonly names: readonly string[];
      readonly surveyed: Surveyed;
      readonly comparison: Comparison;
    }>,
  ): Promise<Surveyed | undefined> {
    const { clock, fleet, knownUids, settings } = this.#dependencies;
    const startedAt = clock.monotonic();
    const record = this.#recordOf(provider, identity);
    if (startedAt < record.dueAt) return undefined;
    // Before the first answer: another account object that stands for the same need not ask.
    record.dueAt = startedAt + settings.checkMs * surveyShare;
    try {
      // What comes or goes while the lists are read is nobody's only for a moment.
      const before = knownUids();
      const { comparison, names, surveyed } = await read(startedAt);
      record.mustSweep = true;
      record.unowned = unownedSetsOf(names, new Set([...before, ...knownUids()]));
      const missing = comparison.missing.filter((id) => !record.accepted.has(id));
      const wasBraked = record.massDrift !== undefined;
      record.massDrift = isMassDrift(missing.length, comparison.known)
        ? { provider, known: comparison.known, missing }
        : undefined;
      if (record.massDrift !== undefined) {
        record.dueAt = startedAt + settings.probeMs * surveyShare;
        return surveyed;
      }
      comparison.lookAgain();
      if (wasBraked) fleet.wakeAll(identity);
      return surveyed;
    } catch (error) {
      record.dueAt = startedAt;
      throw error;
    }
  }

  #recordOf(provider: Provider, identity: string): SurveyRecord {
    const key = keyOf(provider, identity);
    const known = this.#records.get(key);
    if (known !== undefined) return known;
    const fresh: SurveyRecord = {
      dueAt: Number.NEGATIVE_INFINITY,
      unowned: undefined,
      massDrift: undefined,
      mustSweep: false,
      accepted: new Set(),
    };
    this.#records.set(key, fresh);
    return fresh;
  }
}

/** Of the time between two checks: a check that comes a little early is a survey, too. */
const surveyShare = 0.8;

function keyOf(provider: Provider, identity: string): string {
  return `${provider} ${identity}`;
}
