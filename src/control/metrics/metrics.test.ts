import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { channels } from '../../base/channels.ts';
import { limits } from '../../base/limits.ts';
import { functionOf, record } from '../logs/logs.fixture.ts';
import { Exposition, Histogram, labelsOf } from './exposition.ts';
import { startMetricsServer } from './metrics-server.ts';
import { PlatformMetrics } from './platform-metrics.ts';
import type { FunctionFigures } from './platform-metrics.ts';

interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: { readonly name: string; readonly labels: Record<string, string>; readonly value: number }[];
}

/**
 * Reads a page as strictly as the format (0.0.4) can be read, and as Prometheus lints it: by its own grammar, character by
 * character, with nothing of what wrote it.
 */
function parse(text: string): Map<string, Family> {
  assert.ok(text.endsWith('\n'), 'the last line ends');
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let help: readonly [string, string] | null = null;
  let current: readonly [string, Family] | null = null;
  for (const line of text.slice(0, -1).split('\n')) {
    const told = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line);
    if (told !== null) {
      const [, kind, name, rest] = told as unknown as [string, string, string, string];
      if (kind === 'HELP') {
        assert.ok(!families.has(name), `${name} is told of once`);
        assert.match(rest, /^(?:[^\\]|\\[\\n])*$/, 'escapes of HELP');
        help = [name, rest];
      } else {
        assert.equal(help?.[0], name, 'HELP goes before TYPE');
        assert.match(rest, /^(?:counter|gauge|histogram)$/);
        current = [name, { type: rest, help: help[1], samples: [] }];
        families.set(...current);
      }
      continue;
    }
    assert.ok(current !== null && !line.startsWith('#') && line !== '', line);
    const [name, labels, value] = sampleOf(line);
    const [family, { type, samples }] = current;
    const suffix = name.slice(family.length);
    assert.ok(name.startsWith(family), `${name} is beneath ${family}`);
    assert.ok(type === 'histogram' ? /^_(?:bucket|sum|count)$/.test(suffix) : suffix === '', name);
    if (type === 'counter') assert.match(family, /_total$/);
    else assert.doesNotMatch(family, /_total$/);
    if (type !== 'gauge') assert.ok(value >= 0, line);
    const key = name + JSON.stringify(Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1)));
    assert.ok(!seen.has(key), `${key} is told of once`);
    seen.add(key);
    samples.push({ name, labels, value });
  }
  for (const [name, family] of families) if (family.type === 'histogram') checkHistogram(name, family);
  return families;
}

function sampleOf(line: string): [string, Record<string, string>, number] {
  const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0] ?? '';
  assert.notEqual(name, '', line);
  const labels: Record<string, string> = {};
  let at = name.length;
  if (line[at] === '{') {
    do {
      at += 1;
      const label = /^[a-zA-Z_][a-zA-Z0-9_]*="/.exec(line.slice(at))?.[0];
      assert.ok(label !== undefined, line);
      at += label.length;
      let value = '';
      for (; line[at] !== '"'; at += 1) {
        assert.ok(at < line.length, line);
        if (line[at] !== '\\') value += line[at];
        else {
          at += 1;
          assert.match(line[at] ?? '', /[\\"n]/, line);
          value += line[at] === 'n' ? '\n' : line[at];
        }
      }
      assert.ok(!(label.slice(0, -2) in labels), line);
      labels[label.slice(0, -2)] = value;
      at += 1;
    } while (line[at] === ',');
    assert.equal(line[at], '}', line);
    at += 1;
  }
  const value = /^ ([+-]Inf|NaN|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/.exec(line.slice(at))?.[1];
  assert.ok(value !== undefined, line);
  return [name, labels, Number(value.replace('Inf', 'Infinity'))];
}

function checkHistogram(name: string, { samples }: Family): void {
  const series = Map.groupBy(samples, ({ labels }) => JSON.stringify({ ...labels, le: '' }));
  for (const each of series.values()) {
    const buckets = each.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number(labels['le']!.replace('Inf', 'Infinity')));
    assert.deepEqual(
      bounds,
      bounds.toSorted((a, b) => a - b),
    );
    assert.equal(bounds.at(-1), Infinity);
    const counts = buckets.map(({ value }) => value);
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
    );
    assert.equal(each.find((sample) => sample.name === `${name}_count`)?.value, counts.at(-1));
    assert.ok(each.some((sample) => sample.name === `${name}_sum`));
  }
}

