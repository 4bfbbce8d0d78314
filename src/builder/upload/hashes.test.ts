import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { project } from '../project.fixture.ts';
import { hashFiles } from './hashes.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

async function hashed(dir: string, names: readonly string[]): Promise<{ hashes: string[]; read: string[] }> {
  const read: string[] = [];
  const files = names.map((path) => ({ path, absolute: join(dir, path), bytes: 0, executable: false }));
  const found = await hashFiles(files, {
    cacheFile: join(dir, '.state', 'hashes.json'),
    clock: systemClock,
    onHashed: ({ path }) => read.push(path),
  });
  return { hashes: found.map((one) => `${one.path} ${one.bytes} ${one.sha256}`), read };
}

test('files are read again when they changed, and when they may have', async () => {
  const dir = await project({ a: 'one', b: 'two', c: '' });
  const past = new Date(Date.now() - 60_000);
  for (const name of ['a', 'b']) utimesSync(join(dir, name), past, past);
  const first = await hashed(dir, ['a', 'b', 'c']);
  assert.deepEqual(first.hashes, [`a 3 ${sha256('one')}`, `b 3 ${sha256('two')}`, `c 0 ${sha256('')}`]);
  assert.deepEqual(first.read.toSorted(), ['a', 'b', 'c']);
  // The third was written a moment ago: whether it was written again, its times may not tell.
  const second = await hashed(dir, ['a', 'b', 'c']);
  assert.deepEqual(second.read, ['c']);
  assert.deepEqual(second.hashes[0], `a 0 ${sha256('one')}`);
  // The same size and the same time, another content.
  writeFileSync(join(dir, 'b'), 'owt');
  utimesSync(join(dir, 'b'), past, past);
  const third = await hashed(dir, ['a', 'b']);
  assert.deepEqual([third.read, third.hashes[1]], [['b'], `b 3 ${sha256('owt')}`]);
});

test('what was kept and cannot be read is made anew', async () => {
  const dir = await project({ a: 'one', '.state/hashes.json': '{"version":1,"files":[["' });
  assert.deepEqual((await hashed(dir, ['a'])).hashes, [`a 3 ${sha256('one')}`]);
});

test('a file that is gone is told by its name', async () => {
  const dir = await project({});
  await assert.rejects(hashed(dir, ['gone']), { name: 'UsageError', message: /\/gone: cannot be read: ENOENT/ });
});
