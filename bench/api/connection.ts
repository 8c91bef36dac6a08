/**
 * One HTTP/2 connection to the API server with as little code around it as possible: for the loader and the bare writer,
 * whose own cost must not show in what they measure. Nothing here is shared with the operator.
 *
 * Guarantee: a request that gets no whole answer throws. No request is repeated.
 */
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { StringDecoder } from 'node:string_decoder';
import type { ApiAddress } from './kubeconfig.ts';

/** What the API server answered. */
export interface ApiReply {
  readonly status: number;
  readonly text: string;
}

export const mergePatch = 'application/merge-patch+json';

/** Bytes that may be on their way: a watch of thousands of objects must not wait for window updates. */
const windowBytes = 16 * 1024 * 1024;

export class ApiConnection {
  readonly #session: ClientHttp2Session;
  readonly #authorization: string;
  #failure: Error | undefined;

  private constructor(session: ClientHttp2Session, token: string) {
    this.#session = session;
    this.#authorization = `Bearer ${token}`;
    session.on('error', (error) => {
      this.#failure = error;
    });
  }

  /** @throws Error when the API server cannot be reached */
  static async open({ certificateAuthority, server, token }: ApiAddress): Promise<ApiConnection> {
    const session = connect(server, { ca: certificateAuthority, settings: { initialWindowSize: windowBytes } });
    await new Promise<void>((resolve, reject) => {
      session.once('connect', () => resolve());
      session.once('error', reject);
    });
    session.setLocalWindowSize(windowBytes);
    return new ApiConnection(session, token);
  }

  async request(method: string, path: string, body?: string, contentType = 'application/json'): Promise<ApiReply> {
    return await new Promise((resolve, reject) => {
      const stream = this.#open(method, path, body === undefined ? undefined : contentType);
      let status = 0;
      const chunks: Buffer[] = [];
      stream.on('response', (headers) => {
        status = Number(headers[constants.HTTP2_HEADER_STATUS]);
      });
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('close', () => {
        if (status === 0) reject(this.#failure ?? new Error(`Cannot ${method} ${path}: the connection ended`));
        else resolve({ status, text: Buffer.concat(chunks).toString() });
      });
      stream.end(body);
    });
  }

  /** The same, and only `status` is right. @throws Error otherwise, with what was answered */
  async expect(status: number, method: string, path: string, body?: string, contentType?: string): Promise<string> {
    const reply = await this.request(method, path, body, contentType);
    if (reply.status === status) return reply.text;
    throw new Error(`Cannot ${method} ${path}: status ${reply.status} instead of ${status}: ${reply.text}`);
  }

  /** Calls `onLine` for every line until the stream ends. @returns the status; lines come only with a 200 */
  async watch(path: string, onLine: (line: string) => void): Promise<number> {
    return await new Promise((resolve, reject) => {
      const stream = this.#open('GET', path, undefined);
      const decoder = new StringDecoder('utf8');
      let status = 0;
      let begun = '';
      stream.on('response', (headers) => {
        status = Number(headers[constants.HTTP2_HEADER_STATUS]);
      });
      stream.on('data', (chunk: Buffer) => {
        if (status !== 200) return;
        const [head = '', ...rest] = decoder.write(chunk).split('\n');
        begun += head;
        for (const piece of rest) {
          onLine(begun);
          begun = piece;
        }
      });
      stream.on('error', reject);
      stream.on('close', () => resolve(status));
      stream.end();
    });
  }

  close(): void {
    this.#session.destroy();
  }

  #open(method: string, path: string, contentType: string | undefined) {
    return this.#session.request({
      [constants.HTTP2_HEADER_METHOD]: method,
      [constants.HTTP2_HEADER_PATH]: path,
      accept: 'application/json',
      authorization: this.#authorization,
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
    });
  }
}
