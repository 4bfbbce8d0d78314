import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import type { RequestHead } from '../model/invoke.ts';
import type { Output } from '../model/output.ts';
import { converse, deployment, spec, startEdge } from './edge.fixture.ts';
import type { Handler } from './edge.fixture.ts';
import { formatTraceparent, parseTraceparent, traceOf, withTrace } from './trace-context.ts';

const hex = (digits: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: digits, maxLength: digits });
const id = (digits: number) => hex(digits).filter((text) => /[^0]/.test(text));
const parents = fc.record({ traceId: id(32), spanId: id(16), sampled: fc.boolean() }, { noNullPrototype: true });

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const span = '00f067aa0ba902b7';
const good = `00-${trace}-${span}-01`;

test('what is written is read as it was', () => {
  fc.assert(fc.property(parents, (parent) => assert.deepEqual(parseTraceparent(formatTraceparent(parent)), parent)));
});

test('of the flags the lowest bit counts', () => {
  fc.assert(
    fc.property(parents, hex(2), ({ traceId, spanId }, flags) => {
      const sampled = Number.parseInt(flags, 16) % 2 === 1;
      assert.deepEqual(parseTraceparent(`00-${traceId}-${spanId}-${flags}`), { traceId, spanId, sampled });
    }),
  );
});

test('whatever comes, what is accepted is well-formed, and nothing throws', () => {
  const alike = fc.tuple(parents, fc.nat(60), fc.string({ maxLength: 2 })).map(([parent, at, put]) => {
    const text = formatTraceparent(parent);
    return text.slice(0, at) + put + text.slice(at + 1);
  });
  fc.assert(
    fc.property(fc.oneof(fc.string(), alike), (text) => {
      const parent = parseTraceparent(text);
      if (parent === null) return;
      assert.match(parent.traceId, /^(?!0{32})[0-9a-f]{32}$/);
      assert.match(parent.spanId, /^(?!0{16})[0-9a-f]{16}$/);
      assert.ok(text.startsWith('00') ? text.length === 55 : text.length === 55 || text[55] === '-');
    }),
    { numRuns: 2_000 },
  );
});

test('the cases that the specification names', () => {
  const cases: readonly (readonly [string, boolean])[] = [
    [good, true],
    [`00-${trace}-${span}-00`, true],
    // Versions to come may have more; ff is none.
    [`01-${trace}-${span}-01`, true],
    [`cc-${trace}-${span}-01-what-comes-then`, true],
    [`cc-${trace}-${span}-01.what-comes-then`, false],
    [`ff-${trace}-${span}-01`, false],
    [`${good}-`, false],
    [`${good}0`, false],
    [good.toUpperCase(), false],
    [`00-${'0'.repeat(32)}-${span}-01`, false],
    [`00-${trace}-${'0'.repeat(16)}-01`, false],
    [`00-${trace.slice(1)}-${span}-01`, false],
    [` ${good}`, false],
    [good.slice(0, -1), false],
    ['', false],
  ];
  for (const [text, isAccepted] of cases) assert.equal(parseTraceparent(text) !== null, isAccepted, text);
});

const always = { sample: () => true };
const random = (bytes: number): string => 'ab'.repeat(bytes);

test('a trace that cannot be read, or is named twice, is none: another begins, without its tracestate', () => {
  for (const headers of [
    ['traceparent', 'nonsense', 'tracestate', 'a=1'],
    ['traceparent', good, 'Traceparent', good, 'tracestate', 'a=1'],
    ['tracestate', 'a=1'],
  ]) {
    const made = traceOf(headers, always, random);
    assert.deepEqual([made.traceId, made.parentSpanId], ['ab'.repeat(16), null]);
    const out = withTrace(['Host', 'x', ...headers], { ...made, spanId: span });
    assert.deepEqual(out, ['Host', 'x', 'traceparent', `00-${'ab'.repeat(16)}-${span}-01`]);
  }
});

test('a trace is gone on with: its id, its tracestate, and whether it is kept is asked with what the client decided', () => {
  const asked: unknown[] = [];
  const traces = { sample: (...args: unknown[]) => (asked.push(args), false) };
  const headers = ['TraceParent', good, 'TraceState', 'a=1', 'tracestate', 'b=2'];
  const made = traceOf(headers, traces, random);
  assert.deepEqual([made.traceId, made.parentSpanId, made.sampled], [trace, span, false]);
  assert.deepEqual(asked, [[trace, true]]);
  const out = withTrace(headers, { ...made, spanId: 'c'.repeat(16) });
  assert.deepEqual(out, ['TraceState', 'a=1', 'tracestate', 'b=2', 'traceparent', `00-${trace}-${'c'.repeat(16)}-00`]);
});

