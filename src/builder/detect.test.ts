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

const serverOf = async (content: Readonly<Record<string, string>>): Promise<unknown> => {
  const { functions } = await detect(await project(content));
  const found = functions.find(({ pattern }) => pattern === '/[...path]');
  return found && [found.file, found.launch, ...(found.variable === undefined ? [] : [found.variable])];
};
const fastapi = 'from fastapi import FastAPI\napp = FastAPI()\n';

test('Python files in api/ are functions beside those in JavaScript', async () => {
  const { functions } = await detect(
    await project([
      'api/a.py',
      'api/b.ts',
      'api/users/[id].py',
      'api/_x.py',
      'api/__init__.py',
      'api/test_a.py',
      'api/a_test.py',
      'api/conftest.py',
      'api/__pycache__/a.cpython-312.pyc',
      'api/venv/x.py',
    ]),
  );
  assert.deepEqual(
    functions.map(({ file, launch, pattern }) => [file, launch, pattern]),
    [
      ['api/a.py', 'python', '/api/a'],
      ['api/b.ts', 'module', '/api/b'],
      ['api/users/[id].py', 'python', '/api/users/[id]'],
    ],
  );
  assert.match(await refused(['api/a.py', 'api/a.ts']), /api\/a\.py and api\/a\.ts answer the same paths/);
});

test("a Python server is found by its file's name and what that defines", async () => {
  for (const file of [
    'app.py',
    'main.py',
    'index.py',
    'server.py',
    'wsgi.py',
    'asgi.py',
    'src/main.py',
    'app/main.py',
  ]) {
    assert.deepEqual(await serverOf({ [file]: fastapi }), [file, 'python']);
  }
  assert.deepEqual(await serverOf({ 'main.py': 'from app import app', 'app.py': fastapi }), ['app.py', 'python']);
  assert.deepEqual(await serverOf({ 'wsgi.py': 'from shop import app', 'shop/__init__.py': fastapi }), [
    'wsgi.py',
    'python',
  ]);
  assert.deepEqual(await serverOf({ 'main.py': 'class handler(BaseHTTPRequestHandler): pass' }), ['main.py', 'python']);
  assert.deepEqual(await serverOf({ 'wsgi.py': fastapi, 'asgi.py': fastapi, 'main.py': fastapi }), [
    'main.py',
    'python',
  ]);
  assert.match(await refused({ 'main.py': 'print(1)' }), /nothing to serve[\s\S]*in Python: +\{app,main/);
});

test('where something else is served, a Python file has to look like the web', async () => {
  const script = { 'main.py': 'import typer\napp = typer.Typer()' };
  assert.equal(await serverOf({ ...script, 'api/a.ts': '' }), undefined);
  assert.deepEqual(await serverOf({ ...script, 'server.js': '' }), ['server.js', 'server']);
  assert.deepEqual(await serverOf({ 'main.py': fastapi, 'api/a.ts': '' }), ['main.py', 'python']);
  assert.deepEqual(await serverOf({ 'main.py': fastapi, 'package.json': '{"main":"gone.js"}' }), ['main.py', 'python']);
  assert.match(
    await refused({ 'main.py': fastapi, 'server.js': '' }),
    /^DIR: server\.js and main\.py are both a server: remove or rename one/,
  );
  assert.match(
    await refused({ 'main.py': fastapi, 'app.py': fastapi }),
    /^DIR: app\.py and main\.py both have an application to serve: .* entrypoint = "app:app"$/,
  );
});

test("pyproject.toml and Django's manage.py say what is served", async () => {
  const said = (line: string) => ({ 'pyproject.toml': line, 'src/pkg/web.py': '', 'app.py': fastapi });
  assert.deepEqual(await serverOf(said('[tool.weir]\nentrypoint = "pkg.web:make"')), [
    'src/pkg/web.py',
    'python',
    'make',
  ]);
  assert.deepEqual(await serverOf(said('[tool.vercel]\nentrypoint = "pkg.web:app"')), ['src/pkg/web.py', 'python']);
  assert.deepEqual(await serverOf(said('[project.scripts]\napp = "pkg.web:app"')), ['src/pkg/web.py', 'python']);
  assert.deepEqual(await serverOf(said('[project.scripts]\napp = "cli:main"')), ['app.py', 'python']);
  assert.match(
    await refused(said('[tool.weir]\nentrypoint = "gone"')),
    /\[tool\.weir\] entrypoint: expected .*, got "gone"/,
  );
  const manage = `os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')`;
  const django = { 'manage.py': manage, 'shop/wsgi.py': '', 'shop/asgi.py': '' };
  assert.deepEqual(await serverOf({ ...django, 'shop/settings.py': "WSGI_APPLICATION = 'shop.wsgi.application'" }), [
    'shop/wsgi.py',
    'python',
  ]);
  assert.deepEqual(await serverOf({ ...django, 'shop/settings.py': "ASGI_APPLICATION = 'shop.asgi.site'" }), [
    'shop/asgi.py',
    'python',
    'site',
  ]);
  assert.deepEqual(await serverOf({ ...django, 'shop/settings.py': '' }), ['shop/wsgi.py', 'python']);
});

test('api/index.py has all paths where there is nothing else', async () => {
  assert.deepEqual(await serverOf({ 'api/index.py': fastapi }), ['api/index.py', 'python']);
  assert.equal(await serverOf({ 'api/index.py': 'class handler(BaseHTTPRequestHandler): pass' }), undefined);
  assert.equal(await serverOf({ 'api/index.py': fastapi, 'api/other.py': '' }), undefined);
  assert.equal(await serverOf({ 'api/index.py': fastapi, 'public/index.html': '' }), undefined);
});
