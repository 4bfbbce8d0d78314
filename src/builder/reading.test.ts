import assert from 'node:assert/strict';
import { test } from 'node:test';
import { project } from './project.fixture.ts';
import type { Files } from './project.fixture.ts';
import { readingOf } from './reading.ts';

const server = "require('node:http').createServer().listen(3000);";

async function read(files: Files) {
  const dir = await project(files);
  const reading = await readingOf(dir);
  return reading.kind === 'one'
    ? reading
    : { ...reading, dirs: reading.dirs.map((path) => path.slice(dir.length + 1)) };
}

test('a folder of projects is that, whatever they are called and whatever else is in it', async () => {
  const several = (dirs: readonly string[], mayBeOne = true) => ({ kind: 'several', dirs, mayBeOne });
  assert.deepEqual(
    await read({ 'api/package.json': '{}', 'api/server.js': server, 'web/package.json': '{}', 'web/public/a.txt': '' }),
    several(['api', 'web']),
  );
  const monorepo = { 'package.json': '{ "devDependencies": { "astro": "*" } }', 'shop/package.json': '{}' };
  assert.deepEqual(await read(monorepo), several(['shop']));
  assert.deepEqual(await read({ 'public/a.txt': '', 'shop/weir.json': '{}' }), several(['shop']));
  assert.deepEqual(await read({ 'api/a.js': '', 'shop/server.js': server }), several(['shop']));
  assert.deepEqual(await read({ 'api/a.js': '', 'shop/.vercel/output/config.json': '{}' }), several(['shop']));
  assert.deepEqual(await read({ 'shop/api/a.js': '', 'web/public/b.txt': '' }), several(['shop', 'web'], false));
  assert.deepEqual(await read({ '_old/package.json': '{}', '.x/package.json': '{}' }), several([], false));
});

test('what has something to be served in itself is one project', async () => {
  const one = (decider: string | null = null) => ({ kind: 'one', decider });
  assert.deepEqual(await read({ 'api/a.js': '', 'public/a.txt': '', 'docs/a.txt': '' }), one());
  assert.deepEqual(await read({ 'package.json': '{}', 'src/main.js': server, 'lib/a.js': '' }), one());
  assert.deepEqual(await read({ 'package.json': '{ "dependencies": { "astro": "*" } }', 'src/a.astro': '' }), one());
  const inner = { 'api/a.js': '', 'client/package.json': '{}' };
  for (const file of ['weir.json', 'vercel.json']) assert.deepEqual(await read({ ...inner, [file]: '{}' }), one(file));
  assert.deepEqual(await read({ ...inner, '.vercel/output/config.json': '{}' }), one('.vercel/output'));
});

test('projects in other languages are told apart as well', async () => {
  const fastapi = 'from fastapi import FastAPI\napp = FastAPI()';
  const program = '{ "runtime": "executable", "command": ["./server"] }';
  assert.deepEqual(await read({ 'main.py': fastapi, 'shop/wsgi.py': fastapi }), { kind: 'one', decider: null });
  assert.deepEqual(await read({ 'weir.json': program, 'cmd/main.go': '' }), { kind: 'one', decider: null });
  assert.deepEqual(await read({ 'a/main.py': fastapi, 'b/weir.json': program, 'public/x.txt': '' }), {
    kind: 'several',
    dirs: ['a', 'b'],
    mayBeOne: true,
  });
  assert.deepEqual(await read({ 'api/a.js': '', 'scripts/main.py': 'import typer\napp = typer.Typer()' }), {
    kind: 'one',
    decider: null,
  });
});
