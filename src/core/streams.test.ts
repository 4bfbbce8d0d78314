import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { type Connection, noConnectionEvents } from '../tunnel/connection.ts';
import { type FrameName, frameName } from '../tunnel/frame.ts';
import { FrameReader } from '../tunnel/reader.ts';
import { openSession } from '../tunnel/session.ts';
import { FrameWriter } from '../tunnel/writer.ts';
import { Attribution } from './attribution.ts';
import { boardBytes, boardCells, boardMemory, Cell } from './board.ts';
import { Claims } from './claims.ts';
import type { StreamCall } from './stream.ts';
import { Streams } from './streams.ts';
import { Turns } from './turns.ts';

/** A connection whose peer is in this process: what is written is decoded, and it takes bytes when the test says so. */
class Wire implements Connection {
  events = noConnectionEvents;
  bufferedBytes = 0;
  readonly seen: FrameName[] = [];
  readonly #unsent: (() => void)[] = [];
  readonly #reader = new FrameReader({
    frame: (type) => this.seen.push(frameName(type) ?? 'PONG'),
    body: () => this.seen.push('BODY'),
  });

  write(bytes: Buffer): boolean {
    this.#reader.push(bytes);
    return true;
  }

  writeAll(pieces: readonly Buffer[]): boolean {
    for (const piece of pieces) this.#reader.push(piece);
    return true;
  }

  whenSent(sent: () => void): void {
    this.#unsent.push(sent);
  }

  /** What was written so far leaves; `bufferedBytes` is the test's to say, as what was written since may be more. */
  leave(): void {
    for (const sent of this.#unsent.splice(0)) sent();
  }

  keep(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

/** The writer of a router whose bytes go to `wire`'s owner. */
const routerOf = (wire: Wire): FrameWriter => {
  const give = (bytes: Buffer): boolean => {
    wire.events.data(bytes);
    return true;
  };
  const back = new Wire();
  back.write = give;
  back.writeAll = (pieces) => give(Buffer.concat(pieces));
  return new FrameWriter(back);
};

const head = 'inv_1\nPOST\n/';
const stream = 0x1_0000;

interface Bench {
  readonly wire: Wire;
  readonly router: FrameWriter;
  readonly streams: Streams;
  readonly claims: Claims;
  readonly cells: Int32Array;
  /** Calls that user code got, and what it was given. */
  readonly begun: StreamCall[];
  readonly got: string[];
  /** How long user code keeps the loop when it is called. */
  readonly work: { ms: number };
}

function bench(begunWaitsMs = 0): Bench {
  const wire = new Wire();
  const memory = boardMemory(Claims.bytes(16));
  const cells = boardCells(memory);
  const claims = new Claims(memory, boardBytes, 16);
  const turns = new Turns(cells);
  const charges = new Attribution({ turns, cells, current: () => undefined, cpuUs: () => 1_000_000 });
  const begun: StreamCall[] = [];
  const got: string[] = [];
  const work = { ms: 0 };
  let streams: Streams | null = null;
  const session = openSession(wire, {
    clock: systemClock,
    hello: { token: 't', role: 'data', pid: 1, runtime: 'test' },
    events: {
      opened: () => undefined,
      frame: (type, id, payload) => streams?.frame(type, id, payload),
      body: (id, chunk) => streams?.body(id, chunk),
      readDone: () => streams?.readDone(),
      drained: () => undefined,
      closed: (end) => got.push(`closed ${end.code}`),
    },
  });
  const router = routerOf(wire);
  router.welcome({ version: 1, instance: 'ins_1', maxStreams: 16, windowBytes: 65_536 });
  router.flush();
  streams = new Streams({
    session,
    ward: { claims, cells, turns, charges, lingers: false, begunWaitsMs },
    begin: (call) => {
      begun.push(call);
      for (const untilMs = performance.now() + work.ms; performance.now() < untilMs;);
      call.listener = {
        body: (chunk) => got.push(`body ${chunk.toString()}`),
        bodyEnd: () => got.push('end'),
        writable: () => got.push('writable'),
        cancelled: (reason) => got.push(`cancelled ${reason}`),
      };
    },
    log: (text) => got.push(text),
    threw: (error) => got.push(`threw ${String(error)}`),
  });
  streams.gate.open = true;
  return { wire, router, streams, claims, cells, begun, got, work };
}

test('in prompt mode nothing begins before the kernel has BEGUN; the body that comes meanwhile is kept', () => {
  const { wire, router, begun, got, cells } = bench();
  wire.bufferedBytes = 10;
  router.request(stream, 0, 1_000, head);
  router.body(stream, Buffer.from('early'));
  router.bodyEnd(stream);
  router.flush();
  assert.deepEqual([begun.length, cells[Cell.waiting], cells[Cell.inFlight]], [0, 1, 0]);
  assert.equal(wire.seen.at(-1), 'BEGUN');
  // The connection is still full of what others wrote since: that is not waited for.
  wire.leave();
  assert.equal(begun.length, 1);
  assert.deepEqual(got, ['body early', 'end']);
  assert.deepEqual([cells[Cell.waiting], cells[Cell.inFlight]], [0, 1]);
});

test('what was recalled never begins, nor what was cancelled before BEGUN had left', () => {
  const { wire, router, begun, got, claims, streams } = bench();
  assert.equal(claims.recall(stream), 'revoked', 'as the sentinel would');
  wire.bufferedBytes = 10;
  for (let slot = 0; slot < 3; slot += 1) router.request(stream + slot, 1, 1_000, head);
  router.cancel(stream + 1, 'client');
  router.recall(stream + 2);
  router.flush();
  wire.leave();
  assert.equal(begun[0]?.stream, stream + 2);
  assert.deepEqual([begun.length, streams.open], [1, 1]);
  assert.deepEqual(wire.seen.slice(-3), ['BEGUN', 'BEGUN', 'BEGUN'], 'claimed for user code: a recall comes too late');
  assert.deepEqual(got, []);
});

const answerNext = (from: Bench, slot: number): void => {
  from.router.request(stream + slot, 1, 1_000, head);
  from.router.flush();
  from.begun.at(-1)?.reply(204, [], null);
};

test('batched mode takes effect when the router can know of it', () => {
  const from = bench();
  const { wire } = from;
  wire.bufferedBytes = 10;
  let slot = 0;
  for (; !wire.seen.includes('BEGINS'); slot += 1) {
    from.router.request(stream + slot, 1, 1_000, head);
    from.router.flush();
    wire.leave();
    from.begun.at(-1)?.reply(204, [], null);
  }
  const told = wire.seen.length;
  from.router.request(stream + slot, 1, 1_000, head);
  from.router.flush();
  assert.ok(wire.seen.slice(told).includes('BEGUN'), 'still prompt');
  wire.leave();
  const batched = wire.seen.length;
  answerNext(from, slot + 1);
  assert.ok(!wire.seen.slice(batched).includes('BEGUN'));
});

test('where an answer takes turns, BEGUN waits for it, but not for long', async () => {
  const from = bench(1);
  const { wire, streams } = from;
  let slot = 0;
  for (; !wire.seen.includes('BEGINS'); slot += 1) answerNext(from, slot);
  const send = (): StreamCall => {
    from.router.request(stream + (slot += 1), 1, 1_000, head);
    from.router.flush();
    streams.flush();
    return from.begun.at(-1)!;
  };
  streams.flush();
  const seen = wire.seen.length;
  send().reply(204, [], null);
  streams.flush();
  assert.deepEqual(wire.seen.slice(seen), ['RESPONSE']);
  const slow = send();
  assert.equal(slow.announced, false);
  while (wire.seen.length === seen + 1) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(wire.seen.slice(seen), ['RESPONSE', 'BEGUN'], 'of the one that has no answer');
  send();
  streams.flushAll();
  assert.deepEqual(wire.seen.slice(seen), ['RESPONSE', 'BEGUN', 'BEGUN'], 'at the end at once');
});

test('what began in batched mode is announced before prompt mode is', () => {
  const from = bench();
  const { wire } = from;
  let slot = 0;
  for (; !wire.seen.includes('BEGINS'); slot += 1) answerNext(from, slot);
  const batched = wire.seen.length;
  from.work.ms = 2;
  // Of one read: nothing is flushed in between but by the change of mode.
  for (const last = slot + 4; slot < last; slot += 1) from.router.request(stream + slot, 1, 1_000, head);
  from.router.flush();
  const seen = wire.seen.slice(batched).filter((name) => name !== 'RESPONSE');
  assert.equal(seen.filter((name) => name === 'BEGUN').length, 4);
  assert.ok(seen.indexOf('BEGINS') >= 2, seen.join(' '));
});

test('what user code throws into the core is told to it, and the session goes on', () => {
  const { wire, router, begun, got } = bench();
  router.request(stream, 0, 1_000, head);
  router.flush();
  const call = begun[0];
  assert.ok(call);
  call.listener = {
    ...call.listener,
    body: () => {
      throw new TypeError('mine');
    },
  };
  router.body(stream, Buffer.from('x'));
  router.bodyEnd(stream);
  router.flush();
  assert.deepEqual(got, ['threw TypeError: mine', 'end']);
  call.reply(204, [], null);
  router.ping(Buffer.alloc(8));
  router.flush();
  assert.deepEqual(wire.seen.slice(-2), ['RESPONSE', 'PONG']);
});

test('after its end a call does nothing, whatever is called', () => {
  const { wire, router, begun, got } = bench();
  router.request(stream, 1, 1_000, head);
  router.flush();
  const call = begun[0];
  assert.ok(call);
  call.head(200, []);
  assert.equal(call.write(Buffer.from('a')), true);
  call.end();
  const frames = (): number => {
    router.ping(Buffer.alloc(8));
    router.flush();
    return wire.seen.length;
  };
  const before = frames();
  call.reply(200, [], 'again');
  call.head(200, []);
  call.write(Buffer.from('b'));
  call.inform(103, []);
  call.end();
  call.fail('FUNCTION_INVOCATION_FAILED', 'late');
  call.consumed(100_000);
  assert.equal(frames(), before + 1);
  assert.deepEqual(got, []);
});

test('a handler that goes on after its client left counts until it settles, or until its time is up', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.now() });
  const { wire, router, begun, cells, streams } = bench();
  streams.gate.maxConcurrency = 2;
  const settles = Promise.withResolvers<void>();
  for (const [slot, handling] of [settles.promise, new Promise<void>(() => undefined)].entries()) {
    router.request(stream + slot, 1, 1_000, head);
    router.flush();
    begun[slot]!.handling = handling;
    router.cancel(stream + slot, 'client');
    router.flush();
  }
  assert.deepEqual([streams.open, cells[Cell.inFlight]], [0, 2]);
  router.request(stream + 2, 1, 1_000, head);
  router.flush();
  assert.deepEqual([begun.length, wire.seen.at(-1)], [2, 'NACK'], 'those two count');
  settles.resolve();
  await settles.promise;
  assert.equal(cells[Cell.inFlight], 1);
  t.mock.timers.tick(1_000 + limits.killGraceMs - 1);
  assert.equal(cells[Cell.inFlight], 1, 'its invocation could still run');
  t.mock.timers.tick(1);
  assert.equal(cells[Cell.inFlight], 0);
  settles.resolve();
  t.mock.timers.tick(60_000);
  assert.equal(cells[Cell.inFlight], 0, 'each was taken off once');
});

