import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { VirtualClock } from '../../../test/sim/virtual-clock.ts';
import type { Timer } from '../../base/clock.ts';
import { channels } from '../../base/channels.ts';
import { limits } from '../../base/limits.ts';
import { textLog } from '../../base/log.ts';
import type { InvocationRecord } from '../../model/telemetry.ts';
import { record, startMs } from '../logs/logs.fixture.ts';
import type { Span } from './spans.ts';
import { retryAfterMs, TraceExporter } from './trace-exporter.ts';
import { traceSettings } from './trace-settings.ts';

interface Body {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Span['attributes'] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

/** A collector that answers as it is told, and keeps what it got. */
class Collector {
  readonly got: { readonly headers: IncomingHttpHeaders; readonly path: string; readonly body: Body }[] = [];
  answer: (res: ServerResponse) => void = (res) =>
    void res.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
  readonly #server = createServer((req, res) => {
    let text = '';
    req.on('data', (chunk) => (text += String(chunk)));
    req.on('end', () => {
      this.got.push({ headers: req.headers, path: req.url!, body: JSON.parse(text) as Body });
      this.answer(res);
      for (const wake of this.#waiting.splice(0)) wake();
    });
  });
  readonly #waiting: (() => void)[] = [];

  async listen(t: TestContext): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      this.#server.close();
      this.#server.closeAllConnections();
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async count(count: number): Promise<void> {
    while (this.got.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  get spans(): Span[] {
    return this.got.flatMap(({ body }) => body.resourceSpans[0]!.scopeSpans[0]!.spans);
  }
}

/** Says for how long somebody wants to wait. */
class ToldClock extends VirtualClock {
  readonly delays: number[] = [];
  override after(delayMs: number, fire: () => void): Timer {
    this.delays.push(delayMs);
    return super.after(delayMs, fire);
  }
}

async function setUp(t: TestContext, environment: Record<string, string> = {}) {
  const collector = new Collector();
  const endpoint = await collector.listen(t);
  const clock = new ToldClock(startMs);
  const told: string[] = [];
  const settings = traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...environment })!;
  const log = textLog((text) => told.push(text));
  const exporter = new TraceExporter({ settings, clock, log, version: '1.2.3', region: 'dev1' });
  t.after(() => {
    const closed = exporter.close();
    clock.advance(limits.traceFlushMs);
    return closed;
  });
  return { collector, clock, told, exporter };
}

const trace = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  parentSpanId: null,
  sampled: true,
};
const publish = (changes: Partial<InvocationRecord> = {}): void =>
  channels.invocation.publish(record('inv_1', { trace, ...changes }));
/** Until a timer of the exporter's is there that fires next: what it does in between takes turns of the loop. */
const turns = async (clock: VirtualClock, pending: number): Promise<void> => {
  while (clock.pending !== pending) await new Promise((resolve) => setImmediate(resolve));
};
const values = (attributes: Span['attributes']): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

test('an invocation is one span of the server and one for each state it was in, to the microsecond', async (t) => {
  const { collector, clock } = await setUp(t, {
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20x%3D,x-team=a',
    OTEL_RESOURCE_ATTRIBUTES: 'host.name=here',
  });
  publish({ trace: { ...trace, parentSpanId: 'aaaaaaaaaaaaaaaa' }, status: 500, start: 'cold' });
  clock.advance(limits.traceBatchMs);
  await collector.count(1);
  const [{ headers, path, body }] = collector.got as [(typeof collector.got)[0]];
  assert.deepEqual(
    [path, headers['content-type'], headers.authorization, headers['x-team']],
    ['/v1/traces', 'application/json', 'Bearer x=', 'a'],
  );
  assert.deepEqual(values(body.resourceSpans[0]!.resource.attributes), {
    'service.name': 'weir',
    'host.name': 'here',
    'service.version': '1.2.3',
  });
  const [server, ...states] = collector.spans;
  const nanos = (us: number): string => String(BigInt(startMs) * 1_000_000n + BigInt(us) * 1_000n);
  assert.deepEqual(
    [server!.traceId, server!.spanId, server!.parentSpanId, server!.name, server!.kind],
    [trace.traceId, trace.spanId, 'aaaaaaaaaaaaaaaa', 'POST /api/pay', 2],
  );
  assert.deepEqual([server!.startTimeUnixNano, server!.endTimeUnixNano], [nanos(0), nanos(6_500)]);
  assert.deepEqual(server!.status, { code: 2 });
  const told = values(server!.attributes);
  const some = [
    'http.request.method',
    'http.route',
    'http.response.status_code',
    'faas.invocation_id',
    'faas.coldstart',
    'faas.name',
    'weir.start',
    'weir.cpu_us',
    'error.type',
    'cloud.region',
  ];
  assert.deepEqual(
    some.map((key) => told[key]),
    ['POST', '/api/pay', '500', 'inv_1', true, 'shop/api/pay', 'cold', '1200', '500', 'dev1'],
  );
  // It was placed at once: there is no time in the queue.
  const spans = states
    .toReversed()
    .map(({ name, startTimeUnixNano, endTimeUnixNano }) => [name, startTimeUnixNano, endTimeUnixNano]);
  assert.deepEqual(spans, [
    ['received', nanos(0), nanos(10)],
    ['admitted', nanos(10), nanos(20)],
    ['matched', nanos(20), nanos(20)],
    ['cached', nanos(20), nanos(30)],
    ['resolved', nanos(30), nanos(40)],
    ['placed', nanos(40), nanos(50)],
    ['sent', nanos(50), nanos(300)],
    ['begun', nanos(300), nanos(5_000)],
    ['answered', nanos(5_000), nanos(6_500)],
  ]);
  assert.ok(
    states.every(
      ({ parentSpanId, traceId, kind }) => parentSpanId === trace.spanId && traceId === trace.traceId && kind === 1,
    ),
  );
  assert.equal(new Set(collector.spans.map(({ spanId }) => spanId)).size, 10);
});

