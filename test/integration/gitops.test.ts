// What GitOps tools make of our objects: kstatus, which Flux waits by, and the health scripts for Argo CD, run by the Lua that
// Argo CD has, on the statuses that the operator writes.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { leftoversOfIds } from '../../src/reconcilers/phone-number/leftovers.ts';
import type { PhoneNumberStatus } from '../../src/reconcilers/phone-number/model.ts';
import { storedStatus } from '../../src/reconcilers/phone-number/schema.ts';
import {
  corruptedStatus,
  deletionBegunStatus,
  provisioningStatus,
  readyStatus,
  recordOf,
  suspendedStatus,
  troubledStatus,
} from '../../src/reconcilers/phone-number/status.ts';
import { schemaAt, schemaOf, readDefinition } from '../consistency/custom-resource-definition.ts';
import { projectPath } from '../tools/operator-world.ts';
import { ensureRealParts } from '../tools/real-parts.ts';
import { runCommand } from '../tools/run-command.ts';
import { createTemporaryFolder, type TemporaryFolder } from '../tools/temporary-folder.ts';
import { identity, inboundSet, phoneNumber } from '../unit/phone-number/fixtures.ts';

let folder: TemporaryFolder;
let program: string;

beforeAll(async () => {
  folder = await createTemporaryFolder('trunkline-gitops-');
  program = (await ensureRealParts({ parts: ['gitops'] })).gitops.path;
  const { data }: { data: Readonly<Record<string, string>> } = parse(
    await readFile(projectPath('deploy/gitops/argocd-cm.yaml'), 'utf8'),
  );
  for (const kind of ['PhoneNumber', 'TelephonyAccount']) {
    const script = data[`resource.customizations.health.telephony.trunkline.dev_${kind}`];
    if (script === undefined) throw new Error(`There is no health script for ${kind}`);
    await writeFile(scriptOf(kind), script);
  }
}, 300_000);
afterAll(async () => {
  await folder?.[Symbol.asyncDispose]();
});

function scriptOf(kind: string): string {
  return join(folder.path, `${kind}.lua`);
}

interface Seen {
  readonly status: string;
  readonly message: string;
}

async function judge(args: readonly string[], object: object): Promise<Seen> {
  const { code, stderr, stdout } = await runCommand(program, args, { input: JSON.stringify([object]) });
  if (code !== 0) throw new Error(stderr);
  const [seen] = JSON.parse(stdout);
  return seen;
}

const now = '2026-03-01T00:00:00Z';
const { uid: _uid, ...pin } = identity;
const fresh = phoneNumber();
const set = inboundSet();
const webhooks = { isSettled: true, webhooks: {} };
const ready = readyStatus(fresh, pin, set, { ...webhooks, outboundIsOpen: false }, now);
const wasReady = phoneNumber(storedStatus(ready));
const leftovers = leftoversOfIds(identity, { trunkSid: 'TK1' }, 'CleanupFailed', 'no');
const noAnswer = { reason: 'ProviderError', message: 'no answer', stalled: false, callsGoOn: true } as const;

