/**
 * The loader process: reads commands from standard input, one JSON document a line, and answers each with one line.
 *
 * It ends with its standard input. With `--announce` it tells the bare writer of each create and delete.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { ApiConnection } from '../api/connection.ts';
import { readKubeconfig } from '../api/kubeconfig.ts';
import { Churn } from './churn.ts';
import { type Answer, type Command, commandSchema } from './commands.ts';
import { type Announce, Load } from './load.ts';
import { populate, purge } from './populate.ts';

const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string', default: '' },
    concurrency: { type: 'string', default: '20' },
    /** Path of a socket. */
    announce: { type: 'string', default: '' },
  },
});

async function announcer(path: string): Promise<Announce> {
  if (path === '') return () => undefined;
  const socket = connect(path);
  await once(socket, 'connect');
  return (what, name, resourceVersion) => socket.write(`${what} ${name} ${resourceVersion}\n`);
}

const address = await readKubeconfig(values.kubeconfig);
const writing = await ApiConnection.open(address);
const load = new Load(
  writing,
  await ApiConnection.open(address),
  Number(values.concurrency),
  await announcer(values.announce),
);

async function carryOut(command: Command): Promise<Partial<Answer>> {
  const startedAt = performance.now();
  const elapsed = () => ({ seconds: (performance.now() - startedAt) / 1_000 });
  switch (command.do) {
    case 'create':
      return await load.createReady(command);
    case 'delete':
      return await load.deleteGone(command);
    case 'send':
      await load.send(command);
      return elapsed();
    case 'populate':
      await populate(load, writing, command);
      return elapsed();
    case 'purge':
      await purge(load, writing, command);
      return elapsed();
    case 'churn':
      return { ...(await new Churn(load, writing, command).run()), ...elapsed() };
  }
}

load.watch().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
for await (const line of createInterface(process.stdin)) {
  let answer: Partial<Answer>;
  try {
    answer = await carryOut(commandSchema.parse(JSON.parse(line)));
  } catch (error) {
    answer = { seconds: 0, error: error instanceof Error ? error.message : String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);
