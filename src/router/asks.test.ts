import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FakeInstance, functionSpec, Rig } from '../../test/router/rig.ts';
import { type MemoryConnection, memoryConnections } from '../../test/sim/memory-connection.ts';
import { VirtualClock } from '../../test/sim/virtual-clock.ts';
import { limits } from '../base/limits.ts';
import { RuntimeCacheStore } from '../control/runtime-cache.ts';
import { nothingKept, type PlatformServices, type ServiceScope } from '../model/services.ts';
import { FrameType } from '../tunnel/frame.ts';
import { writeMessage } from '../tunnel/message.ts';

const none = Buffer.alloc(0);
const spec = functionSpec();

class Stand extends Rig {
  readonly calls: unknown[][] = [];
  readonly instance: FakeInstance;
  /** The router's ends of connections, the instance's data connection first. */
  readonly ends: MemoryConnection[] = [];
  #number = 0;

  constructor(services: Partial<PlatformServices> = {}) {
    const calls: unknown[][] = [];
    const noted =
      (name: string) =>
      (...args: unknown[]): Promise<void> =>
        Promise.resolve(void calls.push([name, ...args]));
    const purge = {
      invalidateByTag: noted('invalidateByTag'),
      dangerouslyDeleteByTag: noted('dangerouslyDeleteByTag'),
      invalidateBySrcImage: noted('invalidateBySrcImage'),
      dangerouslyDeleteBySrcImage: noted('dangerouslyDeleteBySrcImage'),
    };
    super({ services: { cache: new RuntimeCacheStore({ clock: new VirtualClock() }), purge, ...services } });
    this.calls = calls;
    this.instance = this.warm(spec);
  }

  override dial(): MemoryConnection {
    const { near, far } = memoryConnections({ clock: this.clock });
    this.ends.push(far);
    this.router.accept(far);
    return near;
  }

