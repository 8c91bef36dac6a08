// The live test, unchanged, against the emulator and a real LiveKit server: what it finds is what the emulator was told to do.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_SWITCHES, type TwilioSwitches } from '../emulator/twilio/switches.ts';
import { type OperatorWorld, projectPath, startOperatorWorld } from '../tools/operator-world.ts';
import { runCommand } from '../tools/run-command.ts';
import { nothingOutside, openScene, type Scene } from '../tools/scene.ts';

let stage: OperatorWorld;

beforeAll(async () => {
  // Without an operator: the live test has its own.
  stage = await startOperatorWorld();
});
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

const minutes = 60_000;

function variablesOf(scene: Scene): Record<string, string> {
  const { server } = stage.world.liveKit;
  return {
    TWILIO_ACCOUNT_SID: scene.accountSid,
    TWILIO_API_KEY: scene.apiKeySid,
    TWILIO_API_SECRET: scene.apiKeySecret,
    TRUNKLINE_LIVE_NUMBER: scene.phoneNumber,
    TRUNKLINE_LIVE_CONFIRM: scene.phoneNumber,
    TRUNKLINE_LIVE_TWILIO_URL: stage.twilio.url,
    TRUNKLINE_LIVE_REPORT: join(stage.world.folder, `${scene.namespace}.json`),
    TRUNKLINE_LIVE_SIP_HOST: 'example.sip.livekit.cloud',
    LIVEKIT_URL: server.url,
    LIVEKIT_API_KEY: server.apiKey,
    LIVEKIT_API_SECRET: server.apiSecret,
  };
}

async function run(variables: Readonly<Record<string, string>>, args: readonly string[] = []) {
  const program = [process.execPath, projectPath('test/live/main.ts'), ...args];
  const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const result = await runCommand('env', [...settings, ...program]);
  const shown = `${result.stdout}${result.stderr}`;
  for (const name of ['TWILIO_API_SECRET', 'LIVEKIT_API_SECRET']) {
    if (variables[name] !== undefined) expect(shown).not.toContain(variables[name]);
  }
  return { ...result, shown };
}

const notTried = [
  'releaseNumberOnTrunk',
  'liveCallTrunkSid',
  'retryAfterOnCeiling',
  'addressesPerAccessControlList',
] as const satisfies readonly (keyof TwilioSwitches)[];

describe('the live test', () => {
  const others: Partial<TwilioSwitches> = {
    invalidCredentialCode: 21240,
    attachNumberOfAnotherTrunk: 'refused',
    attachNumberTwice: 'refused',
    foreignAccountPath: 401,
    routesWithoutRegion: 'notFound',
    invalidParameterCode: 20001,
    trunkFriendlyNameCode: 20422,
    unknownFormFields: 'refused',
    deleteListWithMembers: 'refused',
    deleteListOnTrunk: 'detaches',
    deleteTrunkWithLists: 'refused',
    deleteTrunkWithOriginationUrls: 'refused',
    deleteTrunkWithNumbers: 'refused',
    emptyTrunkSid: 'refused',
    voiceUrlOnTrunkedNumber: 'clearsTrunk',
    ownDeletedDomain: 'reusable',
    unsetValues: 'null',
    sipRefusalStatus: 409,
    listOrder: 'oldestFirst',
  };
  test.for([
    { name: 'the defaults', switches: {} },
    { name: 'the other values', switches: others },
  ])('finds $name of the emulator, and leaves nothing', { timeout: 2 * minutes }, async ({ switches }) => {
    const inForce = { ...DEFAULT_SWITCHES, ...switches };
    stage.twilio.setSwitches(inForce);
    const scene = await openScene(stage);
    const variables = variablesOf(scene);
    const { code, shown } = await run(variables);
    expect(code, shown).toBe(0);
    const found = JSON.parse(await readFile(variables['TRUNKLINE_LIVE_REPORT'] ?? '', 'utf8'));
    const expected = Object.fromEntries(
      Object.entries(inForce).map(([name, value]): [string, unknown] => [
        name,
        notTried.some((one) => one === name) ? expect.stringMatching(/^not tried: /) : String(value),
      ]),
    );
    expect(found).toEqual(expected);
    expect(shown).toContain('Nothing of this run is left.');
    expect(await scene.outside()).toEqual(nothingOutside);
    expect(await stage.world.liveKit.server.isEmpty()).toBe(true);
  });

  test('cleans up what the operator could not', { timeout: 2 * minutes }, async () => {
    stage.twilio.setSwitches(DEFAULT_SWITCHES);
    const scene = await openScene(stage);
    const fault = stage.twilio.faults.add({
      method: 'POST',
      path: /\/Trunks\/TK\w+\/PhoneNumbers$/,
      account: scene.accountSid,
      effect: { kind: 'status', status: 500, code: 20500, message: 'Internal Server Error' },
    });
    const { code, shown } = await run({ ...variablesOf(scene), TRUNKLINE_LIVE_PATIENCE: '8' });
    fault.remove();
    expect(code, shown).toBe(1);
    expect(shown).toContain('is wired up did not go well');
    expect(shown).toContain('Nothing of this run is left.');
    expect(await scene.outside()).toEqual(nothingOutside);
  });

  test('says of every variable that is missing where it is found, and starts nothing', async () => {
    const { code, stderr, stdout } = await run({});
    expect(code).toBe(2);
    expect(stdout).toBe('');
    for (const name of [
      'TWILIO_ACCOUNT_SID',
      'TRUNKLINE_LIVE_NUMBER',
      'LIVEKIT_API_SECRET',
      'TRUNKLINE_LIVE_SIP_HOST',
    ]) {
      expect(stderr).toContain(`${name} is not set: `);
    }
  });

  test('does not touch a number in use, or one that is not said twice', async () => {
    const scene = await openScene(stage, { number: { voiceUrl: 'https://calls.example.com/?token=canary' } });
    const writes = () =>
      stage.twilio.requests.filter(({ account, method }) => account === scene.accountSid && method !== 'GET');
    const inUse = await run(variablesOf(scene));
    expect(inUse.code).toBe(2);
    expect(inUse.shown).toContain('is in use: Twilio routes it to a voice URL on calls.example.com');
    expect(inUse.shown).not.toContain('canary');
    const other = await run({ ...variablesOf(scene), TRUNKLINE_LIVE_CONFIRM: '+15550001111' });
    expect(other.code).toBe(2);
    expect(other.shown).toContain('TRUNKLINE_LIVE_CONFIRM is another number');
    expect(writes()).toEqual([]);
  });

  test('has a help', async () => {
    const { code, stdout } = await run({}, ['--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('npm run test:live');
  });
});
