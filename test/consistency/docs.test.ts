/**
 * The documents say what the code does: tables are compared with what they describe, row by row, in both directions.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import { optionRows } from '../../src/controller/config-options.ts';
import { exitCodes } from '../../src/controller/process.ts';
import { leftoversOf } from '../../src/reconcilers/phone-number/leftovers.ts';
import { closingText } from '../../src/reconcilers/phone-number/let-go.ts';
import { leftoverKinds, phases } from '../../src/reconcilers/phone-number/model.ts';
import { finalizer, forceDeleteAnnotation } from '../../src/reconcilers/phone-number/names.ts';
import { parsePhoneNumber } from '../../src/reconcilers/phone-number/schema.ts';
import { phoneNumberSpecSchema } from '../../src/reconcilers/phone-number/spec-schema.ts';
import { corruptedStatus } from '../../src/reconcilers/phone-number/status.ts';
import { group } from '../../src/reconcilers/shared/api-group.ts';
import { reasons } from '../../src/reconcilers/shared/reasons.ts';
import { livekitCredentials, twilioCredentials } from '../../src/reconcilers/telephony-account/credentials.ts';
import { telephonyAccountSpecSchema } from '../../src/reconcilers/telephony-account/schema.ts';
import {
  everySchema,
  judgeBy,
  readDefinition,
  schemaAt,
  schemaOf,
  type StructuralSchema,
} from './custom-resource-definition.ts';
import { codeBlocks, column, filesOf, plain, root, sectionUnder, tableUnder, textOf, withoutCode } from './markdown.ts';

/** Paths of Markdown files in the project, from its root. */
const documents = await filesOf('*.md', 'docs/**/*.md');

/** Words of Kubernetes, Argo CD and Twilio's API. */
const ofOthers: ReadonlySet<string> = new Set([
  'IncomingPhoneNumbers',
  'PhoneNumbers',
  'Recreate',
  'Replace',
  'Trunks',
  'VoiceApplicationSid',
]);

describe('README.md', async () => {
  const readme = await textOf('README.md');

  test('names the two commands that do everything, which are scripts, and the second is what CI runs', async () => {
    const [first, second] = codeBlocks(readme, 'sh');
    expect([first?.trim(), second?.trim()]).toEqual(['npm ci && npm run demo', 'npm ci && npm run check']);
    expect((await textOf('.ci/run')).split('\n'), 'CI runs what a person runs').toContain(second?.trim());
  });

  test('quotes the refusal and the end of a force delete as they are', async () => {
    const words = readme.replaceAll(/\s+/g, ' ');
    expect(words).toContain(closingText);
    const refusal = 'Force delete is only allowed for corrupted phone numbers';
    expect(words).toContain(refusal);
    expect(await textOf('deploy/policies/guard.yaml')).toContain(`message: ${refusal}`);
  });

  test('asks for the Go version that the servers need', async () => {
    const needed = await Promise.all((await filesOf('test/tools/go/*/go.mod')).map(goVersionOf));
    const [newest] = needed.toSorted((one, other) => other.localeCompare(one, 'en', { numeric: true }));
    expect(readme).toContain(`Go ≥ ${newest}`);
  });
});