  /** Sends an ask; what comes of it is seen after `arrive`. */
  send(fields: object, body: Buffer = none, number = (this.#number += 1)): number {
    this.instance.say((writer) => writeMessage(writer, FrameType.ASK, { number, json: JSON.stringify(fields), body }));
    return number;
  }

  /** What is on its way arrives, and so does what the services answer. */
  async arrive(): Promise<void> {
    for (let round = 0; round < 3; round += 1) {
      this.settle();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async ask(fields: object, body: Buffer = none): Promise<{ fields: Record<string, unknown>; body: Buffer }> {
    const number = this.send(fields, body);
    await this.arrive();
    const answer = this.instance.answers.find((each) => each.number === number);
    assert.ok(answer !== undefined, `no answer to ${JSON.stringify(fields)}; ${JSON.stringify(this.instance.ends)}`);
    return answer;
  }

  get end(): string | undefined {
    return this.instance.ends[0]?.detail;
  }
}

const key = { space: 'app', key: 'k' };

test('an instance asks, and is answered: the runtime cache', async () => {
  const stand = new Stand();
  assert.equal(stand.instance.data?.welcome.services, true);
  assert.deepEqual((await stand.ask({ do: 'cache.get', ...key, tags: [] })).fields, { ok: true, hit: false });
  const large = Buffer.alloc(limits.askBodyBytes, 'xyz');
  const set = { do: 'cache.set', ...key, tags: ['t'], ttlS: 60, name: 'n', note: 'beside' };
  assert.deepEqual((await stand.ask(set, large)).fields, { ok: true });
  const hit = await stand.ask({ do: 'cache.get', ...key, tags: ['other'] });
  assert.ok(hit.body.equals(large));
  assert.deepEqual(
    { ...hit.fields, madeMs: 0 },
    { ok: true, hit: true, madeMs: 0, stale: false, tags: ['t'], note: 'beside' },
  );
  const { madeMs } = hit.fields;
  assert.equal((await stand.ask({ do: 'cache.freshness', tags: ['t'], madeMs })).fields['freshness'], 'fresh');
  await stand.ask({ do: 'cache.expireTags', tags: ['t'], afterS: null });
  assert.equal((await stand.ask({ do: 'cache.freshness', tags: ['t'], madeMs })).fields['freshness'], 'stale');
  assert.equal((await stand.ask({ do: 'cache.get', ...key, tags: [] })).fields['stale'], true);
  await stand.ask({ do: 'cache.delete', ...key });
  assert.equal((await stand.ask({ do: 'cache.get', ...key, tags: [] })).fields['hit'], false);
});

test('whose things they are is said by the function, and purges reach what keeps pages', async () => {
  const stand = new Stand();
  const scope: ServiceScope = { project: 'test', environment: 'preview' };
  await stand.ask({ do: 'purge.tags', tags: ['a', 'b'], afterS: null, project: 'other' });
  await stand.ask({ do: 'purge.tags', tags: ['a'], afterS: 7 });
  await stand.ask({ do: 'purge.images', sources: ['/x.png'], afterS: null });
  await stand.ask({ do: 'purge.images', sources: ['/x.png'], afterS: 0 });
  assert.deepEqual(stand.calls, [
    ['invalidateByTag', scope, ['a', 'b']],
    ['dangerouslyDeleteByTag', scope, ['a'], 7],
    ['invalidateBySrcImage', scope, ['/x.png']],
    ['dangerouslyDeleteBySrcImage', scope, ['/x.png'], 0],
  ]);
});

test('an ask that is not understood fails alone, and says why', async () => {
  const stand = new Stand();
  const many = Array<string>(limits.cacheTags + 1).fill('t');
  const cases: readonly (readonly [RegExp, object])[] = [
    [/^do: /, {}],
    [/^do: /, { do: 'cache.explode' }],
    [/^do: /, { do: 'toString' }],
    [/^space: /, { do: 'cache.get', space: 'theirs', key: 'k', tags: [] }],
    [/^key: expected text/, { do: 'cache.get', space: 'app', tags: [] }],
    [/^key: expected at most/, { do: 'cache.get', space: 'app', key: 'k'.repeat(limits.cacheKeyBytes + 1), tags: [] }],
    [/^tags: expected a list/, { do: 'cache.get', ...key, tags: 'a' }],
    [/^tags: expected texts/, { do: 'cache.get', ...key, tags: [1] }],
    [/^tags: expected at most .*, got/, { do: 'cache.get', ...key, tags: many }],
    [/^tags: expected at most/, { do: 'cache.get', ...key, tags: ['ä'.repeat(limits.cacheTagBytes / 2 + 1)] }],
    [/^ttlS: /, { do: 'cache.set', ...key, tags: [], ttlS: -1 }],
    [/^madeMs: /, { do: 'cache.set', ...key, tags: [], madeMs: 'now' }],
    [/^note: /, { do: 'cache.set', ...key, tags: [], note: 'x'.repeat(limits.cacheNoteBytes + 1) }],
    [/^afterS: /, { do: 'purge.tags', tags: [] }],
    [/^afterS: /, { do: 'cache.expireTags', tags: [], afterS: '0' }],
    [/^sources: /, { do: 'purge.images', sources: {}, afterS: 0 }],
  ];
  for (const [message, fields] of cases) {
    const answer = (await stand.ask(fields)).fields;
    assert.equal(answer['code'], 'BAD_ASK', JSON.stringify(fields));
    assert.match(answer['message'] as string, message);
  }
  assert.equal(stand.end, undefined, 'the session goes on');
});

test('a service that fails, and one that never answers: the function is told, in bounded time', async () => {
  const { promise: never } = Promise.withResolvers<void>();
  const stand = new Stand({
    purge: {
      ...nothingKept,
      invalidateByTag: () => Promise.reject(new Error('the disk is full')),
      dangerouslyDeleteByTag: () => never,
    },
  });
  const failed = await stand.ask({ do: 'purge.tags', tags: ['a'], afterS: null });
  assert.deepEqual(failed.fields, { ok: false, code: 'FAILED', message: 'the disk is full' });
  const number = stand.send({ do: 'purge.tags', tags: ['a'], afterS: 0 });
  await stand.arrive();
  assert.equal(stand.instance.answers.length, 1);
  stand.clock.advance(limits.askAnswerMs);
  await stand.arrive();
  const late = stand.instance.answers.find((each) => each.number === number);
  assert.equal(late?.fields['code'], 'TIMEOUT');
});

test('an ask that is never completed is not answered, counts, and its memory is not given twice', async () => {
  const stand = new Stand();
  const json = JSON.stringify({ do: 'cache.get', ...key, tags: [] });
  const begin = { json, bodyBytes: limits.askBodyBytes };
  const most = limits.asksUnansweredBytes / limits.askBodyBytes;
  for (let number = 0; number < most; number += 1) {
    stand.instance.say((writer) => writer.part(FrameType.ASK, { number, begin, ends: false, bytes: none }));
  }
  await stand.arrive();
  stand.clock.advance(2 * limits.askAnswerMs);
  await stand.arrive();
  assert.deepEqual([stand.instance.answers.length, stand.end], [0, undefined]);
  stand.instance.say((writer) => writer.part(FrameType.ASK, { number: most, begin, ends: false, bytes: none }));
  await stand.arrive();
  assert.match(stand.end ?? '', /without an answer/);
});

test('so many at once, and so much of them: beyond that the instance is cut off', async () => {
  const { promise: never } = Promise.withResolvers<never>();
  const cache = {
    get: () => never,
    set: () => never,
    delete: () => never,
    freshness: () => never,
    expireTags: () => never,
  };
  const get = { do: 'cache.get', ...key, tags: [] };
  const counted = new Stand({ cache });
  for (let asked = 0; asked < limits.asksUnanswered; asked += 1) counted.send(get);
  await counted.arrive();
  assert.equal(counted.end, undefined);
  // Their time is up, they are answered, and there is room again.
  counted.clock.advance(limits.askAnswerMs);
  await counted.arrive();
  assert.equal(counted.instance.answers.length, limits.asksUnanswered);
  for (let asked = 0; asked < limits.asksUnanswered; asked += 1) counted.send(get);
  await counted.arrive();
  assert.equal(counted.end, undefined);
  counted.send(get);
  await counted.arrive();
  assert.match(counted.end ?? '', /beside 32 of 0 without an answer/);

  const weighed = new Stand({ cache });
  const body = Buffer.alloc(limits.askBodyBytes);
  for (let bytes = 0; bytes < limits.asksUnansweredBytes; bytes += body.length) weighed.send(get, body);
  await weighed.arrive();
  assert.equal(weighed.end, undefined);
  weighed.send(get, Buffer.alloc(1));
  await weighed.arrive();
  assert.match(weighed.end ?? '', /without an answer/);

  const twice = new Stand({ cache });
  twice.send(get, none, 5);
  twice.send(get, none, 5);
  await twice.arrive();
  assert.match(twice.end ?? '', /ask 5 of 0 bytes/);
});

test('answers wait for an instance that is slow to take them, and are not lost', async () => {
  const stand = new Stand();
  const large = Buffer.alloc(limits.askBodyBytes, 'L');
  await stand.ask({ do: 'cache.set', ...key, tags: [] }, large);
  const before = stand.instance.answers.length;
  stand.instance.connection!.pause();
  for (let asked = 0; asked < 5; asked += 1) stand.send({ do: 'cache.get', ...key, tags: [] });
  await stand.arrive();
  assert.equal(stand.instance.answers.length, before);
  assert.ok(stand.ends[0]!.bufferedBytes < 2 * large.length, 'the connection holds one answer, not all');
  stand.instance.connection!.resume();
  await stand.arrive();
  await stand.arrive();
  const got = stand.instance.answers.slice(before);
  assert.equal(got.length, 5);
  for (const { body } of got) assert.ok(body.equals(large));
});

test('an instance that goes away while it waits harms nobody', async () => {
  const { promise, resolve } = Promise.withResolvers<null>();
  const { promise: never } = Promise.withResolvers<never>();
  const cache = {
    get: () => promise,
    set: () => never,
    delete: () => never,
    freshness: () => never,
    expireTags: () => never,
  };
  const stand = new Stand({ cache });
  stand.send({ do: 'cache.get', ...key, tags: [] });
  await stand.arrive();
  stand.instance.die({ kind: 'exited', code: 0 });
  await stand.arrive();
  resolve(null);
  await stand.arrive();
  assert.equal(stand.instance.answers.length, 0);
});

test('a router without services says so, and is not asked', async () => {
  const rig = new Rig();
  const instance = rig.warm(spec);
  assert.equal(instance.data?.welcome.services, undefined);
  instance.say((writer) => writeMessage(writer, FrameType.ASK, { number: 1, json: '{}', body: none }));
  rig.settle();
  assert.equal(instance.ends[0]?.code, 'UNEXPECTED_FRAME');
});

test('metrics are counted for their function: valid ones, so many series', async () => {
  const stand = new Stand();
  const say = (value: number, metric: unknown): void =>
    stand.instance.say((writer) => writer.metric(value, JSON.stringify(metric)));
  say(2, { name: 'orders', attributes: { plan: 'pro', region: 'eu' } });
  say(4, { name: 'orders', attributes: { region: 'eu', plan: 'pro' } });
  say(-1, { name: 'orders', attributes: {} });
  say(1, { name: 'bad name ä', attributes: { 'k ey': 5, dropped: {} } });
  say(NaN, { name: 'orders' });
  say(1, { attributes: {} });
  say(1, { name: 'x', attributes: Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`k${at}`, 1])) });
  stand.settle();
  const { series, dropped } = stand.ledger.report(0).functions[0]!.metrics;
  assert.equal(dropped, 3);
  assert.deepEqual(
    series.map(({ name, attributes, ...numbers }) => [name, { ...attributes }, Object.values(numbers)]),
    [
      ['orders', { plan: 'pro', region: 'eu' }, [2, 6, 2, 4, 4]],
      ['orders', {}, [1, -1, -1, -1, -1]],
      ['bad_name__', { k_ey: '5' }, [1, 1, 1, 1, 1]],
    ],
  );
  // Too long to be read: that is no reason to end a session.
  say(1, { name: 'long', attributes: { a: 'x'.repeat(limits.metricBytes) } });
  for (let at = 0; at < limits.metricSeries + 10; at += 1) say(1, { name: `many${at}`, attributes: {} });
  stand.settle();
  const after = stand.ledger.report(0).functions[0]!.metrics;
  assert.deepEqual([after.series.length, after.dropped], [limits.metricSeries, 3 + 1 + 3 + 10]);
});
