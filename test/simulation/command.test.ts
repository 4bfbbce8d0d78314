import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { helpText, isWhole, parseOptions } from '../../bench/simulation/options.ts';

const command = fileURLToPath(new URL('../../bench/simulate.ts', import.meta.url));

function simulate(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('an option with a wrong value is named, with the value and what is allowed', () => {
  const refused = (args: string[], message: string): void =>
    assert.throws(() => parseOptions(args), { name: 'UsageError', message });
  for (const value of ['0', '-1', '1e9', 'many', '4097', '1.5', '']) {
    refused(['--cores', value], `--cores ${JSON.stringify(value)}: expected a whole number from 1 to 4096`);
    refused([`--cores=${value}`], `--cores ${JSON.stringify(value)}: expected a whole number from 1 to 4096`);
  }
  refused(['--memory', '0'], '--memory "0": expected a whole number from 256 to 16777216');
  refused(['--invocations', '-5'], '--invocations "-5": expected a whole number from 1 to 20000000');
  for (const value of ['0', '-1', '1e9', 'many', '1000.5', 'Infinity', '0.0', '-.5']) {
    refused(['--rate', value], `--rate "${value}": expected a number above 0, up to 1000`);
  }
  refused(['--seed', '4294967296'], '--seed "4294967296": expected a whole number from 0 to 4294967295');
  assert.throws(
    () => parseOptions(['--only', 'llm-1x,nothing']),
    /^UsageError: --only "nothing": expected some of llm-1x, /,
  );
  assert.throws(
    () => parseOptions(['--policy', 'best']),
    /^UsageError: --policy "best": expected some of one-per-instance, /,
  );
  assert.throws(() => parseOptions(['--fast']), /^UsageError: Unknown option '--fast': see --help$/);
  assert.throws(() => parseOptions(['llm-1x']), /^UsageError: Unexpected argument 'llm-1x'/);
  assert.throws(() => parseOptions(['--cores']), /^UsageError: Option '--cores <value>' argument missing: see --help$/);
});

test('what is allowed is taken', () => {
  const options = parseOptions([
    '--only',
    'rare,cpu',
    '--policy',
    'weir',
    '--rate',
    '2.5',
    '--cores',
    '8',
    '--memory',
    '4096',
  ]);
  // In the order of the report.
  assert.deepEqual(options.only, ['cpu', 'rare']);
  assert.deepEqual([options.policy, options.rate, options.cores, options.memoryMiB], [['weir'], 2.5, 8, 4096]);
  assert.equal(isWhole(options), false);
  assert.equal(isWhole(parseOptions(['--seed', '7', '--check'])), true);
  for (const name of [...parseOptions([]).only, ...parseOptions([]).policy]) assert.ok(helpText.includes(name), name);
});

test('the command prints what it did, and says what is wrong without a stack', () => {
  assert.deepEqual(simulate('--help'), { status: 0, stdout: `${helpText}\n`, stderr: '' });
  const wrong = simulate('--cores', 'many');
  assert.deepEqual(wrong, {
    status: 2,
    stdout: '',
    stderr: '--cores "many": expected a whole number from 1 to 4096\n',
  });
  const { status, stdout } = simulate('--only', 'cpu', '--quick', '--policy', 'one-per-instance,knative,weir');
  assert.equal(status, 0);
  for (const text of ['## CPU-bound', '| Knative KPA, defaults ', '## Weir : Knative', '## What was aimed for']) {
    assert.ok(stdout.includes(text), text);
  }
  assert.ok(!stdout.includes('written'));
});

test('a trace with a broken row ends the command with its place', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-trace-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'broken.csv');
  writeFileSync(
    path,
    'TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.97,4808,10\n2023-11-16 18:17:04.03,1,many\n',
  );
  const { status, stderr } = simulate('--only', 'llm-1x', '--trace', path);
  assert.equal(status, 2);
  assert.equal(stderr, `${path}:3: GeneratedTokens is "many": expected a whole number from 0 to 10000000\n`);
});
