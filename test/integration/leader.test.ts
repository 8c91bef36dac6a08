// Several operators at one API server: one leads, the next takes over, a suspended one writes nothing, installs that share
// the accounts out do not touch each other's objects, and a process that is told to stop finishes what it has begun.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type OperatorWorld, startOperatorWorld } from '../tools/operator-world.ts';
import { findFreePort } from '../tools/free-ports.ts';
import { describeOutput, type RunningProcess } from '../tools/processes.ts';
import { ReachWatch } from '../tools/reach-watch.ts';
import {
  inboundOutside,
  nothingOutside,
  openScene,
  operatorNamespace,
  outboundOutside,
  outboundSpec,
  type Scene,
} from '../tools/scene.ts';

/** A third of them would do; on a busy machine a renewal takes its time. Milliseconds. */
const leaseMs = 8_000;
const retryMs = 500;
/** A waiting replica looks this often at the most seldom. */
const longestPauseMs = retryMs * 2.2;
/** From the lease to the first reconcile, on a busy machine. */
const slackMs = 3_000;
const quickElection = [
  '--leader-elect=true',
  `--lease-duration=${leaseMs}ms`,
  '--renew-deadline=5s',
  `--retry-period=${retryMs}ms`,
  '--provider-timeout=2500ms',
];
/** As docs/reference/configuration.md has them. */
const exitCodes = { stopped: 0, failed: 1, unusableCluster: 3, leaseLost: 4 } as const;

let stage: OperatorWorld;
let tests = 0;
const running: RunningProcess[] = [];

beforeAll(async () => {
  stage = await startOperatorWorld();
});
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') {
    for (const replica of running) process.stderr.write(`${await describeOutput(replica)}\n`);
  }
  stage.twilio.faults.clear();
  stage.twilio.assertNoViolations();
  await Promise.all(
    // Not killed: the next test would have to wait for their leases.
    running.splice(0).map(async (replica) => await replica.stop()),
  );
});

/** Replicas that share a lease of their own. */
function replicas() {
  tests += 1;
  const leaseName = `test-${tests}`;
  const flags = [...quickElection, `--lease-name=${leaseName}`];
  let started = 0;
  const start = async (until: string, more: readonly string[]): Promise<RunningProcess> => {
    started += 1;
    const replica = await stage.startReplica(`${leaseName}-${started}`, [...flags, ...more], until);
    running.push(replica);
    return replica;
  };
  return {
    lease: async () => await readLease(leaseName),
    leader: async (more: readonly string[] = []) => await start('engine started', more),
    /** One that has seen that another one leads. */
    waiting: async (more: readonly string[] = []) => await start('another replica leads', more),
  };
}

async function readLease(name: string): Promise<Readonly<Record<string, unknown>>> {
  const { stdout } = await stage.world.controlPlane.kubectl([
    'get',
    'lease',
    name,
    `--namespace=${operatorNamespace}`,
    '-o',
    'json',
  ]);
  return JSON.parse(stdout).spec;
}

type Line = Readonly<Record<string, unknown>>;

async function lines(replica: RunningProcess): Promise<readonly Line[]> {
  const output = await replica.output();
  return output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line): Line => JSON.parse(line));
}

/** Waits for a line with this message; the error shows the log. */
async function lineOf(replica: RunningProcess, message: string, matches: (line: Line) => boolean = () => true) {
  for (const end = Date.now() + 40_000; Date.now() < end; await sleep(50)) {
    const found = (await lines(replica)).find((line) => line['msg'] === message && matches(line));
    if (found !== undefined) return { ...found, at: Date.parse(String(found['time'])) };
  }
  throw new Error(`${replica.name} never logs "${message}":\n${await replica.output()}`);
}

/** A reconcile of the scene's object by this process. */
async function reconciledBy(replica: RunningProcess, scene: Scene) {
  return await lineOf(replica, 'reconciled', ({ key }) => key === `${scene.namespace}/${scene.name}`);
}

