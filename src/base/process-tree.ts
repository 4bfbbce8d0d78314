import { readdirSync, readFileSync } from 'node:fs';
import { pageBytes } from './page.ts';

/** Linux reports process times in 1/100 s to every program, whatever its own tick is (USER_HZ, proc(5)). */
const tickUs = 10_000;
/** Who belongs to it is looked at so often; what they use, at every reading. */
const listPeriodMs = 500;

export interface TreeUsage {
  /** CPU time of all of them, and of those that have ended and were waited for, microseconds, in steps of 10 ms. */
  readonly cpuUs: number;
  /** Resident memory, added up: what they share counts once for each. */
  readonly rssBytes: number;
}

/** A Linux process and all that it has started: what they use. */
export class ProcessTree {
  readonly pid: number;
  #members: readonly number[];
  #listedMs = -Infinity;
  #cpuUs = 0;

  constructor(pid: number) {
    this.pid = pid;
    this.#members = [pid];
  }

  /** Null: it is gone, or this is not Linux. Of CPU never less than before. */
  read(nowMs: number): TreeUsage | null {
    if (nowMs - this.#listedMs >= listPeriodMs) {
      this.#listedMs = nowMs;
      this.#members = membersOf(this.pid);
    }
    let [cpuUs, rssBytes] = [0, 0];
    for (const member of this.#members) {
      const cpu = cpuOf(member);
      if (cpu === null && member === this.pid) return null;
      cpuUs += cpu ?? 0;
      rssBytes += rssOf(member);
    }
    // What was not waited for takes its time with it.
    this.#cpuUs = Math.max(this.#cpuUs, cpuUs);
    return { cpuUs: this.#cpuUs, rssBytes };
  }
}

/** Itself, and all that came from it and whose parents still live. */
function membersOf(pid: number): number[] {
  const found = [pid];
  for (const member of found) for (const child of childrenOf(member)) if (!found.includes(child)) found.push(child);
  return found;
}

/** proc(5): each thread lists the children that it has made. */
function childrenOf(pid: number): number[] {
  const children: number[] = [];
  for (const thread of listed(`/proc/${pid}/task`)) {
    const text = readOrNull(`/proc/${pid}/task/${thread}/children`)?.trim() ?? '';
    if (text !== '') children.push(...text.split(' ').map(Number));
  }
  return children;
}

/** Of all its threads, and of the children that it has waited for; null: it is gone. */
function cpuOf(pid: number): number | null {
  const stat = readOrNull(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The command's name, in parentheses, may hold anything: fields are counted from behind it. proc(5): 14 utime to 17 cstime.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ', 15);
  return (Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14])) * tickUs;
}

function rssOf(pid: number): number {
  const statm = readOrNull(`/proc/${pid}/statm`);
  return statm === null ? 0 : Number(statm.split(' ', 2)[1]) * pageBytes();
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** As UTF-8: any other encoding costs buffers of 128 KiB where a file tells no length. Null: gone, or not Linux. */
function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
