/**
 * Transport, watcher and cache over HTTP/2 against a real API server that says goodbye at random (`--goaway-chance`), through
 * a network that fails.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/controller/system-clock.ts';
import { randomFraction } from '../../src/controller/system-random.ts';
import { connectKubernetes } from '../../src/providers/kubernetes/connect.ts';
import { type Change, ObjectCache } from '../../src/providers/kubernetes/object-cache.ts';
import { ObjectClient } from '../../src/providers/kubernetes/object-client.ts';
import { collectionPath, type Resource } from '../../src/providers/kubernetes/objects.ts';
import { Watcher } from '../../src/providers/kubernetes/watcher.ts';
import type { KubernetesObject } from '../../src/reconcilers/shared/ports.ts';
import { recordedLog } from '../support/log-lines.ts';
import { startTcpProxy, type TcpProxy } from '../tools/tcp-proxy.ts';
import { startWorld, type World } from '../tools/world.ts';

const configMaps: Resource = { group: '', version: 'v1', plural: 'configmaps' };
const soon = { timeout: 20_000, interval: 25 };
const quick = { connectWithin: 2_000, pingEvery: 200, pingWithin: 500 };

let world: World;
let proxy: TcpProxy;
let kubeconfig: string;
let made = 0;

beforeAll(async () => {
  world = await startWorld({
    liveKitServers: 0,
    controllerManager: false,
    apiServerFlags: ['--goaway-chance=0.02'],
  });
  // Who runs here needs no rights of its own.
  await world.controlPlane.kubectl([
    'create',
    'clusterrolebinding',
    'test',
    '--clusterrole=cluster-admin',
    '--user=system:serviceaccount:trunkline-system:trunkline',
  ]);
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  proxy = await startTcpProxy(Number(new URL(world.controlPlane.url).port));
  kubeconfig = await world.controlPlane.writeOperatorKubeconfig('network', `https://127.0.0.1:${proxy.port}`);
});
afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
});

async function connected(path = kubeconfig, figures = quick) {
  return await connectKubernetes({
    kubeconfig: path,
    userAgent: 'test',
    deadlineMs: 10_000,
    clock: systemClock,
    timers: systemClock,
    log: recordedLog().log,
    figures,
  });
}

/** Objects of a namespace of their own, made past the proxy, and a watched cache of it, through the proxy. */
async function stage({ inactivityMs = 70_000, figures = quick } = {}) {
  made += 1;
  const namespace = `stage-${made}`;
  await world.controlPlane.kubectl(['create', 'namespace', namespace]);
  const direct = await connected(world.controlPlane.adminKubeconfig);
  const client = new ObjectClient(direct, configMaps);
  const key = (name: string) => ({ namespace, name });
  const transport = await connected(kubeconfig, figures);
  const recorded = recordedLog();
  const cache = new ObjectCache({}, recorded.log);
  const changes: Change[] = [];
  cache.subscribe((change) => changes.push(change));
  const stopping = new AbortController();
  const watcher = new Watcher({
    transport,
    path: collectionPath(configMaps, namespace),
    target: cache,
    clock: systemClock,
    timers: systemClock,
    fraction: randomFraction,
    log: recorded.log,
    inactivityMs,
  });
  const running = watcher.run(stopping.signal);
  await cache.whenSynced(AbortSignal.timeout(20_000));
  const server = new ObjectClient(direct, configMaps);
  return {
    cache,
    changes,
    client,
    transport,
    warnings: () => recorded.lines().map(({ problem }) => String(problem)),
    async put(name: string, value = ''): Promise<void> {
      const metadata = { name, namespace, annotations: { value } };
      if (await client.create({ metadata }, key(name))) return;
      const object = await server.read(key(name));
      if (object !== undefined) await client.patch(object, { metadata: { annotations: { value } } });
    },
    async remove(name: string): Promise<void> {
      await client.delete(key(name));
    },
    /** Ends when the cache says what the server says. */
    async settled(): Promise<void> {
      const read = async (): Promise<readonly KubernetesObject[]> =>
        (await server.list()).filter(({ metadata }) => metadata.namespace === namespace);
      const states = (objects: readonly KubernetesObject[]) =>
        objects.map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`).toSorted();
      const want = states(await read());
      await expect.poll(() => states(cache.list()), { ...soon, timeout: 60_000 }).toEqual(want);
    },
    told: (name: string) =>
      changes
        .filter(({ after, before }) => (after ?? before)?.metadata.name === name)
        .map(({ after, before }) => (before === undefined ? 'new' : after === undefined ? 'gone' : 'changed')),
    async [Symbol.asyncDispose]() {
      stopping.abort(new Error('the test is over'));
      await running;
      transport.close();
      direct.close();
    },
  };
}

/** Watches that the API server has ended because their reader was too slow. */
async function terminatedWatches(): Promise<number> {
  const lines = (await world.controlPlane.metrics()).split('\n');
  const counts = lines.filter((line) => line.startsWith('apiserver_terminated_watchers_total{'));
  return counts.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

describe('a burst while the server says goodbye', () => {
  test('loses no request and sends none twice', async () => {
    const transport = await connected();
    const client = new ObjectClient(transport, configMaps);
    const names = Array.from({ length: 600 }, (_, index) => `burst-${index}`);
    const waiting = [...names];
    const created: boolean[] = [];
    const createAll = async (): Promise<void> => {
      for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
        created.push(await client.create({ metadata: { name, namespace: 'default' } }, { namespace: 'default', name }));
      }
    };
    await Promise.all(Array.from({ length: 40 }, createAll));
    expect(
      created.filter((fresh) => !fresh),
      'one that was sent twice would be there already',
    ).toEqual([]);
    expect(created.length).toBe(names.length);
    expect(proxy.accepted, 'of 600 requests about one in fifty ends a connection').toBeGreaterThan(2);
    expect(proxy.accepted).toBeLessThan(60);
    transport.close();
  });
});

describe('a watched cache', () => {
  test('outlives a reset of the network in the middle of a stream', async () => {
    await using side = await stage();
    await side.put('kept');
    await side.put('removed');
    await side.settled();
    for (let round = 0; round < 5; round += 1) {
      proxy.reset();
      await side.put('kept', String(round));
      if (round === 2) await side.remove('removed');
    }
    await side.settled();
    expect(side.told('removed')).toEqual(['new', 'gone']);
  });

  test('notices a connection that is open but dead by its pings', async () => {
    await using side = await stage();
    await side.put('a');
    await side.settled();
    proxy.freeze();
    await side.put('a', 'while nobody hears');
    await side.put('b');
    await side.settled();
    expect(side.warnings().join('\n')).toContain('no answer to a ping');
  });

  test('sees an object that went and came again under the same name while nobody heard as two', async () => {
    await using side = await stage();
    await side.put('again', 'first');
    await side.settled();
    proxy.acceptDead(true);
    proxy.reset();
    await side.remove('again');
    await side.put('again', 'second');
    proxy.acceptDead(false);
    proxy.reset();
    await side.settled();
    expect(side.told('again')).toEqual(['new', 'gone', 'new']);
  });

  test('catches up after the server has given up on a reader that was too slow', async () => {
    await using side = await stage({ figures: { ...quick, pingEvery: 60_000 } });
    await side.put('big');
    await side.settled();
    proxy.clog();
    const padding = 'x'.repeat(200_000);
    const before = await terminatedWatches();
    for (let round = 0; round % 8 !== 0 || (await terminatedWatches()) === before; round += 1) {
      await side.put('big', `${round} ${padding}`);
    }
    await side.put('last');
    expect(side.told('last')).toEqual([]);
    proxy.flow();
    await side.settled();
  });

  test('ends at once when told to, also while it connects', async () => {
    proxy.acceptDead(true);
    const transport = await connected(kubeconfig, { ...quick, connectWithin: 60_000 });
    const { log } = recordedLog();
    const stopping = new AbortController();
    const running = new Watcher({
      transport,
      path: collectionPath(configMaps, 'default'),
      target: new ObjectCache({}, log),
      clock: systemClock,
      timers: systemClock,
      fraction: randomFraction,
      log,
    }).run(stopping.signal);
    await expect.poll(() => proxy.open, soon).toBe(1);
    stopping.abort();
    await running;
    transport.close();
    await expect.poll(() => proxy.open, soon).toBe(0);
  });

  test('comes back after the API server was killed and started again', async () => {
    await using side = await stage();
    await side.put('a', 'before');
    await side.settled();
    await world.controlPlane.stopApiServer();
    await expect(side.transport.request({ method: 'GET', path: '/version' })).rejects.toBeInstanceOf(Error);
    await world.controlPlane.startApiServer();
    await side.put('a', 'after');
    await side.put('b');
    await side.settled();
    await expect(side.transport.request({ method: 'GET', path: '/version' })).resolves.toMatchObject({ status: 200 });
  });

  test('follows a restored backup, in which versions go back', async () => {
    // The API server thinks for three seconds before it refuses a version from the future: silence must be longer.
    await using side = await stage({ inactivityMs: 8_000 });
    await side.put('kept', 'old');
    const snapshot = await world.controlPlane.takeSnapshot();
    await side.put('lost');
    // So many that the writes with which a server starts do not make up for them: a watch from a version that the new
    // history has too is let through, by any API server and for any client (`etcdutl --bump-revision` is against that).
    for (let round = 0; round < 300; round += 1) await side.put('kept', String(round));
    await side.settled();
    await world.controlPlane.restoreSnapshot(snapshot);
    await side.settled();
    expect(side.told('lost')).toEqual(['new', 'gone']);
    await side.put('kept', 'new history');
    await side.settled();
  });
});
