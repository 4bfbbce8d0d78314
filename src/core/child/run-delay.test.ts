import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { RunDelay } from './run-delay.ts';

test('what threads that compute wait for a processor; of what is not known, nothing', { timeout: 30_000 }, async () => {
  const delay = new RunDelay();
  assert.equal(delay.takeUs(process.pid, 0), 0, 'nothing is known before');
  assert.equal(delay.takeUs(process.pid, 5_000), 0, 'too long ago');
  assert.ok(delay.takeUs(process.pid, 5_100) >= 0);
  assert.equal(new RunDelay().takeUs(2 ** 22 + 1, 0), 0, 'there is no such process');
  if (process.platform !== 'linux') return;
  // Twice as many as can run.
  const spinning = Array.from({ length: 2 * availableParallelism() }, () =>
    spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
  );
  try {
    const { pid } = spinning[0]!;
    let nowMs = 0;
    while (delay.takeUs(pid!, (nowMs += 100)) === 0) await new Promise((resolve) => setTimeout(resolve, 100));
  } finally {
    for (const each of spinning) each.kill('SIGKILL');
  }
});
