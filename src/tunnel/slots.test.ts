import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { slotOf, SlotTable } from './slots.ts';

test('against a Map: current ids are found, freed ones never again, and no id is taken twice', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('take' as const) }),
    fc.record({ kind: fc.constantFrom('free' as const, 'stale' as const), pick: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 1, max: 8 }), (steps, capacity) => {
      const table = new SlotTable<{ n: number }>(capacity);
      const current = new Map<number, { n: number }>();
      const gone: number[] = [];
      for (const [n, step] of steps.entries()) {
        if (step.kind === 'take') {
          const value = { n };
          const id = table.take(value);
          assert.equal(id === -1, current.size === capacity);
          if (id === -1) continue;
          assert.ok(!current.has(id) && !gone.includes(id));
          assert.ok(slotOf(id) < capacity && id >>> 16 >= 1);
          current.set(id, value);
        } else {
          const ids = step.kind === 'free' ? [...current.keys()] : gone;
          const id = ids[step.pick % ids.length];
          if (id === undefined) continue;
          assert.equal(table.free(id), current.delete(id));
          gone.push(id);
        }
        assert.equal(table.count, current.size);
        for (const id of gone) assert.equal(table.get(id), undefined);
        for (const [id, value] of current) assert.equal(table.get(id), value);
      }
      const seen = new Map<number, { n: number }>();
      table.each((value, id) => seen.set(id, value));
      assert.deepEqual(
        [...seen].sort(([a], [b]) => a - b),
        [...current].sort(([a], [b]) => a - b),
      );
    }),
    { numRuns: 300 },
  );
});

suite('ids', () => {
  test('the generation wraps, and is never 0', () => {
    const table = new SlotTable<object>(1);
    const seen = new Set<number>();
    let first = -1;
    for (let turn = 0; turn < 70_000; turn += 1) {
      const id = table.take({});
      if (first === -1) first = id;
      else if (id === first) break;
      assert.ok(!seen.has(id) && id >>> 16 >= 1 && slotOf(id) === 0 && id > 0);
      seen.add(id);
      table.free(id);
    }
    assert.ok(seen.size > 32_000, `wrapped after ${seen.size}`);
  });

  test('what was never taken is not there', () => {
    const table = new SlotTable<object>();
    for (const id of [0, 1, 0x1_0000, 0xffff_ffff, -1]) {
      assert.equal(table.get(id), undefined);
      assert.equal(table.free(id), false);
    }
  });

  test('no more than the limit, whatever is asked for', () => {
    assert.equal(new SlotTable(1_000_000).capacity, limits.streamsPerTunnel);
  });
});

test('each() may free what it is given', () => {
  const table = new SlotTable<object>();
  for (let count = 0; count < 10; count += 1) table.take({});
  table.each((_, id) => table.free(id));
  assert.equal(table.count, 0);
});
