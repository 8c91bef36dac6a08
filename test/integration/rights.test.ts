/**
 * The ServiceAccount of the operator on a real API server, by impersonation: it may do what docs/operating/security.md says,
 * and nothing else. What people may do is in admission.test.ts and in test/e2e/people.test.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { documentedGrants, type Grant, grantOf } from '../consistency/documented-rights.ts';
import { OPERATOR } from '../tools/control-plane-files.ts';
import { projectPath } from '../tools/operator-world.ts';
import type { CommandResult } from '../tools/run-command.ts';
import { startWorld, type World } from '../tools/world.ts';

const ownNamespace = 'trunkline-system';
const elsewhere = 'voice';

let world: World;

beforeAll(async () => {
  world = await startWorld({ liveKitServers: 0, controllerManager: false });
  // Without policies: a refusal must come from the rights alone.
  await world.applyManifests(['deploy/operator/namespace.yaml', 'crds', 'deploy/operator'].map(projectPath));
  await asAdministrator(['create', 'namespace', elsewhere]);
  // The controller manager would make it, and no pod is let in without.
  await asAdministrator(['create', 'serviceaccount', 'default', `--namespace=${ownNamespace}`]);
  for (const namespace of [ownNamespace, elsewhere]) {
    await asAdministrator(['create', 'secret', 'generic', 'theirs', '--from-literal=a=b', `--namespace=${namespace}`]);
    await asAdministrator(['create', 'configmap', 'theirs', `--namespace=${namespace}`]);
  }
  await asAdministrator(['create', '-f', '-', `--namespace=${elsewhere}`], number('reception'));
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

function number(name: string) {
  return {
    apiVersion: 'telephony.trunkline.dev/v1alpha1',
    kind: 'PhoneNumber',
    metadata: { name },
    spec: { phoneNumber: '+447446466847', voice: { sipTrunk: {} } },
  };
}

async function asAdministrator(args: readonly string[], input?: object): Promise<CommandResult> {
  return await world.controlPlane.kubectl(args, input === undefined ? {} : { input: JSON.stringify(input) });
}

/** A refusal is a result. */
async function asOperator(args: readonly string[], input?: object): Promise<CommandResult> {
  return await world.controlPlane.kubectl(args, {
    as: OPERATOR.user,
    asGroups: OPERATOR.groups,
    allowFailure: true,
    ...(input === undefined ? {} : { input: JSON.stringify(input) }),
  });
}

interface RulesReview {
  readonly status: {
    readonly incomplete: boolean;
    readonly resourceRules: readonly {
      readonly apiGroups?: readonly string[];
      readonly resources?: readonly string[];
      readonly verbs: readonly string[];
    }[];
    readonly nonResourceRules: readonly {
      readonly nonResourceURLs?: readonly string[];
      readonly verbs: readonly string[];
    }[];
  };
}

/** Everything that an identity may do in a namespace, by the API server's own word; cluster-scoped resources too. */
async function grantsOf(user: string, groups: readonly string[], namespace: string): Promise<ReadonlySet<Grant>> {
  const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } };
  const { stdout } = await world.controlPlane.kubectl(['create', '--validate=false', '-f', '-', '-o', 'json'], {
    as: user,
    asGroups: groups,
    input: JSON.stringify(review),
  });
  const { status } = JSON.parse(stdout) as RulesReview;
  expect(status.incomplete, 'else something could be missing').toBe(false);
  return new Set([
    ...status.resourceRules.flatMap(({ apiGroups = [], resources = [], verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => grantOf(group, resource, verb))),
      ),
    ),
    ...status.nonResourceRules.flatMap(({ nonResourceURLs = [], verbs }) =>
      nonResourceURLs.flatMap((path) => verbs.map((verb) => `${verb} ${path}`)),
    ),
  ]);
}

