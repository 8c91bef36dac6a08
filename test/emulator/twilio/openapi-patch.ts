/**
 * Patch: makes Twilio's OpenAPI schemas usable and strict (recipe and findings: twilio.md 6.2).
 *
 * As shipped they reject Twilio's own examples (relative paging URIs, empty URLs, null methods) and accept replies with
 * missing or misspelt fields. Afterwards every example validates, and every field of a reply is required and known.
 */

/** A JSON schema or any part of an OpenAPI file. */
export interface JsonObject {
  readonly [key: string]: unknown;
}

/** Reads a member that should be an object; anything else is an empty one. */
export function member(value: unknown, key: string): JsonObject {
  const found = isObject(value) ? value[key] : undefined;
  return isObject(found) ? found : {};
}

/** True for a JSON object, as opposed to an array, a scalar or null. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What differs between the two directions. */
export type Direction = 'request' | 'reply';

// Settings that are cleared by sending them empty; in replies only applications come back as the empty string.
const MAY_BE_EMPTY: Readonly<Record<Direction, RegExp>> = {
  request: /^\^(AP|TK|AD|BU|RI)\[/,
  reply: /^\^AP\[/,
};

// Absolute in every example. All other "uri" fields hold relative paths, SIP URIs or nothing.
const ABSOLUTE = /^(url|.*_page_url)$/;

const KEPT_KEYWORDS = ['type', 'enum', 'minimum', 'maximum', 'minLength', 'maxLength', 'pattern', 'default', 'title'];

/** Returns a self-contained strict schema: references are inlined, nothing of the original is changed. */
export function patchSchema(schema: JsonObject, file: JsonObject, direction: Direction, name = ''): JsonObject {
  const reference = schema['$ref'];
  if (typeof reference === 'string') {
    const target = reference.split('/').slice(1).reduce<JsonObject>(member, file);
    return patchSchema(target, file, direction, name);
  }
  // `recording` says nullable without a type, which Ajv refuses; its real shape stands beside it.
  if (name === 'recording' && schema['type'] === undefined) {
    return patchSchema({ $ref: '#/components/schemas/trunking.v1.trunk.recording' }, file, direction, name);
  }
  const patched: Record<string, unknown> = {};
  for (const keyword of KEPT_KEYWORDS) if (keyword in schema) patched[keyword] = schema[keyword];
  const nullable = schema['nullable'] === true && schema['type'] !== undefined;
  if (nullable) {
    patched['nullable'] = true;
    if (Array.isArray(schema['enum'])) patched['enum'] = [...schema['enum'], null];
  }
  const format = patchFormat(schema['format'], name);
  if (format !== undefined) patched['format'] = format;
  if (isObject(schema['items'])) patched['items'] = patchSchema(schema['items'], file, direction);
  if (isObject(schema['properties'])) Object.assign(patched, patchProperties(schema, file, direction, name));
  const pattern = schema['pattern'];
  if (typeof pattern === 'string' && MAY_BE_EMPTY[direction].test(pattern)) {
    return { ...patched, minLength: 0, pattern: `^$|${pattern}` };
  }
  return patched;
}

function patchProperties(schema: JsonObject, file: JsonObject, direction: Direction, name: string): JsonObject {
  const properties = Object.entries(member(schema, 'properties')).map(([key, value]): [string, JsonObject] => [
    key,
    patchSchema(isObject(value) ? value : {}, file, direction, key),
  ]);
  const names = properties.map(([key]) => key);
  // Trunk numbers come without `fax`, account numbers with it.
  const always = name === 'capabilities' ? names.filter((key) => key !== 'fax') : names;
  return {
    properties: Object.fromEntries(properties),
    required: direction === 'reply' ? always : (schema['required'] ?? []),
    additionalProperties: false,
  };
}

function patchFormat(format: unknown, name: string): string | undefined {
  if (format === 'date-time' || format === 'date-time-rfc-2822') return format;
  if (format !== 'uri') return undefined;
  return ABSOLUTE.test(name) ? 'uri' : 'uri-reference';
}
