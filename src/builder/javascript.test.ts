import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkJavaScript } from './javascript.ts';
import { project, refusal } from './project.fixture.ts';
import type { Files } from './project.fixture.ts';

const check = async (files: Files, ...entries: string[]): Promise<string[]> => {
  const dir = await project(files);
  const reads = new Set<string>();
  await checkJavaScript(
    entries.map((entry) => join(dir, entry)),
    dir,
    reads,
  );
  return [...reads].toSorted();
};

test('a syntax error is told with its place, in the entry and in what it imports', async () => {
  const dir = await project({
    'api/a.js': 'export const GET = ;',
    'api/b.js': 'import "../lib/x.js";\nimport "./gone.js";\nexport const GET = 1;',
    'api/c.cjs': 'require("../lib/y.cjs")',
    'lib/x.js': 'export const a = 1;\nconst b = (;',
    'lib/y.cjs': '}',
  });
  const entries = ['api/a.js', 'api/b.js', 'api/c.cjs'].map((entry) => join(dir, entry));
  const text = await refusal(dir, () => checkJavaScript(entries, dir, new Set()));
  assert.deepEqual(text.split('\n').toSorted(), [
    'DIR/api/a.js:1:20: Unexpected ";"',
    'DIR/api/b.js:2:8: Could not resolve "./gone.js"',
    'DIR/lib/x.js:2:12: Unexpected ";"',
    'DIR/lib/y.cjs:1:1: Unexpected "}"',
  ]);
});

test('what Node would load is not refused', async () => {
  const reads = await check(
    {
      'package.json': '{ "imports": { "#own/*": "./own/*" } }',
      'tsconfig.json': 'broken',
      'sloppy.js':
        '#!/usr/bin/env node\nwith (Math) { exports.x = 010 + abs(1); } delete undefinedThing; function f(a, a) {}',
      'module.mjs': `import './sloppy.js'; import './typed.ts'; import own from '#own/z.js'; import 'not-installed'; import 'node:fs';
        import data from './data.json' with { type: 'json' }; export default await own; import bad from './node_modules/bad/i.js';
        const late = () => import('./made-later.js'); import './thing.wasm';`,
      'own/z.js': `try { require('./optional'); } catch {} if (process.env.X) require('./dist'); module.exports = require('../a.node');`,
      'typed.ts': 'export const a: number = 1;',
      'data.json': '{}',
      'node_modules/bad/i.js': 'with (Math) {}; export default 1; )',
      'thing.wasm': '',
      'a.node': '',
    },
    'module.mjs',
    'sloppy.js',
  );
  assert.deepEqual(reads, ['data.json', 'module.mjs', 'node_modules/bad/i.js', 'own/z.js', 'sloppy.js', 'typed.ts']);
});

test('JSON that is imported is read as well, and broken JSON refused', async () => {
  const dir = await project({ 'a.cjs': 'require("./d.json")', 'd.json': '{ "a": }' });
  const text = await refusal(dir, () => checkJavaScript([join(dir, 'a.cjs')], dir, new Set()));
  assert.match(text, /^DIR\/d\.json:1:8: /);
});
