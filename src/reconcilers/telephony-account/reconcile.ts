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
import { ProviderError } from '../shared/verdict.ts';
import type { AccountDirectory, InspectedAccount } from './account-directory.ts';
import type { AccountHealth } from './account-health.ts';
import { unownedSetsOf } from './marked-sets.ts';
import { inUseFinalizer } from './names.ts';
import type { AccountDependencies } from './ports.ts';
import { listNames, probeLiveKit, probeTwilio } from './probe.ts';
import { type ProviderMemory, ProviderProbe } from './provider-probe.ts';
import { parseAccount, parseConditions } from './schema.ts';
import { type AccountFindings, accountStatus } from './status.ts';

export interface ReconcileDependencies extends AccountDependencies {
  readonly directory: AccountDirectory;
  readonly health: AccountHealth;
}

/** What this process remembers of an account object between passes. Losing it costs a probe. */
interface AccountMemory {
  readonly uid: string;
  /** The cache is known to be behind. */
  readLive: boolean;
  twilio: ProviderMemory<TwilioAccountPort> | undefined;
  livekit: ProviderMemory<LiveKitPort> | undefined;
  /** `at` is monotonic. */
  unowned: { readonly at: number; readonly sets: number } | undefined;
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
  return { uid, readLive: false, twilio: undefined, livekit: undefined, unowned: undefined };
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
  const { findings, nextAt } = await look(dependencies, memory, object, inspected, users);
  let current = object;
  const isReady = Object.values(findings.providers).every(({ kind }) => kind === 'fine');
  if (!isDeleting && !isHeld && (users.length > 0 || (isReady && findings.parsed.kind === 'valid'))) {
    current = await store.patchMetadata(object, { finalizers: [...finalizers, inUseFinalizer] });
  }
  await report(dependencies, current, findings);
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
  const { directory, operatorNamespace, settings } = dependencies;
  const { deletionTimestamp, name } = object.metadata;
  const { identity, livekit, twilio } = inspected;
  const parsed = parseAccount(object);
  const probe = new ProviderProbe(dependencies, object);
  const [twilioProbe, livekitProbe] = await Promise.all([
    probe.look('Twilio', identity.accountSid, twilio, memory.twilio, (port) => probeTwilio(port, !identity.paused)),
    probe.look('LiveKit', identity.livekitUrl, livekit, memory.livekit, probeLiveKit),
  ]);
  memory.twilio = twilioProbe.memory;
  memory.livekit = livekitProbe.memory;
  const ownerId = parsed.kind === 'valid' ? (parsed.account.ownerId ?? directory.defaultOwnerId) : undefined;
  if (twilioProbe.finding.kind === 'fine' && livekitProbe.finding.kind === 'fine' && ownerId !== undefined) {
    await countUnowned(dependencies, memory, inspected, ownerId);
  }
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
      unownedSets: memory.unowned?.sets,
    },
  };
}

/** For the report only: nothing is ever removed because of it, and what cannot be counted now is counted later. */
async function countUnowned(
  { clock, settings, store }: ReconcileDependencies,
  memory: AccountMemory,
  { livekit, twilio }: InspectedAccount,
  ownerId: string,
): Promise<void> {
  const now = clock.monotonic();
  if (memory.unowned !== undefined && now - memory.unowned.at < settings.checkMs) return;
  if (twilio.kind !== 'open' || livekit.kind !== 'open') return;
  try {
    // What comes or goes while the lists are read is nobody's only for a moment.
    const before = store.knownUids();
    const names = await listNames(twilio.port, livekit.port);
    const sets = unownedSetsOf(names, ownerId, new Set([...before, ...store.knownUids()]));
    memory.unowned = { at: now, sets };
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
  }
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
