/**
 * Calls: how many requests each kind of work costs at Twilio and at LiveKit, as they arrive at the emulator and at a real
 * LiveKit server. Nothing is timed: the counts are the same on every machine.
 */
import type { TwilioEmulator } from '../../test/emulator/twilio/emulator.ts';
import type { FaultProxy } from '../../test/tools/fault-proxy.ts';
import { type OperatorWorld, startOperatorWorld } from '../../test/tools/operator-world.ts';
import { openScene, outboundSpec, type Scene } from '../../test/tools/scene.ts';
import type { Figure } from '../figures/figure.ts';
import type { Section } from '../figures/report.ts';
import type { Bench } from './bench.ts';

/** DESIGN section 7. */
const mostOfTrunks = 10;
const mostOfNumbers = 30;
const trunks = 100;
const numbers = 10_000;
/** Of those, how many are made at LiveKit at the same time. */
const atOnce = 50;

interface Counted {
  readonly what: string;
  readonly twilio: number;
  readonly livekit: number;
  /** Of a resync: requests of the account's probe, which are not in the counts. */
  readonly probe?: number;
}

/** An account is probed and surveyed when it is seen first, and not again. */
const onlyOnce = ['--account-check-interval=24h', '--account-probe-interval=24h'];
const limits = { maxConcurrentRequests: 20, requestsPerSecond: 1_000 };
const existing = `TK${'e'.repeat(32)}`;

/** One number's life: what it is created from, and what is changed. */
const lives: readonly {
  readonly title: string;
  readonly sipTrunk?: object;
  readonly spec?: object;
  readonly change: { readonly title: string; readonly patch: object };
  readonly hasTrunk?: boolean;
}[] = [
  {
    title: 'inbound only',
    change: {
      title: 'another agent',
      patch: { voice: { sipTrunk: { dispatch: { agents: [{ agentName: 'night' }] } } } },
    },
  },
  {
    title: 'with outbound calls and one allowed range',
    sipTrunk: outboundSpec,
    change: {
      title: 'outbound calls off',
      patch: { voice: { sipTrunk: { outbound: { enabled: false, allowedCidrs: [] } } } },
    },
  },
  {
    title: 'on an existing trunk',
    sipTrunk: { existingTrunkSid: existing },
    hasTrunk: true,
    change: {
      title: 'another agent',
      patch: { voice: { sipTrunk: { dispatch: { agents: [{ agentName: 'night' }] } } } },
    },
  },
  {
    title: 'to a webhook',
    spec: { voice: { webhook: { url: 'https://example.com/voice' } } },
    change: { title: 'another URL', patch: { voice: { webhook: { url: 'https://example.com/other' } } } },
  },
  {
    title: 'inbound only, with text messages',
    spec: { sms: { url: 'https://example.com/sms' } },
    change: { title: 'no text messages', patch: { sms: null } },
  },
];

export async function calls({ progress }: Bench): Promise<Section> {
  await using stage = await startOperatorWorld({ progress });
  // What an account costs by itself is counted apart.
  await stage.startOperator(onlyOnce);
  const counted: Counted[] = [];
  for (const life of lives) counted.push(...(await livesOf(stage, life)));
  progress(`calls: a resync of ${trunks} trunks …`);
  const ofTrunks = await resync(stage, await crowdedScene(stage));
  progress(`calls: a resync of ${numbers} numbers …`);
  const ofNumbers = await resync(stage, await wideScene(stage));
  return section(counted, ofTrunks, ofNumbers);
}

async function livesOf(stage: OperatorWorld, life: (typeof lives)[number]): Promise<readonly Counted[]> {
  const scene = await openScene(stage, {
    livekitUrl: stage.world.liveKit.proxy.url,
    account: { limits },
    ...(life.hasTrunk === true && { twilio: { trunks: [{ sid: existing, friendlyName: 'theirs' }] } }),
  });
  await ready(scene);
  const create = await count(stage, scene, async () => {
    await scene.apply(scene.manifest(life.sipTrunk, life.spec));
    await scene.waitForPhase('Ready');
  });
  const update = await count(stage, scene, async () => {
    const patch = JSON.stringify({ spec: life.change.patch });
    await scene.kubectl(['patch', 'phonenumber', scene.name, '--type=merge', `-p=${patch}`]);
    const synced = '{.status.conditions[?(@.type=="Synced")]';
    await scene.waitUntil('the new spec', ['--for', `jsonpath=${synced}.observedGeneration}=2`]);
    await scene.waitUntil('being synced', ['--for', `jsonpath=${synced}.status}=True`]);
  });
  const remove = await count(stage, scene, async () => {
    await scene.requestDelete();
    await scene.waitUntilGone();
  });
  await leave(scene);
  return [
    { what: `create, ${life.title}`, ...create },
    { what: `update, ${life.title}: ${life.change.title}`, ...update },
    { what: `delete, ${life.title}`, ...remove },
  ];
}

/** Many numbers with a trunk of their own. */
async function crowdedScene(stage: OperatorWorld): Promise<Scene> {
  const all = Array.from({ length: trunks }, (_, index) => `+1666${String(1_000_000 + index)}`);
  const scene = await openScene(stage, {
    livekitUrl: stage.world.liveKit.proxy.url,
    twilio: { phoneNumbers: all.map((phoneNumber) => ({ phoneNumber })) },
    account: { limits },
  });
  await scene.apply(
    ...all.map((phoneNumber, index) => ({
      ...scene.manifest({}, { phoneNumber }),
      metadata: { name: `number-${index}`, namespace: scene.namespace },
    })),
  );
  await scene.kubectl(['wait', 'phonenumbers', '--all', '--for=condition=Ready', '--timeout=300s']);
  return scene;
}

