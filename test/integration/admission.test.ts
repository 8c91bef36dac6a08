/**
 * The admission policies and roles of deploy/, attacked on a real API server.
 *
 * Attacks are dry runs: the API server judges them as it judges real requests, and the objects stay as they are.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { finalizer, forceDeleteByAnnotation as stamp } from '../../src/reconcilers/phone-number/names.ts';
import {
  type Actor,
  finalizerAttempts,
  forceAttempts,
  forgedStamp,
  laterWrites,
  merge,
  objects,
  phoneNumber,
  specAttempts,
  stampAttempts,
  tooEarly,
  withForce,
  withoutFinalizer,
} from '../consistency/admission-attempts.ts';
import { sendToApiServer } from '../consistency/api-server-request.ts';
import { OPERATOR } from '../tools/control-plane-files.ts';
import type { KubectlOptions } from '../tools/control-plane.ts';
import type { CommandResult } from '../tools/run-command.ts';
import { startWorld, type World } from '../tools/world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld({ liveKitServers: 0, controllerManager: false });
  const folders = ['crds', 'deploy/operator', 'deploy/policies'];
  await world.applyManifests(folders.map((folder) => fileURLToPath(new URL(`../../${folder}`, import.meta.url))));
  await kubectl(['create', 'namespace', 'voice']);
  for (const role of ['view', 'edit', 'admin']) {
    const users = ['--user=chief', ...(role === 'admin' ? [] : ['--user=editor'])];
    await kubectl(['create', 'rolebinding', role, '--namespace=voice', `--clusterrole=trunkline-${role}`, ...users]);
  }
  await prepareObjects();
  await untilPoliciesAct();
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

async function kubectl(args: readonly string[], options: KubectlOptions = {}): Promise<CommandResult> {
  return await world.controlPlane.kubectl(args, options);
}

/** Runs kubectl in the namespace; a refusal is a result. */
async function act(actor: Actor, args: readonly string[], input?: unknown): Promise<CommandResult> {
  const { operatorKubeconfig } = world.controlPlane;
  return await kubectl([...args, '--namespace=voice'], {
    allowFailure: true,
    ...(actor === 'operator' ? { kubeconfig: operatorKubeconfig } : {}),
    ...(actor === 'editor' || actor === 'chief' ? { as: actor } : {}),
    ...(input === undefined ? {} : { input: JSON.stringify(input) }),
  });
}

