/**
 * OpenAPI check: is a request, and is a reply, what Twilio's own API description allows?
 *
 * Guarantees
 * - Requests: path SIDs, query parameters and form fields are known, present where required, and of the right type.
 * - Replies: the 2xx status is documented, and the body has every documented field, of its type, and no other.
 * - No message repeats a value, so a password cannot leak through one.
 *
 * Files are read and schemas compiled on first use, once per process: start-up stays fast.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import type { FormValue } from './request.ts';
import type { Method } from './operations.ts';
import { isObject, member, patchSchema, type JsonObject } from './openapi-patch.ts';

/** One thing about a request that Twilio's description does not allow. */
export interface Issue {
  readonly place: 'path' | 'query' | 'form' | 'body';
  readonly problem: 'missing' | 'unknown' | 'invalid';
  readonly field: string;
  readonly message: string;
}

/** What identifies an operation in Twilio's files. */
export interface OperationKey {
  readonly method: Method;
  readonly template: string;
}

/** The parts of a request that are described. */
export interface RequestParts {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly contentType: string | undefined;
  readonly body: string;
}

/** The outcome of checking a request: what is wrong, and the typed form. */
export interface CheckedRequest {
  readonly issues: readonly Issue[];
  readonly form: ReadonlyMap<string, FormValue>;
}

/** A reply that Twilio's files give as an example. */
export interface ReplyExample {
  readonly name: string;
  readonly status: number;
  readonly body: unknown;
}

interface Compiled {
  readonly parameters: Readonly<Record<'path' | 'query', Shape>>;
  readonly form: Shape;
  readonly replies: ReadonlyMap<number, ValidateFunction | undefined>;
}

interface Shape {
  readonly properties: JsonObject;
  readonly validate: ValidateFunction;
}

const FORM_TYPE = 'application/x-www-form-urlencoded';
const MAX_PAGE_SIZE = 1000;
const require = createRequire(import.meta.url);
const files = new Map<string, JsonObject>();
const compiled = new Map<string, Compiled>();

const ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false });
addFormats.default(ajv, ['uri', 'uri-reference']);
// Twilio's examples show whole seconds; neither fractions nor other zones occur.
ajv.addFormat('date-time', /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/);
ajv.addFormat('date-time-rfc-2822', /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} \+0000$/);

/** Checks a request and reads its form. */
export function checkRequest(key: OperationKey, parts: RequestParts): CheckedRequest {
  const operation = operationOf(key);
  const query = typed([...parts.query], operation.parameters.query.properties);
  const isForm = (parts.contentType ?? '').startsWith(FORM_TYPE);
  // Another body is not read: its whole text, passwords included, would come out as the name of one field.
  const fields = isForm ? [...new URLSearchParams(parts.body)] : [];
  const form = typed(fields, operation.form.properties);
  const issues = [
    ...issuesOf('path', operation.parameters.path.validate, parts.params),
    ...issuesOf('query', operation.parameters.query.validate, Object.fromEntries(query)),
    ...issuesOf('form', operation.form.validate, Object.fromEntries(form)),
  ];
  for (const name of form.keys()) {
    if (fields.filter(([other]) => other === name).length > 1) {
      issues.push({ place: 'form', problem: 'invalid', field: name, message: `form ${name} is repeated` });
    }
  }
  if (parts.body !== '' && !isForm) {
    issues.push({ place: 'body', problem: 'invalid', field: '', message: `body is not ${FORM_TYPE}` });
  }
  return { issues, form };
}

/** Checks a 2xx reply; returns what is wrong with it, in words. */
export function checkReply(key: OperationKey, status: number, body: unknown): readonly string[] {
  const { replies } = operationOf(key);
  if (!replies.has(status)) return [`status ${status} is not documented`];
  const validate = replies.get(status);
  if (validate === undefined) return body === undefined ? [] : [`status ${status} must have no body`];
  return validate(body) ? [] : (validate.errors ?? []).map((error) => `reply${describe(error)}`);
}

/** The examples Twilio's files give for an operation. */
export function replyExamples(key: OperationKey): readonly ReplyExample[] {
  const responses = member(describedOperation(key).operation, 'responses');
  return Object.entries(responses).flatMap(([status, response]) =>
    Object.entries(member(member(member(response, 'content'), 'application/json'), 'examples')).map(
      ([name, example]) => ({ name, status: Number(status), body: member({ example }, 'example')['value'] }),
    ),
  );
}

