// The test world itself: real servers that start, do their part, and are always stopped.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sumRequests } from '../tools/request-metrics.ts';
import { kubectlFitsServer } from '../tools/versions.ts';
import { startWorld, type World } from '../tools/world.ts';

const START_TIMEOUT_MILLISECONDS = 180_000;
const CASE_TIMEOUT_MILLISECONDS = 60_000;

const WIDGETS = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.world.test' },
  spec: {
    group: 'world.test',
    names: { kind: 'Widget', plural: 'widgets', singular: 'widget' },
    scope: 'Namespaced',
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
};

describe('a world', { timeout: CASE_TIMEOUT_MILLISECONDS }, () => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld({ liveKitServers: 2 });
  }, START_TIMEOUT_MILLISECONDS);

  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
  });

  test('a namespace with content is deleted, which only the controller manager does', async () => {
    const { controlPlane } = world;
    await controlPlane.kubectl(['create', 'namespace', 'short-lived']);
    await controlPlane.kubectl(['create', 'configmap', 'content', '--namespace=short-lived']);
    await controlPlane.kubectl(['delete', 'namespace', 'short-lived', '--wait=true', '--timeout=50s']);
    const { stdout } = await controlPlane.kubectl(['get', 'namespaces', '-o', 'name']);
    expect(stdout).not.toContain('short-lived');
  });

  test('a custom resource can be made as soon as applyManifests has returned', async () => {
    const { controlPlane, folder } = world;
    const file = join(folder, 'widgets.json');
    await writeFile(file, JSON.stringify(WIDGETS));
    await world.applyManifests([file]);
    const before = await controlPlane.countRequests({ resource: 'widgets', verbs: ['POST'], code: 201 });
    const widget = { apiVersion: 'world.test/v1', kind: 'Widget', metadata: { name: 'one', namespace: 'default' } };
    await controlPlane.kubectl(['create', '-f', '-'], { input: JSON.stringify(widget) });
    expect(await controlPlane.countRequests({ resource: 'widgets', verbs: ['POST'], code: 201 })).toBe(before + 1);
  });

  test.for([
    {
      name: 'the administrator may do everything',
      why: 'tests prepare the cluster as this one',
      options: () => ({}),
      allowed: true,
    },
    {
      name: 'an impersonated user without roles may do nothing',
      why: 'authorization is RBAC, not AlwaysAllow',
      options: () => ({ as: 'somebody' }),
      allowed: false,
    },
    {
      name: 'an impersonated group brings its rights',
      why: 'tests of roles act as members of a team',
      options: () => ({ as: 'somebody', asGroups: ['system:masters'] }),
      allowed: true,
    },
    {
      name: 'the operator has no rights of its own',
      why: 'a right that the chart forgets must fail here, not in production',
      options: () => ({ kubeconfig: world.controlPlane.operatorKubeconfig }),
      allowed: false,
    },
    {
      name: 'the operator reaches the API server through the fault proxy, as itself',
      why: 'the proxy must pass the token through and present a certificate that the kubeconfig trusts',
      options: () => ({ kubeconfig: world.proxiedOperatorKubeconfig }),
      allowed: false,
    },
  ])('$name', async ({ options, allowed }) => {
    const result = await world.controlPlane.kubectl(['get', 'secrets'], { ...options(), allowFailure: true });
    expect(result).toMatchObject(allowed ? { code: 0 } : { code: 1, stderr: expect.stringContaining('Forbidden') });
  });

  test('LiveKit keeps what its own client makes, each server its own, also over a restart', async () => {
    const [first, second] = world.liveKits.map(({ server }) => server);
    if (first === undefined || second === undefined) throw new Error('two servers were asked for');
    const trunk = await first.sip.createSipInboundTrunk('one', ['+15550100001']);
    await first.sip.createSipDispatchRule(
      { type: 'individual', roomPrefix: 'call-' },
      { name: 'one', trunkIds: [trunk.sipTrunkId] },
    );
    await first.stop();
    await first.start();
    expect(await first.dump()).toMatchObject({
      inboundTrunks: [{ sipTrunkId: trunk.sipTrunkId, name: 'one', numbers: ['+15550100001'] }],
      outboundTrunks: [],
      dispatchRules: [{ name: 'one', trunkIds: [trunk.sipTrunkId] }],
    });
    expect(await second.isEmpty()).toBe(true);
    await first.clear();
    expect(await first.isEmpty()).toBe(true);
  });

  test('a restored snapshot brings an older state back, and the API server works on', async () => {
    const { controlPlane } = world;
    await controlPlane.kubectl(['create', 'configmap', 'before']);
    const snapshot = await controlPlane.takeSnapshot();
    await controlPlane.kubectl(['create', 'configmap', 'after']);
    await controlPlane.restoreSnapshot(snapshot);
    const { stdout } = await controlPlane.kubectl(['get', 'configmaps', '-o', 'name']);
    expect(stdout).toContain('configmap/before');
    expect(stdout).not.toContain('configmap/after');
  });

  // Last: it ends the world that the others share.
  test('nothing is left of a disposed world', async () => {
    const pids = world.processes.map(({ pid }) => pid);
    expect(pids).toHaveLength(7);
    await world[Symbol.asyncDispose]();
    expect(await Promise.all(pids.map(isRunning))).not.toContain(true);
    await expect(access(world.folder)).rejects.toThrow('ENOENT');
  });
});

