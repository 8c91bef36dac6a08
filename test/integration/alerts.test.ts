// The alerts of the chart, by Prometheus' own promtool: they parse, and each comes when it should and not before.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { projectPath } from '../tools/operator-world.ts';
import { ensureRealParts } from '../tools/real-parts.ts';
import { type CommandResult, runCommand } from '../tools/run-command.ts';
import { createTemporaryFolder, type TemporaryFolder } from '../tools/temporary-folder.ts';

let folder: TemporaryFolder;
let promtool: (...args: readonly string[]) => Promise<CommandResult>;

beforeAll(async () => {
  folder = await createTemporaryFolder('trunkline-alerts-');
  const { path } = (await ensureRealParts({ parts: ['promtool'] })).promtool;
  promtool = async (...args) => await runCommand(path, args);
  const alerts = await readFile(projectPath('deploy/chart/files/alerts.yaml'), 'utf8');
  await writeFile(rules(), alerts.replaceAll('RUNBOOKS', 'https://runbooks.example.com'));
  // promtool compares every text, too; whether an alert comes is what is tried here.
  const { groups }: { readonly groups: readonly { readonly rules: readonly object[] }[] } = parse(alerts);
  const bare = groups.map((group) => ({ ...group, rules: group.rules.map((rule) => ({ ...rule, annotations: {} })) }));
  await writeFile(conditions(), JSON.stringify({ groups: bare }));
}, 600_000);
afterAll(async () => {
  await folder?.[Symbol.asyncDispose]();
});

function rules(): string {
  return join(folder.path, 'alerts.yaml');
}

function conditions(): string {
  return join(folder.path, 'conditions.yaml');
}

test('promtool finds nothing wrong with the rules', async () => {
  const { code, stderr, stdout } = await promtool('check', 'rules', '--lint=all', '--lint-fatal', rules());
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('SUCCESS: 11 rules found');
});

/** Somebody leads; without that one alert always comes. */
const led = { series: 'leader_election_master_status{name="trunkline"}', values: '1x2000' };
const calls = (provider: string, outcome: string) =>
  `trunkline_provider_requests_total{provider="${provider}",operation="x",outcome="${outcome}"}`;

/** Samples come once a minute. */
test.for<{
  readonly name: string;
  readonly why: string;
  readonly series: readonly { readonly series: string; readonly values: string }[];
  readonly quietAt: string;
  readonly alertAt: string;
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
}>([
  {
    name: 'a number that becomes Corrupted',
    why: 'a person has to decide',
    series: [led, { series: 'trunkline_phonenumbers{phase="Corrupted"}', values: '0x9 1x100' }],
    quietAt: '9m',
    alertAt: '10m',
    alert: 'TrunklineNumberCorrupted',
    labels: { severity: 'warning' },
  },
  {
    name: 'a leftover that takes calls',
    why: 'it costs money every minute',
    series: [led, { series: 'trunkline_leftovers{risk="RoutesCalls"}', values: '0x9 1x100' }],
    quietAt: '9m',
    alertAt: '10m',
    alert: 'TrunklineCallsAtRisk',
    labels: { severity: 'critical' },
  },
  {
    name: 'a deletion of two hours',
    why: 'everything should be over by then, one way or the other',
    series: [led, { series: 'trunkline_deleting_since_seconds', values: '0+60x200' }],
    quietAt: '120m',
    alertAt: '121m',
    alert: 'TrunklineDeletionHangs',
    labels: { severity: 'warning' },
  },
  {
    name: 'a create of an hour',
    why: 'something of it may exist outside',
    series: [led, { series: 'trunkline_creating_since_seconds', values: '0+60x200' }],
    quietAt: '60m',
    alertAt: '61m',
    alert: 'TrunklineCreationHangs',
    labels: { severity: 'warning' },
  },
  {
    name: 'a force delete',
    why: 'somebody has given something up',
    series: [led, { series: 'trunkline_force_deletes_total', values: '0x9 1x100' }],
    quietAt: '9m',
    alertAt: '10m',
    alert: 'TrunklineForceDelete',
    labels: { severity: 'info' },
  },
  {
    name: 'a number that vanishes',
    why: 'nobody looks after what it has outside',
    series: [led, { series: 'trunkline_vanished_total', values: '0x9 1x100' }],
    quietAt: '9m',
    alertAt: '10m',
    alert: 'TrunklineNumberVanished',
    labels: { severity: 'warning' },
  },
  {
    name: 'a key that is refused for ten minutes',
    why: 'a short trouble mends itself',
    series: [led, { series: calls('Twilio', 'identity'), values: '0x9 1+1x100' }],
    quietAt: '19m',
    alertAt: '20m',
    alert: 'TrunklineCredentialsRefused',
    labels: { severity: 'warning', provider: 'Twilio' },
  },
  {
    name: 'a provider that fails for a quarter of an hour',
    why: 'single lost answers are everyday',
    series: [led, { series: calls('LiveKit', 'unknownOutcome'), values: '0+60x100' }],
    quietAt: '15m',
    alertAt: '17m',
    alert: 'TrunklineProviderFails',
    labels: { severity: 'warning', provider: 'LiveKit' },
  },
  {
    name: 'a watch that hears nothing',
    why: 'nothing would be noticed any more',
    series: [led, { series: 'trunkline_watch_age_seconds', values: '0+60x100' }],
    quietAt: '8m',
    alertAt: '9m',
    alert: 'TrunklineWatchStale',
    labels: { severity: 'warning' },
  },
  {
    name: 'nobody who leads',
    why: 'nothing is done at all',
    series: [{ series: 'leader_election_master_status{name="trunkline"}', values: '1x9 0x100' }],
    quietAt: '14m',
    alertAt: '15m',
    alert: 'TrunklineNobodyLeads',
    labels: { severity: 'critical' },
  },
  {
    name: 'a reconcile that ends in a defect',
    why: 'it will not mend itself',
    series: [led, { series: 'controller_runtime_reconcile_panics_total', values: '0x9 1x100' }],
    quietAt: '9m',
    alertAt: '10m',
    alert: 'TrunklineReconcilePanics',
    labels: { severity: 'warning' },
  },
])('$name: $alert', async ({ alert, alertAt, labels, quietAt, series, why }) => {
  const file = join(folder.path, `${alert}.json`);
  const at = (time: string, comes: boolean) => ({
    eval_time: time,
    alertname: alert,
    exp_alerts: comes ? [{ exp_labels: labels }] : [],
  });
  const tests = [{ interval: '1m', input_series: series, alert_rule_test: [at(quietAt, false), at(alertAt, true)] }];
  await writeFile(file, JSON.stringify({ rule_files: [conditions()], evaluation_interval: '1m', tests }));
  const { code, stderr, stdout } = await promtool('test', 'rules', file);
  expect(code, `${why}\n${stdout}${stderr}`).toBe(0);
});
