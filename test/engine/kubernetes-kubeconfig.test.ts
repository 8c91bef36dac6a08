/**
 * Ways to the API server: what is read from which files, and what is refused with which line.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ClusterAccess, type Credentials } from '../../src/providers/kubernetes/cluster-access.ts';
import { locateAccess } from '../../src/providers/kubernetes/locate-access.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordedLog } from '../support/log-lines.ts';

const secret = 'eyJzZWNyZXQi';
const data = (text: string) => Buffer.from(text).toString('base64');

let root: string;
let made = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'trunkline-kubeconfig-'));
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

/** Writes files below a folder of their own. @returns the folder */
async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  made += 1;
  const folder = join(root, String(made));
  await mkdir(folder);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

function kubeconfig(cluster: string, user = '{}', context = 'c'): string {
  return `
apiVersion: v1
kind: Config
current-context: ${context}
contexts:
  - name: c
    context: {cluster: one, user: me}
clusters:
  - name: one
    cluster: ${cluster}
users:
  - name: me
    user: ${user}
`;
}

const files = { 'ca.crt': 'CA', 'client.crt': 'CERT', 'client.key': 'KEY', 'secrets/token': 'from file\n' };
const server = 'https://10.0.0.1:6443';

describe('a kubeconfig', () => {
  test.for<{ name: string; why: string; cluster?: string; user?: string; want: Credentials }>([
    {
      name: 'with files',
      why: 'paths are relative to the kubeconfig',
      cluster: `{server: "${server}", certificate-authority: ca.crt}`,
      user: '{client-certificate: client.crt, client-key: client.key, tokenFile: secrets/token}',
      want: {
        server,
        tls: { ca: 'CA', cert: 'CERT', key: 'KEY' },
        headers: { authorization: 'Bearer from file' },
      },
    },
    {
      name: 'with data',
      why: 'data go before files that may not even be there',
      cluster: `{server: "${server}", certificate-authority: none, certificate-authority-data: ${data('CA2')}}`,
      user: `{client-certificate-data: ${data('C2')}, client-key-data: ${data('K2')}, client-key: none, token: given}`,
      want: { server, tls: { ca: 'CA2', cert: 'C2', key: 'K2' }, headers: { authorization: 'Bearer given' } },
    },
    {
      name: 'with a token and the file of one',
      why: 'only the file is renewed',
      user: '{token: given, tokenFile: secrets/token}',
      want: { server, tls: {}, headers: { authorization: 'Bearer from file' } },
    },
    {
      name: 'with a name and a password',
      why: 'proxies before an API server may want them',
      user: '{username: me, password: "a:b"}',
      want: { server, tls: {}, headers: { authorization: `Basic ${data('me:a:b')}` } },
    },
    {
      name: 'with another name for the certificate, and somebody to act as',
      why: 'both are there to get through gateways',
      cluster: `{server: "${server}", tls-server-name: kubernetes.default}`,
      user: '{token: given, as: someone, as-groups: [one, two]}',
      want: {
        server,
        tls: { servername: 'kubernetes.default' },
        headers: {
          authorization: 'Bearer given',
          'impersonate-user': 'someone',
          'impersonate-group': ['one', 'two'],
        },
      },
    },
    {
      name: 'without verification',
      why: 'whoever says so has decided so',
      cluster: `{server: "${server}", insecure-skip-tls-verify: true}`,
      want: { server, tls: { rejectUnauthorized: false }, headers: {} },
    },
    {
      name: 'with a program that gives the token',
      why: 'clouds do that',
      user: `{exec: {apiVersion: client.authentication.k8s.io/v1, command: echo, args: ['{"status":{"token":"bought"}}']}}`,
      want: { server, tls: {}, headers: { authorization: 'Bearer bought' } },
    },
  ])('$name', async ({ cluster = `{server: "${server}"}`, user = '{}', want, why }) => {
    const folder = await folderOf({ ...files, config: kubeconfig(cluster, user) });
    const read = await locateAccess({ kubeconfig: join(folder, 'config'), environment: {} });
    expect(await read(), why).toEqual(want);
  });

  test.for<{ name: string; why: string; content: string | undefined; says: string }>([
    {
      name: 'that is not there',
      why: 'a typing error',
      content: undefined,
      says: 'Cannot read kubeconfig "PATH": ENOENT',
    },
    {
      name: 'that is no YAML',
      why: 'the line is enough; what stands there may be secret',
      content: `users:\n  - name: x\n  token: "${secret}\n`,
      says: 'Cannot read kubeconfig "PATH": line 3 is not YAML (BAD_INDENT)',
    },
    {
      name: 'of another shape',
      why: 'somebody took the wrong file',
      content: `clusters: ${secret}`,
      says: 'Cannot use kubeconfig "PATH": clusters: Invalid input: expected array, received string',
    },
    {
      name: 'that is empty',
      why: 'somebody wrote to the wrong file',
      content: '',
      says: 'expected object, received null',
    },
    {
      name: 'without a context',
      why: 'nobody knows which cluster is meant',
      content: kubeconfig('{}', '{}', '""'),
      says: 'Cannot use kubeconfig "PATH": it has no current-context',
    },
    {
      name: 'whose context is not there',
      why: 'a typing error',
      content: kubeconfig('{}', '{}', 'other'),
      says: 'Cannot use kubeconfig "PATH": there is no context "other"',
    },
    {
      name: 'whose cluster is not there',
      why: 'a typing error',
      content: kubeconfig('{}').replace('name: one', 'name: two'),
      says: 'Cannot use kubeconfig "PATH": there is no cluster "one"',
    },
    {
      name: 'whose user is not there',
      why: 'a typing error',
      content: kubeconfig(`{server: "${server}"}`).replace('name: me', 'name: you'),
      says: 'Cannot use kubeconfig "PATH": there is no user "me"',
    },
    {
      name: 'whose server has no TLS',
      why: 'a token would be sent in the clear',
      content: kubeconfig('{server: "http://10.0.0.1"}'),
      says: 'Cannot use API server "http://10.0.0.1": want an https address',
    },
    {
      name: 'with a proxy',
      why: 'it is not supported, and to go around it would be wrong',
      content: kubeconfig(`{server: "${server}", proxy-url: "http://10.0.0.2"}`),
      says: 'Cannot use cluster "one": proxy-url is not supported',
    },
    {
      name: 'whose token file is not there',
      why: 'a mount that is missing',
      content: kubeconfig(`{server: "${server}"}`, '{tokenFile: gone}'),
      says: 'Cannot read token "FOLDER/gone": ENOENT',
    },
  ])('$name', async ({ content, says, why }) => {
    const folder = await folderOf(content === undefined ? {} : { config: content });
    const path = join(folder, 'config');
    const reading = locateAccess({ kubeconfig: path, environment: {} }).then(async (read) => await read());
    const error = await reading.catch((thrown: unknown) => thrown);
    const message = String(error).replaceAll(path, 'PATH').replaceAll(folder, 'FOLDER');
    expect(message, why).toContain(says);
    expect(message, 'secrets stand in kubeconfigs').not.toContain(secret);
    expect(message.split('\n')).toHaveLength(1);
  });

  test('of several files counts what is named first, and each has paths of its own', async () => {
    const folder = await folderOf({
      'a/config': kubeconfig(`{server: "${server}", certificate-authority: ca.crt}`, '{}').replace(
        'name: me',
        'name: no',
      ),
      'a/ca.crt': 'CA of a',
      'b/config': kubeconfig('{server: "https://10.0.0.9"}', '{tokenFile: token}', 'other'),
      'b/token': 'token of b',
    });
    const environment = { KUBECONFIG: `${join(folder, 'a/config')}:${join(folder, 'b/config')}` };
    const read = await locateAccess({ kubeconfig: '', environment, homeFolder: folder });
    expect(await read()).toEqual({
      server,
      tls: { ca: 'CA of a' },
      headers: { authorization: 'Bearer token of b' },
    });
  });

  test('is looked for in the environment, the home folder and the pod, in this order', async () => {
    const named = (name: string) => kubeconfig(`{server: "https://${name}"}`);
    const folder = await folderOf({
      given: named('given'),
      environment: named('environment'),
      'home/.kube/config': named('home'),
      'pod/ca.crt': 'CA of the pod',
      'pod/token': 'token of the pod\n',
    });
    const inEnvironment = { KUBECONFIG: join(folder, 'environment') };
    const inPod = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
    const at = async (kubeconfigPath: string, environment: Readonly<Record<string, string>>, home: string) => {
      const read = await locateAccess({
        kubeconfig: kubeconfigPath,
        environment,
        homeFolder: join(folder, home),
        serviceAccountFolder: join(folder, 'pod'),
      });
      return await read();
    };
    const found = [
      await at(join(folder, 'given'), { ...inEnvironment, ...inPod }, 'home'),
      await at('', { ...inEnvironment, ...inPod }, 'home'),
      await at('', inPod, 'home'),
    ].map((credentials) => credentials.server);
    expect(found).toEqual(['https://given', 'https://environment', 'https://home']);
    expect(await at('', inPod, 'nowhere')).toEqual({
      server: 'https://[fd00::1]:443',
      tls: { ca: 'CA of the pod' },
      headers: { authorization: 'Bearer token of the pod' },
    });
    await expect(at('', {}, 'nowhere')).rejects.toThrow('no kubeconfig was given or found, and this is no pod');
  });
});

