// A real LiveKit server with the Redis-protocol server that holds its state, on 127.0.0.1. No media ports are opened.
//
// Guarantees: SIP trunks and dispatch rules survive a stop and start of LiveKit, since they live in Redis; they are lost when
// Redis is stopped. Everything stops with our process (see processes.ts).
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SipClient } from 'livekit-server-sdk';
import { findFreePort } from './free-ports.ts';
import { type RunningProcess, startProcess } from './processes.ts';
import type { Progress } from './progress.ts';
import { httpGet, waitUntilReady } from './readiness.ts';
import type { RealParts } from './real-parts.ts';

/** What a LiveKit server is made of. */
export interface LiveKitOptions {
  readonly parts: RealParts<'redis' | 'livekit-server'>;
  /** An existing folder for the configuration and logs. */
  readonly folder: string;
  /** Tells several servers apart, in file names and messages; such as "livekit-1". */
  readonly name: string;
  readonly progress: Progress;
}

/** All SIP objects of a server as LiveKit's JSON (camelCase, defaults left out), sorted by id. */
export interface LiveKitDump {
  readonly inboundTrunks: readonly LiveKitObject[];
  readonly outboundTrunks: readonly LiveKitObject[];
  readonly dispatchRules: readonly LiveKitObject[];
}

/** One object of a dump. */
export type LiveKitObject = Readonly<Record<string, unknown>>;

/** LiveKit logs an error for a shorter one. */
const API_SECRET = 'a-secret-of-tests-with-40-characters-or-so';

/** A running LiveKit server; made by `startLiveKit`. */
export class LiveKitServer implements AsyncDisposable {
  readonly name: string;
  /** Such as "http://127.0.0.1:12345". */
  readonly url: string;
  readonly apiKey = 'devkey';
  readonly apiSecret = API_SECRET;
  /** LiveKit's own client, connected straight to the server. */
  readonly sip: SipClient;
  readonly #options: LiveKitOptions;
  readonly #port: number;
  readonly #redisPort: number;
  #redis: RunningProcess | undefined;
  #server: RunningProcess | undefined;

  constructor(options: LiveKitOptions, port: number, redisPort: number) {
    this.#options = options;
    this.#port = port;
    this.#redisPort = redisPort;
    this.name = options.name;
    this.url = `http://127.0.0.1:${port}`;
    this.sip = new SipClient(this.url, this.apiKey, this.apiSecret);
  }

  /** The processes started last, for their ids, logs and whether they run. */
  get processes(): readonly RunningProcess[] {
    return [this.#redis, this.#server].filter((part) => part !== undefined);
  }

  /** Starts LiveKit (and Redis, unless it runs) on the same ports as before, and waits until it is ready. */
  async start(): Promise<void> {
    if (this.#redis?.isRunning !== true) await this.startRedis();
    const config = join(this.#options.folder, `${this.name}.json`);
    await writeFile(config, JSON.stringify(this.#config()));
    const command = this.#options.parts['livekit-server'].path;
    const logFile = join(this.#options.folder, `${this.name}.log`);
    this.#server = await startProcess({ name: this.name, command, args: ['--config', config], logFile });
    await waitUntilReady(this.#server, async () => (await httpGet(this.url)).status === 200, this.#options);
  }

  /** Stops LiveKit in an orderly way; its objects stay in Redis. */
  async stop(): Promise<void> {
    await this.#server?.stop();
  }

  /** Freezes LiveKit: connections are accepted and answered only after `resume`. */
  suspend(): void {
    this.#server?.signal('SIGSTOP');
  }

  /** Ends `suspend`; what was asked meanwhile is done now. */
  resume(): void {
    this.#server?.signal('SIGCONT');
  }

  /** Stops Redis: all objects are lost, LiveKit stays up and answers with errors. */
  async stopRedis(): Promise<void> {
    await this.#redis?.kill();
  }

  /** Starts an empty Redis on the same port as before. */
  async startRedis(): Promise<void> {
    const address = `127.0.0.1:${this.#redisPort}`;
    const name = `${this.name}-redis`;
    const logFile = join(this.#options.folder, `${name}.log`);
    const redis = await startProcess({ name, command: this.#options.parts.redis.path, args: [address], logFile });
    this.#redis = redis;
    await waitUntilReady(redis, async () => (await redis.output()).includes('listening on'), this.#options);
  }

  /** Reads all SIP objects. */
  async dump(): Promise<LiveKitDump> {
    const [inbound, outbound, rules] = await Promise.all([
      this.sip.listSipInboundTrunk(),
      this.sip.listSipOutboundTrunk(),
      this.sip.listSipDispatchRule(),
    ]);
    return {
      inboundTrunks: toPlainObjects(inbound, 'sipTrunkId'),
      outboundTrunks: toPlainObjects(outbound, 'sipTrunkId'),
      dispatchRules: toPlainObjects(rules, 'sipDispatchRuleId'),
    };
  }

  /** True if there is no SIP object at all. */
  async isEmpty(): Promise<boolean> {
    return Object.values(await this.dump()).every((objects) => objects.length === 0);
  }

  /** Deletes all SIP objects. */
  async clear(): Promise<void> {
    const { inboundTrunks, outboundTrunks, dispatchRules } = await this.dump();
    await Promise.all([
      ...dispatchRules.map(async (rule) => await this.sip.deleteSipDispatchRule(String(rule['sipDispatchRuleId']))),
      ...[...inboundTrunks, ...outboundTrunks].map(
        async (trunk) => await this.sip.deleteSipTrunk(String(trunk['sipTrunkId'])),
      ),
    ]);
  }

  /** Kills both servers at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.processes.map(async (part) => await part.kill()));
  }

  /**
   * JSON is YAML too. tcp_port 0 and a port range: otherwise a TCP port is opened on all interfaces, and a UDP socket before
   * any client has joined.
   */
  #config(): unknown {
    return {
      port: this.#port,
      bind_addresses: ['127.0.0.1'],
      rtc: {
        tcp_port: 0,
        port_range_start: 50_000,
        port_range_end: 50_010,
        node_ip: '127.0.0.1',
        use_external_ip: false,
      },
      redis: { address: `127.0.0.1:${this.#redisPort}` },
      keys: { [this.apiKey]: this.apiSecret },
      logging: { level: 'info', json: true },
    };
  }
}

/**
 * Starts a LiveKit server on free ports and waits until it answers.
 * @throws Error with the last output of what did not start; nothing is left running then
 */
export async function startLiveKit(options: LiveKitOptions): Promise<LiveKitServer> {
  const server = new LiveKitServer(options, await findFreePort(), await findFreePort());
  try {
    await server.start();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

function toPlainObjects(messages: readonly { toJson(): unknown }[], id: string): readonly LiveKitObject[] {
  return messages
    .map((message) => ({ ...Object(message.toJson()) }) satisfies LiveKitObject)
    .toSorted((first, second) => String(first[id]).localeCompare(String(second[id])));
}
