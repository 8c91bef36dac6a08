/**
 * Metrics: what they say after something happened. Names, labels and meanings stand in docs/reference/metrics.md.
 */
import { describe, expect, test } from 'vitest';
import { Engine } from '../../../../src/controller/engine.ts';
import { prometheusTelemetry } from '../../../../src/controller/telemetry/prometheus.ts';
import { silentTelemetry } from '../../../../src/controller/telemetry/telemetry.ts';
import { settled } from '../../../../src/reconcilers/shared/outcome.ts';
import { type Provider, ProviderError, type Verdict } from '../../../../src/reconcilers/shared/verdict.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';
import { kubernetesObject } from '../../../support/kubernetes-objects.ts';
import { recordedLog } from '../../../support/log-lines.ts';

function stage() {
  const clock = new FakeClock();
  const telemetry = prometheusTelemetry(clock);
  /** The samples whose name and labels begin like this, as `{labels} value`. */
  const samples = async (name: string): Promise<readonly string[]> => {
    const text = await telemetry.text();
    return text.split('\n').flatMap((line) => (line.startsWith(name) ? [line.slice(name.length)] : []));
  };
  return { clock, samples, telemetry };
}

describe('metrics of an engine', () => {
  test('begin at 0 for every result, before anything happened', async () => {
    const { samples, telemetry } = stage();
    telemetry.engine('PhoneNumber');
    expect(await samples('controller_runtime_reconcile_total')).toEqual([
      '{controller="phonenumber",result="success"} 0',
      '{controller="phonenumber",result="error"} 0',
      '{controller="phonenumber",result="requeue"} 0',
      '{controller="phonenumber",result="requeue_after"} 0',
    ]);
    for (const name of [
      'controller_runtime_reconcile_errors_total',
      'controller_runtime_terminal_reconcile_errors_total',
      'controller_runtime_reconcile_panics_total',
      'controller_runtime_reconcile_timeouts_total',
      'controller_runtime_reconcile_time_seconds_count',
    ]) {
      expect(await samples(name), name).toEqual(['{controller="phonenumber"} 0']);
    }
    for (const name of ['workqueue_adds_total', 'workqueue_retries_total', 'workqueue_work_duration_seconds_count']) {
      expect(await samples(name), name).toEqual(['{name="phonenumber",controller="phonenumber"} 0']);
    }
  });

  test('follow a real one', async () => {
    const { clock, samples, telemetry } = stage();
    const stopping = new AbortController();
    const engine = new Engine({
      kind: {
        name: 'PhoneNumber',
        onDeleted: async () => undefined,
        reconcile: async ({ name }) => {
          if (name === 'broken') throw new TypeError('a defect');
          await new Promise((resolve) => void clock.schedule(name === 'slow' ? 9_000 : 2_000, () => resolve(name)));
          return settled;
        },
      },
      source: { subscribe: () => () => undefined },
      caches: [],
      workers: 2,
      groupOf: ({ name }) => name,
      backoff: { firstMs: 60_000, mostMs: 60_000 },
      clock,
      timers: clock,
      fraction: () => 0,
      log: recordedLog().log,
      observer: telemetry.engine('PhoneNumber'),
    });
    const key = (name: string) => ({ namespace: 'default', name });
    engine.add(key('slow'), { priority: 'low' });
    engine.add(key('quick'), { priority: 'high' });
    engine.add(key('broken'));
    engine.add(key('later'), { afterMs: 100_000 });
    await clock.advance(1_000);
    const queue = 'name="phonenumber",controller="phonenumber"';
    expect(await samples('workqueue_depth')).toEqual([
      `{${queue},priority="100"} 1`,
      `{${queue},priority="0"} 1`,
      `{${queue},priority="-100"} 1`,
    ]);
    const running = engine.run(stopping.signal);
    await clock.advance(5_000);
    const say = async (...names: readonly string[]) => (await Promise.all(names.map(samples))).flat();
    expect(
      await say(
        'controller_runtime_max_concurrent_reconciles',
        'controller_runtime_active_workers',
        'controller_runtime_reconcile_panics_total',
        'controller_runtime_reconcile_errors_total',
        'controller_runtime_reconcile_time_seconds_sum',
      ),
    ).toEqual([40, 1, 1, 1, 2].map((value) => `{controller="phonenumber"} ${value}`));
    expect(
      await say(
        'workqueue_unfinished_work_seconds',
        'workqueue_longest_running_processor_seconds',
        'workqueue_adds_total',
        'workqueue_retries_total',
        'workqueue_queue_duration_seconds_sum',
        'workqueue_work_duration_seconds_sum',
      ),
      'added: three and not the one for later; delayed: that one, and the backoff',
    ).toEqual([5, 5, 3, 2, 3, 2].map((value) => `{${queue}} ${value}`));
    expect(await samples('controller_runtime_reconcile_total{controller="phonenumber",result=')).toEqual([
      '"success"} 1',
      '"error"} 1',
      '"requeue"} 0',
      '"requeue_after"} 0',
    ]);
    stopping.abort();
    await clock.advance(10_000);
    await running;
    expect(await samples('controller_runtime_active_workers')).toEqual(['{controller="phonenumber"} 0']);
  });
});

