/**
 * The linter really refuses what ARCHITECTURE.md's import table forbids, and lets through what it allows.
 *
 * Each case is one file in a copy of the tree's shape; all are judged in one run by the project's own configuration.
 */
import { execFile } from 'node:child_process';
import { copyFile, glob, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

interface Case {
  readonly name: string;
  readonly why: string;
  /** A `#` is replaced by the number of the case, so that files have names of their own. */
  readonly file: string;
  readonly code: string;
  /** The rule that must refuse the file; undefined when nothing may. */
  readonly rule: string | undefined;
}

const importRule = 'eslint(no-restricted-imports)';

function imports(from: string): string {
  return `import * as thing from '${from}';\nexport const name = thing;\n`;
}

function importCase(file: string, from: string, rule: string | undefined, why: string): Case {
  return {
    name: `${file} ${rule === undefined ? 'may' : 'may not'} import ${from}`,
    why,
    file,
    code: imports(from),
    rule,
  };
}

function refused(file: string, from: string, why: string): Case {
  return importCase(file, from, importRule, why);
}

function allowed(file: string, from: string, why: string): Case {
  return importCase(file, from, undefined, why);
}

const cases: readonly Case[] = [
  refused('src/reconcilers/shared/x#.ts', '../phone-number/model.ts', 'what all share knows no kind'),
  refused('src/reconcilers/shared/x#.ts', 'zod', 'what all share has no package'),
  refused('src/reconcilers/shared/x#.ts', '../../controller/queue.ts', 'imports point inward'),
  allowed('src/reconcilers/shared/x#.ts', './reasons.ts', 'its own folder'),
  refused('src/reconcilers/phone-number/x#.ts', '../telephony-account/model.ts', 'kinds do not know each other'),
  refused('src/reconcilers/telephony-account/x#.ts', '../phone-number/model.ts', 'kinds do not know each other'),
  refused(
    'src/reconcilers/phone-number/x#.ts',
    '../../providers/twilio/client.ts',
    'the core has ports, not providers',
  ),
  refused('src/reconcilers/phone-number/x#.ts', '../../controller/queue.ts', 'imports point inward'),
  refused('src/reconcilers/phone-number/x#.ts', 'twilio', 'no SDK in the core'),
  refused('src/reconcilers/phone-number/x#.ts', 'twilio/lib/rest/Twilio.js', 'no part of an SDK either'),
  refused('src/reconcilers/phone-number/x#.ts', 'livekit-server-sdk', 'no SDK in the core'),
  refused('src/reconcilers/phone-number/x#.ts', '@kubernetes/client-node', 'no SDK in the core'),
  refused('src/reconcilers/phone-number/x#.ts', 'pino', 'no logger in the core'),
  refused('src/reconcilers/phone-number/x#.ts', 'node:fs', 'no input and output in the core'),
  refused('src/reconcilers/phone-number/x#.ts', 'node:timers/promises', 'no timers in the core'),
  refused('src/reconcilers/phone-number/x#.ts', 'zod', 'only schema files parse'),
  refused('src/reconcilers/phone-number/x#.ts', '../../../test/tools/world.ts', 'src never imports test'),
  allowed('src/reconcilers/phone-number/x#.ts', '../shared/verdict.ts', 'what all kinds share'),
  allowed('src/reconcilers/phone-number/x#.ts', './model.ts', 'its own kind'),
  allowed('src/reconcilers/phone-number/x#.ts', 'node:util', 'pure functions'),
  {
    name: 'the core may not take random bytes from node:crypto',
    why: 'randomness is a port',
    file: 'src/reconcilers/phone-number/x#.ts',
    code: `import { randomBytes } from 'node:crypto';\nexport const bytes = randomBytes(4);\n`,
    rule: importRule,
  },
  {
    name: 'the core may hash',
    why: 'a hash is a pure function',
    file: 'src/reconcilers/phone-number/x#.ts',
    code: `import { createHash } from 'node:crypto';\nexport const hash = createHash('sha256');\n`,
    rule: undefined,
  },
  {
    name: 'a type may not come from another kind either',
    why: 'types couple as much as code',
    file: 'src/reconcilers/phone-number/x#.ts',
    code: `import type { Model } from '../telephony-account/model.ts';\nexport type Same = Model;\n`,
    rule: importRule,
  },
  {
    name: 'nor through an import() type',
    why: 'the import rules do not see these, so they are banned',
    file: 'src/reconcilers/phone-number/x#.ts',
    code: `export type Logger = import('pino').Logger;\n`,
    rule: 'typescript(consistent-type-imports)',
  },
  {
    name: 'nor be passed on by export from',
    why: 'passing on is importing',
    file: 'src/reconcilers/phone-number/x#.ts',
    code: `export * from 'twilio';\n`,
    rule: importRule,
  },
  {
    name: 'nor be loaded by a dynamic import',
    why: 'a late import is an import',
    file: 'src/reconcilers/phone-number/x#.ts',
    code: `export const late = async () => import('twilio');\n`,
    rule: importRule,
  },
  refused('src/reconcilers/phone-number/decide.ts', './ports.ts', 'a decision is pure'),
  refused('src/reconcilers/phone-number/status.ts', './execute.ts', 'reporting is pure'),
  refused('src/reconcilers/phone-number/x#-schema.ts', './ports.ts', 'parsing is pure'),
  refused('src/reconcilers/phone-number/x#-schema.ts', 'twilio', 'a schema is still the core'),
  allowed('src/reconcilers/telephony-account/schema.ts', 'zod', 'this is where zod belongs'),
  refused('src/reconcilers/x#.ts', './phone-number/decide.ts', 'the list of kinds sees their index only'),
  allowed('src/reconcilers/x#.ts', './phone-number/index.ts', 'the list of kinds'),
  refused('src/controller/x#.ts', '../reconcilers/phone-number/model.ts', 'the engine knows no kind'),
  refused('src/controller/x#.ts', '../providers/twilio/client.ts', 'the engine knows no provider'),
  refused('src/controller/engine/x#.ts', '../../providers/twilio/client.ts', 'also one folder down'),
  refused('src/controller/engine/x#.ts', '../../reconcilers/phone-number/model.ts', 'also one folder down'),
  refused('src/controller/x#.ts', '@kubernetes/client-node', 'client-node lives in one provider'),
  refused('src/controller/x#.ts', './main.ts', 'nothing imports the composition root'),
  refused('src/controller/x#.ts', '../../test/tools/world.ts', 'src never imports test'),
  refused('src/controller/x#.ts', 'zod', 'only configuration parses'),
  allowed('src/controller/x#.ts', 'pino', 'the shell logs'),
  allowed('src/controller/x#.ts', 'prom-client', 'the shell measures'),
  allowed('src/controller/telemetry/x#.ts', '@opentelemetry/api', 'and traces'),
  allowed('src/controller/x#.ts', '../reconcilers/shared/outcome.ts', 'the words it has in common with the core'),
  allowed('src/controller/engine/x#.ts', '../../reconcilers/shared/outcome.ts', 'also one folder down'),
  allowed('src/controller/engine/x#.ts', '../telemetry/log.ts', 'the shell is one module'),
  allowed('src/controller/x#-config.ts', 'zod', 'configuration is parsed'),
  refused('src/controller/x#-config.ts', '../providers/twilio/client.ts', 'configuration knows no provider'),
  {
    name: 'src/controller/main.ts may import everything but tests',
    why: 'the composition root wires everything',
    file: 'src/controller/main.ts',
    code:
      imports('../providers/twilio/client.ts') +
      imports('../../test/tools/world.ts').replaceAll(/thing|name/g, 'other'),
    rule: importRule,
  },
  refused('src/providers/twilio/x#.ts', 'livekit-server-sdk', 'each provider has its own SDK'),
  refused('src/providers/twilio/x#.ts', '../livekit/client.ts', 'providers do not know each other'),
  refused('src/providers/twilio/x#.ts', '../../reconcilers/phone-number/decide.ts', 'a provider knows ports, no rules'),
  refused('src/providers/twilio/x#.ts', '../../controller/queue.ts', 'imports point inward'),
  allowed('src/providers/twilio/x#.ts', 'twilio', 'its own SDK'),
  allowed('src/providers/twilio/x#.ts', '../../reconcilers/shared/telephony.ts', 'the ports it fills'),
  refused('src/providers/livekit/x#.ts', 'twilio', 'each provider has its own SDK'),
  allowed(
    'src/providers/livekit/x#.ts',
    '../limiter/limiter.ts',
    'requests are held back by whoever keeps the contract',
  ),
  refused('src/providers/twilio/x#.ts', '../limiter/request-limiter.ts', 'it knows the contract, not who keeps it'),
  refused('src/providers/limiter/x#.ts', '../twilio/classify.ts', 'a limiter knows no provider'),
  refused('src/providers/limiter/x#.ts', 'twilio', 'a limiter knows no SDK'),
  allowed(
    'src/providers/limiter/x#.ts',
    '../../reconcilers/telephony-account/model.ts',
    'limits are those of an account',
  ),
  refused('src/providers/kubernetes/x#.ts', 'livekit-server-sdk', 'each provider has its own SDK'),
  allowed('src/providers/kubernetes/x#.ts', '../../reconcilers/phone-number/ports.ts', 'the ports it fills'),
  refused('src/cli/x#.ts', '../controller/main.ts', 'the plugin is no second operator'),
  allowed('src/cli/x#.ts', '../reconcilers/phone-number/schema.ts', 'the plugin shows what the core says'),
  allowed('test/x#.ts', '../src/controller/queue.ts', 'tests may import everything'),
  ...[
    ['Date.now()', 'eslint(no-restricted-properties)'],
    ['Math.random()', 'eslint(no-restricted-properties)'],
    ['AbortSignal.timeout(5)', 'eslint(no-restricted-properties)'],
    ['setTimeout(String, 5)', 'eslint(no-restricted-globals)'],
    ['globalThis.setTimeout(String, 5)', 'eslint(no-restricted-globals)'],
    ['fetch', 'eslint(no-restricted-globals)'],
    ['process.env', 'eslint(no-restricted-globals)'],
    ['console', 'eslint(no-restricted-globals)'],
    ['crypto', 'eslint(no-restricted-globals)'],
  ].map(([code = '', rule]) => ({
    name: `the core may not use ${code}`,
    why: 'clock, randomness, timers, network and environment come in through ports',
    file: 'src/reconcilers/phone-number/x#.ts',
    code: `export const used = ${code};\n`,
    rule,
  })),
  {
    name: 'a floating promise is refused',
    why: 'a failure nobody waits for ends the process',
    file: 'src/controller/x#.ts',
    code: 'async function work() {\n  await Promise.resolve();\n}\nexport function start() {\n  work();\n}\n',
    rule: 'typescript(no-floating-promises)',
  },
  {
    name: 'a promise as a condition is refused',
    why: 'it is always true',
    file: 'src/controller/x#.ts',
    code: 'export function claims(answer: Promise<boolean>) {\n  return answer ? 1 : 2;\n}\n',
    rule: 'typescript(no-misused-promises)',
  },
  {
    name: 'a switch that forgets a member is refused',
    why: 'a new member must be looked at',
    file: 'src/controller/x#.ts',
    code: "export function f(kind: 'a' | 'b') {\n  switch (kind) {\n    case 'a':\n      return 1;\n  }\n  return 2;\n}\n",
    rule: 'typescript(switch-exhaustiveness-check)',
  },
  {
    name: 'an assertion outside schemas and tests is refused',
    why: 'what is unknown is parsed',
    file: 'src/controller/x#.ts',
    code: 'export function f(value: string) {\n  return value as unknown;\n}\n',
    rule: 'typescript(consistent-type-assertions)',
  },
  {
    name: 'any is refused',
    why: 'what is unknown is parsed',
    file: 'src/controller/x#.ts',
    code: 'export function f(value: any) {\n  return String(value);\n}\n',
    rule: 'typescript(no-explicit-any)',
  },
  {
    name: 'an exclamation mark instead of a check is refused',
    why: 'it hides the case that happens at night',
    file: 'src/controller/x#.ts',
    code: 'export function f(value: string | undefined) {\n  return value!.length;\n}\n',
    rule: 'typescript(no-non-null-assertion)',
  },
  {
    name: 'a cycle of imports is refused',
    why: 'neither module could be understood without the other',
    file: 'src/controller/circle.ts',
    code: "import { round } from './round.ts';\nexport const circle = () => round;\n",
    rule: 'import(no-cycle)',
  },
  {
    name: 'also on its other side',
    why: 'the rule looks at both',
    file: 'src/controller/round.ts',
    code: "import { circle } from './circle.ts';\nexport const round = () => circle;\n",
    rule: 'import(no-cycle)',
  },
  {
    name: 'console in the shell is refused',
    why: 'the logger redacts, console does not',
    file: 'src/providers/twilio/x#.ts',
    code: "export function f() {\n  console.log('x');\n}\n",
    rule: 'eslint(no-console)',
  },
  {
    name: 'expect(value, why) is allowed',
    why: 'every case says why',
    file: 'test/x#.test.ts',
    code: "import { expect, test } from 'vitest';\ntest('x', () => {\n  expect(1, 'why').toBe(1);\n});\n",
    rule: undefined,
  },
];

const reportSchema = z.object({ diagnostics: z.array(z.object({ code: z.string(), filename: z.string() })) });

describe('the import table', () => {
  const root = join(import.meta.dirname, '../..');
  const placed = cases.map((one, index) => ({ ...one, file: one.file.replace('#', String(index)) }));
  let copy: string;
  let found: ReadonlyMap<string, readonly string[]>;

  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), 'trunkline-import-rules-'));
    await copyFile(join(root, '.oxlintrc.json'), join(copy, '.oxlintrc.json'));
    await writeFile(join(copy, 'tsconfig.json'), tsconfig);
    for (const { file, code } of placed) {
      await mkdir(dirname(join(copy, file)), { recursive: true });
      await writeFile(join(copy, file), code);
    }
    found = await lint(root, copy);
  }, 60_000);
  afterAll(async () => rm(copy, { recursive: true, force: true }));

  test.for(placed)('$name', ({ file, rule, why }) => {
    expect(found.get(file) ?? [], why).toEqual(rule === undefined ? [] : [rule]);
  });

  test('the core never asks for the present time by a Date without arguments', async () => {
    const folder = join(root, 'src/reconcilers');
    const asking: string[] = [];
    for await (const file of glob('**/*.ts', { cwd: folder })) {
      if (/new Date\(\s*\)/.test(await readFile(join(folder, file), 'utf8'))) asking.push(file);
    }
    expect(asking, 'no rule of the linter sees this one; the time comes from the Clock port').toEqual([]);
  });
});

const tsconfig = JSON.stringify({
  compilerOptions: {
    strict: true,
    module: 'nodenext',
    target: 'esnext',
    noEmit: true,
    allowImportingTsExtensions: true,
  },
  include: ['src', 'test'],
});

/** The rules that each file of a folder breaks. */
async function lint(root: string, folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const oxlint = join(root, 'node_modules/oxlint/bin/oxlint');
  // It ends with 1 because it finds something, which is what it is here for.
  const output = await promisify(execFile)(process.execPath, [oxlint, '--type-aware', '-f', 'json', 'src', 'test'], {
    cwd: folder,
    env: { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH']}` },
    maxBuffer: 2 ** 26,
  }).catch((error: unknown) => z.object({ code: z.literal(1), stdout: z.string() }).parse(error));
  const { diagnostics } = reportSchema.parse(JSON.parse(output.stdout));
  const found = new Map<string, string[]>();
  for (const { code, filename } of diagnostics) found.set(filename, [...(found.get(filename) ?? []), code]);
  return found;
}
