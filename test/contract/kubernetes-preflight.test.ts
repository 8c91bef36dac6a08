/**
 * What the operator needs of a cluster, against the manifests and a real API server.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { systemClock } from '../../src/controller/system-clock.ts';
import { KubernetesError } from '../../src/providers/kubernetes/classify.ts';
import { connectKubernetes } from '../../src/providers/kubernetes/connect.ts';
import { neededRights } from '../../src/providers/kubernetes/needed-rights.ts';
import { checkCluster } from '../../src/providers/kubernetes/preflight.ts';
import type { KubernetesTransport } from '../../src/providers/kubernetes/transport.ts';
import { recordedLog } from '../support/log-lines.ts';
import { projectPath } from '../tools/operator-world.ts';
import { startWorld, type World } from '../tools/world.ts';

const namespace = 'trunkline-system';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** The ends of a schema: names with dots between, arrays with brackets. */
function fieldsOf(schema: Schema | undefined, path = ''): readonly string[] {
  if (schema?.items !== undefined) return fieldsOf(schema.items, `${path}[]`);
  const properties = Object.entries(schema?.properties ?? {});
  if (properties.length === 0) return [path];
  return properties.flatMap(([name, property]) => fieldsOf(property, path === '' ? name : `${path}.${name}`));
}

async function customResourceDefinitions() {
  const files = await readdir(projectPath('crds'));
  return await Promise.all(
    files.toSorted().map(async (file) => {
      const { spec } = parse(await readFile(join(projectPath('crds'), file), 'utf8'));
      return { file, kind: String(spec.names.kind), schema: spec.versions[0].schema.openAPIV3Schema as Schema };
    }),
  );
}

test('the fields that are asked for are those of crds/', async () => {
  const definitions = await customResourceDefinitions();
  const fields = definitions.map(({ kind, schema }) => {
    const { spec, status } = schema.properties ?? {};
    return [kind, [...fieldsOf(spec, 'spec'), ...fieldsOf(status, 'status')].toSorted()] as const;
  });
  const text = `/**
 * The fields of our kinds: those of crds/. Written by test/contract/kubernetes-preflight.test.ts; after a change there, run it
 * with the option --update.
 */
export const neededFields: Readonly<Record<string, readonly string[]>> = {
${fields.map(([kind, names]) => `  ${kind}: [\n${names.map((name) => `    '${name}',\n`).join('')}  ],\n`).join('')}};
`;
  await expect(text).toMatchFileSnapshot(projectPath('src/providers/kubernetes/needed-fields.ts'));
});