const figures = (label: string, changes: Partial<FunctionFigures> = {}): FunctionFigures => ({
  id: `dep_1/${label}`,
  label,
  retired: false,
  limit: 12,
  instances: [
    { state: 'ready', inFlight: 3 },
    { state: 'ready', inFlight: 0 },
    { state: 'starting', inFlight: 0 },
  ],
  queued: 4,
  oldestQueuedMs: 1_500,
  nacks: { memory: 2 },
  invocations: 100,
  failed: 7,
  failures: { FUNCTION_THROTTLED: 5, FUNCTION_INVOCATION_FAILED: 2 },
  starts: { cold: 1, prewarmed: 2, warm: 92 },
  activeCpu: { attributedMs: 1_250, unattributedMs: 250, bootMs: 80 },
  memoryGbSeconds: 3.5,
  wallGbSeconds: 70,
  ...changes,
});

async function setUp(t: TestContext, functions: readonly FunctionFigures[]) {
  const metrics = new PlatformMetrics({
    status: () => ({ functions, stems: [{}, {}] }),
    version: '1.2.3',
    logBytes: () => 4_096,
    tracesDropped: () => 9,
  });
  t.after(() => metrics.close());
  const server = await startMetricsServer({ port: 0, host: '127.0.0.1', text: () => metrics.text() });
  t.after(() => server.close());
  const url = `http://127.0.0.1:${server.port}/metrics`;
  const scrape = async () => parse(await (await fetch(url)).text());
  return { url, scrape };
}

const valueOf = (
  families: Map<string, Family>,
  name: string,
  labels: Record<string, string> = {},
): number | undefined =>
  families
    .get(name.replace(/_(?:bucket|sum|count)$/, ''))
    ?.samples.find(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )?.value;

