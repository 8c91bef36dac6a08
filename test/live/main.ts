/**
 * `npm run test:live`: the operator against Twilio and LiveKit themselves, and what they really do where they document
 * nothing.
 *
 * Guarantees
 * - Without every variable nothing is started, and a number that is routed anywhere is not touched.
 * - Whatever happens, also Ctrl-C: in the end everything of this run is removed, and lists prove it; else what is left is
 *   named with the commands.
 *
 * Exit codes: 0 all went well, 1 something did not, 2 wrong or missing settings, 3 something is left.
 */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { isUnrouted, routeOf } from '../../src/reconcilers/phone-number/number-routing.ts';
import { type OperatorWorld, startOperatorWorld } from '../tools/operator-world.ts';
import { progressToStandardError } from '../tools/progress.ts';
import { connectOutside, findLeft, type Outside, sweep } from './outside.ts';
import { type Finding, findBehaviours } from './probes.ts';
import { type LiveSettings, readSettings } from './settings.ts';

const help = `Usage: npm run test:live [-- --help]

Wires one real phone number up with the real operator, takes it apart again, proves that nothing is left, and records what
Twilio really does where it documents nothing. Reads its settings from the environment; start it without them to see which
and where to find them. Nothing is bought, released or called. docs/operating/live-test.md has the whole story.

  TRUNKLINE_LIVE_REPORT=FILE   also writes the findings as JSON
  TRUNKLINE_LIVE_PATIENCE=180    seconds that each step may take
  TRUNKLINE_LIVE_TWILIO_URL=URL  an emulator in place of Twilio
`;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<number> {
  try {
    const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } });
    if (values.help === true) {
      say(help);
      return 0;
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    return 2;
  }
  const read = readSettings(process.env);
  if (read.kind === 'problems') {
    process.stderr.write(`The live test needs settings, and starts nothing without them:\n`);
    for (const problem of read.problems) process.stderr.write(`  ${problem}\n`);
    return 2;
  }
  const { settings } = read;
  const ownerId = `live-${randomBytes(4).toString('hex')}`;
  const outside = connectOutside(settings, ownerId);
  const number = await outside.twilio.findNumber(settings.phoneNumber);
  if (number === undefined) {
    process.stderr.write(`${settings.phoneNumber} is not in Twilio account ${settings.accountSid}\n`);
    return 2;
  }
  if (!isUnrouted(number)) {
    process.stderr.write(
      `${settings.phoneNumber} is in use: Twilio routes it to ${routeOf(number)}. Take a number that nobody needs, or unroute it\n`,
    );
    return 2;
  }
  say(`${settings.phoneNumber} of Twilio account ${settings.accountSid}, LiveKit ${new URL(settings.livekitUrl).host}`);
  say(`Everything of this run is called ${outside.mark}…\n`);

  // What is under way ends first: a sweep beside a working operator would be undone. Again and again they change nothing.
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      process.stderr.write('\nInterrupted: the present step ends, then everything is removed\n');
      stopping.abort(new Error('Interrupted'));
    });
  }
  let code = 0;
  try {
    await wireUp(settings, ownerId, outside, stopping.signal);
    say('\nWhat Twilio does where it documents nothing');
    const findings = await findBehaviours(settings, outside.mark, number.sid, ({ behaviour, value }) => {
      say(`  ${behaviour.padEnd(32)}${value}`);
      stopping.signal.throwIfAborted();
    });
    await report(settings, findings);
  } catch (error) {
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    code = 1;
  }
  return (await cleanUp(outside)) ? code : 3;
}

