import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { VirtualClock } from '../../../test/sim/virtual-clock.ts';
import { ApiError } from '../../api/errors.ts';
import { logLine } from '../../api/observed.ts';
import { routes } from '../../api/routes.ts';
import type { Call } from '../../api/routes.ts';
import { channels } from '../../base/channels.ts';
import { limits } from '../../base/limits.ts';
import { eventStream } from '../api/events.ts';
import type { Request, ServerEvent } from '../api/handler.ts';
import { logHandlers } from './handlers.ts';
import { crash, functionOf, LogBench, startMs } from './logs.fixture.ts';

type Name = 'logs' | 'invocations' | 'invocation' | 'crashes' | 'logEvents';

/** As the API's server makes it: checked by the table of routes. */
function request<N extends Name>(
  name: N,
  given: { query?: object; params?: object; signal?: AbortSignal; lastEventId?: string } = {},
): Request<N> {
  const route = routes[name] as { query?: { parse(value: unknown): unknown } };
  return {
    params: given.params ?? {},
    query: route.query?.parse(given.query ?? {}) ?? {},
    body: undefined,
    caller: null,
    signal: given.signal ?? new AbortController().signal,
    header: (header: string) => (header === 'last-event-id' ? given.lastEventId : undefined),
    bytes: null,
  } as unknown as Call<N> as Request<N>;
}

async function setUp(t: TestContext) {
  const bench = new LogBench(t);
  const clock = new VirtualClock(startMs);
  const store = await bench.open({ clock });
  const handlers = logHandlers({ store, clock });
  /** The answer, as the table of routes has it. */
  const ask = async (name: Exclude<Name, 'logEvents'>, given: Parameters<typeof request>[1] = {}) => {
    const answer = await (handlers[name] as (request: unknown) => unknown)(request(name, given));
    return routes[name].answer.parse(answer) as never as {
      items: { id: string; text: string; function: string }[];
      next: string | null;
      invocation: { id: string; durationMs: number; ttfbMs: number };
      lines: { text: string }[];
      linesDropped: number;
    };
  };
  const events = (given: Parameters<typeof request>[1] & { signal?: AbortSignal } = {}) =>
    handlers.logEvents(request('logEvents', given))[Symbol.asyncIterator]();
  return { bench, clock, store, ask, events };
}

const textOf = (event: ServerEvent): string => logLine.parse(event.data).text;

async function next(events: AsyncIterator<ServerEvent>): Promise<ServerEvent> {
  const { done, value } = await events.next();
  assert.ok(done !== true, 'the events have ended');
  return value;
}

const texts = async (events: AsyncIterator<ServerEvent>, count: number): Promise<string[]> => {
  const seen: string[] = [];
  while (seen.length < count) {
    const event = await next(events);
    assert.equal(event.event, 'line');
    assert.equal(event.id, logLine.parse(event.data).id);
    seen.push(textOf(event));
  }
  return seen;
};

test('answers are as the table of routes has them', async (t) => {
  const { bench, clock, ask } = await setUp(t);
  bench.log('one', { invocationId: 'inv_1' });
  bench.log('two', { invocationId: 'inv_1', level: 'error' });
  bench.log('other', { ...functionOf('shop/other'), instance: '' });
  bench.invocation('inv_1', {
    status: 500,
    trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), parentSpanId: null, sampled: true },
  });
  channels.crash.publish(crash());

  const all = await ask('logs');
  assert.deepEqual(
    all.items.map(({ text }) => text),
    ['other', 'two', 'one'],
  );
  const first = await ask('logs', { query: { limit: '1', project: 'shop' } });
  assert.deepEqual(
    first.items.map(({ text }) => text),
    ['other'],
  );
  const second = await ask('logs', { query: { limit: '1', cursor: first.next! } });
  assert.deepEqual(
    second.items.map(({ text }) => text),
    ['two'],
  );
  assert.deepEqual(
    (await ask('logs', { query: { status: '5xx', level: 'error' } })).items.map(({ text }) => text),
    ['two'],
  );
  clock.advance(3_600_000);
  assert.deepEqual((await ask('logs', { query: { from: '30m' } })).items, []);
  assert.equal((await ask('logs', { query: { from: '2h', to: String(startMs + 1) } })).items.length, 3);

  assert.deepEqual(
    (await ask('invocations', { query: { failed: 'true' } })).items.map(({ id }) => id),
    ['inv_1'],
  );
  assert.deepEqual((await ask('invocations', { query: { failed: 'false' } })).items, []);
  const detail = await ask('invocation', { params: { invocation: 'inv_1' } });
  assert.deepEqual(
    detail.lines.map(({ text }) => text),
    ['one', 'two'],
  );
  assert.deepEqual([detail.linesDropped, detail.invocation.durationMs, detail.invocation.ttfbMs], [0, 6.5, 5]);
  assert.equal((await ask('crashes', { query: { function: 'api/pay' } })).items.length, 1);
  assert.equal((await ask('crashes', { query: { function: 'other' } })).items.length, 0);
});

test('an invocation that nobody knows and a cursor that no page gave are refused by name', async (t) => {
  const { ask } = await setUp(t);
  const refused = (code: string) => (error: unknown) => error instanceof ApiError && error.code === code;
  await assert.rejects(ask('invocation', { params: { invocation: 'inv_9' } }), refused('INVOCATION_NOT_FOUND'));
  for (const cursor of ['x', '-1', '1e3', '9'.repeat(30)])
    await assert.rejects(ask('logs', { query: { cursor } }), refused('INVALID_REQUEST'));
});

