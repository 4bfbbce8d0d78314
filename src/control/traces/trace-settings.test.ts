import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../base/errors.ts';
import { traceSettings } from './trace-settings.ts';

const endpoint = 'http://collector:4318';
const of = (environment: Record<string, string>) =>
  traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...environment });

test('traces are off as long as nobody names a collector', () => {
  assert.equal(traceSettings({ OTEL_SERVICE_NAME: 'x', OTEL_TRACES_SAMPLER: 'always_on' }), null);
  assert.equal(of({ OTEL_SDK_DISABLED: 'true' }), null);
  assert.equal(of({ OTEL_TRACES_EXPORTER: 'none' }), null);
});

test('where they go: the endpoint of all signals has their path added, that of traces is taken as it is', () => {
  assert.equal(of({})!.url, 'http://collector:4318/v1/traces');
  assert.equal(of({ OTEL_EXPORTER_OTLP_ENDPOINT: `${endpoint}/otlp/` })!.url, 'http://collector:4318/otlp/v1/traces');
  assert.equal(of({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://x/t' })!.url, 'https://x/t');
});

test('names, headers and times', () => {
  const plain = of({})!;
  assert.deepEqual([plain.resource, plain.headers, plain.timeoutMs], [{ 'service.name': 'weir' }, {}, 10_000]);
  const told = of({
    OTEL_RESOURCE_ATTRIBUTES: 'service.name=a,team=b%2Cc',
    OTEL_SERVICE_NAME: 'edge',
    OTEL_EXPORTER_OTLP_HEADERS: 'a=1',
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: ' b = 2=3 ,',
    OTEL_EXPORTER_OTLP_TIMEOUT: '250',
  })!;
  assert.deepEqual(
    [told.resource, told.headers, told.timeoutMs],
    [{ 'service.name': 'edge', team: 'b,c' }, { b: '2=3' }, 250],
  );
});

test('samplers: a ratio decides the same for the same trace, a parent before it', () => {
  const low = `${'f'.repeat(18)}${'0'.repeat(14)}`;
  const high = `${'0'.repeat(18)}${'f'.repeat(14)}`;
  const sampled = (name: string, ratio: string) => {
    const { sampler } = of({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: ratio })!;
    return [
      sampler.sample(low, null),
      sampler.sample(high, null),
      sampler.sample(low, true),
      sampler.sample(high, false),
    ];
  };
  assert.deepEqual(sampled('', ''), [true, true, true, false]);
  assert.deepEqual(sampled('parentbased_traceidratio', '0.5'), [false, true, true, false]);
  assert.deepEqual(sampled('parentbased_always_off', ''), [false, false, true, false]);
  assert.deepEqual(sampled('traceidratio', '0.5'), [false, true, false, true]);
  assert.deepEqual(sampled('traceidratio', '0'), [false, false, false, false]);
  assert.deepEqual(sampled('traceidratio', '1'), [true, true, true, true]);
  assert.deepEqual(sampled('always_off', ''), [false, false, false, false]);
  assert.deepEqual(sampled('always_on', ''), [true, true, true, true]);
});

test('what is wrong is said by name, without the values of headers', () => {
  const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, /collector:4318.* is no URL of HTTP/],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /sent over HTTP/],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'secret' }, /^OTEL_EXPORTER_OTLP_HEADERS has a part that is not KEY=VALUE$/],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'a=%zz' }, /the value of a is not percent-encoded/],
    [{ OTEL_TRACES_SAMPLER: 'jaeger_remote' }, /is none of always_on/],
    [{ OTEL_TRACES_SAMPLER_ARG: '1.5' }, /no number from 0 to 1/],
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: '10s' }, /no number of milliseconds/],
  ];
  for (const [environment, message] of cases)
    assert.throws(
      () => of(environment),
      (error) => error instanceof UsageError && message.test(error.message),
      JSON.stringify(environment),
    );
});