describe('every document', () => {
  test.for(documents)('%s has only links and paths that lead somewhere', async (document) => {
    const text = withoutCode(await textOf(document));
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    const broken: string[] = [];
    for (const link of links) if (!(await resolves(document, link))) broken.push(link);
    expect(broken, 'a reader follows it').toEqual([]);

    const paths = [...text.matchAll(/`((?:src|test|crds|deploy|docs|\.ci)\/[^`\s*{<…]+)`/g)].map(
      ([, path = '']) => path,
    );
    expect(
      paths.filter((path) => !existsSync(join(root, path))),
      'files move',
    ).toEqual([]);
  });

  test.for(documents)('%s names only scripts that package.json has', async (document) => {
    const scripts = [...(await textOf(document)).matchAll(/npm run ([\w:-]+)/g)].map(([, script]) => script);
    expect(scripts.filter((script) => !Object.hasOwn(packageJson.scripts, script ?? ''))).toEqual([]);
  });

  test.for(documents)('%s names only reasons, phases and conditions that there are', async (document) => {
    const text = withoutCode(await textOf(document));
    const words = [...text.matchAll(/`([A-Z][a-z]+(?:[A-Z][A-Za-z]*)*)`/g)].map(([, word = '']) => word);
    const code = (await Promise.all((await filesOf('src/**/*.ts')).map(textOf)))
      .join('\n')
      .replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '');
    const unknown = words.filter((word) => !ofOthers.has(word) && !new RegExp(`\\b${word}\\b`).test(code));
    expect(unknown, 'somebody looks for it in vain').toEqual([]);
  });

  test('has examples that the operator understands', async () => {
    const examples = await Promise.all(documents.map(async (document) => codeBlocks(await textOf(document), 'yaml')));
    expect(examples.flat().flatMap(problemsOf)).toEqual([]);
    expect(examples.flat().length, 'there are some').toBeGreaterThanOrEqual(2);
  });

  test('that is mentioned in code exists', async () => {
    const files = await filesOf('{src,test,crds,deploy}/**/*.{ts,yaml}');
    const missing: string[] = [];
    for (const file of files) {
      for (const [mention] of (await textOf(file)).matchAll(/\bdocs\/(?:adr|operating|reference|runbooks)\/[\w-]+/g)) {
        if ((await filesOf(`${mention}*.md`)).length === 0) missing.push(`${file}: ${mention}`);
      }
    }
    expect(missing).toEqual([]);
  });
});

test('the examples of deploy are understood by the operator', async () => {
  const files = await filesOf('deploy/examples/*.yaml');
  expect((await Promise.all(files.map(textOf))).flatMap(problemsOf)).toEqual([]);
  expect(files.length).toBe(4);
});

describe('docs/reference/conditions.md', async () => {
  const page = await textOf('docs/reference/conditions.md');
  const documented = column(tableUnder(page, 'Reasons'), 'Reason');

  test('has every reason of the closed list, in its order, and no other', () => {
    expect(documented).toEqual(reasons);
  });

  test('has no reason that nothing sets', async () => {
    const sources = await Promise.all((await filesOf('src/**/*.ts')).map(textOf));
    // The lists themselves name all of them.
    const code = sources.join('\n').replaceAll(/export const (reasons|phases) = \[[^\]]*\]/g, '');
    expect(reasons.filter((reason) => !code.includes(`'${reason}'`))).toEqual([]);
  });

  test('has every phase', () => {
    expect(column(tableUnder(page, 'Phases'), 'Phase')).toEqual(phases);
  });

  test('has every condition type', () => {
    const object = parsePhoneNumber({ metadata: { name: 'one', uid: 'uid', resourceVersion: '1' } });
    const { conditions } = corruptedStatus(object, { ids: {} }, 'CleanupFailed', [], '2026-01-01T00:00:00Z');
    const types = conditions.map(({ type }) => type);
    expect(column(tableUnder(page, 'Condition types'), 'Type')).toEqual(types);
  });

  test('says after what a deletion gives up, as it is by default', () => {
    const defaults = Object.fromEntries(optionRows.map(({ name, fallback }) => [name, inWords(fallback)]));
    const failures = `${defaults['corrupt-attempts']} failures over at least ${defaults['corrupt-attempts-over']}`;
    expect(column(tableUnder(page, 'When a deletion gives up'), 'Given up after')).toEqual([
      `${defaults['refusals']} times in a row over at least ${defaults['refusals-over']}`,
      `${defaults['corrupt-after']}, with at least ${failures}`,
      `${defaults['account-refused-after']}, with at least ${failures}`,
      `${defaults['account-unavailable-after']}, with at least ${failures}`,
    ]);
  });
});

describe('docs/reference/annotations.md', async () => {
  const page = await textOf('docs/reference/annotations.md');

  test('has every annotation and finalizer of code and manifests, and no other', async () => {
    const written = await Promise.all((await filesOf('{crds,deploy}/**/*.yaml')).map(textOf));
    const inManifests = [...written.join('\n').matchAll(/telephony\.trunkline\.dev\/([a-z][a-z-]+)(?![\w-])/g)];
    const sources = await Promise.all((await filesOf('src/reconcilers/**/*.ts')).map(textOf));
    const inCode = [...sources.join('\n').matchAll(/\$\{group\}\/([a-z][a-z-]+)/g)];
    const names = new Set([...inManifests, ...inCode].map(([, name]) => `${group}/${name}`));
    const documented = [
      ...column(tableUnder(page, 'Annotations on a PhoneNumber'), 'Annotation'),
      ...column(tableUnder(page, 'Annotation on a CustomResourceDefinition'), 'Annotation'),
      ...column(tableUnder(page, 'Annotation on a TelephonyAccount'), 'Annotation'),
      ...column(tableUnder(page, 'Finalizer'), 'Finalizer'),
    ];
    expect(documented.toSorted()).toEqual([...names, forceDeleteAnnotation].toSorted());
    expect(documented).toContain(finalizer);
  });

  test('has the rights that the roles for people really give', async () => {
    const roles = await Promise.all(
      ['user-roles', 'operator-role'].map(async (name) => manifestsOf(await textOf(`deploy/operator/${name}.yaml`))),
    );
    const given = roles.flat().flatMap(rightsOf);
    const documented = tableUnder(page, 'Verbs and roles').map(([verbs = '', role = '', target = '']) => ({
      role: plain(role),
      verbs: verbs.split(', ').map(plain),
      target: plain(target),
    }));
    expect(documented).toEqual(given);
  });
});

test('docs/reference/configuration.md has every flag with its variable and default', async () => {
  const rows = tableUnder(await textOf('docs/reference/configuration.md'), 'Configuration');
  const documented = rows.map((row) => row.slice(0, 3).map(plain));
  expect(documented).toEqual(optionRows.map(({ name, environment, fallback }) => [`--${name}`, environment, fallback]));
});

test('docs/reference/configuration.md has every exit code', async () => {
  const codes = column(tableUnder(await textOf('docs/reference/configuration.md'), 'Exit codes'), 'Code');
  expect(codes.map(Number)).toEqual(Object.values(exitCodes));
});

describe('fields', async () => {
  const kinds = [
    {
      plural: 'phonenumbers',
      document: 'docs/reference/phone-number.md',
      smallest: { phoneNumber: '+447446466847', voice: { sipTrunk: {} } },
      why: 'defaults are stored in every object',
    },
    {
      plural: 'telephonyaccounts',
      document: 'docs/reference/telephony-account.md',
      smallest: {
        twilio: { accountSid: `AC${'0'.repeat(32)}`, credentialsSecretRef: { name: 'twilio' } },
        livekit: { url: 'https://example.com', sipHost: 'sip.example.com', credentialsSecretRef: { name: 'livekit' } },
      },
      why: 'defaults are stored in every object',
    },
  ];

  test.for(kinds)('of the spec of $plural are in $document, with type, default and limits', async (kind) => {
    const spec = schemaAt(schemaOf(await readDefinition(kind.plural)), 'spec');
    const stored = judgeBy(spec)(kind.smallest);
    expect(stored.kind, kind.why).toBe('accepted');
    const given = new Set(leavesOf(kind.smallest).map(([path]) => path));
    const defaults = new Map(leavesOf(stored.kind === 'accepted' ? stored.stored : {}));
    const rows = new Map(
      tableUnder(await textOf(kind.document), 'Spec').map(([field = '', ...rest]) => [plain(field), rest] as const),
    );
    expect([...rows.keys()].toSorted()).toEqual(
      fieldsOf(spec)
        .map(([path]) => path)
        .toSorted(),
    );
    for (const [path, schema] of fieldsOf(spec)) {
      const [type = '', fallback = '', limits = ''] = rows.get(path) ?? [];
      expect(plain(type), path).toBe(typeName(schema));
      const stands = given.has(path) ? undefined : (defaults.get(path) ?? schema.default);
      const absent = isRequired(spec, path) ? 'required' : 'none';
      expect(plain(fallback), path).toBe(stands === undefined ? absent : shown(stands));
      const words = limits.replaceAll('`', '').split(/[\s,;:]+/);
      expect(words, path).toEqual(expect.arrayContaining([...limitsOf(schema)]));
      expect(limits.includes('; immutable'), path).toBe(isImmutable(spec, path));
    }
  });

  const statuses = [
    { plural: 'phonenumbers', part: 'status', document: 'docs/reference/phone-number.md', heading: 'Status' },
    { plural: 'telephonyaccounts', part: 'status', document: 'docs/reference/telephony-account.md', heading: 'Status' },
    { plural: 'orphanrecords', part: 'spec', document: 'docs/reference/orphan-record.md', heading: 'Spec' },
    { plural: 'orphanrecords', part: 'status', document: 'docs/reference/orphan-record.md', heading: 'Status' },
  ];

  test.for(statuses)('of the $part of $plural are in $document', async ({ plural, part, document, heading }) => {
    const schema = schemaAt(schemaOf(await readDefinition(plural)), part);
    const isLeftover = (path: string) => /^(leftovers|items)\[\]\./.test(path) && path !== 'items[].lastChecked';
    const everything = fieldsOf(schema).map(([path]) => path);
    // The form of leftovers has a page of its own.
    const expected =
      plural === 'orphanrecords' && part === 'status' ? lists(everything) : lists(everything, isLeftover);
    expect(column(tableUnder(await textOf(document), heading), 'Field')).toEqual(expected);
  });

  test('of a leftover are in docs/reference/leftovers.md, and are the same in an OrphanRecord', async () => {
    const leftover = schemaAt(schemaOf(await readDefinition('phonenumbers')), 'status', 'leftovers').items;
    const item = schemaAt(schemaOf(await readDefinition('orphanrecords')), 'spec', 'items').items;
    const names = Object.keys(leftover?.properties ?? {});
    expect(column(tableUnder(await textOf('docs/reference/leftovers.md'), 'Fields'), 'Field')).toEqual(names);
    expect(Object.keys(item?.properties ?? {})).toEqual(names);
  });
});

