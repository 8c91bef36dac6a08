/**
 * CRDs, roles, policies and examples say the same names as the code, and keep the rules they were written by.
 */
import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { readConfiguration } from '../../src/controller/config.ts';
import {
  finalizer,
  forceDeleteAnnotation,
  forceDeleteByAnnotation,
  forceDeleteValue,
  reconcileAnnotation,
  retryDeleteAnnotation,
} from '../../src/reconcilers/phone-number/names.ts';
import { phases } from '../../src/reconcilers/phone-number/model.ts';
import { parsePhoneNumber, storedStatus } from '../../src/reconcilers/phone-number/schema.ts';
import { phoneNumberSpecSchema } from '../../src/reconcilers/phone-number/spec-schema.ts';
import { group, version } from '../../src/reconcilers/shared/api-group.ts';
import { withFindings } from '../../src/reconcilers/shared/conditions.ts';
import { reasons } from '../../src/reconcilers/shared/reasons.ts';
import { telephonyAccountSpecSchema } from '../../src/reconcilers/telephony-account/schema.ts';
import { everySchema, judgeBy, readDefinition, schemaAt, schemaOf } from './custom-resource-definition.ts';
import { documentedGrants, grantOf } from './documented-rights.ts';
import { fullStatus } from './phone-number-status.ts';

const root = new URL('../../', import.meta.url);

const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
  }),
});

async function readManifests(folder: string) {
  const names = (await readdir(new URL(folder, root))).filter((name) => name.endsWith('.yaml'));
  const texts = await Promise.all(names.map(async (name) => await readFile(new URL(`${folder}${name}`, root), 'utf8')));
  return texts.flatMap(manifestsIn);
}

function manifestsIn(text: string) {
  return parseAllDocuments(text).map((document) => manifest.parse(document.toJS()));
}

const plurals = ['phonenumbers', 'telephonyaccounts', 'orphanrecords'] as const;
const [phoneNumbers, telephonyAccounts, orphanRecords] = await Promise.all(plurals.map(readDefinition));
const definitions = [phoneNumbers, telephonyAccounts, orphanRecords].filter((crd) => crd !== undefined);

describe('the CRDs', () => {
  test('have the group, version and names that users type', () => {
    const names = definitions.map(({ metadata, spec }) => ({
      name: metadata.name,
      group: spec.group,
      version: spec.versions[0].name,
      scope: spec.scope,
      shortNames: spec.names.shortNames,
      categories: spec.names.categories,
    }));
    const common = { group, version, categories: ['telephony'] };
    expect(names).toEqual([
      { ...common, name: `phonenumbers.${group}`, scope: 'Namespaced', shortNames: ['pn'] },
      { ...common, name: `telephonyaccounts.${group}`, scope: 'Cluster', shortNames: ['tacct'] },
      { ...common, name: `orphanrecords.${group}`, scope: 'Cluster', shortNames: ['orphan'] },
    ]);
  });

  test('describe every field that is not a plain map value', () => {
    const silent = definitions.flatMap((crd) =>
      [...everySchema(schemaOf(crd))]
        .filter(([path, { description }]) => description === undefined && /^(spec|status)(\.|$)/.test(path))
        .map(([path]) => path)
        .filter((path) => !/(\[\]|\{\})$/.test(path)),
    );
    expect(silent, 'kubectl explain is where people learn').toEqual([]);
  });

  test('bound everything in specs, which keeps CEL rules affordable', () => {
    const unbounded = [phoneNumbers, telephonyAccounts].flatMap((crd) =>
      crd === undefined
        ? []
        : [...everySchema(schemaAt(schemaOf(crd), 'spec'))].filter(
            ([, { type, maxLength, maxItems, maxProperties, enum: words, additionalProperties }]) =>
              (type === 'string' && maxLength === undefined && words === undefined) ||
              (type === 'array' && maxItems === undefined) ||
              (additionalProperties !== undefined && maxProperties === undefined),
          ),
    );
    expect(unbounded.map(([path]) => path)).toEqual([]);
  });

  test('never judge what the operator writes: no enum, limit or rule in status and in records', () => {
    const written = definitions.flatMap((crd) => {
      const schema = schemaOf(crd);
      const parts = crd === orphanRecords ? ['spec', 'status'] : ['status'];
      return parts.flatMap((part) => [...everySchema(schemaAt(schema, part), part)]);
    });
    const judging = written.filter(
      ([, schema]) =>
        schema.enum !== undefined ||
        schema.maxLength !== undefined ||
        schema.maxItems !== undefined ||
        (schema['x-kubernetes-validations'] ?? []).some(({ rule }) => rule !== 'self == oldSelf'),
    );
    expect(
      judging.map(([path]) => path),
      'a refused status could not say Corrupted',
    ).toEqual([]);
  });
});

