import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Claims, type Recalled } from './claims.ts';

const claims = (): Claims => new Claims(new SharedArrayBuffer(Claims.bytes(4)), 0, 4);
const stream = (generation: number, slot = 1): number => generation * 0x1_0000 + slot;

test('who comes first has it', () => {
  const table = claims();
  assert.equal(table.begin(stream(1)), true);
  assert.equal(table.recall(stream(1)), 'begun');
  assert.equal(table.refuse(stream(1)), false);
  assert.equal(table.recall(stream(2)), 'revoked');
  assert.equal(table.recall(stream(2)), 'revoked');
  assert.equal(table.begin(stream(2)), false);
  assert.equal(table.refuse(stream(2)), false);
  assert.equal(table.refuse(stream(3)), true);
  assert.equal(table.recall(stream(3)), 'revoked');
  assert.equal(table.begin(stream(1, 2)), true, 'another slot');
});

test('a late recall does nothing to a later stream in its slot, across the wrap of generations', () => {
  for (const last of [0x7fff, 0xffff]) {
    const table = claims();
    table.begin(stream(last - 1));
    table.begin(stream(last));
    assert.equal(table.recall(stream(last - 1)), 'stale');
    table.begin(stream(1));
    assert.equal(table.recall(stream(last)), 'stale');
    assert.equal(table.recall(stream(1)), 'begun');
    assert.equal(table.begin(stream(2)), true);
  }
});

test(
  '20,000 races between threads: each is begun or revoked, never both, never neither',
  { timeout: 60_000 },
  async () => {
    const [slots, rounds] = [2000, 10];
    const memory = new SharedArrayBuffer(Claims.bytes(slots) + 4);
    const table = new Claims(memory, 0, slots);
    const gate = new Int32Array(memory, Claims.bytes(slots), 1);
    const worker = new Worker(new URL('claims.fixture.ts', import.meta.url), { workerData: { memory, slots } });
    const total = { begun: 0, revoked: 0 };
    for (let round = 1; round <= rounds; round += 1) {
      worker.postMessage(round);
      const answered = once(worker, 'message');
      Atomics.add(gate, 0, 1);
      while (Atomics.load(gate, 0) < 2 * round);
      const ran: boolean[] = [];
      for (let slot = 0; slot < slots; slot += 1) ran.push(table.begin((round << 16) | slot));
      const [recalled] = (await answered) as [Recalled[]];
      for (let slot = 0; slot < slots; slot += 1) {
        assert.equal(recalled[slot], ran[slot] ? 'begun' : 'revoked', `round ${round}, slot ${slot}`);
        total[ran[slot] ? 'begun' : 'revoked'] += 1;
      }
    }
    await worker.terminate();
    assert.equal(total.begun + total.revoked, slots * rounds);
    assert.ok(total.begun > 0 && total.revoked > 0, 'the threads met');
  },
);
