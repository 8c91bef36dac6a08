/**
 * The CRDs and the zod schemas of PhoneNumber and TelephonyAccount accept and refuse the same specs; for PhoneNumber they
 * fill in the same defaults too.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { phoneNumberSpecSchema } from '../../src/reconcilers/phone-number/spec-schema.ts';
import { telephonyAccountSpecSchema } from '../../src/reconcilers/telephony-account/schema.ts';
import { type Judgement, judgeBy, readDefinition, schemaAt, schemaOf } from './custom-resource-definition.ts';
import { arbitrarySpec } from './phone-number-arbitrary.ts';
import { specCases } from './phone-number-documents.ts';
import { accountSpecCases } from './telephony-account-documents.ts';

const judgeByCrd = judgeBy(schemaAt(schemaOf(await readDefinition('phonenumbers')), 'spec'));
const judgeAccountByCrd = judgeBy(schemaAt(schemaOf(await readDefinition('telephonyaccounts')), 'spec'));

function judgeByZod(spec: unknown, schema: z.ZodType = phoneNumberSpecSchema): Judgement {
  const result = schema.safeParse(spec);
  return result.success
    ? { kind: 'accepted', stored: result.data }
    : { kind: 'refused', problems: result.error.issues.map(({ path, message }) => `/${path.join('/')} ${message}`) };
}

describe('each spec of the table is judged as it should be', () => {
  test.for(specCases)('$name', ({ spec, accepted, why }) => {
    const [crd, zod] = [judgeByCrd(spec), judgeByZod(spec)];
    const kind = accepted ? 'accepted' : 'refused';
    expect({ crd: crd.kind, zod: zod.kind }, `${why}: ${JSON.stringify({ crd, zod })}`).toEqual({
      crd: kind,
      zod: kind,
    });
  });
});

describe('each account of the table is judged as it should be', () => {
  test.for(accountSpecCases)('$name', ({ spec, accepted, why }) => {
    const [crd, zod] = [judgeAccountByCrd(spec), judgeByZod(spec, telephonyAccountSpecSchema)];
    const kind = accepted ? 'accepted' : 'refused';
    expect({ crd: crd.kind, zod: zod.kind }, `${why}: ${JSON.stringify({ crd, zod })}`).toEqual({
      crd: kind,
      zod: kind,
    });
  });
});

describe('the CRD and zod', () => {
  test.for(specCases.filter(({ accepted }) => accepted))('fill in the same defaults: $name', ({ spec }) => {
    const [crd, zod] = [judgeByCrd(spec), judgeByZod(spec)];
    expect(crd, 'what is stored is what the operator reads').toEqual(zod);
  });

  test('agree on any spec around the border between good and bad', { timeout: 60_000 }, () => {
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(arbitrarySpec, (spec) => {
        const [crd, zod] = [judgeByCrd(spec), judgeByZod(spec)];
        seen[crd.kind] += 1;
        expect(crd.kind, JSON.stringify({ crd, zod })).toBe(zod.kind);
        if (crd.kind === 'accepted') expect(crd).toEqual(zod);
      }),
      { numRuns: 1_000 },
    );
    expect(
      Math.min(seen.accepted, seen.refused),
      'a generator that makes one kind only proves nothing',
    ).toBeGreaterThan(100);
  });
});
