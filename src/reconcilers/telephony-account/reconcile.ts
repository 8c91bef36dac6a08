/**
 * Reconcile: looks at one TelephonyAccount, probes its providers when that is due, and reports.
 *
 * An account that is deleted while PhoneNumbers need it stays until a live list shows none: without it nothing that they
 * stand for could be taken apart.
 */
import { mergePatch } from '../shared/merge-patch.ts';
import { again, type Outcome, settled } from '../shared/outcome.ts';
import { ConflictError, type KubernetesObject, type ObjectKey } from '../shared/ports.ts';
import type { LiveKitPort, TwilioAccountPort } from '../shared/telephony.ts';
import type { Provider } from '../shared/verdict.ts';
import type { AccountDirectory, InspectedAccount } from './account-directory.ts';
import type { AccountHealth } from './account-health.ts';
import { countOf } from './marked-sets.ts';
import { acceptDriftAnnotation, inUseFinalizer } from './names.ts';
import type { AccountIdentity } from './model.ts';
import type { AccountDependencies } from './ports.ts';
import { probeLiveKit, probeTwilio } from './probe.ts';
import { type ProviderMemory, ProviderProbe } from './provider-probe.ts';
import { lastHandledToken, parseAccount, parseConditions, type ParsedAccount } from './schema.ts';
import { type AccountFindings, accountStatus } from './status.ts';
import type { Surveys } from './surveys.ts';

export interface ReconcileDependencies extends AccountDependencies {
  readonly directory: AccountDirectory;
  readonly health: AccountHealth;
  readonly surveys: Surveys;
}

/** What this process remembers of an account object between passes. Losing it costs a probe. */
interface AccountMemory {
  readonly uid: string;
  /** The cache is known to be behind. */
  readLive: boolean;
  twilio: ProviderMemory<TwilioAccountPort> | undefined;
  livekit: ProviderMemory<LiveKitPort> | undefined;
}

export type AccountMemories = Map<string, AccountMemory>;

/** Throws only on defects and when the API server fails. */
export async function reconcileAccount(
  dependencies: ReconcileDependencies,
  memories: AccountMemories,
  { name }: ObjectKey,
): Promise<Outcome> {
  const { directory, store } = dependencies;
  const known = memories.get(name);
  const object = known?.readLive === true ? await store.read(name) : store.cached(name);
  if (object === undefined) {
    memories.delete(name);
    directory.forget(name);
    return settled;
  }
  const { uid } = object.metadata;
  const memory = known?.uid === uid ? known : freshMemory(uid);
  memories.set(name, memory);
  try {
    const outcome = await pass(dependencies, memory, object);
    memory.readLive = false;
    return outcome;
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    memory.readLive = true;
    return again;
  }
}

function freshMemory(uid: string): AccountMemory {
  return { uid, readLive: false, twilio: undefined, livekit: undefined };
}

async function pass(
  dependencies: ReconcileDependencies,
  memory: AccountMemory,
  object: KubernetesObject,
): Promise<Outcome> {
  const { directory, store } = dependencies;
  const { deletionTimestamp, finalizers = [], name } = object.metadata;
  const isDeleting = deletionTimestamp !== undefined;
  const isHeld = finalizers.includes(inUseFinalizer);
  if (isDeleting && !isHeld) return settled;
  let users = store.usersOf(name);
  if (isDeleting && users.length === 0) {
    users = await store.listUsers(name);
    if (users.length === 0) {
      await store.patchMetadata(object, { finalizers: finalizers.filter((one) => one !== inUseFinalizer) });
      return settled;
    }
  }
  const inspected = directory.inspect(object);
  let current = await handleToken(dependencies, memory, object, inspected);
  const { findings, nextAt } = await look(dependencies, memory, current, inspected, users);
  const isReady = Object.values(findings.providers).every(({ kind }) => kind === 'fine');
  if (!isDeleting && !isHeld && (users.length > 0 || (isReady && findings.parsed.kind === 'valid'))) {
    current = await store.patchMetadata(current, { finalizers: [...finalizers, inUseFinalizer] });
  }
  await report(dependencies, current, findings);
  await dependencies.surveys.sweepRecords(inspected.identity.accountSid);
  if (nextAt === undefined) return settled;
  return { kind: 'wait', afterMs: Math.max(1, nextAt - dependencies.clock.monotonic()) };
}

