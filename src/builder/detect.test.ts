import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { detect } from './detect.ts';

let home: string;
before(async () => void (home = await mkdtemp(join(tmpdir(), 'weir-detect-'))));
after(() => rm(home, { recursive: true, force: true }));

async function project(files: readonly string[] | Readonly<Record<string, string>>): Promise<string> {
  const dir = await mkdtemp(join(home, 'p-'));
  const entries = Array.isArray(files) ? files.map((file) => [file, ''] as const) : Object.entries(files);
  for (const [file, content] of entries) {
    await mkdir(dirname(join(dir, file)), { recursive: true });
    await writeFile(join(dir, file), content);
  }
  return dir;
}

const files = async (content: Parameters<typeof project>[0]): Promise<string[]> =>
  (await detect(await project(content))).functions.map(({ file }) => file);

const patterns = async (content: Parameters<typeof project>[0]): Promise<string[]> =>
  (await detect(await project(content))).functions.map(({ pattern }) => pattern);

const refused = async (content: Parameters<typeof project>[0]): Promise<string> => {
  const dir = await project(content);
  const error = await detect(dir).then(
    () => assert.fail('accepted'),
    (error: unknown) => error as Error,
  );
  assert.equal(error.name, 'UsageError', error.stack);
  return error.message.replaceAll(dir, 'DIR');
};

test('a file in api/ is a function; private, hidden, type and test files are not', async () => {
  assert.deepEqual(
    await files([
      'api/a.ts',
      'api/b.js',
      'api/c.mjs',
      'api/d.cjs',
      'api/e.mts',
      'api/f.cts',
      'api/g.tsx',
      'api/h.jsx',
      'api/deep/er/i.ts',
      'api/_private.ts',
      'api/_lib/x.ts',
      'api/.hidden/x.ts',
      'api/types.d.ts',
      'api/types.d.mts',
      'api/a.test.ts',
      'api/a.spec.js',
      'api/notes.md',
      'api/node_modules/x/index.js',
      'lib/x.ts',
    ]),
    [
      'api/a.ts',
      'api/b.js',
      'api/c.mjs',
      'api/d.cjs',
      'api/e.mts',
      'api/f.cts',
      'api/g.tsx',
      'api/h.jsx',
      'api/deep/er/i.ts',
    ],
  );
});

test('routes: an index stands for its folder, literal before parameter before rest', async () => {
  assert.deepEqual(
    await patterns([
      'api/index.ts',
      'api/[...all].ts',
      'api/[id]/index.ts',
      'api/[id]/edit.ts',
      'api/users/[id].ts',
      'api/users/me.ts',
      'api/users/[...rest].ts',
      'api/users/index.ts',
      'server.ts',
    ]),
    [
      '/api',
      '/api/users',
      '/api/users/me',
      '/api/users/[id]',
      '/api/users/[...rest]',
      '/api/[id]',
      '/api/[id]/edit',
      '/api/[...all]',
      '/[...path]',
    ],
  );
});

test('segments carry kind and name', async () => {
  const { functions } = await detect(await project(['api/[id]/[...rest].ts']));
  assert.deepEqual(functions[0]?.segments, [
    { kind: 'literal', text: 'api' },
    { kind: 'param', name: 'id' },
    { kind: 'rest', name: 'rest' },
  ]);
  assert.equal(functions[0]?.name, 'api/[id]/[...rest]');
});

test('two files for the same paths are refused with both names', async () => {
  assert.equal(
    await refused(['api/[a].ts', 'api/[b].ts']),
    'DIR: api/[a].ts and api/[b].ts answer the same paths: remove or rename one of them',
  );
  assert.match(
    await refused(['api/x.ts', 'api/x/index.js']),
    /api\/x\.ts and api\/x\/index\.js|api\/x\/index\.js and api\/x\.ts/,
  );
  assert.match(await refused(['api/x.ts', 'api/x.js']), /api\/x\.js and api\/x\.ts/);
  assert.match(await refused(['server.ts', 'server.js']), /server\.ts and server\.js are both the server/);
});

