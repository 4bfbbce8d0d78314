import assert from 'node:assert/strict';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { refusal } from '../project.fixture.ts';
import { build, link, outputProject } from './output.fixture.ts';
import { outputSettled } from './settle.ts';

test('files by their path, under another path or as another type where config.json says so', async () => {
  const dir = await outputProject({
    'config.json': {
      version: 3,
      overrides: {
        'about.html': { path: 'about', contentType: 'text/html; charset=utf-8' },
        about: { contentType: 'text/x-second' },
        'slash.html': { path: '/deep//slash/' },
        'same.txt': { path: 'same.txt', contentType: 'text/y' },
        'empty.txt': { path: '', contentType: '' },
      },
    },
    'static/about.html': '',
    'static/slash.html': '',
    'static/same.txt': '',
    'static/empty.txt': '',
    'static/.hidden/x': '',
  });
  const { deployment } = await build(dir);
  const at = (path: string): string => join(dir, '.weir/dev/dep_1/files/output/static', path);
  assert.deepEqual(
    [...deployment.outputs!].toSorted(([a], [b]) => (a < b ? -1 : 1)),
    [
      ['.hidden/x', { kind: 'file', file: at('.hidden/x'), contentType: null }],
      ['about', { kind: 'file', file: at('about.html'), contentType: 'text/x-second' }],
      ['deep/slash', { kind: 'file', file: at('slash.html'), contentType: null }],
      ['empty.txt', { kind: 'file', file: at('empty.txt'), contentType: null }],
      ['same.txt', { kind: 'file', file: at('same.txt'), contentType: 'text/y' }],
    ],
  );
  assert.deepEqual([deployment.publicDir, deployment.routes, deployment.functions], [null, [], []]);
});

test('links: to a folder of the project they are followed, out of it they are not, nor in a circle', async () => {
  const elsewhere = await outputProject({}, { 'secret/passwords.txt': '' });
  const dir = await outputProject({ 'static/a.txt': '' }, { 'assets/b.txt': '' });
  await link(dir, 'static/folder', '../../../assets');
  await link(dir, 'static/circle', '.');
  await link(dir, 'static/outside', join(elsewhere, 'secret'));
  await link(dir, 'static/outside.txt', join(elsewhere, 'secret/passwords.txt'));
  await link(dir, 'static/dangling', 'nowhere');
  await symlink(join(elsewhere, 'secret/passwords.txt'), join(dir, 'assets/leaves.txt'));
  const { deployment, warnings } = await build(dir);
  assert.deepEqual(
    [...deployment.outputs!].map(([path, output]) => [path, output.kind === 'file' && output.file]),
    [
      ['a.txt', join(dir, '.weir/dev/dep_1/files/output/static/a.txt')],
      ['folder/b.txt', join(dir, '.weir/dev/dep_1/files/project/assets/b.txt')],
    ],
  );
  assert.deepEqual(
    warnings.map((line) => line.replace(elsewhere, 'ELSEWHERE').replace('warn: DIR/.vercel/output/static/', '')),
    [
      'folder/leaves.txt: is left out: it leads out of DIR/.vercel/output/static, to ELSEWHERE/secret/passwords.txt',
      'outside: is left out: it leads out of the project, to ELSEWHERE/secret',
      'outside.txt: is left out: it leads out of DIR/.vercel/output/static, to ELSEWHERE/secret/passwords.txt',
    ],
  );
});

test('what begins with a dot is served where it lies in the output, and not where a link leads to it', async () => {
  const dir = await outputProject(
    { 'static/.own/x.txt': '' },
    {
      'docs/a.txt': '',
      'docs/.env': 'SECRET=1',
      'docs/.git/config': '',
      'docs/deep/.env.local': '',
      'docs/.well-known/y.txt': '',
      '.private/z.txt': '',
    },
  );
  await link(dir, 'static/docs', '../../../docs');
  await link(dir, 'static/private', '../../../.private');
  await link(dir, 'static/own', '.own');
  const { deployment, warnings } = await build(dir);
  assert.deepEqual([...deployment.outputs!.keys()].toSorted(), [
    '.own/x.txt',
    'docs/.well-known/y.txt',
    'docs/a.txt',
    'own/x.txt',
  ]);
  assert.deepEqual(
    warnings.map(
      (line) => /static\/(.*): is left out: links to what begins with a dot are not followed/.exec(line)?.[1],
    ),
    ['docs/.env', 'docs/.git', 'docs/deep/.env.local', 'private'],
  );
});

test('links that make many of few are refused, and are looked through once to see whether a build is over', async () => {
  const folders = Array.from({ length: 30 }, (_, index) => [`many/${index}/file.txt`, ''] as const);
  const dir = await outputProject({}, Object.fromEntries(folders));
  for (let index = 0; index < 29; index += 1)
    for (const name of ['a', 'b']) await symlink(`../${index + 1}`, join(dir, `many/${index}/${name}`));
  await link(dir, 'static/many', '../../../many');
  await outputSettled(dir, systemClock, () => false);
  assert.equal(
    await refusal(dir, () => build(dir)),
    'DIR/.vercel/output/static: expected at most 300000 files and folders, and links to folders that make at most 10000 of them appear again',
  );
});

test('an override that leads out is refused', async () => {
  const dir = await outputProject({
    'config.json': { version: 3, overrides: { 'a.txt': { path: '../b' } } },
    'static/a.txt': '',
  });
  assert.equal(
    await refusal(dir, () => build(dir)),
    'DIR/.vercel/output/config.json: overrides["a.txt"].path: expected a path, got "../b"',
  );
});
