/**
 * `npm run demo`: the whole story on real servers, told with the actual kubectl commands and their output.
 *
 * Exit codes: 0 all went as told, 1 something did not (with what was expected), 2 wrong arguments.
 */
import { join } from 'node:path';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { progressToStandardError } from '../tools/progress.ts';
import { ensureRealParts } from '../tools/real-parts.ts';
import { startOperatorWorld } from '../tools/operator-world.ts';
import { Stage } from './stage.ts';
import { tell } from './story.ts';

const help = `Usage: npm run demo [-- --keep] [-- --help]

Starts a Kubernetes control plane, a LiveKit server, an emulated Twilio and the operator, all on this machine, and shows
how phone numbers are created, deleted, corrupted, retried and force deleted. The first run builds the servers (about ten
minutes, with progress); later runs take about a minute.

  --keep   leave everything running at the end, and print how to talk to it; Ctrl-C stops it
  --help   this text
`;

async function main(): Promise<number> {
  let options: { keep?: boolean; help?: boolean };
  try {
    options = parseArgs({ options: { keep: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } }).values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    return 2;
  }
  if (options.help === true) {
    process.stdout.write(help);
    return 0;
  }
  const interrupted = once(process, 'SIGINT');
  process.stderr.write('Starting Kubernetes, LiveKit, the Twilio emulator and the operator\n');
  const { kubectl } = await ensureRealParts({ parts: ['kubectl'], progress: progressToStandardError });
  await using world = await startOperatorWorld({ progress: progressToStandardError });
  await world.startOperator();
  const stage = new Stage(world, kubectl.path);
  try {
    await tell(stage);
  } catch (error) {
    process.stderr.write(`\nThe demo did not go as told: ${error instanceof Error ? error.message : String(error)}\n`);
    process.stderr.write(
      `Last lines of the operator:\n${(await world.operatorLog()).split('\n').slice(-20).join('\n')}\n`,
    );
    return 1;
  }
  if (options.keep === true) {
    process.stdout.write(`\nEverything keeps running. Ctrl-C stops it.

  export KUBECONFIG=${world.world.controlPlane.adminKubeconfig}
  ${kubectl.path} get phonenumbers -A

  Twilio emulator  curl ${world.twilio.url}/_emulator/state
  LiveKit          export LIVEKIT_URL=${world.world.liveKit.server.url} LIVEKIT_API_KEY=${world.world.liveKit.server.apiKey} LIVEKIT_API_SECRET=${world.world.liveKit.server.apiSecret}
  operator's log   ${join(world.world.folder, 'operator', 'operator.log')}
`);
    // The pending signal alone does not keep the process alive.
    const alive = setInterval(() => undefined, 60_000);
    await interrupted;
    clearInterval(alive);
  }
  return 0;
}

process.exitCode = await main();
