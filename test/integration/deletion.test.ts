// Every row of the deletion table (DESIGN 3.3) on real servers, with the admission policies and without them: the rules
// hold either way, only "who may" rests on the policies.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type OperatorWorld, startOperatorWorld } from '../tools/operator-world.ts';
import {
  inboundOutside,
  nothingOutside,
  openScene,
  outboundSpec,
  type Scene,
  type SeenPhoneNumber,
} from '../tools/scene.ts';

const retryAnnotation = 'telephony.trunkline.dev/retry-delete';

describe.each([{ policies: true }, { policies: false }])('with policies: $policies', ({ policies }) => {
  let stage: OperatorWorld;
  beforeAll(async () => {
    stage = await startOperatorWorld({ policies });
    await stage.startOperator();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });
  afterEach(() => {
    stage.twilio.faults.clear();
    stage.twilio.assertNoViolations();
  });

  /** A Corrupted number whose trunk Twilio refuses to delete (21634: used for emergency calling). */
  async function corrupted(spec: object = {}): Promise<{ scene: Scene; seen: SeenPhoneNumber }> {
    const scene = await openScene(stage);
    await scene.createReady(spec);
    refuseTrunkDeletion(scene);
    await scene.requestDelete();
    return { scene, seen: await scene.waitForPhase('Corrupted') };
  }

  function refuseTrunkDeletion(scene: Scene) {
    return stage.twilio.faults.add({
      method: 'DELETE',
      path: /^\/v1\/Trunks\/TK\w+$/,
      account: scene.accountSid,
      effect: { kind: 'status', status: 400, code: 21634, message: 'Trunk is used for emergency calling' },
    });
  }

  test('a definite refusal makes it Corrupted, with exactly what is left and how to remove it', async () => {
    const { scene, seen } = await corrupted(outboundSpec);
    expect(seen.metadata.finalizers).toContain('telephony.trunkline.dev/cleanup');
    expect(seen.status.leftovers).toMatchObject([
      { kind: 'Trunk', id: scene.twilio().trunks[0]?.sid, state: 'Present', reason: 'CleanupFailed', risk: 'Billing' },
    ]);
    expect(seen.status.leftovers?.[0]?.removeCommand).toContain(
      `twilio api:trunking:v1:trunks:remove --sid ${scene.twilio().trunks[0]?.sid}`,
    );
    expect(await scene.outside(), 'the other removals went on').toEqual({
      ...nothingOutside,
      trunks: 1,
      originationUrls: 1,
    });
  });

  test('Corrupted is left alone: no call and no write until somebody decides', async () => {
    const { scene, seen } = await corrupted();
    stage.twilio.clearRequests();
    await scene.kubectl(['delete', 'phonenumber', scene.name, '--wait=false']);
    await scene.annotate('unrelated=1');
    expect(stage.twilio.requests.filter(({ account }) => account === scene.accountSid)).toEqual([]);
    expect((await scene.read()).status).toEqual(seen.status);
  });

  test('a retry after the cause is gone ends the deletion without force', async () => {
    const { scene } = await corrupted();
    stage.twilio.faults.clear();
    await scene.annotate(`${retryAnnotation}=1`);
    await scene.waitUntilGone();
    expect(await scene.outside()).toEqual(nothingOutside);
    expect(await scene.orphanRecords()).toEqual([]);
  });

  test('a retry whose cause is still there becomes Corrupted again', async () => {
    const { scene } = await corrupted();
    await scene.annotate(`${retryAnnotation}=1`);
    await scene.waitUntil('handled', ['--for', 'jsonpath={.status.deletion.lastHandledRetry}=1']);
    const seen = await scene.waitForPhase('Corrupted');
    expect(seen.status.deletion).toMatchObject({ policy: 'Delete', lastHandledRetry: '1' });
  });

  test('whoever removed the leftovers by hand ends it with a retry', async () => {
    const { scene } = await corrupted();
    // Somebody at the console, where the refusal does not hold.
    const trunk = scene.twilio().trunks[0]?.sid ?? '';
    stage.twilio.world.account(scene.accountSid).trunks.delete(trunk);
    await scene.annotate(`${retryAnnotation}=1`);
    await scene.waitUntilGone();
    expect(await scene.orphanRecords()).toEqual([]);
  });

  test('force lets go without a call, and a record stays', async () => {
    const { scene, seen } = await corrupted();
    stage.twilio.clearRequests();
    await scene.annotate('force-delete=confirmed');
    await scene.waitUntilGone();
    expect(stage.twilio.requests.filter(({ account }) => account === scene.accountSid)).toEqual([]);
    expect(await scene.outside()).toEqual({ ...nothingOutside, trunks: 1, originationUrls: 1 });
    expect(await scene.orphanRecords()).toMatchObject([
      {
        spec: {
          cause: 'ForceDelete',
          phoneNumber: scene.phoneNumber,
          name: scene.name,
          uid: seen.metadata.uid,
          pinned: { accountSid: scene.accountSid },
          items: [{ kind: 'Trunk', id: scene.twilio().trunks[0]?.sid }],
        },
      },
    ]);
    await expect
      .poll(async () => (await scene.kubectl(['get', 'events', '-o', 'jsonpath={.items[*].message}'])).stdout)
      .toContain('Phone number force deleted successfully. Please manually cleanup external resources if needed.');
  });

  test('force wins over a retry token', async () => {
    const { scene } = await corrupted();
    await scene.kubectl(['annotate', 'phonenumber', scene.name, `${retryAnnotation}=1`, 'force-delete=confirmed']);
    await scene.waitUntilGone();
    expect(await scene.outside()).toMatchObject({ trunks: 1 });
    expect(await scene.orphanRecords()).toHaveLength(1);
  });

  test('deletionPolicy Orphan touches nothing and leaves a record', async () => {
    const scene = await openScene(stage);
    await scene.createReady({}, { deletionPolicy: 'Orphan' });
    stage.twilio.clearRequests();
    await scene.requestDelete();
    await scene.waitUntilGone();
    expect(stage.twilio.requests.filter(({ account }) => account === scene.accountSid)).toEqual([]);
    expect(await scene.outside()).toEqual(inboundOutside);
    expect(await scene.orphanRecords()).toMatchObject([{ spec: { cause: 'Orphan', phoneNumber: scene.phoneNumber } }]);
  });

  test('a policy the operator does not know is Corrupted at once, without a call', async () => {
    const scene = await openScene(stage);
    await scene.createReady({}, { deletionPolicy: 'Recycle' });
    stage.twilio.clearRequests();
    await scene.requestDelete();
    const seen = await scene.waitForPhase('Corrupted');
    expect(seen.status.conditions.find(({ type }) => type === 'Corrupted')).toMatchObject({
      status: 'True',
      reason: 'UnknownDeletionPolicy',
    });
    expect(stage.twilio.requests.filter(({ account }) => account === scene.accountSid)).toEqual([]);
    expect(await scene.outside()).toEqual(inboundOutside);
  });

  test('refused credentials end as Corrupted, and the right ones with a retry clean up', async () => {
    const scene = await openScene(stage);
    await scene.createReady();
    const { apiKeys } = stage.twilio.world.account(scene.accountSid);
    const before = [...apiKeys];
    apiKeys.clear();
    await scene.requestDelete();
    const seen = await scene.waitForPhase('Corrupted');
    expect(seen.status.leftovers).toMatchObject([
      { kind: 'NumberAttachment', state: 'Unknown', reason: 'CredentialsRefused' },
      { kind: 'DispatchRule' },
      { kind: 'InboundTrunk' },
      { kind: 'Trunk', state: 'Unknown', reason: 'CredentialsRefused' },
      { kind: 'Credential', state: 'Unknown' },
      { kind: 'CredentialList', state: 'Unknown' },
      { kind: 'IpAccessControlList', state: 'Unknown' },
    ]);
    expect(seen.status.conditions.find(({ type }) => type === 'Corrupted')?.message).toMatch(/^CALLS MAY STILL ARRIVE/);
    expect(await scene.outside(), 'a number that may still ring keeps its agent').toEqual(inboundOutside);
    for (const [sid, secret] of before) apiKeys.set(sid, secret);
    await scene.annotate(`${retryAnnotation}=1`);
    await scene.waitUntilGone();
    expect(await scene.outside()).toEqual(nothingOutside);
  });

  test('a number that cannot be detached keeps its agent until the trunk is gone', async () => {
    const scene = await openScene(stage);
    await scene.createReady();
    stage.twilio.faults.add({
      method: 'DELETE',
      path: /\/PhoneNumbers\//,
      account: scene.accountSid,
      effect: { kind: 'status', status: 400, code: 21634, message: 'Number is used for emergency calling' },
    });
    await scene.requestDelete();
    await scene.waitUntilGone();
    expect(await scene.outside(), 'deleting the trunk let the number go').toEqual(nothingOutside);
  });

  test('a trunk that was renamed by hand is not deleted, and not forgotten', async () => {
    const scene = await openScene(stage);
    await scene.createReady();
    const [trunk] = stage.twilio.world.account(scene.accountSid).trunks.values();
    if (trunk !== undefined) trunk.friendlyName = 'ours now';
    await scene.requestDelete();
    const seen = await scene.waitForPhase('Corrupted');
    expect(seen.status.leftovers?.find(({ kind }) => kind === 'Trunk')).toMatchObject({
      reason: 'OwnershipUnknown',
      id: trunk?.sid,
    });
    expect((await scene.outside())['trunks']).toBe(1);
  });

  if (policies) {
    test('force on a healthy number is refused with the exact text', async () => {
      const scene = await openScene(stage);
      await scene.createReady();
      const { code, stderr } = await scene.annotate('force-delete=confirmed', { allowFailure: true });
      expect(code).toBe(1);
      expect(stderr).toContain('Force delete is only allowed for corrupted phone numbers');
      await scene.requestDelete();
      await scene.waitUntilGone();
    });
  } else {
    test('an annotation that was there before is taken off when it becomes Corrupted, and forces nothing', async () => {
      const scene = await openScene(stage);
      await scene.createReady();
      refuseTrunkDeletion(scene);
      await scene.annotate('force-delete=confirmed');
      await scene.requestDelete();
      const seen = await scene.waitForPhase('Corrupted');
      expect(seen.metadata.annotations).not.toHaveProperty('force-delete');
      await scene.annotate('force-delete=confirmed');
      await scene.waitUntilGone();
      expect(await scene.orphanRecords()).toHaveLength(1);
    });

    test('any other value does nothing', async () => {
      const { scene, seen } = await corrupted();
      await scene.annotate('force-delete=yes');
      await expect
        .poll(async () => (await scene.kubectl(['get', 'events', '-o', 'jsonpath={.items[*].message}'])).stdout)
        .toContain('the only one is "confirmed"');
      expect((await scene.read()).status).toEqual(seen.status);
    });

    test('a finalizer that was removed from a living number is put back', async () => {
      const scene = await openScene(stage);
      await scene.createReady();
      await scene.kubectl([
        'patch',
        'phonenumber',
        scene.name,
        '--type=merge',
        '-p',
        '{"metadata":{"finalizers":null}}',
      ]);
      await scene.waitUntil('finalizer', [
        '--for',
        'jsonpath={.metadata.finalizers[0]}=telephony.trunkline.dev/cleanup',
      ]);
      await scene.requestDelete();
      await scene.waitUntilGone();
      expect(await scene.outside()).toEqual(nothingOutside);
    });
  }

  test('a call in progress: the number is detached at once, and the rest goes when the call has ended', async () => {
    const scene = await openScene(stage);
    await scene.createReady();
    const { sid: phoneNumberSid } = stage.twilio.phoneNumber(scene.phoneNumber);
    const call = { from: '+15550100', to: scene.phoneNumber, phoneNumberSid, status: 'in-progress' };
    stage.twilio.seed({ accounts: [{ accountSid: scene.accountSid, calls: [call] }] });
    await scene.requestDelete();
    await scene.waitUntil('draining', ['--for', 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}=Draining']);
    expect(await scene.outside()).toEqual({ ...inboundOutside, attached: 0 });
    stage.twilio.world.account(scene.accountSid).calls.clear();
    await scene.waitUntilGone();
    expect(await scene.outside()).toEqual(nothingOutside);
  });
});
