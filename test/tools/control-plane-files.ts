// The files and command lines of a control plane: identities, keys, kubeconfigs and flags. Nothing here runs anything.
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** An identity of the API server's static token file. */
export interface Identity {
  readonly token: string;
  readonly user: string;
  readonly groups: readonly string[];
}

/** May do everything. */
export const ADMINISTRATOR: Identity = { token: 'admin-token', user: 'admin', groups: ['system:masters'] };

/** The operator as its service account; what it may do is what the installed ClusterRoles and Roles say. */
export const OPERATOR: Identity = {
  token: 'operator-token',
  user: 'system:serviceaccount:trunkline-system:trunkline',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:trunkline-system'],
};

/** Where a control plane keeps its files, and its ports on 127.0.0.1. */
export interface ControlPlaneLayout {
  readonly folder: string;
  readonly etcdData: string;
  readonly certificates: string;
  readonly apiServerPort: number;
  readonly etcdPort: number;
  readonly etcdPeerPort: number;
}

/** Creates the folders, the key that signs service account tokens, and the token file. */
export async function writeControlPlaneFiles(layout: ControlPlaneLayout): Promise<void> {
  await mkdir(layout.certificates, { recursive: true });
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const tokens = [ADMINISTRATOR, OPERATOR].map(
    ({ token, user, groups }) => `${token},${user},${user},"${groups.join()}"`,
  );
  await Promise.all([
    writeFile(join(layout.folder, 'service-account.key'), privateKey, { mode: 0o600 }),
    writeFile(join(layout.folder, 'service-account.pub'), publicKey),
    writeFile(join(layout.folder, 'tokens.csv'), `${tokens.join('\n')}\n`, { mode: 0o600 }),
  ]);
}

/** What a kubeconfig file needs to say. */
export interface KubeconfigContent {
  readonly server: string;
  readonly certificateAuthority: string;
  readonly token: string;
}

/** The text of a kubeconfig file, in JSON, which is YAML too. */
export function kubeconfigText({ server, certificateAuthority, token }: KubeconfigContent): string {
  const name = 'trunkline-test';
  const certificateAuthorityData = Buffer.from(certificateAuthority).toString('base64');
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': certificateAuthorityData } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

/** etcd's flags. Without fsync a test run does not wait for the disk; only a crash of the machine could lose data. */
export function etcdFlags(layout: ControlPlaneLayout): readonly string[] {
  const clients = `http://127.0.0.1:${layout.etcdPort}`;
  const peers = `http://127.0.0.1:${layout.etcdPeerPort}`;
  return [
    `--data-dir=${layout.etcdData}`,
    `--listen-client-urls=${clients}`,
    `--advertise-client-urls=${clients}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
    `--initial-cluster=default=${peers}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

/** kube-apiserver's flags; it makes its own serving certificate for 127.0.0.1 in the certificate folder. */
export function apiServerFlags(layout: ControlPlaneLayout): readonly string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${layout.etcdPort}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${layout.apiServerPort}`,
    `--cert-dir=${layout.certificates}`,
    `--token-auth-file=${join(layout.folder, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(layout.folder, 'service-account.pub')}`,
    `--service-account-signing-key-file=${join(layout.folder, 'service-account.key')}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    // There is no pod network: an Endpoints object for the API server could only hold the loopback address, which is refused.
    '--endpoint-reconciler-type=none',
  ];
}

/** The controllers that the tests see the work of; each other one would only cost time and memory. */
const CONTROLLERS = [
  'namespace-controller',
  'garbage-collector-controller',
  'serviceaccount-controller',
  'clusterrole-aggregation-controller',
  'validatingadmissionpolicy-status-controller',
];

/** kube-controller-manager's flags. */
export function controllerManagerFlags(layout: ControlPlaneLayout, kubeconfig: string): readonly string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--controllers=${CONTROLLERS.join()}`,
    `--service-account-private-key-file=${join(layout.folder, 'service-account.key')}`,
    '--use-service-account-credentials=false',
    '--leader-elect=false',
    '--bind-address=127.0.0.1',
    '--secure-port=0',
  ];
}
