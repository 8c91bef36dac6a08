/**
 * Health: what makes a pod be restarted, and what does not.
 */
import { describe, expect, test } from 'vitest';
import { OperatorHealth, staleAfterMs } from '../../../src/controller/health.ts';

function stage() {
  let elapsed = 0;
  const health = new OperatorHealth({ monotonic: () => elapsed });
  return {
    health,
    now: () => elapsed,
    pass: (milliseconds: number) => {
      elapsed += milliseconds;
    },
  };
}

test('a process is ready when it says so, and not before', () => {
  const { health } = stage();
  expect(health.ready()).toBe(false);
  health.setReady(true);
  expect(health.ready()).toBe(true);
  health.setReady(false);
  expect(health.ready()).toBe(false);
});

describe('a process is alive', () => {
  test('while every watch gives a sign now and then', () => {
    const { health, now, pass } = stage();
    const heard = { numbers: now(), accounts: now() };
    health.watch('phonenumbers', () => heard.numbers);
    health.watch('telephonyaccounts', () => heard.accounts);
    for (let minute = 0; minute < 60; minute += 1) {
      pass(60_000);
      heard.numbers = now();
      heard.accounts = now();
      expect(health.alive()).toEqual([]);
    }
    pass(staleAfterMs);
    heard.numbers = now();
    expect(health.alive(), 'the API server may be replaced meanwhile').toEqual([]);
    pass(1);
    expect(health.alive()).toEqual(['the watch of telephonyaccounts has been silent for 300 s']);
    expect([...health.watchAges()]).toEqual([
      ['phonenumbers', 1],
      ['telephonyaccounts', staleAfterMs + 1],
    ]);
  });

  test('while it does not lead, however long that takes', () => {
    const { health, pass } = stage();
    pass(1e9);
    expect(health.alive()).toEqual([]);
  });

  test('while it leads on a lease that is renewed; without it the process should be gone', () => {
    const { health, pass } = stage();
    health.setLeading(() => 10_000);
    pass(10_500);
    expect(health.alive(), 'it is ending').toEqual([]);
    pass(2_500);
    expect(health.alive()).toEqual(['the lease ran out 3 s ago and the process has not ended']);
    health.setLeading(() => undefined);
    expect(health.alive(), 'the lease was given back').toEqual([]);
  });
});
