import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boardCells, boardMemory, Cell } from '../board.ts';
import { Turns } from '../turns.ts';
import { type Charged, SharedCharges } from './shared-charges.ts';

function bench() {
  const cells = boardCells(boardMemory(0));
  const now = { ms: 0, cpuUs: 0 };
  const charges = new SharedCharges(new Turns(boardCells(boardMemory(0))), cells, {
    nowMs: () => now.ms,
    cpuUs: () => now.cpuUs,
  });
  const charged = (): Charged => ({ measuredUs: -1, usedUs: 0, sinceMs: 0, place: -1 });
  const take = (context: Charged): number => charges.take({ activeMs: 0, context });
  const pass = (ms: number, cpuUs: number): void => {
    now.ms += ms;
    now.cpuUs += cpuUs;
  };
  return { cells, charges, now, charged, take, pass };
}

test('a period is divided by the time that each was in flight, whatever it did', () => {
  const { charges, now, charged, take, pass } = bench();
  const [long, short] = [charged(), charged()];
  charges.began(long, now.ms);
  pass(100, 0);
  charges.began(short, now.ms);
  pass(100, 90_000);
  charges.period(now.ms, now.cpuUs);
  assert.equal(take(short), 30_000);
  charges.ended(short, now.ms);
  assert.equal(take(long), 60_000);
  charges.ended(long, now.ms);
  charges.ended(long, now.ms);
  assert.equal(charges.inFlight, 0);
});

test('who ends within a period goes by the rate before it, and the sum is never more than the system says', () => {
  const { charges, now, charged, take, pass, cells } = bench();
  pass(1_000, 500_000);
  charges.booted();
  let attributedUs = 0;
  for (let round = 0; round < 100; round += 1) {
    const own = charged();
    charges.began(own, now.ms);
    pass(10, round < 50 ? 5_000 : 0);
    attributedUs += take(own);
    charges.ended(own, now.ms);
    if (round % 10 === 9) charges.period(now.ms, now.cpuUs);
    assert.ok(attributedUs <= now.cpuUs - 500_000, `${attributedUs} of ${now.cpuUs - 500_000}`);
  }
  assert.ok(attributedUs > 0.8 * 250_000, `${attributedUs}`);
  assert.equal(cells[Cell.attributedUs], attributedUs);
});

test('what the runtime measured counts, as far as the system says so', () => {
  const { charges, now, charged, take, pass } = bench();
  const [first, second] = [charged(), charged()];
  charges.began(first, now.ms);
  charges.began(second, now.ms);
  pass(100, 50_000);
  first.measuredUs = 20_000;
  assert.equal(take(first), 20_000);
  second.measuredUs = 70_000;
  pass(10, 0);
  assert.equal(take(second), 30_000);
});

test('what nobody was in flight for is nobody’s', () => {
  const { charges, now, charged, take, pass } = bench();
  pass(100, 100_000);
  charges.period(now.ms, now.cpuUs);
  const own = charged();
  charges.began(own, now.ms);
  pass(100, 10_000);
  charges.period(now.ms, now.cpuUs);
  assert.equal(take(own), 10_000);
});
