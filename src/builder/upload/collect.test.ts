import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { project, refusal } from '../project.fixture.ts';
import type { Files } from '../project.fixture.ts';
import { collect } from './collect.ts';
import type { Collected } from './collect.ts';

const run = promisify(execFile);
const repository = fileURLToPath(new URL('../../..', import.meta.url));
const pathsOf = ({ files }: Collected): string[] => files.map(({ path }) => path);

/** Lays out an upload elsewhere, as a control does. Resolves with the project in it. */
async function unpack(context: TestContext, { files, links, directory }: Collected): Promise<string> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'weir-unpacked-')));
  context.after(() => rm(root, { recursive: true, force: true }));
  for (const { path, absolute } of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await copyFile(absolute, join(root, path));
  }
  for (const { path, link } of links) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await symlink(link, join(root, path));
  }
  return join(root, directory);
}

const runs = async (dir: string, code: string): Promise<string> =>
  (await run(process.execPath, ['--input-type=module', '-e', code], { cwd: dir })).stdout.trim();

test('a plain project: its files, in order, without what nobody means to deploy', async () => {
  const dir = await project({
    'api/hello.ts': 'export const GET = (): Response => new Response("hi");',
    'api/_shared.ts': '',
    'public/index.html': '<p>',
    'weir.json': '{}',
    '.env': 'A=1',
    '.env.local': 'SECRET=1',
    '.env.production.local': 'SECRET=1',
    '.env.production': 'B=1',
    '.git/HEAD': 'ref',
    '.weir/dev/x': '',
    '.vercel/project.json': '{}',
    '.venv/bin/python': '',
    '.DS_Store': '',
    'lib/__pycache__/a.pyc': '',
    'lib/.hello.ts.swp': '',
    'node_modules/left/index.js': '',
    'secret.log': '',
    '.gitignore': '*.log\n',
  });
  const found = await collect(dir);
  assert.deepEqual(pathsOf(found), [
    '.env',
    '.env.production',
    'api/_shared.ts',
    'api/hello.ts',
    'public/index.html',
    'weir.json',
  ]);
  assert.deepEqual([found.root, found.directory, found.links, found.warnings], [dir, '', [], []]);
});

test('what is left out: by .weirignore, else .vercelignore, else every .gitignore', async () => {
  const files: Files = {
    'server.js': 'import "node:http"; const s = { listen() {} }; s.listen();',
    'data/a.txt': '',
    'data/b.txt': '',
    'deep/in/c.txt': '',
    'deep/in/d.md': '',
    'deep/.gitignore': '*.md\n!in/keep.md\n',
    'deep/in/keep.md': '',
    '.gitignore': 'data/a.txt\n',
  };
  assert.deepEqual(pathsOf(await collect(await project(files))), [
    'data/b.txt',
    'deep/in/c.txt',
    'deep/in/keep.md',
    'server.js',
  ]);
  const vercel = { ...files, '.vercelignore': '*\n!server.js\n!data\n!data/a.txt\n' };
  assert.deepEqual(pathsOf(await collect(await project(vercel))), ['data/a.txt', 'server.js']);
  assert.deepEqual(pathsOf(await collect(await project({ ...vercel, '.weirignore': 'deep\n' }))), [
    'data/a.txt',
    'data/b.txt',
    'server.js',
  ]);
});

test('code that functions load is uploaded though git does not keep it; what is said to be left out is not', async () => {
  const files: Files = {
    'api/a.ts': 'import { made } from "../made/client.ts"; export const GET = () => new Response(made);',
    'api/b.js': 'import { made } from "../made/plain.js"; export const GET = () => new Response(made);',
    'made/client.ts': 'export const made = "client";',
    'made/plain.js': 'export const made = "plain";',
    'made/other.ts': '',
    '.gitignore': 'made\napi/c.js\n',
    'api/c.js': 'export const GET = () => new Response("c");',
  };
  assert.deepEqual(pathsOf(await collect(await project(files))), [
    'api/a.ts',
    'api/b.js',
    'api/c.js',
    'made/client.ts',
    'made/plain.js',
  ]);
  const dir = await project({ ...files, '.weirignore': 'made\napi/c.js\n' });
  const found = await collect(dir);
  assert.deepEqual(pathsOf(found), ['api/a.ts', 'api/b.js']);
  assert.deepEqual(found.warnings, [`${dir}/api/c.js is a function, and left out by .weirignore: it is not deployed`]);
});