async function newScene(): Promise<Scene> {
  return await openScene(stage, { livekitUrl: stage.world.liveKit.proxy.url });
}

/** Requests to Twilio and LiveKit that change something, as they arrived. */
function writesOutside(): readonly string[] {
  const twilio = stage.twilio.requests
    .filter(({ method }) => method !== 'GET')
    .map(({ method, path }) => `${method} ${path}`);
  const livekit = stage.world.liveKit.proxy.requests
    .map(({ path }) => path)
    .filter((path) => /\/(Create|Update|Delete)SIP/.test(path));
  return [...twilio, ...livekit];
}

function forgetRequests(): void {
  stage.twilio.clearRequests();
  stage.world.liveKit.proxy.clearRequests();
}

/** In the middle of a create: it has made something, and has not heard of it. */
function suspendAfterFirstWrite(leader: RunningProcess, scene: Scene) {
  let isSuspended = false;
  const suspended = Promise.withResolvers<void>();
  const stop = stage.twilio.onApplied(({ account }) => {
    if (isSuspended || account !== scene.accountSid) return;
    isSuspended = true;
    leader.signal('SIGSTOP');
    suspended.resolve();
  });
  return {
    stop,
    isSuspended: () => isSuspended,
    /** Lets it go on after it has stood still for so long; requests are counted from then on. */
    resumed: async (afterMs: number) => {
      await suspended.promise;
      await sleep(afterMs);
      forgetRequests();
      leader.signal('SIGCONT');
    },
  };
}

describe('replicas', { timeout: 120_000 }, () => {
  test('have one leader, and the other one takes over when it is killed and its lease has run out', async () => {
    const group = replicas();
    const leader = await group.leader();
    const port = await findFreePort();
    const other = await group.waiting([`--health-address=127.0.0.1:${port}`]);
    const probe = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
    expect([await probe('/healthz'), await probe('/readyz')], 'a rolling update waits for it').toEqual([200, 200]);
    const before = await group.lease();
    expect(before).toMatchObject({ leaseDurationSeconds: leaseMs / 1_000, leaseTransitions: 0 });
    expect(before['renewTime'], 'as client-go writes it').toMatch(/\.[0-9]{6}Z$/);

    const scene = await newScene();
    await scene.createReady();
    expect(await other.output(), 'a replica that waits works on nothing').not.toContain('reconciled');

    const killedAt = Date.now();
    await leader.kill();
    const { at } = await lineOf(other, 'leading');
    const tookMs = at - killedAt;
    process.stderr.write(`takeover after SIGKILL: ${tookMs} ms with a lease of ${leaseMs} ms\n`);
    expect(tookMs, 'a silent leader may be writing until then').toBeGreaterThan(leaseMs - retryMs - longestPauseMs);
    expect(tookMs).toBeLessThan(leaseMs + longestPauseMs + slackMs);
    const after = await group.lease();
    expect(after['leaseTransitions']).toBe(1);
    expect(after['holderIdentity']).not.toBe(before['holderIdentity']);

    await scene.requestDelete();
    await scene.waitUntilGone();
    expect(await scene.outside()).toEqual(nothingOutside);
  });

  test('hand the lease over at once when the leader is told to stop', async () => {
    const group = replicas();
    const leader = await group.leader();
    const other = await group.waiting();
    const stoppedAt = Date.now();
    expect(await leader.stop()).toBe(exitCodes.stopped);
    const { at } = await lineOf(other, 'leading');
    process.stderr.write(`takeover after SIGTERM: ${at - stoppedAt} ms with a lease of ${leaseMs} ms\n`);
    expect(at - stoppedAt, 'nobody waits for a lease that was given back').toBeLessThan(longestPauseMs + slackMs);
    expect(await lineOf(leader, 'lease released')).toBeDefined();

    expect(await other.stop()).toBe(exitCodes.stopped);
    expect(await group.lease()).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
  });

  test('one that is told to stop while it waits ends at once and leaves the lease alone', async () => {
    const group = replicas();
    await group.leader();
    const other = await group.waiting();
    const { holderIdentity } = await group.lease();
    expect(await other.stop()).toBe(exitCodes.stopped);
    expect((await group.lease())['holderIdentity']).toBe(holderIdentity);
  });

  test('a leader that was suspended for longer than its deadline writes nothing, even if nobody took over', async () => {
    const group = replicas();
    const patient = ['--lease-duration=12s', '--renew-deadline=4s', '--provider-timeout=7500ms', '--proof-max-age=1m'];
    const leader = await group.leader(patient);
    const scene = await newScene();
    const { resumed, stop } = suspendAfterFirstWrite(leader, scene);
    await scene.apply(scene.manifest());
    // Shorter than the timeout of the call it is in, and its object stays as it is: only the lease can stop it.
    await resumed(5_500);
    expect(await leader.exited()).toBe(exitCodes.leaseLost);
    stop();
    expect(writesOutside(), 'the lease is its own still, but it cannot know that').toEqual([]);
    expect(scene.twilio().trunks.length, 'from before').toBe(1);

    await replicas().leader();
    await scene.waitForPhase('Ready');
    expect(await scene.outside()).toEqual(inboundOutside);
  });

  test('a leader that was suspended past its lease writes nothing outside any more, and ends', async () => {
    const group = replicas();
    const leader = await group.leader();
    const other = await group.waiting();
    const scene = await newScene();
    const { isSuspended, stop } = suspendAfterFirstWrite(leader, scene);
    await scene.apply(scene.manifest());
    await scene.waitForPhase('Ready');
    stop();
    expect(isSuspended()).toBe(true);
    expect((await lines(other)).some(({ msg }) => msg === 'leading')).toBe(true);
    expect(await scene.outside(), 'the first write of the other one is found and kept').toEqual(inboundOutside);

    const { resourceVersion } = (await scene.read()).metadata;
    forgetRequests();
    leader.signal('SIGCONT');
    expect(await leader.exited()).toBe(exitCodes.leaseLost);
    await lineOf(leader, 'lease lost');
    expect(writesOutside(), 'the other one is done, so these would be of the old leader').toEqual([]);
    expect(await scene.outside()).toEqual(inboundOutside);
    expect((await scene.read()).metadata.resourceVersion, 'nor does it touch the object').toBe(resourceVersion);

    await scene.requestDelete();
    await scene.waitUntilGone();
    expect(await scene.outside()).toEqual(nothingOutside);
  });
});