describe('docs/reference/leftovers.md', async () => {
  const page = await textOf('docs/reference/leftovers.md');
  const identity = {
    account: 'default',
    accountSid: 'ACCOUNT',
    livekitUrl: 'PROJECT',
    ownerId: 'OWNER',
    phoneNumber: 'NUMBER',
    uid: 'UID',
  };
  const left = (kind: (typeof leftoverKinds)[number]) =>
    ({ kind, id: 'ID', parentId: 'PARENT', state: 'Present', reason: 'CleanupFailed', message: '' }) as const;
  const record = { routedTo: { sms: { url: 'https://example.com/sms', method: 'POST' } } };
  const alone = leftoverKinds.flatMap((kind) => leftoversOf(identity, [left(kind)], record));
  const ringing = leftoversOf(identity, leftoverKinds.map(left), record);

  test('has every kind with provider and risks', () => {
    const rows = tableUnder(page, 'Kinds').map(([kind = '', , ...rest]) => [kind, ...rest].map(plain));
    expect(rows).toEqual(
      alone.map(({ kind, provider, risk }, index) => [kind, provider, risk, ringing[index]?.risk ?? '']),
    );
  });

  test('explains every risk, and no other', () => {
    const risks = new Set([...alone, ...ringing].map(({ risk }) => risk));
    expect(column(tableUnder(page, 'Risks'), 'Risk').toSorted()).toEqual([...risks].toSorted());
  });

  test.for(alone)('has the commands of $kind', ({ kind, removeCommand, verifyCommand, consolePath }) => {
    const section = sectionUnder(page, kind);
    expect(codeBlocks(section, 'sh')).toEqual([`${removeCommand}\n${verifyCommand}\n`]);
    expect(section.split('\n')).toContain(consolePath);
  });
});

