import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const fixture = fileURLToPath(new URL('console.fixture.ts', import.meta.url));

test('console and streams become lines of their invocation; the real stdout stays silent', () => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [fixture], { encoding: 'utf8', timeout: 20_000 });
  assert.deepEqual([status, stderr], [0, '']);
  const [lines, outcomes, isTTY, fd] = JSON.parse(stdout) as [
    [string, string, string, number][],
    unknown[],
    boolean,
    number,
  ];
  assert.deepEqual([isTTY, fd], [false, 1]);
  const error = lines.find(([, , text]) => text.startsWith('Error: with a stack'));
  assert.match(error?.[2] ?? '', /\n\s+at .*console\.fixture/);
  assert.deepEqual(
    lines.filter((line) => line !== error),
    [
      ['info', 'stdout', 'outside 1', 0],
      ['info', 'stdout', '{ a: { b: { c: [Object] } } } two\nlines', 1],
      ['debug', 'stdout', 'debug', 1],
      ['info', 'stdout', 'info', 1],
      ['warn', 'stderr', 'warn', 1],
      ['info', 'stdout', 'group', 1],
      ['info', 'stdout', '  indented', 1],
      ['error', 'stderr', 'Assertion failed: asserted', 1],
      ['info', 'stdout', '', 1],
      ['info', 'stdout', 'part of a line', 2],
      ['info', 'stdout', 'and another', 2],
      ['info', 'stdout', 'not en', 2],
      ['info', 'stdout', 'ded by its own invocation', 3],
      ['error', 'stderr', 'é', 0],
      ['info', 'stdout', 'fd text ä', 4],
      ['error', 'stderr', 'fd bytes', 4],
      ['info', 'stdout', 'fd vector', 4],
      ['info', 'stdout', 'fd hex', 4],
      ['info', 'stdout', 'fd later', 4],
      ['info', 'stdout', 'fd options', 4],
      ['info', 'stdout', 'fd vector later', 4],
      ['info', 'stdout', 'fd promised', 0],
      ['info', 'stdout', 'left over', 0],
    ],
  );
  assert.deepEqual([error?.[0], error?.[1], error?.[3]], ['error', 'stderr', 1]);
  assert.deepEqual(outcomes, [
    11,
    9,
    10,
    6,
    1,
    'ERR_INVALID_ARG_TYPE',
    'ERR_INVALID_ARG_TYPE',
    'ERR_OUT_OF_RANGE',
    'EBADF',
    ['string', null, 9, 'string'],
    ['options', null, 11, 'object'],
    ['vector', null, 16, 'object'],
    12,
  ]);
});
