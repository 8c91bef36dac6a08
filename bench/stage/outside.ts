/**
 * Something for the whole operator to work on: the Twilio emulator, a real LiveKit server, and accounts that lead there.
 */
import { randomBytes } from 'node:crypto';
import { startTwilioEmulator } from '../../test/emulator/twilio/emulator.ts';
import { startLiveKit } from '../../test/tools/livekit.ts';
import type { Progress } from '../../test/tools/progress.ts';
import { ensureRealParts } from '../../test/tools/real-parts.ts';
import type { World } from '../../test/tools/world.ts';
import { namespace, phoneNumberOf } from '../phone-numbers.ts';

/** What is outside of the cluster. */
export interface Outside extends AsyncDisposable {
  /** For `--twilio-base-url`. */
  readonly twilioUrl: string;
}

/** The account of which the numbers are; it allows what the emulator can take. */
export const workingAccount = 'working';
const limits = { maxConcurrentRequests: 50, requestsPerSecond: 500 };

/** Starts both providers, with the numbers of these indexes in one account. */
export async function startOutside(world: World, indexes: readonly number[], progress: Progress): Promise<Outside> {
  await using resources = new AsyncDisposableStack();
  const twilio = resources.use(await startTwilioEmulator());
  const parts = await ensureRealParts({ parts: ['redis', 'livekit-server'], progress });
  const livekit = resources.use(await startLiveKit({ parts, folder: world.folder, name: 'livekit', progress }));
  const accountSid = `AC${randomBytes(16).toString('hex')}`;
  const apiKeySid = `SK${randomBytes(16).toString('hex')}`;
  const apiKeySecret = randomBytes(16).toString('hex');
  const phoneNumbers = indexes.map((index) => ({ phoneNumber: phoneNumberOf(index) }));
  twilio.seed({ accounts: [{ accountSid, apiKeys: { [apiKeySid]: apiKeySecret }, phoneNumbers }] });
  const { apiKey, apiSecret, url } = livekit;
  const items = [
    secret('twilio', { apiKeySid, apiKeySecret }),
    secret('livekit', { apiKey, apiSecret }),
    {
      apiVersion: 'telephony.trunkline.dev/v1alpha1',
      kind: 'TelephonyAccount',
      metadata: { name: workingAccount },
      spec: {
        twilio: { accountSid, credentialsSecretRef: { name: 'twilio' } },
        livekit: { url, sipHost: 'example.sip.livekit.cloud', credentialsSecretRef: { name: 'livekit' } },
        ownerId: 'bench',
        allowedNamespaces: { names: [namespace] },
        limits,
      },
    },
  ];
  await world.controlPlane.kubectl(['apply', '-f', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  });
  const started = resources.move();
  return { twilioUrl: twilio.url, [Symbol.asyncDispose]: async () => await started.disposeAsync() };
}

function secret(name: string, stringData: Readonly<Record<string, string>>): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'trunkline-system' }, stringData };
}