const cases: readonly {
  readonly name: string;
  readonly why: string;
  readonly status?: PhoneNumberStatus;
  readonly generation?: number;
  readonly deleting?: boolean;
  readonly argo: string;
  readonly kstatus: string;
}[] = [
  { name: 'nobody has looked yet', why: 'a sync has to wait', argo: 'Progressing', kstatus: 'InProgress' },
  {
    name: 'it is being wired up',
    why: 'it ends by itself',
    status: provisioningStatus(fresh, pin, recordOf(set), 'working', now),
    argo: 'Progressing',
    kstatus: 'InProgress',
  },
  { name: 'it is ready', why: 'calls are answered', status: ready, argo: 'Healthy', kstatus: 'Current' },
  {
    name: 'it is ready, and has been edited since',
    why: 'what it says is about another spec',
    status: ready,
    generation: 4,
    argo: 'Progressing',
    kstatus: 'InProgress',
  },
  {
    name: 'calls go on, and an update is tried again',
    why: 'the spec is not in force yet',
    status: troubledStatus(wasReady, pin, recordOf(set), noAnswer, now),
    argo: 'Progressing',
    kstatus: 'Current',
  },
  {
    name: 'it is suspended on purpose',
    why: 'that is what the spec says',
    status: suspendedStatus(fresh, pin, set, { ...webhooks, message: 'kept off' }, now),
    argo: 'Suspended',
    kstatus: 'InProgress',
  },
  {
    name: 'a person has to act',
    why: 'waiting helps nobody',
    status: troubledStatus(
      fresh,
      undefined,
      recordOf(set),
      { reason: 'NumberUnusable', message: 'no', stalled: true },
      now,
    ),
    argo: 'Degraded',
    kstatus: 'Failed',
  },
  {
    name: 'the number is not there',
    why: 'it is looked for again, but somebody should know',
    status: troubledStatus(
      fresh,
      undefined,
      recordOf(set),
      { reason: 'NumberNotFound', message: 'no', stalled: false },
      now,
    ),
    argo: 'Degraded',
    kstatus: 'InProgress',
  },
  {
    name: 'it is being taken apart',
    why: 'it ends by itself',
    status: deletionBegunStatus(wasReady, pin, 'Delete', now),
    deleting: true,
    argo: 'Progressing',
    kstatus: 'Terminating',
  },
  {
    name: 'it is Corrupted',
    why: 'something is left that may cost money',
    status: corruptedStatus(wasReady, { ids: {} }, 'CleanupFailed', leftovers, now),
    deleting: true,
    argo: 'Degraded',
    kstatus: 'Terminating',
  },
];

async function objectOf({ deleting, generation = 3, status }: (typeof cases)[number]): Promise<object> {
  const { default: initial } = schemaAt(schemaOf(await readDefinition('phonenumbers')), 'status');
  return {
    apiVersion: 'telephony.trunkline.dev/v1alpha1',
    kind: 'PhoneNumber',
    metadata: {
      name: 'reception',
      namespace: 'voice',
      generation,
      ...(deleting === true && { deletionTimestamp: now }),
    },
    spec: {},
    status: status === undefined ? initial : storedStatus(status),
  };
}

describe('a PhoneNumber', () => {
  test.for(cases)('$name: Argo CD says $argo', async (one) => {
    const { message, status } = await judge(['health', scriptOf('PhoneNumber')], await objectOf(one));
    expect(status, one.why).toBe(one.argo);
    expect(message).not.toBe('');
  });

  test.for(cases)('$name: kstatus says $kstatus', async (one) => {
    expect((await judge(['kstatus'], await objectOf(one))).status, one.why).toBe(one.kstatus);
  });
});

describe('a TelephonyAccount', () => {
  const accounts = [
    { name: 'new', conditions: undefined, argo: 'Progressing', kstatus: 'Current' },
    { name: 'ready', conditions: { status: 'True', reason: 'Ready' }, argo: 'Healthy', kstatus: 'Current' },
    { name: 'paused', conditions: { status: 'False', reason: 'Paused' }, argo: 'Suspended', kstatus: 'InProgress' },
    {
      name: 'refused',
      conditions: { status: 'False', reason: 'CredentialsRefused' },
      argo: 'Degraded',
      kstatus: 'InProgress',
    },
    {
      name: 'edited since',
      conditions: { status: 'True', reason: 'Ready', observedGeneration: 1 },
      argo: 'Progressing',
      kstatus: 'InProgress',
    },
  ] as const;
  test.for(accounts)('that is $name', async ({ argo, conditions, kstatus }) => {
    const ofReady = {
      type: 'Ready',
      observedGeneration: 2,
      message: 'so it is',
      lastTransitionTime: now,
      ...conditions,
    };
    const object = {
      apiVersion: 'telephony.trunkline.dev/v1alpha1',
      kind: 'TelephonyAccount',
      metadata: { name: 'default', generation: 2 },
      ...(conditions !== undefined && {
        status: { observedGeneration: ofReady.observedGeneration, conditions: [ofReady] },
      }),
    };
    expect((await judge(['health', scriptOf('TelephonyAccount')], object)).status).toBe(argo);
    expect((await judge(['kstatus'], object)).status).toBe(kstatus);
  });
});
