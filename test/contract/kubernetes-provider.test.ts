/**
 * The Kubernetes provider against a real API server, with the operator's own rights, through the fault proxy.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/controller/system-clock.ts';
import { randomFraction } from '../../src/controller/system-random.ts';
import { classifyThrown, KubernetesError } from '../../src/providers/kubernetes/classify.ts';
import { connectKubernetes } from '../../src/providers/kubernetes/connect.ts';
import { KubernetesEventSink } from '../../src/providers/kubernetes/event-sink.ts';
import { type Change, ObjectCache } from '../../src/providers/kubernetes/object-cache.ts';
import { ObjectClient } from '../../src/providers/kubernetes/object-client.ts';
import { collectionPath, isOlder } from '../../src/providers/kubernetes/objects.ts';
import { OwnWrites } from '../../src/providers/kubernetes/own-writes.ts';
import { KubernetesPhoneNumberStore, phoneNumbers } from '../../src/providers/kubernetes/phone-number-store.ts';
import type { KubernetesTransport } from '../../src/providers/kubernetes/transport.ts';
import { inputOf, troubleOf } from '../../src/providers/kubernetes/watch-event.ts';
import type { WatchInput } from '../../src/providers/kubernetes/watch-state.ts';
import { Watcher } from '../../src/providers/kubernetes/watcher.ts';
import { ConflictError, type KubernetesObject } from '../../src/reconcilers/shared/ports.ts';
import { recordedLog } from '../support/log-lines.ts';
import { projectPath } from '../tools/operator-world.ts';
import { startWorld, type World } from '../tools/world.ts';

const finalizer = 'telephony.trunkline.dev/cleanup';
const deadlineMs = 10_000;
const soon = { timeout: 20_000, interval: 50 };
/** Watches that go on; not lists that stream. */
const watches = /watch=true&(?!.*sendInitialEvents)/;

let world: World;
let made = 0;

beforeAll(async () => {
  world = await startWorld({ liveKitServers: 0, controllerManager: false });
  await world.applyManifests(['deploy/operator/namespace.yaml', 'crds', 'deploy/operator'].map(projectPath));
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});
afterEach(() => {
  world.apiProxy.faults.clear();
});

/** The fault proxy speaks HTTP/1.1. */
async function transportFor(kubeconfig: string, milliseconds = deadlineMs): Promise<KubernetesTransport> {
  return await connectKubernetes({
    kubeconfig,
    userAgent: 'test',
    deadlineMs: milliseconds,
    clock: systemClock,
    timers: systemClock,
    log: recordedLog().log,
  });
}

/** A PhoneNumber that nobody else uses, as its manifest. */
function manifest(name = `number-${(made += 1)}`) {
  return {
    apiVersion: 'telephony.trunkline.dev/v1alpha1',
    kind: 'PhoneNumber',
    metadata: { name, namespace: 'default' },
    spec: { phoneNumber: `+4474${String(10_000_000 + made)}`, voice: { sipTrunk: {} } },
  };
}

async function create(document = manifest()): Promise<string> {
  await world.controlPlane.kubectl(['create', '-f', '-'], { input: JSON.stringify(document) });
  return document.metadata.name;
}

async function annotate(name: string, value: string): Promise<void> {
  await world.controlPlane.kubectl(['annotate', '--overwrite', 'phonenumber', name, `seen=${value}`]);
}

/** The operator's side: transport, watched cache and store, all through the proxy. */
async function operator({ inactivityMs = 70_000 } = {}) {
  const recorded = recordedLog();
  const transport = await transportFor(world.proxiedOperatorKubeconfig);
  const cache = new ObjectCache({ number: ({ metadata }) => [metadata.name] }, recorded.log);
  const writes = new OwnWrites(cache, systemClock, recorded.log);
  const changes: Change[] = [];
  cache.subscribe((change) => changes.push(change));
  const foreign: Change[] = [];
  writes.subscribe((change) => foreign.push(change));
  const stopping = new AbortController();
  const running = new Watcher({
    transport,
    path: collectionPath(phoneNumbers),
    target: cache,
    clock: systemClock,
    timers: systemClock,
    fraction: randomFraction,
    log: recorded.log,
    inactivityMs,
  }).run(stopping.signal);
  await cache.whenSynced(AbortSignal.timeout(20_000));
  const store = new KubernetesPhoneNumberStore(transport, writes);
  const key = (name: string) => ({ namespace: 'default', name });
  return {
    cache,
    changes,
    foreign,
    store,
    transport,
    warnings: () => recorded.lines().map(({ problem }) => String(problem)),
    read: async (name: string): Promise<KubernetesObject> => {
      const object = await store.read(key(name));
      if (object === undefined) throw new Error(`${name} is not there`);
      return object;
    },
    cached: (name: string) => store.cached(key(name)),
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await running;
      transport.close();
    },
  };
}

