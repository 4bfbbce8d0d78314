import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { build, link, nodeConfig, outputProject } from './output.fixture.ts';

const page = (name: string, fields: object = {}, launcher = 'launch();') => ({
  [`functions/${name}.func/.vc-config.json`]: {
    ...nodeConfig,
    experimentalAllowBundling: true,
    filePathMap: { [`pages/${name}.js`]: `pages/${name}.js`, 'shared.js': 'shared.js' },
    ...fields,
  },
  [`functions/${name}.func/index.js`]: launcher,
});
const sources = Object.fromEntries(
  ['shared', 'other', 'pages/a', 'pages/b', 'pages/c', 'pages/index'].map((name) => [`${name}.js`, '']),
);

/** Which paths have the same function. */
async function sharing(tree: Readonly<Record<string, unknown>>, besides: object = {}) {
  const dir = await outputProject(tree, { ...sources, ...besides });
  const { deployment } = await build(dir);
  const of = Object.fromEntries(
    [...deployment.outputs!].map(([path, output]) => [
      path,
      output.kind === 'file' ? '' : output.functionId.replace('dep_1/', ''),
    ]),
  );
  return { of, deployment };
}

test('functions that may be bundled and fit are one, with the files of all', async () => {
  const { of, deployment } = await sharing({
    ...page('a'),
    ...page('b'),
    ...page('index'),
    ...page('c', { experimentalAllowBundling: false }),
  });
  assert.deepEqual(of, { a: 'index', b: 'index', index: 'index', c: 'c' });
  const spec = deployment.functions.find(({ name }) => name === 'index');
  for (const file of ['pages/a.js', 'pages/b.js', 'pages/index.js', 'shared.js', 'index.js']) {
    assert.ok(existsSync(join(spec!.root, file)), file);
  }
  assert.equal(deployment.functions.length, 2);
});

test('another configuration, another launcher, another file at the same path, another setting of the project', async () => {
  assert.deepEqual((await sharing({ ...page('a'), ...page('b', { memory: 512 }) })).of, { a: 'a', b: 'b' });
  assert.deepEqual((await sharing({ ...page('a'), ...page('b', { environment: { A: '1' } }) })).of, { a: 'a', b: 'b' });
  assert.deepEqual((await sharing({ ...page('a'), ...page('b', {}, 'other();') })).of, { a: 'a', b: 'b' });
  const conflict = { filePathMap: { 'shared.js': 'other.js' } };
  assert.deepEqual((await sharing({ ...page('a'), ...page('b', conflict) }, { 'other.js': 'differs' })).of, {
    a: 'a',
    b: 'b',
  });
  assert.deepEqual(
    (await sharing({ ...page('a'), ...page('b', conflict) })).of,
    { a: 'a', b: 'a' },
    'of the same content',
  );
  const own = { 'weir.json': { functions: { b: { maxDuration: 5 } } } };
  assert.deepEqual((await sharing({ ...page('a'), ...page('b'), ...page('c') }, own)).of, { a: 'a', b: 'b', c: 'a' });
});

test('links and kept pages lead to the function that theirs became part of', async () => {
  const dir = await outputProject(
    { ...page('a'), ...page('b'), 'functions/b.prerender-config.json': {}, 'functions/d.prerender-config.json': {} },
    sources,
  );
  await link(dir, 'functions/d.func', 'b.func');
  const { deployment } = await build(dir);
  assert.deepEqual(
    [...deployment.outputs!].map(([path, output]) => [path, output.kind, output.kind !== 'file' && output.functionId]),
    [
      ['a', 'function', 'dep_1/a'],
      ['b', 'prerender', 'dep_1/a'],
      ['d', 'prerender', 'dep_1/a'],
    ],
  );
});
