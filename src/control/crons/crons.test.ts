import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { VirtualClock } from '../../../test/sim/virtual-clock.ts';
import { routes } from '../../api/routes.ts';
import { ApiError } from '../../api/errors.ts';
import { limits } from '../../base/limits.ts';
import { Bench, caller, minuteMs, requestOf, startMs, timeOf } from './crons.fixture.ts';
import { cronHandlers } from './handlers.ts';

const newBench = (file?: string) => new Bench(new VirtualClock(startMs), file);

const every = { path: '/tick', schedule: '* * * * *' };
const daily = { path: '/daily', schedule: '0 10 * * *' };
const alone = { ...every, overlap: false };

const refused = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof ApiError);
    return error.code;
  }
  return assert.fail('accepted');
};

test('crons of the live deployment are called when they are due, with what the hosted platform sends', async () => {
  const bench = newBench();
  bench.secret = 's3cret';
  bench.crons.start();
  bench.deploy('shop', daily, every);
  bench.clock.advance(minuteMs + 30_000);
  assert.deepEqual(bench.calledAt, ['/daily 10:00:00', '/tick 10:00:00', '/tick 10:01:00']);
  const { host, path, schedule, headers, withinMs } = bench.calls[0]!;
  assert.deepEqual([host, path, schedule], ['shop.localhost', '/daily', '0 10 * * *']);
  assert.deepEqual(headers, {
    'user-agent': 'vercel-cron/1.0',
    authorization: 'Bearer s3cret',
  });
  assert.equal(withinMs, limits.queueWaitMs + limits.cronGraceMs);
  await bench.calls[0]!.answer({ status: 404, invocation: 'inv_7', durationMs: 12.5 });
  await bench.calls[1]!.fail('socket hang up');
  await bench.calls[2]!.answer({ status: 504, error: 'FUNCTION_INVOCATION_TIMEOUT' });
  const [run] = bench.crons.runs('shop.1', { limit: 1 }).items;
  assert.deepEqual(run, {
    id: run!.id,
    cron: 'shop.1',
    path: '/daily',
    dueMs: startMs + 30_000,
    startedMs: startMs + 30_000,
    durationMs: 12.5,
    outcome: 'answered',
    status: 404,
    detail: null,
    invocation: 'inv_7',
  });
  assert.deepEqual(
    bench.crons.runs('shop.2', { limit: 9 }).items.map(({ outcome, status, detail }) => [outcome, status, detail]),
    [
      ['failed', 504, 'FUNCTION_INVOCATION_TIMEOUT'],
      ['failed', null, 'socket hang up'],
    ],
  );
});

test('without CRON_SECRET no authorization is sent; in a rolling release the live deployment is named', () => {
  const bench = newBench();
  bench.crons.start();
  const live = bench.deploy('shop', every);
  bench.clock.advance(minuteMs);
  const release = { project: 'shop', stable: live, canary: 'dep_2', stages: [], stage: 0, stageSinceMs: 0 };
  bench.projects.setRelease(release);
  bench.clock.advance(minuteMs);
  assert.deepEqual(
    bench.calls.map(({ headers }) => [headers['authorization'], headers['x-deployment-id']]),
    [
      [undefined, undefined],
      [undefined, live],
    ],
  );
});

test('another deployment, a rollback: crons are those of what is live, each with its number and its history', async () => {
  const bench = newBench();
  bench.crons.start();
  const first = bench.deploy('shop', every);
  bench.clock.advance(minuteMs);
  await bench.calls[0]!.answer();
  bench.deploy('shop', { path: '/other', schedule: '* * * * *' });
  assert.deepEqual(
    bench.crons.list('shop').map(({ id, path }) => [id, path]),
    [['shop.2', '/other']],
  );
  bench.clock.advance(2 * minuteMs);
  bench.makeLive('shop', first);
  bench.clock.advance(minuteMs);
  assert.deepEqual(bench.calledAt, ['/tick 10:00:00', '/other 10:01:00', '/other 10:02:00', '/tick 10:03:00']);
  assert.deepEqual(bench.runs('shop.1'), ['running 10:03:00', 'answered 10:00:00']);
  assert.deepEqual(bench.runs('shop.2').length, 2, 'of one that is not live any more');
  bench.crons.sync();
  bench.clock.advance(0);
  assert.equal(bench.calls.length, 4, 'a publish makes nothing due again');
});