const modules: Files = {
  'node_modules/used/package.json': '{"name":"used","main":"lib/main.js","dependencies":{"deep":"1"}}',
  'node_modules/used/lib/main.js':
    'const { readFileSync } = require("node:fs"); const { join } = require("node:path");' +
    'exports.used = readFileSync(join(__dirname, "data.txt"), "utf8") + require("deep");',
  'node_modules/used/lib/data.txt': 'data',
  'node_modules/used/README.md': 'long',
  'node_modules/used/node_modules/deep/package.json': '{"name":"deep"}',
  'node_modules/used/node_modules/deep/index.js': 'module.exports = "deep";',
  'node_modules/unused/package.json': '{"name":"unused"}',
  'node_modules/unused/index.js': '',
};

test('of packages what the functions load, from JavaScript and from TypeScript', async (t) => {
  const dir = await project({
    ...modules,
    'api/a.ts': 'import { used } from "@/lib/uses"; export const GET = () => new Response(used);',
    'api/b.js': 'import missing from "not-there"; import "./b-side.js";',
    'api/_b-side.js': '',
    'lib/uses.ts': 'export { used } from "used";',
    'tsconfig.json': '{ "extends": "./base.json" }',
    'base.json': '{ "compilerOptions": { "paths": { "@/*": ["./*"] } } }',
  });
  const found = await collect(dir);
  assert.deepEqual(
    pathsOf(found).filter((path) => path.startsWith('node_modules')),
    [
      'node_modules/used/lib/data.txt',
      'node_modules/used/lib/main.js',
      'node_modules/used/node_modules/deep/index.js',
      'node_modules/used/node_modules/deep/package.json',
      'node_modules/used/package.json',
    ],
  );
  assert.deepEqual(found.warnings, [
    'api/b.js imports "api/b-side", which is not there',
    'api/b.js imports "not-there", which is not there',
  ]);
  const there = await unpack(t, found);
  assert.equal(await runs(there, 'import { used } from "used"; console.log(used)'), 'datadeep');
});

test('includeFiles and excludeFiles of vercel.json', async () => {
  const dir = await project({
    ...modules,
    'api/a.js': 'import { used } from "used"; export const GET = () => new Response(used);',
    'vercel.json': JSON.stringify({
      functions: { 'api/a.js': { includeFiles: 'node_modules/unused/**', excludeFiles: '**/data.txt' } },
    }),
  });
  const paths = pathsOf(await collect(dir));
  assert.ok(paths.includes('node_modules/unused/index.js'));
  assert.ok(paths.includes('node_modules/used/lib/main.js'));
  assert.ok(!paths.includes('node_modules/used/lib/data.txt'));
});

/** A repository of several packages, as npm lays it out: packages hoisted, members linked. */
const monorepo = async (): Promise<string> => {
  const dir = await project({
    'package.json': '{"private":true,"workspaces":["apps/*","libs/*"]}',
    'package-lock.json': '{}',
    'apps/web/package.json': '{"name":"web","type":"module"}',
    'apps/web/api/hello.js':
      'import { greet } from "@acme/greet"; export const GET = () => new Response(greet("web"));',
    'apps/web/api/typed.ts': 'import { greet } from "@acme/greet"; export const GET = () => new Response(greet("ts"));',
    'apps/other/api/x.js': '',
    'libs/greet/package.json': '{"name":"@acme/greet","type":"module","exports":"./index.js"}',
    'libs/greet/index.js': 'import { used } from "used"; export const greet = (who) => `hello ${who} ${used}`;',
    'libs/greet/unrelated.md': '',
    ...modules,
  });
  await mkdir(join(dir, 'node_modules/@acme'), { recursive: true });
  await symlink('../../libs/greet', join(dir, 'node_modules/@acme/greet'));
  return dir;
};

