/**
 * Interruptions: what can go wrong at one write of the operator, and the list of a story's writes to try them at.
 */
import { runUntilSettled } from './run-until-settled.ts';
import type { World } from './world.ts';

export interface Interruption {
  readonly name: string;
  readonly applied: 'never' | 'atOnce' | number;
  readonly crashes: boolean;
}

/** Less than the time after which an unanswered create counts as not applied. */
const lateMs = 30_000;

export const interruptions: readonly Interruption[] = [
  { name: 'the process crashes before', applied: 'never', crashes: true },
  { name: 'the process crashes after', applied: 'atOnce', crashes: true },
  { name: 'the process crashes while the request is on its way, of', applied: lateMs, crashes: true },
  { name: 'no answer comes, and nothing was done, to', applied: 'never', crashes: false },
  { name: 'the answer is lost, of', applied: 'atOnce', crashes: false },
  { name: 'no answer comes, and it is done later, to', applied: lateMs, crashes: false },
];

/** From now on the `index`-th write, counted from 0, meets the interruption. */
export function interrupt({ effects }: World, index: number, { applied, crashes }: Interruption): void {
  let seen = -1;
  effects.add({
    matches: ({ isWrite }) => {
      if (isWrite) seen += 1;
      return isWrite && seen === index;
    },
    verdict: { kind: 'unknownOutcome', message: 'no answer in time' },
    applied,
    crashes,
    times: 1,
  });
}

/** From now on `act` happens right before or right after the `index`-th write, counted from 0. */
export function actAt({ effects }: World, index: number, moment: 'before' | 'after', act: () => void): void {
  let seen = -1;
  const hooks = moment === 'before' ? effects.beforeWrite : effects.afterWrite;
  hooks.push(() => {
    seen += 1;
    if (seen === index) act();
  });
}

/** One write of a story that nothing interrupts. */
export interface Point {
  readonly index: number;
  readonly operation: string;
}

/** The writes that happen until everything is settled again after `act`. */
export async function pointsOf(world: World, act: () => void): Promise<readonly Point[]> {
  const before = writesOf(world).length;
  act();
  await runUntilSettled(world);
  return writesOf(world)
    .slice(before)
    .map((operation, index) => ({ index, operation: `${operation} (${index + 1})` }));
}

function writesOf({ effects }: World): readonly string[] {
  return effects.log.filter(({ isWrite }) => isWrite).map(({ operation }) => operation);
}
