import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../base/limits.ts';
import { Wake } from './board.ts';
import { type Look, LoopWatch } from './watch.ts';

/** A loop as it was, told in turns: from when, to when. `cpuShare`: of the time in a turn, that in which it had a CPU. */
class Loop {
  readonly #turns: readonly (readonly [number, number])[];
  readonly #cpuShare: number;
  readonly #watch = new LoopWatch(0);
  nowMs = 0;
  looks = 0;
  readonly seen: (Look & { readonly atMs: number })[] = [];

  constructor(turns: readonly (readonly [number, number])[], cpuShare = 1) {
    this.#turns = turns;
    this.#cpuShare = cpuShare;
  }

  /** Looks as often as the watch wants to, and when the loop wakes it. */
  until(endMs: number): this {
    let lastMs = 0;
    while (this.nowMs < endMs) {
      const done = this.#turns.filter(([, toMs]) => toMs <= this.nowMs).length;
      const begun = this.#turns.find(([fromMs, toMs]) => fromMs <= this.nowMs && this.nowMs < toMs);
      const seen = this.#watch.look({
        turn: 2 * done + (begun === undefined ? 0 : 1),
        turnMs: begun === undefined ? 0 : this.nowMs - begun[0],
        nowMs: this.nowMs,
        usedMs: (this.nowMs - lastMs) * this.#cpuShare,
      });
      lastMs = this.nowMs;
      this.looks += 1;
      this.seen.push({ ...seen, atMs: this.nowMs });
      const starts = this.#turns.map(([fromMs]) => fromMs).filter((fromMs) => fromMs > this.nowMs);
      let nextMs = this.nowMs + seen.nextMs;
      if (seen.wake === Wake.turnStart) nextMs = Math.min(nextMs, ...starts);
      if (seen.wake === Wake.turnEnd && begun !== undefined) nextMs = Math.min(nextMs, begun[1]);
      this.nowMs = nextMs;
    }
    return this;
  }

  get firstStuckMs(): number {
    return this.seen.find(({ stuckMs }) => stuckMs > 0)?.atMs ?? Infinity;
  }
}

test('an idle loop is looked at when vitals are due, no more often', () => {
  const { seen, looks } = new Loop([]).until(10_000);
  assert.equal(seen.filter(({ report }) => report).length, 10_000 / limits.vitalsPeriodMs);
  assert.ok(looks < 10_000 / limits.vitalsPeriodMs + 5, `${looks} looks`);
});

test('a request every now and then costs a few looks, a busy loop one every 20 ms', () => {
  const rare = Array.from({ length: 10 }, (_, at) => [500 + at * 1_000, 501 + at * 1_000] as const);
  const idle = new Loop([]).until(10_500).looks;
  const { looks } = new Loop(rare).until(10_500);
  assert.ok(looks - idle <= 10 * 5, `${(looks - idle) / 10} looks a request`);
  const busy = Array.from({ length: 10_000 }, (_, at) => [at, at + 0.9] as const);
  assert.ok(new Loop(busy).until(10_000).looks <= 10_000 / 20 + 10_000 / limits.vitalsPeriodMs);
  assert.equal(new Loop(busy).until(10_000).firstStuckMs, Infinity);
});

test('wherever a turn begins, it is reported stuck within 45 ms, and over when it is', () => {
  for (let fromMs = 100; fromMs < 160; fromMs += 0.5) {
    for (const before of [[], Array.from({ length: 100 }, (_, at) => [at, at + 0.9] as const)]) {
      const loop = new Loop([...before, [fromMs, fromMs + 1_000]]).until(1_500);
      const afterMs = loop.firstStuckMs - fromMs;
      assert.ok(afterMs >= limits.loopStuckMs && afterMs < 45, `stuck after ${afterMs} ms`);
      const reports = loop.seen.filter(({ atMs, report }) => report && atMs > fromMs && atMs < fromMs + 1_000);
      assert.ok(reports.length >= 5 && reports.length <= 7, `${reports.length} reports`);
      const over = loop.seen.find(({ atMs }) => atMs >= fromMs + 1_000);
      assert.deepEqual([over?.atMs, over?.report, over?.stuckMs], [fromMs + 1_000, true, 0]);
    }
  }
});

test('time in which it waits for a CPU does not count', () => {
  // A quarter of a CPU: the turn is stuck when it has used 20 ms, not when it has lasted that long.
  const starved = new Loop([[100, 1_000]], 0.25).until(1_000);
  assert.ok(starved.firstStuckMs >= 100 + 4 * limits.loopStuckMs, `stuck after ${starved.firstStuckMs - 100} ms`);
  assert.ok(starved.firstStuckMs < 100 + 6 * limits.loopStuckMs, `stuck after ${starved.firstStuckMs - 100} ms`);
  assert.equal(new Loop([[100, 160]], 0.25).until(1_000).firstStuckMs, Infinity);
});
