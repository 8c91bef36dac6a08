/**
 * Objects of one kind at the API server: reads and compare-and-swap writes, each one request, with our own errors.
 */
import { ConflictError, keyText, type KubernetesObject, type ObjectKey } from '../../reconcilers/shared/ports.ts';
import { type Answer, classifyReply, classifyThrown, type Intent, KubernetesError } from './classify.ts';
import { collectionPath, keyOf, objectPath, parseObject, parsePage, type Resource } from './objects.ts';
import type { KubernetesRequest, KubernetesTransport } from './transport.ts';

/** Stands in `managedFields` of everything the operator writes. */
const fieldManager = 'trunkline';

const pageSize = 500;

export class ObjectClient {
  readonly #transport: KubernetesTransport;
  readonly #resource: Resource;

  constructor(transport: KubernetesTransport, resource: Resource) {
    this.#transport = transport;
    this.#resource = resource;
  }

  /** Undefined if there is none. @throws KubernetesError */
  async read(key: ObjectKey): Promise<KubernetesObject | undefined> {
    const action = this.#action('read', key);
    const path = objectPath(this.#resource, key);
    const answer = await this.#send(action, 'read', { method: 'GET', path });
    return answer.kind === 'absent' ? undefined : objectOf(action, answer);
  }

  /** All of the cluster, from the newest state, as far as the selectors in the query go. @throws KubernetesError */
  async list(query: Readonly<Record<string, string>> = {}): Promise<readonly KubernetesObject[]> {
    const path = collectionPath(this.#resource);
    const action = `list ${this.#resource.plural}`;
    const items: KubernetesObject[] = [];
    let continueToken = '';
    do {
      const paging = { limit: String(pageSize), ...(continueToken === '' ? {} : { continue: continueToken }) };
      const answer = await this.#send(action, 'read', { method: 'GET', path, query: { ...query, ...paging } });
      const page = answer.kind === 'done' ? parsePage(answer.body) : undefined;
      if (page === undefined) throw unreadable(action);
      items.push(...page.items);
      continueToken = page.continueToken;
    } while (continueToken !== '');
    return items;
  }

  /**
   * JSON merge patch (RFC 7396) of the object that was decided on, or of one of its subresources.
   * @throws ConflictError when the object has changed or is gone
   * @throws KubernetesError otherwise; with no status the patch may have been applied
   */
  async patch(
    object: KubernetesObject,
    change: { readonly metadata?: Readonly<Record<string, unknown>>; readonly status?: unknown },
    subresource: '' | '/status' = '',
  ): Promise<KubernetesObject> {
    const key = keyOf(object);
    const action = this.#action(subresource === '' ? 'patch' : 'patch the status of', key);
    const metadata = { ...change.metadata, resourceVersion: object.metadata.resourceVersion };
    const answer = await this.#send(action, 'change', {
      method: 'PATCH',
      path: `${objectPath(this.#resource, key)}${subresource}`,
      query: { fieldManager },
      contentType: 'application/merge-patch+json',
      body: { ...change, metadata },
    });
    return objectOf(action, answer);
  }

  /** @returns false if there is one of this name already. @throws KubernetesError */
  async create(object: Readonly<Record<string, unknown>>, key: ObjectKey): Promise<boolean> {
    const path = collectionPath(this.#resource, key.namespace);
    const request: KubernetesRequest = { method: 'POST', path, query: { fieldManager }, body: object };
    const answer = await this.#send(this.#action('create', key), 'create', request);
    return answer.kind !== 'exists';
  }

  /** Nothing happens when there is none. @throws KubernetesError */
  async delete(key: ObjectKey): Promise<void> {
    await this.#send(this.#action('delete', key), 'delete', {
      method: 'DELETE',
      path: objectPath(this.#resource, key),
    });
  }

  #action(verb: string, key: ObjectKey): string {
    return `${verb} ${this.#resource.plural} "${keyText(key)}"`;
  }

  async #send(action: string, intent: Intent, request: KubernetesRequest): Promise<Answer> {
    let answer: Answer;
    try {
      answer = classifyReply(action, intent, await this.#transport.request(request));
    } catch (error) {
      throw classifyThrown(action, error);
    }
    if (answer.kind === 'failed') throw answer.error;
    if (answer.kind === 'conflict') throw new ConflictError(`Cannot ${action}: ${answer.message}`);
    return answer;
  }
}

function objectOf(action: string, answer: Answer): KubernetesObject {
  const object = answer.kind === 'done' ? parseObject(answer.body) : undefined;
  if (object === undefined) throw unreadable(action);
  return object;
}

function unreadable(action: string): KubernetesError {
  const message = 'the answer is not what Kubernetes would say';
  return new KubernetesError(action, { status: undefined, reason: '', message, retryAfterMs: 0 });
}
