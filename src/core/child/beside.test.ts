import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import type { Vitals } from '../../model/vitals.ts';
import type { Session } from '../../tunnel/session.ts';
import { Cell } from '../board.ts';
import { ProcessBeside } from './beside.ts';
import type { LanguageProcess } from './language-process.ts';

const skip = process.platform === 'linux' ? false : 'only Linux tells what a process uses';

test('its one loop is busy for all that it uses, however often that is read in between', { skip }, async () => {
  const burning = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
  await once(burning, 'spawn');
  const beside = new ProcessBeside({
    runtimeName: 'python3.13',
    isOneLoop: true,
    limitBytes: null,
    silentMs: 60_000,
    silentMaxMs: 60_000,
    ask: () => undefined,
    working: () => 0,
    worksOn: () => false,
    farewell: () => undefined,
    finished: () => undefined,
  });
  const told: Vitals[] = [];
  // As each invocation that is charged.
  const charging = setInterval(() => beside.charges.booted(), 5);
  try {
    beside.follow({ pid: burning.pid } as unknown as LanguageProcess);
    beside.opened({ writer: { vitals: (...[, , vitals]: [0, 0, Vitals]) => told.push(vitals) } } as unknown as Session);
    const activeFromUs = beside.cells[Cell.activeUs]!;
    const usedFromUs = told[0]!.cpuUs;
    while (told.at(-1)!.cpuUs < usedFromUs + 500_000) await new Promise((resolve) => setTimeout(resolve, 20));
    const activeUs = beside.cells[Cell.activeUs]! - activeFromUs;
    const usedUs = told.at(-1)!.cpuUs - usedFromUs;
    assert.ok(activeUs >= usedUs - 1000, `busy for ${activeUs} µs, having used ${usedUs} µs`);
  } finally {
    clearInterval(charging);
    beside.gone();
    burning.kill('SIGKILL');
  }
});
