import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../test/sim/virtual-clock.ts';
import { LogDatabase } from './log-database.ts';
import { Batching } from './batching.ts';
import { searchFor } from './log-search.ts';
import { functionOf, line, LogBench, record, startMs, textsOf } from './logs.fixture.ts';
import type { Found } from './wire.ts';

test('lines are found by project, deployment, function, level, invocation, status, time and text, the newest first', async (t) => {
  const bench = new LogBench(t);
  const store = await bench.open();
  const blog = functionOf('blog/index', 'dep_bbbbbbbb');
  bench.log('one', { invocationId: 'inv_1', level: 'debug' });
  bench.log('two 100% of_it', { invocationId: 'inv_2', level: 'warn', atMs: startMs + 60_000 });
  bench.log('THREE größe', { ...blog, level: 'error', atMs: startMs + 120_000 });
  bench.log('four\0 behind a NUL', { ...functionOf('shop/index'), atMs: startMs + 180_000 });
  // Lines are there before their invocation has settled.
  bench.invocation('inv_1', { status: 404 });
  bench.invocation('inv_2', { status: 503, outcome: 'FUNCTION_THROTTLED' });
  const [one, two, three, four] = ['one', 'two 100% of_it', 'THREE größe', 'four\0 behind a NUL'];
  const cases: readonly (readonly [object, readonly (string | undefined)[]])[] = [
    [{}, [four, three, two, one]],
    [{ project: 'shop' }, [four, two, one]],
    [{ project: 'blog', function: 'index' }, [three]],
    [{ deployment: 'dep_bbbbbbbb' }, [three]],
    [{ function: 'shop/api/pay' }, [two, one]],
    [{ function: 'api/pay' }, [two, one]],
    [{ function: 'index' }, [four, three]],
    [{ function: 'pay' }, []],
    [{ level: 'warn' }, [three, two]],
    [{ level: 'debug' }, [four, three, two, one]],
    [{ invocation: 'inv_2' }, [two]],
    [{ status: '404' }, [one]],
    [{ status: '5xx' }, [two]],
    [{ status: '5xx', level: 'error' }, []],
    [{ text: 'three' }, [three]],
    [{ text: 'GRÖSSE' }, []],
    [{ text: 'GRÖßE' }, [three]],
    [{ text: '100%' }, [two]],
    [{ text: '%' }, [two]],
    [{ text: 'f_i' }, [two]],
    [{ text: 't_o' }, []],
    [{ text: 'BEHIND' }, [four]],
    [{ text: "'; DROP TABLE lines; --" }, []],
    [{ text: '' }, [four, three, two, one]],
    [{ fromMs: startMs + 60_000, toMs: startMs + 120_000 }, [three, two]],
    [{ toMs: startMs - 1 }, []],
    [{ fromMs: startMs + 180_001 }, []],
    [{ after: 0 }, [one, two, three, four]],
    [{ after: 0, limit: 2 }, [one, two]],
  ];
  for (const [query, expected] of cases) assert.deepEqual(await textsOf(store, query), expected, JSON.stringify(query));
});

test('invocations are found by function, status, failure, start and duration, the newest first', async (t) => {
  const bench = new LogBench(t);
  const store = await bench.open();
  const slow = { ...record('').phases, settledUs: 2_000_000 };
  bench.invocation('inv_1');
  bench.invocation('inv_2', { status: 500, start: 'cold', ...functionOf('blog/index'), project: 'blog' });
  bench.invocation('inv_3', { status: 504, outcome: 'FUNCTION_INVOCATION_TIMEOUT', phases: slow });
  bench.invocation('inv_4', { status: null, outcome: 'CLIENT_CLOSED_REQUEST', start: null, instance: null });
  const found = async (query: object): Promise<string[]> =>
    (await store.ask({ kind: 'invocations', query: { limit: 10, ...query } })).items.map(({ id }) => id);
  const cases: readonly (readonly [object, readonly string[]])[] = [
    [{}, ['inv_4', 'inv_3', 'inv_2', 'inv_1']],
    [{ failed: true }, ['inv_3', 'inv_2']],
    [{ failed: false }, ['inv_4', 'inv_1']],
    [{ status: '5xx' }, ['inv_3', 'inv_2']],
    [{ status: '504' }, ['inv_3']],
    [{ start: 'cold' }, ['inv_2']],
    [{ slowerThanMs: 1_999 }, ['inv_3']],
    [{ slowerThanMs: 2_000 }, []],
    [{ project: 'blog' }, ['inv_2']],
    [{ fromMs: startMs + 1_000 }, ['inv_3']],
  ];
  for (const [query, expected] of cases) assert.deepEqual(await found(query), expected, JSON.stringify(query));
});

test('pages follow each other without a gap or a repetition while new lines come', async (t) => {
  const bench = new LogBench(t);
  const store = await bench.open();
  const odd = Array.from({ length: 250 }, (_, at) => `line ${at}`);
  for (const text of odd) {
    bench.log(text);
    bench.log('noise', functionOf('shop/other'));
  }
  const seen: string[] = [];
  let before: number | undefined;
  do {
    const found: Found<{ readonly text: string }> = await store.ask({
      kind: 'lines',
      query: { function: 'api/pay', limit: 7, before },
    });
    seen.push(...found.items.map(({ text }) => text));
    before = found.next ?? undefined;
    bench.log('newer');
  } while (before !== undefined);
  assert.deepEqual(seen, odd.reverse());
});

test('a search looks at a bounded number of rows at a time, others have the thread in between, and the next page goes on', (t) => {
  const bench = new LogBench(t);
  const log = new LogDatabase({
    file: bench.file,
    nowMs: startMs,
    retention: { logBytes: 1e9, logDays: 30 },
    setAside: () => assert.fail(),
  });
  t.after(() => log.close());
  const batching = new Batching();
  // A hole as a log has it that was begun while the disk was full.
  const gap = 10 ** 12;
  for (let id = 1; id <= 45_000; id += 1)
    batching.line(line(id === 3 ? 'needle' : 'hay'), id > 100 ? id + gap : id, startMs, id === 3 ? 'needle' : 'hay');
  log.write(batching.take());
  const search = searchFor(log.database, { kind: 'lines', query: { text: 'needle', limit: 10 } });
  let turns = 0;
  let step = search.next();
  for (; step.done !== true; step = search.next()) turns += 1;
  const found = step.value as Found<{ readonly text: string }>;
  assert.deepEqual(
    found.items.map(({ text }) => text),
    ['needle'],
  );
  assert.ok(turns >= 2 && turns <= 4, `${turns} turns`);
});

test('a page of long lines ends before it is too long for an answer', async (t) => {
  const bench = new LogBench(t);
  const store = await bench.open({ clock: new VirtualClock(startMs) });
  for (let at = 0; at < 50; at += 1) bench.log('x'.repeat(250_000));
  const { items, next } = await store.ask({ kind: 'lines', query: { limit: 1_000 } });
  assert.ok(items.length >= 30 && items.length < 40, `${items.length} lines`);
  const rest = await store.ask({ kind: 'lines', query: { limit: 1_000, before: next! } });
  assert.equal(items.length + rest.items.length, 50);
  assert.equal(rest.next, null);
});