/** The number comes and goes, as a platform engineer does it. */
async function wireUp(settings: LiveSettings, ownerId: string, outside: Outside, stopping: AbortSignal): Promise<void> {
  await using stage = await startOperatorWorld({
    liveKitServers: 0,
    twilioBaseUrl: settings.twilioBaseUrl ?? 'twilio.com',
    isPatient: true,
    progress: progressToStandardError,
  });
  await stage.startOperator();
  const { controlPlane } = stage.world;
  await controlPlane.kubectl(['apply', '-f', '-'], { input: JSON.stringify(manifests(settings, ownerId)) });
  const step = async (what: string, args: readonly string[]): Promise<void> => {
    stopping.throwIfAborted();
    const startedAt = performance.now();
    const result = await controlPlane.kubectl(args, { allowFailure: true });
    if (result.code !== 0) throw new Error(`${what} did not go well:\n${await describe(stage)}`);
    say(`  ${what.padEnd(32)}${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  };
  const named = ['phonenumber', 'live', '--namespace=live'];
  const timeout = `--timeout=${settings.patienceSeconds}s`;
  say('The number');
  await step('is wired up', ['wait', ...named, '--for=condition=Ready', timeout]);
  const change = '{"spec":{"voice":{"sipTrunk":{"outbound":{"enabled":false,"allowedCidrs":[]}}}}}';
  await controlPlane.kubectl(['patch', ...named, '--type=merge', `--patch=${change}`]);
  const synced = '--for=jsonpath={.status.conditions[?(@.type=="Synced")].observedGeneration}=2';
  await step('loses its outbound calls', ['wait', ...named, synced, timeout]);
  await controlPlane.kubectl(['delete', ...named, '--wait=false']);
  await step('is taken apart', ['wait', ...named, '--for=delete', timeout]);
  const left = await findLeft(outside);
  if (left.length > 0) throw new Error(`The operator left something behind:\n${left.join('\n')}`);
  say('  leaves nothing behind, by complete lists of both providers');
}

async function describe({ world, operatorLog }: OperatorWorld): Promise<string> {
  const { stdout } = await world.controlPlane.kubectl(['describe', 'phonenumber,telephonyaccount', '-A'], {
    allowFailure: true,
  });
  return `${stdout}\n${(await operatorLog()).split('\n').slice(-20).join('\n')}`;
}

function manifests(settings: LiveSettings, ownerId: string): object {
  const secret = (name: string, stringData: Readonly<Record<string, string>>) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'trunkline-system' },
    stringData,
  });
  const apiVersion = 'telephony.trunkline.dev/v1alpha1';
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'live' } },
      secret('twilio', { apiKeySid: settings.apiKeySid, apiKeySecret: settings.apiKeySecret }),
      secret('livekit', { apiKey: settings.livekitApiKey, apiSecret: settings.livekitApiSecret }),
      {
        apiVersion,
        kind: 'TelephonyAccount',
        metadata: { name: 'default' },
        spec: {
          twilio: { accountSid: settings.accountSid, credentialsSecretRef: { name: 'twilio' } },
          livekit: { url: settings.livekitUrl, sipHost: settings.sipHost, credentialsSecretRef: { name: 'livekit' } },
          ownerId,
          allowedNamespaces: { names: ['live'] },
        },
      },
      {
        apiVersion,
        kind: 'PhoneNumber',
        metadata: { name: 'live', namespace: 'live' },
        spec: {
          phoneNumber: settings.phoneNumber,
          drainTimeout: '0s',
          voice: { sipTrunk: { outbound: { enabled: true, allowedCidrs: ['192.0.2.0/24'] } } },
        },
      },
    ],
  };
}

async function report({ report: file }: LiveSettings, findings: readonly Finding[]): Promise<void> {
  if (file === undefined) return;
  const values = Object.fromEntries(findings.map(({ behaviour, value }) => [behaviour, value]));
  await writeFile(file, `${JSON.stringify(values, undefined, 2)}\n`);
  say(`\nWritten: ${file}`);
}

/** @returns whether lists prove that nothing is left */
async function cleanUp(outside: Outside): Promise<boolean> {
  try {
    await sweep(outside);
    const left = await findLeft(outside);
    if (left.length === 0) {
      say('\nNothing of this run is left.');
      return true;
    }
    process.stderr.write(`\nLEFT BEHIND, to be removed by hand:\n${left.join('\n')}\n`);
  } catch (error) {
    process.stderr.write(
      `\nCannot clean up: ${error instanceof Error ? error.message : String(error)}\nLook for names that begin with ${outside.mark} at Twilio and LiveKit\n`,
    );
  }
  return false;
}

process.exitCode = await main();
