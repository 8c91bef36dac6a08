// The Helm chart, with the real helm: what it renders for which values, and what becomes of numbers when it is installed,
// upgraded, uninstalled and installed again on a real API server.
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type Helm, openHelm } from '../tools/helm.ts';
import { projectPath } from '../tools/operator-world.ts';
import { renderInstall } from '../tools/render-install.ts';
import { startWorld, type World } from '../tools/world.ts';

interface Rendered {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
}

const chart = projectPath('deploy/chart');
const namespace = 'trunkline-system';
/** Kinds that somebody else's CRDs define. */
const ofPrometheus = ['ServiceMonitor', 'PrometheusRule'];

let world: World;
let helm: Helm;
/** Without a cluster. */
let template: Helm;

beforeAll(async () => {
  world = await startWorld({ liveKitServers: 0 });
  helm = await openHelm(world.folder, world.controlPlane.adminKubeconfig);
  template = await openHelm(world.folder);
  await world.applyManifests([projectPath('deploy/operator/namespace.yaml')]);
}, 600_000);
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

function flagsOf(values: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(values).map(([name, value]) => `--set-json=${name}=${JSON.stringify(value)}`);
}

async function render(values: Readonly<Record<string, unknown>> = {}, kubernetes = '1.36.0', into = namespace) {
  const where = [`--namespace=${into}`, `--kube-version=${kubernetes}`];
  const { stdout } = await template(['template', 'trunkline', chart, ...where, ...flagsOf(values)]);
  const objects: readonly (Rendered | null)[] = parseAllDocuments(stdout).map((document) => document.toJS());
  return objects.filter((one) => one !== null);
}

function kindsOf(objects: readonly Rendered[]): readonly string[] {
  return [...new Set(objects.map(({ kind }) => kind))].toSorted();
}

test('passes helm lint, strictly', async () => {
  const { stdout } = await template(['lint', '--strict', chart]);
  expect(stdout).toContain('0 chart(s) failed');
});

const usual = [
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
  'Deployment',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionPolicyBinding',
  'PodDisruptionBudget',
  'Role',
  'RoleBinding',
  'Service',
  'ServiceAccount',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
];
const without = (...kinds: readonly string[]) => usual.filter((kind) => !kinds.includes(kind));
const stamp = ['MutatingAdmissionPolicy', 'MutatingAdmissionPolicyBinding'];

