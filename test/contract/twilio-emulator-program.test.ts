// The emulator as a program of its own: how a person starts it, looks into it and breaks it with curl.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRawClient } from '../emulator/twilio/raw-client.ts';
import { OWN, sidOf, startTestEmulator, TOKEN } from '../emulator/twilio/test-emulator.ts';

const MAIN = fileURLToPath(new URL('../emulator/twilio/main.ts', import.meta.url));
const TK = sidOf('TK', 1);
const RULE = { method: 'DELETE', path: '^/v1/Trunks/[^/]+$', effect: { kind: 'status', status: 400, code: 21247 } };

describe('the program', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'twilio-emulator-'));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test('serves its seed until it is told to stop', async () => {
    const seed = join(folder, 'seed.json');
    await writeFile(seed, JSON.stringify({ accounts: [{ accountSid: OWN, authToken: TOKEN, trunks: [{ sid: TK }] }] }));
    const child = spawn(process.execPath, [MAIN, '--port', '0', '--seed', seed], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line] = await once(createInterface(child.stdout), 'line');
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(String(line))?.[0] ?? '';
      expect((await createRawClient(url, OWN, TOKEN).get(`/v1/Trunks/${TK}`)).status).toBe(200);
      child.kill('SIGTERM');
      expect((await once(child, 'exit'))[0]).toBe(0);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test.for([
    { name: 'shows its help', why: 'asked for', args: ['--help'], code: 0, shown: '_emulator/faults' },
    { name: 'refuses a flag it does not know', why: 'a typo', args: ['--sed', 'x'], code: 2, shown: '--sed' },
    {
      name: 'refuses a port that is none',
      why: 'a typo',
      args: ['--port', 'x'],
      code: 2,
      shown: 'Cannot use --port "x"',
    },
    {
      name: 'refuses a seed that is not there',
      why: 'a typo',
      args: ['--seed', '/x/y'],
      code: 1,
      shown: 'Cannot read the seed "/x/y"',
    },
  ])('$name', async ({ args, code, shown, why }) => {
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const [output, errors, [exit]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    expect(exit, why).toBe(code);
    expect(code === 0 ? output : errors, why).toContain(shown);
  });

  test('refuses a seed with mistakes, and names all of them', async () => {
    const seed = join(folder, 'wrong.json');
    await writeFile(
      seed,
      JSON.stringify({ accounts: [{ accountSid: 'AC1', phoneNumbers: [{ phoneNumber: '123' }] }] }),
    );
    const child = spawn(process.execPath, [MAIN, '--seed', seed], { stdio: ['ignore', 'ignore', 'pipe'] });
    const errors = await text(child.stderr);
    expect(errors).toContain('accounts[0].accountSid');
    expect(errors).toContain('accounts[0].phoneNumbers[0].phoneNumber');
  });
});

describe('the admin path', () => {
  test('adds a fault, shows it, and lifts it', async () => {
    await using bench = await startTestEmulator();
    const { emulator, api } = bench;
    const { sid } = await api.post('/v1/Trunks', { FriendlyName: 'one' });
    expect(await send(emulator.url, 'POST', 'faults', JSON.stringify(RULE))).toMatchObject({ status: 201 });
    expect((await api.delete(`/v1/Trunks/${sid}`)).code).toBe(21247);
    expect(await send(emulator.url, 'GET', 'faults')).toEqual({ status: 200, body: [{ ...RULE, hits: 1 }] });
    expect(await send(emulator.url, 'DELETE', 'faults')).toEqual({ status: 200, body: [] });
    expect((await api.delete(`/v1/Trunks/${sid}`)).status).toBe(204);
  });

  test('shows the state and the requests', async () => {
    await using bench = await startTestEmulator();
    const { emulator, api } = bench;
    await api.post('/v1/Trunks', { FriendlyName: 'one' });
    await api.get('/nowhere');
    const { body: state } = await send(emulator.url, 'GET', 'state');
    expect(state).toMatchObject({
      accounts: { [OWN]: { trunks: [{ friendlyName: 'one' }] } },
      violations: [{ path: '/nowhere' }],
    });
    const { body: requests } = await send(emulator.url, 'GET', 'requests');
    expect(requests).toMatchObject([{ path: '/v1/Trunks', status: 201, applied: true }, { status: 404 }]);
  });

  test.for([
    { name: 'no JSON', body: '{', problem: 'body is not JSON' },
    { name: 'no effect', body: '{}', problem: 'effect: Invalid' },
    { name: 'an unknown effect', body: '{"effect":{"kind":"fire"}}', problem: 'effect.kind: Invalid' },
    { name: 'a pattern that is none', body: '{"path":"(","effect":{"kind":"hang"}}', problem: 'path: not a regular' },
    { name: 'an unknown field', body: '{"paths":"x","effect":{"kind":"hang"}}', problem: 'Unrecognized key: "paths"' },
  ])('refuses a rule with $name', async ({ body, problem }) => {
    await using bench = await startTestEmulator();
    const reply = await send(bench.emulator.url, 'POST', 'faults', body);
    expect(reply).toMatchObject({ status: 400, body: { problems: [expect.stringContaining(problem)] } });
    expect(bench.emulator.faults.list()).toEqual([]);
  });

  test('refuses what it does not know', async () => {
    await using bench = await startTestEmulator();
    expect(await send(bench.emulator.url, 'PUT', 'faults')).toMatchObject({ status: 404 });
    bench.emulator.assertNoViolations();
  });
});

async function send(url: string, method: string, path: string, body?: string) {
  const response = await fetch(`${url}/_emulator/${path}`, { method, ...(body === undefined ? {} : { body }) });
  return { status: response.status, body: await response.json() };
}
