import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { placesOf } from './completion/tree.ts';
import { systemClock } from '../base/clock.ts';
import { weirProgram } from './program.ts';
import { home, weir } from './run.fixture.ts';

const page = fileURLToPath(new URL('../../docs/reference/cli.md', import.meta.url));

test('docs/reference/cli.md is what the commands say: weir __reference > docs/reference/cli.md', async (t) => {
  const { out } = await weir(home(t), {}, ['__reference']);
  assert.equal(readFileSync(page, 'utf8'), out);
});

test('every command has help with examples; those that talk to a control have the options of all', async (t) => {
  const streams = { out: process.stdout, err: process.stderr };
  const program = weirProgram({ streams, input: process.stdin, environment: {}, clock: systemClock, version: '0' });
  const at = home(t);
  const without = new Set(['dev', 'start', 'serve', 'build', 'completion', 'explain']);
  for (const { path, commands, flags } of placesOf(program)) {
    if (path === '' || commands.length > 0) continue;
    const { code, out } = await weir(at, {}, [...path.split(' '), '--help']);
    assert.equal(code, 0, path);
    assert.match(out, new RegExp(`\nExamples\n {2}weir ${path}`), path);
    const names = new Set(flags.flatMap((flag) => flag.names));
    if (without.has(path)) continue;
    for (const name of ['--json', '--context', '--no-color', '--quiet']) assert.ok(names.has(name), `${path} ${name}`);
  }
});
