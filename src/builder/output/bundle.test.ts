import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { lstat, mkdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FunctionSpec } from '../../model/function.ts';
import { learnedKey } from '../../model/learned.ts';
import { removeBuild } from '../project.ts';
import { refusal } from '../project.fixture.ts';
import { build, nodeConfig, outputProject } from './output.fixture.ts';

const require = createRequire(import.meta.url);
const one = async (dir: string, deployment = 'dep_1'): Promise<FunctionSpec> => {
  const [spec] = (await build(dir, deployment)).deployment.functions;
  return spec!;
};

test('a function with a filePathMap finds every file at its path in the bundle', async () => {
  const dir = await outputProject(
    {
      'functions/index.func/.vc-config.json': {
        ...nodeConfig,
        handler: 'app/launcher.cjs',
        filePathMap: {
          'app/.next/page.js': 'app/.next/page.js',
          'node_modules/dep/index.js': 'node_modules/.store/dep/index.js',
          'app/own.js': 'elsewhere/replaced.js',
        },
      },
      'functions/index.func/app/launcher.cjs':
        "module.exports = [require('./.next/page.js'), require('dep'), require('./own.js'), process.cwd, __dirname];",
      'functions/index.func/app/own.js': "module.exports = 'not this one';",
    },
    {
      'app/.next/page.js': "module.exports = 'page';",
      'node_modules/.store/dep/index.js': "module.exports = 'dep';",
      'elsewhere/replaced.js': "module.exports = 'mapped';",
      'package.json': { type: 'module' },
    },
  );
  const spec = await one(dir);
  assert.equal(spec.root, join(dir, '.weir/dev/dep_1/functions/index.func'));
  assert.equal(spec.entry, join(spec.root, 'app/launcher.cjs'));
  assert.equal(learnedKey(spec), `${dir}//index`, 'what is learned of it outlives the deployment');
  const [page, dep, own, , where] = require(spec.entry) as unknown[];
  assert.deepEqual([page, dep, own, where], ['page', 'dep', 'mapped', join(spec.root, 'app')]);
  assert.equal(existsSync(join(spec.root, '.vc-config.json')), false);

  const inode = async (path: string): Promise<number> => (await stat(path)).ino;
  const [linked, source] = ['node_modules/dep/index.js', 'node_modules/.store/dep/index.js'];
  assert.equal(await inode(join(spec.root, linked)), await inode(join(dir, source)), 'packages are linked');
  await writeFile(join(dir, 'app/.next/page.js'), 'the next build writes into the same file');
  assert.equal(await readFile(join(spec.root, 'app/.next/page.js'), 'utf8'), "module.exports = 'page';");

  await removeBuild(dir, 'dep_1');
  assert.equal(existsSync(spec.root), false);
  assert.equal(existsSync(join(dir, source)), true);
});

test('what is around a function does not change what it is, and the next build takes nothing away from it', async () => {
  const dir = await outputProject(
    {
      'functions/a.func/.vc-config.json': nodeConfig,
      'functions/a.func/index.js': "module.exports = ['CommonJS', require('./late.js'), require('dep')];",
      'functions/a.func/late.js': "module.exports = 'late';",
      'functions/a.prerender-config.json': { fallback: 'a.prerender-fallback.html' },
      'functions/a.prerender-fallback.html': 'kept',
      'static/a.txt': 'text',
    },
    { 'package.json': { type: 'module' }, 'node_modules/dep/index.cjs': "module.exports = 'the project’s';" },
  );
  await writeFile(join(dir, 'node_modules/dep/package.json'), '{ "main": "index.cjs" }');
  const before = await stat(join(dir, '.vercel/output/static/a.txt'));
  const { deployment } = await build(dir);
  await rm(join(dir, '.vercel'), { recursive: true });
  assert.deepEqual(require(deployment.functions[0]!.entry), ['CommonJS', 'late', 'the project’s']);
  const [file, page] = [deployment.outputs!.get('a.txt'), deployment.outputs!.get('a')];
  assert.ok(file?.kind === 'file' && page?.kind === 'prerender');
  assert.equal(await readFile(file.file, 'utf8'), 'text');
  assert.equal((await stat(file.file)).mtimeMs, before.mtimeMs, 'what clients have of it stays good');
  assert.equal(await readFile(page.prerender.fallback!.file, 'utf8'), 'kept');
  await removeBuild(dir, 'dep_1');
  assert.equal(existsSync(file.file), false);
});

