/**
 * Open connections, one per account object and provider, kept for as long as identity and credentials stay.
 *
 * Guarantees
 * - The same identity with the same credentials is the same port, also under two account objects: what a port has proven
 *   about its account stays proven.
 * - Other credentials are another port, that has proven nothing yet.
 * - Nothing older than the newest credentials of an account object is kept.
 */
import { createHash } from 'node:crypto';

interface Connection<Port> {
  readonly fingerprint: string;
  readonly port: Port;
}

export class Connections<Settings, Port> {
  readonly #connect: (settings: Settings) => Port;
  readonly #byAccount = new Map<string, Connection<Port>>();

  constructor(connect: (settings: Settings) => Port) {
    this.#connect = connect;
  }

  /** `isNew`: these settings were not in use yet. */
  open(account: string, settings: Settings): { readonly port: Port; readonly isNew: boolean } {
    // A hash, so that no list of connections holds a secret.
    const fingerprint = createHash('sha256').update(JSON.stringify(settings)).digest('hex');
    const known = [...this.#byAccount.values()].find((connection) => connection.fingerprint === fingerprint);
    const connection = known ?? { fingerprint, port: this.#connect(settings) };
    this.#byAccount.set(account, connection);
    return { port: connection.port, isNew: known === undefined };
  }

  /** The account object is gone. */
  forget(account: string): void {
    this.#byAccount.delete(account);
  }
}
