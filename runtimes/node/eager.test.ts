import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';
import type { LoadOrder } from '../../src/core/call.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));

interface Made {
  readonly root: string;
  readonly dir: string;
}

/** A function that was loaded once by a scratch instance; all of its modules note that they ran. */
function made(t: TestContext, files: Readonly<Record<string, string>>, entry: string, flags: readonly string[]): Made {
  const root = mkdtempSync(join(tmpdir(), 'weir-test-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const order: LoadOrder = {
    function: 'dpl_1/index',
    root,
    entry: join(root, entry),
    launch: 'module',
    environment: {},
    memoryMiB: 128,
    maxDurationMs: 60_000,
    maxConcurrency: null,
    deployment: 'dpl_1',
    project: 'shop',
  };
  const dir = join(root, 'bytecode');
  const env = { PATH: process.env['PATH'], NODE_COMPILE_CACHE: dir, WEIR_ADDRESS: 'unix:/nowhere', WEIR_SCRATCH: '1' };
  const scratch = spawnSync(process.execPath, [...flags, main], {
    env,
    input: JSON.stringify(order),
    encoding: 'utf8',
  });
  assert.deepEqual([scratch.status, scratch.stderr], [0, ''], scratch.stderr);
  return { root, dir };
}

/** What becomes of the bytecode of a file that another process requires: its bytes, and what V8 says. */
function required({ root, dir }: Made, file: string, flags: readonly string[]): { bytes: number; said: string } {
  const env = { NODE_COMPILE_CACHE: dir, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' };
  const path = join(root, file);
  const { stderr, stdout } = spawnSync(process.execPath, [...flags, '-e', `require(${JSON.stringify(path)})`], {
    env,
    encoding: 'utf8',
  });
  const lines = `${stdout}${stderr}`.split('\n').filter((line) => line.includes(path));
  const bytes = lines.map((line) => /success, size=(\d+)/.exec(line)?.[1]).find((found) => found !== undefined);
  return { bytes: Number(bytes ?? 0), said: /was (accepted|rejected|not initialized)/.exec(lines.join())?.[1] ?? '' };
}

const flags = ['--max-old-space-size=100'];
const uncalled = (count: number): string =>
  Array.from(
    { length: count },
    (_, at) => `exports.f${at} = (x) => { const y = x * ${at}; return y + 'abc'.at(y); };`,
  ).join('\n');
const entry = "require('./used.cjs'); module.exports = (req, res) => res.end();";

test('functions that nobody has called have bytecode, and V8 takes it', (t) => {
  const source = uncalled(100);
  const scene = made(t, { 'index.cjs': entry, 'used.cjs': source }, 'index.cjs', flags);
  const { bytes, said } = required(scene, 'used.cjs', flags);
  assert.equal(said, 'accepted');
  const lazy = compileFunction(source, [], { produceCachedData: true }).cachedData!;
  assert.ok(bytes > 1.5 * lazy.length, `${bytes} bytes, ${lazy.length} of what the parser takes for called at once`);
});

test('V8 takes none of it under other flags', (t) => {
  const scene = made(t, { 'index.cjs': entry, 'used.cjs': uncalled(10) }, 'index.cjs', flags);
  assert.notEqual(required(scene, 'used.cjs', ['--no-opt']).said, 'accepted');
});

test('what cannot be kept (asm.js) or compiled is left out, the rest is there', (t) => {
  const asm = `module.exports = (function m() { 'use asm'; function f(x) { x = x | 0; return (x + 1) | 0; } return { f: f }; })().f(1);`;
  const files = {
    '___next_launcher.cjs': `require('./asm.cjs'); ${entry}`,
    'asm.cjs': asm,
    'used.cjs': uncalled(10),
    'rest.js': `${uncalled(10)}\nthrow new Error('it was run');`,
    'module.js': 'export default 1;',
    'broken.js': '{',
  };
  const scene = made(t, files, '___next_launcher.cjs', flags);
  assert.equal(required(scene, 'used.cjs', flags).said, 'accepted');
  assert.equal(required(scene, 'rest.js', flags).said, 'accepted');
});