test('brackets that mean nothing are refused', async () => {
  assert.match(await refused(['api/[].ts']), /^api\/\[\]\.ts: "\[\]" is neither/);
  assert.match(await refused(['api/a[b].ts']), /"a\[b\]" is neither/);
  assert.match(await refused(['api/[[...x]].ts']), /is neither/);
  assert.match(await refused(['api/[...x]/y.ts']), /must be the last part/);
  assert.match(await refused(['api/[x]/[x].ts']), /parameter x is named twice/);
});

test('a server is found by its name, and index or app only when they look like one', async () => {
  assert.deepEqual(await files(['server.mjs']), ['server.mjs']);
  assert.deepEqual(await files(['src/server.ts']), ['src/server.ts']);
  assert.deepEqual(await files(['server.ts', 'src/server.ts']), ['server.ts']);
  assert.deepEqual(await files({ 'index.ts': "import { Hono } from 'hono';" }), ['index.ts']);
  assert.deepEqual(await files({ 'src/app.js': "const app = require('express')(); app.get('/');" }), ['src/app.js']);
  assert.deepEqual(await files({ 'index.js': 'createServer(f).listen(3000);' }), ['index.js']);
  assert.deepEqual(await files({ 'index.js': 'export const x = 1;', 'api/a.js': '' }), ['api/a.js']);
  assert.deepEqual(await files({ 'src/main.ts': "import { NestFactory } from '@nestjs/core';" }), ['src/main.ts']);
  assert.deepEqual(await files({ 'src/main.ts': 'render();', 'api/a.js': '' }), ['api/a.js']);
});

test('package.json main is a server; one that is not there is named when there is nothing else', async () => {
  assert.deepEqual(await files({ 'package.json': '{"main":"./lib/go.js"}', 'lib/go.js': '' }), ['lib/go.js']);
  assert.deepEqual(await files({ 'package.json': '{"main":"lib/go"}', 'lib/go.mjs': '' }), ['lib/go.mjs']);
  assert.deepEqual(await files({ 'package.json': '{"main":"index.js"}', 'api/a.js': '' }), ['api/a.js']);
  assert.match(
    await refused({ 'package.json': '{"main":"gone.js"}' }),
    /package\.json: main: there is no file "gone\.js"/,
  );
  assert.match(await refused({ 'package.json': '{' }), /package\.json: not valid JSON/);
  assert.match(await refused({ 'package.json': '{"main":"../out.js"}' }), /there is no file/);
});

test('beside api/ or public/ the main of package.json is a server only when it looks like one', async () => {
  const script = { 'package.json': '{"main":"index.js"}', 'index.js': 'console.log("a script");' };
  assert.deepEqual(await files({ ...script, 'api/a.js': '' }), ['api/a.js']);
  assert.deepEqual(await files({ ...script, 'public/i.html': '' }), []);
  assert.deepEqual(
    await files({ ...script, 'api/a.js': '', 'package.json': '{"main":"go.js"}', 'go.js': 'a.listen(1)' }),
    ['api/a.js', 'go.js'],
  );
  assert.deepEqual(await files(script), ['index.js']);
});

test('a server has every path, beside the functions of api/', async () => {
  const { functions } = await detect(await project(['server.js', 'api/a.js']));
  assert.deepEqual(
    functions.map(({ name, launch, pattern }) => [name, launch, pattern]),
    [
      ['api/a', 'module', '/api/a'],
      ['server', 'server', '/[...path]'],
    ],
  );
});

test('public/ alone is a project; nothing at all is refused with what was looked for', async () => {
  const dir = await project(['public/index.html']);
  assert.deepEqual(await detect(dir), { functions: [], publicDir: join(dir, 'public') });
  const text = await refused(['README.md']);
  for (const part of ['DIR: nothing to serve', 'api/**/*.{ts,js', 'src/server.*', '"main"', 'public/']) {
    assert.ok(text.includes(part), part);
  }
});

test('links are followed, and one that leads back up ends there', async () => {
  const dir = await project(['api/a.js', 'elsewhere/b.js']);
  await symlink(join(dir, 'elsewhere'), join(dir, 'api/linked'));
  await symlink(join(dir, 'api'), join(dir, 'api/loop'));
  await symlink(join(dir, 'gone.js'), join(dir, 'api/dangling.js'));
  const { functions } = await detect(dir);
  assert.deepEqual(functions.map(({ file }) => file).toSorted(), ['api/a.js', 'api/linked/b.js']);
});
