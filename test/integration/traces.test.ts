// The operator with a collector for traces: one span for each reconcile, with the calls in it, and nothing that is secret.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OperatorWorld, startOperatorWorld } from '../tools/operator-world.ts';
import { openScene, outboundSpec } from '../tools/scene.ts';

interface SeenSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
}
interface Export {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly SeenSpan[] }[] }[];
}

const received: unknown[] = [];
const collector = createServer((request, response) => {
  void json(request).then((body) => {
    received.push(body);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
});
let stage: OperatorWorld;

beforeAll(async () => {
  await new Promise<void>((resolve) => {
    collector.listen(0, '127.0.0.1', resolve);
  });
  stage = await startOperatorWorld();
});
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
  collector.close();
});

function spansOf(exports: readonly unknown[]): readonly SeenSpan[] {
  return (exports as readonly Export[]).flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
  );
}

const text = ({ attributes }: SeenSpan, wanted: string) =>
  attributes.find(({ key }) => key === wanted)?.value.stringValue;

test('a number is created and deleted, and every call is in the span of its reconcile', async () => {
  const { port } = collector.address() as AddressInfo;
  await stage.startOperator([`--traces-endpoint=http://127.0.0.1:${port}/v1/traces`]);
  const scene = await openScene(stage);
  stage.twilio.faults.add({
    method: 'POST',
    path: /\/v1\/Trunks$/,
    account: scene.accountSid,
    times: 1,
    effect: { kind: 'status', status: 500, code: 20500, message: 'Internal Server Error' },
  });
  await scene.createReady(outboundSpec);
  await scene.requestDelete();
  await scene.waitUntilGone();
  // What is left is sent at the end.
  await stage.operator.stop();
  const spans = spansOf(received);
  const reconciles = spans.filter(({ name }) => name === 'reconcile PhoneNumber');
  expect(new Set(reconciles.map((span) => text(span, 'trunkline.name')))).toEqual(new Set([scene.name]));
  const traces = new Set(spans.filter(({ parentSpanId = '' }) => parentSpanId === '').map(({ traceId }) => traceId));
  const children = spans.filter(({ parentSpanId = '' }) => parentSpanId !== '');
  expect(children.filter(({ traceId }) => !traces.has(traceId))).toEqual([]);
  expect(children.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['Twilio createTrunk', 'LiveKit createInboundTrunk', 'PATCH at the API server']),
  );
  const creates = children.filter(({ name }) => name === 'Twilio createTrunk');
  expect(new Set(creates.map((span) => text(span, 'error.type')))).toEqual(new Set(['unknownOutcome', undefined]));
  const shown = JSON.stringify(received);
  const { apiSecret } = stage.world.liveKit.server;
  for (const secret of [scene.apiKeySecret, apiSecret, scene.phoneNumber]) expect(shown).not.toContain(secret);
});

test('a collector that is not there keeps nobody waiting, and the log says so', async () => {
  await stage.startOperator(['--traces-endpoint=http://127.0.0.1:1/v1/traces']);
  const scene = await openScene(stage);
  await scene.createReady();
  await scene.requestDelete();
  await scene.waitUntilGone();
  await stage.operator.stop();
  expect(await stage.operatorLog()).toContain('traces are not delivered');
});
