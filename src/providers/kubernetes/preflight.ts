/**
 * Whether the cluster is one that the operator can work in: version, kinds with all their fields, and rights.
 *
 * Guarantees
 * - Nothing is written, other than questions about our own rights, which the API server does not keep.
 * - Each problem is one line that says what is missing and what is wanted.
 *
 * Fields matter because the API server drops those that it does not know without a word: a status could lose the list of
 * what is left behind. Whoever may use the API may read its OpenAPI documents, so that no right to read CRDs is needed.
 */
import { z } from 'zod';
import { group, version } from '../../reconcilers/shared/api-group.ts';
import { type Answer, classifyReply, classifyThrown, type Intent } from './classify.ts';
import { neededFields } from './needed-fields.ts';
import { neededRights, type Right, type RightsOptions } from './needed-rights.ts';
import type { KubernetesRequest, KubernetesTransport } from './transport.ts';

const oldestMinor = 32;
/** A list of everything would hide the point. */
const mostFieldsNamed = 5;

/**
 * Asks for the version, one OpenAPI document and each right that the operator needs; all at the same time.
 * @returns what is in the way, the most fundamental first; empty if nothing is
 * @throws KubernetesError when the API server cannot be asked, which says nothing about the cluster
 */
export async function checkCluster(transport: KubernetesTransport, options: RightsOptions): Promise<readonly string[]> {
  const [ofVersion, ofKinds, ofRights] = await Promise.all([
    versionProblems(transport),
    kindProblems(transport),
    rightProblems(transport, neededRights(options)),
  ]);
  return [...ofVersion, ...ofKinds, ...ofRights];
}

const versionSchema = z.object({ major: z.string(), minor: z.string() });

async function versionProblems(transport: KubernetesTransport): Promise<readonly string[]> {
  const answer = await ask(transport, 'read the version of Kubernetes', 'read', { method: 'GET', path: '/version' });
  const said = answer.kind === 'done' ? versionSchema.safeParse(answer.body).data : undefined;
  if (said === undefined) return ['Cannot read the version of Kubernetes: the answer is not what Kubernetes would say'];
  // Some providers say "32+".
  const [major, minor] = [Number.parseInt(said.major), Number.parseInt(said.minor)];
  if (major > 1 || minor >= oldestMinor) return [];
  return [`Cannot work with Kubernetes ${said.major}.${said.minor}: want 1.${oldestMinor} or newer`];
}

const groupVersionKind = 'x-kubernetes-group-version-kind';
const openApiSchema = z.object({
  paths: z.record(z.string(), z.unknown()).default({}),
  components: z.object({ schemas: z.record(z.string(), z.looseObject({})).default({}) }).default({ schemas: {} }),
});

async function kindProblems(transport: KubernetesTransport): Promise<readonly string[]> {
  const path = `/openapi/v3/apis/${group}/${version}`;
  const reply = await transport.request({ method: 'GET', path }).catch((error: unknown) => {
    throw classifyThrown('read the kinds that are served', error);
  });
  // The document is there as soon as one kind of the group is; without any it is a 404 without a Status.
  const document = reply.status === 404 ? { paths: {}, components: { schemas: {} } } : openApi(reply);
  return Object.entries(neededFields).flatMap(([kind, fields]) => {
    const name = `${kind.toLowerCase()}s.${group}`;
    const schema = Object.values(document.components.schemas).find((candidate) => isOfKind(candidate, kind));
    if (schema === undefined) {
      return [
        `Cannot find kind ${kind} of ${group}/${version}: want CustomResourceDefinition "${name}" of this release`,
      ];
    }
    const missing = fields.filter((field) => !hasField(schema, field.split('.')));
    if (!Object.keys(document.paths).some((served) => served.endsWith(`/${kind.toLowerCase()}s/{name}/status`))) {
      missing.unshift('subresource status');
    }
    if (missing.length === 0) return [];
    const others = missing.length > mostFieldsNamed ? ` and ${missing.length - mostFieldsNamed} more` : '';
    const named = missing.slice(0, mostFieldsNamed).join(', ');
    return [`Cannot use CustomResourceDefinition "${name}": it lacks ${named}${others}, want that of this release`];
  });
}

function openApi(reply: Parameters<typeof classifyReply>[2]): z.output<typeof openApiSchema> {
  const answer = classifyReply('read the kinds that are served', 'read', reply);
  if (answer.kind === 'failed') throw answer.error;
  return openApiSchema.parse(answer.kind === 'done' ? answer.body : {});
}

const gvkSchema = z.array(z.object({ group: z.string(), kind: z.string(), version: z.string() })).catch([]);

function isOfKind(schema: Readonly<Record<string, unknown>>, kind: string): boolean {
  return gvkSchema
    .parse(schema[groupVersionKind])
    .some((named) => named.group === group && named.version === version && named.kind === kind);
}

interface FieldSchema {
  readonly properties?: Readonly<Record<string, FieldSchema>> | undefined;
  readonly items?: FieldSchema | undefined;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean | undefined;
}
const fieldSchema: z.ZodType<FieldSchema> = z.lazy(() =>
  z.object({
    properties: z.record(z.string(), fieldSchema).optional(),
    items: fieldSchema.optional(),
    'x-kubernetes-preserve-unknown-fields': z.boolean().optional(),
  }),
);

/** `path` are names of fields; one that ends in `[]` is an array, whose elements the rest is about. */
function hasField(schema: unknown, path: readonly string[]): boolean {
  let at: FieldSchema | undefined = fieldSchema.safeParse(schema).data;
  for (const step of path) {
    if (at?.['x-kubernetes-preserve-unknown-fields'] === true) return true;
    const name = step.replace('[]', '');
    at = name === step ? at?.properties?.[name] : at?.properties?.[name]?.items;
  }
  return at !== undefined;
}

const reviewSchema = z.object({ status: z.object({ allowed: z.boolean() }) });

async function rightProblems(transport: KubernetesTransport, rights: readonly Right[]): Promise<readonly string[]> {
  const questions = rights.flatMap((right) => right.verbs.map((verb) => ({ ...right, verb })));
  const allowed = await Promise.all(questions.map(async (question) => await isAllowed(transport, question)));
  return questions
    .filter((_, index) => allowed[index] === false)
    .map(({ group: of, namespace, resource, verb }) => {
      const where = namespace === '' ? '' : ` in namespace "${namespace}"`;
      return `Cannot ${verb} ${resource}${of === '' ? '' : `.${of}`}${where}: no right to, want the roles of this release`;
    });
}

async function isAllowed(
  transport: KubernetesTransport,
  { group: of, namespace, resource: name, verb }: Omit<Right, 'verbs'> & { readonly verb: string },
): Promise<boolean> {
  const [resource, subresource = ''] = name.split('/');
  const answer = await ask(transport, `ask for the right to ${verb} ${name}`, 'create', {
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb, group: of, resource, subresource, namespace } },
    },
  });
  return answer.kind === 'done' && reviewSchema.safeParse(answer.body).data?.status.allowed === true;
}

async function ask(
  transport: KubernetesTransport,
  action: string,
  intent: Intent,
  request: KubernetesRequest,
): Promise<Answer> {
  let answer: Answer;
  try {
    answer = classifyReply(action, intent, await transport.request(request));
  } catch (error) {
    throw classifyThrown(action, error);
  }
  if (answer.kind === 'failed') throw answer.error;
  return answer;
}
