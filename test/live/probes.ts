/**
 * Probes: what Twilio really does where it documents nothing, one by one, with the fewest objects and each undone.
 *
 * Guarantees
 * - Nothing is bought, released or called, and nothing costs more than a trunk or a list that is there for a second.
 * - A probe that cannot be made says why, and does not stop the others.
 */
import { createRawClient, type RawClient, type RawForm, type RawReply } from '../emulator/twilio/raw-client.ts';
import type { TwilioSwitches } from '../emulator/twilio/switches.ts';
import type { LiveSettings } from './settings.ts';

export type Behaviour = keyof TwilioSwitches;

export interface Finding {
  readonly behaviour: Behaviour;
  /** A value of the emulator's switch, "other: …" or "not tried: …". */
  readonly value: string;
}

/** What must not be tried on an account that somebody pays for. */
const notTried = {
  releaseNumberOnTrunk: 'the number would be gone for good',
  liveCallTrunkSid: 'it needs a call',
  retryAfterOnCeiling: 'it needs a hundred requests at once',
  addressesPerAccessControlList: 'it needs more than a hundred addresses',
} as const satisfies Partial<Record<Behaviour, string>>;

/** Twilio's three hosts, or the one that stands for them. */
class Rest {
  readonly #clients: Readonly<Record<'api' | 'trunking' | 'routes', RawClient>>;
  readonly root: string;
  readonly mark: string;
  readonly phoneNumber: string;
  readonly numberSid: string;
  #made = 0;

  constructor(settings: LiveSettings, mark: string, numberSid: string) {
    const { accountSid, apiKeySecret, apiKeySid, phoneNumber, twilioBaseUrl } = settings;
    const at = (host: string) =>
      createRawClient(twilioBaseUrl ?? `https://${host}.twilio.com`, apiKeySid, apiKeySecret);
    this.#clients = { api: at('api'), trunking: at('trunking'), routes: at('routes') };
    this.root = `/2010-04-01/Accounts/${accountSid}`;
    this.mark = mark;
    this.phoneNumber = phoneNumber;
    this.numberSid = numberSid;
  }

  get api(): RawClient {
    return this.#clients.api;
  }
  get trunking(): RawClient {
    return this.#clients.trunking;
  }
  get routes(): RawClient {
    return this.#clients.routes;
  }
  get number(): string {
    return `${this.root}/IncomingPhoneNumbers/${this.numberSid}.json`;
  }

  name(): string {
    this.#made += 1;
    return `${this.mark}probe-${this.#made}`;
  }

  /** A trunk of its own for what `use` tries, and none afterwards, whatever Twilio keeps it from. */
  async withTrunk(use: (path: string) => Promise<string>, form: RawForm = {}): Promise<string> {
    const made = succeeded(await this.trunking.post('/v1/Trunks', { FriendlyName: this.name(), ...form }), 'a trunk');
    const path = `/v1/Trunks/${made.sid}`;
    try {
      return await use(path);
    } finally {
      await this.trunking.delete(`${path}/PhoneNumbers/${this.numberSid}`);
      await this.trunking.delete(path);
    }
  }

  async withList(use: (sid: string, path: string) => Promise<string>): Promise<string> {
    const lists = `${this.root}/SIP/CredentialLists`;
    const made = succeeded(await this.api.post(`${lists}.json`, { FriendlyName: this.name() }), 'a credential list');
    const path = `${lists}/${made.sid}`;
    try {
      return await use(made.sid, path);
    } finally {
      await this.api.delete(`${path}.json`);
    }
  }
}

function succeeded(reply: RawReply, what: string): RawReply {
  if (reply.status < 300) return reply;
  throw new Error(`Twilio refuses ${what}: HTTP ${reply.status}, code ${reply.code ?? 'none'}`);
}

const isDone = ({ status }: RawReply): boolean => status < 300;
const told = ({ code, status }: RawReply): string => `other: HTTP ${status}, code ${code ?? 'none'}`;
/** What a refusal with its code, or a success, stands for. */
const either = (reply: RawReply, done: string, refused: string): string =>
  isDone(reply) ? done : reply.status < 500 ? refused : told(reply);

