/**
 * Finds the way to the API server: a kubeconfig, or the service account of the pod.
 */
import { promises } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import type { Credentials } from './cluster-access.ts';
import { contextOf, type KubeconfigContext, type KubeconfigDocument, type Source } from './kubeconfig.ts';

/** Where a pod finds its service account. */
const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface Locations {
  /** Empty: `$KUBECONFIG`, the home folder, the service account, in this order. */
  readonly kubeconfig: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly homeFolder?: string;
  readonly serviceAccountFolder?: string;
}

/**
 * @returns what reads the credentials, anew at each call; files are looked for only now
 * @throws Error with one line when there is no way to an API server, or one that is not supported
 */
export async function locateAccess(locations: Locations): Promise<() => Promise<Credentials>> {
  const paths = await kubeconfigPaths(locations);
  if (paths.length > 0) {
    // Now, so that a broken one is told of at once.
    contextOf(await documentsOf(paths));
    return async () => await credentialsOf(contextOf(await documentsOf(paths)));
  }
  const { environment, serviceAccountFolder: folder = serviceAccountFolder } = locations;
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = environment;
  if (host === '') {
    throw new Error('Cannot find an API server: no kubeconfig was given or found, and this is no pod of a cluster');
  }
  const context: KubeconfigContext = {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    certificateAuthority: { kind: 'file', path: join(folder, 'ca.crt') },
    token: { kind: 'file', path: join(folder, 'token') },
    tlsServerName: undefined,
    skipVerification: false,
    clientCertificate: undefined,
    clientKey: undefined,
    password: undefined,
    impersonate: undefined,
    plugin: undefined,
  };
  return async () => await credentialsOf(context);
}

async function kubeconfigPaths({ environment, homeFolder, kubeconfig }: Locations): Promise<readonly string[]> {
  if (kubeconfig !== '') return [kubeconfig];
  const paths = (environment['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
  if (paths.length > 0) return paths;
  const usual = join(homeFolder ?? homedir(), '.kube', 'config');
  try {
    await promises.readFile(usual);
    return [usual];
  } catch {
    return [];
  }
}

async function documentsOf(paths: readonly string[]): Promise<readonly KubeconfigDocument[]> {
  return await Promise.all(
    paths.map(async (path) => ({
      path,
      content: await parsedYaml(path, await textOf(path, 'kubeconfig')),
      resolve: (relative: string) => resolve(dirname(path), relative),
    })),
  );
}

async function parsedYaml(path: string, text: string): Promise<unknown> {
  const { parseDocument } = await import('yaml');
  // Its pretty errors quote the document, and tokens stand in there.
  const document = parseDocument(text, { prettyErrors: false });
  const [error] = document.errors;
  if (error === undefined) return document.toJS();
  const line = text.slice(0, error.pos[0]).split('\n').length;
  throw new Error(`Cannot read kubeconfig "${path}": line ${line} is not YAML (${error.code})`);
}

async function credentialsOf(context: KubeconfigContext): Promise<Credentials> {
  const { impersonate, password, plugin, server, skipVerification, tlsServerName } = context;
  const [ca, cert, key, token] = await Promise.all([
    contentOf(context.certificateAuthority, 'certificate authority'),
    contentOf(context.clientCertificate, 'client certificate'),
    contentOf(context.clientKey, 'client key'),
    contentOf(context.token, 'token'),
  ]);
  const added = plugin === undefined ? undefined : await (await import('./plugin-access.ts')).pluginCredentials(plugin);
  const basic = password && Buffer.from(`${password.username}:${password.password}`).toString('base64');
  return {
    server,
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(tlsServerName === undefined ? {} : { servername: tlsServerName }),
      ...(skipVerification ? { rejectUnauthorized: false } : {}),
      ...added?.tls,
    },
    headers: {
      ...(basic === undefined ? {} : { authorization: `Basic ${basic}` }),
      // A token file may end in a line feed, which no header can hold.
      ...(token === undefined ? {} : { authorization: `Bearer ${token.trim()}` }),
      ...(impersonate === undefined ? {} : { 'impersonate-user': impersonate.user }),
      ...(impersonate === undefined || impersonate.groups.length === 0
        ? {}
        : { 'impersonate-group': [...impersonate.groups] }),
      ...added?.headers,
    },
  };
}

async function contentOf(source: Source | undefined, what: string): Promise<string | undefined> {
  if (source === undefined) return undefined;
  return source.kind === 'text' ? source.text : await textOf(source.path, what);
}

async function textOf(path: string, what: string): Promise<string> {
  try {
    return await promises.readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new Error(`Cannot read ${what} "${path}": ${code}`, { cause: error });
  }
}
