import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { project } from '../project.fixture.ts';
import { building, nuxt } from './build.fixture.ts';
import { runCommand } from './command.ts';

const { make, refusal } = building(process.env);
const read = (dir: string, path: string): any => JSON.parse(readFileSync(join(dir, path), 'utf8'));

test('a build that fails says how, and leaves what was built before', async () => {
  const dir = await project({ ...nuxt, '.vercel/output/config.json': '{ "version": 3, "before": true }' });
  writeFileSync(
    join(dir, 'build.mjs'),
    `
    import { mkdirSync, writeFileSync } from 'node:fs';
    mkdirSync('.vercel/output', { recursive: true });
    writeFileSync('.vercel/output/half.txt', '');
    console.error('something is wrong');
    process.exit(7);
  `,
  );
  const { made: result, printed } = await make(dir);
  assert.deepEqual(result, { kind: 'failed', command: 'npm run build', how: 'exited with 7' });
  assert.match(printed, /something is wrong/);
  assert.equal(read(dir, '.vercel/output/config.json').before, true);
  assert.ok(!existsSync(join(dir, '.vercel/output/half.txt')));
  assert.ok(!existsSync(join(dir, '.vercel/output.before')));
});

test('a build that is interrupted has ended with all it started when what was built before is back', async () => {
  const dir = await project({ ...nuxt, '.vercel/output/config.json': '{ "version": 3, "before": true }' });
  // Neither npm nor the shell hands on that it is told to end; what ends late writes until it does.
  writeFileSync(
    join(dir, 'build.mjs'),
    `
    import { mkdirSync, writeFileSync } from 'node:fs';
    process.on('SIGTERM', () => setTimeout(() => {
      mkdirSync('.vercel/output', { recursive: true });
      writeFileSync('.vercel/output/late.txt', '');
      writeFileSync('ended.txt', '');
      process.exit();
    }, 200));
    setInterval(() => undefined, 1000);
    console.log('waiting', process.pid);`,
  );
  const stop = new AbortController();
  let pid = 0;
  const { made: result } = await make(dir, {
    signal: stop.signal,
    output(text) {
      pid ||= Number(/waiting (\d+)/.exec(text)?.[1] ?? 0);
      if (pid > 0) stop.abort();
    },
  });
  assert.deepEqual(result, { kind: 'failed', command: 'npm run build', how: 'was interrupted' });
  assert.ok(isGone(pid));
  assert.equal(existsSync(join(dir, 'ended.txt')), true, 'it had the time that it took');
  assert.equal(read(dir, '.vercel/output/config.json').before, true);
  assert.equal(existsSync(join(dir, '.vercel/output/late.txt')), false);
});

test('what does not end when it is told to is killed, also where nobody hears of it any more', async () => {
  const dir = await project({
    'stubborn.mjs': `
    import { writeFileSync } from 'node:fs';
    process.on('SIGTERM', () => undefined);
    setTimeout(() => undefined, 60_000);
    writeFileSync('ready.txt', '');`,
  });
  const stop = new AbortController();
  let aheadMs = 0;
  const ended = runCommand('node stubborn.mjs > log.txt 2>&1 & echo $!; wait', null, {
    cwd: dir,
    environment: process.env,
    clock: { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs },
    output: () => undefined,
    signal: stop.signal,
  });
  await until(() => existsSync(join(dir, 'ready.txt')));
  stop.abort();
  aheadMs = limits.commandGraceMs;
  const result = await ended;
  assert.ok(result.kind === 'failed');
  assert.equal(result.how, 'was interrupted');
  await until(() => isGone(Number(result.lastLines)));
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Also one that has ended, of which nobody wants to know how. */
function isGone(pid: number): boolean {
  assert.ok(pid > 0);
  try {
    process.kill(pid, 0);
    return process.platform === 'linux' && / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

test('what was built before is gone when the build succeeds', async () => {
  const dir = await project({ ...nuxt, '.vercel/output/static/stale.txt': 'stale' });
  await make(dir);
  assert.ok(!existsSync(join(dir, '.vercel/output/static/stale.txt')));
  assert.ok(!existsSync(join(dir, '.vercel/output.before')));
});

test('what a killed build had put aside is back before the next one, and is lost to none that fails', async () => {
  const dir = await project({
    ...nuxt,
    '.vercel/output.before/config.json': '{ "version": 3, "good": true }',
    '.vercel/output/half.txt': '',
    // It ran as process 4194304 + 1, which no Linux has, or under this process's own number in another container.
    '.vercel/output.lock': '4194305',
  });
  writeFileSync(join(dir, 'vercel.json'), '{ "buildCommand": "exit 1" }');
  for (const pid of [4_194_305, process.pid]) {
    writeFileSync(join(dir, '.vercel/output.lock'), String(pid));
    assert.equal((await make(dir)).made.kind, 'failed');
    assert.equal(read(dir, '.vercel/output/config.json').good, true);
  }
  assert.deepEqual(readdirSync(join(dir, '.vercel')), ['output']);
  assert.deepEqual(readdirSync(join(dir, '.vercel/output')), ['config.json']);
});

test('of two builds at once the second is refused, and disturbs nothing', async () => {
  const dir = await project({ ...nuxt, '.vercel/output/config.json': '{ "version": 3, "good": true }' });
  const wait = `node -e "console.log('building'); setInterval(() => fs.existsSync('go.txt') && process.exit(), 10)"`;
  writeFileSync(join(dir, 'vercel.json'), JSON.stringify({ buildCommand: `${wait} && node build.mjs` }));
  let begun = false;
  const first = make(dir, { output: () => void (begun = true) });
  await until(() => begun);
  await refusal(dir, new RegExp(`output\\.lock: process ${process.pid} builds here at the moment`));
  writeFileSync(join(dir, 'go.txt'), '');
  assert.equal((await first).made.kind, 'made');
  assert.deepEqual(readdirSync(join(dir, '.vercel')), ['output']);
});