const badCredential = { Username: 'probe', Password: 'short' };
const goodCredential = { Username: 'probe', Password: 'Long-enough-1-for-anybody' };

const probes: Readonly<Record<Exclude<Behaviour, keyof typeof notTried>, (rest: Rest) => Promise<string>>> = {
  invalidCredentialCode: async (rest) =>
    await rest.withList(async (_sid, path) => codeOf(await rest.api.post(`${path}/Credentials.json`, badCredential))),
  sipRefusalStatus: async (rest) =>
    await rest.withList(async (_sid, path) =>
      String((await rest.api.post(`${path}/Credentials.json`, badCredential)).status),
    ),
  foreignAccountPath: async (rest) =>
    String(
      (await rest.api.get(`/2010-04-01/Accounts/AC${'0'.repeat(32)}/IncomingPhoneNumbers.json?PageSize=1`)).status,
    ),
  routesWithoutRegion: async (rest) => {
    const reply = await rest.routes.get(`/v2/PhoneNumbers/${encodeURIComponent(rest.phoneNumber)}`);
    return reply.status === 404 ? 'notFound' : isDone(reply) ? String(reply.body['voice_region']) : told(reply);
  },
  invalidParameterCode: async (rest) =>
    await rest.withTrunk(async (path) => codeOf(await rest.trunking.post(path, { TransferMode: 'sideways' }))),
  trunkFriendlyNameCode: async (rest) =>
    await rest.withTrunk(async (path) => codeOf(await rest.trunking.post(path, { FriendlyName: 'x'.repeat(65) }))),
  unknownFormFields: async (rest) =>
    await rest.withTrunk(async (path) =>
      either(await rest.trunking.post(path, { Trunkline: '1' }), 'ignored', 'refused'),
    ),
  deleteListWithMembers: async (rest) =>
    await rest.withList(async (_sid, path) => {
      const member = succeeded(await rest.api.post(`${path}/Credentials.json`, goodCredential), 'a credential');
      const reply = await rest.api.delete(`${path}.json`);
      if (!isDone(reply)) await rest.api.delete(`${path}/Credentials/${member.sid}.json`);
      return either(reply, 'cascades', 'refused');
    }),
  deleteListOnTrunk: async (rest) =>
    await rest.withTrunk(
      async (path) =>
        await rest.withList(async (sid, list) => {
          succeeded(await rest.trunking.post(`${path}/CredentialLists`, { CredentialListSid: sid }), 'an attachment');
          const reply = await rest.api.delete(`${list}.json`);
          if (!isDone(reply)) await rest.trunking.delete(`${path}/CredentialLists/${sid}`);
          return either(reply, 'detaches', 'refused');
        }),
    ),
  deleteTrunkWithLists: async (rest) =>
    await rest.withList(
      async (sid) =>
        await rest.withTrunk(async (path) => {
          succeeded(await rest.trunking.post(`${path}/CredentialLists`, { CredentialListSid: sid }), 'an attachment');
          const reply = await rest.trunking.delete(path);
          if (!isDone(reply)) await rest.trunking.delete(`${path}/CredentialLists/${sid}`);
          return either(reply, 'detaches', 'refused');
        }),
    ),
  deleteTrunkWithOriginationUrls: async (rest) =>
    await rest.withTrunk(async (path) => {
      const url = { FriendlyName: 'probe', SipUrl: 'sip:probe.example.com', Weight: 1, Priority: 1, Enabled: false };
      const made = succeeded(await rest.trunking.post(`${path}/OriginationUrls`, url), 'an origination URL');
      const reply = await rest.trunking.delete(path);
      if (!isDone(reply)) await rest.trunking.delete(`${path}/OriginationUrls/${made.sid}`);
      return either(reply, 'cascades', 'refused');
    }),
  deleteTrunkWithNumbers: async (rest) =>
    await onTrunk(rest, async (path) => either(await rest.trunking.delete(path), 'detaches', 'refused')),
  attachNumberTwice: async (rest) =>
    await onTrunk(rest, async (path) => either(await attach(rest, path), 'accepted', 'refused')),
  attachNumberOfAnotherTrunk: async (rest) =>
    await onTrunk(
      rest,
      async () => await rest.withTrunk(async (other) => either(await attach(rest, other), 'moves', 'refused')),
    ),
  emptyTrunkSid: async (rest) =>
    await onTrunk(rest, async () => either(await rest.api.post(rest.number, { TrunkSid: '' }), 'detaches', 'refused')),
  voiceUrlOnTrunkedNumber: async (rest) =>
    await onTrunk(rest, async () => {
      const { voice_url: shown } = (await rest.api.get(rest.number)).body;
      const before = typeof shown === 'string' ? shown : '';
      const reply = await rest.api.post(rest.number, { VoiceUrl: 'https://probe.example.com/voice' });
      const { body } = await rest.api.get(rest.number);
      await rest.api.post(rest.number, { VoiceUrl: before });
      if (!isDone(reply)) return told(reply);
      return (body['trunk_sid'] ?? '') === '' ? 'clearsTrunk' : 'keepsTrunk';
    }),
  ownDeletedDomain: async (rest) => {
    const form = { DomainName: `probe-${rest.mark.split('/')[1] ?? ''}.pstn.twilio.com` };
    await rest.withTrunk(async () => await Promise.resolve(''), form);
    const again = await rest.trunking.post('/v1/Trunks', { FriendlyName: rest.name(), ...form });
    if (isDone(again)) await rest.trunking.delete(`/v1/Trunks/${again.sid}`);
    return either(again, 'reusable', 'reserved');
  },
  unsetValues: async (rest) =>
    await rest.withTrunk(async (path) => {
      const { body: number } = await rest.api.get(rest.number);
      const { body: trunk } = await rest.trunking.get(path);
      const shown = [number['voice_application_sid'], number['sms_application_sid'], trunk['disaster_recovery_url']];
      if (shown.every((value) => value === null)) return 'null';
      return shown.every((value) => value === '') ? 'empty' : 'asExamples';
    }),
  listOrder: async (rest) =>
    await rest.withTrunk(
      async (older) =>
        await rest.withTrunk(async (newer) => {
          const { body } = await rest.trunking.get('/v1/Trunks?PageSize=1000');
          const text = JSON.stringify(body['trunks']);
          return text.indexOf(newer) < text.indexOf(older) ? 'newestFirst' : 'oldestFirst';
        }),
    ),
};