test('a workspace: hoisted packages and linked members come along, and are found as before', async (t) => {
  const dir = await monorepo();
  const found = await collect(join(dir, 'apps/web'));
  assert.deepEqual([found.root, found.directory, found.warnings], [dir, 'apps/web', []]);
  assert.deepEqual(found.links, [{ path: 'node_modules/@acme/greet', link: '../../libs/greet' }]);
  assert.deepEqual(
    pathsOf(found).filter((path) => !path.startsWith('node_modules')),
    [
      'apps/web/api/hello.js',
      'apps/web/api/typed.ts',
      'apps/web/package.json',
      'libs/greet/index.js',
      'libs/greet/package.json',
    ],
  );
  const there = await unpack(t, found);
  const said = await runs(there, 'import { GET } from "./api/hello.js"; console.log(await GET().text())');
  assert.equal(said, 'hello web datadeep');
});

test('pnpm: its store of links', async (t) => {
  const dir = await project({
    'pnpm-lock.yaml': '',
    'api/a.cjs': 'module.exports = (req, res) => res.end(require("used"));',
    'node_modules/.pnpm/used@1.0.0/node_modules/used/package.json': '{"name":"used","main":"main.js"}',
    'node_modules/.pnpm/used@1.0.0/node_modules/used/main.js': 'module.exports = "used " + require("deep");',
    'node_modules/.pnpm/deep@1.0.0/node_modules/deep/index.js': 'module.exports = "deep";',
  });
  await symlink('.pnpm/used@1.0.0/node_modules/used', join(dir, 'node_modules/used'));
  await symlink('../../deep@1.0.0/node_modules/deep', join(dir, 'node_modules/.pnpm/used@1.0.0/node_modules/deep'));
  const found = await collect(dir);
  assert.equal(found.links.length, 2);
  const there = await unpack(t, found);
  assert.equal(await runs(join(there, 'api'), 'import used from "used"; console.log(used)'), 'used deep');
});

test('links: within the repository they are followed, out of it only where it is told', async () => {
  const outside = await project({ 'secret.txt': '', 'folder/x.txt': '' });
  const dir = await project({
    'package-lock.json': '{}',
    'parts/a.txt': 'a',
    'parts/b/c.txt': 'c',
    'app/public/index.html': '',
    'app/public/real.txt': '',
  });
  const pub = join(dir, 'app/public');
  await symlink(join('..', '..', 'parts'), join(pub, 'parts'));
  await symlink('real.txt', join(pub, 'inside.txt'));
  await symlink(join(pub, 'real.txt'), join(pub, 'absolute.txt'));
  await symlink('gone', join(pub, 'nowhere'));
  await symlink(join(outside, 'folder'), join(pub, 'folder'));
  await symlink(join(outside, 'secret.txt'), join(pub, 'file.txt'));
  const found = await collect(join(dir, 'app'));
  assert.deepEqual([found.root, found.directory], [dir, 'app']);
  assert.deepEqual(pathsOf(found), [
    'app/public/file.txt',
    'app/public/index.html',
    'app/public/real.txt',
    'parts/a.txt',
    'parts/b/c.txt',
  ]);
  assert.deepEqual(found.links, [
    { path: 'app/public/absolute.txt', link: 'real.txt' },
    { path: 'app/public/inside.txt', link: 'real.txt' },
    { path: 'app/public/parts', link: ['..', '..', 'parts'].join('/') },
  ]);
  assert.deepEqual(found.warnings, [
    `${pub}/file.txt leads out of ${dir}, to ${outside}/secret.txt: what is used of it is uploaded in its place`,
    `${pub}/folder leads out of ${dir}, to ${outside}/folder: what is used of it is uploaded in its place`,
    `${pub}/nowhere is a link that leads nowhere, to gone, and is not uploaded`,
  ]);
});

