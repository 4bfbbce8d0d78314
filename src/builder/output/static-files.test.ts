import assert from 'node:assert/strict';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { refusal } from '../project.fixture.ts';
import { build, link, outputProject } from './output.fixture.ts';

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