const echo: Handler = ({ exchange }) => exchange.reply(200, [], null);
const ask = (head = ''): string => `GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${head}\r\n`;
const fieldOf = ({ headers }: RequestHead, name: string): string[] =>
  headers.filter((_, at) => at % 2 === 1 && headers[at - 1]!.toLowerCase() === name);

test('nobody asks for traces: what a client sends goes to the function as it is', async (t) => {
  const { port, invoker } = await startEdge(t, echo);
  await converse(t, port, ask('traceparent: whatever\r\ntracestate: a=1\r\n'));
  await converse(t, port, ask());
  const [first, second] = invoker.all.map(({ head }) => head);
  assert.deepEqual([fieldOf(first!, 'traceparent'), fieldOf(first!, 'tracestate')], [['whatever'], ['a=1']]);
  assert.deepEqual(fieldOf(second!, 'traceparent'), []);
  assert.deepEqual([first!.trace, second!.trace], [null, null]);
});

test('a function is told of its own span, and the router too', async (t) => {
  const { port, invoker } = await startEdge(t, echo, { edge: { traces: { sample: (_, parent) => parent ?? false } } });
  await converse(t, port, ask(`traceparent: ${good}\r\n`));
  await converse(t, port, ask());
  const [first, second] = invoker.all.map(({ head }) => head);
  const own = first!.trace!;
  assert.deepEqual([own.traceId, own.parentSpanId, own.sampled], [trace, span, true]);
  assert.match(own.spanId, /^(?!0{16})[0-9a-f]{16}$/);
  assert.notEqual(own.spanId, span);
  assert.deepEqual(fieldOf(first!, 'traceparent'), [formatTraceparent(own)]);
  assert.deepEqual([second!.trace!.parentSpanId, second!.trace!.sampled], [null, false]);
  assert.notEqual(second!.trace!.traceId, trace);
  assert.deepEqual(fieldOf(second!, 'traceparent'), [formatTraceparent(second!.trace!)]);
});

test('as many header fields as one may send reach the function with its span', async (t) => {
  const { port, invoker } = await startEdge(t, echo, { edge: { traces: always } });
  const fields = (count: number): string => Array.from({ length: count }, (_, at) => `x${at}: y\r\n`).join('');
  // Host and Connection are two of them.
  const most = limits.headFields - 13 - 2;
  assert.match(await converse(t, port, ask(fields(most + 1))), /^HTTP\/1.1 431/);
  assert.match(await converse(t, port, ask(fields(most))), /^HTTP\/1.1 200/);
  assert.ok(invoker.all[0]!.head.headers.length <= 2 * limits.headFields);
  assert.equal(fieldOf(invoker.all.at(-1)!.head, 'traceparent').length, 1);
});

test('middleware and what it leads to are two spans of one trace', async (t) => {
  const functions = [spec('page'), spec('gate')];
  const outputs = new Map<string, Output>([
    ['page', { kind: 'function', functionId: 'dpl_1/page' }],
    ['gate', { kind: 'function', functionId: 'dpl_1/gate' }],
  ]);
  const rules = [{ src: '^/page$', middlewarePath: '/gate', continue: true }];
  const routing = { rules, wildcard: [], images: null, afterCacheBypass: [] };
  const built = deployment({ functions, routes: [], outputs, routing });
  const decide: Handler = ({ target, exchange }) =>
    exchange.reply(200, target.name === 'gate' ? ['x-middleware-next', '1'] : [], null);
  const { port, invoker } = await startEdge(t, decide, { deployments: [built], edge: { traces: always } });
  await converse(t, port, ask().replace('GET /', 'GET /page'));
  const [gate, page] = invoker.all.map(({ head }) => head);
  assert.deepEqual([gate!.trace!.traceId, page!.trace!.parentSpanId], [page!.trace!.traceId, null]);
  assert.notEqual(gate!.trace!.spanId, page!.trace!.spanId);
  for (const head of [gate!, page!]) assert.deepEqual(fieldOf(head, 'traceparent'), [formatTraceparent(head.trace!)]);
});