test('a scrape over HTTP: what the router and the meter say, function by function', async (t) => {
  const { url, scrape } = await setUp(t, [figures('shop/api/pay'), figures('blog/index', { nacks: {} })]);
  const { headers } = await fetch(url);
  assert.equal(headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const page = await scrape();
  const pay = { project: 'shop', function: 'shop/api/pay' };
  const expected: readonly (readonly [string, Record<string, string>, number])[] = [
    ['weir_invocations_total', { ...pay, outcome: 'answered' }, 93],
    ['weir_invocations_total', { ...pay, outcome: 'FUNCTION_THROTTLED' }, 5],
    ['weir_starts_total', { ...pay, start: 'prewarmed' }, 2],
    ['weir_nacks_total', { ...pay, reason: 'memory' }, 2],
    ['weir_active_cpu_seconds_total', { ...pay, part: 'attributed' }, 1.25],
    ['weir_active_cpu_seconds_total', { ...pay, part: 'unattributed' }, 0.25],
    ['weir_active_cpu_seconds_total', { ...pay, part: 'boot' }, 0.08],
    ['weir_memory_gb_seconds_total', pay, 3.5],
    ['weir_instances', { ...pay, state: 'ready' }, 2],
    ['weir_instances', { ...pay, state: 'starting' }, 1],
    ['weir_in_flight', pay, 3],
    ['weir_queued', pay, 4],
    ['weir_queue_oldest_seconds', pay, 1.5],
    ['weir_limit', pay, 12],
    ['weir_stems', {}, 2],
    ['weir_log_bytes', {}, 4_096],
    ['weir_traces_dropped_total', {}, 9],
    ['weir_build_info', { version: '1.2.3' }, 1],
  ];
  for (const [name, labels, value] of expected) assert.equal(valueOf(page, name, labels), value, name);
  assert.ok(valueOf(page, 'process_resident_memory_bytes')! > 1e6);
  assert.ok(valueOf(page, 'process_cpu_seconds_total')! > 0);
  assert.ok(valueOf(page, 'weir_event_loop_delay_seconds', { quantile: '1' })! >= 0);
  assert.equal((await fetch(url.replace('/metrics', '/'))).status, 404);
  assert.equal((await fetch(url, { method: 'POST' })).status, 405);
  assert.equal(await (await fetch(url, { method: 'HEAD' })).text(), '');
});

test('how long invocations took, in buckets with their bounds included', async (t) => {
  const { scrape } = await setUp(t, [figures('shop/api/pay')]);
  const { phases } = record('');
  for (const [settledUs, answeredUs] of [
    [1_000, 1_000],
    [1_001, null],
    [400_000_000, 5_000],
  ] as const)
    channels.invocation.publish(record('inv', { phases: { ...phases, settledUs, answeredUs } }));
  const page = await scrape();
  const at = (name: string, le: string) => valueOf(page, `weir_invocation_${name}_seconds_bucket`, { le });
  assert.deepEqual(
    [at('duration', '0.001'), at('duration', '0.0025'), at('duration', '300'), at('duration', '+Inf')],
    [1, 2, 2, 3],
  );
  assert.deepEqual([at('ttfb', '0.001'), at('ttfb', '0.005'), at('ttfb', '+Inf')], [1, 2, 2]);
  assert.equal(valueOf(page, 'weir_invocation_duration_seconds_sum'), 400.002001);
});

test('deployments of one function are one; functions beyond the bound are one, and those that are served go before', async (t) => {
  const retired = Array.from({ length: limits.metricFunctions + 50 }, (_, at) =>
    figures(`old/f${at}`, { retired: true, limit: 0 }),
  );
  const { scrape } = await setUp(t, [
    figures('shop/api/pay', { retired: true, limit: 0 }),
    ...retired,
    figures('shop/api/pay'),
    figures('shop/other'),
  ]);
  channels.invocation.publish(record('inv', functionOf('shop/other')));
  for (let at = 0; at < 3 * limits.metricFunctions; at += 1)
    channels.invocation.publish(record('inv', functionOf(`gone/f${at}`)));
  for (let round = 0; round < 2; round += 1) {
    const page = await scrape();
    const labels = new Set(
      [...page.values()].flatMap(({ samples }) => samples.map(({ labels }) => labels['function'])),
    );
    assert.ok(labels.size <= limits.metricFunctions + 2, `${labels.size} functions`);
    assert.ok(labels.has('shop/api/pay') && labels.has('shop/other') && labels.has('(others)'));
    assert.equal(valueOf(page, 'weir_invocations_total', { function: 'shop/api/pay', outcome: 'answered' }), 186);
    assert.equal(valueOf(page, 'weir_limit', { function: 'shop/api/pay' }), 12);
    const count = (name: string) => valueOf(page, 'weir_invocation_duration_seconds_count', { function: name });
    assert.deepEqual([count('(others)'), count('shop/other')], [3 * limits.metricFunctions, 1]);
  }
});

test('whatever a label has in it, the page can be read', () => {
  const page = new Exposition();
  const odd = 'a"b\\c\nd{e="f"}, größe \u0000 👋';
  const metric = page.metric('x_total', 'counter', 'Back\\slash\nand line.');
  metric.set(labelsOf({ label: odd }), 1);
  metric.set(labelsOf({ label: '' }), 1e21);
  const histogram = new Histogram([0.5, 1]);
  histogram.observe(0.5);
  histogram.observe(2);
  page.metric('y_seconds', 'histogram', 'Y.').histogram(labelsOf({ label: odd }), histogram);
  const families = parse(page.text);
  assert.equal(families.get('x_total')!.samples[0]!.labels['label'], odd);
  assert.equal(families.get('x_total')!.samples[1]!.value, 1e21);
  assert.deepEqual(
    families.get('y_seconds')!.samples.map(({ value }) => value),
    [1, 1, 2, 2.5, 2],
  );
});
