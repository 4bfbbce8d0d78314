import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { limits } from '../base/limits.ts';

/** What a machine has to spare for instances. */
export interface Spare {
  readonly freeMemoryMiB: number;
  readonly cores: number;
  /** Whether the processors have had time to spare over the last limits.idleCpuWindowMs; null: that is not known. */
  readonly cpuIdle: boolean | null;
  /** Whether they had none. Left out: that is not known. */
  readonly cpuFull?: boolean;
}

/** Time of all processors since the machine started, milliseconds. */
export interface CpuTimes {
  readonly idleMs: number;
  readonly totalMs: number;
}

/** This machine, asked now and then. */
export class Machine {
  readonly #times: () => CpuTimes;
  #before: (CpuTimes & { readonly atMs: number }) | null = null;
  #idle: boolean | null = null;
  #full = false;

  constructor(times: () => CpuTimes = cpuTimes) {
    this.#times = times;
  }

  spare(nowMs: number): Spare {
    const cores = availableParallelism();
    const freeMemoryMiB = Math.floor(availableMemoryBytes() / 1024 / 1024);
    return { freeMemoryMiB, cores, cpuIdle: this.#isIdle(nowMs), cpuFull: this.#full };
  }

  #isIdle(nowMs: number): boolean | null {
    const before = this.#before;
    const sinceMs = before === null ? Infinity : nowMs - before.atMs;
    if (sinceMs < limits.idleCpuWindowMs) return this.#idle;
    const times = this.#times();
    this.#before = { ...times, atMs: nowMs };
    // An average over a long time says nothing of the last half second.
    if (before === null || sinceMs > 4 * limits.idleCpuWindowMs) {
      this.#idle = null;
      this.#full = false;
    } else {
      const totalMs = times.totalMs - before.totalMs;
      const busyMs = totalMs - (times.idleMs - before.idleMs);
      this.#idle = totalMs > 0 && busyMs * 1000 < totalMs * limits.idleCpuPermille;
      this.#full = totalMs > 0 && busyMs * 1000 >= totalMs * limits.fullCpuPermille;
    }
    return this.#idle;
  }
}

function cpuTimes(): CpuTimes {
  let idleMs = 0;
  let totalMs = 0;
  for (const { times } of cpus()) {
    idleMs += times.idle;
    totalMs += times.user + times.nice + times.sys + times.idle + times.irq;
  }
  return { idleMs, totalMs };
}

/**
 * Memory that is free or that the kernel gives up for the asking. Node's figure counts the page cache of a limited cgroup
 * as used, and on macOS knows only what nothing has ever used: there half of the machine's is taken for it.
 */
function availableMemoryBytes(): number {
  if (process.platform !== 'linux') return totalmem() / 2;
  const constrainedBytes = process.constrainedMemory();
  const limited = constrainedBytes > 0 && constrainedBytes < totalmem();
  return process.availableMemory() + (limited ? cacheOfCgroupBytes() : 0);
}

function cacheOfCgroupBytes(): number {
  try {
    const path = /^0::(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
    const stat = readFileSync(`/sys/fs/cgroup${path === '/' ? '' : path}/memory.stat`, 'utf8');
    return Number(/^inactive_file (\d+)$/m.exec(stat)?.[1] ?? 0);
  } catch {
    // No cgroup of version 2, or none that may be read: nothing is known of its cache.
    return 0;
  }
}