test('links: those that stay in the bundle are kept, others are what they lead to, none leads out of the project', async () => {
  const dir = await outputProject(
    {
      'functions/a.func/.vc-config.json': {
        ...nodeConfig,
        filePathMap: {
          'node_modules/dep': 'node_modules/dep',
          'node_modules/.store/dep/i.js': 'node_modules/.store/dep/i.js',
        },
      },
      'functions/a.func/index.js': '',
    },
    { 'node_modules/.store/dep/i.js': "module.exports = 'dep';", 'beside/file.js': '', 'beside/folder/x.js': '' },
  );
  const own = join(dir, '.vercel/output/functions/a.func');
  await symlink('.store/dep', join(dir, 'node_modules/dep'));
  await symlink('index.js', join(own, 'same.js'));
  await symlink('../../../../beside/file.js', join(own, 'file.js'));
  await symlink(join(dir, 'beside/folder'), join(own, 'folder'));
  await symlink('nowhere', join(own, 'dangling'));
  const { root } = await one(dir);
  assert.equal(await readlink(join(root, 'node_modules/dep')), '.store/dep');
  assert.equal(await readlink(join(root, 'same.js')), 'index.js');
  assert.equal((await lstat(join(root, 'file.js'))).isFile(), true);
  assert.equal(await readlink(join(root, 'folder')), join(dir, 'beside/folder'));
  assert.equal(require(join(root, 'node_modules/dep/i.js')), 'dep');

  const outside = await outputProject({});
  await symlink(outside, join(own, 'leaves'));
  assert.match(
    await refusal(dir, () => build(dir, 'dep_2')),
    /^DIR\/.vercel\/output\/functions\/a.func\/leaves: is part of a function, and leads out of DIR, to /,
  );
});

test('what a filePathMap says wrongly is refused, all of it at once', async () => {
  const dir = await outputProject({
    'functions/a.func/.vc-config.json': {
      ...nodeConfig,
      handler: '../x.js',
      filePathMap: {
        'a.js': '../outside.js',
        '../b.js': 'x',
        '/c.js': 'x',
        'd.js': 'missing.js',
        'e.js': '/etc/hostname',
      },
    },
  });
  await mkdir(join(dir, 'folder'));
  const at = 'DIR/.vercel/output/functions/a.func/.vc-config.json: ';
  assert.deepEqual((await refusal(dir, () => build(dir))).split('\n').toSorted(), [
    `${at}filePathMap["../b.js"]: expected a path in the bundle as its name`,
    `${at}filePathMap["/c.js"]: expected a path in the bundle as its name`,
    `${at}filePathMap["a.js"]: expected a file in DIR, got "../outside.js"`,
    `${at}filePathMap["d.js"]: there is no file DIR/missing.js`,
    `${at}filePathMap["e.js"]: expected a file in DIR, got "/etc/hostname"`,
    `${at}handler: there is no file "../x.js" in the bundle`,
  ]);
});

test('a folder that leads out of the project by a link is not part of it', async () => {
  const elsewhere = await outputProject({}, { 'secret.js': '' });
  const dir = await outputProject({
    'functions/a.func/.vc-config.json': { ...nodeConfig, filePathMap: { 's.js': 'way/secret.js' } },
    'functions/a.func/index.js': '',
  });
  await symlink(elsewhere, join(dir, 'way'));
  assert.match(
    await refusal(dir, () => build(dir)),
    /filePathMap\["s\.js"\]: expected a file in DIR, got "way\/secret\.js"$/,
  );
});

test('paths of a project in a repository of several are relative to the repository', async () => {
  const repository = await outputProject(
    {},
    {
      'package-lock.json': '{}',
      'node_modules/dep/index.js': '',
      'apps/web/.vercel/output/config.json': { version: 3 },
      'apps/web/.vercel/output/functions/a.func/.vc-config.json': {
        ...nodeConfig,
        handler: 'apps/web/index.js',
        filePathMap: { 'node_modules/dep/index.js': 'node_modules/dep/index.js' },
      },
      'apps/web/.vercel/output/functions/a.func/apps/web/index.js': '',
    },
  );
  const { root } = await one(join(repository, 'apps/web'));
  assert.equal(root, join(repository, 'apps/web/.weir/dev/dep_1/functions/a.func'));
  assert.equal(existsSync(join(root, 'node_modules/dep/index.js')), true);
});

test('a handler of AWS events is called as one, and shares its instances with nobody', async () => {
  const functions = (awsLambdaHandler: unknown, also: string) => ({
    [`functions/${also}.func/.vc-config.json`]: { ...nodeConfig, awsLambdaHandler, experimentalAllowBundling: true },
    [`functions/${also}.func/index.js`]: 'exports.main = async () => ({ statusCode: 200 });',
  });
  const dir = await outputProject({
    ...functions('index.main', 'a'),
    ...functions('index.main', 'b'),
    ...functions('', 'c'),
  });
  const { functions: specs } = (await build(dir)).deployment;
  assert.deepEqual(
    specs.map(({ name, launch, eventExport }) => [name, launch, eventExport]),
    [
      ['a', 'event', 'main'],
      ['b', 'event', 'main'],
      ['c', 'module', undefined],
    ],
  );
  const wrong = await outputProject(functions('nothing', 'a'));
  assert.equal(
    await refusal(wrong, () => build(wrong)),
    'DIR/.vercel/output/functions/a.func/.vc-config.json: awsLambdaHandler: expected the file and the export that takes AWS events, as "index.handler", got "nothing"',
  );
});