describe('metrics of requests to the API server', () => {
  const host = '10.0.0.1:443';

  test('count status, method and time, and what nobody answered', async () => {
    const { clock, samples, telemetry } = stage();
    const transport = telemetry.transport(
      {
        request: async ({ fails }: { readonly method: string; readonly fails: boolean }) => {
          await new Promise((resolve) => void clock.schedule(2_000, () => resolve(fails)));
          if (fails) throw new Error('socket hang up');
          return { status: 409 };
        },
        stream: (_request: { readonly signal: AbortSignal }) => lines(),
        close: () => undefined,
      },
      host,
    );
    const results = Promise.allSettled([
      transport.request({ method: 'PATCH', fails: false }),
      transport.request({ method: 'PATCH', fails: true }),
    ]);
    await clock.advance(2_000);
    expect(await results).toMatchObject([
      { status: 'fulfilled', value: { status: 409 } },
      { status: 'rejected', reason: { message: 'socket hang up' } },
    ]);
    expect(await samples('rest_client_requests_total')).toEqual([
      `{code="409",method="PATCH",host="${host}"} 1`,
      `{code="<error>",method="PATCH",host="${host}"} 1`,
    ]);
    expect(await samples('rest_client_request_duration_seconds_sum')).toEqual([`{verb="PATCH",host="${host}"} 4`]);
  });

  test.for([
    { name: 'a watch with many lines is one request', why: 'as client-go', script: ['a', 'b'], want: ['code="200"'] },
    { name: 'a watch that ends without a line was answered', why: 'it timed out', script: [], want: ['code="200"'] },
    {
      name: 'a refused watch counts with its status',
      why: 'errors of the API server carry it',
      script: [Object.assign(new Error('gone'), { problem: { status: 410 } })],
      want: ['code="410"'],
    },
    {
      name: 'a watch that breaks after a line was answered',
      why: 'the status was 200',
      script: ['a', new Error('reset')],
      want: ['code="200"'],
    },
    {
      name: 'a watch that does not come about was not answered',
      why: 'there is no status',
      script: [new Error('refused')],
      want: ['code="<error>"'],
    },
    { name: 'a watch that we give up is none', why: 'nobody knows', script: [new Error('x')], aborted: true, want: [] },
  ])('$name', async ({ script, aborted = false, want, why }) => {
    const { samples, telemetry } = stage();
    const transport = telemetry.transport(
      { request: async () => ({ status: 200 }), stream: () => lines(...script), close: () => undefined },
      host,
    );
    const signal = aborted ? AbortSignal.abort() : new AbortController().signal;
    const failure = script.find((step) => step instanceof Error);
    const read = Array.fromAsync(transport.stream({ signal }));
    if (failure === undefined) expect(await read).toEqual(script);
    else await expect(read).rejects.toBe(failure);
    expect(await samples('rest_client_requests_total{'), why).toEqual(
      want.map((code) => `${code},method="GET",host="${host}"} 1`),
    );
  });

  async function* lines(...script: readonly (string | Error)[]): AsyncGenerator<string, void, undefined> {
    for (const step of script) {
      if (step instanceof Error) throw step;
      yield step;
    }
  }
});

