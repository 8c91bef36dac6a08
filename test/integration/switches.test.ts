// What Twilio documents nowhere must not matter: a number comes and goes cleanly under every value of every switch.
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
