/**
 * The kubeconfigs that the test tools write: JSON, one cluster, one token.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';

/** Where the API server is and who we are there. */
export interface ApiAddress {
  readonly server: string;
  /** PEM. */
  readonly certificateAuthority: string;
  readonly token: string;
}

const kubeconfigSchema = z.object({
  clusters: z.tuple([z.object({ cluster: z.object({ server: z.url(), 'certificate-authority-data': z.base64() }) })]),
  users: z.tuple([z.object({ user: z.object({ token: z.string() }) })]),
});

/** @throws Error when the file is none of those */
export async function readKubeconfig(path: string): Promise<ApiAddress> {
  const { clusters, users } = kubeconfigSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  const { server, 'certificate-authority-data': encoded } = clusters[0].cluster;
  return { server, certificateAuthority: Buffer.from(encoded, 'base64').toString(), token: users[0].user.token };
}
