import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { systemClock, type Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { silentLog, textLog } from '../base/log.ts';
import { compile } from './compile.ts';
import { host, load, project } from './project.fixture.ts';
import { buildProject, projectName, removeAbandonedBuilds, removeBuild } from './project.ts';

const compiled = (dir: string, ...files: string[]): Promise<string[]> =>
  compile(
    files.map((file) => ({ name: file.replace(/\.\w+$/, ''), file })),
    { dir, outDir: join(dir, '.weir/dev/dep_1'), log: silentLog, reads: new Set() },
  );

const options = {
  project: 'p',
  deployment: 'dep_1',
  target: 'preview' as const,
  isDevelopment: false,
  host,
  hosts: [],
  environment: {},
  log: silentLog,
  reads: new Set<string>(),
};

test('JavaScript runs from where it stands, and nothing is written', async () => {
  const dir = await project({ 'api/a.js': 'export const GET = 1;', 'api/b.cjs': '' });
  const { functions } = await buildProject(dir, options);
  assert.deepEqual(
    functions.map(({ entry }) => entry),
    [join(dir, 'api/a.js'), join(dir, 'api/b.cjs')],
  );
  assert.equal(existsSync(join(dir, '.weir')), false);
});

test('code that asks where it stands is told its source, in every file of a bundle', async () => {
  const dir = await project({
    'api/a.ts': `import { where } from '../lib/where.ts';
      export const own = [import.meta.url, import.meta.dirname, __filename, 'import.meta.url'] as const;
      export { where };`,
    'lib/where.ts': `const __dirname = 'mine'; export const where: string[] = [import.meta.filename, __dirname];`,
  });
  const [entry] = await compiled(dir, 'api/a.ts');
  const { own, where } = await load(entry!);
  const source = join(dir, 'api/a.ts');
  assert.deepEqual(own, [pathToFileURL(source).href, dirname(source), source, 'import.meta.url']);
  assert.deepEqual(where, [join(dir, 'lib/where.ts'), 'mine']);
});

test('import.meta.resolve answers as in the source’s place, in both formats', async () => {
  const packages = {
    'node_modules/dep/package.json': '{"name":"dep","exports":{"import":"./m.mjs","default":"./c.cjs"}}',
    'node_modules/dep/m.mjs': '',
    'node_modules/dep/c.cjs': '',
  };
  const source = `import { lib } from '../lib/x.ts';
    const names = ['./data.txt', '/etc/x', 'dep', 'fs', 'node:fs', 'file:///a', 'gone'];
    const tried = names.map((name) => { try { return import.meta.resolve(name); } catch (error) { return (error as any).code; } });
    export const GET = [...tried, lib];`;
  const files = {
    'api/deep/a.ts': source.replace('../', '../../'),
    'lib/x.ts': `export const lib = import.meta.resolve('./y');`,
    ...packages,
  };
  for (const [type, dep, code] of [
    ['module', 'm.mjs', 'ERR_MODULE_NOT_FOUND'],
    ['commonjs', 'c.cjs', 'MODULE_NOT_FOUND'],
  ] as const) {
    const dir = await project({ 'package.json': `{"type":"${type}"}`, ...files });
    const [entry] = await compiled(dir, 'api/deep/a.ts');
    const at = (path: string): string => pathToFileURL(join(dir, path)).href;
    assert.deepEqual((await load(entry!))['GET'], [
      at('api/deep/data.txt'),
      'file:///etc/x',
      at(`node_modules/dep/${dep}`),
      'node:fs',
      'node:fs',
      'file:///a',
      code,
      at('lib/y'),
    ]);
  }
});

test('what was read is known, also of a build that fails', async () => {
  const dir = await project({
    'api/a.ts': `import data from '../data.json'; import text from '../p.txt'; export const GET = [data, text];`,
    'api/b.js': `import '../lib/c.js';`,
    'data.json': '{}',
    'p.txt': '',
    'lib/c.js': `require('./d.json');`,
    'lib/d.json': '{}',
  });
  const all = ['api/a.ts', 'api/b.js', 'data.json', 'lib/c.js', 'lib/d.json', 'p.txt'];
  const reads = new Set<string>();
  await buildProject(dir, { ...options, reads });
  assert.deepEqual([...reads].toSorted(), all);
  reads.clear();
  await writeFile(join(dir, 'data.json'), '{');
  await assert.rejects(buildProject(dir, { ...options, reads }), /data\.json:1:/);
  assert.deepEqual([...reads].toSorted(), all);
});

test('packages stay outside, paths of tsconfig.json do not, and the parameter’s name does not reach the output’s', async () => {
  const dir = await project({
    'tsconfig.json': '{ "compilerOptions": { "paths": { "@/*": ["./lib/*"] } } } // with a comment',
    'node_modules/dep/package.json': '{"name":"dep","main":"i.js"}',
    'node_modules/dep/i.js': 'exports.value = module.paths === undefined ? "bundled" : "outside";',
    'lib/x.ts': 'export enum Kind { One = 1 }',
    'api/[name].ts': `import dep from 'dep'; import { Kind } from '@/x'; export const GET = [dep.value, Kind.One];`,
  });
  const [entry] = await compiled(dir, 'api/[name].ts');
  assert.match(entry!, /\/api\/_name_-[0-9a-f]{8}\.mjs$/);
  assert.deepEqual((await load(entry!))['GET'], ['outside', 1]);
});

test('the format follows the file’s kind, then the type of package.json; require works in both', async () => {
  const source = `const { join } = require('node:path'); export const GET = join('a', 'b');`;
  const cjs = await project({
    'package.json': '{"type":"commonjs"}',
    'api/a.ts': source,
    'api/b.mts': source,
    'api/c.cts': 'exports.GET = require("node:path").join("a", "b");',
  });
  const entries = await compiled(cjs, 'api/a.ts', 'api/b.mts', 'api/c.cts');
  assert.deepEqual(
    entries.map((entry) => entry.slice(-4)),
    ['.cjs', '.mjs', '.cjs'],
  );
  for (const entry of entries) assert.equal((await load(entry))['GET'], join('a', 'b'));
  const untyped = await project({ 'package.json': '{}', 'api/a.ts': `${source} await 0;` });
  const [module] = await compiled(untyped, 'api/a.ts');
  assert.equal((await load(module!))['GET'], join('a', 'b'));
});

test('errors are file:line:column and text, all of them, and the column counts what the user wrote', async () => {
  const dir = await project({
    'api/a.ts': 'export const a = __dirname + ;',
    'api/b.ts': `\nimport { x } from './gone.ts';\nexport const b = x;`,
  });
  const error = await compiled(dir, 'api/a.ts', 'api/b.ts').then(
    () => assert.fail('compiled'),
    (error: unknown) => error as Error,
  );
  assert.equal(error.name, 'UsageError');
  const lines = error.message.split('\n');
  assert.ok(lines.includes(`${join(dir, 'api/a.ts')}:1:30: Unexpected ";"`), error.message);
  assert.ok(lines.includes(`${join(dir, 'api/b.ts')}:2:19: Could not resolve "./gone.ts"`), error.message);
});

test('jsx follows tsconfig.json, and is automatic without', async () => {
  const dir = await project({
    'tsconfig.json': '{"compilerOptions":{"jsx":"react","jsxFactory":"h"}}',
    'api/a.tsx': 'const h = (tag: string) => tag; export const GET = <p />;',
  });
  const [entry] = await compiled(dir, 'api/a.tsx');
  assert.equal((await load(entry!))['GET'], 'p');
});

test('a source map leads back to the source', async () => {
  const dir = await project({ 'api/a.ts': 'export const GET: number = 1;' });
  const [entry] = await compiled(dir, 'api/a.ts');
  assert.match(await readFile(entry!, 'utf8'), /sourceMappingURL=a\.mjs\.map/);
  const map = JSON.parse(await readFile(`${entry}.map`, 'utf8')) as { sources: string[] };
  assert.deepEqual(
    map.sources.map((source) => join(dirname(entry!), source)),
    [join(dir, 'api/a.ts')],
  );
});

test('what a function’s code says of it is stronger than the files of the project', async () => {
  const dir = await project({
    'api/a.js': 'export const config = { maxDuration: 1, runtime: "nodejs20.x" }; export const GET = 1;',
    'api/b.ts': 'export const GET = 1; export const maxDuration = 2;',
    'vercel.json': '{"functions":{"api/*":{"maxDuration":9,"memory":512}}}',
  });
  const lines: string[] = [];
  const { functions } = await buildProject(dir, { ...options, log: textLog((line) => lines.push(line)) });
  assert.deepEqual(
    functions.map(({ config }) => [config.maxDurationMs, config.memoryMiB, config.runtime]),
    [
      [1000, 512, 'nodejs22.x'],
      [2000, 512, 'nodejs24.x'],
    ],
  );
  assert.deepEqual(lines, [`warn: ${dir}/api/a.js: runtime: nodejs20.x is discontinued: nodejs22.x runs in its place`]);
});

test('JavaScript that cannot be loaded is refused with file and line', async () => {
  const dir = await project({ 'api/a.js': 'export const GET = 1;\nconst b = ;' });
  await assert.rejects(buildProject(dir, options), {
    name: 'UsageError',
    message: `${dir}/api/a.js:2:11: Unexpected ";"`,
  });
});

test('a project becomes a deployment; configuration, static files and all', async () => {
  const dir = await project({
    'server.ts': 'export default { fetch: () => new Response() };',
    'api/a.ts': '',
    'weir.json': '{"environment":{"A":"file"},"functions":{"server.ts":{"memory":256}}}',
    'public/x.txt': '',
  });
  const deployment = await buildProject(dir, {
    ...options,
    target: 'preview' as const,
    isDevelopment: false,
    hosts: ['h'],
    environment: { A: 'given', B: 'given' },
  });
  assert.deepEqual(
    deployment.routes.map(({ pattern, functionId }) => [pattern, functionId]),
    [
      ['/api/a', 'dep_1/api/a'],
      ['/[...path]', 'dep_1/server'],
    ],
  );
  const server = deployment.functions.find(({ name }) => name === 'server');
  assert.deepEqual(
    [server?.label, server?.launch, server?.root, server?.config.memoryMiB, server?.config.environment],
    ['p/server', 'server', dir, 256, { A: 'file', B: 'given' }],
  );
  assert.deepEqual([deployment.hosts, deployment.publicDir], [['h'], join(dir, 'public')]);
  assert.equal(await readFile(join(dir, '.weir/.gitignore'), 'utf8'), '*\n');
});

test('a build is removed when it is done with, or when its process is gone; another process’s is left', async () => {
  const dir = await project({ 'api/a.ts': 'export const GET = 1;' });
  for (const deployment of ['dep_1', 'dep_2', 'dep_3', 'dep_4']) await buildProject(dir, { ...options, deployment });
  const builds = join(dir, '.weir/dev');
  await removeBuild(dir, 'dep_1');
  const gone = spawnSync(process.execPath, ['-e', '']).pid;
  await writeFile(join(builds, 'dep_2/owner.pid'), String(gone));
  await rm(join(builds, 'dep_3/owner.pid'));
  await removeAbandonedBuilds(dir, systemClock);
  assert.deepEqual(await readdir(builds), ['dep_3', 'dep_4'], 'one without an owner may be in the making');
  const later: Clock = { ...systemClock, wallMs: () => systemClock.wallMs() + limits.unownedBuildMs + 1000 };
  await removeAbandonedBuilds(dir, later);
  assert.deepEqual(await readdir(builds), ['dep_4']);
});

test('a build says whose it is before anything is compiled, also one that fails', async () => {
  const dir = await project({ 'api/a.ts': 'export const GET = ;' });
  await assert.rejects(buildProject(dir, options), { name: 'UsageError' });
  assert.equal(await readFile(join(dir, '.weir/dev/dep_1/owner.pid'), 'utf8'), String(process.pid));
});

test('a project is called what weir.json says, or like its folder', async () => {
  assert.equal(await projectName(await project({ 'weir.json': '{"name":"shop"}' })), 'shop');
  const dir = join(await project({ 'My App_2/x': '' }), 'My App_2');
  assert.equal(await projectName(dir), 'my-app-2');
});

test('a directory that is none is refused', async () => {
  const dir = await project({ file: '' });
  await assert.rejects(buildProject(join(dir, 'gone'), options), { name: 'UsageError', message: /no such directory/ });
  await assert.rejects(buildProject(join(dir, 'file'), options), { name: 'UsageError', message: /is a file/ });
});
