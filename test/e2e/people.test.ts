/**
 * What people see and may do, in their own roles: the roles view, edit and admin that every cluster has, with what
 * Trunkline adds to them, bound in one namespace. All they have is kubectl.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CommandResult } from '../tools/run-command.ts';
import { inboundOutside, nothingOutside, openScene, type Scene } from '../tools/scene.ts';
import { openTarget } from './open-target.ts';
import type { Target } from './target.ts';

let target: Target;

beforeAll(async () => {
  target = await openTarget();
  await target.scale(1);
});
afterAll(async () => {
  await target?.[Symbol.asyncDispose]();
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') process.stderr.write(await target.logs());
  target.stage.twilio.faults.clear();
  target.stage.twilio.assertNoViolations();
});

/** Who has which role in the namespace of a scene; the stranger has none. */
type Person = 'admin' | 'editor' | 'viewer' | 'stranger';
const roles = { admin: 'admin', editor: 'edit', viewer: 'view' } as const;

/** A scene whose namespace has people in it. */
async function openOffice() {
  const scene = await openScene(target.stage);
  const kubectl = async (person: Person, args: readonly string[], input?: unknown): Promise<CommandResult> =>
    await target.stage.world.controlPlane.kubectl([`--namespace=${scene.namespace}`, ...args], {
      as: person,
      allowFailure: true,
      ...(input === undefined ? {} : { input: JSON.stringify(input) }),
    });
  for (const [person, role] of Object.entries(roles)) {
    await scene.kubectl(['create', 'rolebinding', person, `--clusterrole=${role}`, `--user=${person}`]);
  }
  // Roles are put together, and bindings are heard of, a moment after they are written.
  const mayForce = async () =>
    (await kubectl('admin', ['auth', 'can-i', 'force-delete', 'phonenumbers'])).stdout.trim();
  await expect.poll(mayForce, { timeout: 20_000, interval: 100 }).toBe('yes');
  return { scene, kubectl };
}

function refuseTrunkDeletion(scene: Scene): void {
  target.stage.twilio.faults.add({
    method: 'DELETE',
    path: /^\/v1\/Trunks\/TK\w+$/,
    account: scene.accountSid,
    effect: { kind: 'status', status: 400, code: 21634, message: 'Trunk is used for emergency calling' },
  });
}

const applies = [
  { name: 'client-side apply', args: ['apply', '-f', '-'] },
  { name: 'server-side apply', args: ['apply', '--server-side', '-f', '-'] },
] as const;

describe.for(applies)('with $name', ({ args }) => {
  test('an editor wires a number up, changes it, reapplies it without effect, and takes it apart', async () => {
    const { scene, kubectl } = await openOffice();
    const apply = async (manifest: object) => await kubectl('editor', args, manifest);
    expect(await apply(scene.manifest())).toMatchObject({ code: 0, stderr: '' });
    await kubectl('editor', ['wait', 'phonenumber', scene.name, '--for=condition=Ready', '--timeout=40s']);
    expect(await scene.outside()).toEqual(inboundOutside);

    const changed = scene.manifest({ dispatch: { agents: [{ agentName: 'night-shift' }] } });
    expect(await apply(changed), 'what the operator writes is in nobody’s way').toMatchObject({ code: 0, stderr: '' });
    const agents = async () => (await scene.livekit()).dispatchRules.map(({ roomConfig }) => roomConfig);
    await expect.poll(agents, { timeout: 20_000 }).toEqual([{ agents: [{ agentName: 'night-shift' }] }]);
    await scene.waitUntil('Synced', ['--for=condition=Synced']);

    const { generation } = await metadata(scene);
    expect(await apply(changed)).toMatchObject({ code: 0, stderr: '' });
    expect((await metadata(scene)).generation, 'GitOps applies the same for ever').toBe(generation);

    const deleted = await kubectl('editor', ['delete', 'phonenumber', scene.name, '--timeout=40s']);
    expect(deleted).toMatchObject({ code: 0, stderr: expect.stringContaining('get phonenumber reception -w') });
    expect(await scene.outside()).toEqual(nothingOutside);
  });
});

async function metadata(scene: Scene): Promise<{ readonly generation: number }> {
  const { stdout } = await scene.kubectl(['get', 'phonenumber', scene.name, '-o', 'json']);
  return JSON.parse(stdout).metadata;
}