describe('the operator may do exactly what is written down', () => {
  test.for([
    { namespace: elsewhere, where: 'in a namespace of others' },
    { namespace: ownNamespace, where: 'in its own namespace' },
  ])('$where', async ({ namespace }) => {
    const { everywhere, ownNamespace: own } = await documentedGrants();
    const everybody = await grantsOf('system:serviceaccount:voice:default', ['system:serviceaccounts'], namespace);
    const operator = await grantsOf(OPERATOR.user, OPERATOR.groups, namespace);
    const more = [...operator].filter((grant) => !everybody.has(grant)).toSorted();
    expect(more).toEqual([...everywhere, ...(namespace === ownNamespace ? own : [])].toSorted());
  });
});

describe('the operator is refused', () => {
  const dryRun = '--dry-run=server';
  const there = `--namespace=${elsewhere}`;
  const own = `--namespace=${ownNamespace}`;
  const create = ['create', '--validate=false', dryRun, '-f', '-'];
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'thief' }, spec: restrictedSpec() };

  // kubectl reads some objects before it writes them, and is refused that already.
  test.for([
    { name: 'to read a Secret of others', args: ['get', 'secret', 'theirs', there], refusal: 'get resource "secrets"' },
    { name: 'to list all Secrets', args: ['get', 'secrets', '--all-namespaces'], refusal: 'list resource "secrets"' },
    {
      name: 'to write a Secret, also in its own namespace',
      args: ['patch', 'secret', 'theirs', own, '--type=merge', '--patch={"data":{"a":null}}', dryRun],
      refusal: 'patch resource "secrets"',
    },
    {
      name: 'to write an object of others',
      args: ['patch', 'configmap', 'theirs', there, '--type=merge', '--patch={"data":{"a":"b"}}', dryRun],
      refusal: 'get resource "configmaps"',
    },
    {
      name: 'to start a pod, which reads any Secret there',
      args: [...create, own],
      input: pod,
      refusal: 'create resource "pods"',
    },
    {
      name: 'to extend its own role',
      args: ['patch', 'clusterrole', 'trunkline-operator', '--type=merge', '--patch={"rules":[]}', dryRun],
      refusal: 'get resource "clusterroles"',
    },
    {
      name: 'to bind a role',
      args: [
        'create',
        'clusterrolebinding',
        'more',
        '--clusterrole=cluster-admin',
        '--user=thief',
        '--validate=false',
        dryRun,
      ],
      refusal: 'create resource "clusterrolebindings"',
    },
    {
      name: 'to get a token, which would outlive its pod',
      args: ['create', 'token', 'trunkline', own],
      refusal: 'create resource "serviceaccounts/token"',
    },
    {
      name: 'to create a PhoneNumber',
      args: [...create, there],
      input: number('more'),
      refusal: 'create resource "phonenumbers"',
    },
    {
      name: 'to delete a PhoneNumber: a defect must not unwire a fleet',
      args: ['delete', 'phonenumber', 'reception', there, dryRun],
      refusal: 'delete resource "phonenumbers"',
    },
    {
      name: 'to delete a CRD, which deletes every object',
      args: ['delete', 'crd', 'phonenumbers.telephony.trunkline.dev', dryRun],
      refusal: 'delete resource "customresourcedefinitions"',
    },
    {
      name: 'to take a namespace away',
      args: ['delete', 'namespace', elsewhere, dryRun],
      refusal: 'delete resource "namespaces"',
    },
  ])('$name', async ({ args, input, refusal }) => {
    const refused = await asOperator(args, input);
    expect(refused.code, refused.stdout).not.toBe(0);
    expect(refused.stderr).toContain(`User "${OPERATOR.user}" cannot ${refusal}`);
    // The same request is taken from who may: it is the rights that refuse, and no mistake in it.
    await asAdministrator(args, input);
  });

  function restrictedSpec() {
    const securityContext = {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    };
    return { containers: [{ name: 'one', image: 'example', securityContext }], automountServiceAccountToken: false };
  }
});
