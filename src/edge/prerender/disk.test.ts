import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PageDisk } from './disk.ts';
import { temporaryDirectory } from './prerender.fixture.ts';

const drawer = '0'.repeat(16);
const id = '1'.repeat(40);

test('what is asked for of one file is done in that order, however long it takes', async (context) => {
  const directory = await temporaryDirectory();
  context.after(() => directory.remove());
  const disk = new PageDisk(directory.path);
  await disk.scan();
  const large = Buffer.alloc(16 * 1024 * 1024);
  for (let count = 0; count < 3; count += 1) {
    void disk.write(drawer, id, [large]);
    void disk.write(drawer, id, [Buffer.from('last')]);
    await disk.idle();
    assert.equal((await disk.read(drawer, id, 100))?.toString(), 'last');
    void disk.write(drawer, id, [large]);
    void disk.remove(drawer, id);
    await disk.idle();
    assert.equal(await disk.read(drawer, id, 100), null);
  }
  assert.deepEqual(await disk.scan(), { pages: [], lost: [] });
});

test('a file that is larger than it may be is not read', async (context) => {
  const directory = await temporaryDirectory();
  context.after(() => directory.remove());
  const disk = new PageDisk(directory.path);
  await disk.write(drawer, id, [Buffer.alloc(101)]);
  assert.equal(await disk.read(drawer, id, 100), null);
  assert.equal((await disk.read(drawer, id, 101))?.length, 101);
});
