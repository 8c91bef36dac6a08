/**
 * A scene: a namespace, a Twilio account of its own, a TelephonyAccount and one number. Scenes share a stage, and nothing
 * else: tests of one file run on one stage without seeing each other.
 */
import { randomBytes } from 'node:crypto';
import type { AccountDump } from '../emulator/twilio/dump.ts';
import type { Seed } from '../emulator/twilio/seed-schema.ts';
import type { TwilioEmulator } from '../emulator/twilio/emulator.ts';
import type { ControlPlane } from './control-plane.ts';
import type { LiveKitDump, LiveKitServer } from './livekit.ts';
import type { CommandResult } from './run-command.ts';

/** Where the operator reads Secrets. */
export const operatorNamespace = 'trunkline-system';

/** What a scene needs of a stage: any cluster with the operator will do. */
export interface SceneStage {
  readonly twilio: TwilioEmulator;
  readonly world: {
    readonly controlPlane: Pick<ControlPlane, 'kubectl'>;
    /** `url` is where the operator reaches it. */
    readonly liveKit: {
      readonly server: Pick<LiveKitServer, 'url' | 'apiKey' | 'apiSecret' | 'dump' | 'isEmpty'>;
    };
  };
  operatorLog(): Promise<string>;
}

let scenes = 0;

/** What differs from an ordinary scene. */
export interface SceneOptions {
  /** Over the ordinary Twilio account. */
  readonly twilio?: Partial<NonNullable<Seed['accounts']>[number]>;
  /** Over the ordinary number. */
  readonly number?: Partial<NonNullable<NonNullable<Seed['accounts']>[number]['phoneNumbers']>[number]>;
  /** LiveKit's address for the account; straight to the first server if not given. */
  readonly livekitUrl?: string;
  /** Labels of the TelephonyAccount; none if not given. */
  readonly accountLabels?: Readonly<Record<string, string>>;
  /** Over the ordinary TelephonyAccount's spec. */
  readonly account?: Readonly<Record<string, unknown>>;
  /** Over the data of the Twilio Secret. */
  readonly twilioSecret?: Readonly<Record<string, string>>;
  readonly livekitSecret?: Readonly<Record<string, string>>;
}

/** The parts of a PhoneNumber that tests look at. */
export interface SeenPhoneNumber {
  readonly metadata: {
    readonly uid: string;
    readonly resourceVersion: string;
    readonly finalizers?: readonly string[];
    readonly deletionTimestamp?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly status: {
    readonly phase: string;
    readonly conditions: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
      readonly message: string;
    }[];
    readonly leftovers?: readonly {
      readonly kind: string;
      readonly id?: string;
      readonly state: string;
      readonly reason: string;
      readonly risk: string;
      readonly removeCommand: string;
    }[];
    readonly deletion?: Readonly<Record<string, string>>;
    readonly routing?: string;
    readonly twilio?: Readonly<Record<string, unknown>>;
    readonly livekit?: Readonly<Record<string, unknown>>;
  };
}

/** A scene; made by `openScene`. */
export class Scene {
  readonly stage: SceneStage;
  readonly index: number;
  readonly namespace: string;
  readonly name = 'reception';
  readonly accountName: string;
  readonly accountSid: string;
  readonly phoneNumber: string;
  readonly apiKeySid: string;
  readonly apiKeySecret: string;

  constructor(stage: SceneStage) {
    scenes += 1;
    this.stage = stage;
    this.index = scenes;
    this.namespace = `scene-${scenes}`;
    this.accountName = `account-${scenes}`;
    this.accountSid = `AC${randomBytes(16).toString('hex')}`;
    this.phoneNumber = `+1555${String(1_000_000 + scenes * 10)}`;
    this.apiKeySid = `SK${randomBytes(16).toString('hex')}`;
    this.apiKeySecret = randomBytes(16).toString('hex');
  }

  /** kubectl as the administrator, in the scene's namespace. */
  async kubectl(
    args: readonly string[],
    options: { readonly allowFailure?: boolean; readonly input?: string } = {},
  ): Promise<CommandResult> {
    return await this.stage.world.controlPlane.kubectl([`--namespace=${this.namespace}`, ...args], options);
  }