test(
  'nothing is left of a world whose process was killed',
  async () => {
    const worldModule = new URL('../tools/world.ts', import.meta.url);
    const script = `
      const { startWorld } = await import(${JSON.stringify(worldModule.href)});
      const world = await startWorld({ controllerManager: false });
      console.log(JSON.stringify({ folder: world.folder, pids: world.processes.map(({ pid }) => pid) }));
      setInterval(() => {}, 1_000);
    `;
    const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface(parent.stdout), 'line');
    const { folder, pids } = JSON.parse(line);
    expect(await Promise.all(pids.map(isRunning))).toEqual([true, true, true, true]);
    parent.kill('SIGKILL');
    await expect.poll(async () => await Promise.all(pids.map(isRunning)), { timeout: 10_000 }).not.toContain(true);
    await expect.poll(async () => await exists(folder), { timeout: 10_000 }).toBe(false);
  },
  START_TIMEOUT_MILLISECONDS,
);

describe('kubectlFitsServer', () => {
  test.for([
    { name: 'the same version fits', why: 'the common case', kubectl: 'v1.36.3', server: 'v1.36.3', fits: true },
    { name: 'one minor older fits', why: "Kubernetes' rule", kubectl: 'v1.35.0', server: 'v1.36.3', fits: true },
    { name: 'one minor newer fits', why: "Kubernetes' rule", kubectl: 'v1.37.1', server: 'v1.36.3', fits: true },
    { name: 'two minors older do not', why: "Kubernetes' rule", kubectl: 'v1.34.9', server: 'v1.36.3', fits: false },
    { name: 'two minors newer do not', why: "Kubernetes' rule", kubectl: 'v1.38.0', server: 'v1.36.3', fits: false },
    {
      name: "a cloud SDK's kubectl is judged by its numbers",
      why: 'such a one is often first on the PATH, and old',
      kubectl: 'v1.32.4-dispatcher',
      server: 'v1.36.3',
      fits: false,
    },
    {
      name: 'another major does not fit',
      why: 'the rule is about minors of one major',
      kubectl: 'v2.36.0',
      server: 'v1.36.3',
      fits: false,
    },
    {
      name: 'an unreadable version does not fit',
      why: 'our own is safe',
      kubectl: 'unknown',
      server: 'v1.36.3',
      fits: false,
    },
  ])('$name', ({ kubectl, server, fits }) => {
    expect(kubectlFitsServer(kubectl, server)).toBe(fits);
  });
});

describe('sumRequests', () => {
  const metrics = [
    '# TYPE apiserver_request_total counter',
    'apiserver_request_total{code="200",resource="widgets",subresource="",verb="PATCH"} 3',
    'apiserver_request_total{code="200",resource="widgets",subresource="status",verb="PATCH"} 4',
    'apiserver_request_total{code="409",resource="widgets",subresource="",verb="PATCH"} 5',
    'apiserver_request_total{code="200",resource="pods",subresource="",verb="PUT"} 60',
  ].join('\n');

  test.for([
    { name: 'no filter sums all', why: 'what is not given is not looked at', filter: {}, sum: 72 },
    {
      name: 'a code counts alone',
      why: 'refused writes are not writes',
      filter: { resource: 'widgets', code: 200 },
      sum: 7,
    },
    {
      name: 'an empty subresource is the object itself',
      why: 'spec and status differ',
      filter: { subresource: '' },
      sum: 68,
    },
    {
      name: 'verbs are alternatives',
      why: 'all writes at once',
      filter: { verbs: ['PATCH', 'PUT'], code: 200 },
      sum: 67,
    },
  ])('$name', ({ filter, sum }) => {
    expect(sumRequests(metrics, filter)).toBe(sum);
  });
});

/** A process that nobody has waited for yet is not running any more either. */
async function isRunning(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return !status.includes(') Z ');
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
