/**
 * What the bench tells its loader, and what the loader answers: one JSON line each way per command.
 */
import { z } from 'zod';

const batchShape = {
  first: z.number().int().min(0),
  count: z.number().int().min(1),
  account: z.string().exactOptional(),
  outbound: z.boolean().exactOptional(),
  revision: z.number().exactOptional(),
};

export const commandSchema = z.discriminatedUnion('do', [
  /** Creates and waits until all are Ready, at most so long if it says so. */
  z.object({ do: z.literal('create'), ...batchShape, withinMs: z.number().exactOptional() }),
  /** Creates and does not wait. */
  z.object({ do: z.literal('send'), ...batchShape }),
  /** Deletes and waits until all are gone. */
  z.object({ do: z.literal('delete'), ...batchShape }),
  /** Creates objects that are Ready already, for an operator that is not running. */
  z.object({ do: z.literal('populate'), ...batchShape }),
  /** Takes finalizers off and deletes, for an operator that is not running. */
  z.object({ do: z.literal('purge'), ...batchShape }),
  /** Changes, deletes and creates at random for so long, then waits until every last generation is Ready. */
  z.object({ do: z.literal('churn'), ...batchShape, milliseconds: z.number(), patienceMs: z.number() }),
]);
export type Command = z.infer<typeof commandSchema>;

export const answerSchema = z.object({
  seconds: z.number(),
  /** Of those that came to their end in time. */
  perObjectMs: z.array(z.number()).readonly().default([]),
  /** Of a churn: what it did, and what was not observed in time. */
  operations: z.number().default(0),
  missed: z.array(z.string()).readonly().default([]),
  error: z.string().exactOptional(),
});
export type Answer = z.infer<typeof answerSchema>;
