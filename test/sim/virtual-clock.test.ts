import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryConnections } from './memory-connection.ts';
import { VirtualClock } from './virtual-clock.ts';

test('timers run by time, then in the order they were asked for; soon runs before time moves', () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  clock.after(5, () => seen.push(`b@${clock.nowMs()}`));
  clock.after(1, () => {
    seen.push(`a@${clock.nowMs()}`);
    clock.soon(() => seen.push(`soon@${clock.nowMs()}`));
    clock.after(0, () => seen.push('zero'));
    clock.after(4, () => seen.push(`c@${clock.nowMs()}`));
  });
  clock.after(1, () => seen.push('a2'));
  clock.after(2, () => seen.push('never')).cancel();
  assert.equal(clock.runUntilIdle(100), true);
  assert.deepEqual(seen, ['a@1', 'a2', 'soon@1', 'zero', 'b@5', 'c@5']);
  clock.advance(10);
  assert.equal(clock.nowMs(), 15);
});

test('timeouts that are cancelled leave nothing behind, however many', () => {
  const clock = new VirtualClock();
  let fired = 0;
  for (let count = 0; count < 10_000; count += 1) {
    const timer = clock.after(300_000, () => assert.fail('cancelled'));
    clock.after(count % 7, () => (fired += 1));
    timer.cancel();
    timer.cancel();
  }
  assert.equal(clock.pending, 10_000);
  assert.equal(clock.runUntilIdle(10), true);
  assert.equal(fired, 10_000);
});

test('bytes arrive in order however they are cut and delayed, and drained follows a full write', () => {
  const clock = new VirtualClock();
  let turn = 0;
  const { near, far } = memoryConnections({
    clock,
    delayMs: () => (turn += 1) % 3,
    split: (bytes) => Math.ceil(bytes / 3),
    kernelBytes: 4,
    highWaterBytes: 6,
  });
  let text = '';
  let drained = 0;
  const closed: string[] = [];
  far.events = {
    data: (chunk) => (text += chunk.toString()),
    drained: () => undefined,
    closed: (why) => closed.push(`far ${why}`),
  };
  near.events = { data: () => undefined, drained: () => (drained += 1), closed: (why) => closed.push(`near ${why}`) };
  assert.equal(near.write(Buffer.from('hello')), true);
  assert.equal(near.writeAll([Buffer.from(', wor'), Buffer.from('ld')]), false);
  near.end();
  assert.equal(near.write(Buffer.from('too late')), false);
  clock.runUntilIdle(100);
  assert.equal(text, 'hello, world');
  assert.equal(drained, 0, 'an ended connection is not drained');
  assert.deepEqual(closed, ['far the peer closed the connection', 'near the peer closed the connection']);
});

test('a paused reader gets nothing until it resumes; a destroyed end flushes, a cut one loses what is on the way', () => {
  const clock = new VirtualClock();
  const first = memoryConnections({ clock, delayMs: () => 1, kernelBytes: 0, highWaterBytes: 4 });
  let text = '';
  let drained = 0;
  first.far.events = {
    data: (chunk) => (text += chunk.toString()),
    drained: () => undefined,
    closed: (why) => (text += `|${why}`),
  };
  first.near.events = { data: () => undefined, drained: () => (drained += 1), closed: () => undefined };
  first.far.pause();
  assert.equal(first.near.write(Buffer.from('abcdef')), false);
  clock.advance(50);
  assert.equal(text, '');
  first.far.resume();
  clock.advance(50);
  assert.equal(text, 'abcdef');
  assert.equal(drained, 1);
  first.near.write(Buffer.from('gh'));
  first.near.destroy();
  clock.advance(50);
  assert.equal(text, 'abcdefgh|the peer closed the connection');

  const second = memoryConnections({ clock, delayMs: () => 1 });
  const said: string[] = [];
  second.far.events = { data: () => said.push('data'), drained: () => undefined, closed: (why) => said.push(why) };
  second.near.write(Buffer.from('lost'));
  second.near.cut();
  clock.advance(50);
  assert.deepEqual(said, ['cut']);
  assert.equal(second.near.closed, true);
});
