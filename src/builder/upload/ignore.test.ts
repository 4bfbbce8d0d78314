import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ignoreRules, isIgnored } from './ignore.ts';

const rules = String.raw`
# a comment
*.log
!keep.log
/build
docs/*.txt
**/generated
a/**/z
logs/**
temp/
\#hash
\!bang
trailing\ 
file[0-9].js
file[!0-9].mjs
?at.ts
x/y/
*.{not,braces}
foo**bar
[]-]b
(paren).js
deep/**/*.md
é*.txt
🙂?.txt
`;

const paths = [
  'a.log',
  'keep.log',
  'b/a.log',
  'b/keep.log',
  'build',
  'b/build',
  'docs/a.txt',
  'docs/b/a.txt',
  'x/docs/a.txt',
  'generated',
  'q/generated',
  'a/z',
  'a/b/z',
  'a/b/c/z',
  'logs/1',
  'logs/2/3',
  'temp',
  'b/temp',
  '#hash',
  '!bang',
  'trailing ',
  'trailing',
  'file1.js',
  'filex.js',
  'filex.mjs',
  'file1.mjs',
  'cat.ts',
  '/at.ts'.slice(1),
  'xx/y',
  'm.not',
  'm.{not,braces}',
  'foobar',
  'fooXbar',
  ']b',
  '-b',
  'ab',
  '(paren).js',
  'deep/x.md',
  'deep/e/x.md',
  'dee/x.md',
  'état.txt',
  '🙂a.txt',
  'A.LOG',
];

test('a file is left out exactly where git leaves it out', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weir-ignore-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  execFileSync('git', ['init', '-q', dir]);
  writeFileSync(join(dir, '.gitignore'), rules);
  const layers = [{ folder: '', rules: ignoreRules(rules) }];
  const kept: string[] = [];
  const there: string[] = [];
  for (const path of paths) {
    // A path can be the folder of another one: those are asked about beside it.
    if (paths.some((other) => other.startsWith(`${path}/`))) continue;
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), '');
    there.push(path);
    const folders = path.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'));
    const isOut = folders.some((part, index) => isIgnored(layers, part, index < folders.length - 1));
    if (!isOut) kept.push(path);
  }
  const listed = execFileSync('git', ['-C', dir, '-c', 'core.quotePath=false', 'ls-files', '-o', '--exclude-standard'])
    .toString()
    .split('\n')
    .filter((path) => path !== '' && path !== '.gitignore');
  assert.deepEqual(kept.toSorted(), listed.toSorted());
  assert.ok(kept.length > 10 && kept.length < there.length - 10);
});

test('folders: a rule that ends in a slash is of them alone', () => {
  const layers = [{ folder: '', rules: ignoreRules('temp/\nx/y/') }];
  assert.deepEqual(
    [
      ['temp', true],
      ['temp', false],
      ['b/temp', true],
      ['x/y', true],
      ['b/x/y', true],
    ].map(([path, isFolder]) => isIgnored(layers, path as string, isFolder as boolean)),
    [true, false, true, true, false],
  );
});

test('layers: the rules of an inner folder are stronger, and hold in it alone', () => {
  const layers = [
    { folder: '', rules: ignoreRules('*.txt') },
    { folder: 'in', rules: ignoreRules('!yes.txt\n/own.js') },
  ];
  const ignored = (path: string): boolean => isIgnored(layers, path, false);
  assert.deepEqual(
    ['yes.txt', 'in/yes.txt', 'in/no.txt', 'in/own.js', 'own.js', 'in/deep/own.js', 'inner/yes.txt'].map(ignored),
    [true, false, true, true, false, false, true],
  );
});
