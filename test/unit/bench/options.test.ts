/** Options of the bench. */
import { describe, expect, test } from 'vitest';
import { help, productionFlags, readOptions, sectionNames } from '../../../bench/options.ts';
import project from '../../../package.json' with { type: 'json' };

describe('options', () => {
  const valid = [
    {
      name: 'nothing is the whole bench',
      args: [],
      expected: { sections: [...sectionNames], objects: 2_000, runs: 5, soakMs: 0 },
    },
    { name: 'quick is one small run', args: ['--quick'], expected: { objects: 200, runs: 1, populations: [5_000] } },
    { name: 'a figure wins over quick', args: ['--quick', '--objects', '50'], expected: { objects: 50, runs: 1 } },
    {
      name: 'sections keep their order',
      args: ['--only', 'cold-start,throughput'],
      expected: { sections: ['throughput', 'cold-start'] },
    },
    { name: 'populations are sorted', args: ['--populations', '500,20'], expected: { populations: [20, 500] } },
    { name: 'a soak is in minutes', args: ['--soak', '30m'], expected: { soakMs: 1_800_000 } },
    { name: 'flags for Node are split', args: ['--node-flags=--a=1  --b'], expected: { nodeFlags: ['--a=1', '--b'] } },
    {
      name: 'without any, Node runs as in production',
      args: [],
      expected: { nodeFlags: [productionFlags] },
    },
    { name: 'no latency is a latency', args: ['--latency', '0'], expected: { latencyMs: 0 } },
  ];
  test.for(valid)('$name', ({ args, expected }) => {
    expect(readOptions(args)).toMatchObject({ kind: 'run', settings: expected });
  });

  test('what is measured runs as npm start runs it', () => {
    expect(project.scripts.start).toBe(`node ${productionFlags} dist/controller/main.js`);
  });

  const invalid = [
    {
      name: 'a count that is none',
      args: ['--objects', 'many'],
      problem: 'Cannot use --objects "many": want a whole number',
    },
    { name: 'no objects', args: ['--objects', '0'], problem: 'Cannot use --objects "0"' },
    { name: 'half a run', args: ['--runs', '1.5'], problem: 'Cannot use --runs "1.5"' },
    {
      name: 'a section that does not exist',
      args: ['--only', 'throughput,speed'],
      problem: 'Cannot use --only "speed": want some of',
    },
    { name: 'a soak in another unit', args: ['--soak', '30s'], problem: 'Cannot use --soak "30s": want minutes' },
    {
      name: 'a population that is none',
      args: ['--populations', '10,,20'],
      problem: 'Cannot use --populations "10,,20"',
    },
    { name: 'an unknown option', args: ['--fast'], problem: "Unknown option '--fast'" },
  ];
  test.for(invalid)('$name is refused', ({ args, problem }) => {
    const result = readOptions(args);
    expect(result).toMatchObject({ kind: 'invalid' });
    expect(result.kind === 'invalid' ? result.problem : '').toContain(problem);
  });

  test('several problems are told at once', () => {
    const result = readOptions(['--runs', 'x', '--workers', 'y']);
    expect(result.kind === 'invalid' ? result.problem.split('\n') : []).toHaveLength(2);
  });

  test('help names every option', () => {
    expect(readOptions(['--help'])).toEqual({ kind: 'help' });
    const named = [...help.matchAll(/--[a-z-]+/g)].map(([name]) => name);
    for (const name of [
      '--quick',
      '--json',
      '--only',
      '--objects',
      '--runs',
      '--workers',
      '--latency',
      '--populations',
      '--node-flags',
      '--go-memory-limit',
      '--soak',
    ])
      expect(named).toContain(name);
  });
});
