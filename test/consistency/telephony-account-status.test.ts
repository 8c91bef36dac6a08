/**
 * The CRD of TelephonyAccount has a place for every field of the status that the operator writes, and no other; the
 * columns of `kubectl get` show fields that exist.
 */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { parseAccount } from '../../src/reconcilers/telephony-account/schema.ts';
import { acceptDriftAnnotation } from '../../src/reconcilers/telephony-account/names.ts';
import { accountStatus } from '../../src/reconcilers/telephony-account/status.ts';
import { everySchema, judgeBy, readDefinition, schemaAt, schemaOf } from './custom-resource-definition.ts';
import { minimalAccountSpec } from './telephony-account-documents.ts';

const definition = await readDefinition('telephonyaccounts');
const schema = schemaAt(schemaOf(definition), 'status');
const object = {
  metadata: {
    name: 'default',
    uid: 'u',
    resourceVersion: '1',
    generation: 1,
    annotations: { [acceptDriftAnnotation]: '1' },
  },
  spec: minimalAccountSpec,
};
const stored: unknown = JSON.parse(
  JSON.stringify(
    accountStatus(
      object,
      {
        name: 'default',
        parsed: parseAccount(object),
        isDeleting: false,
        isPaused: false,
        users: [],
        providers: { Twilio: { kind: 'fine' }, LiveKit: { kind: 'fine' } },
        secrets: { Twilio: '', LiveKit: '' },
        defaultOwnerId: '0123abcd',
        trunksUsed: 1,
        trunkLimit: 100,
        unownedSets: 0,
        massDrift: [],
      },
      '2026-01-01T00:00:00Z',
    ),
  ),
);

test('every field that is written has a place: without one it would be pruned', () => {
  expect(judgeBy(schema)(stored)).toEqual({ kind: 'accepted', stored });
});

test('no field has a place that is never written', () => {
  const leaves = [...everySchema(schema)]
    .filter(([, { type, items }]) => type !== 'object' && items?.type !== 'object')
    .map(([path]) => path.replace('[]', '.0'));
  expect(leaves.filter((path) => valueAt(stored, path) === undefined)).toEqual([]);
});

test('every column shows a field that exists', () => {
  const columns = z
    .looseObject({ additionalPrinterColumns: z.array(z.object({ name: z.string(), jsonPath: z.string() })) })
    .parse(definition.spec.versions[0]).additionalPrinterColumns;
  const known = new Set([...everySchema(schemaOf(definition))].map(([path]) => path));
  const shown = columns.map(({ jsonPath }) => jsonPath.slice(1).replaceAll(/\[\?\([^)]*\)\]/g, '[]'));
  expect(shown.filter((path) => !known.has(path) && path !== 'metadata.creationTimestamp')).toEqual([]);
});

function valueAt(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((at, name) => (typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined), value);
}
