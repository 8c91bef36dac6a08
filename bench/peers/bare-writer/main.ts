/**
 * The bare writer: the same four writes per object with the same number of workers, and nothing else. It watches nothing
 * and keeps nothing; the loader tells it what was created and deleted. What it reaches is the API server's own limit.
 */
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { ApiConnection, mergePatch } from '../../api/connection.ts';
import { readKubeconfig } from '../../api/kubeconfig.ts';
import { collectionPath, deletingChange, heldMetadata, readyStatusOf } from '../../phone-numbers.ts';
import { versionIn } from '../../load/load.ts';

const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string', default: '' },
    workers: { type: 'string', default: '10' },
    /** Path of the socket on which the loader tells of its writes. */
    announce: { type: 'string', default: '' },
  },
});

const api = await ApiConnection.open(await readKubeconfig(values.kubeconfig));

async function patch(path: string, resourceVersion: string, change: { metadata?: object; status?: object }) {
  const body = JSON.stringify({ ...change, metadata: { ...change.metadata, resourceVersion } });
  return versionIn(await api.expect(200, 'PATCH', path, body, mergePatch));
}

async function write(what: string, name: string, version: string): Promise<void> {
  const path = `${collectionPath}/${name}`;
  const index = Number(name.slice(name.indexOf('-') + 1));
  if (what === 'created') {
    const held = await patch(path, version, { metadata: heldMetadata(index) });
    await patch(`${path}/status`, held, { status: readyStatusOf(index) });
  } else {
    const deleting = await patch(`${path}/status`, version, { status: deletingChange(2) });
    await patch(path, deleting, { metadata: { finalizers: [] } });
  }
}

const waiting: (readonly [what: string, name: string, version: string])[] = [];
let idle = Number(values.workers);

async function work(): Promise<void> {
  idle -= 1;
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await write(...next);
  idle += 1;
}

// An earlier bare writer of this bench has left its own behind.
await rm(values.announce, { force: true });
createServer((socket) => {
  createInterface(socket).on('line', (line) => {
    const [what = '', name = '', version = ''] = line.split(' ');
    waiting.push([what, name, version]);
    if (idle > 0) void work();
  });
}).listen(values.announce, () => {
  process.stdout.write(`${JSON.stringify({ event: 'synced', at: Date.now() })}\n`);
});
process.on('SIGTERM', () => process.exit(0));