/** Probes what is due. `nextAt` is when something is due again, monotonic; undefined: only a change can help. */
async function look(
  dependencies: ReconcileDependencies,
  memory: AccountMemory,
  object: KubernetesObject,
  inspected: InspectedAccount,
  users: readonly ObjectKey[],
): Promise<{ readonly findings: AccountFindings; readonly nextAt: number | undefined }> {
  const { clock, directory, operatorNamespace, settings, surveys } = dependencies;
  const { deletionTimestamp, name } = object.metadata;
  const { identity, livekit, twilio } = inspected;
  const parsed = parseAccount(object);
  const probe = new ProviderProbe(dependencies, object);
  const [twilioProbe, livekitProbe] = await Promise.all([
    probe.look('Twilio', identity.accountSid, twilio, memory.twilio, (port) =>
      probeTwilio(port, !identity.paused, async () => await surveys.twilio(identity.accountSid ?? '', port)),
    ),
    probe.look('LiveKit', identity.livekitUrl, livekit, memory.livekit, (port) =>
      probeLiveKit(port, async () => await surveys.livekit(identity.livekitUrl ?? '', port)),
    ),
  ]);
  const massDrift = [
    surveys.massDriftOf('Twilio', identity.accountSid),
    surveys.massDriftOf('LiveKit', identity.livekitUrl),
  ].filter((one) => one !== undefined);
  const soon = clock.monotonic() + settings.probeMs;
  const inTime = <Port>(probed: ProviderMemory<Port> | undefined, provider: Provider) =>
    probed !== undefined && massDrift.some((one) => one.provider === provider)
      ? { ...probed, nextAt: Math.min(probed.nextAt, soon) }
      : probed;
  memory.twilio = inTime(twilioProbe.memory, 'Twilio');
  memory.livekit = inTime(livekitProbe.memory, 'LiveKit');
  const dueAt = [memory.twilio, memory.livekit].flatMap((one) => one?.nextAt ?? []);
  const secretOf = (secret: string | undefined) => `Secret ${secret ?? '(none)'} in namespace ${operatorNamespace}`;
  return {
    nextAt: dueAt.length === 0 ? undefined : Math.min(...dueAt),
    findings: {
      name,
      parsed,
      users,
      isDeleting: deletionTimestamp !== undefined,
      isPaused: identity.paused,
      providers: { Twilio: twilioProbe.finding, LiveKit: livekitProbe.finding },
      secrets: { Twilio: secretOf(identity.twilioSecret), LiveKit: secretOf(identity.livekitSecret) },
      defaultOwnerId: directory.defaultOwnerId,
      trunksUsed: memory.twilio?.trunks,
      trunkLimit: settings.trunkLimit,
      unownedSets: unownedSets(dependencies, parsed, identity),
      massDrift,
    },
  };
}

/** Undefined until both providers' lists have been read. */
function unownedSets(
  { directory, surveys }: ReconcileDependencies,
  parsed: ParsedAccount,
  { accountSid, livekitUrl }: AccountIdentity,
): number | undefined {
  const atTwilio = surveys.unownedOf('Twilio', accountSid);
  const atLiveKit = surveys.unownedOf('LiveKit', livekitUrl);
  if (parsed.kind !== 'valid' || atTwilio === undefined || atLiveKit === undefined) return undefined;
  return countOf(parsed.account.ownerId ?? directory.defaultOwnerId, [...atTwilio, ...atLiveKit]);
}

/**
 * A new token accepts the loss that stops the account. Written first: no token accepts twice, and one that was there
 * before anything was lost accepts nothing.
 */
async function handleToken(
  { store, surveys }: ReconcileDependencies,
  memory: AccountMemory,
  object: KubernetesObject,
  { identity }: InspectedAccount,
): Promise<KubernetesObject> {
  const token = object.metadata.annotations?.[acceptDriftAnnotation];
  if (token === undefined || token === lastHandledToken(object)) return object;
  const written = await store.patchStatus(object, { lastHandledAcceptDrift: token });
  if (surveys.acceptDrift('Twilio', identity.accountSid)) memory.twilio = dueNow(memory.twilio);
  if (surveys.acceptDrift('LiveKit', identity.livekitUrl)) memory.livekit = dueNow(memory.livekit);
  return written;
}

function dueNow<Port>(memory: ProviderMemory<Port> | undefined): ProviderMemory<Port> | undefined {
  return memory && { ...memory, nextAt: Number.NEGATIVE_INFINITY };
}

/** Writes and tells only what has changed. */
async function report(
  { clock, events, store }: ReconcileDependencies,
  object: KubernetesObject,
  findings: AccountFindings,
): Promise<void> {
  const stored: Readonly<Record<string, unknown>> = typeof object.status === 'object' ? { ...object.status } : {};
  const now = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
  const patch = mergePatch(stored, accountStatus(object, findings, now));
  if (Object.keys(patch).length === 0) return;
  const written = await store.patchStatus(object, patch);
  const [before, after] = [object, written].map((one) => parseConditions(one).find(({ type }) => type === 'Ready'));
  if (after === undefined || (before?.status === after.status && before.reason === after.reason)) return;
  events.publish(object, {
    type: after.status === 'False' ? 'Warning' : 'Normal',
    reason: after.reason,
    action: findings.isDeleting ? 'Delete' : 'Probe',
    note: after.message,
  });
}
