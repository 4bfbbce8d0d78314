import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../base/limits.ts';
import { silentLog } from '../../base/log.ts';
import type { UsageRow } from '../../meter/rollup.ts';
import { VirtualClock } from '../../../test/sim/virtual-clock.ts';
import { UsageWriter } from './usage-writer.ts';

function setUp() {
  const clock = new VirtualClock();
  const written: number[] = [];
  const batches: number[] = [];
  const errors: string[] = [];
  const disk = { isFull: false };
  const write = (rows: readonly UsageRow[]): void => {
    if (disk.isFull) throw new Error('database or disk is full');
    batches.push(rows.length);
    written.push(...rows.map(({ minute }) => minute));
  };
  const log = { ...silentLog, error: (text: string) => void errors.push(text) };
  return { clock, written, batches, errors, disk, writer: new UsageWriter({ clock, log, write }) };
}
const rowsOf = (count: number, from = 0): UsageRow[] =>
  Array.from({ length: count }, (_, at) => ({ minute: from + at }) as UsageRow);
const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

test('many rows are written a little at a time, in order; what waits is known all the while', () => {
  const { clock, writer, written, batches } = setUp();
  const count = 2 * limits.usageWriteRows + 1;
  writer.add(rowsOf(count));
  assert.deepEqual([written.length, writer.waiting.length], [0, count]);
  clock.settle();
  assert.deepEqual(batches, [limits.usageWriteRows, limits.usageWriteRows, 1]);
  assert.deepEqual([written, writer.waiting], [numbers(count), []]);
  writer.add(rowsOf(1, count));
  clock.settle();
  assert.deepEqual(written, numbers(count + 1));
});

test('a full disk stops nobody: rows are kept, told of once, and written when there is room', () => {
  const { clock, writer, written, errors, disk } = setUp();
  disk.isFull = true;
  writer.add(rowsOf(2));
  clock.advance(3 * limits.usageRetryMs);
  writer.add(rowsOf(1, 2));
  clock.settle();
  assert.deepEqual([written, writer.waiting.length, errors.length], [[], 3, 1]);
  disk.isFull = false;
  clock.advance(limits.usageRetryMs);
  assert.deepEqual([written, writer.waiting], [[0, 1, 2], []]);
  disk.isFull = true;
  writer.add(rowsOf(limits.usageWaitingRows + 5));
  assert.equal(writer.waiting.length, limits.usageWaitingRows);
  assert.match(errors.at(-1)!, /lost/);
});

test('at the end what is left is written, in one go', () => {
  const { clock, writer, written } = setUp();
  writer.add(rowsOf(limits.usageWriteRows + 1));
  writer.close();
  writer.close();
  clock.settle();
  assert.deepEqual(written, numbers(limits.usageWriteRows + 1));
});
