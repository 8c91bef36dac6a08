/**
 * What the lines and the errors of a watch mean, pure.
 */
import { z } from 'zod';
import { classifyWatchError, type KubernetesError } from './classify.ts';
import { parseObject } from './objects.ts';
import type { Trouble, WatchInput } from './watch-state.ts';

/** Of the bookmark after the last object of a list that came as a stream (KEP-3157). */
const endOfList = 'k8s.io/initial-events-end';

const eventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['ADDED', 'MODIFIED', 'DELETED']), object: z.unknown() }),
  z.object({
    type: z.literal('BOOKMARK'),
    object: z.object({
      metadata: z.object({ resourceVersion: z.string(), annotations: z.record(z.string(), z.string()).default({}) }),
    }),
  }),
  z.object({ type: z.literal('ERROR'), object: z.unknown() }),
]);

/** What one line of a watch says; whatever cannot be read casts doubt on all that follows. */
export function inputOf(action: string, line: string): WatchInput {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return distrust(`Cannot ${action}: a line is not JSON`);
  }
  const event = eventSchema.safeParse(json).data;
  if (event === undefined) return distrust(`Cannot ${action}: a line is no watch event`);
  switch (event.type) {
    case 'BOOKMARK': {
      const { annotations, resourceVersion } = event.object.metadata;
      return { kind: 'bookmark', resourceVersion, endsList: annotations[endOfList] === 'true' };
    }
    case 'ERROR':
      return { kind: 'trouble', trouble: troubleOf(classifyWatchError(action, event.object)) };
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED': {
      const object = parseObject(event.object);
      if (object === undefined) return distrust(`Cannot ${action}: an event holds no object`);
      return { kind: 'event', type: event.type, object };
    }
  }
}

/** Something that nobody can explain: our position in the stream may be wrong. */
export function distrust(message: string): WatchInput {
  return { kind: 'trouble', trouble: { effect: 'relist', message, retryAfterMs: 0 } };
}

/**
 * An overloaded server, a cut connection or a refused identity say nothing about our position in the stream. All other
 * answers do: 410 (expired), 504 for a version from the future, 404 for a kind that was taken away.
 */
export function troubleOf({ message, problem }: KubernetesError): Trouble {
  const { reason, retryAfterMs, status } = problem;
  const future = /too large resource version/i.test(problem.message);
  const keepsPosition =
    !future &&
    (status === undefined || status === 401 || status === 403 || status === 429 || status >= 500) &&
    reason !== 'Expired' &&
    reason !== 'Gone';
  const effect = status === 429 ? 'keep' : 'resume';
  return { effect: keepsPosition ? effect : 'relist', message, retryAfterMs };
}
