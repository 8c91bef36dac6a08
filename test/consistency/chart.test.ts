/**
 * The Helm chart: its values, alerts and dashboard fit the operator. What helm makes of it is not judged here.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

const chart = new URL('../../deploy/chart/', import.meta.url);
const textOf = async (path: string) => await readFile(new URL(path, chart), 'utf8');

const rules = z
  .object({
    groups: z.array(
      z.object({
        rules: z.array(
          z.object({
            alert: z.string(),
            expr: z.string(),
            labels: z.object({ severity: z.enum(['info', 'warning', 'critical']) }),
            annotations: z.object({ summary: z.string(), description: z.string(), runbook_url: z.string() }),
          }),
        ),
      }),
    ),
  })
  .parse(parse(await textOf('files/alerts.yaml')))
  .groups.flatMap((group) => group.rules);

/** Names of metrics in an expression. */
function metricsIn(text: string): readonly string[] {
  const names = text.matchAll(/\b(?:trunkline|controller_runtime|workqueue|rest_client|leader_election|process)_\w+/g);
  return [...names].map(([name]) => name.replace(/_bucket$/, ''));
}

describe('the alerts', () => {
  test('each have a runbook, and no runbook is without one', async () => {
    const pages = (await readdir(new URL('../../docs/runbooks/', chart))).map((name) => name.replace('.md', ''));
    expect(rules.map(({ alert }) => alert).toSorted()).toEqual(pages.toSorted());
    expect(rules.filter(({ alert, annotations }) => annotations.runbook_url !== `RUNBOOKS/${alert}.md`)).toEqual([]);
  });

  test.each(['files/alerts.yaml', 'files/dashboard.json'])('and %s ask for metrics that there are', async (path) => {
    const reference = await readFile(new URL('../../docs/reference/metrics.md', chart), 'utf8');
    const asked = metricsIn(await textOf(path));
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.filter((name) => !reference.includes(`\`${name}\``))).toEqual([]);
  });
});

describe('the values', async () => {
  const schema: unknown = JSON.parse(await textOf('values.schema.json'));
  const usual: unknown = parse(await textOf('values.yaml'));
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(z.looseObject({}).parse(schema));

  test('of the chart itself are valid, and each is in the schema', () => {
    expect([validate(usual), validate.errors]).toEqual([true, null]);
    const known = z.object({ properties: z.record(z.string(), z.unknown()) }).parse(schema).properties;
    expect(Object.keys(known).filter((name) => name !== 'global')).toEqual(Object.keys(z.looseObject({}).parse(usual)));
  });

  test.each([
    { name: 'a name with a mistake', values: { replica: 3 } },
    { name: 'a nested name with a mistake', values: { metrics: { enable: true } } },
    { name: 'no number of replicas', values: { replicas: 'two' } },
    { name: 'a flag with dashes', values: { options: { '--log-level': 'debug' } } },
  ])('$name is refused', ({ values }) => {
    expect(validate(values)).toBe(false);
  });
});

test.each(['crds', 'operator', 'policies'])('the chart has the very %s of the project, not a copy', async (name) => {
  const own = await stat(new URL(`files/${name}`, chart));
  const project = await stat(new URL(name === 'crds' ? '../../crds' : `../${name}`, chart));
  expect(own.ino).toBe(project.ino);
});
