import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../base/clock.ts';
import { columnsOf } from '../../base/printable.ts';
import { Output } from '../output.ts';
import { Progress } from './progress.ts';

interface Shown {
  readonly progress: Progress;
  readonly written: string[];
  readonly pass: (ms: number) => void;
}

function shown(isTTY: boolean, columns = 200): Shown {
  const written: string[] = [];
  const err = { isTTY, columns, write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream;
  let nowMs = 0;
  const clock = { nowMs: () => nowMs } as Clock;
  const output = new Output({ out: err, err }, { json: false, quiet: false });
  const progress = new Progress({ files: 4, bytes: 1_000_000 }, output, err, clock);
  return { progress, written, pass: (ms) => void (nowMs += ms) };
}

test('on a terminal a line that is painted over, not too often, and taken away', () => {
  const { progress, written, pass } = shown(true);
  pass(500);
  progress.moved(250_000);
  progress.moved(1);
  pass(500);
  progress.fileDone();
  progress.moved(249_999);
  pass(100);
  progress.moved(0);
  progress.end();
  assert.deepEqual(written, [
    '\ruploading ██████░░░░░░░░░░░░░░░░░░ 25 %  0 of 4 files, 250 kB of 1.0 MB, 500 kB/s\u001B[K',
    '\ruploading ██████░░░░░░░░░░░░░░░░░░ 25 %  1 of 4 files, 250 kB of 1.0 MB, 250 kB/s\u001B[K',
    '\ruploading ████████████░░░░░░░░░░░░ 50 %  1 of 4 files, 500 kB of 1.0 MB, 455 kB/s\u001B[K',
    '\r\u001B[K',
  ]);
});

test('on a narrow terminal it stays one line', () => {
  const { progress, written } = shown(true, 40);
  progress.moved(500_000);
  assert.equal(columnsOf(written[0]!.replace('\r', '').replace('\u001B[K', '')), 39);
});

test('elsewhere a line for each quarter; what is sent again is not told again', () => {
  const { progress, written } = shown(false);
  for (const bytes of [100_000, 200_000, -100_000, 100_000, 300_000, 400_000]) progress.moved(bytes);
  progress.end();
  assert.deepEqual(written, ['uploaded 25 %, 300 kB\n', 'uploaded 50 %, 600 kB\n']);
});
