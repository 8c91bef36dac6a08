// TelephonyAccounts on real servers: what the status says, keys that are revoked and renewed, deletion while numbers need
// the account, and how hard the providers are worked.
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type OperatorWorld, startOperatorWorld } from '../tools/operator-world.ts';
import { openScene, operatorNamespace, type Scene } from '../tools/scene.ts';

let stage: OperatorWorld;

beforeAll(async () => {
  stage = await startOperatorWorld();
  await stage.startOperator(['--account-probe-interval=500ms']);
});
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});
afterEach(() => {
  stage.twilio.faults.clear();
});

interface SeenAccount {
  readonly metadata: { readonly finalizers?: readonly string[]; readonly resourceVersion: string };
  readonly status?: Readonly<Record<string, unknown>> & {
    readonly conditions?: readonly { readonly reason: string; readonly status: string; readonly message: string }[];
  };
}

async function accountOf(scene: Scene): Promise<SeenAccount | undefined> {
  const { code, stdout } = await scene.kubectl(['get', 'telephonyaccount', scene.accountName, '-o', 'json'], {
    allowFailure: true,
  });
  return code === 0 ? JSON.parse(stdout) : undefined;
}

const patience = { timeout: 30_000, interval: 200 };

/** Waits until the account shows a reason. @returns its message */
async function waitForAccount(scene: Scene, reason: string): Promise<string> {
  const condition = async () => (await accountOf(scene))?.status?.conditions?.[0];
  await expect.poll(async () => (await condition())?.reason, patience).toBe(reason);
  return (await condition())?.message ?? '';
}

/** Puts an API key into the Secret of Twilio's credentials. */
async function applyKey(scene: Scene, apiKeySid: string, apiKeySecret: string): Promise<void> {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `twilio-${scene.index}`, namespace: operatorNamespace },
    stringData: { apiKeySid, apiKeySecret },
  };
  await stage.world.controlPlane.kubectl(['apply', '-f', '-'], { input: JSON.stringify(secret) });
}

const sharedTrunk = `TK${'5'.repeat(32)}`;

function newKey(scene: Scene): readonly [string, string] {
  const key = [`SK${randomBytes(16).toString('hex')}`, randomBytes(16).toString('hex')] as const;
  stage.twilio.world.account(scene.accountSid).apiKeys.set(...key);
  return key;
}

describe('the status of an account', () => {
  test('says that it is Ready, who uses it, and what is there', async () => {
    const stray = { friendlyName: 'tl/test/15559990000/deadbeef/trunk' };
    const scene = await openScene(stage, { twilio: { trunks: [stray, { friendlyName: 'somebody else’s' }] } });
    expect(await waitForAccount(scene, 'Ready')).toBe('Both providers accept the credentials');
    await scene.createReady();
    await expect
      .poll(async () => (await accountOf(scene))?.status, patience)
      .toMatchObject({ ownerId: 'test', numbers: 1, trunks: { used: 2, limit: 100 }, unownedSets: 1 });
    expect((await accountOf(scene))?.metadata.finalizers).toEqual(['telephony.trunkline.dev/in-use']);
    stage.twilio.assertNoViolations();
  });

  test('at rest is neither written nor asked for', async () => {
    const scene = await openScene(stage);
    await waitForAccount(scene, 'Ready');
    const before = (await accountOf(scene))?.metadata.resourceVersion;
    stage.twilio.clearRequests();
    const other = await openScene(stage);
    await other.createReady();
    expect((await accountOf(scene))?.metadata.resourceVersion).toBe(before);
    expect(stage.twilio.requests.filter(({ account }) => account === scene.accountSid)).toEqual([]);
  });

  test('says that a key may not delete, before any number is deleted with it', async () => {
    stage.twilio.faults.add({
      method: 'DELETE',
      path: /^\/v1\/Trunks\/TK0+$/,
      effect: { kind: 'status', status: 403, code: 20403, message: 'Forbidden' },
    });
    const scene = await openScene(stage);
    expect(await waitForAccount(scene, 'CredentialsRefused')).toMatch(/may not delete trunks.*Forbidden.*twilio-/);
    stage.twilio.faults.clear();
    await waitForAccount(scene, 'Ready');
  });
});

