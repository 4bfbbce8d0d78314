import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock, type Clock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { watchProject } from './watch.ts';

let home: string;
before(async () => void (home = await mkdtemp(join(tmpdir(), 'weir-watch-'))));
after(() => rm(home, { recursive: true, force: true }));

/** Does not wait a second between two looks. */
const impatient: Clock = {
  ...systemClock,
  after: (delayMs, fire) => systemClock.after(Math.min(delayMs, 50), fire),
};

/** Everything that was reported so far, and a wait for a path to be among it. */
function watched(dir: string, method: 'folders' | 'polling') {
  const seen = new Set<string>();
  let arrived = (): void => undefined;
  const watch = watchProject(dir, {
    clock: impatient,
    log: silentLog,
    method,
    changed(paths) {
      for (const path of paths) seen.add(path);
      arrived();
    },
  });
  const until = (path: string): Promise<void> =>
    new Promise((resolve) => {
      // Clock's timers keep no process alive; waiting for what they bring must.
      const alive = setInterval(() => undefined, 1000);
      arrived = () => {
        if (!seen.has(path)) return;
        clearInterval(alive);
        resolve();
      };
      arrived();
    });
  return { seen, until, close: () => watch.close() };
}

for (const method of ['folders', 'polling'] as const) {
  test(`${method}: changes, new folders and what is put into them, renames; not packages, tools and logs`, async () => {
    const dir = await mkdtemp(join(home, 'p-'));
    for (const folder of ['api', 'node_modules/x', '.git', 'public'])
      await mkdir(join(dir, folder), { recursive: true });
    await writeFile(join(dir, 'api/a.js'), '1');
    const { seen, until, close } = watched(dir, method);
    try {
      await writeFile(join(dir, 'node_modules/x/i.js'), '1');
      await writeFile(join(dir, '.git/HEAD'), '1');
      await writeFile(join(dir, 'app.log'), '1');
      await writeFile(join(dir, 'api/a.js'), 'changed');
      await until('api/a.js');
      await mkdir(join(dir, 'api/deep/er'), { recursive: true });
      await until('api/deep');
      await writeFile(join(dir, 'api/deep/er/b.js'), '1');
      await until(join('api/deep/er/b.js'));
      await rename(join(dir, 'api/a.js'), join(dir, 'api/c.js'));
      await until('api/c.js');
      await writeFile(join(dir, '.env'), 'A=1');
      await until('.env');
      await writeFile(join(dir, 'public/i.html'), '1');
      await until('public/i.html');
      const other = [...seen].filter((path) => /node_modules|\.git|\.log/.test(path));
      assert.deepEqual(other, []);
    } finally {
      close();
    }
  });
}

test('after close nothing more is reported', async () => {
  const dir = await mkdtemp(join(home, 'p-'));
  const first = watched(dir, 'folders');
  const second = watched(dir, 'folders');
  try {
    first.close();
    first.close();
    await writeFile(join(dir, 'a.js'), '1');
    await second.until('a.js');
    assert.deepEqual([...first.seen], []);
  } finally {
    second.close();
  }
});

test('a folder of changes in one moment is one report', async () => {
  const dir = await mkdtemp(join(home, 'p-'));
  const reports: (readonly string[])[] = [];
  let told = (): void => undefined;
  const watch = watchProject(dir, {
    clock: systemClock,
    log: silentLog,
    method: 'folders',
    changed(paths) {
      reports.push(paths);
      told();
    },
  });
  const alive = setInterval(() => undefined, 1000);
  try {
    const first = new Promise<void>((resolve) => (told = resolve));
    await Promise.all(['a', 'b', 'c'].map((name) => writeFile(join(dir, `${name}.js`), name)));
    await first;
    assert.deepEqual(reports, [['a.js', 'b.js', 'c.js']]);
  } finally {
    clearInterval(alive);
    watch.close();
  }
});
