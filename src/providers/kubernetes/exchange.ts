/**
 * One HTTP exchange, whatever version of HTTP carries it.
 */
import { once } from 'node:events';
import type { Readable } from 'node:stream';

/** A request with everything that it needs. */
export interface Outgoing {
  readonly method: string;
  /** Path and query, escaped. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string | undefined;
}

/** An answer of which the head has come. */
export interface Incoming {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Must be read to its end or destroyed. Node ends it in the same way whether or not the connection was cut. */
  readonly body: Readable;
  /** Asked once the body is closed: whether the server has ended it, and has sent all of it. */
  readonly isWhole: () => boolean;
}

/** Thrown when the server surely has not carried out a request: it may be sent again. */
export class UnprocessedError extends Error {
  override readonly name = 'UnprocessedError';
}

/** All of a body as text. @throws Error when it ends early, or the signal's reason when it aborts */
export async function textOf(incoming: Incoming, signal: AbortSignal): Promise<string> {
  const { body } = incoming;
  const onAbort = (): void => void body.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await new Promise((resolve, reject) => {
      body.setEncoding('utf8');
      let text = '';
      body.on('data', (chunk: string) => {
        text += chunk;
      });
      body.once('error', reject);
      body.once('close', () => {
        if (signal.aborted) reject(signal.reason);
        else if (incoming.isWhole()) resolve(text);
        else reject(cutError());
      });
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The chunks of a body. @throws Error when it ends early, or the signal's reason when it aborts */
export async function* chunksOf(incoming: Incoming, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const { body } = incoming;
  const onAbort = (): void => void body.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    yield* body;
    if (!body.closed) await once(body, 'close');
    if (!incoming.isWhole()) throw cutError();
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    // The reader may have had enough before the end.
    body.destroy();
  }
}

function cutError(): Error {
  return new Error('the connection was cut within the answer');
}
