/**
 * Lists and caches a kind, and says how many objects there are: started with little memory by kubernetes-transport.test.ts.
 */
import { systemClock } from '../../src/controller/system-clock.ts';
import { connectKubernetes } from '../../src/providers/kubernetes/connect.ts';
import { ObjectCache } from '../../src/providers/kubernetes/object-cache.ts';
import { collectionPath } from '../../src/providers/kubernetes/objects.ts';
import { phasesOf, phoneNumbers } from '../../src/providers/kubernetes/phone-number-store.ts';
import { Watcher } from '../../src/providers/kubernetes/watcher.ts';

const [, , kubeconfig = ''] = process.argv;
const log = {
  warn: (fields: unknown, message: string) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
};
const timing = { clock: systemClock, timers: systemClock };
const transport = await connectKubernetes({ kubeconfig, userAgent: 'test', deadlineMs: 10_000, log, ...timing });
const target = new ObjectCache({ phase: phasesOf }, log);
const path = collectionPath(phoneNumbers);
const stopping = new AbortController();
const running = new Watcher({ transport, path, target, fraction: () => 0, log, ...timing }).run(stopping.signal);
await target.whenSynced(AbortSignal.timeout(100_000));
process.stdout.write(`${target.list().length} ${target.byIndex('phase', 'Ready').length}\n`);
stopping.abort();
await running;
transport.close();