test('overlap: called all the same, or skipped and noted', async () => {
  const bench = newBench();
  bench.crons.start();
  bench.deploy('a', every);
  bench.deploy('b', alone);
  bench.clock.advance(2 * minuteMs);
  assert.deepEqual(bench.runs('a.1'), ['running 10:01:00', 'running 10:00:00']);
  assert.deepEqual(bench.runs('b.1'), ['skipped 10:01:00', 'running 10:00:00']);
  assert.equal(
    refused(() => bench.crons.run('b.1', caller)),
    'WRONG_STATE',
  );
  for (const call of bench.calls) await call.answer();
  bench.clock.advance(minuteMs);
  assert.deepEqual(bench.runs('b.1'), ['running 10:02:00', 'skipped 10:01:00', 'answered 10:00:00']);
});

test('calls under way are bounded: what is due beyond is skipped, and says so', async () => {
  const bench = newBench();
  bench.crons.start();
  bench.deploy('shop', every, daily);
  for (let at = 1; at < limits.cronCallsAtOnce; at += 1) bench.crons.run('shop.1', caller);
  bench.clock.advance(30_000);
  const outcomes = ['shop.1', 'shop.2'].map((id) => bench.crons.runs(id, { limit: 1 }).items[0]!);
  assert.deepEqual(
    outcomes.map(({ outcome, detail }) => [outcome, detail]),
    [
      ['running', null],
      ['skipped', '500 calls of crons are under way.'],
    ],
  );
  assert.equal(
    refused(() => bench.crons.run('shop.2', caller)),
    'WRONG_STATE',
  );
  await bench.calls[0]!.answer();
  assert.equal(bench.crons.run('shop.2', caller).outcome, 'running');
});

test('a clock that jumps: one run is made up, and none comes twice', () => {
  const bench = newBench();
  bench.crons.start();
  bench.deploy('shop', every);
  bench.clock.advance(minuteMs);
  bench.wallOffMs = 8 * 3_600_000;
  bench.clock.advance(limits.cronLookMs);
  bench.clock.advance(minuteMs - limits.cronLookMs);
  assert.deepEqual(bench.calledAt, ['/tick 10:00:00', '/tick 18:00:40', '/tick 18:01:00']);
  bench.wallOffMs -= 3_600_000;
  bench.clock.advance(59 * minuteMs);
  assert.equal(bench.calls.length, 3, 'an hour that was there before');
  bench.clock.advance(2 * minuteMs);
  assert.deepEqual(bench.calledAt.slice(3), ['/tick 18:02:00']);
  bench.wallOffMs -= 4 * 3_600_000;
  bench.clock.advance(2 * minuteMs);
  assert.deepEqual(bench.calledAt.slice(4), ['/tick 14:03:00', '/tick 14:04:00'], 'the clock was wrong before');
});

test('after kill -9: what was under way has failed, what was due is told once, and nothing is made up', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weir-crons-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const bench = newBench(join(dir, 'weir.db'));
  bench.crons.start();
  bench.deploy('shop', every);
  bench.clock.advance(minuteMs);
  // Its timers are of a process that is no more.
  void bench.crons.close();
  bench.clock.advance(3 * minuteMs);
  bench.restarted().start();
  assert.deepEqual(bench.runs('shop.1'), ['skipped 10:03:00', 'failed 10:00:00']);
  const [skipped, failed] = bench.crons.runs('shop.1', { limit: 9 }).items;
  assert.equal(skipped!.detail, 'The platform was not running, since 2026-01-01T10:01Z.');
  assert.equal(failed!.detail, 'The platform was stopped.');
  void bench.crons.close();
  bench.restarted().start();
  assert.equal(bench.runs('shop.1').length, 2);
  bench.clock.advance(minuteMs);
  assert.deepEqual(bench.calledAt, ['/tick 10:00:00', '/tick 10:04:00']);
  await bench.calls[0]!.answer();
  assert.equal(bench.runs('shop.1').at(-1), 'failed 10:00:00', 'a run ends once');
});