test('a framework’s output: it, the files that its functions name, and the settings; nothing else', async (t) => {
  const config = { handler: 'app/index.js', runtime: 'nodejs24.x', launcherType: 'Nodejs', filePathMap: {} };
  const dir = await project({
    'package-lock.json': '{}',
    'package.json': '{}',
    'node_modules/used/index.js': 'module.exports = "used";',
    'node_modules/unused/index.js': '',
    'app/package.json': '{"name":"app"}',
    'app/weir.json': '{}',
    'app/src/page.tsx': '',
    'app/.vercel/output/config.json': '{"version":3}',
    'app/.vercel/output/static/index.html': '',
    'app/.vercel/output/functions/a.func/.vc-config.json': JSON.stringify({
      ...config,
      filePathMap: { 'app/index.js': 'app/built/index.js', 'node_modules/used/index.js': 'node_modules/used/index.js' },
    }),
    'app/built/index.js': '',
  });
  await symlink('a.func', join(dir, 'app/.vercel/output/functions/b.func'));
  const found = await collect(join(dir, 'app'));
  assert.deepEqual([found.root, found.directory], [dir, 'app']);
  assert.deepEqual(pathsOf(found), [
    'app/.vercel/output/config.json',
    'app/.vercel/output/functions/a.func/.vc-config.json',
    'app/.vercel/output/static/index.html',
    'app/built/index.js',
    'app/package.json',
    'app/weir.json',
    'node_modules/used/index.js',
    'package-lock.json',
    'package.json',
  ]);
  assert.deepEqual(found.links, [{ path: 'app/.vercel/output/functions/b.func', link: 'a.func' }]);
  const there = await unpack(t, found);
  const linked = await readFile(join(there, '.vercel/output/functions/b.func/.vc-config.json'), 'utf8');
  assert.match(linked, /built/);
});

test('a program: what its command names is traced', async () => {
  const dir = await project({
    ...modules,
    'weir.json': '{"runtime":"executable","command":["node","--enable-source-maps","main.js"]}',
    'main.js': 'import "used";',
    'go.mod': '',
  });
  const paths = pathsOf(await collect(dir));
  assert.ok(paths.includes('node_modules/used/lib/main.js') && paths.includes('go.mod'), paths.join('\n'));
});

test('Python: packages of the repository that requirements name come along', async () => {
  const dir = await project({
    'package-lock.json': '{}',
    'app/main.py': 'from fastapi import FastAPI\napp = FastAPI()\n',
    'app/requirements.txt': '-r ../base.txt\n-e ../lib\n',
    'base.txt': 'fastapi\n',
    'lib/pyproject.toml': '[project]\nname = "lib"\n',
    'lib/lib/__init__.py': '',
    'lib/.venv/x': '',
  });
  const found = await collect(join(dir, 'app'));
  assert.deepEqual(pathsOf(found), [
    'app/main.py',
    'app/requirements.txt',
    'base.txt',
    'lib/lib/__init__.py',
    'lib/pyproject.toml',
  ]);
});

test('what cannot be deployed is refused', async () => {
  const empty = await project({ 'readme.txt': '' });
  assert.match(await refusal(empty, () => collect(empty)), /^DIR: nothing to serve/);
  const broken = await project({ 'api/a.ts': 'const = 1' });
  assert.match(await refusal(broken, () => collect(broken)), /^DIR\/api\/a\.ts:1:7: Expected identifier/);
  assert.match(await refusal(empty, () => collect(join(empty, 'gone'))), /^DIR\/gone: there is no such directory/);
  const next = await project({
    'package.json': '{"dependencies":{"next":"16.2.0"}}',
    'app/page.tsx': 'export default () => null;',
  });
  assert.match(
    await refusal(next, () => collect(next)),
    /^DIR: a Next\.js project that has not been built: weir build DIR/,
  );
});

test('the Express example, with packages hoisted into the repository, runs elsewhere', async (t) => {
  const found = await collect(join(repository, 'examples/express'));
  assert.equal(found.directory, 'examples/express');
  const there = await unpack(t, found);
  const said = await runs(
    there,
    `import { once } from 'node:events';
     import http from 'node:http';
     const { listen } = http.Server.prototype;
     const listening = new Promise((done) => {
       http.Server.prototype.listen = function () { done(this); return listen.call(this, 0, '127.0.0.1'); };
     });
     await import('./server.js');
     const server = await listening;
     if (!server.listening) await once(server, 'listening');
     const answer = await fetch(\`http://127.0.0.1:\${server.address().port}/users/7\`);
     console.log((await answer.json()).id);
     server.close();
     server.closeAllConnections();`,
  );
  assert.equal(said, '7');
  const bytes = found.files.reduce((sum, file) => sum + file.bytes, 0);
  assert.ok(bytes < 10e6, `${bytes} bytes`);
});
