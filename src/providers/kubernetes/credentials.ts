/**
 * Where the API server is and who we are there: kubeconfig, service account, authentication plugins.
 *
 * The rest of the provider never sees client-node. Files with tokens and certificates are read again every minute, and
 * all of the kubeconfig when the API server has refused us.
 */
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../../reconcilers/shared/ports.ts';

/** What a request needs besides itself. */
export interface Credentials {
  /** TLS options, and basic authentication where a kubeconfig has it. */
  readonly tls: Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized' | 'auth'>;
  readonly headers: Readonly<Record<string, string>>;
}

/** Service account tokens are renewed long before they expire; the same figure as client-go's. */
const keepMs = 60_000;

/**
 * Reads a kubeconfig file; with an empty path the usual places: $KUBECONFIG, the home folder, the pod's service account.
 * @throws Error when there is none, or it asks for what the transport cannot do
 */
export function loadKubeConfig(path: string): KubeConfig {
  const kubeConfig = new KubeConfig();
  if (path === '') kubeConfig.loadFromDefault();
  else kubeConfig.loadFromFile(path);
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null) throw new Error(`Cannot use kubeconfig "${path}": its current context names no cluster`);
  if (new URL(cluster.server).protocol !== 'https:') {
    // client-node's last resort is http://localhost:8080.
    throw new Error(`Cannot use API server "${cluster.server}": no kubeconfig with an https server was found`);
  }
  if (cluster.proxyUrl !== undefined) {
    throw new Error(`Cannot use cluster "${cluster.name}": proxy-url is not supported`);
  }
  return kubeConfig;
}

export class CredentialSource {
  readonly #load: () => KubeConfig;
  readonly #clock: Clock;
  #kubeConfig: KubeConfig;
  #current: { readonly credentials: Promise<Credentials>; readonly readAt: number } | undefined;

  /** `load` is called at once, and again after every refusal. */
  constructor(load: () => KubeConfig, clock: Clock) {
    this.#load = load;
    this.#clock = clock;
    this.#kubeConfig = load();
  }

  /** The API server's address. */
  get server(): URL {
    return new URL(this.#kubeConfig.getCurrentCluster()?.server ?? '');
  }

  async get(): Promise<Credentials> {
    const now = this.#clock.monotonic();
    if (this.#current === undefined || now - this.#current.readAt > keepMs) {
      this.#current = { credentials: applied(this.#kubeConfig), readAt: now };
    }
    try {
      return await this.#current.credentials;
    } catch (error) {
      this.#current = undefined;
      throw error;
    }
  }

  /** The API server has answered 401: reads everything again. `refused` are the credentials that were used. */
  async renew(refused: Credentials): Promise<Credentials> {
    // Many requests may be refused at the same moment, and the first of them renews for all.
    if (this.#current !== undefined && (await this.get()) === refused) {
      this.#kubeConfig = this.#load();
      this.#current = undefined;
    }
    return await this.get();
  }
}

async function applied(kubeConfig: KubeConfig): Promise<Credentials> {
  const headers: Record<string, string> = {};
  const options: RequestOptions = { headers };
  await kubeConfig.applyToHTTPSOptions(options);
  const { ca, cert, key, servername, rejectUnauthorized, auth } = options;
  const tls = { ca, cert, key, servername, rejectUnauthorized, auth };
  return {
    tls: Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined && value !== null)),
    // A token file may end in a line feed, which no header can hold.
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.trim()])),
  };
}
