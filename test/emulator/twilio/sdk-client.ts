/**
 * Twilio's own SDK, unmodified but for the origin of its requests, so that it talks to an emulator.
 */

import twilio from 'twilio';
import RequestClient from 'twilio/lib/base/RequestClient.js';

/** The credential a client uses: the auth token of the account, or one of its API keys. */
export interface SdkCredential {
  readonly accountSid: string;
  /** `SK…` or `AC…`; the account if left out. */
  readonly username?: string;
  readonly password: string;
  /** Milliseconds until a request is given up; the SDK's 30 s if left out. */
  readonly timeout?: number;
}

/** Creates a client for the emulator at `url`. Retries of the SDK are off, as they are by default. */
export function createSdkClient(url: string, credential: SdkCredential): twilio.Twilio {
  const { accountSid, username = accountSid, password, timeout } = credential;
  const httpClient = new EmulatorRequestClient(url, timeout === undefined ? {} : { timeout });
  return twilio(username, password, { accountSid, httpClient });
}

class EmulatorRequestClient extends RequestClient {
  readonly #url: string;

  constructor(url: string, options: RequestClient.RequestClientOptions) {
    super(options);
    this.#url = url;
  }

  override async request<Data>(options: RequestClient.RequestOptions<Data>) {
    // Also the next page of a trunking list, which is an absolute URL of the real host.
    return await super.request({ ...options, uri: options.uri.replace(/^https:\/\/[^/]+/, this.#url) });
  }
}