async function prepareObjects(): Promise<void> {
  const items = objects.map(({ name, finalizers, spec }) => phoneNumber(name, { finalizers }, spec));
  await kubectl(['create', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
  for (const { name, phase } of objects) {
    const patch = ['--subresource=status', '--type=merge', `--patch=${JSON.stringify({ status: { phase } })}`];
    await kubectl(['patch', 'phonenumber', name, '--namespace=voice', ...patch]);
  }
  const deleted = objects.filter((object) => object.deleted).map(({ name }) => name);
  await kubectl(['delete', 'phonenumber', ...deleted, '--namespace=voice', '--wait=false']);
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (await isSo()) return;
    await delay(100);
  }
  throw new Error(`Cannot go on: ${what} has no effect after 10 s`);
}

async function readStamp(args: readonly string[], actor: Actor = 'chief'): Promise<string> {
  const { stdout } = await act(actor, [...args, `-o=jsonpath={.metadata.annotations.${stamp.replaceAll('.', '\\.')}}`]);
  return stdout;
}

const confirm = ['annotate', 'phonenumber', 'corrupted', 'force-delete=confirmed', '--dry-run=server'];

/** Policies take effect a moment after they were created. */
async function untilPoliciesAct(): Promise<void> {
  await until('the guard', async () => {
    const { stderr } = await act('chief', ['annotate', 'pn', 'ready', 'force-delete=confirmed', '--dry-run=server']);
    return stderr.includes(tooEarly);
  });
  await until('the uninstall guard', async () => {
    const { code } = await act('administrator', [
      'delete',
      'crd',
      'phonenumbers.telephony.trunkline.dev',
      '--dry-run=server',
    ]);
    return code !== 0;
  });
  await until('the delete notice', async () => {
    const { stderr } = await act('chief', ['delete', 'pn', 'ready', '--dry-run=server']);
    return stderr.includes('Warning');
  });
  await until('the stamp', async () => (await readStamp(confirm)) === 'chief');
  // So that the tables have an object on which it was confirmed.
  await kubectl(['annotate', 'pn', 'confirmed', 'force-delete=confirmed', '--namespace=voice'], { as: 'chief' });
}

describe('the guard', () => {
  test.for([
    ...forceAttempts,
    ...stampAttempts,
    ...finalizerAttempts,
    ...specAttempts,
    ...laterWrites.map((attempt) => ({ ...attempt, name: `lets later writes pass: ${attempt.name}` })),
  ])('$name', async ({ actor, args, input, refusal, why }) => {
    const { code, stderr } = await act(actor, [...args, '--dry-run=server'], input);
    if (refusal === undefined) expect({ code, stderr }, why).toEqual({ code: 0, stderr: '' });
    else {
      expect(stderr, why).toContain(refusal);
      expect(stderr, 'kubectl says "is forbidden" only for the reason Forbidden').toContain('is forbidden');
    }
  });

  test('the operator can write the status of a confirmed number, and metadata in it change nothing', async () => {
    const patch = { metadata: { finalizers: null, annotations: { other: 'x' } }, status: { routing: 'Detached' } };
    const path = '/apis/telephony.trunkline.dev/v1alpha1/namespaces/voice/phonenumbers/confirmed/status?dryRun=All';
    const { code, text } = await sendToApiServer(world.controlPlane, OPERATOR, { method: 'PATCH', path, body: patch });
    expect(code, text).toBe(200);
    const { metadata, status } = JSON.parse(text) as { metadata: Record<string, unknown>; status: object };
    expect(metadata['finalizers'], 'the finalizer must not leave by the side door').toEqual([finalizer]);
    expect(metadata['annotations'], 'a confirmation must not come in by the side door').not.toHaveProperty('other');
    expect(status, 'the status itself is written').toMatchObject({ phase: 'Corrupted', routing: 'Detached' });
  });

  test('an admin confirms, the name of the admin stands there, and the operator lets the number go', async () => {
    expect((await act('chief', ['annotate', 'pn', 'let-go', 'force-delete=confirmed', `${stamp}=editor`])).code).toBe(
      0,
    );
    expect(await readStamp(['get', 'pn', 'let-go']), 'whatever the request said').toBe('chief');
    expect((await act('operator', merge('let-go', withoutFinalizer))).code).toBe(0);
    expect((await act('chief', ['get', 'pn', 'let-go'])).stderr).toContain('NotFound');
  });

  test('applying the confirmation again and again keeps name and annotation', async () => {
    const apply = ['apply', '--server-side', '--force-conflicts', '--field-manager=gitops', '-f', '-'];
    const manifest = phoneNumber('confirmed', withForce);
    for (const actor of ['chief', 'editor', 'chief'] as const) {
      const { code, stderr } = await act(actor, apply, manifest);
      expect(code, `an unchanged confirmation is not judged again: ${stderr}`).toBe(0);
      expect(await readStamp(['get', 'pn', 'confirmed']), 'the first to confirm has confirmed').toBe('chief');
    }
  });
});

describe('the delete notice', () => {
  test.for([
    {
      on: 'ready',
      notice: 'external resources are being removed; progress: kubectl -n voice get phonenumber ready -w',
      why: 'kubectl waits without a word',
    },
    {
      on: 'leaving',
      notice: 'external resources are being removed; progress: kubectl -n voice get phonenumber leaving -w',
      why: 'deleting again changes nothing',
    },
    {
      on: 'corrupted',
      notice: 'deleting again does nothing: see kubectl -n voice describe phonenumber corrupted',
      why: 'somebody has to decide',
    },
    { on: 'abandoned', notice: 'nothing outside is removed and calls go on', why: 'it costs money from now on' },
    { on: 'fresh', notice: undefined, why: 'nothing was ever made' },
  ])('tells what happens to a $on number', async ({ on, notice, why }) => {
    const { code, stderr } = await act('editor', ['delete', 'pn', on, '--dry-run=server', '--wait=false']);
    expect(code, `${why}: a notice never refuses: ${stderr}`).toBe(0);
    if (notice === undefined) expect(stderr, why).toBe('');
    else expect(stderr, why).toContain(notice);
  });
});

describe('the uninstall guard', () => {
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const ours = ['phonenumbers', 'telephonyaccounts', 'orphanrecords'].map((name) => `${name}.telephony.trunkline.dev`);

  test.for(ours)('refuses to delete %s, by name and in a collection', async (name) => {
    const byName = await act('administrator', ['delete', 'crd', name, '--dry-run=server']);
    expect(byName.stderr).toContain('annotate it telephony.trunkline.dev/uninstall=confirmed first');
    const raw = `${crds}?dryRun=All&fieldSelector=metadata.name=${name}`;
    const inCollection = await act('administrator', ['delete', '--raw', raw]);
    expect(inCollection.stderr, 'such a request names no object').toContain('uninstall=confirmed');
  });

  test('lets a CRD go that was released, and those of others', async () => {
    const [name = ''] = ours;
    await act('administrator', ['annotate', 'crd', name, 'telephony.trunkline.dev/uninstall=yes']);
    const wrong = await act('administrator', ['delete', 'crd', name, '--dry-run=server']);
    expect(wrong.code, 'one word and no other').not.toBe(0);
    await act('administrator', ['annotate', '--overwrite', 'crd', name, 'telephony.trunkline.dev/uninstall=confirmed']);
    const released = await act('administrator', ['delete', 'crd', name, '--dry-run=server']);
    expect(released.code, released.stderr).toBe(0);
    await act('administrator', ['annotate', 'crd', name, 'telephony.trunkline.dev/uninstall-']);
    const foreign = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'phonenumbers.example.com' },
      spec: {
        group: 'example.com',
        names: { kind: 'PhoneNumber', plural: 'phonenumbers' },
        scope: 'Namespaced',
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    };
    await act('administrator', ['create', '-f', '-'], foreign);
    const other = await act('administrator', ['delete', 'crd', foreign.metadata.name]);
    expect(other.code, other.stderr).toBe(0);
  });
});