function operationOf(key: OperationKey): Compiled {
  const name = `${key.method} ${key.template}`;
  let operation = compiled.get(name);
  if (operation === undefined) {
    operation = compile(key);
    compiled.set(name, operation);
  }
  return operation;
}

function compile(key: OperationKey): Compiled {
  const { file, operation } = describedOperation(key);
  const parameters = Array.isArray(operation['parameters']) ? operation['parameters'].filter(isObject) : [];
  const body = member(member(member(member(operation, 'requestBody'), 'content'), FORM_TYPE), 'schema');
  const replies = Object.entries(member(operation, 'responses')).map(
    ([status, response]): [number, Shape | undefined] => {
      const schema = member(member(member(response, 'content'), 'application/json'), 'schema');
      const described = Object.keys(schema).length > 0;
      return [Number(status), described ? shapeOf(patchSchema(schema, file, 'reply')) : undefined];
    },
  );
  return {
    parameters: {
      path: parameterShape(file, parameters, 'path'),
      query: parameterShape(file, parameters, 'query'),
    },
    form: shapeOf(patchSchema({ type: 'object', properties: {}, ...body }, file, 'request')),
    replies: new Map(replies.map(([status, shape]) => [status, shape?.validate])),
  };
}

function parameterShape(file: JsonObject, parameters: readonly JsonObject[], place: string): Shape {
  const here = parameters.filter((parameter) => parameter['in'] === place);
  const properties = here.map((parameter): [string, JsonObject] => {
    const name = String(parameter['name']);
    const limits = name === 'PageSize' ? { minimum: 1, maximum: MAX_PAGE_SIZE } : {};
    return [name, { ...member(parameter, 'schema'), ...limits }];
  });
  const required = here.filter((parameter) => parameter['required'] === true).map((parameter) => parameter['name']);
  const schema = { type: 'object', properties: Object.fromEntries(properties), required };
  return shapeOf(patchSchema(schema, file, 'request'));
}

function shapeOf(schema: JsonObject): Shape {
  return { properties: member(schema, 'properties'), validate: ajv.compile({ ...schema }) };
}

function describedOperation(key: OperationKey): { file: JsonObject; operation: JsonObject } {
  const file = fileOf(key.template);
  const operation = member(member(member(file, 'paths'), key.template), key.method.toLowerCase());
  if (Object.keys(operation).length === 0)
    throw new Error(`Cannot find ${key.method} ${key.template} in OpenAPI files`);
  return { file, operation };
}

function fileOf(template: string): JsonObject {
  let name = 'twilio_api_v2010';
  if (template.startsWith('/v1/')) name = 'twilio_trunking_v1';
  if (template.startsWith('/v2/')) name = 'twilio_routes_v2';
  let file = files.get(name);
  if (file === undefined) {
    const path = require.resolve(`@twilio/cli-core/src/services/twilio-api/${name}.json`);
    file = JSON.parse(readFileSync(path, 'utf8')) as JsonObject;
    files.set(name, file);
  }
  return file;
}

/** Form and query values are text; a value that does not read as its described type stays text, and so fails. */
function typed(fields: readonly [string, string][], properties: JsonObject): Map<string, FormValue> {
  return new Map(
    fields.map(([name, value]): [string, FormValue] => {
      const type = member(properties, name)['type'];
      if (type === 'integer' && /^-?\d+$/.test(value)) return [name, Number(value)];
      if (type === 'boolean' && (value === 'true' || value === 'false')) return [name, value === 'true'];
      return [name, value];
    }),
  );
}

function issuesOf(place: 'path' | 'query' | 'form', validate: ValidateFunction, data: object): Issue[] {
  if (validate(data)) return [];
  return (validate.errors ?? []).map((error) => {
    const parameters: JsonObject = error.params;
    const message = `${place}${describe(error)}`;
    if (error.keyword === 'required') {
      return { place, problem: 'missing', field: String(parameters['missingProperty']), message };
    }
    if (error.keyword === 'additionalProperties') {
      return { place, problem: 'unknown', field: String(parameters['additionalProperty']), message };
    }
    return { place, problem: 'invalid', field: error.instancePath.slice(1), message };
  });
}

function describe(error: ErrorObject): string {
  const parameters: JsonObject = error.params;
  const extra = error.keyword === 'additionalProperties' ? ` "${String(parameters['additionalProperty'])}"` : '';
  return `${error.instancePath} ${error.message ?? error.keyword}${extra}`;
}
