// Free TCP ports on 127.0.0.1 for servers that are stopped and started again on the same port.
// The ports lie below the range from which the operating system takes ports for outgoing connections (32768 on Linux,
// 49152 on macOS): otherwise any connection could take a server's port while that server is down.
import { once } from 'node:events';
import { createServer } from 'node:net';

const LOWEST_PORT = 12_000;
const HIGHEST_PORT = 32_000;
const ATTEMPTS = 200;

/** A port given out once is not given out again by this process: its server may only be about to listen. */
const givenOut = new Set<number>();

/**
 * Finds a port that nothing listens on.
 * @throws Error if 200 random ports were all in use
 */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT));
    if (givenOut.has(port)) continue;
    givenOut.add(port);
    if (await canListenOn(port)) return port;
  }
  throw new Error(`Cannot find a free port between ${LOWEST_PORT} and ${HIGHEST_PORT} on 127.0.0.1`);
}

async function canListenOn(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return true;
  } catch {
    return false;
  }
}
