/** Reading the kernel's figures of a process. */
import { expect, test } from 'vitest';
import { cpuMillisecondsIn, memoryMiBIn } from '../../../bench/stage/process-figures.ts';

const rest = 'S 1 42 42 0 -1 4194560 900 0 0 0 150 50 0 0 20 0 11 0 12345 1000000 2000';

test.for([
  { name: 'user and system time are added, in ticks of 10 ms', stat: `42 (node) ${rest}` },
  { name: 'a name with spaces and parentheses does not shift the fields', stat: `42 (a (b) c) ${rest}` },
])('$name', ({ stat }) => {
  expect(cpuMillisecondsIn(stat)).toBe(2_000);
});

test('what is no such line is refused', () => {
  expect(() => cpuMillisecondsIn('nonsense')).toThrow('Cannot read CPU time');
});

const status = 'Name:\tnode\nVmPeak:\t 4096 kB\nVmHWM:\t  204800 kB\nVmRSS:\t  102400 kB\n';

test.for([
  { name: 'VmRSS', expected: 100, why: 'resident now' },
  { name: 'VmHWM', expected: 200, why: 'the most so far' },
] as const)('$name is read in MiB', ({ expected, name, why }) => {
  expect(memoryMiBIn(status, name), why).toBe(expected);
});

test('a process that has ended has no memory', () => {
  expect(() => memoryMiBIn('Name:\tnode\nState:\tZ (zombie)\n', 'VmRSS')).toThrow('Cannot read VmRSS');
});