// The worst that a network and a scheduler can do together (review-telephony 5.4).
test('two leaders, and the answer to every create lost: exactly one set, and calls are never lost', async () => {
  const group = replicas();
  const leader = await group.leader();
  await group.waiting();
  const scene = await newScene();
  using watch = new ReachWatch(stage, scene);
  const lost = [
    /\/Trunks$/,
    /\/OriginationUrls$/,
    /\/PhoneNumbers$/,
    /\/CredentialLists\.json$/,
    /\/Credentials\.json$/,
  ];
  for (const path of lost) {
    stage.twilio.faults.add({
      method: 'POST',
      path,
      account: scene.accountSid,
      effect: { kind: 'dropAfter' },
      times: 2,
    });
  }
  for (const method of ['CreateSIPInboundTrunk', 'CreateSIPDispatchRule', 'CreateSIPOutboundTrunk']) {
    stage.world.liveKit.proxy.faults.add({ path: new RegExp(method), effect: { kind: 'dropReply' }, times: 2 });
  }
  const { isSuspended, stop } = suspendAfterFirstWrite(leader, scene);
  await scene.apply(scene.manifest(outboundSpec));
  await scene.waitForPhase('Ready');
  stop();
  expect(isSuspended()).toBe(true);
  leader.signal('SIGCONT');
  expect(await leader.exited()).toBe(exitCodes.leaseLost);
  expect(await scene.outside()).toEqual(outboundOutside);
  expect(watch.dead).toEqual([]);
  await scene.requestDelete();
  await scene.waitUntilGone();
  expect(watch.dead).toEqual([]);
  expect(await scene.outside()).toEqual(nothingOutside);
}, 120_000);

