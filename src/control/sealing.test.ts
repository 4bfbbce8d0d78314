import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { temporary } from '../../test/control/rig.ts';
import { openKey, Sealer } from './sealing.ts';

const sealer = new Sealer(Buffer.alloc(32, 7));
const modeOf = (file: string): number => statSync(file).mode;

test('what was sealed opens, and twice the same looks different', () => {
  for (const text of ['', 'secret', 'ü\u{1f600}\0', 'x'.repeat(100_000)]) {
    assert.equal(sealer.open(sealer.seal(text, 'here'), 'here'), text);
    assert.notDeepEqual(sealer.seal(text, 'here'), sealer.seal(text, 'here'));
  }
  assert.equal(sealer.seal('plain text', 'here').includes('plain text'), false);
});

test('each byte that was changed is noticed, and nothing of the text is told', () => {
  const sealed = sealer.seal('the text', 'here');
  for (let at = 0; at < sealed.length; at += 1)
    for (const bit of [1, 128]) {
      const changed = Buffer.from(sealed);
      changed[at]! ^= bit;
      assert.throws(
        () => sealer.open(changed, 'here'),
        (error: Error) => error.message.startsWith('here: ') && !error.message.includes('text'),
        `byte ${at}`,
      );
    }
  for (let length = 0; length < sealed.length; length += 1)
    assert.throws(() => sealer.open(sealed.subarray(0, length), 'here'), `${length} bytes of it`);
  assert.throws(() => sealer.open(Buffer.concat([sealed, Buffer.of(0)]), 'here'));
});

test('what was moved elsewhere, or is of another key, does not open', () => {
  const sealed = sealer.seal('the text', 'variable shop/production/A');
  assert.throws(() => sealer.open(sealed, 'variable shop/production/B'));
  assert.throws(() => new Sealer(Buffer.alloc(32, 8)).open(sealed, 'variable shop/production/A'));
  assert.throws(() => new Sealer(Buffer.alloc(16)), UsageError);
});

test('a key is made once, for this user alone', (t) => {
  const dir = temporary(t);
  const file = join(dir, 'secret.key');
  const key = openKey(file, modeOf);
  assert.equal(key.length, 32);
  assert.equal(modeOf(file) & 0o777, 0o600);
  assert.deepEqual(openKey(file, modeOf), key);
  assert.deepEqual(readdirSync(dir), ['secret.key']);
  assert.notDeepEqual(openKey(join(dir, 'other.key'), modeOf), key);
});

test('a key that others may read, or that is none, is refused and left as it is', (t) => {
  const file = join(temporary(t), 'secret.key');
  openKey(file, modeOf);
  const text = readFileSync(file, 'utf8');
  for (const mode of [0o640, 0o604, 0o644, 0o660]) {
    chmodSync(file, mode);
    assert.throws(() => openKey(file, modeOf), UsageError, mode.toString(8));
  }
  assert.equal(readFileSync(file, 'utf8'), text);
  for (const none of ['', 'short', `${text}AAAA`]) {
    writeFileSync(file, none);
    chmodSync(file, 0o600);
    assert.throws(() => openKey(file, modeOf), UsageError, none);
    assert.equal(readFileSync(file, 'utf8'), none);
  }
});
