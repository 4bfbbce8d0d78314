import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { ProcessTree } from './process-tree.ts';

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
