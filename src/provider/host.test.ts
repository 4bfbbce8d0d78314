import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { goneSoon, isAlive, Watcher } from '../../test/conformance/provider.ts';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { HostProcess } from './host.ts';
import { ProcessProvider, type ProcessProviderOptions } from './process.ts';

const host = fileURLToPath(new URL('../core/child/main.ts', import.meta.url));
const python = { release: 'python3.11', memoryMiB: 256 } as const;

/** Interpreters that run this program (CommonJS) and never greet: what is held is a process, and no core yet. */
function open(t: TestContext, program: string, more: Partial<ProcessProviderOptions> = {}): ProcessProvider {
  const dir = mkdtempSync(join(tmpdir(), 'weir-'));
  const interpreter = join(dir, 'interpreter');
  writeFileSync(interpreter, `#!/bin/sh\nshift 4\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
  writeFileSync(join(dir, 'program.cjs'), program);
  const provider = new ProcessProvider({
    address: `unix:${join(dir, 'nobody.sock')}`,
    payload: { main: '/nowhere', host, python: join(dir, 'program.cjs') },
    environment: { PATH: process.env['PATH'] },
    clock: systemClock,
    log: silentLog,
    binary: (release) => (release === 'python3.11' ? interpreter : null),
    ...more,
  });
  t.after(async () => {
    await provider.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return provider;
}

const waits =
  "process.on('SIGTERM', () => process.exit(7)); console.log('pid ' + process.pid); setInterval(() => {}, 1000);";

test('it is there before the first instance where one is to be expected', async () => {
  const environment = { PATH: process.env['PATH'] ?? '' };
  const made = new HostProcess({
    command: process.execPath,
    args: [host],
    environment,
    clock: systemClock,
    log: silentLog,
  });
  assert.equal(made.pid, null);
  made.ready();
  const { pid } = made;
  assert.ok(pid !== null && isAlive(pid));
  made.ready();
  assert.equal(made.pid, pid);
  await made.close();
  assert.ok(!isAlive(pid));
});

test('it is asked to end, and its exit is told, once; what it uses is that of its process', async (t) => {
  const provider = open(t, waits);
  const [first, second] = [new Watcher(provider, python), new Watcher(provider, python)];
  const pid = Number(await first.said('pid'));
  await second.said('pid');
  assert.equal(first.started.pid, pid);
  if (process.platform === 'linux') assert.ok((first.started.usage()?.rssBytes ?? 0) > 10_000_000);
  first.started.terminate(60_000);
  assert.deepEqual(await first.exit(), { kind: 'exited', code: 7 });
  first.started.kill();
  assert.equal(first.started.usage(), null);
  assert.equal(first.exits.length, 1);
  second.started.kill();
  assert.deepEqual(await second.exit(), { kind: 'signalled', signal: 'SIGKILL', outOfMemory: false });
});

test('one that does not listen is killed when its time is up, with all of its group', async (t) => {
  const program = `
    process.on('SIGTERM', () => console.log('asked'));
    const child = require('node:child_process').spawn('sleep', ['60'], { stdio: 'ignore' });
    console.log('child ' + child.pid);
    setInterval(() => {}, 1000);`;
  const instance = new Watcher(open(t, program), python);
  const child = Number(await instance.said('child'));
  process.kill(child, 'SIGSTOP');
  instance.started.terminate(200);
  assert.deepEqual(await instance.exit(), { kind: 'signalled', signal: 'SIGKILL', outOfMemory: false });
  assert.ok(instance.lines.includes('stdout asked'));
  await goneSoon(child);
});

test('what is not installed, and what cannot reach its router, ends with a reason', async (t) => {
  const provider = open(t, waits);
  const missing = new Watcher(provider, { release: 'python3.99' });
  assert.deepEqual(await missing.exit(), { kind: 'failed', reason: 'python3.99 is not installed' });
  const alone = new Watcher(provider, { release: 'executable' });
  assert.deepEqual(await alone.exit(), { kind: 'exited', code: 1 });
  assert.ok(alone.lines.some((line) => line.includes('cannot connect to')));
});

test('a host that ends takes its instances with it; the next one is started in another', async (t) => {
  const provider = open(t, `console.log('host ' + process.ppid); ${waits}`);
  const instance = new Watcher(provider, python);
  const first = Number(await instance.said('host'));
  const pid = Number(await instance.said('pid'));
  process.kill(first, 'SIGKILL');
  assert.deepEqual(await instance.exit(), { kind: 'signalled', signal: 'SIGKILL', outOfMemory: false });
  await goneSoon(pid);
  const next = new Watcher(provider, python);
  assert.notEqual(Number(await next.said('host')), first);
});

test('close ends what is left, also a host that does not answer', async (t) => {
  const provider = open(t, `console.log('host ' + process.ppid); ${waits}`);
  const instance = new Watcher(provider, python);
  const pid = Number(await instance.said('pid'));
  process.kill(Number(await instance.said('host')), 'SIGSTOP');
  await provider.close();
  assert.equal(instance.exits.length, 1);
  await goneSoon(pid);
  assert.equal((await new Watcher(provider, python).exit()).kind, 'failed');
});

test('the kernel’s memory limits are used where there are some; where it refuses, the host holds it to its memory', async (t) => {
  const calls: string[] = [];
  const cgroup = { outOfMemory: () => calls.push('asked') > 0, remove: () => void calls.push('removed') };
  let refuses = false;
  const cgroups = {
    limit: (instance: string, pid: number, memoryMiB: number) => {
      calls.push(`${instance} ${memoryMiB} ${isAlive(pid)}`);
      return refuses ? null : cgroup;
    },
    close: () => undefined,
  };
  const takes =
    "console.log('ready'); setTimeout(() => { globalThis.kept = Buffer.alloc(300 * 1024 * 1024, 1); }, 300); setInterval(() => {}, 1000);";
  const provider = open(t, takes, { cgroups: { kind: 'usable', cgroups } });
  const limited = new Watcher(provider, { ...python, instance: 'ins_1' });
  await limited.said('ready');
  limited.started.kill();
  assert.deepEqual(await limited.exit(), { kind: 'signalled', signal: 'SIGKILL', outOfMemory: true });
  assert.deepEqual(calls, ['ins_1 256 true', 'asked', 'removed']);
  refuses = true;
  const watched = new Watcher(provider, { ...python, instance: 'ins_2' });
  assert.deepEqual(await watched.exit(), { kind: 'signalled', signal: 'SIGKILL', outOfMemory: true });
});
