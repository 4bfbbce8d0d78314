import assert from 'node:assert/strict';
import fs from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { systemClock, type Clock } from '../base/clock.ts';
import { silentLog, textLog } from '../base/log.ts';
import { watchProject } from './watch.ts';

let home: string;
before(async () => void (home = await mkdtemp(join(tmpdir(), 'weir-watch-'))));
after(() => rm(home, { recursive: true, force: true }));

/** Does not wait a second between two looks. */
const impatient: Clock = {
  ...systemClock,
  after: (delayMs, fire) => systemClock.after(Math.min(delayMs, 50), fire),
};

interface Watched {
  readonly method: 'folders' | 'polling';
  readonly reads?: readonly string[];
}

/** Everything that was reported and warned of so far, and a wait for a path to be reported. */
function watched(dir: string, { method, reads = [] }: Watched) {
  const seen = new Set<string>();
  const warnings: string[] = [];
  let arrived = (): void => undefined;
  const watch = watchProject(dir, {
    clock: impatient,
    log: textLog((line) => warnings.push(line)),
    reads: () => new Set(reads),
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
  return { seen, warnings, until, close: () => watch.close() };
}

/** A directory of these files, empty. */
async function project(...files: readonly string[]): Promise<string> {
  const dir = await mkdtemp(join(home, 'p-'));
  for (const file of files) {
    await mkdir(dirname(join(dir, file)), { recursive: true });
    await writeFile(join(dir, file), '');
  }
  return dir;
}

/** Until the test has ended, reading or watching a path fails with this code. */
function failing(t: TestContext, call: 'readdirSync' | 'watch', fault: (path: string) => string | null): void {
  const real = fs[call] as (...args: unknown[]) => unknown;
  t.mock.method(fs, call, (...args: unknown[]) => {
    const code = fault(String(args[0]));
    if (code !== null) throw Object.assign(new Error(`${code}: ${String(args[0])}`), { code });
    return real(...args);
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
}

for (const method of ['folders', 'polling'] as const) {
  test(`${method}: changes, new folders and what is put into them, renames; not packages, tools and data`, async () => {
    const dir = await project('node_modules/x/i.js', '.git/HEAD', 'public/i.html', 'api/a.js', 'lib/prompt.txt');
    const { seen, until, close } = watched(dir, { method, reads: [join('lib', 'prompt.txt')] });
    try {
      for (const file of ['node_modules/x/i.js', '.git/HEAD', 'app.log', 'data.json', 'my.sqlite-wal', 'api/sedX1y2Z'])
        await writeFile(join(dir, file), '1');
      for (const file of ['api/.a.js.swp', 'api/a.js~', 'api/.#a.js', '.env.swp', 'public/i.html'])
        await writeFile(join(dir, file), 'changed');
      await writeFile(join(dir, 'api/a.js'), 'changed');
      await until('api/a.js');
      await mkdir(join(dir, 'api/deep/er'), { recursive: true });
      await writeFile(join(dir, 'api/deep/er/b.js'), '1');
      await until(join('api/deep/er/b.js'));
      await rename(join(dir, 'api/a.js'), join(dir, 'api/c.js'));
      await until('api/c.js');
      for (const file of ['.env', '.env.local', 'tsconfig.json', 'lib/package.json', 'lib/prompt.txt']) {
        await writeFile(join(dir, file), 'A=1');
        await until(file);
      }
      await mkdir(join(dir, 'public/.well-known'));
      for (const file of ['public/.well-known/x', 'public/server.log', 'public/j.html']) {
        await writeFile(join(dir, file), '1');
        await until(file);
      }
      await rm(join(dir, 'public/j.html'));
      await rm(join(dir, 'lib/prompt.txt'));
      await writeFile(join(dir, 'weir.json'), '{}');
      await until('weir.json');
      const told =
        /^(?:api\/(?:a|c|deep\/er\/b)\.js|\.env(?:\.local)?|(?:weir|tsconfig|lib\/package)\.json|lib\/prompt\.txt)$/;
      const other = [...seen].filter((path) => !told.test(path));
      assert.deepEqual(other.toSorted(), ['public/.well-known/x', 'public/j.html', 'public/server.log']);
    } finally {
      close();
    }
  });

  test(`${method}: a folder that is moved here, one that takes another's place, and one that goes away`, async () => {
    const dir = await project('api/a/x.js', 'other/y.js');
    const elsewhere = await project('b/z.js', 'c/w.js');
    const { until, close } = watched(dir, { method, reads: [join('api', 'a', 'x.js')] });
    try {
      await rename(join(elsewhere, 'b'), join(dir, 'api/b'));
      await until(join('api', 'b', 'z.js'));
      await rename(join(dir, 'other'), join(elsewhere, 'other'));
      await rename(join(elsewhere, 'c'), join(dir, 'other'));
      await until(join('other', 'w.js'));
      await writeFile(join(dir, 'other/new.js'), '1');
      await until(join('other', 'new.js'));
      await rename(join(dir, 'api/a'), join(elsewhere, 'a'));
      await until(method === 'polling' ? join('api', 'a', 'x.js') : join('api', 'a'));
    } finally {
      close();
    }
  });

  test(`${method}: a folder that is gone before it is looked at is passed over`, async (t) => {
    const dir = await project('api/a.js', 'gone/sub/x.js', 'file/x.js');
    const fault = (path: string): string | null =>
      path.endsWith('/sub') ? 'ENOENT' : path.endsWith('/file') ? 'ENOTDIR' : null;
    failing(t, 'readdirSync', fault);
    failing(t, 'watch', fault);
    const { warnings, until, close } = watched(dir, { method });
    try {
      await mkdir(join(dir, 'new/sub'), { recursive: true });
      await writeFile(join(dir, 'new/b.js'), '1');
      await until(join('new', 'b.js'));
      assert.deepEqual(warnings, []);
    } finally {
      close();
    }
  });

  test(`${method}: a folder that may not be read is told once, and the rest is watched`, async (t) => {
    const dir = await project('api/a.js', 'secret/x.js', 'closed/x.js');
    failing(t, 'watch', (path) => (path.endsWith('/secret') ? 'EACCES' : null));
    failing(t, 'readdirSync', (path) => (/\/(?:secret|closed)$/.test(path) ? 'EACCES' : null));
    const { warnings, until, close } = watched(dir, { method });
    try {
      for (const name of ['b', 'c']) {
        await writeFile(join(dir, `api/${name}.js`), '1');
        await until(`api/${name}.js`);
      }
      await rename(join(dir, 'secret'), join(dir, 'kept'));
      await rename(join(dir, 'kept'), join(dir, 'secret'));
      await writeFile(join(dir, 'api/d.js'), '1');
      await until('api/d.js');
      assert.equal(warnings.filter((line) => line.includes(join(dir, 'secret'))).length, 1);
      assert.equal(warnings.length, 2, warnings.join('\n'));
    } finally {
      close();
    }
  });
}

test('without watches left it looks by itself, from the start or from then on; what had come just then is found', async (t) => {
  const dir = await project('api/a.js');
  let none = false;
  failing(t, 'watch', (path) => (none || path.endsWith('/new') ? 'ENOSPC' : null));
  const first = watched(dir, { method: 'folders' });
  none = true;
  const second = watched(dir, { method: 'folders' });
  try {
    assert.match(second.warnings.join(), /cannot watch .*ENOSPC.*once a second instead/);
    await mkdir(join(dir, 'new'));
    await writeFile(join(dir, 'new/b.js'), '1');
    await Promise.all([first.until(join('new', 'b.js')), second.until(join('new', 'b.js'))]);
    assert.match(first.warnings.join(), /ENOSPC.*once a second instead/);
    await writeFile(join(dir, 'api/a.js'), 'changed');
    await first.until('api/a.js');
  } finally {
    first.close();
    second.close();
  }
});

test('polling goes on after a moment without open files', async (t) => {
  const dir = await project('api/a.js');
  let failures = 0;
  failing(t, 'readdirSync', () => (failures > 0 && failures-- > 0 ? 'EMFILE' : null));
  const { seen, until, close } = watched(dir, { method: 'polling' });
  try {
    failures = 2;
    await writeFile(join(dir, 'api/b.js'), '1');
    await until('api/b.js');
    assert.deepEqual([...seen], ['api/b.js']);
  } finally {
    close();
  }
});

test('after close nothing more is reported', async () => {
  const dir = await mkdtemp(join(home, 'p-'));
  const first = watched(dir, { method: 'folders' });
  const second = watched(dir, { method: 'folders' });
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
    reads: () => new Set(),
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
