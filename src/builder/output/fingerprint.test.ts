import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { build, nodeConfig, outputProject } from './output.fixture.ts';

const tree = {
  'functions/a.func/.vc-config.json': {
    ...nodeConfig,
    filePathMap: { 'lib.js': 'lib.js', 'node_modules/dep/i.js': 'node_modules/dep/i.js' },
  },
  'functions/a.func/index.js': 'code',
  'functions/a.prerender-config.json': { expiration: 1, fallback: 'a.prerender-fallback.html' },
  'functions/a.prerender-fallback.html': 'one',
  'static/one.txt': '1',
};
const besides = { 'lib.js': 'lib', 'node_modules/dep/i.js': 'dep' };

test('equal builds have equal fingerprints, wherever and whenever they were made', async () => {
  const [one, other] = [await outputProject(tree, besides), await outputProject(tree, besides)];
  const { deployment } = await build(one);
  assert.equal((await build(other, 'dep_2')).deployment.fingerprint, deployment.fingerprint);
  await writeFile(join(one, 'README.md'), 'not part of it');
  assert.equal((await build(one, 'dep_3')).deployment.fingerprint, deployment.fingerprint);
});

test('whatever decides what is answered changes it', async () => {
  const { fingerprint } = (await build(await outputProject(tree, besides))).deployment;
  const changes: readonly (readonly [string, string])[] = [
    ['.vercel/output/config.json', '{ "version": 3, "routes": [] }'],
    [
      '.vercel/output/functions/a.prerender-config.json',
      '{ "expiration": 2, "fallback": "a.prerender-fallback.html" }',
    ],
    ['.vercel/output/functions/a.prerender-fallback.html', 'two'],
    ['.env', 'API=https://other.example'],
    ['weir.json', '{ "environment": { "API": "https://other.example" } }'],
    ['weir.json', '{ "functions": { "a": { "environment": { "API": "https://other.example" } } } }'],
    ['.vercel/output/functions/a.func/index.js', 'edoc'],
    ['.vercel/output/functions/a.func/more.js', ''],
    ['.vercel/output/static/two.txt', ''],
    ['lib.js', 'bil'],
    ['node_modules/dep/i.js', 'another version'],
  ];
  for (const [path, content] of changes) {
    const dir = await outputProject(tree, besides);
    await writeFile(join(dir, path), content);
    assert.notEqual((await build(dir)).deployment.fingerprint, fingerprint, `${path}: ${content}`);
  }
});
