import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { ownDirectory } from './owned-directory.ts';

function scene(t: TestContext) {
  const parent = mkdtempSync(join(tmpdir(), 'weir-test-'));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  const alive = new Set([1, 2, 3, 4]);
  const own = (pid: number, name = 'abc') =>
    ownDirectory({ parent, name, pid, clock: systemClock, isAlive: (each) => alive.has(each) });
  return { parent, alive, own };
}

test('one process at a time; others have their own; what was released, or left behind, is found again', async (t) => {
  const { parent, alive, own } = scene(t);
  const [first, second] = [await own(1), await own(2)];
  assert.deepEqual([first?.path, second?.path], [join(parent, 'abc'), join(parent, 'abc.2')]);
  assert.equal((await own(1, 'other'))?.path, join(parent, 'other'));
  await first!.release();
  assert.equal((await own(3))?.path, join(parent, 'abc'));
  // Killed.
  alive.delete(2);
  assert.equal((await own(4))?.path, join(parent, 'abc.2'));
  // A number that came round: whoever has it now is who asks.
  assert.equal((await own(3))?.path, join(parent, 'abc'));
  writeFileSync(join(parent, 'abc.2', 'owner.pid'), 'nonsense');
  assert.equal((await own(2))?.path, join(parent, 'abc.2'));
  assert.deepEqual(readdirSync(join(parent, 'abc')), ['owner.pid']);
});

test('of many that find it abandoned at once no two have the same', async (t) => {
  const { parent, alive, own } = scene(t);
  const pids = Array.from({ length: 8 }, (_, at) => 10 + at);
  for (const pid of pids) alive.add(pid);
  mkdirSync(join(parent, 'abc'));
  writeFileSync(join(parent, 'abc', 'owner.pid'), '999');
  const found = await Promise.all(pids.map((pid) => own(pid)));
  assert.equal(new Set(found.map((each) => each?.path)).size, pids.length);
});

test('directories that nobody used for long are removed; not those that somebody has', async (t) => {
  const { parent, own } = scene(t);
  const longAgoS = (Date.now() - limits.ownedKeptMs - 60_000) / 1000;
  for (const [name, owner] of Object.entries({ old: '', killed: '999', used: '1', recent: '' })) {
    mkdirSync(join(parent, name));
    writeFileSync(join(parent, name, 'page'), '');
    if (owner !== '') writeFileSync(join(parent, name, 'owner.pid'), owner);
    if (name !== 'recent') utimesSync(join(parent, name), longAgoS, longAgoS);
  }
  await own(2);
  assert.deepEqual(readdirSync(parent).toSorted(), ['abc', 'recent', 'used']);
});

test('where nothing can be written there is none', async (t) => {
  const { parent } = scene(t);
  writeFileSync(join(parent, 'file'), '');
  const options = { parent: join(parent, 'file'), name: 'abc', pid: 1, clock: systemClock, isAlive: () => true };
  assert.equal(await ownDirectory(options), null);
  assert.ok(!existsSync(join(parent, 'file', 'abc')));
});