test('of an invocation that has logged much, what is not shown is counted', async (t) => {
  const { bench, ask } = await setUp(t);
  for (let at = 0; at < limits.logInvocationLines + 5; at += 1) bench.log(`line ${at}`, { invocationId: 'inv_1' });
  bench.invocation('inv_1');
  const { lines, linesDropped } = await ask('invocation', { params: { invocation: 'inv_1' } });
  assert.deepEqual([lines.length, lines[0]!.text, linesDropped], [limits.logInvocationLines, 'line 0', 5]);
});

test('following begins with earlier lines, goes on with what comes, and filters both', async (t) => {
  const { bench, events } = await setUp(t);
  for (let at = 0; at < 5; at += 1) bench.log(`old ${at}`, { level: at % 2 === 0 ? 'error' : 'info' });
  const all = events({ query: { tail: '2' } });
  assert.deepEqual(await texts(all, 2), ['old 3', 'old 4']);
  const some = events({ query: { tail: '2', level: 'warn', text: 'OLD', function: 'api/pay' } });
  assert.deepEqual(await texts(some, 2), ['old 2', 'old 4']);
  const none = events();
  const waiting = none.next();
  bench.log('old news', { level: 'error' });
  bench.log('old but unimportant');
  bench.log('old of others', { ...functionOf('shop/other'), level: 'error' });
  bench.log('the old end', { level: 'error' });
  assert.deepEqual(await texts(all, 4), ['old news', 'old but unimportant', 'old of others', 'the old end']);
  assert.deepEqual(await texts(some, 2), ['old news', 'the old end']);
  assert.equal(textOf((await waiting).value as ServerEvent), 'old news');
});

test('whoever comes back by Last-Event-ID goes on where it stopped: nothing is missing, nothing comes twice', async (t) => {
  const { bench, events, store } = await setUp(t);
  const published: string[] = [];
  const publish = (count: number): void => {
    for (let at = 0; at < count; at += 1) {
      published.push(`line ${published.length}`);
      bench.log(published.at(-1)!);
    }
  };
  publish(3);
  const seen: string[] = [];
  let lastEventId = String(store.lastId - 3);
  // What comes while it is away, while it catches up, and while it is there.
  for (let round = 0; round < 12; round += 1) {
    publish(round * 400);
    const connection = events({ lastEventId });
    const take = round * 300 + 1;
    for (let at = 0; at < take; at += 1) {
      const event = await next(connection);
      assert.equal(event.event, 'line');
      seen.push(textOf(event));
      lastEventId = event.id!;
      if (at % 50 === 0) publish(3);
    }
    await connection.return?.();
  }
  const rest = events({ lastEventId });
  while (seen.length < published.length) seen.push(textOf(await next(rest)));
  assert.deepEqual(seen, published);
});

test('a client that is slow has a bounded queue, and is told how many lines it has not got', async (t) => {
  const { bench, events } = await setUp(t);
  const connection = events();
  const first = connection.next();
  bench.log('first');
  assert.equal(textOf((await first).value as ServerEvent), 'first');
  for (let at = 0; at < limits.logFollowerLines + 30; at += 1) bench.log(`line ${at}`);
  const seen = await texts(connection, limits.logFollowerLines);
  assert.equal(seen.at(-1), `line ${limits.logFollowerLines - 1}`);
  assert.deepEqual(await next(connection), { event: 'dropped', data: { lines: 30 } });
  const after = connection.next();
  bench.log('after');
  assert.equal(textOf((await after).value as ServerEvent), 'after');
});

test('while nothing comes there is a sign of life every 15 s, and the signal ends it', async (t) => {
  const { clock, events } = await setUp(t);
  const controller = new AbortController();
  const connection = events({ signal: controller.signal });
  for (let round = 0; round < 2; round += 1) {
    const beat = connection.next();
    // Until the earlier lines were asked for, nobody waits.
    while (clock.pending < 2) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(limits.logBeatMs);
    assert.deepEqual((await beat).value, { event: 'beat', data: {} });
  }
  const end = connection.next();
  controller.abort();
  assert.deepEqual(await end, { done: true, value: undefined });
  assert.equal(clock.pending, 1, 'what the store itself waits for is all that is left');
});

test('so many follow at once, and no more, until one leaves', async (t) => {
  const { bench, events } = await setUp(t);
  bench.log('x');
  const all = Array.from({ length: limits.logFollowers }, () => events({ query: { tail: '1' } }));
  for (const each of all) await next(each);
  await assert.rejects(next(events()), (error) => error instanceof ApiError && error.code === 'TOO_MANY_REQUESTS');
  await all[0]!.return?.();
  assert.equal((await next(events({ query: { tail: '1' } }))).event, 'line');
});

test('as server-sent events: a line that has line breaks in it is one event, and the client’s leaving ends it', async (t) => {
  const { bench, store, clock } = await setUp(t);
  bench.log('first\n\ndata: second');
  const controller = new AbortController();
  const asked = request('logEvents', { query: { tail: '1' }, signal: controller.signal });
  const events = logHandlers({ store, clock }).logEvents(asked);
  const response = await eventStream(events, controller.signal, (error) => assert.fail(error as Error));
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes('event: line')) text += (await reader.read()).value ?? '';
  const [, id, data] = /^: weir\n\nevent: line\nid: (\d+)\ndata: (.*)\n\n$/.exec(text)!;
  assert.equal(Number(id), store.lastId);
  assert.equal((JSON.parse(data!) as { text: string }).text, 'first\n\ndata: second');
  controller.abort();
  assert.equal((await reader.read()).done, true);
});
