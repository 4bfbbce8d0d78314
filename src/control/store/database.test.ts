import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { UsageError } from '../../base/errors.ts';
import { temporary } from '../../../test/control/rig.ts';
import { Database } from './database.ts';
import { openSealer } from './key-check.ts';

const migrations = readdirSync(new URL('migrations/', import.meta.url)).toSorted();
const newest = Number(migrations.at(-1)!.slice(0, 3));
const usage = (pattern: RegExp) => (error: unknown) => error instanceof UsageError && pattern.test(error.message);

const schemaOf = (file: string): unknown[] => {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return db.prepare('select type, name, sql from sqlite_schema order by type, name').all();
  } finally {
    db.close();
  }
};

test('from each earlier schema the newest is come to, and what was in it stays', (t) => {
  const dir = temporary(t);
  new Database(join(dir, 'new.db')).close();
  const wanted = schemaOf(join(dir, 'new.db'));
  for (let from = 0; from <= newest; from += 1) {
    const file = join(dir, `${from}.db`);
    const old = new DatabaseSync(file);
    for (const name of migrations.filter((each) => Number(each.slice(0, 3)) <= from))
      old.exec(readFileSync(new URL(`migrations/${name}`, import.meta.url), 'utf8'));
    if (from > 0) old.exec(`insert into settings (name, value) values ('kept', 'yes')`);
    old.exec(`pragma user_version = ${from}`);
    old.close();
    const db = new Database(file);
    assert.equal(db.get<{ user_version: number }>('pragma user_version')!.user_version, newest);
    if (from > 0) assert.deepEqual(db.all('select value from settings').length, 1);
    db.close();
    assert.deepEqual(schemaOf(file), wanted, `from ${from}`);
  }
});

test('a newer schema, and what is no database, are refused and left as they are', (t) => {
  const dir = temporary(t);
  const file = join(dir, 'weir.db');
  const newer = new DatabaseSync(file);
  newer.exec(`pragma user_version = ${newest + 1}`);
  newer.close();
  const bytes = readFileSync(file);
  assert.throws(() => new Database(file), usage(/newer version of Weir/));
  assert.deepEqual(readFileSync(file).subarray(100), bytes.subarray(100));
  writeFileSync(join(dir, 'other.db'), 'this is no database, and it is long enough to be looked at'.repeat(20));
  assert.throws(() => new Database(join(dir, 'other.db')), usage(/cannot be opened/));
});

test('another process that has it is told of, and one that was killed has it no more', (t) => {
  const file = join(temporary(t), 'weir.db');
  const db = new Database(file);
  const url = new URL('database.ts', import.meta.url).href;
  const open = `const { Database } = await import(${JSON.stringify(url)}); new Database(process.argv[1]);`;
  const other = spawnSync(process.execPath, ['--input-type=module', '-e', open, file], { encoding: 'utf8' });
  assert.notEqual(other.status, 0);
  assert.match(other.stderr, /another Weir uses it/);
  db.close();
  const killed = `${open} process.kill(process.pid, 'SIGKILL');`;
  spawnSync(process.execPath, ['--input-type=module', '-e', killed, file]);
  new Database(file).close();
});

test('a transaction is whole or not at all, one within another too', (t) => {
  const file = join(temporary(t), 'weir.db');
  const db = new Database(file);
  const put = (name: string): void => void db.run('insert into settings (name, value) values (?, ?)', name, 'x');
  const names = (): unknown[] =>
    db.all<{ name: string }>('select name from settings order by name').map(({ name }) => name);
  assert.throws(
    () =>
      db.transaction(() => {
        put('a');
        db.transaction(() => put('b'));
        throw new Error('changed my mind');
      }),
    /changed my mind/,
  );
  assert.deepEqual(names(), []);
  assert.equal(
    db.transaction(() => {
      put('a');
      return 'told';
    }),
    'told',
  );
  // What SQLite refuses is told as what it was, and the next one begins anew.
  assert.throws(() => db.transaction(() => put('a')), /UNIQUE/);
  // A deferred key is looked at when it is committed.
  db.run(
    `insert into projects (name, created_ms, skew_max_age_ms, preview_days, production_count) values ('p', 0, 0, 1, 1)`,
  );
  assert.throws(() => db.transaction(() => db.run(`update projects set live = 'dep_none'`)), /FOREIGN KEY/);
  put('c');
  assert.deepEqual(names(), ['a', 'c']);
  db.close();
  db.close();
});

test('what was committed is in the files, however the process ends; and they are this user’s alone', (t) => {
  const dir = temporary(t);
  const file = join(dir, 'weir.db');
  const db = new Database(file);
  db.run(`insert into settings (name, value) values ('kept', 'yes')`);
  for (const name of readdirSync(dir)) assert.equal(statSync(join(dir, name)).mode & 0o077, 0, name);
  assert.equal(db.get<{ synchronous: number }>('pragma synchronous')!.synchronous, 2);
  assert.equal(db.get<{ journal_mode: string }>('pragma journal_mode')!.journal_mode, 'wal');
  // As a killed process leaves them.
  const other = temporary(t);
  for (const name of readdirSync(dir)) cpSync(join(dir, name), join(other, name));
  db.close();
  const copied = new Database(join(other, 'weir.db'));
  assert.equal(copied.all('select * from settings').length, 1);
  assert.ok(copied.bytes > 0);
  copied.close();
});

test('with another key than before, or none, it is not opened', (t) => {
  const dir = temporary(t);
  const db = new Database(join(dir, 'weir.db'));
  const file = join(dir, 'secret.key');
  const sealed = openSealer(db, file).seal('text', 'here');
  assert.equal(openSealer(db, file).open(sealed, 'here'), 'text');
  execFileSync('mv', [file, `${file}.away`]);
  assert.throws(() => openSealer(db, file), usage(/is missing/));
  assert.deepEqual(
    readdirSync(dir).filter((name) => name === 'secret.key'),
    [],
    'none is made in its place',
  );
  writeFileSync(file, `${Buffer.alloc(32).toString('base64')}\n`, { mode: 0o600 });
  assert.throws(() => openSealer(db, file), usage(/not the key/));
  execFileSync('mv', [`${file}.away`, file]);
  assert.equal(openSealer(db, file).open(sealed, 'here'), 'text');
  db.close();
});
