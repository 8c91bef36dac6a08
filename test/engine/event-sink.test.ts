/**
 * Events: what is written, what is left out, and that nothing can come in the way of the work.
 */
import { describe, expect, test } from 'vitest';
import { KubernetesEventSink } from '../../src/providers/kubernetes/event-sink.ts';
import type { KubernetesReply, KubernetesRequest } from '../../src/providers/kubernetes/transport.ts';
import type { EventNote } from '../../src/reconcilers/shared/ports.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { kubernetesObject } from '../support/kubernetes-objects.ts';
import { recordedLog } from '../support/log-lines.ts';

const note: EventNote = { type: 'Warning', reason: 'CleanupFailed', action: 'Delete', note: 'something is left' };
const one = kubernetesObject('one', 7);
const created: KubernetesReply = { status: 201, headers: {}, body: {} };

function stage(answer: (request: KubernetesRequest) => Promise<KubernetesReply> = async () => created) {
  const clock = new FakeClock();
  const { lines, log } = recordedLog();
  const taken: KubernetesRequest[] = [];
  const request = async (sent: KubernetesRequest): Promise<KubernetesReply> => {
    const reply = await answer(sent);
    if (reply.status < 300) taken.push(sent);
    return reply;
  };
  const transport = { request, stream: () => unused(), close: () => undefined };
  const sink = new KubernetesEventSink({ transport, clock, timers: clock, log, instance: 'pod-1' });
  return { clock, lines, sink, taken };
}

function unused(): never {
  throw new Error('events are not watched');
}

describe('KubernetesEventSink', () => {
  test('writes an event as the API server wants it', async () => {
    const { sink, taken } = stage();
    sink.publish(one, note);
    await settle();
    expect(taken).toMatchObject([
      {
        method: 'POST',
        path: '/apis/events.k8s.io/v1/namespaces/default/events',
        body: {
          metadata: { name: expect.stringMatching(/^one\.[0-9a-f]{16}$/), namespace: 'default' },
          eventTime: '2026-01-01T00:00:00.000000Z',
          reportingInstance: 'pod-1',
          ...note,
          regarding: { kind: 'Thing', name: 'one', namespace: 'default', uid: 'uid-of-one', resourceVersion: '7' },
        },
      },
    ]);
  });

  test.for([
    { name: 'a long note', why: 'the limit is 1024 bytes, not characters', text: 'é'.repeat(2_000) },
    { name: 'a note that fits', why: 'it stays whole', text: 'x'.repeat(1_024) },
  ])('keeps $name within the limit', async ({ text, why }) => {
    const { sink, taken } = stage();
    sink.publish(kubernetesObject(`${'n'.repeat(235)}-${'n'.repeat(17)}`, 1), { ...note, note: text });
    await settle();
    const body = taken[0]?.body as { note: string; metadata: { name: string } };
    const bytes = Buffer.byteLength(body.note);
    expect(bytes > 1_020 && bytes <= 1_024, why).toBe(true);
    expect(body.note).not.toContain('\uFFFD');
    expect(body.metadata.name.length).toBeLessThanOrEqual(253);
    expect(body.metadata.name).not.toMatch(/[.-]\./);
  });

  test('writes what repeats as a series of one event, at its second time and at its end', async () => {
    const { clock, sink, taken } = stage();
    for (let count = 0; count < 50; count += 1) sink.publish(one, note);
    sink.publish(one, { ...note, note: 'something else' });
    sink.publish(kubernetesObject('two', 1), note);
    await clock.advance(720_000);
    const first = taken[0]?.body as { metadata: { name: string } };
    const path = `/apis/events.k8s.io/v1/namespaces/default/events/${first.metadata.name}`;
    const contentType = 'application/merge-patch+json';
    const lastObservedTime = '2026-01-01T00:00:00.000000Z';
    expect(taken.map(({ method }) => method)).toEqual(['POST', 'PATCH', 'POST', 'POST', 'PATCH']);
    expect([taken[1], taken[4]]).toMatchObject([
      { path, contentType, body: { series: { count: 2, lastObservedTime } } },
      { path, contentType, body: { series: { count: 50, lastObservedTime } } },
    ]);
    expect(clock.pendingTimers, 'all is told').toBe(0);
    sink.publish(one, note);
    await settle();
    expect(taken.at(-1)?.method, 'after a pause it is a new event').toBe('POST');
  });

  test('makes the event of a series again that is gone', async () => {
    const { sink, taken } = stage(async ({ method }) =>
      method === 'PATCH' ? { status: 404, headers: {}, body: { reason: 'NotFound' } } : created,
    );
    sink.publish(one, note);
    sink.publish(one, note);
    await settle();
    const [first, again] = taken.map(({ body }) => body as { metadata: unknown });
    expect(again).toEqual({ ...first, series: { count: 2, lastObservedTime: expect.any(String) } });
  });

  test('tries again while the API server is away, and gives up in the end', async () => {
    let calls = 0;
    const { clock, lines, sink, taken } = stage(async () => {
      calls += 1;
      if (calls === 1) throw new Error('socket hang up');
      return calls === 2 || calls > 3 ? { status: 503, headers: {}, body: {} } : created;
    });
    sink.publish(one, note);
    await clock.advance(60_000);
    expect([calls, taken.length]).toEqual([3, 1]);
    sink.publish(one, { ...note, note: 'never taken' });
    await clock.advance(900_000);
    expect([calls, taken.length, clock.pendingTimers]).toEqual([7, 1, 0]);
    expect(lines().at(-1)).toMatchObject({ level: 'warn', msg: 'event dropped: it was not taken' });
  });

  test('drops what is refused, and goes on', async () => {
    const { sink, taken } = stage(async ({ body }) =>
      JSON.stringify(body).includes('refuse me') ? { status: 403, headers: {}, body: {} } : created,
    );
    sink.publish(one, { ...note, note: 'refuse me' });
    sink.publish(one, note);
    await settle();
    expect(taken).toHaveLength(1);
  });

  test('keeps a bounded number while the API server hangs', async () => {
    const hang = Promise.withResolvers<KubernetesReply>();
    const { sink, taken, lines } = stage(async () => await hang.promise);
    for (let count = 0; count < 1_500; count += 1) sink.publish(kubernetesObject(`number-${count}`, 1), note);
    hang.resolve(created);
    await expect.poll(() => taken.length).toBe(1_001);
    expect(lines().filter(({ level }) => level === 'warn')).toHaveLength(499);
  });

  test('closes when all is written, or when the time is over', async () => {
    const quick = stage();
    quick.sink.publish(one, note);
    await quick.sink.close(3_000);
    expect([quick.taken.length, quick.clock.pendingTimers]).toEqual([1, 0]);
    quick.sink.publish(one, { ...note, note: 'after the end' });
    await settle();
    expect(quick.taken).toHaveLength(1);

    const slow = stage(async () => await new Promise(() => {}));
    slow.sink.publish(one, note);
    const closing = slow.sink.close(3_000);
    await slow.clock.advance(3_000);
    await expect(closing).resolves.toBeUndefined();

    const away = stage(async () => ({ status: 503, headers: {}, body: {} }));
    away.sink.publish(one, note);
    const giving = away.sink.close(2_500);
    await away.clock.advance(2_500);
    await giving;
    await settle();
    expect(away.clock.pendingTimers, 'nothing may keep the process alive').toBe(0);
  });
});