describe('the status of a PhoneNumber', () => {
  const status = schemaAt(schemaOf(phoneNumbers ?? failNoDefinition()), 'status');
  const object = { metadata: { name: 'a', namespace: 'b', uid: 'c', resourceVersion: '1' } };

  test('has a place in the CRD for every field that the operator writes', () => {
    const stored: unknown = JSON.parse(JSON.stringify(storedStatus(fullStatus)));
    expect(judgeBy(status)(stored), 'a field without a place would be pruned').toEqual({ kind: 'accepted', stored });
  });

  test('has no place in the CRD for anything that the operator does not write', () => {
    const stored: unknown = JSON.parse(JSON.stringify(storedStatus(fullStatus)));
    const leaves = [...everySchema(status)].filter(
      ([, { type, items }]) => type !== 'object' && items?.type !== 'object',
    );
    // The keys of a map are not in the CRD.
    const named = leaves.map(([path]) => path).filter((path) => !path.endsWith('[]') && !path.includes('{}'));
    const missing = named.filter((path) => !has(stored, path));
    expect(missing).toEqual([]);
  });

  test('begins with a phase and a condition that the operator reads and replaces', () => {
    const { conditions, phase } = parsePhoneNumber({ ...object, status: status.default }).status;
    expect(phases).toContain(phase);
    expect(conditions.map(({ type, status: state }) => ({ type, state }))).toEqual([
      { type: 'Ready', state: 'Unknown' },
    ]);
    expect(conditions.every(({ reason }) => (reasons as readonly string[]).includes(reason))).toBe(true);
    const now = '2026-01-01T00:00:00.000Z';
    const finding = { type: 'Ready', status: 'Unknown', reason: 'Provisioning', message: '' } as const;
    expect(withFindings(conditions, [finding], 1, now)[0]?.lastTransitionTime, 'the epoch must not stay').toBe(now);
  });

  test('lists every phase in its description', () => {
    const { description = '' } = schemaAt(status, 'phase');
    expect(phases.filter((phase) => !description.includes(`${phase}:`))).toEqual([]);
  });
});

function failNoDefinition(): never {
  throw new Error('Cannot read the CRD of phonenumbers: it is not there');
}

function has(value: unknown, path: string): boolean {
  return (
    path.split('.').reduce<unknown>((at, name) => {
      const next =
        typeof at === 'object' && at !== null
          ? Object.entries(at).find(([key]) => key === name.replace('[]', ''))?.[1]
          : undefined;
      return name.endsWith('[]') && Array.isArray(next) ? next[0] : next;
    }, value) !== undefined
  );
}

describe('the policies', async () => {
  const text = JSON.stringify(await readManifests('deploy/policies/'));

  test.for([
    ['the finalizer', `'${finalizer}'`],
    ['the annotation that confirms', `'${forceDeleteAnnotation}'`],
    ['its value', `['${forceDeleteValue}']`],
    ['the stamp', `'${forceDeleteByAnnotation}'`],
  ] as const)('name %s as the code does', ([, name]) => {
    expect(text).toContain(name);
  });

  test('leave the tokens alone, which need no special right', () => {
    expect(text).not.toContain(retryDeleteAnnotation);
    expect(text).not.toContain(reconcileAnnotation);
  });
});

describe('the roles', async () => {
  const role = z.looseObject({
    rules: z.array(
      z.object({
        apiGroups: z.array(z.string()).default([]),
        resources: z.array(z.string()).default([]),
        nonResourceURLs: z.array(z.string()).default([]),
        verbs: z.array(z.string()),
      }),
    ),
  });
  const manifests = await readManifests('deploy/operator/');
  const roles = manifests
    .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
    .map((document) => ({ ...document, rules: role.parse(document).rules }));

  test('grant no wildcard', () => {
    const wild = roles.filter(({ rules }) =>
      rules.some(({ apiGroups, nonResourceURLs, resources, verbs }) =>
        [...apiGroups, ...nonResourceURLs, ...resources, ...verbs].some((word) => word.includes('*')),
      ),
    );
    expect(wild).toEqual([]);
  });

  test('of people are added to view, edit and admin, and only admin has force-delete', () => {
    const added = roles.flatMap(({ metadata, rules }) =>
      Object.keys(metadata.labels ?? {})
        .filter((label) => label.startsWith('rbac.authorization.k8s.io/aggregate-to-'))
        .map((label) => ({
          to: label.replace('rbac.authorization.k8s.io/aggregate-to-', ''),
          verbs: rules.flatMap(({ verbs }) => verbs),
          resources: rules.flatMap(({ resources }) => resources),
        })),
    );
    expect(added).toEqual([
      {
        to: 'view',
        verbs: ['get', 'list', 'watch'],
        resources: ['phonenumbers', 'telephonyaccounts', 'orphanrecords'],
      },
      {
        to: 'edit',
        verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'],
        resources: ['phonenumbers'],
      },
      { to: 'admin', verbs: ['force-delete'], resources: ['phonenumbers'] },
    ]);
  });

  test('of the operator give what docs/operating/security.md says', async () => {
    const ofOperator = new Set([
      'trunkline-operator',
      'trunkline-metrics-auth',
      'trunkline-credentials',
      'trunkline-leader-election',
    ]);
    const granted = (kind: string) =>
      roles
        .filter((one) => one.kind === kind && ofOperator.has(one.metadata.name))
        .flatMap(({ rules }) => rules)
        .flatMap(({ apiGroups, resources, verbs }) =>
          apiGroups.flatMap((of) => resources.flatMap((resource) => verbs.map((verb) => grantOf(of, resource, verb)))),
        )
        .toSorted();
    expect(await documentedGrants()).toEqual({ everywhere: granted('ClusterRole'), ownNamespace: granted('Role') });
  });

  test.for([
    { resource: 'secrets', verbs: ['get', 'list', 'watch'], why: 'all credentials are there' },
    { resource: 'leases', verbs: ['get', 'create', 'patch'], why: 'one is enough, and it is never deleted' },
  ])('let $resource be touched in the operator’s namespace only', ({ resource, verbs, why }) => {
    const touching = roles.flatMap(({ kind, metadata, rules }) =>
      rules
        .filter(({ resources }) => resources.includes(resource))
        .map((rule) => ({ role: `${kind} in ${metadata.namespace}`, verbs: rule.verbs })),
    );
    expect(touching, why).toEqual([{ role: 'Role in trunkline-system', verbs }]);
  });
});

