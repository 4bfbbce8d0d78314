import assert from 'node:assert/strict';
import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readFallback } from './fallback.ts';
import type { KeptPage } from './kept.ts';
import { fakePrerender, temporaryDirectory } from './prerender.fixture.ts';

test('a file of the build is read once for all who are being sent it, and hashed once as long as it stays the same', async (context) => {
  const directory = await temporaryDirectory();
  context.after(() => directory.remove());
  const file = join(directory.path, 'page.html');
  const fallback = { file };
  const read = async (): Promise<KeptPage> => (await readFallback({ ...fakePrerender(), fallback }, null, 100))!;
  await writeFile(file, 'one');
  await utimes(file, 1000, 1000);
  const [first, second] = await Promise.all([read(), read()]);
  assert.equal(first.body, second.body);
  assert.equal((await read()).body, first.body, 'the very same bytes');
  assert.equal(first.askedMs, 1_000_000);

  await writeFile(file, 'two');
  await utimes(file, 2000, 2000);
  const other = await read();
  assert.equal(other.body.toString(), 'two');
  assert.notEqual(other.entityTag, first.entityTag);
  await writeFile(file, 'x'.repeat(101));
  assert.equal(await readFallback({ ...fakePrerender(), fallback }, null, 100), null);
});