test('raw bytes flow both ways after a 101, and its end ends the stream', () => {
  const { wire, router, begun, got, streams } = bench();
  router.request(stream, 3, 1_000, head);
  router.flush();
  const call = begun[0];
  assert.ok(call);
  call.head(101, ['upgrade', 'test']);
  router.body(stream, Buffer.from('ping'));
  router.flush();
  call.write(Buffer.from('pong'));
  call.end();
  router.ping(Buffer.alloc(8));
  router.flush();
  assert.deepEqual(got, ['body ping']);
  assert.deepEqual(wire.seen.slice(-4), ['RESPONSE', 'BODY', 'BODY_END', 'PONG']);
  assert.equal(streams.open, 0);
});

test('while the process is asked nothing is handed over: what waits can be recalled, the rest begins in its order', () => {
  const { wire, router, streams, begun, cells } = bench();
  streams.hold();
  for (const id of [stream, stream + 1, stream + 2]) router.request(id, 1, 60_000, head);
  router.recall(stream + 1);
  router.flush();
  assert.equal(begun.length, 0);
  assert.equal(cells[Cell.waiting], 2);
  assert.deepEqual(
    wire.seen.filter((name) => name === 'NACK' || name === 'BEGUN'),
    ['NACK'],
  );
  streams.release();
  assert.deepEqual(
    begun.map((call) => call.stream),
    [stream, stream + 2],
  );
  assert.equal(cells[Cell.waiting], 0);
});

test('the process is gone: what it had fails, what it had not been given can go elsewhere', () => {
  const { wire, router, streams, begun } = bench();
  router.request(stream, 1, 60_000, head);
  router.flush();
  streams.hold();
  router.request(stream + 1, 1, 60_000, head);
  router.flush();
  streams.failAll('NO_RESPONSE_FROM_FUNCTION', 'it is gone');
  streams.flush();
  assert.equal(begun.length, 1);
  assert.deepEqual(wire.seen.slice(-2), ['FAILED', 'NACK']);
  assert.equal(streams.open, 0);
});