const matrix: readonly {
  readonly name: string;
  readonly why: string;
  readonly values?: Readonly<Record<string, unknown>>;
  readonly kubernetes?: string;
  readonly kinds: readonly string[];
}[] = [
  { name: 'as it comes', why: 'everything that keeps numbers safe is on', kinds: usual },
  { name: 'before Kubernetes 1.36', why: 'the stamp needs its API', kubernetes: '1.35.4', kinds: without(...stamp) },
  {
    name: 'without the stamp',
    why: 'asked for',
    values: { 'admissionPolicies.stamp': false },
    kinds: without(...stamp),
  },
  {
    name: 'without policies',
    why: 'somebody has their own',
    values: { 'admissionPolicies.enabled': false },
    kinds: without(...stamp, 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'),
  },
  {
    name: 'with one replica',
    why: 'a budget would keep its node from being drained for ever',
    values: { replicas: 1 },
    kinds: without('PodDisruptionBudget'),
  },
  { name: 'without metrics', why: 'nothing listens', values: { 'metrics.enabled': false }, kinds: without('Service') },
  {
    name: 'without CRDs',
    why: 'somebody else installs them',
    values: { 'crds.install': false },
    kinds: without('CustomResourceDefinition'),
  },
  {
    name: 'with everything',
    why: 'all of it goes together',
    values: {
      'namespace.create': true,
      'serviceMonitor.enabled': true,
      'prometheusRule.enabled': true,
      'dashboard.enabled': true,
      'networkPolicy.enabled': true,
      'networkPolicy.egressPorts': [7880],
      'networkPolicy.metricsFrom': { team: 'monitoring' },
      'metrics.certificateSecret': 'trunkline-metrics',
      imagePullSecrets: [{ name: 'registry' }],
      env: [{ name: 'HTTPS_PROXY', value: 'http://proxy:3128' }],
      volumes: [{ name: 'ca', configMap: { name: 'ca' } }],
      volumeMounts: [{ name: 'ca', mountPath: '/ca' }],
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      tolerations: [{ operator: 'Exists' }],
      podAnnotations: { note: 'one' },
      podLabels: { team: 'voice' },
      priorityClassName: 'system-cluster-critical',
      options: { 'account-selector': 'team=voice', 'log-level': 'debug' },
    },
    kinds: [...usual, 'ConfigMap', 'Namespace', 'NetworkPolicy', ...ofPrometheus].toSorted(),
  },
];

describe('rendered', () => {
  test.for(matrix)('$name: exactly what is needed', async ({ kinds, kubernetes, values, why }) => {
    expect(kindsOf(await render(values, kubernetes)), why).toEqual(kinds);
  });

  test.for(matrix)('$name: the API server takes every object', async ({ values, kubernetes }) => {
    const objects = (await render(values, kubernetes)).filter(({ kind }) => !ofPrometheus.includes(kind));
    const { stdout } = await world.controlPlane.kubectl(['apply', '--server-side', '--dry-run=server', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    });
    expect(stdout.trim().split('\n')).toHaveLength(objects.length);
  });

  test('into another namespace: nothing stays behind in the usual one', async () => {
    const objects = await render({}, '1.36.0', 'telephony');
    expect(JSON.stringify(objects)).not.toContain('trunkline-system');
    const deployment = objects.find(({ kind }) => kind === 'Deployment');
    expect(deployment?.metadata.namespace).toBe('telephony');
    expect(JSON.stringify(deployment?.spec)).toContain('--namespace=telephony');
  });

  test('options become flags, and every CRD is kept on uninstall', async () => {
    const objects = await render({ options: { 'log-level': 'debug', refusals: 5 } });
    const text = JSON.stringify(objects.find(({ kind }) => kind === 'Deployment'));
    expect(text).toContain('--log-level=debug');
    expect(text).toContain('--refusals=5');
    const kept = objects.filter(({ metadata }) => metadata.annotations?.['helm.sh/resource-policy'] === 'keep');
    expect(kindsOf(kept)).toEqual(['CustomResourceDefinition']);
    expect(kept).toHaveLength(3);
  });

  test.for([
    { name: 'a name with a mistake', values: { replica: 3 }, said: 'replica' },
    { name: 'a number as text', values: { replicas: 'two' }, said: 'replicas' },
    { name: 'a flag with dashes', values: { options: { '--log-level': 'debug' } }, said: '--log-level' },
  ])('$name is refused, and the message names it', async ({ said, values }) => {
    const { code, stderr } = await template(['template', 'trunkline', chart, ...flagsOf(values)], {
      allowFailure: true,
    });
    expect(code).not.toBe(0);
    expect(stderr).toContain(said);
  });
});

test('deploy/install.yaml is current (npm run render), and the API server takes it', async () => {
  const path = projectPath('deploy/install.yaml');
  expect(await readFile(path, 'utf8')).toBe(await renderInstall(template));
  const { stdout } = await world.controlPlane.kubectl(['apply', '--server-side', '--dry-run=server', '-f', path]);
  expect(stdout).toContain('deployment.apps/trunkline serverside-applied');
});

describe('a release', () => {
  const number = {
    apiVersion: 'telephony.trunkline.dev/v1alpha1',
    kind: 'PhoneNumber',
    metadata: { name: 'reception', namespace: 'default', finalizers: ['telephony.trunkline.dev/cleanup'] },
    spec: { phoneNumber: '+15550100000', voice: { sipTrunk: {} } },
  };
  const kubectl = async (...args: readonly string[]) =>
    (await world.controlPlane.kubectl(args, { allowFailure: true })).stdout;
  const hasSms = async () =>
    await kubectl('get', 'crd', 'phonenumbers.telephony.trunkline.dev', '-o', 'jsonpath={.spec.versions[0].schema}');
  const there = async (...what: readonly string[]) =>
    (await kubectl('get', ...what, '--ignore-not-found', '-o', 'name')).trim();

  /** As of an earlier version, whose CRD lacks a field. */
  async function olderChart(): Promise<string> {
    const folder = join(world.folder, 'older-chart');
    await mkdir(folder);
    await cp(chart, folder, { recursive: true, dereference: true });
    const crd = join(folder, 'files/crds/phonenumbers.yaml');
    const text = await readFile(crd, 'utf8');
    const older = text.replace(/\n {16}sms:\n(?: {18}.*\n)+/, '\n');
    expect(older.length).toBeLessThan(text.length);
    await writeFile(crd, older);
    return folder;
  }

  test('is upgraded with its CRDs, and numbers outlive its removal and find it again', {
    timeout: 120_000,
  }, async () => {
    const inNamespace = `--namespace=${namespace}`;
    // Nothing runs without nodes, so nobody waits for it.
    const quick = [inNamespace, '--wait=hookOnly'];
    await helm(['install', 'trunkline', await olderChart(), ...quick]);
    await world.controlPlane.kubectl(['wait', 'crd', '--all', '--for=condition=Established', '--timeout=30s']);
    await world.controlPlane.kubectl(['create', '-f', '-'], { input: JSON.stringify(number) });
    expect(await hasSms()).not.toContain('"sms"');

    await helm(['upgrade', 'trunkline', chart, ...quick, '--set=replicas=1']);
    expect(await hasSms(), 'the CRD comes with the chart').toContain('"sms"');
    expect(await there('pdb', 'trunkline', inNamespace)).toBe('');
    const may = async (verb: string, what: string, ...more: readonly string[]) =>
      (await kubectl('auth', 'can-i', verb, what, `--as=system:serviceaccount:${namespace}:trunkline`, ...more)).trim();
    expect(await may('patch', 'phonenumbers.telephony.trunkline.dev', '-A')).toBe('yes');
    expect(await may('get', 'secrets', inNamespace)).toBe('yes');
    expect(await may('get', 'secrets', '--namespace=default'), 'only its own').toBe('no');

    await helm(['uninstall', 'trunkline', inNamespace]);
    expect(await there('deployment', 'trunkline', inNamespace)).toBe('');
    expect(await there('phonenumber', 'reception'), 'with its finalizer: nobody has taken it apart').not.toBe('');
    expect((await there('crd')).split('\n').filter((name) => name.includes('trunkline'))).toHaveLength(3);

    await helm(['install', 'trunkline', chart, ...quick]);
    expect(await there('deployment', 'trunkline', inNamespace)).not.toBe('');
    expect(await there('phonenumber', 'reception')).not.toBe('');
  });
});