describe('a key that is revoked', () => {
  test('shows on the account and its numbers within seconds, and a new one makes both well again', async () => {
    const scene = await openScene(stage);
    await scene.createReady();
    await waitForAccount(scene, 'Ready');
    stage.twilio.world.account(scene.accountSid).apiKeys.clear();
    await scene.annotate('telephony.trunkline.dev/reconcile=1');
    expect(await waitForAccount(scene, 'CredentialsRefused')).toContain(`Secret twilio-${scene.index} in namespace`);
    const synced = async () => (await scene.read()).status.conditions.find(({ type }) => type === 'Synced');
    await expect.poll(synced, patience).toMatchObject({ status: 'False', reason: 'CredentialsRefused' });

    // While it is refused nobody but the probe asks.
    stage.twilio.clearRequests();
    await scene.annotate('telephony.trunkline.dev/reconcile=2');
    await expect
      .poll(() => stage.twilio.requests.filter(({ status }) => status === 401).length, patience)
      .toBeGreaterThan(2);
    const asked = new Set(stage.twilio.requests.filter(({ status }) => status === 401).map(({ query }) => query));
    expect([...asked], 'the probe of the account, which no number sends').toEqual(['PageSize=1']);

    await applyKey(scene, ...newKey(scene));
    await waitForAccount(scene, 'Ready');
    await expect.poll(synced, patience).toMatchObject({ status: 'True' });
    expect((await scene.read()).status.phase).toBe('Ready');
  });

  test('while sixty numbers are deleted corrupts none of them', { timeout: 240_000 }, async () => {
    const numbers = manyNumbers(60);
    const scene = await openScene(stage, {
      // An account has a hundred trunks at most.
      twilio: { phoneNumbers: numbers, trunks: [{ sid: sharedTrunk, friendlyName: 'the team’s trunk' }] },
      account: { limits: { maxConcurrentRequests: 20, requestsPerSecond: 1_000 } },
    });
    await createMany(scene, numbers, { existingTrunkSid: sharedTrunk });
    const attached = () => scene.twilio().trunks[0]?.phoneNumbers.length ?? 0;
    expect(attached()).toBe(60);
    await scene.kubectl(['delete', 'phonenumbers', '--all', '--wait=false']);
    await expect.poll(attached, { ...patience, interval: 20 }).toBeLessThan(58);
    expect(attached(), 'in the middle').toBeGreaterThan(10);
    const next = newKey(scene);
    await applyKey(scene, ...next);
    const { apiKeys } = stage.twilio.world.account(scene.accountSid);
    for (const sid of apiKeys.keys()) if (sid !== next[0]) apiKeys.delete(sid);
    await scene.kubectl(['wait', 'phonenumbers', '--all', '--for=delete', '--timeout=120s'], { allowFailure: true });
    const { stdout } = await scene.kubectl(['get', 'phonenumbers', '-o', 'jsonpath={.items[*].status.phase}']);
    expect(stdout).toBe('');
    expect(attached()).toBe(0);
    expect(await scene.orphanRecords()).toEqual([]);
  });

  test('keep to the requests per second', async () => {
    const requestsPerSecond = 10;
    const burst = 3;
    const numbers = manyNumbers(8);
    const scene = await openScene(stage, {
      twilio: { phoneNumbers: numbers },
      account: { limits: { maxConcurrentRequests: 8, requestsPerSecond } },
    });
    await waitForAccount(scene, 'Ready');
    stage.twilio.clearRequests();
    const arrived = () => stage.twilio.requests.filter(({ account }) => account === scene.accountSid).length;
    const seen = [{ atMs: 0, count: 0 }];
    const startedAt = performance.now();
    const watching = setInterval(() => seen.push({ atMs: performance.now() - startedAt, count: arrived() }), 20);
    try {
      await createMany(scene, numbers);
    } finally {
      clearInterval(watching);
    }
    expect(arrived(), 'there was something to hold back').toBeGreaterThan(60);
    // In any two seconds; half a second more for requests that were late on this machine.
    const mostAtOnce = seen.map(({ atMs, count }) => {
      const last = seen.findLast((later) => later.atMs <= atMs + 2_000);
      return (last?.count ?? count) - count;
    });
    expect(Math.max(...mostAtOnce)).toBeLessThanOrEqual(burst + 2.5 * requestsPerSecond);
  });

  test('are found by themselves where Twilio allows less than the account says', async () => {
    const numbers = manyNumbers(20);
    const scene = await openScene(stage, {
      twilio: { phoneNumbers: numbers, limits: { concurrentRequests: 3 } },
      account: { limits: { maxConcurrentRequests: 12, requestsPerSecond: 1000 } },
    });
    await waitForAccount(scene, 'Ready');
    stage.twilio.clearRequests();
    stage.twilio.faults.add({ account: scene.accountSid, effect: { kind: 'delay', milliseconds: 20 } });
    await createMany(scene, numbers);
    const ours = stage.twilio.requests.filter(({ account }) => account === scene.accountSid);
    const refused = ours.filter(({ status }) => status === 429).length;
    expect(refused, 'it was tried').toBeGreaterThan(0);
    expect(refused / ours.length, 'and hardly ever again').toBeLessThan(0.1);
  });
});

let made = 0;

/** Numbers that no other scene has. */
function manyNumbers(count: number): { readonly phoneNumber: string }[] {
  return Array.from({ length: count }, () => {
    made += 1;
    return { phoneNumber: `+1444${String(1_000_000 + made)}` };
  });
}

/** Creates a PhoneNumber for each at the same time, and waits until all are Ready. */
async function createMany(
  scene: Scene,
  numbers: readonly { readonly phoneNumber: string }[],
  sipTrunk: object = {},
): Promise<void> {
  const objects = numbers.map(({ phoneNumber }, index) => {
    const manifest = scene.manifest(sipTrunk, { phoneNumber }) as { metadata: object };
    return { ...manifest, metadata: { ...manifest.metadata, name: `number-${index}` } };
  });
  await scene.apply(...objects);
  await scene.kubectl(['wait', 'phonenumbers', '--all', '--for=condition=Ready', '--timeout=90s']);
}