  /** Applies objects as given. */
  async apply(...objects: readonly object[]): Promise<void> {
    await this.kubectl(['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    });
  }

  /** A PhoneNumber of this scene with an agent; `sipTrunk` and `spec` go over the ordinary ones. */
  manifest(sipTrunk: object = {}, spec: object = {}): object {
    return {
      apiVersion: 'telephony.trunkline.dev/v1alpha1',
      kind: 'PhoneNumber',
      metadata: { name: this.name, namespace: this.namespace },
      spec: {
        phoneNumber: this.phoneNumber,
        accountRef: { name: this.accountName },
        voice: { sipTrunk: { dispatch: { agents: [{ agentName: 'receptionist' }] }, ...sipTrunk } },
        ...spec,
      },
    };
  }

  /** Creates the PhoneNumber and waits until it is Ready. */
  async createReady(sipTrunk: object = {}, spec: object = {}): Promise<void> {
    await this.apply(this.manifest(sipTrunk, spec));
    await this.waitForPhase('Ready');
  }

  /** Waits for a phase; the error shows what the object looks like instead. */
  async waitForPhase(phase: string): Promise<SeenPhoneNumber> {
    return await this.waitUntil(`phase ${phase}`, ['--for', `jsonpath={.status.phase}=${phase}`]);
  }

  /** Waits for a reason of the Ready condition. */
  async waitForReason(reason: string): Promise<SeenPhoneNumber> {
    return await this.waitUntil(`reason ${reason}`, [
      '--for',
      `jsonpath={.status.conditions[?(@.type=="Ready")].reason}=${reason}`,
    ]);
  }

  async waitUntil(what: string, condition: readonly string[]): Promise<SeenPhoneNumber> {
    const result = await this.kubectl(['wait', 'phonenumber', this.name, '--timeout=40s', ...condition], {
      allowFailure: true,
    });
    if (result.code !== 0) {
      const seen = await this.kubectl(['get', 'phonenumber', this.name, '-o', 'yaml'], { allowFailure: true });
      const log = (await this.stage.operatorLog()).split('\n').slice(-30).join('\n');
      throw new Error(`${this.phoneNumber} does not come to ${what}: ${result.stderr}\n${seen.stdout}\n${log}`);
    }
    return await this.read();
  }

  /** Asks for the deletion and does not wait. */
  async requestDelete(): Promise<void> {
    await this.kubectl(['delete', 'phonenumber', this.name, '--wait=false']);
  }

  /** Waits until the object is gone. */
  async waitUntilGone(): Promise<void> {
    const result = await this.kubectl(['wait', 'phonenumber', this.name, '--for=delete', '--timeout=40s'], {
      allowFailure: true,
    });
    if (result.code !== 0 && !result.stderr.includes('NotFound')) {
      const seen = await this.kubectl(['get', 'phonenumber', this.name, '-o', 'yaml'], { allowFailure: true });
      const log = (await this.stage.operatorLog()).split('\n').slice(-30).join('\n');
      throw new Error(`${this.phoneNumber} is not gone: ${result.stderr}\n${seen.stdout}\n${log}`);
    }
  }

  /** `kubectl annotate`, overwriting. */
  async annotate(annotation: string, options: { readonly allowFailure?: boolean } = {}): Promise<CommandResult> {
    return await this.kubectl(['annotate', 'phonenumber', this.name, annotation, '--overwrite'], options);
  }

  async read(): Promise<SeenPhoneNumber> {
    const { stdout } = await this.kubectl(['get', 'phonenumber', this.name, '-o', 'json']);
    return JSON.parse(stdout);
  }

  async exists(): Promise<boolean> {
    return (await this.kubectl(['get', 'phonenumber', this.name], { allowFailure: true })).code === 0;
  }

  /** The OrphanRecords of this scene. */
  async orphanRecords(): Promise<readonly { readonly spec: Readonly<Record<string, unknown>> }[]> {
    const { stdout } = await this.kubectl(['get', 'orphanrecords', '-o', 'json']);
    const { items } = JSON.parse(stdout);
    return items.filter((item: { spec: { namespace: string } }) => item.spec.namespace === this.namespace);
  }

  /** Everything of this scene's Twilio account. */
  twilio(): AccountDump {
    return this.stage.twilio.dump(this.accountSid);
  }

  /** Everything at the LiveKit server that carries this scene's number. */
  async livekit(): Promise<LiveKitDump> {
    const dump = await this.stage.world.liveKit.server.dump();
    const digits = `/${this.phoneNumber.slice(1)}/`;
    const ours = (objects: LiveKitDump['inboundTrunks']) => objects.filter(({ name }) => String(name).includes(digits));
    return {
      inboundTrunks: ours(dump.inboundTrunks),
      outboundTrunks: ours(dump.outboundTrunks),
      dispatchRules: ours(dump.dispatchRules),
    };
  }

  /** How many things this scene has outside, by kind; the number itself does not count. */
  async outside(): Promise<Readonly<Record<string, number>>> {
    const twilio = this.twilio();
    const livekit = await this.livekit();
    return {
      attached: twilio.phoneNumbers.filter(({ trunkSid }) => trunkSid !== '').length,
      trunks: twilio.trunks.length,
      originationUrls: twilio.trunks.flatMap(({ originationUrls }) => originationUrls).length,
      credentialLists: twilio.credentialLists.length,
      credentials: twilio.credentialLists.flatMap(({ usernames }) => usernames).length,
      ipAccessControlLists: twilio.ipAccessControlLists.length,
      inboundTrunks: livekit.inboundTrunks.length,
      outboundTrunks: livekit.outboundTrunks.length,
      dispatchRules: livekit.dispatchRules.length,
    };
  }
}

/** What `outside` says of a number with inbound calls only, of one with outbound calls and addresses, and of none. */
export const nothingOutside = {
  attached: 0,
  trunks: 0,
  originationUrls: 0,
  credentialLists: 0,
  credentials: 0,
  ipAccessControlLists: 0,
  inboundTrunks: 0,
  outboundTrunks: 0,
  dispatchRules: 0,
} as const;
export const inboundOutside = {
  ...nothingOutside,
  attached: 1,
  trunks: 1,
  originationUrls: 1,
  inboundTrunks: 1,
  dispatchRules: 1,
} as const;
export const outboundOutside = {
  ...inboundOutside,
  credentialLists: 1,
  credentials: 1,
  ipAccessControlLists: 1,
  outboundTrunks: 1,
} as const;
export const outboundSpec = { outbound: { enabled: true, allowedCidrs: ['192.0.2.0/24'] } } as const;

/** Makes the account at Twilio, and the namespace, Secrets and TelephonyAccount in the cluster. */
export async function openScene(stage: SceneStage, options: SceneOptions = {}): Promise<Scene> {
  const scene = new Scene(stage);
  const { server } = stage.world.liveKit;
  stage.twilio.seed({
    accounts: [
      {
        accountSid: scene.accountSid,
        apiKeys: { [scene.apiKeySid]: scene.apiKeySecret },
        phoneNumbers: [{ phoneNumber: scene.phoneNumber, ...options.number }],
        ...options.twilio,
      },
    ],
  });
  const twilioSecret = `twilio-${scene.index}`;
  const livekitSecret = `livekit-${scene.index}`;
  const secret = (name: string, stringData: Readonly<Record<string, string>>) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: operatorNamespace },
    stringData,
  });
  await stage.world.controlPlane.kubectl(['apply', '-f', '-'], {
    input: JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: scene.namespace } },
        secret(twilioSecret, {
          apiKeySid: scene.apiKeySid,
          apiKeySecret: scene.apiKeySecret,
          ...options.twilioSecret,
        }),
        secret(livekitSecret, { apiKey: server.apiKey, apiSecret: server.apiSecret, ...options.livekitSecret }),
        {
          apiVersion: 'telephony.trunkline.dev/v1alpha1',
          kind: 'TelephonyAccount',
          metadata: { name: scene.accountName, labels: options.accountLabels ?? {} },
          spec: {
            twilio: { accountSid: scene.accountSid, credentialsSecretRef: { name: twilioSecret } },
            livekit: {
              url: options.livekitUrl ?? server.url,
              sipHost: 'example.sip.livekit.cloud',
              credentialsSecretRef: { name: livekitSecret },
            },
            ownerId: 'test',
            allowedNamespaces: { names: [scene.namespace] },
            ...options.account,
          },
        },
      ],
    }),
  });
  return scene;
}
