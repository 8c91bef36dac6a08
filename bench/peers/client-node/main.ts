/**
 * client-node as shipped and documented: its informer, its CustomObjectsApi, a keyed queue, and the documented restart
 * of an informer that reports an error.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  CustomObjectsApi,
  KubeConfig,
  type KubernetesListObject,
  type KubernetesObject,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node';
import { group, version } from '../../../src/reconcilers/shared/api-group.ts';
import { deletingChange, finalizer, heldMetadata, namespace, readyStatusOf } from '../../phone-numbers.ts';
import { KeyedQueue } from './keyed-queue.ts';

const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string', default: '' },
    workers: { type: 'string', default: '10' },
    'latency-ms': { type: 'string', default: '0' },
    'create-rounds': { type: 'string', default: '0' },
    'delete-rounds': { type: 'string', default: '0' },
  },
});
const latencyMs = Number(values['latency-ms']);

interface PhoneNumber extends KubernetesObject {
  readonly status?: { readonly phase?: string };
}

const kubeConfig = new KubeConfig();
kubeConfig.loadFromFile(values.kubeconfig);
const api = kubeConfig.makeApiClient(CustomObjectsApi);
const where = { group, version, namespace, plural: 'phonenumbers' };
const path = `/apis/${group}/${version}/namespaces/${namespace}/phonenumbers`;
const list = async (): Promise<KubernetesListObject<PhoneNumber>> => await api.listNamespacedCustomObject(where);
const informer = makeInformer<PhoneNumber>(kubeConfig, path, list);
const asMergePatch = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);

/** Both providers, each call after the one before. */
async function provide(rounds: string): Promise<void> {
  if (latencyMs > 0) for (let round = 0; round < Number(rounds); round += 1) await sleep(latencyMs);
}

async function patch(object: PhoneNumber, metadata: object): Promise<PhoneNumber> {
  const { name = '', resourceVersion } = object.metadata ?? {};
  const body = { metadata: { ...metadata, resourceVersion } };
  return await api.patchNamespacedCustomObject({ ...where, name, body }, asMergePatch);
}

async function patchStatus(object: PhoneNumber, status: object): Promise<PhoneNumber> {
  const { name = '', resourceVersion } = object.metadata ?? {};
  const body = { status, metadata: { resourceVersion } };
  return await api.patchNamespacedCustomObjectStatus({ ...where, name, body }, asMergePatch);
}

/** What is up, by UID: the informer shows our own writes late, and they are no reason to start again. */
const up = new Set<string>();

async function reconcile(name: string): Promise<void> {
  const object = informer.get(name, namespace);
  if (object === undefined) return;
  const uid = object.metadata?.uid ?? '';
  const { deletionTimestamp, finalizers = [], generation = 1 } = object.metadata ?? {};
  const index = Number(name.slice(name.indexOf('-') + 1));
  if (deletionTimestamp !== undefined) {
    if (!finalizers.includes(finalizer) || !up.delete(uid)) return;
    const deleting = await patchStatus(object, deletingChange(generation));
    await provide(values['delete-rounds']);
    await patch(deleting, { finalizers: finalizers.filter((one) => one !== finalizer) });
  } else if (object.status?.phase !== 'Ready' && !up.has(uid)) {
    const held = finalizers.includes(finalizer) ? object : await patch(object, heldMetadata(index));
    await provide(values['create-rounds']);
    await patchStatus(held, readyStatusOf(index, {}, generation));
    up.add(uid);
  }
}

const queue = new KeyedQueue(Number(values.workers), reconcile);
const wake = (object: PhoneNumber): void => queue.add(object.metadata?.name ?? '');
informer.on('add', wake);
informer.on('update', wake);
informer.on('error', () => {
  setTimeout(() => void informer.start(), 1_000);
});
await informer.start();
process.stdout.write(`${JSON.stringify({ event: 'synced', at: Date.now() })}\n`);
process.on('SIGTERM', () => process.exit(0));