describe('the examples', async () => {
  const examples = await readManifests('deploy/examples/');
  const specOf = (kind: string) => examples.find((example) => example.kind === kind)?.['spec'];

  test('are valid', () => {
    expect(phoneNumberSpecSchema.safeParse(specOf('PhoneNumber')).error).toBeUndefined();
    expect(telephonyAccountSpecSchema.safeParse(specOf('TelephonyAccount')).error).toBeUndefined();
  });

  test('fit together: namespace, account and Secrets are the ones that are named', () => {
    const account = telephonyAccountSpecSchema.parse(specOf('TelephonyAccount'));
    const secrets = examples.filter(({ kind }) => kind === 'Secret').map(({ metadata }) => metadata.name);
    const named = [account.twilio.credentialsSecretRef.name, account.livekit.credentialsSecretRef.name];
    expect(secrets.toSorted()).toEqual(named.toSorted());
    const number = examples.find(({ kind }) => kind === 'PhoneNumber');
    expect(account.allowedNamespaces.names).toContain(number?.metadata.namespace);
  });
});

describe('the Deployment', () => {
  const container = z.object({
    args: z.array(z.string()),
    readinessProbe: z.object({ httpGet: z.object({ path: z.literal('/readyz') }) }),
    livenessProbe: z.object({ httpGet: z.object({ path: z.literal('/healthz') }) }),
    securityContext: z.object({
      allowPrivilegeEscalation: z.literal(false),
      readOnlyRootFilesystem: z.literal(true),
      capabilities: z.object({ drop: z.tuple([z.literal('ALL')]) }),
    }),
  });
  const deployment = z.object({
    spec: z.object({
      replicas: z.number(),
      template: z.object({
        spec: z.object({
          serviceAccountName: z.string(),
          securityContext: z.object({
            runAsNonRoot: z.literal(true),
            seccompProfile: z.object({ type: z.literal('RuntimeDefault') }),
          }),
          containers: z.tuple([container]),
        }),
      }),
    }),
  });

  test('runs as its namespace demands, with flags that exist, as the account that has the rights', async () => {
    const manifests = manifestsIn(await readFile(new URL('deploy/install.yaml', root), 'utf8'));
    const found = deployment.parse(manifests.find(({ kind }) => kind === 'Deployment'));
    const { containers, serviceAccountName } = found.spec.template.spec;
    expect(readConfiguration(containers[0].args, {})).toMatchObject({ kind: 'run' });
    expect(
      manifests.some(({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === serviceAccountName),
    ).toBe(true);
    expect(
      manifests.some(({ kind }) => kind === 'PodDisruptionBudget'),
      'a drain must not take both',
    ).toBe(found.spec.replicas > 1);
  });
});

test('the image runs Node as npm start does', async () => {
  const [dockerfile, project] = await Promise.all(
    ['deploy/Dockerfile', 'package.json'].map(async (name) => await readFile(new URL(name, root), 'utf8')),
  );
  const [, entry = '[]'] = /^ENTRYPOINT (.*)$/m.exec(dockerfile ?? '') ?? [];
  const { start } = z.object({ scripts: z.object({ start: z.string() }) }).parse(JSON.parse(project ?? '')).scripts;
  expect(z.array(z.string()).parse(JSON.parse(entry)).join(' ')).toBe(start);
});