/** A Twilio account and a LiveKit project with very many numbers, on ten trunks of somebody else. */
async function wideScene(stage: OperatorWorld): Promise<Scene> {
  const shared = Array.from({ length: 10 }, (_, index) => `TK${String(index).repeat(32)}`);
  const scene = await openScene(stage, {
    livekitUrl: stage.world.liveKit.proxy.url,
    twilio: {
      trunks: shared.map((sid) => ({ sid, friendlyName: 'theirs' })),
      phoneNumbers: Array.from({ length: numbers }, (_, index) => ({
        phoneNumber: `+1777${String(1_000_000 + index)}`,
        trunkSid: shared[index % shared.length] ?? '',
      })),
    },
    account: { limits },
  });
  const { sip } = stage.world.liveKit.server;
  const all = Array.from({ length: numbers }, (_, index) => `+1777${String(1_000_000 + index)}`);
  for (let first = 0; first < all.length; first += atOnce) {
    await Promise.all(
      all.slice(first, first + atOnce).map(async (phoneNumber) => {
        const { sipTrunkId } = await sip.createSipInboundTrunk(`theirs ${phoneNumber}`, [phoneNumber]);
        const options = { name: `theirs ${phoneNumber}`, trunkIds: [sipTrunkId] };
        await sip.createSipDispatchRule({ type: 'individual', roomPrefix: 'call-' }, options);
      }),
    );
  }
  await ready(scene);
  return scene;
}

/** One whole resync of an account: another process begins with one, and has nothing else to do but its probe. */
async function resync(stage: OperatorWorld, scene: Scene): Promise<Counted> {
  await stage.operator.stop();
  const counted = await count(stage, scene, async () => {
    await stage.startOperator(onlyOnce);
    await quiet(stage.twilio, stage.world.liveKit.proxy);
  });
  // It asks for a page of one number, and for the deletion of a trunk that cannot be.
  const probe = stage.twilio.requests.filter(
    ({ account, method, query }) => account === scene.accountSid && (method === 'DELETE' || query === 'PageSize=1'),
  );
  await leave(scene);
  return { what: '', ...counted, twilio: counted.twilio - probe.length, probe: probe.length };
}

/** LiveKit cannot tell whose request it was, so there is one account at a time. */
async function leave(scene: Scene): Promise<void> {
  await scene.kubectl(['delete', 'phonenumbers', '--all', '--timeout=300s']);
  await scene.kubectl(['delete', 'telephonyaccount', scene.accountName, '--timeout=60s']);
}

/** The account was probed and surveyed. */
async function ready(scene: Scene): Promise<void> {
  const wait = ['wait', 'telephonyaccount', scene.accountName, '--timeout=60s'];
  await scene.kubectl([...wait, '--for=condition=Ready']);
  await scene.kubectl([...wait, '--for=jsonpath={.status.trunks.limit}']);
}

async function count(
  stage: OperatorWorld,
  scene: Scene,
  work: () => Promise<void>,
): Promise<{ readonly twilio: number; readonly livekit: number }> {
  const { proxy } = stage.world.liveKit;
  await quiet(stage.twilio, proxy);
  stage.twilio.clearRequests();
  proxy.clearRequests();
  await work();
  const twilio = stage.twilio.requests.filter(({ account }) => account === scene.accountSid).length;
  return { twilio, livekit: proxy.requests.length };
}

/** Nobody asks anything for two seconds. */
async function quiet(twilio: TwilioEmulator, proxy: FaultProxy): Promise<void> {
  for (let seen = -1; ; ) {
    const now = twilio.requests.length + proxy.requests.length;
    if (now === seen) return;
    seen = now;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
}

function section(counted: readonly Counted[], ofTrunks: Counted, ofNumbers: Counted): Section {
  const total = ({ livekit, twilio }: Counted): number => twilio + livekit;
  const figure = (id: string, title: string, one: Counted, most?: number): Figure => ({
    id,
    title,
    unit: '',
    samples: [total(one)],
    ...(most !== undefined && { goal: { relation: 'at most', value: most } }),
  });
  const trunksTitle = `resync of an account with ${trunks} trunks`;
  const numbersTitle = `resync of an account with ${numbers} numbers on existing trunks`;
  return {
    title: 'Calls',
    text:
      'Requests as they arrive at the Twilio emulator and at a real LiveKit server, for one object at a time. A resync is ' +
      'counted as what a new process asks of an account in which nothing has changed. Its lists are what the goal is about; ' +
      'the requests of its probe come on top. An own LiveKit server answers an empty list and one of more than a hundred ' +
      'objects with one request, and any other with two; LiveKit Cloud gives pages of at most a hundred.',
    figures: [
      ...counted.map((one) => figure(`calls.${one.what.replaceAll(/[^a-z]+/gi, '-')}`, `calls per ${one.what}`, one)),
      figure('calls.resync.trunks', `calls per ${trunksTitle}`, ofTrunks, mostOfTrunks),
      {
        ...figure('calls.resync.probe', `calls of the probe beside ${trunksTitle}`, ofTrunks),
        samples: [ofTrunks.probe ?? 0],
      },
      figure('calls.resync.numbers', `calls per ${numbersTitle}`, ofNumbers, mostOfNumbers),
    ],
    tables: [
      {
        heads: ['', 'Twilio', 'LiveKit', 'all'],
        rows: [...counted, { ...ofTrunks, what: trunksTitle }, { ...ofNumbers, what: numbersTitle }].map((one) => [
          one.what,
          String(one.twilio),
          String(one.livekit),
          String(total(one)),
        ]),
      },
    ],
  };
}
