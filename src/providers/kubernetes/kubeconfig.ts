/**
 * Kubeconfig documents: from their text to the one cluster and user that are to be used. Reads no file and runs nothing.
 *
 * Assumption: what a kubeconfig says is secret. No error quotes its content, other than addresses and names.
 */
import { z } from 'zod';
import type { PluginUser } from './plugin-access.ts';

/** A text, or the path of a file that holds it. */
export type Source =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'file'; readonly path: string };

/** One cluster and one user of a kubeconfig. */
export interface KubeconfigContext {
  readonly server: string;
  readonly certificateAuthority: Source | undefined;
  readonly tlsServerName: string | undefined;
  readonly skipVerification: boolean;
  readonly token: Source | undefined;
  readonly clientCertificate: Source | undefined;
  readonly clientKey: Source | undefined;
  /** Of basic authentication. */
  readonly password: { readonly username: string; readonly password: string } | undefined;
  readonly impersonate: { readonly user: string; readonly groups: readonly string[] } | undefined;
  /** A program or an identity provider that authenticates the user. */
  readonly plugin: PluginUser | undefined;
}

/** One document and where it was found; `resolve` makes its relative paths absolute. */
export interface KubeconfigDocument {
  readonly path: string;
  readonly content: unknown;
  readonly resolve: (path: string) => string;
}

const text = z.string().exactOptional();
const clusterSchema = z.object({
  server: z.string().default(''),
  'certificate-authority': text,
  'certificate-authority-data': text,
  'tls-server-name': text,
  'insecure-skip-tls-verify': z.boolean().default(false),
  'proxy-url': text,
});
const userSchema = z.object({
  token: text,
  tokenFile: text,
  'client-certificate': text,
  'client-certificate-data': text,
  'client-key': text,
  'client-key-data': text,
  username: text,
  password: text,
  as: text,
  'as-groups': z.array(z.string()).default([]),
  exec: z.unknown().optional(),
  'auth-provider': z.unknown().optional(),
});
const kubeconfigSchema = z.object({
  clusters: z.array(z.object({ name: z.string(), cluster: clusterSchema })).nullish(),
  users: z.array(z.object({ name: z.string(), user: userSchema.nullish() })).nullish(),
  contexts: z
    .array(z.object({ name: z.string(), context: z.object({ cluster: z.string(), user: z.string().default('') }) }))
    .nullish(),
  'current-context': z.string().nullish(),
});

type Cluster = z.output<typeof clusterSchema>;
type User = z.output<typeof userSchema>;

/** A part of a kubeconfig, with the paths of the document that it stands in. */
interface Placed<Part> {
  readonly part: Part;
  readonly resolve: (path: string) => string;
}

/**
 * The current context of documents that are merged as kubectl does: whatever is named in several counts from the first.
 * @throws Error with one line that says what is missing or wrong
 */
export function contextOf(documents: readonly KubeconfigDocument[]): KubeconfigContext {
  const parsed = documents.map((document) => ({ ...document, kubeconfig: parsedKubeconfig(document) }));
  const paths = documents.map(({ path }) => path).join(', ');
  const name = parsed.map(({ kubeconfig }) => kubeconfig['current-context'] ?? '').find((current) => current !== '');
  if (name === undefined) throw new Error(`Cannot use kubeconfig "${paths}": it has no current-context`);
  const context = parsed
    .flatMap(({ kubeconfig }) => kubeconfig.contexts ?? [])
    .find((candidate) => candidate.name === name)?.context;
  if (context === undefined) throw new Error(`Cannot use kubeconfig "${paths}": there is no context "${name}"`);
  const cluster = parsed
    .flatMap(({ kubeconfig, resolve }) =>
      (kubeconfig.clusters ?? []).map((named) => ({ name: named.name, part: named.cluster, resolve })),
    )
    .find((candidate) => candidate.name === context.cluster);
  if (cluster === undefined) {
    throw new Error(`Cannot use kubeconfig "${paths}": there is no cluster "${context.cluster}"`);
  }
  const user = parsed
    .flatMap(({ kubeconfig, resolve }) =>
      (kubeconfig.users ?? []).map((named) => ({ name: named.name, part: named.user ?? noUser, resolve })),
    )
    .find((candidate) => candidate.name === context.user);
  if (user === undefined && context.user !== '') {
    throw new Error(`Cannot use kubeconfig "${paths}": there is no user "${context.user}"`);
  }
  return { ...clusterParts(context.cluster, cluster), ...userParts(user ?? { part: noUser, resolve: (path) => path }) };
}

const noUser: User = userSchema.parse({});

function parsedKubeconfig({ content, path }: KubeconfigDocument): z.output<typeof kubeconfigSchema> {
  const result = kubeconfigSchema.safeParse(content);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : `: ${issue.path.join('.')}`;
  throw new Error(`Cannot use kubeconfig "${path}"${where}: ${issue?.message ?? 'not a kubeconfig'}`);
}

function clusterParts(
  name: string,
  { part, resolve }: Placed<Cluster>,
): Pick<KubeconfigContext, 'server' | 'certificateAuthority' | 'tlsServerName' | 'skipVerification'> {
  if (part['proxy-url'] !== undefined && part['proxy-url'] !== '') {
    throw new Error(`Cannot use cluster "${name}": proxy-url is not supported`);
  }
  if (!URL.canParse(part.server) || new URL(part.server).protocol !== 'https:') {
    throw new Error(`Cannot use API server "${part.server}": want an https address`);
  }
  return {
    server: part.server,
    certificateAuthority: sourceOf(part['certificate-authority-data'], part['certificate-authority'], resolve),
    tlsServerName: part['tls-server-name'],
    skipVerification: part['insecure-skip-tls-verify'],
  };
}

function userParts({ part, resolve }: Placed<User>): Omit<KubeconfigContext, keyof ReturnType<typeof clusterParts>> {
  const { as, exec, password, token, tokenFile, username } = part;
  return {
    // A file goes before a token beside it: only the file is renewed.
    token: isGiven(tokenFile)
      ? { kind: 'file', path: resolve(tokenFile) }
      : isGiven(token)
        ? { kind: 'text', text: token }
        : undefined,
    clientCertificate: sourceOf(part['client-certificate-data'], part['client-certificate'], resolve),
    clientKey: sourceOf(part['client-key-data'], part['client-key'], resolve),
    password: isGiven(username) ? { username, password: password ?? '' } : undefined,
    impersonate: isGiven(as) ? { user: as, groups: part['as-groups'] } : undefined,
    plugin:
      isEmpty(exec) && isEmpty(part['auth-provider']) ? undefined : { exec, 'auth-provider': part['auth-provider'] },
  };
}

/** Data in the kubeconfig go before a file. */
function sourceOf(
  data: string | undefined,
  path: string | undefined,
  resolve: (path: string) => string,
): Source | undefined {
  if (isGiven(data)) return { kind: 'text', text: Buffer.from(data, 'base64').toString('utf8') };
  return isGiven(path) ? { kind: 'file', path: resolve(path) } : undefined;
}

function isGiven(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null;
}
