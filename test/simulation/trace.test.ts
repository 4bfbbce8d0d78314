import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseTrace, readTrace } from '../../bench/simulation/trace.ts';
import { UsageError } from '../../src/base/errors.ts';

const header = 'TIMESTAMP,ContextTokens,GeneratedTokens';
const good = '2023-11-16 18:17:03.9799600,4808,10';

const refused = (lines: readonly string[], message: string): void =>
  assert.throws(
    () => parseTrace(lines.join('\n'), 'trace.csv'),
    (error) => {
      assert.ok(error instanceof UsageError);
      assert.equal(error.message, message);
      return true;
    },
  );

test('times are counted from the first request, with fractions', () => {
  const rows = parseTrace(
    `${header}\r\n${good}\r\n2023-11-16 18:17:04.0319600,3180,8\r\n2023-11-17 00:00:00,0,0\r\n`,
    'trace.csv',
  );
  assert.equal(rows.length, 3);
  assert.equal(rows[0]!.atMs, 0);
  assert.ok(Math.abs(rows[1]!.atMs - 52) < 1e-3);
  assert.ok(Math.abs(rows[2]!.atMs - 20_576_020.04) < 1e-3);
  assert.equal(rows[1]!.generatedTokens, 8);
});

test('lines may end as on Windows, the last one too; a day between two is not too long', () => {
  const next = '2023-11-17 18:17:03.9799600,1,2';
  for (const end of ['', '\r', '\r\n', '\n']) {
    const rows = parseTrace(`${header}\r\n${good}\n${next}${end}`, 'trace.csv');
    assert.deepEqual(
      rows.map(({ atMs, generatedTokens }) => [Math.round(atMs), generatedTokens]),
      [
        [0, 10],
        [86_400_000, 2],
      ],
    );
  }
});

test('a broken row is named: file, line, value, and what is allowed', () => {
  const tokens = 'a whole number from 0 to 10000000';
  for (const value of ['-1', 'many', '1e9', '', '1.5', '99999999']) {
    const row = `2023-11-16 18:17:05.0,1,${value}`;
    refused([header, good, row], `trace.csv:3: GeneratedTokens is "${value}": expected ${tokens}`);
  }
  refused([header, '2023-11-16 18:17:05.0,x,1'], `trace.csv:2: ContextTokens is "x": expected ${tokens}`);
  const time = 'expected a time like 2023-11-16 18:17:03.9799600';
  for (const value of ['yesterday', '2023-02-31 00:00:00', '2023-11-16T18:17:03', '2023-11-16 25:00:00']) {
    refused([header, `${value},1,1`], `trace.csv:2: TIMESTAMP is "${value}": ${time}`);
  }
  refused([header, good, '1,2'], `trace.csv:3: the line is "1,2": expected 3 fields (${header})`);
  refused([header, good, ''].concat(good), `trace.csv:3: the line is "": expected 3 fields (${header})`);
  const earlier = '2023-11-16 18:17:03.0,1,1';
  refused(
    [header, good, earlier],
    'trace.csv:3: TIMESTAMP is "2023-11-16 18:17:03.0": expected not before the line above',
  );
  for (const later of ['2025-11-16 18:17:04', '2023-11-17 18:17:03.98']) {
    const above = 'expected at most a day after the line above';
    refused([header, good, `${later},1,1`], `trace.csv:3: TIMESTAMP is "${later}": ${above}`);
  }
  refused(['time,tokens', good], `trace.csv:1: the header is "time,tokens": expected ${header}`);
  refused([header], 'trace.csv:2: there is no request: expected at least one line below the header');
  refused([''], `trace.csv:1: the header is "": expected ${header}`);
});

test('a file that is not there is named', () => {
  assert.throws(() => readTrace('/nowhere/trace.csv'), {
    name: 'UsageError',
    message: '/nowhere/trace.csv: cannot be read (ENOENT)',
  });
});

test('the trace that is used is as its description says', () => {
  const rows = readTrace(fileURLToPath(new URL('../../bench/data/azure-llm-2023-code.csv', import.meta.url)));
  assert.equal(rows.length, 8819);
  assert.equal(Math.round(rows.at(-1)!.atMs / 60_000), 57);
  const gaps = rows.slice(1).map(({ atMs }, index) => atMs - rows[index]!.atMs);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  assert.equal(Math.round(Math.sqrt(variance) / mean), 13);
});
