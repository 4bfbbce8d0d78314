import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Queue } from './queue.ts';

test('first come, first served; a full queue refuses; what was taken can go back to its turn', () => {
  const queue = new Queue<string>(2);
  assert.ok(queue.push('a', 0, 100) >= 0);
  assert.ok(queue.push('b', 5, 100) >= 0);
  assert.equal(queue.push('c', 6, 100), -1);
  assert.equal(queue.oldestAgeMs(10), 10);
  assert.equal(queue.shift(), 'a');
  assert.equal(queue.oldestAgeMs(10), 5);
  queue.push('c', 6, 100);
  queue.putBack('a', 0, 100);
  assert.deepEqual(
    [queue.length, queue.shift(), queue.shift(), queue.shift(), queue.shift()],
    [3, 'a', 'b', 'c', undefined],
  );
  assert.equal(queue.oldestAgeMs(10), 0);
});

test('a handle of one that has left is old, also when its slot is used again', () => {
  const queue = new Queue<string>();
  const first = queue.push('a', 0, 1);
  queue.shift();
  const second = queue.push('b', 0, 1);
  assert.notEqual(first, second);
  assert.equal(queue.remove(first), false);
  assert.equal(queue.remove(-1), false);
  assert.equal(queue.remove(second), true);
  assert.equal(queue.remove(second), false);
  assert.equal(queue.length, 0);
});

test('expire takes out what is due, in order, and lets the callee push', () => {
  const queue = new Queue<string>();
  queue.push('late', 0, 10);
  queue.push('stays', 0, 30);
  queue.push('early', 0, 5);
  const seen: string[] = [];
  queue.expire(4, (item) => seen.push(item));
  queue.expire(10, (item) => {
    seen.push(`${item} of ${queue.length}`);
    queue.push(`${item} again`, 10, 40);
  });
  assert.deepEqual(seen, ['late of 1', 'early of 2']);
  assert.deepEqual([queue.shift(), queue.shift(), queue.shift()], ['stays', 'late again', 'early again']);
});

test('law: it behaves as a list', () => {
  const step = fc.record({
    kind: fc.constantFrom('push', 'push', 'putBack', 'shift', 'remove', 'expire'),
    value: fc.nat(50),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const queue = new Queue<number>(20);
      let model: { id: number; handle: number; deadlineMs: number; pushedAtMs: number }[] = [];
      steps.forEach(({ kind, value }, nowMs) => {
        const deadlineMs = nowMs + value;
        if (kind === 'push') {
          const handle = queue.push(nowMs, nowMs, deadlineMs);
          assert.equal(handle === -1, model.length >= 20);
          if (handle !== -1) model.push({ id: nowMs, handle, deadlineMs, pushedAtMs: nowMs });
        } else if (kind === 'putBack') {
          // It was first pushed a while ago, behind others that were.
          const pushedAtMs = nowMs - value;
          const at = model.findIndex((each) => each.pushedAtMs > pushedAtMs);
          const handle = queue.putBack(nowMs, pushedAtMs, deadlineMs);
          model.splice(at === -1 ? model.length : at, 0, { id: nowMs, handle, deadlineMs, pushedAtMs });
        } else if (kind === 'shift') assert.equal(queue.shift(), model.shift()?.id);
        else if (kind === 'remove') {
          const [gone] = model.splice(value % 25, 1);
          if (gone !== undefined) assert.equal(queue.remove(gone.handle), true);
        } else {
          const expired: number[] = [];
          queue.expire(nowMs, (id) => expired.push(id));
          assert.deepEqual(
            expired,
            model.filter((each) => each.deadlineMs <= nowMs).map((each) => each.id),
          );
          model = model.filter((each) => each.deadlineMs > nowMs);
        }
        assert.equal(queue.length, model.length);
      });
    }),
  );
});