describe('checkCluster()', () => {
  let world: World;
  let transport: KubernetesTransport;

  beforeAll(async () => {
    world = await startWorld({ liveKitServers: 0, controllerManager: false });
    transport = await connectKubernetes({
      kubeconfig: world.controlPlane.operatorKubeconfig,
      userAgent: 'test',
      deadlineMs: 10_000,
      clock: systemClock,
      timers: systemClock,
      log: recordedLog().log,
    });
  });
  afterAll(async () => {
    transport?.close();
    await world?.[Symbol.asyncDispose]();
  });

  const everything = { namespace, leaderElection: true, metricsReviews: true };
  const check = async (over = transport) => await checkCluster(over, everything);
  const kubectl = async (args: readonly string[], input = '') => await world.controlPlane.kubectl(args, { input });

  test('says all that is missing in an empty cluster, and nothing once deploy/ and crds/ are there', async () => {
    const problems = await check();
    expect(problems.slice(0, 4)).toEqual([
      ...['OrphanRecord', 'PhoneNumber', 'TelephonyAccount'].map(
        (kind) =>
          `Cannot find kind ${kind} of telephony.trunkline.dev/v1alpha1: want CustomResourceDefinition ` +
          `"${kind.toLowerCase()}s.telephony.trunkline.dev" of this release`,
      ),
      'Cannot get phonenumbers.telephony.trunkline.dev: no right to, want the roles of this release',
    ]);
    const verbs = neededRights(everything).flatMap((right) => right.verbs);
    expect(problems).toHaveLength(3 + verbs.length);
    await world.applyManifests(['deploy/operator/namespace.yaml', 'crds', 'deploy/operator'].map(projectPath));
    await expect.poll(async () => await check(), { timeout: 20_000 }).toEqual([]);
  });

  test.for([
    {
      name: 'of the cluster role',
      why: 'a status could not be written',
      role: ['clusterrole', 'trunkline-operator'],
      resource: 'phonenumbers/status',
      verb: 'patch',
      want: 'Cannot patch phonenumbers/status.telephony.trunkline.dev: no right to, want the roles of this release',
    },
    {
      name: "of the role in the operator's own namespace",
      why: 'no credentials could be read',
      role: ['role', 'trunkline-credentials', '-n', namespace],
      resource: 'secrets',
      verb: 'watch',
      want: `Cannot watch secrets in namespace "${namespace}": no right to, want the roles of this release`,
    },
  ])('names verb and resource of a right that is missing, $name', async ({ resource, role, verb, want, why }) => {
    const { stdout } = await kubectl(['get', ...role, '-o', 'json']);
    const whole = JSON.parse(stdout);
    const rules = whole.rules.map((rule: { resources: string[]; verbs: string[] }) =>
      rule.resources.includes(resource) ? { ...rule, verbs: rule.verbs.filter((other) => other !== verb) } : rule,
    );
    await kubectl(['patch', ...role, '--type=merge', '-p', JSON.stringify({ rules: rules.filter(hasVerbs) })]);
    await expect.poll(async () => await check(), { timeout: 20_000, message: why }).toEqual([want]);
    await kubectl(['patch', ...role, '--type=merge', '-p', JSON.stringify({ rules: whole.rules })]);
    await expect.poll(async () => await check(), { timeout: 20_000 }).toEqual([]);
  });

  test('names the fields that an older CustomResourceDefinition lacks', async () => {
    const path = join(projectPath('crds'), 'phonenumbers.yaml');
    const document = parse(await readFile(path, 'utf8'));
    const [version] = document.spec.versions;
    const { status } = version.schema.openAPIV3Schema.properties;
    delete status.properties.leftovers;
    delete status.properties.deletion.properties.policy;
    delete version.subresources;
    await kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], JSON.stringify(document));
    const named = ['subresource status', 'status.deletion.policy', 'status.leftovers[].account'];
    const others = ['status.leftovers[].consolePath', 'status.leftovers[].id'];
    const [problem, ...rest] = await vi.waitFor(
      async () => {
        const problems = await check();
        expect(problems).toHaveLength(1);
        return problems;
      },
      { timeout: 20_000 },
    );
    expect(problem).toBe(
      'Cannot use CustomResourceDefinition "phonenumbers.telephony.trunkline.dev": it lacks ' +
        `${[...named, ...others].join(', ')} and 10 more, want that of this release`,
    );
    expect(rest).toEqual([]);
    await world.applyManifests([projectPath('crds')]);
    await expect.poll(async () => await check(), { timeout: 20_000 }).toEqual([]);
  });

  test.for([
    {
      minor: '31',
      want: ['Cannot work with Kubernetes 1.31: want 1.32 or newer'],
      why: 'it has no CEL for what we need',
    },
    { minor: '32+', want: [], why: 'some providers add a sign' },
  ])('takes Kubernetes 1.$minor for what it is', async ({ minor, want, why }) => {
    const other: KubernetesTransport = {
      request: async (request) =>
        request.path === '/version'
          ? { status: 200, headers: {}, body: { major: '1', minor } }
          : await transport.request(request),
      stream: (request) => transport.stream(request),
      close: () => undefined,
    };
    expect(await check(other), why).toEqual(want);
  });

  test('throws when the API server cannot be asked, which says nothing about the cluster', async () => {
    const broken: KubernetesTransport = {
      request: async () => await Promise.reject(new Error('connect ECONNREFUSED')),
      stream: (request) => transport.stream(request),
      close: () => undefined,
    };
    await expect(check(broken)).rejects.toThrow(KubernetesError);
  });
});

function hasVerbs(rule: { readonly verbs: readonly string[] }): boolean {
  return rule.verbs.length > 0;
}
