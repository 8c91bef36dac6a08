// What Twilio documents nowhere must not matter: a number comes and goes cleanly under every value of every switch, also
// one that is taken over.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_SWITCHES, SWITCH_VARIANTS } from '../emulator/twilio/switches.ts';
import { type OperatorWorld, startOperatorWorld } from '../tools/operator-world.ts';
import { nothingOutside, openScene, outboundOutside, outboundSpec } from '../tools/scene.ts';

let stage: OperatorWorld;

beforeAll(async () => {
  stage = await startOperatorWorld();
  await stage.startOperator();
});
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

describe('a number with outbound calls comes and goes', () => {
  test.for(SWITCH_VARIANTS)('$name', async ({ switches }) => {
    stage.twilio.setSwitches({ ...DEFAULT_SWITCHES, ...switches });
    const scene = await openScene(stage);
    await scene.createReady(outboundSpec);
    expect(await scene.outside()).toEqual(outboundOutside);
    await scene.requestDelete();
    await scene.waitUntilGone();
    expect(await scene.outside()).toEqual(nothingOutside);
    expect(await scene.orphanRecords(), 'nothing was given up').toEqual([]);
    stage.twilio.assertNoViolations();
  });
});

describe('a number that is taken over', () => {
  const application = `AP${'a'.repeat(32)}`;
  const foreignTrunk = { sid: `TK${'f'.repeat(32)}`, friendlyName: 'theirs' };
  const routes = [
    { route: 'an application', number: { voiceApplicationSid: application }, trunks: [], after: application },
    { route: 'another trunk', number: { trunkSid: foreignTrunk.sid }, trunks: [foreignTrunk], after: '' },
  ];
  const variants = [
    { name: 'defaults', switches: {} },
    { name: 'a number on another trunk cannot be attached', switches: { attachNumberOfAnotherTrunk: 'refused' } },
  ] as const;
  test.for(routes.flatMap((route) => variants.map((variant) => ({ ...route, ...variant }))))(
    'from $route comes, and goes back: $name',
    async ({ after, number, switches, trunks }) => {
      stage.twilio.setSwitches({ ...DEFAULT_SWITCHES, ...switches });
      const scene = await openScene(stage, { number, twilio: { trunks } });
      await scene.apply(scene.manifest({}, { takeover: true }));
      await scene.waitForPhase('Ready');
      expect(stage.twilio.phoneNumber(scene.phoneNumber).trunkSid).not.toBe(number.trunkSid ?? '');
      await scene.requestDelete();
      await scene.waitUntilGone();
      expect(stage.twilio.phoneNumber(scene.phoneNumber)).toMatchObject({ trunkSid: '', voiceApplicationSid: after });
      expect(
        scene.twilio().trunks.map(({ sid }) => sid),
        'a trunk of others stays',
      ).toEqual(trunks.map(({ sid }) => sid));
      stage.twilio.assertNoViolations();
    },
  );
});