describe('credentials', () => {
  function stage() {
    const clock = new FakeClock();
    const recorded = recordedLog();
    const state = { token: 'one', broken: false, reads: 0 };
    const access = new ClusterAccess(
      async () => {
        state.reads += 1;
        if (state.broken) throw new Error('the mount is away');
        return { server, tls: { ca: 'CA' }, headers: { authorization: state.token } };
      },
      clock,
      recorded.log,
    );
    return { access, clock, lines: recorded.lines, state };
  }

  test('are read again after a minute, and are the same object while they are the same', async () => {
    const { access, clock, state } = stage();
    const first = await access.get();
    state.token = 'two';
    clock.advanceSynchronously(60_000);
    expect(await access.get()).toBe(first);
    clock.advanceSynchronously(1);
    const second = await access.get();
    expect(second.headers).toEqual({ authorization: 'two' });
    clock.advanceSynchronously(61_000);
    expect(await access.get()).toBe(second);
    expect(state.reads).toBe(3);
  });

  test('are read once for many that were refused at the same time', async () => {
    const { access, state } = stage();
    const first = await access.get();
    state.token = 'two';
    const renewed = await Promise.all([access.renew(first), access.renew(first), access.renew(first)]);
    expect(new Set(renewed).size).toBe(1);
    expect(await access.renew(first), 'a late refusal of the old ones').toBe(renewed[0]);
    expect(state.reads).toBe(2);
  });

  test('that cannot be read again go on as they are, with a warning', async () => {
    const { access, lines, state } = stage();
    const first = await access.get();
    state.broken = true;
    access.doubt();
    expect(await access.get()).toBe(first);
    expect(lines()).toMatchObject([{ msg: 'credentials for the API server could not be read again' }]);
  });

  test('that could never be read are an error each time', async () => {
    const { access, state } = stage();
    state.broken = true;
    await expect(access.get()).rejects.toThrow('the mount is away');
    state.broken = false;
    await expect(access.get()).resolves.toMatchObject({ server });
  });
});