test('one that becomes live while the platform starts has missed nothing', () => {
  const bench = newBench();
  bench.crons.start();
  const first = bench.deploy('shop', every);
  const second = bench.deploy('shop');
  const restart = (live: string): void => {
    void bench.crons.close();
    bench.clock.advance(5 * minuteMs);
    bench.restarted();
    bench.makeLive('shop', live);
    bench.crons.start();
  };
  restart(first);
  assert.deepEqual(bench.runs('shop.1'), []);
  restart(second);
  restart(first);
  assert.deepEqual(bench.runs('shop.1'), []);
});

test('a publish just when a cron is due does not take that away', () => {
  const bench = newBench();
  bench.crons.start();
  bench.deploy('shop', every);
  bench.wallOffMs = 30_000;
  bench.crons.sync();
  bench.clock.advance(0);
  assert.deepEqual(bench.calledAt, ['/tick 10:00:00']);
});

test('what was due while one was paused is neither made up for nor told, whenever it goes on', () => {
  const bench = newBench();
  bench.crons.start();
  bench.deploy('shop', every);
  bench.clock.advance(25_000);
  bench.crons.change('shop.1', false, caller);
  bench.clock.advance(9_000);
  bench.crons.change('shop.1', true, caller);
  bench.clock.advance(0);
  assert.deepEqual(bench.runs('shop.1'), [], 'of a moment');
  bench.crons.change('shop.1', false, caller);
  bench.clock.advance(5 * minuteMs);
  bench.crons.change('shop.1', true, caller);
  void bench.crons.close();
  bench.restarted().start();
  assert.deepEqual(bench.runs('shop.1'), [], 'over a restart');
});

test('closing waits for what is under way, and begins nothing', async () => {
  const bench = newBench();
  bench.crons.start();
  bench.deploy('shop', every);
  bench.clock.advance(minuteMs);
  let isClosed = false;
  const closed = bench.crons.close().then(() => (isClosed = true));
  bench.clock.advance(5 * minuteMs);
  assert.equal(bench.clock.pending, 0);
  assert.equal(
    refused(() => bench.crons.run('shop.1', caller)),
    'WRONG_STATE',
  );
  assert.equal(isClosed, false);
  await bench.calls[0]!.answer();
  await closed;
  assert.deepEqual(bench.runs('shop.1'), ['answered 10:00:00']);
});

test('without crons there is no timer', () => {
  const bench = newBench();
  bench.crons.start();
  bench.deploy('shop', every);
  assert.equal(bench.clock.pending, 1);
  bench.deploy('shop');
  assert.equal(bench.clock.pending, 0);
});

test('what cannot be noted is not called, and is tried again', () => {
  const bench = newBench();
  bench.crons.start();
  bench.deploy('shop', every);
  const add = bench.store.add.bind(bench.store);
  let attempts = 0;
  bench.store.add = () => {
    attempts += 1;
    throw new Error('disk full');
  };
  bench.clock.advance(30_000);
  assert.deepEqual([attempts, bench.calls.length], [1, 0]);
  bench.store.add = add;
  bench.clock.advance(limits.cronLookMs);
  assert.deepEqual(bench.runs('shop.1'), ['running 10:00:00']);
});

