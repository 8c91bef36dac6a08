/**
 * The Twilio emulator as a program: `npx node test/emulator/twilio/main.ts --help`.
 * Exit codes: 0 stopped by Ctrl-C or SIGTERM, 1 cannot start (an error), 2 wrong arguments.
 */

import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { SEED, type Seed } from './seed-schema.ts';
import { startTwilioEmulator, type TwilioEmulator } from './emulator.ts';

// Used without --seed, and the example in --help.
const EXAMPLE: Seed = {
  accounts: [
    {
      accountSid: `AC${'0'.repeat(31)}1`,
      authToken: 'emulated-auth-token',
      apiKeys: { [`SK${'0'.repeat(31)}1`]: 'emulated-api-secret' },
      phoneNumbers: [{ phoneNumber: '+15005550001' }],
    },
  ],
};

const HELP = `Usage: npx node test/emulator/twilio/main.ts [--port PORT] [--seed FILE.json]

Serves a Twilio of its own on 127.0.0.1: Elastic SIP Trunking, SIP lists, incoming numbers, calls. Nothing is stored.
  --port PORT  0, the default, takes a free one
  --seed FILE  accounts to start with; without it:
${JSON.stringify(EXAMPLE, undefined, 2).replaceAll(/^/gm, '    ')}

URL/_emulator/state     GET   what every account holds, and what broke Twilio's own description
URL/_emulator/requests  GET   what came in and what became of it
URL/_emulator/faults    POST  breaks something; GET shows what is broken, DELETE repairs it all. Refuse to remove trunks:
  curl -X POST URL/_emulator/faults -d \\
    '{"method": "DELETE", "path": "^/v1/Trunks/[^/]+$", "effect": {"kind": "status", "status": 400, "code": 21247}}'
`;

async function main(): Promise<number> {
  let port: number;
  let seedFile: string | undefined;
  try {
    const options = {
      port: { type: 'string', default: '0' },
      seed: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    } as const;
    const { values } = parseArgs({ options });
    if (values.help === true) {
      process.stdout.write(HELP);
      return 0;
    }
    port = readPort(values.port);
    seedFile = values.seed;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return 2;
  }
  try {
    const seed = seedFile === undefined ? EXAMPLE : await readSeed(seedFile);
    await using emulator = await startTwilioEmulator({ port, seed });
    const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    process.stdout.write(greeting(emulator));
    await stopped;
    return 0;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return 1;
  }
}

function readPort(value: string): number {
  const port = Number(value);
  if (/^\d+$/.test(value) && port <= 65_535) return port;
  throw new Error(`Cannot use --port "${value}": it is not a number from 0 to 65535`);
}

async function readSeed(file: string): Promise<Seed> {
  try {
    return SEED.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    throw new Error(`Cannot read the seed "${file}": ${messageOf(cause)}`, { cause });
  }
}

function greeting({ url, world }: TwilioEmulator): string {
  const accounts = [...world.accounts.values()].map(
    ({ sid, phoneNumbers }) =>
      `  ${sid}  ${[...phoneNumbers.values()].map(({ phoneNumber }) => phoneNumber).join(' ') || 'no numbers'}\n`,
  );
  return `The Twilio emulator listens at ${url}, until Ctrl-C
${accounts.join('')}State:   curl ${url}/_emulator/state
Faults:  curl ${url}/_emulator/faults, and see --help
`;
}

function messageOf(error: unknown): string {
  if (error instanceof z.ZodError) return z.prettifyError(error);
  return error instanceof Error ? error.message : String(error);
}

process.exitCode = await main();
