/**
 * Raw client: requests as a test writes them, also such that no SDK would send.
 */

/** What came back. */
export interface RawReply {
  readonly status: number;
  /** Twilio's code of a refusal. */
  readonly code: number | undefined;
  /** SID of the thing in the body; empty if there is none. */
  readonly sid: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

/** The fields of a form. */
export type RawForm = Readonly<Record<string, string | number | boolean>>;

/** Sends requests with one credential. Each throws TypeError when the connection breaks. */
export interface RawClient {
  get(path: string): Promise<RawReply>;
  post(path: string, form?: RawForm): Promise<RawReply>;
  delete(path: string): Promise<RawReply>;
  /** Any request; what `init` gives wins. */
  send(path: string, init: RequestInit): Promise<RawReply>;
}

/** Creates a client for the emulator at `url`; `username` is an account or an API key. */
export function createRawClient(url: string, username: string, password: string): RawClient {
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const send = async (path: string, init: RequestInit): Promise<RawReply> => {
    const response = await fetch(`${url}${path}`, { headers: { authorization }, ...init });
    const text = await response.text();
    const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
    const code = typeof body['code'] === 'number' ? body['code'] : undefined;
    const sid = typeof body['sid'] === 'string' ? body['sid'] : '';
    return { status: response.status, code, sid, body, headers: response.headers };
  };
  return {
    send,
    get: async (path) => await send(path, {}),
    post: async (path, form = {}) => {
      const fields = Object.entries(form).map(([name, value]): [string, string] => [name, String(value)]);
      return await send(path, { method: 'POST', body: new URLSearchParams(fields) });
    },
    delete: async (path) => await send(path, { method: 'DELETE' }),
  };
}