/** What listeners heard of one object. */
function heard(changes: readonly Change[], name: string): readonly string[] {
  return changes
    .filter(({ after, before }) => (after ?? before)?.metadata.name === name)
    .map(({ after, before }) => (before === undefined ? 'new' : after === undefined ? 'gone' : 'changed'));
}

describe('list and watch', () => {
  test('a watched cache sees additions, changes and deletions, with the last state of what is gone', async () => {
    await using side = await operator();
    const name = await create();
    await annotate(name, 'one');
    await side.store.patchMetadata(await side.read(name), { finalizers: [finalizer] });
    await world.controlPlane.kubectl(['delete', 'phonenumber', name, '--wait=false']);
    await side.store.patchMetadata(await side.read(name), { finalizers: [] });
    await expect.poll(() => heard(side.changes, name).at(-1), soon).toBe('gone');
    expect(side.cached(name)).toBeUndefined();
    const last = side.changes.at(-1)?.before;
    expect(last?.metadata, 'whether we let it go can be told from the last state').toMatchObject({
      finalizers: [finalizer],
      annotations: { seen: 'one' },
    });
    expect(last?.metadata, 'they are half of an object').not.toHaveProperty('managedFields');
    expect(last).toMatchObject({ apiVersion: 'telephony.trunkline.dev/v1alpha1', kind: 'PhoneNumber' });
  });

  test('a list of several pages is complete, and a number is found in every namespace', async () => {
    const admin = await transportFor(world.controlPlane.adminKubeconfig);
    const client = new ObjectClient(admin, phoneNumbers);
    await world.controlPlane.kubectl(['create', 'namespace', 'elsewhere']);
    const documents = Array.from({ length: 520 }, () => manifest());
    const twin = { ...manifest(), spec: documents[0]?.spec };
    twin.metadata.namespace = 'elsewhere';
    const waiting = [...documents, twin];
    const createAll = async (): Promise<void> => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await client.create(next, next.metadata);
    };
    await Promise.all(Array.from({ length: 8 }, createAll));
    await using side = await operator();
    expect(side.cache.list().length).toBeGreaterThanOrEqual(521);
    expect(side.changes.every(({ initial }) => initial)).toBe(true);
    const found = await side.store.listByNumber(documents[0]?.spec.phoneNumber ?? '');
    expect(found.map(({ metadata }) => metadata.namespace).toSorted((a = '', b = '') => a.localeCompare(b))).toEqual([
      'default',
      'elsewhere',
    ]);
    expect(await side.store.listByNumber('+15550100000')).toEqual([]);
    expect((await client.list()).length).toBe(side.cache.list().length);
    admin.close();
  });

  test('nothing is missed when the watch is cut', async () => {
    await using side = await operator();
    const [kept, removed] = [await create(), await create()];
    await expect.poll(() => side.cached(removed), soon).toBeDefined();
    const refused = world.apiProxy.faults.add({ effect: { kind: 'reset' }, path: /watch=true/ });
    world.apiProxy.cutStreams();
    await annotate(kept, 'changed');
    await world.controlPlane.kubectl(['delete', 'phonenumber', removed]);
    await expect.poll(() => refused.hits, soon).toBeGreaterThan(1);
    refused.remove();
    await expect.poll(() => side.cached(removed), soon).toBeUndefined();
    expect(heard(side.changes, kept)).toEqual(['new', 'changed']);
    expect(heard(side.changes, removed)).toEqual(['new', 'gone']);
  });

  const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 1 (200)' };
  test.for([
    { name: 'instead of a stream', why: 'the watch cache was refilled', effect: { status: 410, body: status } },
    {
      name: 'in its stream',
      why: 'history went by while it waited',
      effect: { status: 200, body: `${JSON.stringify({ type: 'ERROR', object: status })}\n` },
    },
  ])('a watch that is told $name that it has expired (410) starts again with a list', async ({ effect, why }) => {
    await using side = await operator();
    const [removed, again] = [await create(), await create()];
    await expect.poll(() => side.cached(again), soon).toBeDefined();
    const expired = world.apiProxy.faults.add({ effect: { kind: 'status', ...effect }, path: watches, times: 1 });
    world.apiProxy.cutStreams();
    await world.controlPlane.kubectl(['delete', 'phonenumber', removed, again]);
    await create(manifest(again));
    await expect.poll(() => side.cached(removed), soon).toBeUndefined();
    await expect.poll(() => heard(side.changes, again), { ...soon, message: why }).toEqual(['new', 'gone', 'new']);
    await expect.poll(() => side.warnings().join('\n'), soon).toContain('410 Expired');
    expect(expired.hits).toBe(1);
  });

  test('what the API server itself says of a version that it has forgotten leads to a list', async () => {
    const transport = await transportFor(world.controlPlane.operatorKubeconfig);
    const query = { watch: 'true', resourceVersion: '1' };
    const path = collectionPath(phoneNumbers);
    const inputs: WatchInput[] = [];
    try {
      for await (const line of transport.stream({ path, query, signal: AbortSignal.timeout(20_000) })) {
        inputs.push(inputOf('watch', line));
        if (inputs.at(-1)?.kind === 'trouble') break;
      }
    } catch (error) {
      inputs.push({ kind: 'trouble', trouble: troubleOf(classifyThrown('watch', error)) });
    }
    expect(inputs.at(-1)).toMatchObject({
      trouble: { effect: 'relist', message: expect.stringMatching(/410 (Expired|Gone)/) },
    });
    transport.close();
  });

  test('a server that ends every watch at once is not flooded, and nothing is missed', async () => {
    await using side = await operator();
    const name = await create();
    const storm = world.apiProxy.faults.add({ effect: { kind: 'status', status: 200, body: '' }, path: watches });
    world.apiProxy.cutStreams();
    await expect.poll(() => storm.hits, soon).toBe(2);
    await annotate(name, 'in the storm');
    expect(storm.hits).toBeLessThan(5);
    storm.remove();
    await expect.poll(() => side.cached(name)?.metadata.annotations?.['seen'], soon).toBe('in the storm');
  });

  test('a server that has too much to do (429) is left alone for as long as it asks for', async () => {
    await using side = await operator();
    const name = await create();
    await expect.poll(() => side.cached(name), soon).toBeDefined();
    const headers = { 'retry-after': '1' };
    const busy = world.apiProxy.faults.add({
      effect: { kind: 'status', status: 429, headers },
      path: watches,
      times: 2,
    });
    const since = performance.now();
    world.apiProxy.cutStreams();
    await annotate(name, 'meanwhile');
    await expect.poll(() => side.cached(name)?.metadata.annotations?.['seen'], soon).toBe('meanwhile');
    expect(busy.hits).toBe(2);
    expect(performance.now() - since).toBeGreaterThan(2_000);
  });

  test('a listener that throws harms neither the watch nor other listeners', async () => {
    await using side = await operator();
    side.cache.subscribe(() => {
      throw new Error('a defect');
    });
    const later: Change[] = [];
    side.cache.subscribe((change) => later.push(change));
    const name = await create();
    await annotate(name, 'after the defect');
    await expect.poll(() => heard(later, name), soon).toEqual(['new', 'changed']);
  });
});