/** A port with a private field and a method that uses another one. */
class Port {
  readonly #answer: () => Promise<string>;

  constructor(answer: () => Promise<string>) {
    this.#answer = answer;
  }

  async read(): Promise<string> {
    return await this.#answer();
  }

  async readTwice(): Promise<string> {
    return `${await this.read()}${await this.read()}`;
  }
}

describe('metrics of providers', () => {
  test('count a call by its method, with its time, and pass its answer on', async () => {
    const { clock, samples, telemetry } = stage();
    const port = telemetry.port(
      'Twilio',
      new Port(async () => await new Promise((resolve) => void clock.schedule(1_500, () => resolve('a')))),
    );
    const answer = port.readTwice();
    await clock.advance(3_000);
    expect(await answer).toBe('aa');
    expect(await samples('trunkline_provider_requests_total')).toEqual([
      '{provider="Twilio",call="readTwice",outcome="ok",code=""} 1',
    ]);
    expect(await samples('trunkline_provider_request_duration_seconds_sum')).toEqual([
      '{provider="Twilio",call="readTwice"} 3',
    ]);
  });

  test('sum up how long requests waited for their turn', async () => {
    const { samples, telemetry } = stage();
    telemetry.waited('LiveKit', 250);
    telemetry.waited('LiveKit', 1_500);
    expect(await samples('trunkline_provider_wait_duration_seconds_sum')).toEqual(['{provider="LiveKit"} 1.75']);
  });

  const verdict = (value: Verdict) => new ProviderError('LiveKit', 'read', value);
  test.for([
    { kind: 'notFound', error: verdict({ kind: 'notFound', message: '' }), want: ['notFound', ''] },
    { kind: 'conflict', error: verdict({ kind: 'conflict', code: '20409', message: '' }), want: ['conflict', '20409'] },
    { kind: 'refused', error: verdict({ kind: 'refused', code: '21609', message: '' }), want: ['refused', '21609'] },
    {
      kind: 'rateLimited',
      error: verdict({ kind: 'rateLimited', afterMs: 1, message: '' }),
      want: ['rateLimited', ''],
    },
    {
      kind: 'identity',
      error: verdict({ kind: 'identity', reason: 'CredentialsRefused', message: '' }),
      want: ['identity', 'CredentialsRefused'],
    },
    { kind: 'unknownOutcome', error: verdict({ kind: 'unknownOutcome', message: '' }), want: ['unknownOutcome', ''] },
    { kind: 'a defect', error: new TypeError('x'), want: ['unexpected', ''] },
    {
      kind: 'a code that is a text',
      error: verdict({ kind: 'refused', code: 'the number +15550100', message: '' }),
      want: ['refused', 'other'],
    },
  ])('name $kind', async ({ error, want: [outcome, code] }) => {
    const { samples, telemetry } = stage();
    const port = telemetry.port(
      'LiveKit',
      new Port(async () => {
        throw error;
      }),
    );
    await expect(port.read()).rejects.toBe(error);
    expect(await samples('trunkline_provider_requests_total')).toEqual([
      `{provider="LiveKit",call="read",outcome="${outcome}",code="${code}"} 1`,
    ]);
  });

  test('take a bounded number of codes, whatever a provider answers', async () => {
    const { samples, telemetry } = stage();
    let code = 0;
    const refuse = async (): Promise<string> => {
      code += 1;
      throw new ProviderError('Twilio', 'read', { kind: 'refused', code: String(code), message: '' });
    };
    const port = telemetry.port('Twilio', new Port(refuse));
    for (let count = 0; count < 500; count += 1) await port.read().catch(() => undefined);
    const counted = await samples('trunkline_provider_requests_total');
    expect(counted).toHaveLength(101);
    expect(counted.at(-1)).toBe('{provider="Twilio",call="read",outcome="refused",code="other"} 400');
  });
});

