import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventHeap } from '../../bench/simulation/heap.ts';
import { Processors } from '../../bench/simulation/processors.ts';

const close = (actual: number, expected: number, within = 1e-6): void =>
  assert.ok(Math.abs(actual - expected) <= within, `${actual} is not ${expected}`);

test('a heap gives back by key, and what has the same key in the order in which it came', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 600 }), (keys) => {
      const heap = new EventHeap();
      keys.forEach((key, value) => heap.push(key, value));
      const inOrder = keys.map((key, value) => ({ key, value })).toSorted((a, b) => a.key - b.key || a.value - b.value);
      for (const { key, value } of inOrder) {
        assert.equal(heap.firstKey, key);
        assert.equal(heap.pop(), value);
      }
      assert.equal(heap.firstKey, Infinity);
    }),
    { numRuns: 50 },
  );
});

test('k on C cores get min(1, C ÷ k) of a core each', () => {
  for (const [cores, k] of [
    [1, 1],
    [1, 5],
    [4, 3],
    [4, 4],
    [4, 10],
  ] as const) {
    const processors = new Processors(cores);
    for (let id = 0; id < k; id += 1) processors.add(id, 60);
    close(processors.nextMs, 60 / Math.min(1, cores / k));
    const endMs = processors.nextMs;
    for (let id = 0; id < k; id += 1) {
      close(processors.nextMs, endMs);
      processors.advance(processors.nextMs);
      assert.equal(processors.finish(), id);
    }
    close(processors.usedMs, 60 * k);
    assert.equal(processors.nextMs, Infinity);
  }
});

test('who comes later slows the others down from then on, and who leaves speeds them up', () => {
  const processors = new Processors(1);
  processors.add(0, 30);
  processors.advance(10);
  const mark = processors.add(1, 10);
  // Twenty are left of the first and ten of the second, at half a core each: the second is done after twenty more.
  close(processors.nextMs, 30);
  processors.advance(20);
  close(processors.leftMs(mark), 5);
  processors.advance(30);
  assert.equal(processors.finish(), 1);
  // Ten are left of the first, with the core to itself.
  close(processors.nextMs, 40);
  processors.advance(40);
  assert.equal(processors.finish(), 0);
  close(processors.usedMs, 40);
});

test('whatever comes and goes, as much is given out as was asked for', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.array(
        fc.record({
          afterMs: fc.double({ min: 0, max: 50, noNaN: true }),
          workMs: fc.double({ min: 0.001, max: 200, noNaN: true }),
        }),
        {
          minLength: 1,
          maxLength: 100,
        },
      ),
      (cores, jobs) => {
        const processors = new Processors(cores);
        let nowMs = 0;
        let done = 0;
        const until = (toMs: number): void => {
          while (processors.running > 0 && processors.nextMs <= toMs) {
            nowMs = Math.max(nowMs, processors.nextMs);
            processors.advance(nowMs);
            processors.finish();
            done += 1;
          }
        };
        for (const [id, { afterMs, workMs }] of jobs.entries()) {
          const toMs = nowMs + afterMs;
          until(toMs);
          nowMs = toMs;
          processors.advance(nowMs);
          processors.add(id, workMs);
        }
        until(Infinity);
        assert.equal(done, jobs.length);
        const sumMs = jobs.reduce((sum, { workMs }) => sum + workMs, 0);
        close(processors.usedMs, sumMs, 1e-6 * Math.max(1, sumMs));
      },
    ),
    { numRuns: 100 },
  );
});
