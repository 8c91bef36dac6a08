/**
 * An adversary: whatever people, providers, the API server and crashes do in whatever order, once they leave off and time
 * passes there is exactly one set, or nothing, or a record of what is left that somebody asked for.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parsePhoneNumber } from '../../src/reconcilers/phone-number/schema.ts';
import type { IdentityReason, Verdict } from '../../src/reconcilers/shared/verdict.ts';
import type { Fault } from '../fakes/effects.ts';
import { existing, expectGone, expectQuiet, expectReady } from '../fakes/expectations.ts';
import { outsideOf, reachOf, watch } from '../fakes/oracles.ts';
import { runUntilSettled } from '../fakes/run-until-settled.ts';
import { inboundOnly, key, phoneNumber, World } from '../fakes/world.ts';

const minute = 60_000;
const foreignTrunk = `TK${'f'.repeat(32)}`;

const operations = [
  'createTrunk',
  'deleteTrunk',
  'createOriginationUrl',
  'createInboundTrunk',
  'createDispatchRule',
  'updateDispatchRule',
  'deleteDispatchRule',
  'deleteLiveKitTrunk',
  'createCredentialList',
  'attachCredentialList',
  'detachCredentialList',
  'deleteCredentialList',
  'createCredential',
  'deleteCredential',
  'createIpAccessControlList',
  'createIpAddress',
  'deleteIpAccessControlList',
  'createOutboundTrunk',
  'attachNumber',
  'detachNumber',
  'findNumber',
  'readNumber',
  'proveAccount',
  'listTrunks',
  'readTrunk',
  'readInboundTrunk',
  'read',
  'listByNumber',
  'patchMetadata',
  'patchStatus',
  'createOrphanRecord',
] as const;

const verdicts: readonly Verdict[] = [
  { kind: 'unknownOutcome', message: 'no answer in time' },
  { kind: 'unknownOutcome', message: 'answered with HTTP 503' },
  { kind: 'refused', code: '21403', message: 'refused' },
  { kind: 'conflict', code: '20409', message: 'busy' },
  { kind: 'rateLimited', afterMs: 30_000, message: 'slow down' },
  { kind: 'identity', reason: 'CredentialsRefused', message: 'HTTP 401' },
];

/** A request may be applied all the same only when nobody knows its outcome. */
const fault = fc.record({
  kind: fc.constant('fault' as const),
  operation: fc.constantFrom(...operations),
  verdict: fc.constantFrom(...verdicts),
  applied: fc.constantFrom<Fault['applied']>('never', 'atOnce', 5_000, 45_000),
  times: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constant(Number.POSITIVE_INFINITY)),
});
const crash = fc.record({
  kind: fc.constant('crash' as const),
  atCall: fc.nat({ max: 30 }),
  applied: fc.constantFrom<Fault['applied']>('never', 'atOnce', 5_000, 45_000),
});
const act = fc.constantFrom(
  'edit',
  'outbound on',
  'outbound off',
  'addresses',
  'no addresses',
  // More often than the rest: most of what can go wrong needs them.
  'delete',
  'delete',
  'delete',
  'confirm',
  'confirm',
  'confirm',
  'retry',
  'misspell',
  'withdraw',
  'retry',
  'reconcile',
  'route elsewhere',
  'unroute',
  'remove the trunk',
  'restart',
  'take over',
  'silence the watch',
  'wake the watch',
  'slow',
  'quick',
  'pause',
  'resume',
  'break Twilio',
  'break LiveKit',
  'repair',
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;
const step = fc.oneof(
  { weight: 3, arbitrary: fault },
  { weight: 3, arbitrary: crash },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('act' as const), act }) },
  // The way to Corrupted is long: a removal that is refused, a deletion, and time.
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('corrupt' as const),
      operation: fc.constantFrom('deleteTrunk', 'detachNumber', 'deleteDispatchRule', 'deleteCredentialList'),
    }),
  },
  // In the middle of whatever the operator is doing.
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('actAtCall' as const), act, atCall: fc.nat({ max: 30 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.constantFrom(0, 2_000, minute, 20 * minute, 90 * minute),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Adversary {
  readonly world = new World();
  outbound: readonly string[] | undefined;
  #tokens = 0;

  constructor() {
    watch(this.world);
    this.world.store.create({ ...key, spec: inboundOnly });
  }

  async take(one: Step): Promise<void> {
    const { effects } = this.world;
    switch (one.kind) {
      case 'fault': {
        const { operation, verdict, times } = one;
        effects.fail(operation, verdict, verdict.kind === 'unknownOutcome' ? one.applied : 'never', times);
        return;
      }
      case 'corrupt':
        effects.fail(one.operation, { kind: 'refused', code: '21403', message: 'refused' });
        this.act('delete');
        await runUntilSettled(this.world, { horizonMs: 5 * minute });
        return;
      case 'crash':
        effects.add({ ...this.#atCall(one.atCall), verdict: noAnswer, applied: one.applied, crashes: true });
        return;
      case 'act':
        this.act(one.act);
        return;
      case 'actAtCall': {
        const { matches } = this.#atCall(one.atCall);
        let isDone = false;
        effects.beforeWrite.push(() => {
          if (isDone || !matches()) return;
          isDone = true;
          this.act(one.act);
        });
        return;
      }
      case 'wait':
        await runUntilSettled(this.world, { horizonMs: one.ms });
        return;
    }
  }

  act(one: Act): void {
    const { accounts, account, effects, store } = this.world;
    const object = store.get(key);
    const isLiving = object !== undefined && object.metadata.deletionTimestamp === undefined;
    switch (one) {
      case 'edit':
        this.#tokens += 1;
        if (isLiving) this.#edit({ dispatch: { agents: [{ agentName: `agent-${this.#tokens}` }] } });
        return;
      case 'outbound on':
        if (!isLiving) return;
        this.outbound ??= [];
        this.#edit({ outbound: { enabled: true } });
        return;
      case 'outbound off':
        if (!isLiving) return;
        this.outbound = undefined;
        this.#edit({ outbound: { enabled: false, allowedCidrs: [] } });
        return;
      case 'addresses':
        if (!isLiving) return;
        this.outbound = ['192.0.2.0/24', '198.51.100.7/32'];
        this.#edit({ outbound: { enabled: true, allowedCidrs: this.outbound } });
        return;
      case 'no addresses':
        if (!isLiving || this.outbound === undefined) return;
        this.outbound = [];
        this.#edit({ outbound: { allowedCidrs: [] } });
        return;
      case 'delete':
        if (object !== undefined) store.delete(key);
        return;
      case 'confirm':
      case 'misspell':
      case 'withdraw':
        if (object === undefined) return;
        store.annotate(key, 'force-delete', { confirm: 'confirmed', misspell: 'yes', withdraw: undefined }[one]);
        return;
      case 'retry':
      case 'reconcile':
        this.#tokens += 1;
        if (object !== undefined)
          store.annotate(key, `telephony.trunkline.dev/${one === 'retry' ? 'retry-delete' : one}`, `${this.#tokens}`);
        return;
      case 'route elsewhere':
        account.changeNumber(phoneNumber, { trunkSid: foreignTrunk });
        return;
      case 'unroute':
        account.changeNumber(phoneNumber, { trunkSid: '' });
        return;
      case 'remove the trunk':
        for (const { sid } of account.trunks.values()) {
          account.trunks.delete(sid);
          if (account.numberOf(phoneNumber)?.trunkSid === sid) account.changeNumber(phoneNumber, { trunkSid: '' });
        }
        return;
      case 'restart':
        this.world.restart();
        return;
      case 'take over':
        this.world.takeOver();
        return;
      case 'silence the watch':
      case 'wake the watch':
        store.isWatchSilent = one.startsWith('silence');
        return;
      case 'slow':
      case 'quick':
        effects.latencyMs = one === 'slow' ? 1_100 : 0;
        return;
      case 'pause':
      case 'resume':
        this.world.defaultAccount.paused = one === 'pause';
        return;
      case 'break Twilio':
      case 'break LiveKit': {
        const reason: IdentityReason = this.#tokens % 2 === 0 ? 'CredentialsRefused' : 'AccountUnavailable';
        Object.assign(this.world.defaultAccount, {
          [one.endsWith('Twilio') ? 'twilioProblem' : 'livekitProblem']: reason,
        });
        return;
      }
      case 'repair':
        Object.assign(this.world.defaultAccount, { twilioProblem: undefined, livekitProblem: undefined });
        expect(accounts.accounts.size).toBe(1);
        return;
    }
  }

  /** Everything works again, and time passes. */
  async leaveOff(): Promise<void> {
    const { account, effects } = this.world;
    effects.faults.length = 0;
    effects.beforeWrite.length = 0;
    effects.afterWrite.length = 0;
    watch(this.world);
    for (const one of ['wake the watch', 'quick', 'resume', 'repair'] as const) this.act(one);
    if (account.numberOf(phoneNumber)?.trunkSid === foreignTrunk) this.act('unroute');
    await runUntilSettled(this.world);
    this.act('reconcile');
    await runUntilSettled(this.world);
  }

  #edit(sipTrunk: Readonly<Record<string, unknown>>): void {
    this.world.store.editSpec(key, { voice: { sipTrunk } });
  }

  #atCall(atCall: number) {
    let seen = -1;
    return {
      matches: () => {
        seen += 1;
        return seen === atCall;
      },
      times: 1,
    };
  }
}

const noAnswer: Verdict = { kind: 'unknownOutcome', message: 'no answer in time' };

async function judge(adversary: Adversary): Promise<void> {
  const { world } = adversary;
  const object = world.store.get(key);
  const records = [...world.store.records.values()];
  if (object === undefined) {
    // Either somebody confirmed (the oracles saw to it that it was while it was Corrupted), or nothing is left. A process
    // that starts while the last write of the one before is on its way may take its success for somebody else's doing.
    if (records.some(({ cause }) => cause === 'ForceDelete')) return;
    world.store.records.clear();
    await expectGone(world);
  } else if (object.metadata.deletionTimestamp === undefined) {
    await expectReady(world, adversary.outbound && { addresses: adversary.outbound });
  } else {
    expect(parsePhoneNumber(object).status.phase, 'it is gone or says why not').toBe('Corrupted');
    await expectQuiet(world);
    adversary.act('withdraw');
    adversary.act('retry');
    await runUntilSettled(world);
    await expectGone(world);
  }
}

test('an adversary that leaves off some day has changed nothing in the end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 40, size: 'max' }), async (steps) => {
      const adversary = new Adversary();
      for (const one of steps) await adversary.take(one);
      await adversary.leaveOff();
      await judge(adversary);
    }),
    { numRuns: 150 },
  );
}, 600_000);

test('the adversary gets far enough to be one', async () => {
  const adversary = new Adversary();
  await adversary.take({ kind: 'wait', ms: minute });
  expect(reachOf(adversary.world)).toBe('answered');
  adversary.act('delete');
  await adversary.take({
    kind: 'fault',
    operation: 'deleteTrunk',
    verdict: verdicts[2] ?? noAnswer,
    applied: 'never',
    times: 6,
  });
  await adversary.take({ kind: 'wait', ms: 20 * minute });
  expect(parsePhoneNumber(existing(adversary.world)).status.phase).toBe('Corrupted');
  adversary.act('confirm');
  await adversary.take({ kind: 'wait', ms: minute });
  expect(outsideOf(adversary.world)).not.toEqual([]);
  await judge(adversary);
});
