/**
 * Objects that look as if an operator had brought them up long ago, for operators that start later.
 */
import { type ApiConnection, mergePatch } from '../api/connection.ts';
import { collectionPath, heldMetadata, manifestOf, nameOf, readyStatusOf } from '../phone-numbers.ts';
import type { Batch, Load } from './load.ts';

/** Creates a batch with finalizer, intent and a full status. */
export async function populate(load: Load, api: ApiConnection, batch: Batch): Promise<void> {
  const { count: _count, first: _first, ...options } = batch;
  await load.each(batch, async (index) => {
    const manifest = manifestOf(index, options);
    const held = { ...manifest, metadata: { ...manifest.metadata, ...heldMetadata(index, options) } };
    await api.expect(201, 'POST', collectionPath, JSON.stringify(held));
    const body = JSON.stringify({ status: readyStatusOf(index, options) });
    await api.expect(200, 'PATCH', `${collectionPath}/${nameOf(index)}/status`, body, mergePatch);
  });
}

/** Deletes a batch while nobody looks after it. */
export async function purge(load: Load, api: ApiConnection, batch: Batch): Promise<void> {
  await load.each(batch, async (index) => {
    const path = `${collectionPath}/${nameOf(index)}`;
    const reply = await api.request('PATCH', path, JSON.stringify({ metadata: { finalizers: null } }), mergePatch);
    if (reply.status === 200) await api.request('DELETE', path);
  });
}
