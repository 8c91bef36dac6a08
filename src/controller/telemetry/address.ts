/**
 * Addresses to listen on, as they are written in flags: ":8443", "127.0.0.1:8080", "[::1]:8080", "localhost:8080".
 */

export interface ListenAddress {
  /** Undefined: all addresses of the machine. */
  readonly host: string | undefined;
  /** 0: any free one. */
  readonly port: number;
}

const form = /^(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9.-]*)):([0-9]{1,5})$/;

/** Undefined if the text is no address. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const [, six, name, digits = ''] = form.exec(text) ?? [];
  const port = Number.parseInt(digits);
  if (Number.isNaN(port) || port > 65_535) return undefined;
  const host = six ?? name ?? '';
  return { host: host === '' ? undefined : host, port };
}

/** Reached from this machine only. */
export function isLoopback({ host }: ListenAddress): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.[0-9]{1,3}){3}$/.test(host ?? '');
}
