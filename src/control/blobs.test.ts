import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { limits } from '../base/limits.ts';
import { ApiError } from '../api/errors.ts';
import { once } from '../../test/control/local.ts';
import { sha256, temporary } from '../../test/control/rig.ts';
import { VirtualClock } from '../../test/sim/virtual-clock.ts';
import { BlobStore } from './blobs.ts';

const refused = (code: string) => (error: unknown) => error instanceof ApiError && error.code === code;

async function store(t: TestContext) {
  const dir = temporary(t);
  const clock = new VirtualClock(Date.now());
  return { dir, clock, blobs: await BlobStore.open({ dir, clock }) };
}

async function* breaking(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
  throw new Error('the client is gone');
}

test('an upload goes on from wherever it stopped', async (t) => {
  const { blobs } = await store(t);
  const text = 'resumable';
  for (let stop = 0; stop <= text.length; stop += 1) {
    const whole = `${text} ${stop}`;
    const id = sha256(whole);
    await assert.rejects(blobs.put(id, 0, breaking(whole.slice(0, stop))), /the client is gone/);
    assert.deepEqual(await blobs.state(id), { offset: stop, isComplete: false });
    assert.equal(await blobs.size(id), null);
    for (const offset of [stop + 1, stop === 0 ? 2 : 0])
      await assert.rejects(blobs.put(id, offset, once('x')), refused('OFFSET_MISMATCH'));
    await blobs.put(id, stop, once(whole.slice(stop)));
    assert.deepEqual(await blobs.state(id), { offset: whole.length, isComplete: true });
    assert.equal(readFileSync(blobs.path(id), 'utf8'), whole);
  }
});

test('what has another hash is not kept, and can be uploaded again', async (t) => {
  const { blobs, dir } = await store(t);
  await assert.rejects(blobs.put(sha256('right'), 0, once('wrong')), refused('HASH_MISMATCH'));
  assert.deepEqual(await blobs.state(sha256('right')), { offset: 0, isComplete: false });
  assert.deepEqual(readdirSync(join(dir, 'partial')), []);
  await blobs.put(sha256('right'), 0, once('right'));
  assert.equal(await blobs.size(sha256('right')), 5);
  // The empty file is one too.
  await blobs.put(sha256(''), 0, once(''));
  assert.equal(await blobs.size(sha256('')), 0);
});

test('many who upload the same at once: one does, the others find it', async (t) => {
  const { blobs } = await store(t);
  const text = 'together'.repeat(1_000);
  async function* slowly(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < text.length; at += 1_000) {
      await new Promise(setImmediate);
      yield Buffer.from(text.slice(at, at + 1_000));
    }
  }
  await Promise.all(Array.from({ length: 8 }, () => blobs.put(sha256(text), 0, slowly())));
  assert.equal(readFileSync(blobs.path(sha256(text)), 'utf8'), text);
  // One that breaks off leaves it to the next one, who is told where it stopped.
  const other = `${text}!`;
  const [first, second] = await Promise.allSettled([
    blobs.put(sha256(other), 0, breaking('together')),
    blobs.put(sha256(other), 0, once(other)),
  ]);
  assert.equal(first.status, 'rejected');
  assert.ok(second.status === 'rejected' && refused('OFFSET_MISMATCH')(second.reason));
  assert.equal((await blobs.state(sha256(other))).offset, 'together'.length);
});

test('a disk without room is told by name, and nothing has the name of a whole blob', async (t) => {
  const { blobs, dir } = await store(t);
  symlinkSync('/dev/full', join(dir, 'partial', sha256('much')));
  await assert.rejects(blobs.put(sha256('much'), 0, once('much')), refused('DISK_FULL'));
  assert.equal(await blobs.size(sha256('much')), null);
});

