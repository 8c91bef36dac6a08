/**
 * What the API server makes of a document by a CRD: pruned fields, defaults, structure and CEL rules.
 *
 * Unknown fields are refused, as with `fieldValidation=Strict` (`kubectl --validate=strict`, kubectl's default); without it
 * the API server drops them, so the operator never sees one either way. Nulls are left out on purpose: the API server
 * drops a null before it defaults and judges, so the operator never sees one.
 */
import { readFile } from 'node:fs/promises';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { z } from 'zod';

/** A structural schema, as far as these tests look at it. */
export interface StructuralSchema {
  readonly type: string;
  readonly description?: string | undefined;
  readonly default?: unknown;
  readonly enum?: readonly unknown[] | undefined;
  readonly maxLength?: number | undefined;
  readonly maxItems?: number | undefined;
  readonly maxProperties?: number | undefined;
  readonly 'x-kubernetes-list-type'?: string | undefined;
  readonly properties?: Readonly<Record<string, StructuralSchema>> | undefined;
  readonly items?: StructuralSchema | undefined;
  readonly additionalProperties?: StructuralSchema | undefined;
  readonly 'x-kubernetes-validations'?: readonly CelRule[] | undefined;
}

export interface CelRule {
  readonly rule: string;
  readonly message: string;
}

const structuralSchema: z.ZodType<StructuralSchema> = z.looseObject({
  type: z.string(),
  description: z.string().optional(),
  default: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  maxLength: z.number().optional(),
  maxItems: z.number().optional(),
  maxProperties: z.number().optional(),
  'x-kubernetes-list-type': z.string().optional(),
  get properties() {
    return z.record(z.string(), structuralSchema).optional();
  },
  get items() {
    return structuralSchema.optional();
  },
  get additionalProperties() {
    return structuralSchema.optional();
  },
  'x-kubernetes-validations': z.array(z.object({ rule: z.string(), message: z.string() })).optional(),
});

const definition = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    group: z.string(),
    scope: z.string(),
    names: z.object({ plural: z.string(), shortNames: z.array(z.string()), categories: z.array(z.string()) }),
    versions: z.tuple([
      z.object({
        name: z.string(),
        additionalPrinterColumns: z.array(z.object({ name: z.string(), jsonPath: z.string() })),
        schema: z.object({ openAPIV3Schema: structuralSchema }),
      }),
    ]),
  }),
});

export type CustomResourceDefinition = z.infer<typeof definition>;

/** Reads one of our CRDs by the plural of its kind. @throws Error if it has another form than ours have */
export async function readDefinition(plural: string): Promise<CustomResourceDefinition> {
  const text = await readFile(new URL(`../../crds/${plural}.yaml`, import.meta.url), 'utf8');
  return definition.parse(parse(text));
}

/** The schema of the one version of a CRD. */
export function schemaOf(crd: CustomResourceDefinition): StructuralSchema {
  return crd.spec.versions[0].schema.openAPIV3Schema;
}

/** The schema at a path of property names. @throws Error if there is none */
export function schemaAt(schema: StructuralSchema, ...path: readonly string[]): StructuralSchema {
  return path.reduce((at, name) => {
    const next = at.properties?.[name];
    if (next === undefined) throw new Error(`Cannot find "${name}" of ${path.join('.')} in the CRD: it is not there`);
    return next;
  }, schema);
}

/** Every schema below (and with) this one, with its path; items are `[]`, values of a map `{}`. */
export function* everySchema(schema: StructuralSchema, path = ''): Generator<readonly [string, StructuralSchema]> {
  yield [path, schema];
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    yield* everySchema(property, path === '' ? name : `${path}.${name}`);
  }
  if (schema.items !== undefined) yield* everySchema(schema.items, `${path}[]`);
  if (schema.additionalProperties !== undefined) yield* everySchema(schema.additionalProperties, `${path}{}`);
}