describe('SIGTERM', { timeout: 120_000 }, () => {
  /** A create whose trunk takes its time, and the moment in which that call is under way. */
  async function inTheMiddleOfACreate(): Promise<Scene> {
    const scene = await newScene();
    const slow = stage.twilio.faults.add({
      method: 'POST',
      path: /^\/v1\/Trunks$/,
      account: scene.accountSid,
      times: 1,
      effect: { kind: 'delay', milliseconds: 1_500 },
    });
    await scene.apply(scene.manifest());
    while (slow.hits === 0) await sleep(20);
    return scene;
  }

  test('in the middle of a create lets the call in flight end and writes the status; nothing new begins', async () => {
    const group = replicas();
    const leader = await group.leader();
    const scene = await inTheMiddleOfACreate();
    leader.signal('SIGTERM');
    await lineOf(leader, 'stopping');
    const late = await newScene();
    await late.apply(late.manifest());
    expect(await leader.exited()).toBe(exitCodes.stopped);

    const [trunk] = scene.twilio().trunks;
    expect(trunk, 'the call in flight was carried out').toBeDefined();
    const { status } = await scene.read();
    expect(status.twilio?.['trunkSid'], 'and whoever comes next reads it off').toBe(trunk?.sid);
    expect(await lateness(late)).toEqual({ phase: 'Pending', finalizers: [], outside: nothingOutside });
    expect((await group.lease())['holderIdentity'], 'released after the last write').toBe('');

    const startedAt = Date.now();
    const next = await group.leader();
    const { at } = await lineOf(next, 'leading');
    expect(at - startedAt, 'nobody waits for a lease that was given back').toBeLessThan(leaseMs);
    await Promise.all([scene.waitForPhase('Ready'), late.waitForPhase('Ready')]);
    expect([await scene.outside(), await late.outside()]).toEqual([inboundOutside, inboundOutside]);
  });

  async function lateness(scene: Scene) {
    const { metadata, status } = await scene.read();
    return { phase: status.phase, finalizers: metadata.finalizers ?? [], outside: await scene.outside() };
  }

  test('twice ends the process at once', async () => {
    const leader = await replicas().leader();
    const scene = await inTheMiddleOfACreate();
    leader.signal('SIGTERM');
    await lineOf(leader, 'stopping');
    const again = Date.now();
    leader.signal('SIGTERM');
    expect(await leader.exited()).toBe(exitCodes.failed);
    expect(Date.now() - again, 'the call in flight would have taken longer').toBeLessThan(1_000);
    await replicas().leader();
    await scene.waitForPhase('Ready');
    expect(await scene.outside()).toEqual(inboundOutside);
  });
});