describe('the way out of a deletion that fails', () => {
  test('too early is refused, an editor retries, and may not force; an admin may, and the record stays', async () => {
    const { scene, kubectl } = await openOffice();
    const force = ['annotate', 'phonenumber', scene.name, 'force-delete=confirmed'];
    await kubectl('editor', ['apply', '-f', '-'], scene.manifest());
    await scene.waitForPhase('Ready');
    const tooEarly = await kubectl('admin', force);
    expect(tooEarly.stderr).toContain('Force delete is only allowed for corrupted phone numbers; reception is Ready');

    refuseTrunkDeletion(scene);
    await kubectl('editor', ['delete', 'phonenumber', scene.name, '--wait=false']);
    await scene.waitForPhase('Corrupted');
    const again = await kubectl('editor', ['delete', 'phonenumber', scene.name, '--wait=false']);
    expect(again.stderr, 'who is impatient is told what helps').toContain('deleting again does nothing');

    const token = 'telephony.trunkline.dev/retry-delete=1';
    expect((await kubectl('editor', ['annotate', 'phonenumber', scene.name, token])).code).toBe(0);
    await scene.waitUntil('handled', ['--for', 'jsonpath={.status.deletion.lastHandledRetry}=1']);
    await scene.waitForPhase('Corrupted');

    const byEditor = await kubectl('editor', force);
    expect(byEditor.stderr).toContain('needs the verb force-delete on phonenumbers; the role admin has it');
    expect(await scene.exists()).toBe(true);
    expect(await kubectl('admin', force)).toMatchObject({ code: 0 });
    await scene.waitUntilGone();
    expect(await scene.outside(), 'nothing was called any more').toEqual({
      ...nothingOutside,
      trunks: 1,
      originationUrls: 1,
    });
    expect(await scene.orphanRecords()).toMatchObject([{ spec: { cause: 'ForceDelete', confirmedBy: 'admin' } }]);
  });

  test('nobody can declare a number corrupted, or take the finalizer off, to get around it', async () => {
    const { scene, kubectl } = await openOffice();
    await scene.createReady();
    const patch = (body: object) => ['patch', 'phonenumber', scene.name, '--type=merge', '-p', JSON.stringify(body)];
    const forged = await kubectl('admin', [...patch({ status: { phase: 'Corrupted' } }), '--subresource=status']);
    // kubectl reads before it patches, and the first of the two is refused already.
    expect(forged.stderr).toMatch(/cannot (get|patch) resource "phonenumbers\/status"/);
    const freed = await kubectl('admin', patch({ metadata: { finalizers: null } }));
    expect(freed.stderr).toContain('may be removed only with the verb remove-finalizer');
    await scene.requestDelete();
    await scene.waitUntilGone();
    expect(await scene.outside()).toEqual(nothingOutside);
  });
});

describe('rights', () => {
  test('a viewer looks and does not touch, a stranger sees nothing, and nobody sees credentials', async () => {
    const { scene, kubectl } = await openOffice();
    await scene.createReady();
    expect((await kubectl('viewer', ['get', 'phonenumbers'])).stdout).toContain(scene.phoneNumber);
    expect((await kubectl('viewer', ['delete', 'phonenumber', scene.name])).stderr).toContain('forbidden');
    const seen = await kubectl('stranger', ['get', 'phonenumbers']);
    expect(seen.stdout).toBe('');
    expect(seen.stderr).toContain('User "stranger" cannot list resource "phonenumbers"');
    for (const person of ['admin', 'editor', 'viewer', 'stranger'] as const) {
      const { stdout } = await kubectl(person, ['get', 'secrets', '--namespace=trunkline-system']);
      expect(stdout, `${person} has no business in the operator’s namespace`).toBe('');
    }
    const elsewhere = await openOffice();
    await elsewhere.scene.kubectl(['delete', 'rolebinding', 'admin', 'editor', 'viewer']);
    const denied = async () => (await elsewhere.kubectl('admin', ['get', 'phonenumbers'])).code;
    await expect.poll(denied, { timeout: 20_000, interval: 100 }).toBe(1);
    await scene.requestDelete();
    await scene.waitUntilGone();
  });
});

describe('what kubectl shows', () => {
  test('explain has a text for every field that people write', async () => {
    const { kubectl } = await openOffice();
    const { stdout } = await kubectl('viewer', ['explain', 'phonenumber.spec', '--recursive=false']);
    expect(stdout).toMatch(/KIND: +PhoneNumber/);
    expect(stdout).not.toContain('<no description>');
    const policy = await kubectl('viewer', ['explain', 'phonenumber.spec.deletionPolicy']);
    expect(policy.stdout).toMatch(/Delete[\s\S]*Orphan/);
  });

  test('get --watch follows a number from its first moment to its last', async () => {
    const { scene, kubectl } = await openOffice();
    // Ends by itself; what it has printed by then is the story.
    const watching = kubectl('viewer', [
      'get',
      'phonenumber',
      '--watch',
      '--request-timeout=12s',
      '-o',
      'jsonpath={.metadata.name} {.status.phase}{"\\n"}',
    ]);
    await scene.createReady();
    await scene.requestDelete();
    await scene.waitUntilGone();
    const phases = (await watching).stdout.split('\n').filter((line) => line !== '');
    const story = phases.filter((phase, index) => phase !== phases[index - 1]);
    expect(story).toEqual(['reception Pending', 'reception Ready', 'reception Deleting']);
  });

  test('describe tells a Corrupted number’s ways out and what is left, and no secret', async () => {
    const { scene, kubectl } = await openOffice();
    await scene.createReady();
    refuseTrunkDeletion(scene);
    await scene.requestDelete();
    await scene.waitForPhase('Corrupted');
    const { stdout } = await kubectl('viewer', ['describe', 'phonenumber', scene.name]);
    expect(stdout).toContain('force-delete=confirmed');
    expect(stdout).toContain('telephony.trunkline.dev/retry-delete=');
    expect(stdout).toContain(`twilio api:trunking:v1:trunks:remove --sid ${scene.twilio().trunks[0]?.sid}`);
    expect(stdout).not.toContain(scene.apiKeySecret);
    target.stage.twilio.faults.clear();
    await scene.annotate('telephony.trunkline.dev/retry-delete=1');
    await scene.waitUntilGone();
    expect(await scene.outside()).toEqual(nothingOutside);
  });
});
