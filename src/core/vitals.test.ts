import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nackReasons } from '../model/vitals.ts';
import { FrameWriter } from '../tunnel/writer.ts';
import { boardCells, boardMemory, Cell } from './board.ts';
import { nowhere } from './nowhere.fixture.ts';
import { VitalsReporter } from './vitals.ts';

test('vitals and board say what ails the process, and that it is over', () => {
  const cells = boardCells(boardMemory(0));
  const reporter = new VitalsReporter(cells, new FrameWriter(nowhere), performance.now());
  cells[Cell.memoryMiB] = 1;
  const memory = nackReasons.indexOf('memory') + 1;
  assert.equal(reporter.report(performance.now(), 0, 0).ailment, memory);
  assert.equal(cells[Cell.verdict], memory);
  cells[Cell.memoryMiB] = 1024 * 1024;
  assert.equal(reporter.report(performance.now(), 0, 0).ailment, 0);
  assert.equal(cells[Cell.verdict], 0);
  reporter.close();
});