describe('two installs that share the accounts out', { timeout: 120_000 }, () => {
  async function install(name: string, selector: string, ...until: readonly string[]): Promise<RunningProcess> {
    const flags = [...quickElection, `--account-selector=${selector}`];
    const replica = await stage.startReplica(`${name}-${(tests += 1)}`, flags, ...until);
    running.push(replica);
    return replica;
  }

  test('work side by side, each on its own objects', async () => {
    const [north, rest] = await Promise.all([install('north', 'shard=north'), install('rest', '!shard')]);
    const labelled = await openScene(stage, { accountLabels: { shard: 'north' } });
    const plain = await openScene(stage);
    await Promise.all([labelled.createReady(), plain.createReady()]);
    expect([await labelled.outside(), await plain.outside()]).toEqual([inboundOutside, inboundOutside]);
    expect([await outcomes(north, plain), await outcomes(rest, labelled)], 'seen, and left alone').toEqual([
      ['settled'],
      ['settled'],
    ]);
    await Promise.all([labelled.requestDelete(), plain.requestDelete()]);
    await Promise.all([labelled.waitUntilGone(), plain.waitUntilGone()]);
    expect([await labelled.outside(), await plain.outside()]).toEqual([nothingOutside, nothingOutside]);
    expect([...(await labelled.orphanRecords()), ...(await plain.orphanRecords())]).toEqual([]);
  });

  /** How the reconciles of a scene's object ended in a process, each word once. */
  async function outcomes(replica: RunningProcess, scene: Scene): Promise<readonly unknown[]> {
    await reconciledBy(replica, scene);
    const key = `${scene.namespace}/${scene.name}`;
    const all = (await lines(replica)).filter((line) => line['key'] === key).map(({ outcome }) => outcome);
    return [...new Set(all)];
  }

  test('leave an object of the other one as it is while that one is away, alive or deleted', async () => {
    const rest = await install('rest', '!shard');
    const old = await openScene(stage);
    await old.createReady();
    await rest.stop();
    const north = await install('north', 'shard=north');
    const fresh = await openScene(stage);
    await fresh.apply(fresh.manifest());
    await old.requestDelete();
    await reconciledBy(north, fresh);
    await lineOf(
      north,
      'reconciled',
      ({ key, outcome }) => key === `${old.namespace}/${old.name}` && outcome === 'settled',
    );
    const marker = await openScene(stage, { accountLabels: { shard: 'north' } });
    await marker.createReady();
    expect(await fresh.read()).toMatchObject({ status: { phase: 'Pending' } });
    expect((await fresh.read()).metadata.finalizers ?? []).toEqual([]);
    expect(await old.read()).toMatchObject({ status: { phase: 'Ready' } });
    expect([await fresh.outside(), await old.outside()]).toEqual([nothingOutside, inboundOutside]);

    await install('rest', '!shard');
    await fresh.waitForPhase('Ready');
    await old.waitUntilGone();
    expect([await fresh.outside(), await old.outside()]).toEqual([inboundOutside, nothingOutside]);
  });

  test('an object without an account is told so by the one that serves accounts without labels', async () => {
    const north = await install('north', 'shard=north');
    const scene = await openScene(stage, { accountLabels: { shard: 'north' } });
    const account = await scene.kubectl(['get', 'telephonyaccount', scene.accountName, '-o', 'json']);
    await scene.kubectl(['delete', 'telephonyaccount', scene.accountName]);
    await scene.apply(scene.manifest());
    await reconciledBy(north, scene);
    expect((await scene.read()).status.phase).toBe('Pending');
    await install('rest', '!shard');
    await scene.waitForReason('AccountNotFound');
    const { apiVersion, kind, metadata, spec } = JSON.parse(account.stdout);
    await scene.apply({ apiVersion, kind, metadata: { name: metadata.name, labels: metadata.labels }, spec });
    await scene.waitForPhase('Ready');
    expect(await scene.outside(), 'made by the one whose account it is, alone').toEqual(inboundOutside);
  });

  test('record nothing for an object of the other one that vanishes', async () => {
    const rest = await install('rest', '!shard');
    const scene = await openScene(stage);
    await scene.createReady();
    const north = await install('north', 'shard=north');
    await reconciledBy(north, scene);
    await rest.stop();
    await scene.kubectl(['patch', 'phonenumber', scene.name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
    await scene.kubectl(['delete', 'phonenumber', scene.name, '--timeout=20s']);
    const marker = await openScene(stage, { accountLabels: { shard: 'north' } });
    await marker.createReady();
    expect(await scene.orphanRecords(), 'it knows nothing of what that one did').toEqual([]);
  });
});

describe('a start that cannot succeed', () => {
  test('ends with a line that says why, and a code of its own', async () => {
    const missing = '/nowhere/kubeconfig';
    const error = await stage.startReplica('nowhere', [`--kubeconfig=${missing}`]).then(
      () => 'it started',
      (reason: Error) => reason.message,
    );
    expect(error).toContain(`it ended with code ${exitCodes.unusableCluster} before it was ready`);
    expect(error).toContain(missing);
    expect(error).toContain('"msg":"cluster not usable"');
  });
});