test('history is bounded, in number and in time; a project that is deleted leaves none', async () => {
  const bench = newBench();
  bench.crons.start();
  bench.deploy('shop', daily);
  const run = { startedMs: null, outcome: 'skipped', detail: null } as const;
  bench.store.add('shop.1', { ...run, dueMs: startMs - limits.cronRunKeptMs - 1 }, startMs - 1000);
  for (let at = 0; at < limits.cronRunsKept + 5; at += 1)
    bench.store.add('shop.1', { ...run, dueMs: startMs + at }, startMs);
  const all = bench.db.all<{ due_ms: number }>('select due_ms from cron_runs order by id');
  assert.deepEqual([all.length, all[0]!.due_ms], [limits.cronRunsKept, startMs + 5]);
  bench.store.add('shop.1', { ...run, dueMs: startMs + 40 * 86_400_000 }, startMs + 40 * 86_400_000);
  assert.equal(bench.db.all('select id from cron_runs').length, 1);
  bench.projects.delete('shop');
  bench.crons.sync();
  assert.deepEqual([bench.db.all('select id from cron_runs'), bench.crons.list(undefined)], [[], []]);
});

test('the routes: list, run, pause, go on, history by pages; who did it is in the audit', async () => {
  const bench = newBench();
  bench.crons.start();
  bench.deploy('shop', every, daily);
  bench.deploy('blog', daily);
  const handlers = cronHandlers(bench.crons);
  const list = async (query: { project?: string }) =>
    routes.crons.answer.parse(await handlers.crons(requestOf<'crons'>({ query }))).items;
  assert.deepEqual(
    (await list({})).map(({ id }) => id),
    ['blog.1', 'shop.1', 'shop.2'],
  );
  const params = { cron: 'shop.1' };
  const run = routes.runCron.answer.parse(await handlers.runCron(requestOf<'runCron'>({ params })));
  assert.deepEqual([run.outcome, run.cron, timeOf(run.dueMs)], ['running', 'shop.1', '09:59:30']);
  const change = async (enabled: boolean) =>
    routes.changeCron.answer.parse(await handlers.changeCron(requestOf<'changeCron'>({ params, body: { enabled } })));
  const paused = await change(false);
  assert.deepEqual([paused.enabled, paused.nextMs, paused.lastRun?.id], [false, null, run.id]);
  bench.deploy('shop', every);
  bench.clock.advance(2 * minuteMs);
  assert.deepEqual(
    bench.calledAt.filter((text) => text.startsWith('/tick')),
    ['/tick 09:59:30'],
    'over deployments too',
  );
  void bench.crons.close();
  bench.restarted().start();
  assert.equal(
    ((await cronHandlers(bench.crons).crons(requestOf<'crons'>({}))) as { items: { enabled: boolean }[] }).items[1]!
      .enabled,
    false,
  );
  const resumed = bench.crons.change('shop.1', true, caller);
  assert.equal(timeOf(resumed.nextMs!), '10:02:00');
  bench.clock.advance(minuteMs);
  assert.deepEqual(bench.runs('shop.1'), ['running 10:02:00', 'failed 09:59:30']);
  const page = async (cursor?: string) =>
    routes.cronRuns.answer.parse(
      await cronHandlers(bench.crons).cronRuns(requestOf<'cronRuns'>({ params, query: { limit: 1, cursor } })),
    );
  const newest = await page();
  const oldest = await page(newest.next!);
  assert.deepEqual([newest.items[0]!.outcome, oldest.items[0]!.id, oldest.next], ['running', run.id, null]);
  assert.deepEqual(
    bench.audit.list({ limit: 9 }).items.map(({ actor, action, subject, detail }) => [actor, action, subject, detail]),
    ['cron.resume', 'cron.pause', 'cron.run'].map((action) => ['ann', action, 'shop.1', '* * * * * /tick']),
  );
  for (const id of ['shop.2', 'shop.9', 'shop', '__proto__.1', ''])
    assert.equal(
      refused(() => bench.crons.run(id, caller)),
      'CRON_NOT_FOUND',
      id,
    );
  assert.equal(
    refused(() => bench.crons.runs('shop.9', { limit: 1 })),
    'CRON_NOT_FOUND',
  );
});