describe('writes', () => {
  test.for<{ name: string; why: string; prepare: (name: string) => Promise<void> }>([
    { name: 'has changed', why: 'somebody else wrote', prepare: async (name) => await annotate(name, 'changed') },
    {
      name: 'is gone',
      why: 'there is nothing to decide about',
      prepare: async (name) => void (await world.controlPlane.kubectl(['delete', 'phonenumber', name])),
    },
    {
      name: 'was made again under the same name',
      why: 'it is another object',
      prepare: async (name) => {
        await world.controlPlane.kubectl(['delete', 'phonenumber', name]);
        await create(manifest(name));
      },
    },
  ])('of an object that $name are conflicts', async ({ prepare, why }) => {
    await using side = await operator();
    const name = await create();
    const object = await side.read(name);
    await prepare(name);
    await expect(side.store.patchMetadata(object, { annotations: { ours: 'x' } }), why).rejects.toThrow(ConflictError);
    await expect(side.store.patchStatus(object, { phase: 'Ready' }), why).rejects.toThrow(ConflictError);
    const now = await side.store.read({ namespace: 'default', name });
    expect([now?.metadata.annotations?.['ours'], Reflect.get(now?.status ?? {}, 'phase') === 'Ready']).toEqual([
      undefined,
      false,
    ]);
  });

  test('of a finalizer for an object that is being deleted are conflicts', async () => {
    await using side = await operator();
    const name = await create();
    await side.store.patchMetadata(await side.read(name), { finalizers: ['example.test/other'] });
    await world.controlPlane.kubectl(['delete', 'phonenumber', name, '--wait=false']);
    const deleting = await side.read(name);
    const both = { finalizers: ['example.test/other', finalizer] };
    await expect(side.store.patchMetadata(deleting, both)).rejects.toThrow(ConflictError);
    await side.store.patchMetadata(deleting, { finalizers: [] });
    expect(await side.store.read({ namespace: 'default', name })).toBeUndefined();
  });

  test('are shown at once, also while the watch lags, and never taken back', async () => {
    await using side = await operator();
    const name = await create();
    let object = await side.store.patchMetadata(await side.read(name), { finalizers: [finalizer] });
    for (let count = 0; count < 20; count += 1) {
      object = await side.store.patchStatus(object, { phase: `Phase${count}` });
      const cached = side.cached(name);
      expect(isOlder(cached?.metadata.resourceVersion ?? '', object.metadata.resourceVersion)).toBe(false);
      await new Promise((resolve) => setImmediate(resolve));
    }
    world.apiProxy.faults.add({ effect: { kind: 'hang' }, path: /watch=true/ });
    await expect
      .poll(() => side.cache.get({ namespace: 'default', name })?.status, soon)
      .toMatchObject({ phase: 'Phase19' });
    world.apiProxy.cutStreams();
    object = await side.store.patchStatus(object, { phase: 'Ready' });
    expect(side.cache.get({ namespace: 'default', name })?.status).toMatchObject({ phase: 'Phase19' });
    expect(side.cached(name)).toEqual(object);
    await side.store.patchMetadata(object, { finalizers: [] });
  });

  test('of our own wake nobody, those of others do', async () => {
    await using side = await operator();
    const name = await create();
    await expect.poll(() => heard(side.foreign, name), soon).toEqual(['new']);
    let object = await side.read(name);
    for (const phase of ['One', 'Two', 'Three']) object = await side.store.patchStatus(object, { phase });
    await annotate(name, 'by a person');
    await expect
      .poll(() => heard(side.changes, name), soon)
      .toEqual(['new', 'changed', 'changed', 'changed', 'changed']);
    expect(heard(side.foreign, name)).toEqual(['new', 'changed']);
  });

  test('whose answer is lost may have been applied: repeating them ends in a conflict', async () => {
    await using side = await operator();
    const name = await create();
    const object = await side.read(name);
    world.apiProxy.faults.add({ effect: { kind: 'dropReply' }, method: 'PATCH', times: 1 });
    const lost = side.store.patchStatus(object, { phase: 'Deleting' });
    await expect(lost).rejects.toMatchObject({ name: 'KubernetesError', problem: { status: undefined } });
    expect((await side.read(name)).status).toMatchObject({ phase: 'Deleting' });
    await expect(side.store.patchStatus(object, { phase: 'Deleting' })).rejects.toThrow(ConflictError);
    const patches = world.apiProxy.requests.filter(({ method, path }) => method === 'PATCH' && path.includes(name));
    expect(patches, 'the transport repeats nothing').toHaveLength(2);
  });

  test('of an OrphanRecord may be repeated, and so may its deletion', async () => {
    await using side = await operator();
    const record = {
      uid: '11111111-2222-3333-4444-555555555555',
      namespace: 'default',
      name: 'one',
      phoneNumber: '+447446466847',
      cause: 'ForceDelete' as const,
      confirmedAt: '2026-01-01T00:00:00Z',
      items: [{ order: 1, kind: 'Trunk', id: 'TK00000000000000000000000000000000' }],
    };
    await side.store.createOrphanRecord(record);
    await side.store.createOrphanRecord({ ...record, cause: 'Vanished' });
    const { stdout } = await world.controlPlane.kubectl(['get', 'orphanrecord', record.uid, '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({ spec: record, status: { state: 'Open' } });
    await side.store.deleteOrphanRecord(record.uid);
    await side.store.deleteOrphanRecord(record.uid);
    const gone = await world.controlPlane.kubectl(['get', 'orphanrecords', '-o', 'name']);
    expect(gone.stdout).not.toContain(record.uid);
  });
});

describe('the transport', () => {
  test('gives a request up at its deadline, and goes on with the next', async () => {
    const transport = await transportFor(world.proxiedOperatorKubeconfig, 1_000);
    const client = new ObjectClient(transport, phoneNumbers);
    const hang = world.apiProxy.faults.add({ effect: { kind: 'hang' } });
    const started = performance.now();
    await expect(client.list()).rejects.toThrow('Cannot list phonenumbers: no answer within 1000 ms');
    expect(performance.now() - started).toBeLessThan(5_000);
    hang.remove();
    await expect(client.read({ namespace: 'default', name: 'nobody' })).resolves.toBeUndefined();
    transport.close();
  });

  test.for([
    { name: 'before the answer', why: 'the connection was closed', effect: { kind: 'reset' } as const },
    { name: 'within the answer', why: 'half a list is no list', effect: { kind: 'cut', afterBytes: 20 } as const },
  ])('takes a connection that breaks $name as no answer', async ({ effect, why }) => {
    const transport = await transportFor(world.proxiedOperatorKubeconfig);
    world.apiProxy.faults.add({ effect });
    await expect(new ObjectClient(transport, phoneNumbers).list(), why).rejects.toMatchObject({
      name: 'KubernetesError',
      problem: { status: undefined },
    });
    transport.close();
  });

  test('reads its credentials again when they are refused', async () => {
    const good = await readFile(world.controlPlane.operatorKubeconfig, 'utf8');
    const path = join(world.folder, 'rotating.kubeconfig');
    await writeFile(path, good.replace('operator-token', 'expired-token'));
    const transport = await transportFor(path);
    const client = new ObjectClient(transport, phoneNumbers);
    await expect(client.list()).rejects.toMatchObject({ problem: { status: 401 } });
    await writeFile(path, good);
    await expect(Promise.all([client.list(), client.list(), client.list()])).resolves.toHaveLength(3);

    await writeFile(path, good.replace('operator-token', 'expired-token'));
    const watching = await transportFor(path);
    const ending = new AbortController();
    const query = { watch: 'true', timeoutSeconds: '1' };
    const stream = () => watching.stream({ path: collectionPath(phoneNumbers), query, signal: ending.signal });
    await expect(drained(stream())).rejects.toBeInstanceOf(KubernetesError);
    await writeFile(path, good);
    await expect(drained(stream())).resolves.toBeUndefined();
    transport.close();
    watching.close();
  });
});

test('events are taken as they are, of objects with and without a namespace', async () => {
  await using side = await operator();
  const name = await create();
  const object = await side.read(name);
  const { log, lines } = recordedLog();
  const sink = new KubernetesEventSink({
    transport: side.transport,
    clock: systemClock,
    timers: systemClock,
    log,
    instance: 'trunkline-test',
  });
  const note = { type: 'Warning', reason: 'CleanupFailed', action: 'Delete', note: 'ä'.repeat(2_000) } as const;
  sink.publish(object, note);
  sink.publish(object, note);
  const { namespace: _namespace, ...metadata } = object.metadata;
  sink.publish({ ...object, kind: 'TelephonyAccount', metadata: { ...metadata, uid: 'an-account' } }, note);
  await sink.close(10_000);
  expect(lines()).toEqual([]);
  const { stdout } = await world.controlPlane.kubectl([
    'get',
    'events.events.k8s.io',
    `--field-selector=reason=CleanupFailed`,
    '-o',
    'json',
  ]);
  const events: unknown = JSON.parse(stdout).items;
  expect(events).toHaveLength(2);
  expect(events).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        regarding: expect.objectContaining({ kind: 'PhoneNumber', name, uid: object.metadata.uid }),
        type: 'Warning',
        action: 'Delete',
      }),
      expect.objectContaining({ regarding: expect.objectContaining({ kind: 'TelephonyAccount', name }) }),
    ]),
  );
});

async function drained(lines: AsyncIterable<string>): Promise<void> {
  for await (const line of lines) expect(line).toMatch(/^\{/);
}
