// What else the machine does while a bench runs: a figure that was measured beside others is none.
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { family } from '../cpu.ts';

/** Of one tick, milliseconds: what Linux counts in. */
const tickMs = 10;

/** Begins; what it returns says how much of the processors others have used since, 0 to 1. Not on Linux: NaN. */
export function othersSince(): () => number {
  if (process.platform !== 'linux') return () => Number.NaN;
  const startedMs = performance.now();
  const before = busyTicks() - ownTicks();
  return () => {
    const othersMs = (busyTicks() - ownTicks() - before) * tickMs;
    return Math.max(0, othersMs / ((performance.now() - startedMs) * cpus().length));
  };
}

/** User, nice, system, interrupts and what the hypervisor took; not idle, not waiting for disks. */
function busyTicks(): number {
  const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return user! + nice! + system! + irq! + softirq! + steal!;
}

/** Of this process and all that it started, those included that have ended and were waited for. */
function ownTicks(): number {
  return family(process.pid).reduce((sum, pid) => sum + ticksOf(pid), 0);
}

function ticksOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [user, system, endedUser, endedSystem] = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 15)
      .map(Number);
    return user! + system! + endedUser! + endedSystem!;
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return 0;
    throw error;
  }
}