describe('rights', () => {
  const none = { operator: false, editor: false, chief: false };
  test.for([
    { may: 'patch phonenumbers', ...none, operator: true, editor: true, chief: true, why: 'everybody writes them' },
    { may: 'delete phonenumbers', ...none, editor: true, chief: true, why: 'the operator never deletes one' },
    { may: 'create phonenumbers', ...none, editor: true, chief: true, why: 'nor creates one' },
    { may: 'patch phonenumbers/status', ...none, operator: true, why: 'who writes it could forge Corrupted' },
    { may: 'update phonenumbers/status', ...none, why: 'nobody replaces it' },
    { may: 'force-delete phonenumbers', ...none, chief: true, why: 'only admins let go without clean-up' },
    { may: 'remove-finalizer phonenumbers', ...none, operator: true, why: 'only the operator lets go' },
    { may: 'watch telephonyaccounts', ...none, operator: true, why: 'they are cluster-scoped' },
    { may: 'patch telephonyaccounts', ...none, operator: true, why: 'its finalizer keeps an account in use' },
    { may: 'create telephonyaccounts', ...none, why: 'they are the trust boundary' },
    { may: 'create orphanrecords', ...none, operator: true, why: 'only the operator records' },
    { may: 'delete orphanrecords', ...none, operator: true, why: 'a number that lives on needs no record' },
    { may: 'watch namespaces', ...none, operator: true, why: 'accounts select them by label' },
    { may: 'create events', ...none, operator: true, why: 'what happened is told' },
    { may: 'patch events.events.k8s.io', ...none, operator: true, why: 'repeats are counted' },
    { may: 'get secrets', ...none, why: 'those of users are none of the operator’s business' },
  ])('to $may', async ({ may, why, operator, editor, chief }) => {
    const [verb = '', resource = '', subresource] = may.split(/[ /]/);
    // A namespace would turn a question about a cluster-scoped kind into one about that namespace.
    const scope = ['telephonyaccounts', 'orphanrecords', 'namespaces'].includes(resource) ? [] : ['--namespace=voice'];
    const args = ['auth', 'can-i', verb, resource, ...scope, ...(subresource ? [`--subresource=${subresource}`] : [])];
    const { operatorKubeconfig: kubeconfig } = world.controlPlane;
    const answers = await Promise.all(
      [{ kubeconfig }, { as: 'editor' }, { as: 'chief' }].map(async (who) => {
        const { stdout } = await kubectl(args, { ...who, allowFailure: true });
        return stdout.trim();
      }),
    );
    const expected = [operator, editor, chief].map((is) => (is ? 'yes' : 'no'));
    expect(answers, why).toEqual(expected);
  });

  test('the operator reads Secrets in its own namespace only', async () => {
    const kubeconfig = world.controlPlane.operatorKubeconfig;
    const question = async (namespace: string) =>
      (
        await kubectl(['auth', 'can-i', 'watch', 'secrets', namespace], { kubeconfig, allowFailure: true })
      ).stdout.trim();
    expect(await question('--namespace=trunkline-system')).toBe('yes');
    expect(await question('--all-namespaces')).toBe('no');
  });
});

describe('without the stamp, as before Kubernetes 1.36', () => {
  beforeAll(async () => {
    await kubectl(['delete', 'mutatingadmissionpolicybinding', 'stamp.telephony.trunkline.dev']);
    await until('taking the stamp away', async () => (await readStamp(confirm)) === '');
  });

  test.for([
    { name: 'a confirmation passes without a name', by: [], why: 'who confirmed is then unknown', refused: false },
    { name: 'nobody can name somebody else', by: [`${stamp}=editor`], why: 'that would be a lie', refused: true },
    { name: 'one’s own name passes', by: [`${stamp}=chief`], why: 'it is true', refused: false },
  ])('$name', async ({ by, why, refused }) => {
    const { code, stderr } = await act('chief', [...confirm, ...by]);
    if (refused) expect(stderr, why).toContain(forgedStamp);
    else expect({ code, stderr }, why).toEqual({ code: 0, stderr: '' });
  });
});

describe('the operator in the cluster', () => {
  const file = fileURLToPath(new URL('../../deploy/install.yaml', import.meta.url));

  test('is a pod that its namespace admits, which demands the restricted profile', async () => {
    const installed = parseAllDocuments(await readFile(file, 'utf8')).map((document) => document.toJS());
    const { metadata, spec } = installed.find(({ kind }) => kind === 'Deployment').spec.template;
    const send = async (changed: object) => {
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...metadata, name: 'one' },
        spec: { ...spec, ...changed },
      };
      const args = ['create', '--dry-run=server', '--namespace=trunkline-system', '-f', '-'];
      return await kubectl(args, { input: JSON.stringify(pod), allowFailure: true });
    };
    expect((await send({})).stderr).toBe('');
    expect((await send({ hostNetwork: true })).stderr, 'the profile is looked at').toContain('violates PodSecurity');
  });
});