/** Of a duration in Go's style. */
function secondsOf(duration: unknown): number {
  const units = { h: 3600, m: 60, s: 1 } as const;
  return [...String(duration).matchAll(/(\d+)([hms])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * units[unit as keyof typeof units],
    0,
  );
}

/**
 * CEL rules in TypeScript, by their exact text: a changed or new rule has to be written down here again. That they mean
 * the same is proven on the API server (test/integration/crds.test.ts). Rules with `oldSelf` are not asked on create.
 */
const celTwins: Readonly<Record<string, (self: unknown) => boolean>> = {
  "duration(self) >= duration('0s') && duration(self) <= duration('24h')": (self) => secondsOf(self) <= 86_400,
  "duration(self) >= duration('1s') && duration(self) <= duration('24h')": (self) =>
    secondsOf(self) >= 1 && secondsOf(self) <= 86_400,
  "self.existingTrunkSid == '' || !self.outbound.enabled": (self) => {
    const { existingTrunkSid, outbound } = self as { existingTrunkSid: string; outbound: { enabled: boolean } };
    return existingTrunkSid === '' || !outbound.enabled;
  },
  "self.existingTrunkSid == '' || (size(self.originationUris) == 0 && self.transferMode == 'disable-all' && !has(self.disasterRecoveryUrl))":
    (self) => {
      const trunk = self as { existingTrunkSid: string; originationUris: readonly string[]; transferMode: string };
      const isPlain = trunk.originationUris.length === 0 && trunk.transferMode === 'disable-all';
      return trunk.existingTrunkSid === '' || (isPlain && !('disasterRecoveryUrl' in trunk));
    },
  "!self.secure || self.originationUris.all(uri, uri.contains(';transport=tls'))": (self) => {
    const { secure, originationUris } = self as { secure: boolean; originationUris: readonly string[] };
    return !secure || originationUris.every((uri) => uri.includes(';transport=tls'));
  },
  'has(self.sipTrunk) != has(self.webhook)': (self) => 'sipTrunk' in (self as object) !== 'webhook' in (self as object),
  'self.all(header, header.matches("^[A-Za-z0-9.!%*_+`\'~-]{1,255}$"))': (self) =>
    Object.keys(self as object).every((header) => /^[A-Za-z0-9.!%*_+`'~-]{1,255}$/.test(header)),
  'self.all(key, size(key) >= 1 && size(key) <= 128)': (self) =>
    Object.keys(self as object).every((key) => key !== '' && Array.from(key).length <= 128),
  "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : !has(self.values) || size(self.values) == 0":
    (self) => {
      const { operator, values = [] } = self as { operator: string; values?: readonly string[] };
      return ['In', 'NotIn'].includes(operator) === values.length > 0;
    },
};

function brokenRules(schema: StructuralSchema, value: unknown, path: string): readonly string[] {
  const own = (schema['x-kubernetes-validations'] ?? []).flatMap(({ rule, message }) => {
    if (rule.includes('oldSelf')) return [];
    const twin = celTwins[rule];
    if (twin === undefined) throw new Error(`Cannot judge the CEL rule "${rule}": it has no twin in this file`);
    return twin(value) ? [] : [`${path} ${message}`];
  });
  if (typeof value !== 'object' || value === null) return own;
  const below = Object.entries(value).flatMap(([name, child]) => {
    const next = Array.isArray(value) ? schema.items : (schema.properties?.[name] ?? schema.additionalProperties);
    return next === undefined ? [] : brokenRules(next, child, `${path}/${name}`);
  });
  return [...own, ...below];
}

/** The JSON schema that refuses what strict field validation refuses. */
function strictJsonSchema(schema: StructuralSchema): Record<string, unknown> {
  const { properties, items, additionalProperties, ...rest } = schema;
  const plain = Object.entries(rest).filter(([key]) => !key.startsWith('x-kubernetes-') && key !== 'format');
  const strict: Record<string, unknown> = Object.fromEntries(plain.filter(([, value]) => value !== undefined));
  if (items !== undefined) strict['items'] = strictJsonSchema(items);
  if (schema['x-kubernetes-list-type'] === 'set') strict['uniqueItems'] = true;
  if (additionalProperties !== undefined) strict['additionalProperties'] = strictJsonSchema(additionalProperties);
  if (properties !== undefined) {
    strict['additionalProperties'] = false;
    strict['properties'] = Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, strictJsonSchema(property)]),
    );
  }
  return strict;
}

/** What became of a document: as it is stored, or why it is refused. */
export type Judgement =
  | { readonly kind: 'accepted'; readonly stored: unknown }
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

/** Judges new documents (create, not update) by a structural schema. */
export function judgeBy(schema: StructuralSchema): (document: unknown) => Judgement {
  const { default: _, ...root } = strictJsonSchema(schema);
  const validate = new Ajv({ useDefaults: true, allErrors: true, strict: true }).compile(root);
  return (document) => {
    const stored: unknown = structuredClone(document);
    if (!validate(stored)) {
      const problems = (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
      return { kind: 'refused', problems };
    }
    const problems = brokenRules(schema, stored, '');
    return problems.length === 0 ? { kind: 'accepted', stored } : { kind: 'refused', problems };
  };
}
