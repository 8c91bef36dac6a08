/**
 * Settings of the live test, from the environment. Pure.
 *
 * Guarantee: without every variable, and the number said twice, there are no settings, and so nothing is started.
 */

/** What the live test works with; secrets are never printed. */
export interface LiveSettings {
  readonly accountSid: string;
  readonly apiKeySid: string;
  readonly apiKeySecret: string;
  /** E.164. */
  readonly phoneNumber: string;
  readonly livekitUrl: string;
  readonly livekitApiKey: string;
  readonly livekitApiSecret: string;
  readonly sipHost: string;
  /** In place of Twilio's hosts, for an emulator; undefined: Twilio itself. */
  readonly twilioBaseUrl: string | undefined;
  /** Where the report is written as JSON; undefined: nowhere. */
  readonly report: string | undefined;
  /** How long each step of the operator may take, in seconds. */
  readonly patienceSeconds: number;
}

const variables = [
  {
    name: 'TWILIO_ACCOUNT_SID',
    form: /^AC[0-9a-f]{32}$/i,
    where: 'Twilio Console > Account Dashboard; AC and 32 hex digits. Better a sub-account of its own',
  },
  {
    name: 'TWILIO_API_KEY',
    form: /^SK[0-9a-f]{32}$/i,
    where: 'Twilio Console > Account > API keys & tokens: a Standard key of that account',
  },
  { name: 'TWILIO_API_SECRET', form: /^.+$/, where: 'shown once when the key is created' },
  {
    name: 'TRUNKLINE_LIVE_NUMBER',
    form: /^\+[1-9][0-9]{6,14}$/,
    where: 'a number of that account that nobody needs, in E.164 form, routed nowhere',
  },
  {
    name: 'TRUNKLINE_LIVE_CONFIRM',
    form: /^\+[1-9][0-9]{6,14}$/,
    where: 'the same number again: its routing will be changed, and put back',
  },
  { name: 'LIVEKIT_URL', form: /^(https?|wss?):\/\/.+$/, where: 'LiveKit Cloud > Settings > Project URL' },
  { name: 'LIVEKIT_API_KEY', form: /^.+$/, where: 'LiveKit Cloud > Settings > API keys' },
  { name: 'LIVEKIT_API_SECRET', form: /^.+$/, where: 'LiveKit Cloud > Settings > API keys' },
  {
    name: 'TRUNKLINE_LIVE_SIP_HOST',
    form: /^[a-z0-9.-]+(:[0-9]+)?$/i,
    where: 'LiveKit Cloud > Settings > SIP URI, without "sip:"',
  },
] as const;

type Name = (typeof variables)[number]['name'];

export type SettingsResult =
  | { readonly kind: 'settings'; readonly settings: LiveSettings }
  | { readonly kind: 'problems'; readonly problems: readonly string[] };

/** Every problem at once, each with the place where the value is found. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): SettingsResult {
  const problems = variables.flatMap(({ form, name, where }) => {
    const value = environment[name] ?? '';
    if (value === '') return [`${name} is not set: ${where}`];
    return form.test(value) ? [] : [`${name} has not the right form: ${where}`];
  });
  const valueOf = (name: Name): string => environment[name] ?? '';
  if (problems.length === 0 && valueOf('TRUNKLINE_LIVE_CONFIRM') !== valueOf('TRUNKLINE_LIVE_NUMBER')) {
    problems.push('TRUNKLINE_LIVE_CONFIRM is another number than TRUNKLINE_LIVE_NUMBER');
  }
  if (problems.length > 0) return { kind: 'problems', problems };
  return {
    kind: 'settings',
    settings: {
      accountSid: valueOf('TWILIO_ACCOUNT_SID'),
      apiKeySid: valueOf('TWILIO_API_KEY'),
      apiKeySecret: valueOf('TWILIO_API_SECRET'),
      phoneNumber: valueOf('TRUNKLINE_LIVE_NUMBER'),
      livekitUrl: valueOf('LIVEKIT_URL'),
      livekitApiKey: valueOf('LIVEKIT_API_KEY'),
      livekitApiSecret: valueOf('LIVEKIT_API_SECRET'),
      sipHost: valueOf('TRUNKLINE_LIVE_SIP_HOST'),
      twilioBaseUrl: environment['TRUNKLINE_LIVE_TWILIO_URL'] || undefined,
      report: environment['TRUNKLINE_LIVE_REPORT'] || undefined,
      patienceSeconds: Number.parseInt(environment['TRUNKLINE_LIVE_PATIENCE'] || '180'),
    },
  };
}
