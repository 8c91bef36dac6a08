// An HTTP/2 server that sends frames byte by byte as a test says: for ends of a stream that no well-behaved server makes. It
// does not understand what it is sent.
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Frame types and flags of RFC 9113. */
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const GOAWAY = 7;
const END_STREAM = 1;
const END_HEADERS = 4;

/** ":status: 200" of HPACK's static table. */
const STATUS_200 = Buffer.from([0x88]);

/** Each frame is about the first stream. */
export const frames = {
  head: () => frame(HEADERS, END_HEADERS, 1, STATUS_200),
  data: (bytes: Uint8Array | string) => frame(DATA, 0, 1, Buffer.from(bytes)),
  end: () => frame(DATA, END_STREAM, 1, Buffer.alloc(0)),
  reset: (code: number) => frame(RST_STREAM, 0, 1, uint32(code)),
  goAway: (lastStream: number, code: number) => frame(GOAWAY, 0, 0, Buffer.concat([uint32(lastStream), uint32(code)])),
};

/** What happens after a request has come, one after the other; "fin" ends the connection in order. */
export type Script = readonly (Buffer | 'fin' | 'reset')[];

/** A running server for one connection. */
export interface RawHttp2Server extends AsyncDisposable {
  readonly port: number;
}

/** Without TLS, on a free port of 127.0.0.1. */
export async function startRawHttp2Server(script: Script): Promise<RawHttp2Server> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write(frame(SETTINGS, 0, 0, Buffer.alloc(0)));
    play(socket, script).catch(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port');
  return {
    port: address.port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

async function play(socket: Socket, script: Script): Promise<void> {
  let received = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
  });
  // Frames are nine bytes and their content; the first HEADERS frame is the request.
  while (!hasRequest(received)) await sleep(5);
  for (const step of script) {
    if (step === 'fin') socket.end();
    else if (step === 'reset') socket.resetAndDestroy();
    else socket.write(step);
    // One chunk each for the reader.
    await sleep(10);
  }
}

/** The preface of a client, which comes before all frames. */
const PREFACE = 24;

function hasRequest(received: Buffer): boolean {
  let at = PREFACE;
  while (at + 9 <= received.length) {
    if (received[at + 3] === HEADERS) return true;
    at += 9 + received.readUIntBE(at, 3);
  }
  return false;
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
