/**
 * Credentials of users that a program (exec) or an identity provider (auth-provider) authenticates, by client-node.
 *
 * Imported only when there is such a user: client-node takes a third of a second and 90 MB. The plugin is asked whenever
 * credentials are read, which is once a minute.
 */
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import type { Credentials } from './cluster-access.ts';

/** What a kubeconfig says of a plugin, as it stands there. */
export interface PluginUser {
  readonly exec?: unknown;
  readonly 'auth-provider'?: unknown;
}

/** What the plugin adds: a header, or a client certificate and its key. @throws whatever the plugin or client-node throws */
export async function pluginCredentials(user: PluginUser): Promise<Pick<Credentials, 'tls' | 'headers'>> {
  const name = 'plugin';
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(
    JSON.stringify({
      clusters: [{ name, cluster: { server: 'https://localhost' } }],
      users: [{ name, user }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      'current-context': name,
    }),
  );
  const headers: Record<string, string> = {};
  const options: RequestOptions = { headers };
  await kubeConfig.applyToHTTPSOptions(options);
  const { cert, key } = options;
  return {
    tls: { ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) },
    headers: Object.fromEntries(Object.entries(headers).map(([header, value]) => [header.toLowerCase(), value.trim()])),
  };
}
