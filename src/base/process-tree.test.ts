import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { type ProcFiles, ProcessTree } from './process-tree.ts';

const isLinux = process.platform === 'linux';

/** Burns CPU in a child that is waited for, then in one that goes on, and says so. */
const program = `
  const { spawn, spawnSync } = require('node:child_process');
  const burn = 'for (const used = process.cpuUsage(); process.cpuUsage(used).user < 150_000;);';
  spawnSync(process.execPath, ['-e', burn]);
  const child = spawn(process.execPath, ['-e', burn + 'console.log("burned"); setInterval(() => {}, 1000)'], { stdio: ['ignore', 'inherit', 'ignore'] });
  setInterval(() => {}, 1000);
`;

test('children count, waited for or living; a process that is gone does not', async (t) => {
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const { pid } = child;
  assert.ok(pid !== undefined);
  t.after(() => void (child.exitCode === null && process.kill(-pid, 'SIGKILL')));
  const tree = new ProcessTree(pid);
  const alone = tree.read(0);
  await once(child.stdout, 'data');
  const usage = tree.read(10_000);
  if (isLinux) {
    assert.ok(usage !== null && alone !== null);
    assert.ok(usage.cpuUs >= 280_000, `${usage.cpuUs} µs`);
    assert.ok(usage.rssBytes > 1.5 * alone.rssBytes, `${usage.rssBytes} of two, ${alone.rssBytes} of one`);
  } else assert.equal(usage, null);
  process.kill(-pid, 'SIGKILL');
  await once(child, 'exit');
  assert.equal(tree.read(20_000), null);
});

/** As much of /proc as is read. Times are in ticks of 10 ms. */
class Kernel implements ProcFiles {
  readonly processes = new Map<number, { parent: number; started: number; own: number; waited: number }>();
  #now = 0;

  start(pid: number, parent: number, own = 0): void {
    this.processes.set(pid, { parent, started: (this.#now += 1), own, waited: 0 });
  }
  burn(pid: number, ticks: number): void {
    this.processes.get(pid)!.own += ticks;
  }
  /** It ends, and its parent waits for it, or does not care. */
  end(pid: number, waited: boolean): void {
    const { parent, own, waited: below } = this.processes.get(pid)!;
    this.processes.delete(pid);
    if (waited) this.processes.get(parent)!.waited += own + below;
  }
  list(directory: string): string[] {
    return [directory.split('/')[2]!];
  }
  read(file: string): string | null {
    const pid = Number(file.split('/')[2]);
    const found = this.processes.get(pid);
    if (found === undefined) return null;
    if (file.endsWith('/statm')) return '9 1 1';
    const children = [...this.processes].filter(([, { parent }]) => parent === pid).map(([child]) => child);
    if (file.endsWith('/children')) return children.join(' ');
    const { parent, own, waited, started } = found;
    return `${pid} (a) b) S ${parent} 0 0 0 0 0 0 0 0 0 ${own} 0 ${waited} 0 0 0 1 0 ${started} 0 0`;
  }
}

function scene() {
  const kernel = new Kernel();
  kernel.start(1, 0);
  const tree = new ProcessTree(1, kernel);
  let nowMs = 0;
  const ticks = (passedMs = 1000): number => tree.read((nowMs += passedMs))!.cpuUs / 10_000;
  assert.equal(ticks(), 0);
  return { kernel, tree, ticks };
}

test('what a child has used that nobody waits for is not made up for by the others', () => {
  const { kernel, ticks } = scene();
  for (const [pid, sum] of [
    [2, 70],
    [3, 140],
  ] as const) {
    kernel.start(pid, 1, 70);
    assert.equal(ticks(), sum);
    kernel.end(pid, false);
    assert.equal(ticks(1), sum);
  }
  kernel.burn(1, 60);
  assert.equal(ticks(1), 200);
  // Nor by a child that was waited for, later.
  kernel.start(4, 1, 50);
  kernel.end(4, true);
  assert.equal(ticks(1), 250);
});

test('what was waited for counts once, at every depth and whenever it is looked at', () => {
  const { kernel, ticks } = scene();
  kernel.start(2, 1, 10);
  kernel.start(3, 2, 20);
  assert.equal(ticks(), 30);
  kernel.burn(3, 5);
  kernel.end(3, true);
  assert.equal(ticks(1), 35);
  kernel.start(4, 2, 7);
  assert.equal(ticks(), 42);
  kernel.burn(4, 1);
  kernel.end(4, true);
  kernel.burn(2, 2);
  kernel.end(2, true);
  assert.equal(ticks(1), 45);
  assert.equal(ticks(), 45);
});

test('a child that ends in the midst of a look counts once', () => {
  const { kernel, ticks } = scene();
  kernel.start(2, 1, 10);
  assert.equal(ticks(), 10);
  const read = kernel.read.bind(kernel);
  kernel.read = (file) => {
    if (file === '/proc/2/stat') kernel.end(2, true);
    return read(file);
  };
  assert.equal(ticks(1), 10);
  kernel.read = read;
  assert.equal(ticks(1), 10);
});

test('a number that is used again is another process', () => {
  const { kernel, tree, ticks } = scene();
  kernel.start(2, 1, 10);
  assert.equal(ticks(), 10);
  kernel.end(2, true);
  kernel.start(2, 99, 5000);
  assert.equal(ticks(1), 10);
  assert.equal(ticks(), 10);
  kernel.start(1, 99, 5000);
  assert.equal(tree.read(1e6), null);
});

test('so many are looked at, and no more; of the rest counts what was waited for', () => {
  const { kernel, ticks } = scene();
  for (let pid = 2; pid < 2000; pid += 1) kernel.start(pid, 1, 1);
  assert.equal(ticks(), 511);
  kernel.end(1999, true);
  assert.equal(ticks(1), 512);
});