function codeOf(reply: RawReply): string {
  return isDone(reply) || reply.code === undefined ? told(reply) : String(reply.code);
}

async function attach(rest: Rest, path: string): Promise<RawReply> {
  return await rest.trunking.post(`${path}/PhoneNumbers`, { PhoneNumberSid: rest.numberSid });
}

async function onTrunk(rest: Rest, use: (path: string) => Promise<string>): Promise<string> {
  return await rest.withTrunk(async (path) => {
    succeeded(await attach(rest, path), 'the number on a trunk');
    return await use(path);
  });
}

/** Tries everything, one after the other. `heard` is told of each finding as it comes. */
export async function findBehaviours(
  settings: LiveSettings,
  mark: string,
  numberSid: string,
  heard: (finding: Finding) => void,
): Promise<readonly Finding[]> {
  const rest = new Rest(settings, mark, numberSid);
  const findings: Finding[] = [];
  const note = (behaviour: string, value: string): void => {
    const finding = { behaviour: behaviour as Behaviour, value };
    findings.push(finding);
    heard(finding);
  };
  for (const [behaviour, why] of Object.entries(notTried)) note(behaviour, `not tried: ${why}`);
  for (const [behaviour, probe] of Object.entries(probes)) {
    note(behaviour, await valueFrom(probe, rest));
  }
  return findings;
}

async function valueFrom(probe: (rest: Rest) => Promise<string>, rest: Rest): Promise<string> {
  try {
    return await probe(rest);
  } catch (error) {
    return `not tried: ${error instanceof Error ? error.message : 'unknown error'}`;
  }
}
