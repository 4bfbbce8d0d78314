import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { isAlive, providerConformance, Watcher } from '../../test/conformance/provider.ts';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { ProcessProvider, type ProcessProviderOptions } from './process.ts';
import type { StartOrder } from './provider.ts';

async function open(t: TestContext, program: string, more: Partial<ProcessProviderOptions> = {}, bytecodeDir?: string) {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'weir-test-'));
  const main = path.join(dir, 'main.mjs');
  await fs.writeFile(main, program);
  const provider = new ProcessProvider({
    address: 'unix:/nowhere',
    payload: { main, ...(bytecodeDir === undefined ? {} : { bytecodeDir }) },
    environment: { PATH: process.env['PATH'] },
    clock: systemClock,
    log: silentLog,
    ...more,
  });
  t.after(async () => {
    await provider.close();
    await fs.rm(dir, { recursive: true, force: true });
  });
  return provider;
}

providerConformance('processes', {
  open: (t, program) => open(t, program),
  openBroken: (t) => open(t, '', { node: () => '/nowhere/node' }),
  usage: process.platform === 'linux',
});

const printEnvironment = "console.log('env ' + JSON.stringify(process.env)); console.log('cwd ' + process.cwd());";

test('an instance gets five variables of the platform, its address, and nothing else', async (t) => {
  process.env['WEIR_TEST_SECRET'] = 'inherited';
  t.after(() => delete process.env['WEIR_TEST_SECRET']);
  const environment = { PATH: '/bin', HOME: '/h', TMPDIR: '/t', LANG: 'C', TZ: 'UTC', SECRET: 'x', NODE_OPTIONS: '-h' };
  const instance = new Watcher(await open(t, printEnvironment, { environment }));
  const { __CF_USER_TEXT_ENCODING: _macOS, ...found } = JSON.parse(await instance.said('env'));
  const address = 'unix:/nowhere';
  assert.deepEqual(found, { PATH: '/bin', HOME: '/h', TMPDIR: '/t', LANG: 'C', TZ: 'UTC', WEIR_ADDRESS: address });
  assert.equal(await instance.said('cwd'), '/');
});

test('bytecode: what all share, that of its function from the start, or for a stem later', async (t) => {
  const provider = await open(t, printEnvironment, {}, '/shared');
  const told = async (order: Partial<StartOrder>): Promise<unknown[]> => {
    const { NODE_COMPILE_CACHE, WEIR_BYTECODE_DIR, WEIR_SCRATCH } = JSON.parse(
      await new Watcher(provider, order).said('env'),
    );
    return [NODE_COMPILE_CACHE, WEIR_BYTECODE_DIR, WEIR_SCRATCH];
  };
  assert.deepEqual(await told({}), ['/shared', undefined, undefined]);
  assert.deepEqual(await told({ bytecodeDir: '/own' }), ['/own', undefined, undefined]);
  assert.deepEqual(await told({ bytecodeDir: null }), [undefined, '/shared', undefined]);
  assert.deepEqual(await told({ bytecodeDir: '/own', isScratch: true }), ['/own', undefined, '1']);
});

test('a release that is not installed is a start that failed', async (t) => {
  const provider = await open(t, '', { node: (release) => (release === 'nodejs24.x' ? process.execPath : null) });
  assert.deepEqual(await new Watcher(provider).exit(), { kind: 'exited', code: 0 });
  const missing = new Watcher(provider, { release: 'nodejs22.1.0' });
  assert.deepEqual(await missing.exit(), { kind: 'failed', reason: 'nodejs22.1.0 is not installed' });
});

test('an instance without a sentinel is told so', async (t) => {
  const instance = new Watcher(await open(t, printEnvironment, { sentinel: false }));
  assert.equal(JSON.parse(await instance.said('env')).WEIR_SENTINEL, '0');
});

test('an instance is not in the process group that Ctrl-C goes to', async (t) => {
  const instance = new Watcher(await open(t, "console.log('ready'); setInterval(() => {}, 1000);"));
  await instance.said('ready');
  const { pid } = instance.started;
  assert.ok(pid !== null && process.kill(-pid, 0), 'it leads a group of its own');
});

test('a platform that exits without closing takes its instances with it', async (t) => {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'weir-test-'));
  t.after(() => fs.rm(dir, { recursive: true, force: true }));
  const main = path.join(dir, 'main.mjs');
  await fs.writeFile(main, "process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000);");
  const from = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  const platform = `
    import { systemClock } from ${from('../base/clock.ts')};
    import { silentLog } from ${from('../base/log.ts')};
    import { ProcessProvider } from ${from('./process.ts')};
    const options = { address: 'x', payload: { main: ${JSON.stringify(main)} }, environment: {}, clock: systemClock };
    const provider = new ProcessProvider({ ...options, log: silentLog });
    const order = { instance: 'ins_1', token: 't', release: 'nodejs24.x', memoryMiB: 256 };
    const { pid } = provider.start(order, { exited() {}, output: () => console.log(pid) || process.exit(0) });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', platform], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(child, 'close');
  const pid = Number(said);
  assert.ok(pid > 1, said);
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
});

test('processes that the kernel does not limit are watched where ps has to be asked, too', async (t) => {
  const takeMemory = 'const kept = []; setInterval(() => kept.push(Buffer.alloc(4 * 1024 * 1024, 1)), 5);';
  const provider = await open(t, takeMemory, { platform: 'darwin' });
  const instance = new Watcher(provider, { memoryMiB: 128 });
  assert.deepEqual(await instance.exit(), { kind: 'signalled', signal: 'SIGKILL', outOfMemory: true });
});

test('memory limits of the kernel are used, asked about a death, and given back', async (t) => {
  const calls: string[] = [];
  const cgroup = { outOfMemory: () => calls.push('asked') > 0, remove: () => void calls.push('removed') };
  const cgroups = {
    limit: (instance: string, pid: number, memoryMiB: number) => {
      calls.push(`${instance} ${memoryMiB} ${isAlive(pid)}`);
      return cgroup;
    },
    close: () => void calls.push('closed'),
  };
  const provider = await open(t, "process.kill(process.pid, 'SIGKILL')", { cgroups: { kind: 'usable', cgroups } });
  assert.match(provider.describe(), /cgroup/);
  const instance = new Watcher(provider, { instance: 'ins_1', memoryMiB: 512 });
  assert.deepEqual(await instance.exit(), { kind: 'signalled', signal: 'SIGKILL', outOfMemory: true });
  await provider.close();
  assert.deepEqual(calls, ['ins_1 512 true', 'asked', 'removed', 'closed']);
});

test('the description says why the kernel does not limit memory', async (t) => {
  const provider = await open(t, '', { cgroups: { kind: 'unusable', reason: 'no cgroup was delegated to Weir' } });
  assert.match(provider.describe(), /V8.*killed: no cgroup was delegated to Weir/);
});
