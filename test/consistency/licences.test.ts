/**
 * Licences: everything that is installed, also for development, may be used and handed on with few conditions. Read from
 * package-lock.json, where npm keeps what each package says of itself.
 */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import lockFile from '../../package-lock.json' with { type: 'json' };

/** Identifiers of SPDX that ask for no more than that their text and the names in it are kept. */
const accepted: ReadonlySet<string> = new Set(['Apache-2.0', 'MIT', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC']);

interface Exception {
  readonly names: RegExp;
  readonly licence: string;
  /** Also in what is handed on: the image has it. */
  readonly handedOn: boolean;
  readonly why: string;
}

const exceptions: readonly Exception[] = [
  {
    names: /^argparse$/,
    licence: 'PSF-2.0',
    handedOn: true,
    why: 'comes with @kubernetes/client-node (js-yaml); Python’s licence, permissive like BSD',
  },
  {
    names: /^stream-buffers$/,
    licence: 'Unlicense',
    handedOn: true,
    why: 'comes with @kubernetes/client-node; in the public domain, asks for nothing',
  },
  {
    names: /^lightningcss(-[\w-]+)?$/,
    licence: 'MPL-2.0',
    handedOn: false,
    why: 'comes with vitest (vite), unchanged; its conditions are about handing on changed files of it',
  },
  {
    names: /^graceful-fs$/,
    licence: 'BlueOak-1.0.0',
    handedOn: false,
    why: 'comes with @twilio/cli-core; permissive like MIT',
  },
  {
    names: /^(password-prompt|tslib)$/,
    licence: '0BSD',
    handedOn: false,
    why: 'come with @twilio/cli-core; ISC without its condition',
  },
  {
    names: /^tsv$/,
    licence: 'MIT (ricardo.mit-license.org)',
    handedOn: false,
    why: 'comes with @twilio/cli-core; MIT, which its author spells in his own way',
  },
];

interface Package {
  readonly name: string;
  /** An SPDX expression, or whatever its author wrote instead. Undefined: it says nothing. */
  readonly licence: string | undefined;
  readonly handedOn: boolean;
}

const lock = z.object({
  packages: z.record(z.string(), z.object({ license: z.string().optional(), dev: z.boolean().default(false) })),
});

const packages: readonly Package[] = Object.entries(lock.parse(lockFile).packages)
  // The empty path is the project itself.
  .filter(([path]) => path !== '')
  .map(([path, { dev, license }]) => ({
    name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
    licence: license,
    handedOn: !dev,
  }));

/** Of alternatives one has to be accepted, of what holds at the same time each. Brackets around brackets: refused. */
function isAccepted(expression: string): boolean {
  const terms = /^\(([^()]*)\)$/.exec(expression)?.[1] ?? expression;
  return terms.split(' OR ').some((alternative) => alternative.split(' AND ').every((term) => accepted.has(term)));
}

function isExcepted({ name, licence, handedOn }: Package): boolean {
  return exceptions.some((one) => one.names.test(name) && one.licence === licence && (one.handedOn || !handedOn));
}

function isFine(one: Package): boolean {
  return (one.licence !== undefined && isAccepted(one.licence)) || isExcepted(one);
}

describe('licences', () => {
  test('of all that is installed are permissive, or there is a reason why not', () => {
    expect(packages.filter((one) => !isFine(one))).toEqual([]);
    expect(packages.filter(({ handedOn }) => handedOn).length, 'there is something to judge').toBeGreaterThan(50);
  });

  test('have no exception that nothing needs any more', () => {
    const needed = packages.filter(({ licence }) => licence === undefined || !isAccepted(licence));
    expect(exceptions.filter(({ names }) => !needed.some(({ name }) => names.test(name)))).toEqual([]);
  });

  test.for([
    { name: 'one that is accepted', licence: 'MIT', fine: true, why: 'that is the rule' },
    { name: 'a choice with one that is accepted', licence: '(GPL-3.0-only OR MIT)', fine: true, why: 'we choose' },
    { name: 'two that hold together', licence: '(MIT AND GPL-3.0-only)', fine: false, why: 'both bind' },
    {
      name: 'one for all changes of a network service',
      licence: 'AGPL-3.0-only',
      fine: false,
      why: 'it would bind us',
    },
    { name: 'none', licence: undefined, fine: false, why: 'then nothing is allowed' },
    {
      name: 'a word that says nothing',
      licence: 'SEE LICENSE IN LICENSE',
      fine: false,
      why: 'somebody has to read it',
    },
    { name: 'an exception for tests in the image', licence: 'MPL-2.0', fine: false, why: 'it is not the same there' },
  ])('$name: fine is $fine', ({ licence, fine, why }) => {
    const name = licence === 'MPL-2.0' ? 'lightningcss' : 'example';
    expect(isFine({ name, licence, handedOn: true }), why).toBe(fine);
  });
});