describe('metrics of the fleet and the process', () => {
  test('are computed when somebody asks', async () => {
    const { clock, samples, telemetry } = stage();
    const lastTransitionTime = new Date(clock.now() - 5_000).toISOString();
    const conditions = [{ type: 'Corrupted', status: 'True', lastTransitionTime }];
    let objects = [
      { ...kubernetesObject('one', 1), status: { phase: 'Corrupted', conditions, leftovers: [{ risk: 'Billing' }] } },
    ];
    telemetry.fleet(() => objects, { phases: ['Ready', 'Corrupted'], risks: ['Billing'], finalizer: 'ours' });
    telemetry.watches(() => new Map([['phonenumbers', 7_000]]));
    const figures = async () => [
      await samples('trunkline_phonenumbers{phase='),
      await samples('trunkline_leftovers{risk='),
      await samples('trunkline_corrupted_since_seconds'),
      await samples('trunkline_watch_age_seconds'),
    ];
    expect(await figures()).toEqual([
      ['"Ready"} 0', '"Corrupted"} 1', '"Unknown"} 0'],
      ['"Billing"} 1', '"Unknown"} 0'],
      [' 5'],
      ['{resource="phonenumbers"} 7'],
    ]);
    objects = [];
    expect((await figures()).slice(0, 3)).toEqual([
      ['"Ready"} 0', '"Corrupted"} 0', '"Unknown"} 0'],
      ['"Billing"} 0', '"Unknown"} 0'],
      [' 0'],
    ]);
  });

  test('count what is let go, and say who leads', async () => {
    const { samples, telemetry } = stage();
    const recorded: string[] = [];
    const audit = telemetry.audit({ record: (action) => recorded.push(action) });
    const actions = ['force delete', 'force delete', 'orphan', 'vanished'];
    for (const action of actions) audit.record(action, {});
    expect(recorded, 'it is only counted').toEqual(actions);
    expect(await samples('trunkline_force_deletes_total')).toEqual([' 2']);
    expect(await samples('trunkline_vanished_total')).toEqual([' 1']);
    const lease = telemetry.lease('trunkline');
    expect(await samples('leader_election_master_status')).toEqual(['{name="trunkline"} 0']);
    lease(true);
    expect(await samples('leader_election_master_status')).toEqual(['{name="trunkline"} 1']);
  });

  test('count reads of the certificate', async () => {
    const { samples, telemetry } = stage();
    telemetry.certificateRead();
    telemetry.certificateRead();
    telemetry.certificateRefused();
    expect(await samples('certwatcher_read_certificate_total')).toEqual([' 2']);
    expect(await samples('certwatcher_read_certificate_errors_total')).toEqual([' 1']);
  });

  test('say since when a deletion and a create have been going on', async () => {
    const { clock, samples, telemetry } = stage();
    const [deletionTimestamp, creationTimestamp] = [5_000, 9_000].map((ago) =>
      new Date(clock.now() - ago).toISOString(),
    );
    const finalizers = ['ours'];
    const objects = [
      kubernetesObject('one', 1, { finalizers, deletionTimestamp: deletionTimestamp ?? '' }),
      kubernetesObject('two', 1, { finalizers, creationTimestamp: creationTimestamp ?? '' }),
    ];
    telemetry.fleet(() => objects, { phases: [], risks: [], finalizer: 'ours' });
    expect(await samples('trunkline_deleting_since_seconds')).toEqual([' 5']);
    expect(await samples('trunkline_creating_since_seconds')).toEqual([' 9']);
  });

  test('say what the process costs', async () => {
    const { samples } = stage();
    const before = Number((await samples('process_cpu_seconds_total'))[0]);
    const memory = Number((await samples('process_resident_memory_bytes'))[0]);
    expect([before > 0, memory > 1e7]).toEqual([true, true]);
    expect(Number((await samples('process_cpu_seconds_total'))[0])).toBeGreaterThanOrEqual(before);
  });
});

test('without /metrics everything passes through', async () => {
  const port = new Port(async () => 'a');
  expect(silentTelemetry.port('Twilio' satisfies Provider, port)).toBe(port);
  const observer = silentTelemetry.engine('PhoneNumber');
  observer.taken(1);
  await settle();
});
