import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameWriter } from '../tunnel/writer.ts';
import { boardCells, boardMemory, Cell } from './board.ts';
import { Turns } from './turns.ts';
import { nowhere } from './nowhere.fixture.ts';
import { VitalsReporter } from './vitals.ts';

function watched(): { turns: Turns; cells: Int32Array; delayMs: (turnMs?: number) => number } {
  const cells = boardCells(boardMemory(0));
  const reporter = new VitalsReporter(cells, new FrameWriter(nowhere), performance.now());
  return {
    turns: new Turns(cells),
    cells,
    delayMs: (turnMs = 0) => reporter.report(performance.now(), turnMs, 0).loopDelayMs,
  };
}

/** A turn that keeps the loop for so long. It has ended when this resolves. */
async function turn(turns: Turns, ms: number): Promise<void> {
  const untilMs = turns.enter() + ms;
  while (performance.now() < untilMs);
  while (turns.inside) await new Promise(setImmediate);
}

test('vitals tell the longest turn since the last ones', async () => {
  const { turns, delayMs } = watched();
  assert.equal(delayMs(), 0, 'there was none');
  await turn(turns, 5);
  await turn(turns, 40);
  await turn(turns, 1);
  const toldMs = delayMs();
  assert.ok(toldMs >= 40 && Number.isInteger(toldMs), `${toldMs} ms`);
  assert.equal(delayMs(), 0, 'it was told');
  await turn(turns, 10);
  assert.ok(delayMs() >= 10, 'shorter than what was told before, and the longest of its period');
});

test('the turn that goes on counts as far as it has come, and once more when it has ended', async () => {
  const { turns, delayMs } = watched();
  await turn(turns, 10);
  assert.equal(delayMs(1500.7), 1500);
  await turn(turns, 30);
  assert.ok(delayMs(3) >= 30, 'one that ended was longer');
});

test('a turn that ends between the look at it and the report belongs to the next period at the latest', async () => {
  const { turns, cells, delayMs } = watched();
  await turn(turns, 20);
  // As it is when the turn's end was written and the report took the period just before.
  Atomics.store(cells, Cell.turnPeriod, (cells[Cell.turnPeriod] ?? 0) + 1);
  assert.equal(delayMs(7), 7, 'what is of an earlier period was reported then');
  await turn(turns, 12);
  assert.ok(delayMs() >= 12);
});

test('periods wrap', async () => {
  const { turns, cells, delayMs } = watched();
  cells[Cell.turnPeriod] = 2 ** 31 - 1;
  await turn(turns, 5);
  assert.ok(delayMs() >= 5);
  assert.equal(cells[Cell.turnPeriod], -(2 ** 31));
  assert.equal(delayMs(), 0);
  await turn(turns, 5);
  assert.ok(delayMs() >= 5);
});

test('a turn ends with the loop, whatever user code has put in the place of its functions', async (t) => {
  const { turns } = watched();
  const { setImmediate: ofLoop } = globalThis;
  const nextTick = process.nextTick.bind(process);
  t.after(() => Object.assign(globalThis, { setImmediate: ofLoop }) && Object.assign(process, { nextTick }));
  // As Next does while it renders in advance: they are called before the loop goes on.
  const callers: string[] = [];
  const replaced = (go: (...args: unknown[]) => void, ...args: unknown[]): void => {
    callers.push(new Error('called').stack ?? '');
    nextTick(go, ...args);
  };
  Object.assign(globalThis, { setImmediate: replaced });
  Object.assign(process, { nextTick: replaced });
  turns.enter();
  while (turns.inside) await new Promise((resolve) => ofLoop(resolve));
  assert.ok(callers.every((stack) => !stack.includes('/turns.ts:')));
});