test('docs/reference/orphan-record.md has every cause', async () => {
  const causes = /cause: ('[^;\n]+);/.exec(await textOf('src/reconcilers/phone-number/ports.ts'))?.[1] ?? '';
  const page = await textOf('docs/reference/orphan-record.md');
  expect(column(tableUnder(page, 'Causes'), 'Cause')).toEqual(causes.split(' | ').map((cause) => cause.slice(1, -1)));
});

describe('the import table of ARCHITECTURE.md', async () => {
  const rows = tableUnder(await textOf('ARCHITECTURE.md'), 'Import table');
  const rules = importRules(await textOf('.oxlintrc.json'));

  test('has a row for each rule of the linter, in its order', () => {
    expect(rows.map(([files = '']) => files.split(', ').map(plain))).toEqual(rules.map(({ files }) => files));
  });

  test('names the packages that the linter lets through', () => {
    const documented = rows.map(([, , imports = '']) => [...imports.matchAll(/`([^`]+)`/g)].map(([, name]) => name));
    expect(documented).toEqual(rules.map(({ packages }) => packages));
  });

  test('names the folders that the linter lets through', () => {
    const names = rules.map(({ folders }) => folders);
    const documented = rows.map(([, , imports = '']) =>
      knownFolders.map(({ name }) => name).filter((name) => imports.includes(name)),
    );
    expect(documented).toEqual(names);
  });
});

// Reading Markdown ----------------------------------------------------------------------------------------------------

/** GitHub's anchor of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

async function resolves(document: string, link: string): Promise<boolean> {
  if (link.startsWith('https://')) return true;
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? document : join(dirname(document), path);
  if (!existsSync(join(root, target))) return false;
  if (anchor === undefined) return true;
  const headings = [...withoutCode(await textOf(target)).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => text);
  return headings.map(anchorOf).includes(anchor);
}

// Reading what is documented --------------------------------------------------------------------------------------------

async function goVersionOf(file: string): Promise<string> {
  return /^go (\S+)$/m.exec(await textOf(file))?.[1] ?? '';
}

/** `15m` as "15 minutes". */
function inWords(value: string): string {
  const [, count, unit] = /^([0-9]+)([sm])$/.exec(value) ?? [];
  return unit === undefined ? value : `${count} ${unit === 's' ? 'seconds' : 'minutes'}`;
}

const manifest = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), labels: z.record(z.string(), z.string()).default({}) }),
  spec: z.unknown().optional(),
  stringData: z.record(z.string(), z.string()).default({}),
  rules: z
    .array(z.object({ apiGroups: z.array(z.string()), resources: z.array(z.string()), verbs: z.array(z.string()) }))
    .default([]),
});

function manifestsOf(yaml: string): readonly z.output<typeof manifest>[] {
  return parseAllDocuments(yaml).map((document) => manifest.parse(document.toJS()));
}

/** What is wrong with our manifests in a text; a kind that is not ours is wrong too. */
function problemsOf(yaml: string): readonly string[] {
  return manifestsOf(yaml).flatMap(({ kind, metadata, spec, stringData }) => {
    switch (kind) {
      case 'PhoneNumber':
        return issuesOf(phoneNumberSpecSchema.safeParse(spec));
      case 'TelephonyAccount':
        return issuesOf(telephonyAccountSpecSchema.safeParse(spec));
      case 'Secret': {
        const data = Object.fromEntries(
          Object.entries(stringData).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
        );
        const secrets = { namespace: 'trunkline-system', dataOf: () => data };
        const found = metadata.name.startsWith('twilio')
          ? twilioCredentials(secrets, metadata.name, '')
          : livekitCredentials(secrets, metadata.name);
        return found.kind === 'found' ? [] : [found.message];
      }
      default:
        return [`${kind} is no kind that an example may have`];
    }
  });
}

function issuesOf(result: z.ZodSafeParseResult<unknown>): readonly string[] {
  return (result.error?.issues ?? []).map(({ path, message }) => `${path.join('.')} ${message}`);
}

const aggregation = 'rbac.authorization.k8s.io/aggregate-to-';

/** What a ClusterRole allows on phonenumbers beyond what the role before it has: one entry per role for people. */
function rightsOf({ kind, metadata, rules }: z.output<typeof manifest>) {
  if (kind !== 'ClusterRole') return [];
  const verbs = rules.flatMap((rule) => (rule.resources.includes('phonenumbers') ? rule.verbs : []));
  const targets = Object.keys(metadata.labels)
    .filter((label) => label.startsWith(aggregation))
    .map((label) => label.slice(aggregation.length));
  const shownVerbs = targets.length > 0 ? verbs : verbs.filter((verb) => verb === 'remove-finalizer');
  return [{ role: metadata.name, verbs: shownVerbs, target: targets.join(', ') || 'none' }];
}

/** What a document shows of a schema: everything that holds a value, but neither the entries of plain lists nor of maps. */
function fieldsOf(schema: StructuralSchema): readonly (readonly [string, StructuralSchema])[] {
  return [...everySchema(schema)].filter(
    ([path, { properties }]) => properties === undefined && !path.endsWith('[]') && !path.endsWith('{}'),
  );
}

/** Paths as the status tables list them: a list is one row when its entries are left out. */
function lists(paths: readonly string[], leftOut: (path: string) => boolean = () => false): readonly string[] {
  // What is in a map has the map's row.
  const kept = paths.filter((path) => !path.includes('{}') && !leftOut(path));
  // A list whose entries have rows of their own needs none.
  return kept.filter((path) => !kept.some((other) => other.startsWith(`${path}[].`)));
}

function typeName({ type, additionalProperties }: StructuralSchema): string {
  if (type === 'array') return 'list';
  return additionalProperties === undefined ? type : 'map';
}

function shown(value: unknown): string {
  if (value === '') return "''";
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Every number and word that a row must have. */
function limitsOf(schema: StructuralSchema): readonly string[] {
  const inner = [schema, schema.items ?? {}, schema.additionalProperties ?? {}];
  const numbers = ['maxLength', 'maxItems', 'maxProperties', 'minimum', 'maximum'];
  return inner.flatMap((part) => [
    ...numbers.flatMap((name): unknown => Reflect.get(part, name) ?? []).map(String),
    ...((Reflect.get(part, 'enum') ?? []) as readonly unknown[]).map(String),
  ]);
}

/** The schemas from the root to a path of `fieldsOf`, and the name of each step. */
function stepsTo(schema: StructuralSchema, path: string): readonly { name: string; of: StructuralSchema }[] {
  let at: StructuralSchema | undefined = schema;
  return path.split('.').map((word) => {
    const name = word.replace('[]', '');
    const of = at ?? { type: 'missing' };
    const next: StructuralSchema | undefined = of.properties?.[name];
    at = word.endsWith('[]') ? next?.items : next;
    return { name, of };
  });
}

function isRequired(schema: StructuralSchema, path: string): boolean {
  const last = stepsTo(schema, path).at(-1);
  const required: unknown = last && Reflect.get(last.of, 'required');
  return Array.isArray(required) && required.includes(last?.name);
}

function isImmutable(schema: StructuralSchema, path: string): boolean {
  return stepsTo(schema, path)
    .map(({ name, of }) => of.properties?.[name])
    .some((step) => step?.['x-kubernetes-validations']?.some(({ rule }) => rule === 'self == oldSelf') === true);
}

/** Values of a document by path; lists and empty maps are values. */
function leavesOf(value: unknown, path = ''): readonly (readonly [string, unknown])[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.keys(value).length === 0)
    return [[path, value]];
  return Object.entries(value).flatMap(([name, child]) => leavesOf(child, path === '' ? name : `${path}.${name}`));
}

const lintConfiguration = z.object({
  overrides: z.array(z.object({ files: z.array(z.string()), rules: z.record(z.string(), z.unknown()) })),
});
const importRule = z.tuple([
  z.literal('error'),
  z.object({ patterns: z.array(z.object({ group: z.array(z.string()) })) }),
]);

/** Parts of the project as the table calls them, and the pattern that lets them through. */
const knownFolders = [
  { name: 'its folder', pattern: /^!\.\/(\*\*|\*\.ts)$/ },
  { name: 'shared', pattern: /^!\.\.\/.*shared\/\*\.ts$/ },
  { name: 'ports and models of kinds', pattern: /\/\{ports,model\}\.ts$/ },
  { name: "each kind's index", pattern: /\/index\.ts$/ },
  { name: 'its folder, reconcilers, providers', pattern: /\/providers\/\*\*$/ },
] as const;

/** Each rule on imports with what it lets through; comments stand on lines of their own. */
function importRules(text: string) {
  const { overrides } = lintConfiguration.parse(parse(text.replaceAll(/^\s*\/\/.*$/gm, '')));
  return overrides.flatMap(({ files, rules }) => {
    const rule = rules['no-restricted-imports'];
    if (rule === undefined) return [];
    const [, { patterns }] = importRule.parse(rule);
    const allowed = patterns.flatMap((one) => one.group).filter((pattern) => pattern.startsWith('!'));
    const packages = allowed
      .filter((pattern) => !pattern.startsWith('!.') && !pattern.endsWith('/**'))
      .map((pattern) => pattern.slice(1));
    const folders = knownFolders.flatMap(({ name, pattern }) =>
      allowed.some((one) => pattern.test(one)) ? [name] : [],
    );
    return [{ files, packages, folders }];
  });
}