test('a write that takes a part is gone on with', async (t) => {
  const { blobs, dir } = await store(t);
  const text = 'a part of it';
  // write() of handles takes three bytes at a time, as on a nearly full disk: whoever calls it once has not written all.
  const { open } = await import('node:fs/promises');
  const handle = await open(join(dir, 'probe'), 'w');
  const kind = Object.getPrototypeOf(handle) as { write: (...args: unknown[]) => Promise<unknown> };
  await handle.close();
  const { write } = kind;
  t.after(() => void (kind.write = write));
  kind.write = function (this: unknown, bytes, ...rest) {
    const [from = 0, length = (bytes as Uint8Array).length] = rest as [number?, number?];
    return write.call(this, bytes, from, Math.min(3, length), null);
  };
  await blobs.put(sha256(text), 0, once(text));
  assert.equal(readFileSync(blobs.path(sha256(text)), 'utf8'), text);
});

test('more than a file may have is refused as it comes, and not kept', async (t) => {
  const dir = temporary(t);
  const blobs = await BlobStore.open({ dir, clock: new VirtualClock(), mostBytes: 5 });
  const id = sha256('much too much');
  await assert.rejects(blobs.put(id, 0, once('much too much')), refused('BLOB_TOO_LARGE'));
  assert.deepEqual(readdirSync(join(dir, 'partial')), []);
  // Nor of one that is there: whoever sends goes on for ever otherwise.
  await blobs.put(sha256('five!'), 0, once('five!'));
  await assert.rejects(blobs.put(sha256('five!'), 0, once('and more')), refused('BLOB_TOO_LARGE'));
  assert.equal(await blobs.size(sha256('five!')), 5);
});

test('what nothing refers to is collected once it is old; what is referred to meanwhile is not', async (t) => {
  const { blobs, dir, clock } = await store(t);
  const texts = ['kept', 'claimed', 'gone'];
  for (const text of texts) await blobs.put(sha256(text), 0, once(text));
  await assert.rejects(blobs.put(sha256('part'), 0, breaking('p')));
  const referred = new Set([sha256('kept')]);
  await blobs.collect((id) => referred.has(id));
  for (const text of texts) assert.equal(await blobs.size(sha256(text)), text.length, 'all are new');

  clock.advance(limits.partialBlobKeptMs + 60_000);
  // Somebody says that it needs it while others are looked at.
  let asked = 0;
  await blobs.collect((id) => {
    if (id === sha256('claimed')) asked += 1;
    return referred.has(id) || (id === sha256('claimed') && asked > 1);
  });
  assert.equal(asked, 2);
  assert.equal(await blobs.size(sha256('kept')), 4);
  assert.equal(await blobs.size(sha256('claimed')), 7);
  assert.equal(await blobs.size(sha256('gone')), null);
  assert.deepEqual(readdirSync(join(dir, 'partial')), []);
});

test('whoever asks for one that is just being removed does not find it', async (t) => {
  const { blobs, clock } = await store(t);
  const id = sha256('going');
  await blobs.put(id, 0, once('going'));
  clock.advance(limits.partialBlobKeptMs + 60_000);
  let asked = 0;
  let found: Promise<number | null> | null = null;
  await blobs.collect(() => {
    // The last word before it is removed: from then on it is not there.
    if ((asked += 1) === 2) queueMicrotask(() => void (found = blobs.size(id)));
    return false;
  });
  assert.equal(await found!, null);
});

test('an upload under way is not collected, however old what came before', async (t) => {
  const { blobs, dir, clock } = await store(t);
  const id = sha256('slow one');
  await assert.rejects(blobs.put(id, 0, breaking('slow')));
  const past = clock.wallMs() / 1000 - limits.partialBlobKeptMs;
  utimesSync(join(dir, 'partial', id), past, past);
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const upload = blobs.put(
    id,
    4,
    (async function* () {
      begun.resolve();
      await gate.promise;
      yield Buffer.from(' one');
    })(),
  );
  await begun.promise;
  await blobs.collect(() => false);
  gate.resolve();
  await upload;
  assert.equal(readFileSync(blobs.path(id), 'utf8'), 'slow one');
});

test('what is in its folder and is none of its own is left alone', async (t) => {
  const { blobs, dir, clock } = await store(t);
  mkdirSync(join(dir, 'other'));
  writeFileSync(join(dir, 'other', 'file'), 'x');
  clock.advance(limits.partialBlobKeptMs * 2);
  await blobs.collect(() => false);
  assert.equal(existsSync(join(dir, 'other', 'file')), true);
});