test('all ten states, and no fault where the client has left or the function answered 4xx', async (t) => {
  const { collector, clock } = await setUp(t);
  publish({ phases: { ...record('').phases, queuedUs: 35 } });
  publish({ outcome: 'CLIENT_CLOSED_REQUEST', status: null, start: null });
  publish({ status: 404 });
  publish({ outcome: 'FUNCTION_THROTTLED', status: 503, method: 'BREW' });
  clock.advance(limits.traceBatchMs);
  await collector.count(1);
  const servers = collector.spans.filter(({ kind }) => kind === 2);
  assert.equal(
    collector.spans.slice(1).findIndex(({ kind }) => kind === 2),
    10,
  );
  assert.deepEqual(
    servers.map(({ status }) => status),
    [undefined, undefined, undefined, { code: 2, message: 'FUNCTION_THROTTLED' }],
  );
  assert.deepEqual(
    [servers[3]!.name, values(servers[3]!.attributes)['http.request.method']],
    ['HTTP /api/pay', '_OTHER'],
  );
});

test('what is not sampled, or has no trace, is not sent', async (t) => {
  const { collector, exporter } = await setUp(t);
  publish({ trace: null });
  publish({ trace: { ...trace, sampled: false } });
  publish({ id: 'inv_sampled' });
  await exporter.close();
  assert.deepEqual(
    collector.spans.filter(({ kind }) => kind === 2).map(({ attributes }) => values(attributes)['faas.invocation_id']),
    ['inv_sampled'],
  );
});

test('a collector that is busy is asked again after the time it names, or after growing pauses; nothing comes twice once it took it', async (t) => {
  const { collector, clock, told } = await setUp(t);
  const answers = [429, 503, 500];
  collector.answer = (res) => {
    const status = answers.shift();
    if (status === undefined) res.writeHead(200).end('{}');
    else if (status === 429) res.writeHead(429, { 'Retry-After': '7' }).end();
    else res.writeHead(status).end();
  };
  publish();
  clock.advance(limits.traceBatchMs);
  // First the time it named, then a second pause of ours, twice as long, and a third.
  for (const [count, pauseMs] of [
    [1, 7_000],
    [2, 2 * limits.traceRetryMs],
    [3, 4 * limits.traceRetryMs],
  ] as const) {
    await collector.count(count);
    while (clock.delays.at(-1) !== pauseMs) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(pauseMs - 1);
    assert.equal(collector.got.length, count);
    clock.advance(1);
  }
  await collector.count(4);
  await turns(clock, 0);
  assert.equal(collector.got.length, 4);
  assert.deepEqual(told, []);
});

test('what a collector refuses is dropped at once, told of once, and so is that it goes on', async (t) => {
  const { collector, clock, told, exporter } = await setUp(t);
  collector.answer = (res) => void res.writeHead(400).end();
  for (let round = 1; round <= 2; round += 1) {
    publish();
    clock.advance(limits.traceBatchMs);
    await collector.count(round);
    await turns(clock, 0);
  }
  assert.deepEqual([told, exporter.dropped], [['warn: traces are dropped why="the collector answered 400"'], 2]);
  collector.answer = (res) => void res.writeHead(200).end('{}');
  publish();
  clock.advance(limits.traceBatchMs);
  await collector.count(3);
  await turns(clock, 0);
  assert.equal(told[1], 'traces are sent again dropped=2');
});

test('while a collector does not answer, what waits is bounded; what is too much is dropped with one line', async (t) => {
  const { collector, clock, told, exporter } = await setUp(t);
  collector.answer = () => undefined;
  for (let at = 0; at < limits.traceBatch; at += 1) publish();
  await collector.count(1);
  for (let at = 0; at < limits.traceQueue + 25; at += 1) publish();
  assert.equal(exporter.dropped, 25);
  assert.deepEqual(told, ['warn: traces are dropped why="more invocations come than the collector takes"']);
  // The platform ends: it waits so long, and no longer.
  const closed = exporter.close();
  clock.advance(limits.traceFlushMs);
  await closed;
  assert.equal(exporter.dropped, 25 + limits.traceBatch + limits.traceQueue);
});

test('what is left is sent when the platform ends', async (t) => {
  const { collector, exporter } = await setUp(t);
  for (let at = 0; at < 2 * limits.traceBatch + 3; at += 1) publish();
  await exporter.close();
  assert.equal(collector.spans.filter(({ kind }) => kind === 2).length, 2 * limits.traceBatch + 3);
  publish();
  await exporter.close();
  assert.equal(collector.spans.filter(({ kind }) => kind === 2).length, 2 * limits.traceBatch + 3);
});

test('Retry-After is seconds or a date', () => {
  const nowMs = Date.parse('2026-01-01T00:00:00Z');
  assert.equal(retryAfterMs('3', nowMs), 3_000);
  assert.equal(retryAfterMs('Thu, 01 Jan 2026 00:00:09 GMT', nowMs), 9_000);
  assert.equal(retryAfterMs('Thu, 01 Jan 2025 00:00:09 GMT', nowMs), 0);
  for (const none of [null, '', 'soon', '-3']) assert.equal(retryAfterMs(none, nowMs), null, String(none));
});
